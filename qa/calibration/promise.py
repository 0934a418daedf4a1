"""The promise that a store keeps: what was proved with gold questions, and the models that it holds for."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from index.catalogue.protocol import Settings
from qa.types import Promise

SETTING = "promise"


class KeptPromise(BaseModel):
    """A promise and the hashes of what gave the confidences that it was proved with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    promise: Promise
    reader_sha256: str
    embedder_sha256: str
    calibration_sha256: str

    def keep(self, catalogue: Settings) -> None:
        """Put it in the place of the store's promise."""
        catalogue.set_settings({SETTING: self.model_dump_json()})

    def obstacle(self, reader_sha256: str, embedder_sha256: str, calibration_sha256: str) -> str | None:
        """What is not as it was when the promise was proved, in words; None where all is."""
        for name, then, now in (
            ("reader", self.reader_sha256, reader_sha256),
            ("embedder", self.embedder_sha256, embedder_sha256),
            ("calibration", self.calibration_sha256, calibration_sha256),
        ):
            if then != now:
                return f"it was made with another {name} ({then[:12]}, now {now[:12]})"
        return None


def kept(catalogue: Settings) -> KeptPromise | None:
    """The store's promise, None where it has none; raises ValueError for one that this version cannot read."""
    stored = catalogue.setting(SETTING)
    if not stored:
        return None
    try:
        return KeptPromise.model_validate_json(stored)
    except ValidationError as error:
        raise ValueError("it was written by another version of spanqa") from error


def valid_promise(
    catalogue: Settings, reader_sha256: str, embedder_sha256: str, calibration_sha256: str
) -> tuple[Promise | None, str | None]:
    """The store's promise where it holds for what has these hashes, else None; and why one that is kept is ignored."""
    try:
        stored = kept(catalogue)
    except ValueError as error:
        return None, str(error)
    if stored is None:
        return None, None
    obstacle = stored.obstacle(reader_sha256, embedder_sha256, calibration_sha256)
    return (None, obstacle) if obstacle else (stored.promise, None)


def forget(catalogue: Settings) -> bool:
    """Withdraw the store's promise; False where there was none."""
    had = bool(catalogue.setting(SETTING))
    catalogue.set_settings({SETTING: ""})
    return had
