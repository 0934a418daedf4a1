"""The file `keys.json` beside a store, where API keys were kept before they were in the catalogue.

One that is passed over would be a door left open, and one that stays would bring keys back that are forgotten later.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from index.catalogue.keys import Key
from index.errors import StoreError

KEYS_FILE = "keys.json"
MOVED_FILE = "keys.json.migrated"


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    keys: tuple[Key, ...] = ()


def read_file(folder: Path) -> tuple[Key, ...] | None:
    """The keys of the file, those revoked and expired among them; None where there is no file.

    Raises StoreError where it cannot be read or understood.
    """
    path = folder / KEYS_FILE
    try:
        return _Content.model_validate_json(path.read_bytes()).keys
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"the keys in {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise StoreError(
            f"{path} is not a sound file of keys ({first['msg']}); restore a copy of it, or remove it and add keys anew"
        ) from error


def move_aside(folder: Path) -> None:
    """Give the file, whose keys are in the catalogue now, a name that nobody reads; raises StoreError."""
    path = folder / KEYS_FILE
    try:
        os.replace(path, folder / MOVED_FILE)
    except FileNotFoundError:
        # Another process brought its keys in as well.
        return
    except OSError as error:
        raise StoreError(
            f"the keys of {path} are in the catalogue now, and the file, which is not read any more, cannot be moved "
            f"aside ({error.strerror}): remove it, or no longer mount it there"
        ) from error
