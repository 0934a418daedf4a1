"""Keeping a store in step with files and folders while they change: what `qa watch` does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from watchfiles import Change, watch

from index.disk.paths import own_path, real_path
from index.documents import DEFAULT_COLLECTION
from index.errors import InputError, StoreError
from index.ingest.plan import plan
from index.ingest.sync import Report, follow
from index.stopping import StoppedError, at_once
from index.store.store import Store

# Changes that come close together are taken together, at most so long after the first.
DEBOUNCE_MS = 1_600
# How often it is looked whether a folder was taken away or put back, and whether to stop.
LOOK_MS = 1_000
# File systems of other machines report no changes, and any may report too many: everything is looked at so often.
RESCAN_S = 600
POLL_S = 30.0
RETRY_S, LONGEST_RETRY_S = 5.0, 60.0

# Files elsewhere that links lead to and that are watched too; changes of others are found when everything is looked at.
LINKED_WATCHED = 1_000

_Roots = dict[Path, tuple[int, int]]


def keep_in_step(
    store: Store,
    paths: Sequence[Path],
    stop: threading.Event,
    *,
    report: Callable[[Report], None],
    problem: Callable[[str], None],
    collection: str = DEFAULT_COLLECTION,
    tags: Sequence[str] | None = None,
    prune: bool | None = None,
    debounce_ms: int = DEBOUNCE_MS,
    rescan_s: float = RESCAN_S,
) -> None:
    """Bring the store in step with the paths now, and again whenever something changes there, until `stop` is set.

    Every round looks at everything, so that a change that was not reported is found with the next one; files whose
    stamp has not changed are not read. `report` gets what each round came to. A round that fails as a whole is told to
    `problem` and tried again. A path that is taken away is waited for, and nothing is removed because of it.
    Raises InputError where a path does not exist at the start.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
    paths = [own_path(path) for path in paths]

    linked: list[Path] = []

    def once(roots: _Roots) -> bool:
        try:
            with at_once(stop):
                made = plan(list(roots), store.catalogue, collection, prune=prune)
            links = (file.path for file in made.files if file.path.is_symlink())
            linked[:] = sorted({real_path(path) for path in islice(links, LINKED_WATCHED)})
            report(follow(store, made, collection=collection, tags=tags, stop=stop))
        except StoppedError:
            return True
        except (InputError, StoreError) as error:
            problem(str(error))
            return False
        return True

    while not stop.is_set():
        roots = _roots(paths)
        if len(roots) < len(paths):
            problem(f"waiting for {', '.join(str(path) for path in paths if path not in roots)}")
        _watch(paths, roots, linked, once, stop=stop, debounce_ms=debounce_ms, rescan_s=rescan_s)


def _watch(
    paths: Sequence[Path],
    roots: _Roots,
    linked: list[Path],
    once: Callable[[_Roots], bool],
    *,
    stop: threading.Event,
    debounce_ms: int,
    rescan_s: float,
) -> None:
    """Watch until the roots are others than they were, or until told to stop. A round (`once`) leaves in `linked` the
    files that links lead to; where these become others, they are watched from then on."""
    if not roots:
        while not stop.wait(LOOK_MS / 1000) and not _roots(paths):
            pass
        return
    due, wait = 0.0, RETRY_S
    targets = _roots(linked)
    for changed in _changes(roots, targets, stop, debounce_ms):
        if _roots(paths) != roots or _roots(linked) != targets:
            return
        if stop.is_set():
            return
        if changed or time.monotonic() >= due:
            if once(roots):
                due, wait = time.monotonic() + rescan_s, RETRY_S
            else:
                due, wait = time.monotonic() + wait, min(2 * wait, LONGEST_RETRY_S)


def _changes(roots: _Roots, targets: _Roots, stop: threading.Event, debounce_ms: int) -> Iterator[bool]:
    """Whether there were changes, each time that there were some or that a while has passed.

    Changes are gathered from the first look on: none that happens during a round is missed.
    """
    try:
        for changed in watch(
            *roots, *targets, watch_filter=_Filter(roots, targets), debounce=debounce_ms, stop_event=stop,
            rust_timeout=LOOK_MS, yield_on_timeout=True, raise_interrupt=False, ignore_permission_denied=True,
        ):  # fmt: skip
            yield bool(changed)
    except OSError:
        # A path that has just gone, which the caller notices, or more folders than the system watches: then everything
        # is looked at, as often as folders with many files bear.
        while not stop.wait(POLL_S):
            yield True


def _roots(paths: Sequence[Path]) -> _Roots:
    """Those of the paths that are there, each with what tells it from another of the same name."""
    found = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        found[path] = (status.st_dev, status.st_ino)
    return found


class _Filter:
    """Whether a change matters: not that of a hidden file or in a hidden folder, which are not indexed either."""

    def __init__(self, roots: _Roots, targets: _Roots) -> None:
        self._roots = list(roots)
        self._targets = frozenset(targets)

    def __call__(self, change: Change, path: str) -> bool:
        changed = Path(path)
        if changed in self._targets:
            return True
        root = next((root for root in self._roots if changed.is_relative_to(root)), None)
        return root is None or not any(part.startswith(".") for part in changed.relative_to(root).parts)
