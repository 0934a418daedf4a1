"""Writing what a command leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

from index.errors import InputError


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all; what stood there stays until then. Raises InputError where it cannot."""
    try:
        beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with beside.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from error
