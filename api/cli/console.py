"""Answers for people: rich output of `qa ask`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from api.terminal import say, say_json
from index.text.printable import flowing, printable
from qa.citing.anchor import Anchor
from qa.explanation import ExplainedCandidate, ExplainedPassage, Explanation, ThresholdSource
from qa.types import Answer, Citation, Normalized, Promise, Reason, Response

# What heads a question that is not answered, and what it means. Passages that were read without finding an answer do
# not tell that the documents hold none.
_OUTCOMES: dict[Reason, tuple[str, str]] = {
    "empty_index": ("Nothing to read.", "The store is empty. Add documents with: qa index PATH"),
    "nothing_retrieved": (
        "Nothing to read.",
        "No passage has anything to do with the question, or the filters leave none.",
    ),
    "not_in_passages": (
        "Not found in the passages that were read.",
        "Other words or more passages (-k) may find it.",
    ),
    "below_threshold": ("Not sure.", ""),
    "not_a_span_question": ("Not a question that a quote can answer.", ""),
}

TITLE_CHARACTERS = 40

_THRESHOLDS: dict[ThresholdSource, str] = {
    "question": "as the question asked",
    "promise": "as promised",
    "calibration": "the calibration's",
}
# How many are shown; --json has them all.
_PASSAGES, _CANDIDATES = 10, 5


class PasteFormat(StrEnum):
    """The forms of a citation that `qa ask --format` prints."""

    PLAIN = "plain"
    MARKDOWN = "markdown"
    ANNOTATION = "annotation"


def print_response(response: Response, console: Console) -> None:
    """Print answers with confidence, source and marked sentence; or why there is none, and what comes closest."""
    if response.reason:
        heading, meaning = _OUTCOMES[response.reason]
        closest = " Closest:" if response.status == "unsure" and not response.hint else ""
        console.print(Text(heading + closest, style="bold yellow"))
        for line in (response.hint, meaning):
            if line:
                console.print(Text(line))
        if response.hint and response.candidates:
            console.print(Text("Closest:", style="bold yellow"))
        if response.reason == "not_in_passages" and not response.candidates:
            console.print(Text("See the nearest spans with: --candidates", style="dim"))
    for answer in response.answers:
        console.print(_panel(answer, dated=bool(response.also_found)))
    if response.also_found:
        console.print(_also_found(response.also_found))
    if response.answers and response.candidates:
        console.print(Text("Less likely:", style="bold"))
    for answer in response.candidates:
        console.print(_panel(answer, candidate=True))
    if response.status == "answered" and response.promise:
        console.print(Text(promise_text(response.promise, response.provenance.store_generation), style="dim"))


def print_explanation(explanation: Explanation, console: Console) -> None:
    """Print what was read, the candidates, what made the confidence of the first, and what would have changed it."""
    if explanation.passages:
        console.print(_passages(explanation.passages))
    if explanation.candidates:
        sources = {passage.document.id: passage.document for passage in explanation.passages}
        names = {key: _short(_source(document.uri, document.title)) for key, document in sources.items()}
        console.print(_candidates(explanation.candidates, names))
        console.print(_features(explanation.candidates[0], explanation.bias))
    lines = [f"Confidence needed: {explanation.threshold:.4g}, {_THRESHOLDS[explanation.threshold_from]}."]
    lines += [f"- {printable(change.statement)}" for change in explanation.would_change]
    console.print(Text("\n".join(lines)))


def print_citations(response: Response, form: PasteFormat) -> None:
    """The citation of each answer in a form to paste, on standard output; annotations as JSON lines."""
    from qa.citing.formats import markdown, plain, web_annotation

    for number, answer in enumerate(response.answers):
        if form is PasteFormat.ANNOTATION:
            say_json(json.dumps(web_annotation(answer.citation), ensure_ascii=False))
        else:
            say("\n" if number and form is PasteFormat.MARKDOWN else "", end="")
            say(markdown(answer.citation) if form is PasteFormat.MARKDOWN else plain(answer.citation))


def promise_text(promise: Promise, generation: int | None) -> str:
    """A promise in words, to be read at a generation of the store, where that is known."""
    since = "" if generation is None or promise.store_generation == generation else "; documents have changed since"
    return (
        f"Promised: at most {percent(promise.risk)} of the answers are wrong, with {percent(1 - promise.delta)} "
        f"confidence, for questions like the {promise.questions:,} of {printable(promise.gold)} "
        f"({promise.measured_at.partition('T')[0]}{since})."
    )


def value_text(value: Normalized) -> str:
    """What an answer comes to, on one line: `2026-08-09/2026-08-14`, `5-10 kilometer`, `about 1500000 USD`."""
    if value.type == "date":
        return value.value.strip("[]").replace(",", " or ")
    number = f"{value.value}" if value.value is not None else f"{value.minimum}-{value.maximum}"
    unit = value.unit if value.type == "quantity" else value.currency or value.symbol
    return f"{'about ' if value.approximate else ''}{number} {unit}"


def anchor_text(anchor: Anchor) -> str:
    """Where a quote stands now, in words."""
    match anchor.state:
        case "unchanged":
            return "the words stand where they stood"
        case "moved":
            return f"the words have moved to characters {anchor.start}-{anchor.end}"
        case "ambiguous":
            return "the words are there, but whether it is the cited place cannot be told"
        case "gone":
            return "the words are gone"


def percent(share: float) -> str:
    """A share as people say it, with no more digits than it has."""
    return f"{100 * share:.4g} %"


def _panel(answer: Answer, *, candidate: bool = False, dated: bool = False) -> Panel:
    citation = answer.citation
    characters = f", characters {citation.start}-{citation.end}{_dated(citation) if dated else ''}"
    lines = [_marked(citation), Text(), Text.assemble((place(citation), "cyan"), (characters, "dim"))]
    # An open year tells people nothing that the words do not.
    if answer.normalized and not value_text(answer.normalized).startswith("XXXX"):
        lines.insert(1, Text(f"= {value_text(answer.normalized)}", style="dim"))
    if answer.supporting:
        lines.append(Text("Also: " + "; ".join(place(other) for other in answer.supporting), style="dim"))
    kind = "candidate, " if candidate else ""
    title = Text.assemble(
        (_short(answer.text), "bold green" if not candidate else "bold"),
        # What is only likely is never called certain.
        (f"  ({kind}confidence {min(answer.confidence, 0.99):.0%})", "dim"),
    )
    return Panel(Group(*lines), title=title, title_align="left", expand=True)


def _short(text: str) -> str:
    """The words as a title, which has one line for them and their confidence; the marked sentence has them whole."""
    flat = flowing(text)
    return flat if len(flat) <= TITLE_CHARACTERS else f"{flat[:TITLE_CHARACTERS].rstrip()}…"


def _also_found(others: Sequence[Answer]) -> Text:
    """What contradicts the answer, with the dates of the documents that say it."""
    lines = [Text("Also found; compare the sources and their dates:", style="bold yellow")]
    for answer in others:
        lines.append(
            Text.assemble(
                "  ",
                (_short(answer.text), "bold"),
                (f"  ({min(answer.confidence, 0.99):.0%})  ", "dim"),
                (place(answer.citation), "cyan"),
                (_dated(answer.citation), "dim"),
            )
        )
    return Text("\n").join(lines)


def _dated(citation: Citation) -> str:
    return f", dated {citation.document.date}" if citation.document.date else ", undated"


def place(citation: Citation) -> str:
    """The source and the place in it, for people: page, line (on the page, where there are pages), row, headings."""
    label = _source(citation.document.uri, citation.document.title)
    page = f", page {citation.page}" if citation.page else ""
    row = f", row {citation.row}" if citation.row else ""
    under = f", under {' > '.join(citation.headings)}" if citation.headings else ""
    return printable(f"{label}{page}, line {citation.page_line or citation.line}{row}{under}")


def _passages(passages: Sequence[ExplainedPassage]) -> Table:
    shown = passages[:_PASSAGES]
    table = _table(
        f"Passages read: {_of(len(shown), len(passages))}",
        *("by meaning", "by words", "fused", "passage", "best span", "margin"),
    )
    for passage in shown:
        document = passage.document
        table.add_row(
            _ranked(passage.dense_rank, passage.dense_score),
            _ranked(passage.lexical_rank, passage.lexical_score),
            f"{passage.fused_score:.4f}",
            f"{_short(_source(document.uri, document.title))} {passage.start}-{passage.end}",
            _short(passage.read.text) if passage.read else "-",
            f"{passage.read.margin:+.2f}" if passage.read else "-",
        )
    return table


def _candidates(candidates: Sequence[ExplainedCandidate], names: Mapping[str, str]) -> Table:
    shown = candidates[:_CANDIDATES]
    title = f"Candidates: {_of(len(shown), len(candidates))}"
    table = _table(title, "candidate", "confidence", "margin", "score", "document")
    for candidate in shown:
        table.add_row(
            _short(candidate.text),
            f"{candidate.confidence:.4f}",
            f"{candidate.margin:+.2f}",
            f"{candidate.score:+.2f}",
            names[candidate.document_id],
        )
    return table


def _features(candidate: ExplainedCandidate, bias: float) -> Table:
    table = _table("What makes the first candidate's confidence", "feature", "value", "average", "logits")
    for feature in sorted(candidate.features, key=lambda one: -abs(one.contribution)):
        table.add_row(feature.name, f"{feature.value:.3f}", f"{feature.mean:.3f}", f"{feature.contribution:+.3f}")
    table.add_row("(bias)", "", "", f"{bias:+.3f}")
    logit = bias + sum(feature.contribution for feature in candidate.features)
    table.add_row(f"sum, a confidence of {candidate.confidence:.4f}", "", "", f"{logit:+.3f}")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        words = column in ("passage", "best span", "candidate", "document", "feature")
        table.add_column(column, justify="left" if words else "right", no_wrap=not words)
    return table


def _of(shown: int, count: int) -> str:
    return f"{count}" if shown == count else f"{shown} of {count} (--json has all)"


def _ranked(rank: int | None, score: float | None) -> str:
    return "-" if rank is None else f"{rank}" if score is None else f"{rank} ({score:.2f})"


def _source(uri: str, title: str) -> str:
    parts = urlsplit(uri)
    file, *members = unquote(parts.path).split("!/")
    # What lies in an archive is shown with the archive.
    name = "!/".join([PurePosixPath(file).name, *members]) if parts.scheme == "file" else uri
    return name if not title or title == PurePosixPath(name).name else f"{name} ({title})"


def _marked(citation: Citation) -> Text:
    sentence, start, end = citation.sentence, citation.start, citation.end
    before = sentence.text[: start - sentence.start]
    after = sentence.text[end - sentence.start :]
    # Brackets as well as colour: a pipe, a log and a colour-blind reader must see the span too.
    return Text.assemble(_kept(before), ("[" + flowing(citation.quote) + "]", "bold black on green"), _kept(after))


def _kept(text: str) -> str:
    """As `flowing`, with a space kept at either end where there was one."""
    flat = flowing(text)
    head = " " if text[:1].isspace() and flat else ""
    tail = " " if text[-1:].isspace() and flat else ""
    return f"{head}{flat}{tail}" if flat else (" " if text else "")
