"""Checking a gold set before it is trusted: what would be scored wrongly, and what weakens its verdict."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist
from typing import Literal

from pydantic import BaseModel, ConfigDict

from eval.gold.jsonfiles import PlacedError, shown
from eval.gold.places import StorePlaces, file_name_in_uri, named_uris
from eval.gold.questions import GoldAnswer, GoldQuestion, scan_gold
from eval.measures.squad import normalize_answer
from index.disk.paths import own_path
from index.documents import document_id
from index.errors import InputError
from index.loading.files import PART_MARK, find_files, load_cited
from index.store.store import Store

FEWEST_UNANSWERABLE = 20
LEAST_UNANSWERABLE_SHARE = 0.1
WIDEST_INTERVAL = 0.1
"""The widest half-width of a 95 % interval that passes without a warning: 93 questions."""
MAX_MALFORMED = 1_000
"""So many questions that cannot be read end the check: the file is something else."""
_Z = NormalDist().inv_cdf(0.975)

_QUESTION_WORDS = frozenset(
    "who whom whose what which when where why how is are was were am do does did has have had can could will would "
    "shall should may might must name list give tell describe explain define find state identify".split()
)
_WORD = re.compile(r"[^\W_]+")


class Finding(BaseModel):
    """Something about a gold set: an error makes a score wrong, a warning makes it say less than it seems to.

    `place` and `id` name the question, None for the set as a whole.
    """

    model_config = ConfigDict(frozen=True)

    severity: Literal["error", "warning"]
    code: str
    message: str
    place: str | None = None
    id: str | None = None


class GoldReport(BaseModel):
    """What checking a gold set found. `half_width` is that of the 95 % interval (Wilson 1927) of a share near one
    half, 0..1; `checked` counts the answers that were looked up in a text, `unchecked` those with a text to look in
    that was not given."""

    model_config = ConfigDict(frozen=True)

    gold: str
    questions: int
    answerable: int
    unanswerable: int
    drafts: int
    checked: int
    unchecked: int
    half_width: float | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        return sum(finding.severity == "error" for finding in self.findings)


class DocumentTexts:
    """The texts of the documents that a gold file names: by the path from it, or by a file name that is the only one.

    `uris` are all documents there are, `load` gives the text of one; it may raise InputError. `containers` are those of
    `uris` whose parts can be loaded too; `holds` tells whether a paragraph stands in any of the documents, where that
    can be told.
    """

    def __init__(
        self,
        gold: Path,
        uris: Sequence[str],
        load: Callable[[str], str],
        *,
        containers: Collection[str] = (),
        holds: Callable[[str], bool] | None = None,
    ) -> None:
        self._folder = own_path(gold).parent
        self._known = set(uris)
        self._containers = frozenset(containers)
        self._load = load
        self._holds = lru_cache(maxsize=None)(holds) if holds is not None else None
        self._named: dict[str, list[str]] = defaultdict(list)
        for uri in uris:
            self._named[uri.rsplit("/", 1)[-1]].append(uri)
        self._texts: dict[str, str] = {}

    @classmethod
    def of_store(cls, gold: Path, store: Store) -> DocumentTexts:
        """The documents of a store."""

        def load(uri: str) -> str:
            document = store.catalogue.document(document_id(uri))
            if document is None:
                raise InputError(f"{uri}: is not in the store any more")
            return document.text

        uris = [record.uri for record in store.catalogue.records()]
        return cls(gold, uris, load, holds=StorePlaces(store, gold).holds)

    @classmethod
    def of_paths(cls, gold: Path, paths: list[Path]) -> DocumentTexts:
        """The documents in files and folders, as `qa index` would find and load them."""
        files = {path.as_uri(): path for path in find_files(paths).files}
        return cls(gold, list(files), lambda uri: load_cited(files[_file_of(uri)], uri).text, containers=files)

    def lacks(self, context: str) -> bool:
        """Whether a paragraph surely stands in none of the documents."""
        return self._holds is not None and not self._holds(context)

    def text(self, name: str) -> str:
        """The text of a named document; InputError where there is none, or more than one."""
        if name not in self._texts:
            uris = named_uris(self._folder, name)
            by_path = next((uri for uri in uris if uri in self._known or _file_of(uri) in self._containers), None)
            named = [by_path] if by_path else self._named[file_name_in_uri(name)]
            if len(named) != 1:
                known = f"{len(named)} documents have that file name; give its path" if named else "there is none"
                raise InputError(f"document: {shown(name)}: {known}")
            self._texts[name] = self._load(named[0])
        return self._texts[name]


def _file_of(uri: str) -> str:
    return uri.partition(PART_MARK)[0]


def check_gold(
    path: Path, texts: DocumentTexts | None = None, progress: Callable[[int, int], None] | None = None
) -> GoldReport:
    """Check a gold file, and its places against the texts of its documents where these are given.

    progress is called with (questions done, all). Raises InputError where the file as a whole cannot be read.
    """
    check = _Check(texts)
    entries: list[tuple[str, GoldQuestion]] = []
    for place, scanned in scan_gold(path):
        if not isinstance(scanned, PlacedError):
            entries.append((place, scanned))
            continue
        check.findings.append(Finding(severity="error", code="malformed", message=scanned.detail, place=place))
        if len(check.findings) == MAX_MALFORMED:
            raise InputError(
                f"{path}: {MAX_MALFORMED} questions cannot be read, up to {place}; the last: {scanned.detail}"
            )
    for done, (place, question) in enumerate(entries, start=1):
        check.question(place, question)
        if progress:
            progress(done, len(entries))
    check.duplicates()
    questions = [question for _, question in check.questions]
    findings = [*check.findings, *_of_set(questions, check.unchecked)]
    answerable = sum(question.answerable for question in questions)
    return GoldReport(
        gold=path.name,
        questions=len(questions),
        answerable=answerable,
        unanswerable=len(questions) - answerable,
        drafts=sum(not question.reviewed for question in questions),
        checked=check.checked,
        unchecked=check.unchecked,
        half_width=_half_width(len(questions)),
        findings=tuple(sorted(findings, key=lambda finding: finding.severity)),
    )


@dataclass(slots=True)
class _Check:
    texts: DocumentTexts | None
    findings: list[Finding] = field(default_factory=list)
    questions: list[tuple[str, GoldQuestion]] = field(default_factory=list)
    checked: int = 0
    unchecked: int = 0

    def question(self, place: str, question: GoldQuestion) -> None:
        self.questions.append((place, question))

        def say(severity: Literal["error", "warning"], code: str, message: str) -> None:
            finding = Finding(severity=severity, code=code, message=message, place=place, id=question.id)
            self.findings.append(finding)

        for message in self._answers_out_of_place(question):
            say("error", "span", message)
        comparable = [answer for answer in question.answers if normalize_answer(answer.text)]
        if question.answers and not comparable:
            say("error", "no-words", "answers: none has a word that is compared, so that no answer could be right")
        leaked = next((answer for answer in comparable if _leaks(answer.text, question.question)), None)
        if leaked is not None:
            say(
                "warning", "leak", f"the answer {shown(leaked.text)} stands in the question: {shown(question.question)}"
            )
        if not _asks(question.question):
            say("warning", "no-question", f"is this a question? {shown(question.question)}")

    def _answers_out_of_place(self, question: GoldQuestion) -> Iterator[str]:
        if not question.answers:
            return
        if question.context is not None:
            text = question.context
            if question.document is None and self.texts is not None and self.texts.lacks(text):
                yield f"context: is not in the store, so that no passage counts as right: {shown(text)}"
        elif question.document is None:
            return
        elif self.texts is None:
            self.unchecked += len(question.answers)
            return
        else:
            try:
                text = self.texts.text(question.document)
            except InputError as error:
                yield str(error)
                return
        for number, answer in enumerate(question.answers):
            self.checked += 1
            wrong = _out_of_place(answer, text)
            if wrong:
                yield f"answers[{number}]: {wrong}"

    def duplicates(self) -> None:
        alike: dict[tuple[str, str | None], list[tuple[str, GoldQuestion]]] = defaultdict(list)
        for place, question in self.questions:
            # The same words asked of another document are another question.
            alike[normalize_answer(question.question), question.context or question.document].append((place, question))
        for group in alike.values():
            first_place, first = group[0]
            for place, question in group[1:]:
                contradicts = question.answerable != first.answerable
                says = "and only one of the two has an answer" if contradicts else "and counts twice"
                message = f"asks the same as {shown(first.id)} at {first_place}, {says}: {shown(question.question)}"
                severity: Literal["error", "warning"] = "error" if contradicts else "warning"
                self.findings.append(
                    Finding(severity=severity, code="duplicate", message=message, place=place, id=question.id)
                )


def _out_of_place(answer: GoldAnswer, text: str) -> str | None:
    if answer.start is None or answer.end is None:
        return None if answer.text in text else f"{shown(answer.text)} does not stand in the text"
    standing = text[answer.start : answer.end]
    if standing == answer.text:
        return None
    span = f"[{answer.start}, {answer.end})"
    there = f"lies beyond the text of {len(text)} characters" if answer.end > len(text) else f"holds {shown(standing)}"
    nearest = _nearest(answer.text, text, answer.start)
    instead = "which the text does not have" if nearest is None else f"which begins at {nearest}"
    return f"{span} {there}, not {shown(answer.text)}, {instead}"


def _nearest(words: str, text: str, start: int) -> int | None:
    before, after = text.rfind(words, 0, start + len(words)), text.find(words, start)
    return min((at for at in (before, after) if at >= 0), key=lambda at: abs(at - start), default=None)


def _leaks(answer: str, question: str) -> bool:
    return f" {normalize_answer(answer)} " in f" {normalize_answer(question)} "


def _asks(question: str) -> bool:
    if question.rstrip(" \t\"'”’)").endswith(("?", "？")):
        return True
    return not _QUESTION_WORDS.isdisjoint(_WORD.findall(question.lower()))


def _half_width(questions: int) -> float | None:
    """Of the 95 % interval of Wilson (1927) at a share of one half: z / (2 sqrt(n + z²))."""
    return _Z / (2 * math.sqrt(questions + _Z**2)) if questions else None


def _of_set(questions: Sequence[GoldQuestion], unchecked: int) -> Iterator[Finding]:
    drafts = sum(not question.reviewed for question in questions)
    if drafts:
        yield Finding(
            severity="error",
            code="unreviewed",
            message=f"{drafts} of {len(questions)} questions are drafts that nobody has looked at: correct or delete "
            'each, then set its "reviewed" to true',
        )
    if unchecked:
        yield Finding(
            severity="warning",
            code="unchecked",
            message=f"{unchecked} answers were not looked up in their documents: give --documents or --store",
        )
    unanswerable = sum(not question.answerable for question in questions)
    share = unanswerable / len(questions) if questions else 0.0
    if questions and (unanswerable < FEWEST_UNANSWERABLE or share < LEAST_UNANSWERABLE_SHARE):
        yield Finding(
            severity="warning",
            code="few-unanswerable",
            message=f"{unanswerable} of {len(questions)} questions ({share:.0%}) have no answer: too few to tell "
            f"whether declining works; write at least {FEWEST_UNANSWERABLE}, and {LEAST_UNANSWERABLE_SHARE:.0%}",
        )
    half_width = _half_width(len(questions))
    if half_width is not None and half_width > WIDEST_INTERVAL:
        yield Finding(
            severity="warning",
            code="few-questions",
            message=f"{len(questions)} questions measure a share near one half to ±{100 * half_width:.0f} points (95 % "
            f"interval): smaller differences will not show; {_enough()} give ±{100 * WIDEST_INTERVAL:.0f}",
        )


def _enough() -> int:
    return math.ceil((_Z / (2 * WIDEST_INTERVAL)) ** 2 - _Z**2)
