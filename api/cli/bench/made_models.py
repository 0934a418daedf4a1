"""The command line with models that need no weights, for harnesses that run it thousands of times."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn
from unittest.mock import patch


def run_made(arguments: Sequence[str], out: Path, err: Path) -> NoReturn:
    """Be `qa` with these arguments, but with models that need no weights; ends the process."""
    from api.cli.main import main
    from eval.bench.kills.material import EMBEDDERS, HashingEmbedder

    def open_made_embedder(model: str, _runtime: str | None = None) -> HashingEmbedder:
        return next((embedder for embedder in EMBEDDERS if embedder.name == model), EMBEDDERS[0])

    sys.argv = ["qa", *arguments]
    code: object = 0
    for stream, path in ((1, out), (2, err)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, stream)
    try:
        with patch("api.cli.opening.open_embedder", open_made_embedder):
            main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as Python itself tells it
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
