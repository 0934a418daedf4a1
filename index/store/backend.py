"""Where a store is kept and searched: in a folder of this machine, or in servers that several machines share.

A backend opens the catalogue and the search indexes, and knows who must wait for whom while those are changed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock

from index.catalogue.protocol import Catalogue
from index.catalogue.sqlite import CATALOGUE_FILE, SqliteCatalogue
from index.disk.checksums import room_at
from index.disk.folders import mirror, on_frozen_disk
from index.disk.marks import sweep_asides
from index.disk.private import FILE_MODE, make_folder
from index.errors import NoStoreError, StoreError
from index.location import Location, ServerStore
from index.search.index_folders import (
    DERIVED_FOLDER,
    discard,
    index_folders,
    left_behind,
    store_mark,
    take_over_old,
)
from index.search.local import LocalIndexes
from index.search.protocol import Derived

if TYPE_CHECKING:
    from index.catalogue.postgres import PostgresCatalogue

LOCK_TIMEOUT_S = 120
LOCK_FILE = "derived.lock"
# Of a store on a read-only disk, what is larger is linked to and not copied.
COPIED_BYTES = 64 << 10
# The kind of folder in which a backup is made ready to take the catalogue's place, and what is kept of that.
RESTORING = "restore"


class Backend(Protocol):
    """What differs between stores by where they are. `folder` is what a store has on this machine: of one in servers,
    search indexes at most."""

    @property
    def folder(self) -> Path: ...

    @property
    def catalogue(self) -> Catalogue: ...

    @property
    def searched_by_server(self) -> bool:
        """Whether the search indexes are in a server, and not in files of this machine."""
        ...

    def open_indexes(self, dimensions: int) -> Derived:
        """The search indexes as they are, empty where they are missing or of another catalogue."""
        ...

    def open_local_indexes(self, dimensions: int) -> LocalIndexes:
        """As `open_indexes`. Raises StoreError where a server searches, whose files are not at hand."""
        ...

    def lock_indexes(self) -> AbstractContextManager[None]:
        """Hold the lock on the search indexes among all processes that share them. Raises TimeoutError, OSError."""
        ...

    @property
    def frozen(self) -> bool:
        """Whether it lies on a read-only disk, and can be asked but not changed."""
        ...

    def other_indexes(self) -> list[Path]:
        """Search indexes of other catalogues that lie in this store's folder; those of several stores may rightly share
        one where the catalogues are in servers, and none is named then."""
        ...

    def discard_leftovers(self) -> None:
        """Remove what is of no use any more: other indexes, and what a killed restoration left. Raises StoreError."""
        ...

    def file_catalogue(self) -> SqliteCatalogue:
        """The catalogue, where it is a file that is backed up and restored by copying. Raises StoreError elsewhere."""
        ...

    def close(self) -> None: ...


class FolderBackend:
    """A store in a folder, which may lie on a disk that nobody can write."""

    searched_by_server = False

    def __init__(self, folder: Path, *, create: bool) -> None:
        self.folder = folder
        # Search indexes on a read-only disk are opened in a folder of links to them, where they can be brought up.
        self.frozen = on_frozen_disk(folder)
        self._mirror: tempfile.TemporaryDirectory[str] | None = None
        if create:
            _make_store_folder(folder)
        self.catalogue = _open_catalogue(folder, create=create)

    def open_indexes(self, dimensions: int) -> LocalIndexes:
        if self.frozen:
            return LocalIndexes(self._mirrored(), self.catalogue, dimensions)
        return _local_indexes(self.folder, self.catalogue, dimensions)

    def open_local_indexes(self, dimensions: int) -> LocalIndexes:
        return self.open_indexes(dimensions)

    @contextmanager
    def lock_indexes(self) -> Iterator[None]:
        if self.frozen:
            yield
            return
        with _file_lock(self.folder):
            yield

    def other_indexes(self) -> list[Path]:
        mark = store_mark(self.catalogue.setting("store_id") or "")
        return [folder for folder, store in index_folders(self.folder / DERIVED_FOLDER).items() if store != mark]

    def discard_leftovers(self) -> None:
        sweep_asides(self.folder, RESTORING, is_restoring_file)
        for folder in self.other_indexes():
            discard(folder)

    def file_catalogue(self) -> SqliteCatalogue:
        return self.catalogue

    def close(self) -> None:
        self.catalogue.close()
        if self._mirror is not None:
            self._mirror.cleanup()

    def _mirrored(self) -> Path:
        if self._mirror is None:
            self._mirror = tempfile.TemporaryDirectory(prefix="spanqa-")
            for folder in left_behind(self.folder):
                mirror(folder, Path(self._mirror.name) / folder.name, up_to=COPIED_BYTES)
        return Path(self._mirror.name)


class ServerBackend:
    """A store whose catalogue is in PostgreSQL, with search indexes of this machine's own."""

    searched_by_server = False
    frozen = False

    def __init__(self, location: ServerStore, *, create: bool) -> None:
        from index.catalogue.postgres import PostgresCatalogue

        self.folder = location.derived
        self._location = location
        _make_store_folder(self.folder)
        self.catalogue: PostgresCatalogue = PostgresCatalogue(location, create=create)

    def open_indexes(self, dimensions: int) -> Derived:
        return self.open_local_indexes(dimensions)

    def open_local_indexes(self, dimensions: int) -> LocalIndexes:
        return _local_indexes(self.folder, self.catalogue, dimensions)

    def lock_indexes(self) -> AbstractContextManager[None]:
        return _file_lock(self.folder)

    def other_indexes(self) -> list[Path]:
        return []

    def discard_leftovers(self) -> None:
        """Nothing: the folder may be other stores' as well."""

    def file_catalogue(self) -> SqliteCatalogue:
        raise StoreError(
            f"the store {self._location} is in PostgreSQL: back it up and restore it with pg_dump and pg_restore; "
            "its search indexes are made anew by themselves"
        )

    def close(self) -> None:
        self.catalogue.close()


class MilvusBackend(ServerBackend):
    """A store whose catalogue is in PostgreSQL, searched by a Milvus server that all who use the store share."""

    searched_by_server = True

    def __init__(self, location: ServerStore, milvus: str, *, create: bool) -> None:
        super().__init__(location, create=create)
        self._milvus = milvus

    def open_indexes(self, dimensions: int) -> Derived:
        from index.search.servers import ServerIndexes

        return ServerIndexes(self._milvus, self.catalogue, dimensions)

    def open_local_indexes(self, dimensions: int) -> LocalIndexes:
        raise StoreError(f"the store {self._location} is searched by a server, whose files are not at hand")

    def lock_indexes(self) -> AbstractContextManager[None]:
        return self.catalogue.exclusive("search indexes", LOCK_TIMEOUT_S)


def open_backend(location: Location, *, create: bool) -> Backend:
    """Open the store at a location. Raises NoStoreError where there is none and `create` is false, StoreError where it
    cannot be opened or made."""
    if isinstance(location, Path):
        return FolderBackend(location, create=create)
    if location.milvus is not None:
        return MilvusBackend(location, location.milvus, create=create)
    return ServerBackend(location, create=create)


def is_restoring_file(name: str) -> bool:
    """Whether a file of this name in a folder of `RESTORING` is ours."""
    return name.partition(".sqlite")[0] in ("catalogue", "replaced")


def _make_store_folder(folder: Path) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        room = room_at(folder.parent)
        raise StoreError(f"the store {folder} cannot be created ({room}): {error.strerror}") from error


def _open_catalogue(folder: Path, *, create: bool) -> SqliteCatalogue:
    file = folder / CATALOGUE_FILE
    if not os.path.lexists(file):
        left = left_behind(folder)
        if left:
            raise NoStoreError(
                f"no store at {folder}: search indexes of one are there ({left[0]}), but its catalogue {file.name} is "
                f"gone; put it back, or restore a backup: qa store restore BACKUP --store {folder}. To begin anew, "
                f"remove {left[0].parent}"
            )
        if not create:
            raise NoStoreError(
                f"no store at {folder} (see that its disk is mounted); create it with: qa index PATH --store {folder}"
            )
    return SqliteCatalogue(file, create=create)


def _local_indexes(folder: Path, catalogue: Catalogue, dimensions: int) -> LocalIndexes:
    take_over_old(folder)
    return LocalIndexes(folder / DERIVED_FOLDER, catalogue, dimensions)


@contextmanager
def _file_lock(folder: Path) -> Iterator[None]:
    with FileLock(folder / LOCK_FILE, timeout=LOCK_TIMEOUT_S, mode=FILE_MODE):
        yield
