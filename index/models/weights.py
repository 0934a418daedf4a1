"""The weights of a model folder: their hash, and that none of them is a pickle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from index.errors import ModelError

# Files that are pickles, whatever library wrote them.
PICKLED = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_sha256(folder: Path) -> str:
    """SHA-256 of a model folder's weights (its first safetensors file).

    Raises ModelError where there are none, and where they are pickled, also those of a module in a folder of its own.
    """
    require_no_pickles(folder)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"{folder} has no model weights (*.safetensors)")
    return file_sha256(files[0])


def require_no_pickles(folder: Path) -> None:
    """Raise ModelError where a model folder, or one of its modules, has its weights in a form that runs code when it is
    loaded, and in no other."""
    try:
        modules = [str(module["path"]) for module in read_json(folder / "modules.json", [])]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{folder}: its configuration cannot be read: {error}") from error
    for kept in (folder, *(folder / module for module in modules if module)):
        pickled = sorted(path for path in kept.glob("*") if path.suffix in PICKLED)
        if pickled and not any(kept.glob("*.safetensors")):
            raise ModelError(
                f"{pickled[0]}: pickled weights are not loaded, since a pickle can run any code; save the model as "
                "safetensors, as save_pretrained does"
            )


def read_json(path: Path, missing: Any) -> Any:
    """What a JSON file holds, `missing` where there is none. Raises OSError and ValueError."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else missing
