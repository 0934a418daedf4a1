"""Whether a store is whole: the catalogue in itself, and the search indexes against it; and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from index.catalogue.copying import UNFINISHED
from index.catalogue.integrity.audit import Damage, Problem
from index.catalogue.integrity.mending import MENDABLE
from index.catalogue.integrity.verified import again
from index.errors import DamageError
from index.store.store import FINISH_COPY, Store

Part = Literal["catalogue", "search indexes"]


class Finding(BaseModel):
    """Something that is not as it was written, and what mends it.

    `subject` is the id of the document that it is about, "" where it is about none.
    """

    model_config = ConfigDict(frozen=True)

    part: Part
    kind: Damage
    subject: str = ""
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
    """Read everything: the database's own pages and references, every row against its seal, every text against its
    hash, every table against its tally, every search index entry and vector against the catalogue.

    Search indexes that lag are brought up first, as any search does. Nothing else is written. Raises StoreError where
    the store cannot be read at all.
    """
    problems = store.catalogue.problems()
    findings = [_finding(store, problem) for problem in problems]
    if _is_unfinished(store):
        findings.append(
            Finding(
                part="catalogue",
                kind=Damage.MISSING,
                problem="it is a copy of another store that was interrupted, and does not hold all of it",
                remedy=f"{FINISH_COPY} {store.location}",
            )
        )
    unchecked = []
    if store.searched_by_server:
        unchecked.append("the search indexes: they are in a server, which checks its own files")
    elif findings:
        unchecked.append("the search indexes: they are derived from the catalogue, which is to be mended first")
    else:
        derived = [Problem(Damage.SEARCH_INDEXES, what) for what in store.check_derived()]
        findings += [_finding(store, problem) for problem in derived]
        findings += [
            Finding(
                part="search indexes",
                kind=Damage.SEARCH_INDEXES,
                problem=f"search indexes of another store: {folder}; is this the catalogue that belongs here?",
                remedy=f"if it is: qa store repair --store {store.location}",
            )
            for folder in store.foreign_indexes()
        ]
    counts = _counts(store, problems)
    return Health(
        generation=counts[0],
        documents=counts[1],
        passages=counts[2],
        findings=tuple(findings),
        unchecked=tuple(unchecked),
    )


def repair_store(store: Store) -> tuple[Health, list[str]]:
    """Mend what sound texts allow: passages and embeddings are cut and made anew, what is derived is derived anew.

    Returns the health afterwards and what was done, a sentence each. Texts and what is known of documents are never
    touched: where they are damaged, or the file itself, the findings say what to do. Raises ModelError where the store
    was embedded with another model.
    """
    problems = store.catalogue.problems()
    kinds = {problem.kind for problem in problems}
    done = []
    if kinds & MENDABLE and not kinds & {Damage.PAGES, Damage.SETTINGS}:
        done = store.mend([problem for problem in problems if problem.kind in MENDABLE])
    if done and not store.searched_by_server and not store.catalogue.problems():
        store.rebuild_derived()
        done.append("the search indexes were made anew from the catalogue")
    health = check_store(store)
    if any(finding.kind is Damage.SEARCH_INDEXES for finding in health.findings):
        store.rebuild_derived()
        store.discard_others()
        done.append("the search indexes were made anew from the catalogue")
        health = check_store(store)
    return health, done


def _is_unfinished(store: Store) -> bool:
    try:
        # Emptied, not removed, once the copy is whole.
        return bool(store.catalogue.setting(UNFINISHED))
    except DamageError:
        # Settings that are damaged are a finding of their own.
        return False


def _counts(store: Store, problems: Sequence[Problem]) -> tuple[int, int, int]:
    """The generation, how many documents and how many passages; what cannot be told of a damaged catalogue is 0."""
    try:
        generation, ids = store.catalogue.embedded()
        return generation, store.catalogue.counts()[0], len(ids)
    except DamageError:
        if not problems:
            raise
        return 0, 0, 0


def _finding(store: Store, problem: Problem) -> Finding:
    return Finding(
        part="search indexes" if problem.kind is Damage.SEARCH_INDEXES else "catalogue",
        kind=problem.kind,
        subject=problem.subject,
        problem=problem.what,
        remedy=_remedy(store, problem),
    )


def _remedy(store: Store, problem: Problem) -> str:
    # Into another folder: what is damaged may keep this one from being opened.
    backup = "restore a backup into another folder, qa store restore BACKUP --store ANOTHER"
    match problem.kind:
        case Damage.PAGES if problem.subject:
            return f"{backup}; or {again(problem.subject)}"
        case Damage.PAGES | Damage.SETTINGS:
            return f"{backup}; or index anew into one"
        case Damage.DOCUMENT | Damage.TEXT:
            return again(problem.subject) if problem.subject else backup
        case Damage.MISSING:
            return f"{backup}; or go on without them, qa store repair --store {store.location}, and index them again"
        case Damage.KEYS:
            return f"qa keys revoke ID --store {store.location}, and make another: qa keys add NAME"
        case _:
            return f"qa store repair --store {store.location}"
