"""The folder of a reader: where it lies, the hash of its weights, and how it cuts windows."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from index.errors import ModelError
from index.models.weights import weights_sha256
from qa.reading.windows import WindowMaker, reads_headings


class ReaderFolder:
    """A model folder, or one that the hub fetches by its name at the first use."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the weights."""
        return weights_sha256(self.local)

    @cached_property
    def local(self) -> Path:
        """The folder on this machine. Raises ModelError where there is none, and none can be fetched."""
        if self.path.is_dir():
            return self.path
        from huggingface_hub import snapshot_download

        try:
            return Path(snapshot_download(self.name, allow_patterns=["*.json", "*.txt", "*.safetensors"]))
        except (OSError, ValueError) as error:
            raise ModelError(f"no reader folder {self.name!r}, and no model of that name to fetch: {error}") from error

    @cached_property
    def reads_headings(self) -> bool:
        """Whether its model learnt to read passages under their headings."""
        return reads_headings(self.local)

    def window_maker(self, max_length: int, stride: int) -> WindowMaker:
        """What cuts windows with this reader's tokenizer."""
        return WindowMaker.from_folder(self.local, max_length=max_length, stride=stride)
