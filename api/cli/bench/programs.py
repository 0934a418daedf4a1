"""Programs that benchmarks start: this very `qa`, and its server."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from index.errors import InputError

# A process of its own with this very Python and these very packages, wherever the `qa` of the path may come from.
QA_PROGRAM = (sys.executable, "-c", "import sys; from api.cli.main import main; sys.exit(main())")


def serve_command(store: str, port: int, options: Sequence[str] = ()) -> list[str]:
    """The command that serves a store without a limit of requests, with a log in JSON."""
    return [
        *QA_PROGRAM,
        "serve",
        "--store",
        store,
        "--port",
        str(port),
        "--requests-per-minute",
        "0",
        "--log-json",
        *options,
    ]


def qa_script() -> list[str]:
    """The command `qa` of this environment: the script beside its interpreter, or else the path's; raises
    InputError where there is none."""
    script = Path(sys.executable).with_name("qa")
    path = str(script) if script.is_file() else shutil.which("qa")
    if path is None:
        raise InputError(f"the command qa is not beside {sys.executable}: install spanqa there (make does)")
    return [path]
