"""Files and folders into a store: what `qa index` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from index.documents import Document
from index.errors import InputError
from index.loaders import find_files, load_file
from index.store import Store


@dataclass(slots=True)
class Report:
    """What indexing came to. `failed` pairs each file or folder that could not be read with the reason."""

    added: int = 0
    unchanged: int = 0
    passages: int = 0
    passed_over: int = 0
    failed: list[tuple[Path, str]] = field(default_factory=list)


def index_paths(store: Store, paths: list[Path], progress: Callable[[int, int], None] | None = None) -> Report:
    """Index files and folders; a file that cannot be read is reported and the rest goes on.

    progress is called with (files done, files in all). Raises InputError where a named path does not exist, or where
    there is no file of a kind that can be read.
    """
    found = find_files(paths)
    report = Report(passed_over=found.passed_over, failed=list(found.unreadable))
    if not found.files:
        if found.unreadable:
            raise InputError("; ".join(reason for _, reason in found.unreadable))
        names = ", ".join(str(path) for path in paths)
        raise InputError(f"{names}: no readable documents there ({found.passed_over} files of other kinds passed over)")
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, len(found.files))

    def documents() -> Iterator[Document]:
        for path in found.files:
            try:
                document = load_file(path)
            except InputError as error:
                report.failed.append((path, str(error)))
                advance()
                continue
            yield document

    try:
        for change in store.put_all(documents()):
            if change.changed:
                report.added += 1
                report.passages += change.passages
            else:
                report.unchanged += 1
            advance()
    finally:
        # Also when interrupted: what was committed should be found.
        store.sync()
    return report
