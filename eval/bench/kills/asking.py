"""Questions to a store of made documents, and what is wrong with an answer, also while others change it."""

from __future__ import annotations

import random
from collections.abc import Iterator

from eval.bench.kills.material import ask_for, code, made_id, make_document, revision_in, sections
from index.errors import ModelError
from index.store.store import Store
from qa.citing.verify import verify_against
from qa.engine import Engine
from qa.types import MAX_PASSAGES, Question, Response


def stored(store: Store, name: str) -> tuple[int, int] | None:
    """Revision and label of a document in the catalogue, as it states them."""
    document = store.catalogue.document(made_id(name))
    if document is None:
        return None
    revision = int(document.text.partition("revision ")[2].partition(" ")[0])
    return revision, int(document.tags[0].removeprefix("label"))


def wrong(engine: Engine, name: str, draw: random.Random) -> str | None:
    """What is wrong with the answer to a question for the code of a section; None where nothing is.

    An older revision may not answer any more, and where a document stays the same, that one must answer. Where the
    store was restored or embedded anew meanwhile, only that each answer is true can be held against it.

    Raises ModelError where the store was embedded with another embedder than the engine's.
    """
    identity = _identity(engine.store)
    before = stored(engine.store, name)
    section = draw.choice(sections(name, before[0])) if before else "section0"
    question = Question(question=ask_for(name, section), threshold=0.0, passages=MAX_PASSAGES)
    try:
        response = engine.ask(question)
    except ModelError:
        if {identity[1], _identity(engine.store)[1]} == {engine.store.embedder.sha256}:
            return f"{question.question}: refused, although the store has the embedder that asked"
        raise
    after = stored(engine.store, name)
    same_store = identity == _identity(engine.store)
    problem = next(_untrue(response, name, section, before[0] if before and same_store else 0), None)
    if problem is None and same_store:
        if before and after and before[0] == after[0] and not response.answers:
            problem = f"no answer ({response.reason})"
        elif before is None and after is None and response.answers:
            problem = f"{response.answers[0].text} answers, of a document that was not there"
    return problem and f"{question.question} (revision {before} before, {after} after): {problem}"


def _untrue(response: Response, name: str, section: str, least: int) -> Iterator[str]:
    """What is untrue of the answers, or older than the revision `least`."""
    for answer in response.answers:
        revision = revision_in(answer.text)
        if revision is None or answer.text != code(name, revision, section):
            yield f"{answer.text!r} is no code of it"
            continue
        verdict = verify_against(answer.citation, make_document(name, revision, 0))
        if not verdict.valid:
            yield f"the citation of revision {revision} is false: {'; '.join(verdict.problems)}"
        elif revision < least:
            yield f"revision {revision} answers, which was replaced before"


def _identity(store: Store) -> tuple[str | None, str | None]:
    """What tells a store from the one that it was: a restored one has an id of its own, and one that is embedded anew
    another embedder."""
    settings = store.catalogue.settings()
    return settings.get("store_id"), settings.get("embedder_sha256")
