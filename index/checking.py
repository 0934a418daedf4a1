"""Whether a store is whole: the catalogue in itself, and the search indexes against it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from index.store import FINISH_COPY, UNFINISHED, Store

Part = Literal["catalogue", "search indexes"]


class Finding(BaseModel):
    """Something that is not as it should be, in which part of the store, and what mends it."""

    model_config = ConfigDict(frozen=True)

    part: Part
    problem: str
    remedy: str


class Health(BaseModel):
    """What a check found; `unchecked` names what it could not look at, and why."""

    model_config = ConfigDict(frozen=True)

    generation: int
    documents: int
    passages: int
    findings: tuple[Finding, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        return not self.findings


def check_store(store: Store) -> Health:
    """Read everything: the database's own pages and references, every text against its hash, every passage against its
    text, every search index entry and vector against the catalogue.

    Search indexes that lag are brought up first, as any search does. Nothing else is written. Raises StoreError where
    the store cannot be read at all.
    """
    in_catalogue = store.catalogue.problems()
    findings = [
        Finding(part="catalogue", problem=problem, remedy=_of_catalogue(store, problem)) for problem in in_catalogue
    ]
    if store.catalogue.setting(UNFINISHED):
        problem = "it is a copy of another store that was interrupted, and does not hold all of it"
        findings.append(Finding(part="catalogue", problem=problem, remedy=f"{FINISH_COPY} {store.location}"))
    unchecked = []
    if store.searched_by_server:
        unchecked.append("the search indexes: they are in a server, which checks its own files")
    elif in_catalogue:
        unchecked.append("the search indexes: they are derived from the catalogue, which is to be mended first")
    else:
        remedy = f"qa store repair --store {store.location}"
        findings.extend(
            Finding(part="search indexes", problem=problem, remedy=remedy) for problem in store.check_derived()
        )
    generation, ids = store.catalogue.embedded()
    return Health(
        generation=generation,
        documents=store.catalogue.counts()[0],
        passages=len(ids),
        findings=tuple(findings),
        unchecked=tuple(unchecked),
    )


def repair_store(store: Store) -> tuple[Health, bool]:
    """Make the search indexes anew where they do not fit the catalogue; the health afterwards, and whether they were.

    What is committed is never touched: a damaged catalogue is a backup's to mend.
    """
    before = check_store(store)
    if not any(finding.part == "search indexes" for finding in before.findings):
        return before, False
    store.rebuild_derived()
    return check_store(store), True


def _of_catalogue(store: Store, problem: str) -> str:
    if problem.startswith(("the document", "the text")):
        return "remove that document and index its source again: qa documents remove ID, qa index PATH"
    return f"restore a backup: qa store restore BACKUP --store {store.location}; or index into another --store"
