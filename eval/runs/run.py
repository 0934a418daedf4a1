"""Run files: what was asked of what, with which versions, and every result, in a form that reproduces.

Two runs of the same thing give the same file, bit for bit, apart from its last member, `times`.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from eval.gold.halves import Half, domain_of
from eval.measures.measure import Measure
from eval.measures.names import default_measures, is_timed, parse_measure
from eval.results import CAUSES, Cause, Frozen, QuestionResult, Share
from index.disk.atomic import write_whole
from index.disk.outputs import head_kind
from index.errors import InputError
from qa.types import MAX_PASSAGES, ModelRef, Provenance

MAX_RUN_BYTES = 2**30
SEED = 13
RUN = head_kind("a run of qa eval", rb'\{\s*"run_version"')
# What can change a result: the models' runtimes, both indexes, the cutting, the measures.
PACKAGES = (
    "faiss-cpu",
    "ir_measures",
    "numpy",
    "sentence-transformers",
    "sentencex",
    "tantivy",
    "tokenizers",
    "openvino",
    "torch",
    "transformers",
)


class RunSettings(Frozen):
    """How the questions were asked: `threshold` None left it to the system's calibrated default.

    With `own_paragraph` each question was read in its own paragraph, without retrieval: `threshold` is None and
    `null_threshold` the margin over "no answer", in logits, from which on it was answered, chosen on the articles
    `chosen_on` or, where that is None, on these very questions: then the scores are an upper bound.
    """

    passages: int = Field(ge=1, le=MAX_PASSAGES)
    threshold: Share | None = None
    own_paragraph: bool = False
    null_threshold: float | None = None
    chosen_on: str | None = None


class Software(Frozen):
    """What ran: versions, and whether the models computed in bf16, which moves the last digits of a score."""

    spanqa: str
    python: str
    machine: str
    bf16: bool
    packages: dict[str, str]


class GoldRef(Frozen):
    """A gold file, and how many of its questions were asked: all, a slice of its articles, those on one half of its
    documents, a draw of `sample` by `seed` (None without a draw)."""

    name: str
    sha256: str
    questions: int
    articles: str | None = None
    sample: int | None = None
    seed: int | None = None
    half: Half | None = None


class StoreRef(Frozen):
    """A store by its content: `sha256` is over id, text hash, title, type and passages of every document."""

    sha256: str
    generation: int
    documents: int
    passages: int


class About(Frozen):
    """Everything that decides what a run comes to, as far as it is known."""

    software: Software | None = None
    gold: GoldRef | None = None
    store: StoreRef | None = None
    embedder: ModelRef | None = None
    reader: ModelRef | None = None
    calibration_sha256: str | None = None


class Counts(Frozen):
    """How many questions: `answerable` and not by the gold, then by outcome; `wrong` are those not right."""

    questions: int
    answerable: int
    unanswerable: int
    answered: int
    unsure: int
    not_found: int
    failed: int
    wrong: int


Grouping = Literal["domain", "kind"]


class GroupValues(Frozen):
    """The measures of some of a run's questions; `answerable` of them by the gold."""

    questions: int
    answerable: int
    values: dict[str, float | None]


class Run(Frozen):
    """An evaluation: what was asked of what, what came out, question by question in gold order.

    `provenance` holds every distinct origin that the answers named: more than one tells that the store or a model
    changed while the run went on. `values` are the measures by name, `causes` the errors by cause, which add up to
    `counts.wrong`. `by` has the measures, apart from times, of each group of questions: by domain, the folder of their
    document, or by their kind, "" for neither. `started_at` is UTC, ISO 8601.
    """

    run_version: Literal["3"] = "3"
    about: About = About()
    settings: RunSettings
    provenance: tuple[Provenance, ...] = ()
    counts: Counts
    values: dict[str, float | None]
    causes: dict[Cause, int]
    by: dict[Grouping, dict[str, GroupValues]] = Field(default_factory=dict)
    results: tuple[QuestionResult, ...]
    started_at: str

    @classmethod
    def of(
        cls,
        results: Sequence[QuestionResult],
        *,
        settings: RunSettings,
        started_at: str,
        about: About | None = None,
        provenance: Sequence[Provenance] = (),
        measures: Sequence[Measure] | None = None,
    ) -> Run:
        """The run of these results, with the measures named, or those that a run reports by default."""
        chosen = default_measures(settings.passages) if measures is None else measures
        return cls(
            about=about or About(),
            settings=settings,
            provenance=tuple(provenance),
            counts=_counts(results),
            values={measure.name: measured(measure, results, settings.passages) for measure in chosen},
            causes=causes(results),
            results=tuple(results),
            started_at=started_at,
        )

    def grouped(self, by: Sequence[Grouping]) -> Run:
        """The run with its measures by group as well."""
        measures = [parse_measure(name) for name in self.values if not is_timed(name)]
        return self.model_copy(update={"by": {name: self._by(name, measures) for name in by}})

    def _by(self, name: Grouping, measures: Sequence[Measure]) -> dict[str, GroupValues]:
        groups: dict[str, list[QuestionResult]] = {}
        for result in self.results:
            groups.setdefault(group_of(result, name), []).append(result)
        return {
            label: GroupValues(
                questions=len(results),
                answerable=sum(result.answerable for result in results),
                values={each.name: measured(each, results, self.settings.passages) for each in measures},
            )
            for label, results in sorted(groups.items())
        }

    def canonical(self) -> str:
        """The file's text without the times: equal for two runs that are the same."""
        timed = set(_timed(self.values))
        head = self.model_dump(mode="json", exclude={"results", "started_at"})
        head["values"] = {name: value for name, value in self.values.items() if name not in timed}
        rows = [_line(result.model_dump(mode="json", exclude={"elapsed_ms"})) for result in self.results]
        # A question a line: such a file can be searched, and two of them compared, with the tools for lines.
        results = "[\n" + ",\n".join(rows) + "\n]" if rows else "[]"
        return json.dumps(head, ensure_ascii=False, indent=2, allow_nan=False)[:-2] + f',\n  "results": {results}'

    def encoded(self) -> bytes:
        """The run as UTF-8 JSON."""
        times = {
            "started_at": self.started_at,
            "values": _timed(self.values),
            "elapsed_ms": [result.elapsed_ms for result in self.results],
        }
        # A lone surrogate, which UTF-8 cannot hold, becomes a \uXXXX escape: in a JSON string that is the same text.
        return f'{self.canonical()},\n  "times": {_line(times)}\n}}\n'.encode("utf-8", "backslashreplace")

    def write(self, path: str | Path) -> None:
        """Writes the run, whole or not at all; raises InputError where it cannot be written."""
        write_whole(Path(path), self.encoded())

    @classmethod
    def read(cls, path: str | Path) -> Run:
        """A run from its file; raises InputError for one that cannot be read or is none."""
        file = Path(path)
        try:
            with file.open("rb") as stream:
                data = stream.read(MAX_RUN_BYTES + 1)
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
        if len(data) > MAX_RUN_BYTES:
            raise InputError(f"{file}: larger than {MAX_RUN_BYTES >> 20} MiB, which no run is")
        try:
            return cls.model_validate(_joined(json.loads(data)))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise InputError(
                f"{file}: is no run of this version: {field}: {first['msg']}; run qa eval again"
            ) from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"{file}: is no run: {error}") from error


def measured(measure: Measure, results: Sequence[QuestionResult], passages: int) -> float | None:
    """A measure of results with `passages` looked at; None where it looks deeper: what stands there is not known."""
    return measure.value(results) if measure.depth <= passages else None


def group_of(result: QuestionResult, by: Grouping) -> str:
    """The group that a question belongs to, "" for none."""
    return domain_of(result.source) if by == "domain" else result.kind or ""


def causes(results: Sequence[QuestionResult]) -> dict[Cause, int]:
    """How many errors each cause has, in the order of the stages; they add up to the errors."""
    counts: Counter[Cause] = Counter(result.cause or "unknown" for result in results if not result.right)
    return {cause: counts[cause] for cause in CAUSES if counts[cause]}


def software() -> Software:
    """The versions that run here."""
    from index.models.runtime import computes_in_bf16

    return Software(
        spanqa=_version("spanqa"),
        python=platform.python_version(),
        machine=platform.machine(),
        bf16=computes_in_bf16(),
        packages={name: _version(name) for name in PACKAGES},
    )


def gold_sha256(path: Path) -> str:
    """SHA-256 of a gold file, or of a list of a folder's files with theirs; raises InputError for an unreadable one."""
    try:
        if not path.is_dir():
            return _file_sha256(path)
        files = sorted(file for file in path.rglob("*") if file.is_file())
        listed = "".join(f"{_file_sha256(file)} {file.relative_to(path).as_posix()}\n" for file in files)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _counts(results: Sequence[QuestionResult]) -> Counts:
    status = Counter(result.status for result in results)
    answerable = sum(result.answerable for result in results)
    return Counts(
        questions=len(results),
        answerable=answerable,
        unanswerable=len(results) - answerable,
        answered=status["answered"],
        unsure=status["unsure"],
        not_found=status["not_found"],
        failed=status["failed"],
        wrong=sum(not result.right for result in results),
    )


def _timed(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: value for name, value in values.items() if is_timed(name)}


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _joined(content: Any) -> Any:
    """A file's content as a run has it: every time put back where it belongs."""
    if not isinstance(content, dict) or not isinstance(times := content.pop("times", None), dict):
        raise ValueError("a JSON object with results and times is expected")
    results, elapsed = content.get("results"), times.get("elapsed_ms")
    if not isinstance(results, list) or not isinstance(elapsed, list) or len(results) != len(elapsed):
        raise ValueError("there must be as many times.elapsed_ms as results")
    ids = Counter(result.get("id") for result in results if isinstance(result, dict))
    if twice := next((name for name, count in ids.items() if count > 1), None):
        raise ValueError(f"the question {twice!r} occurs twice")
    if not isinstance(content.get("values"), dict) or not isinstance(times.get("values"), dict):
        raise ValueError("values and times.values must be objects")
    for result, milliseconds in zip(results, elapsed, strict=True):
        if isinstance(result, dict):
            result["elapsed_ms"] = milliseconds
    return {**content, "values": {**content["values"], **times["values"]}, "started_at": times.get("started_at")}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "uninstalled"
