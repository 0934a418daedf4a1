"""The command line with models that need no weights, for harnesses that run it thousands of times."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

from api.cli.errors import run_command
from api.cli.opening import be_offline
from api.terminal import harmless_streams


def run_made(command: Callable[[], Any], arguments: Sequence[str], out: Path, err: Path) -> NoReturn:
    """Be `qa`, which `command` runs, with these arguments, but with models that need no weights; ends the process."""
    from eval.bench.kills.material import EMBEDDERS, HashingEmbedder

    def open_made_embedder(model: str, _runtime: str | None = None) -> HashingEmbedder:
        return next((embedder for embedder in EMBEDDERS if embedder.name == model), EMBEDDERS[0])

    sys.argv = ["qa", *arguments]
    be_offline()
    harmless_streams()
    code: object = 0
    for stream, path in ((1, out), (2, err)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, stream)
    try:
        with patch("api.cli.opening.open_embedder", open_made_embedder):
            run_command(command)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as Python itself tells it
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
