"""`qa eval`: answers measured against gold questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from api.cli.errors import UsageError
from api.cli.grouping import OptionGroup, with_groups
from api.cli.measuring.corpus import CorpusOption, index_corpus, require_corpus, require_named_store
from api.cli.measuring.halves import halved, parse_half
from api.cli.measuring.measures import (
    SEED,
    MeasureOption,
    SeedOption,
    parse_fail_under,
    parse_groupings,
    parse_measures,
    untimed,
)
from api.cli.measuring.own_document import FIGURES, measure_documents
from api.cli.measuring.pages import page_output, write_page
from api.cli.opening import open_engine, open_store
from api.cli.options import CalibrationOption, ForceOption, ReaderOption, StoreOption
from api.cli.progress import progress_bar
from api.terminal import Terminal, tell
from index.disk.outputs import Output, Outputs
from index.store.store import Store

if TYPE_CHECKING:
    from eval.gold.questions import GoldQuestion
    from eval.measures.measure import Measure
    from eval.runs.journal import Journal, ReadingJournal
    from eval.runs.reading import Reading
    from eval.runs.run import GoldRef, Grouping, Run

J = TypeVar("J", "Journal", "ReadingJournal")
# What each standard set is short for.
SETS = {
    "squad2": "SQuAD 2.0: each question with its own paragraph, null threshold chosen (--own-paragraph)",
    "open": "open domain: asked of all its paragraphs and --corpus together",
    "documents": "questions on whole documents: each with six passages of its own, reading alone (--half)",
}


@dataclass(frozen=True)
class ChoosingOptions(OptionGroup):
    """Which of the gold questions are asked, and of what."""

    corpus: CorpusOption = None
    articles: Annotated[str | None, typer.Option(help="Only a slice of the sorted article titles, as 11: or 0:6.")] = (
        None
    )
    sample: Annotated[int | None, typer.Option(min=1, help="Only this many questions, by a seeded draw.")] = None
    seed: SeedOption = SEED
    own_paragraph: Annotated[
        bool, typer.Option("--own-paragraph", help="Reading alone: give each question its own paragraph.")
    ] = False
    tune_on: Annotated[
        str | None, typer.Option(help="With --own-paragraph: the articles to choose the null threshold on.")
    ] = None
    half: Annotated[
        str | None, typer.Option(help="Only the questions on one half of the documents, tune or report.")
    ] = None


@dataclass(frozen=True)
class JudgingOptions(OptionGroup):
    """What is measured, against which earlier run, and how bad it may be."""

    measure: MeasureOption = None
    by: Annotated[
        list[str] | None,
        typer.Option(help="The measures by domain, the folder of a document, or by kind as well; may be repeated."),
    ] = None
    compare: Annotated[Path | None, typer.Option(help="Compare with this earlier run of the same questions.")] = None
    fail_under: Annotated[
        list[str] | None,
        typer.Option(help="Exit 1 where a measure is worse than this, as F1=0.7 or ECE=0.1; may be repeated."),
    ] = None


@dataclass(frozen=True)
class WritingOptions(OptionGroup):
    """Where the run and its page are written."""

    output: Annotated[Path | None, typer.Option(help="Write the run as JSON; until then, keep what is done.")] = None
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run of --output.")] = False
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML page to look at: figures, plots and every question.")
    ] = None
    force: ForceOption = False


@dataclass(frozen=True)
class ReadingOptions(OptionGroup):
    """Which reader answers, with which calibration."""

    reader: ReaderOption = None
    calibration: CalibrationOption = None


@dataclass(frozen=True)
class Asked:
    """The questions of an evaluation, all of their file, and how the runs of them are told apart."""

    file: Path
    everything: list[GoldQuestion]
    questions: list[GoldQuestion]
    ref: GoldRef


@dataclass(frozen=True)
class Kept:
    """Where a run is written, and the journal that keeps what is done until then."""

    run: Output
    journal: Path


@with_groups
def evaluate_gold(
    context: typer.Context,
    gold: Annotated[
        Path,
        typer.Argument(metavar="[SET] GOLD", help="Gold questions: JSONL, SQuAD-like JSONL or SQuAD JSON, .gz too."),
    ],
    file: Annotated[Path | None, typer.Argument(hidden=True)] = None,
    *,
    store: StoreOption,
    chosen: ChoosingOptions,
    passages: Annotated[int, typer.Option("-k", "--passages", min=1, max=200)] = 20,
    threshold: Annotated[float | None, typer.Option(min=0, max=1)] = None,
    judging: JudgingOptions,
    writing: WritingOptions,
    models: ReadingOptions,
) -> None:
    """Measure answers against gold questions: EM, F1, hit rate, citations, abstention, calibration, causes of errors.

    A standard set is one command: `qa eval squad2 FILE` (each question with its own paragraph), `qa eval open FILE
    --corpus ARTICLES` (asked of all paragraphs and articles together) and `qa eval documents FILE` (each question with
    the six passages of its own document that match it best: the reader alone, by domain and by kind).
    """
    from eval.measures.names import default_measures
    from eval.runs.reading import MEASURES

    name = _set_name(gold, file)
    if name == "open" and chosen.corpus is None:
        raise UsageError("qa eval open needs --corpus: the articles that are searched beside the set's own paragraphs")
    if name == "documents":
        _read_own_documents(file or gold, chosen, judging, writing, models, threshold=threshold)
        return
    own_paragraph = chosen.own_paragraph or name == "squad2"
    if own_paragraph and chosen.corpus is not None:
        raise UsageError("--corpus does not go with questions that are given their own paragraph")
    if writing.resume and writing.output is None:
        raise UsageError("--resume goes on with the run of --output: name it")
    if chosen.corpus is not None:
        require_named_store(context)
        require_corpus(chosen.corpus)
    # Now, not after an hour of asking.
    read = (file or gold, chosen.corpus, judging.compare, models.reader, models.calibration)
    outputs = Outputs(read, store=None if own_paragraph else store, force=writing.force)
    kept = _kept_at(outputs, writing.output)
    page = page_output(outputs, writing.report)
    bounds = [parse_fail_under(text) for text in judging.fail_under or ()]
    usual = parse_measures(MEASURES) if own_paragraph else default_measures(passages)
    named = parse_measures(judging.measure) if judging.measure else usual
    by = parse_groupings(judging.by or ())
    measures = list(dict.fromkeys([*named, *(measure for measure, _ in bounds)]))
    deep = next((measure for measure in measures if measure.depth > passages), None)
    if deep is not None:
        raise UsageError(f"{deep.name} looks deeper than the {passages} passages read: -k {deep.depth}")
    asked = _questions(file or gold, chosen.articles, chosen.sample, chosen.seed, chosen.half)
    before = _earlier(judging.compare, asked)
    if own_paragraph:
        run = _read_own_paragraphs(
            asked,
            tune_on=chosen.tune_on,
            reader=models.reader,
            measures=measures,
            by=by,
            kept=kept,
            resume=writing.resume,
        )
    else:
        opened = open_store(store, create=chosen.corpus is not None)
        if chosen.corpus is not None:
            index_corpus(opened, asked.everything, chosen.corpus)
        run = _ask(
            opened,
            asked,
            reader=models.reader,
            calibration=models.calibration,
            passages=passages,
            threshold=threshold,
            measures=measures,
            by=by,
            kept=kept,
            resume=writing.resume,
        )
    _conclude(run, before, compared=judging.compare, measures=measures, bounds=bounds, seed=chosen.seed, page=page)


def _set_name(gold: Path, file: Path | None) -> str | None:
    """The standard set that the arguments name, None for a gold file alone; raises UsageError for neither."""
    # A set's name is one only where a file follows it, or where no file is called so.
    name = str(gold) if file is not None or (str(gold) in SETS and not gold.exists()) else None
    if name is not None and (name not in SETS or file is None):
        known = "; ".join(f"{known}, {meaning}" for known, meaning in SETS.items())
        raise UsageError(f"expected GOLD, or a standard set and its file. The sets: {known}")
    return name


def _questions(file: Path, articles: str | None, sample: int | None, seed: int, half: str | None) -> Asked:
    from eval.gold.corpus import by_articles
    from eval.gold.questions import read_gold
    from eval.gold.sampling import draw
    from eval.runs.run import GoldRef, gold_sha256

    named = parse_half(half)
    everything = read_gold(file)
    questions = draw(halved(by_articles(everything, articles), file, named), sample, seed)
    ref = GoldRef(
        name=file.name,
        sha256=gold_sha256(file),
        questions=len(questions),
        articles=articles,
        sample=sample,
        seed=None if sample is None else seed,
        half=named,
    )
    return Asked(file, everything, questions, ref)


def _earlier(compare: Path | None, asked: Asked) -> Run | None:
    """The run to compare with, refused before anything is asked if it was made with other questions."""
    from eval.runs.compare import check_same_gold
    from eval.runs.run import Run

    if compare is None:
        return None
    before = Run.read(compare)
    check_same_gold(before.about.gold, asked.ref)
    return before


def _ask(
    store: Store,
    asked: Asked,
    *,
    reader: str | None,
    calibration: Path | None,
    passages: int,
    threshold: float | None,
    measures: Sequence[Measure],
    by: Sequence[Grouping],
    kept: Kept | None,
    resume: bool,
) -> Run:
    from eval.runs.asker import StoreAsker, about_engine
    from eval.runs.harness import evaluate, run_settings
    from eval.runs.journal import Journal

    engine = open_engine(store, reader, calibration)
    about = about_engine(engine, asked.ref)

    def ask(journal: Journal | None) -> Run:
        done = len(journal.done) if journal else 0
        asker = StoreAsker(engine, asked.questions, asked.file, done=done)
        with progress_bar("asking", len(asked.questions)) as advance:
            return evaluate(
                asked.questions,
                asker,
                passages=passages,
                threshold=threshold,
                inside=asker,
                sources=asker,
                about=about,
                measures=measures,
                journal=journal,
                progress=advance,
            ).grouped(by)

    return _keeping(kept, ask, lambda path: Journal(path, about, run_settings(passages, threshold), resume=resume))


def _read_own_paragraphs(
    asked: Asked,
    *,
    tune_on: str | None,
    reader: str | None,
    measures: Sequence[Measure],
    by: Sequence[Grouping],
    kept: Kept | None,
    resume: bool,
) -> Run:
    from eval.gold.corpus import by_articles
    from eval.runs.journal import ReadingJournal
    from eval.runs.reading import choose_threshold, read_paragraphs, reading_run
    from eval.runs.run import About, RunSettings, software
    from qa.reading.reader import DEFAULT_READER, open_reader
    from qa.types import ModelRef

    if any(question.context is None for question in asked.questions):
        raise UsageError(f"{asked.file}: --own-paragraph needs a gold file whose questions carry their paragraph")
    model = open_reader(reader or DEFAULT_READER)
    about = About(software=software(), gold=asked.ref, reader=ModelRef(name=model.name, sha256=model.sha256))
    choosing = by_articles(asked.everything, tune_on) if tune_on else []

    def ask(journal: ReadingJournal | None) -> Run:
        def read(name: str, questions: list[GoldQuestion], after: int) -> list[Reading]:
            with progress_bar(name, len(questions)) as advance:
                return read_paragraphs(questions, model, advance, journal=journal, after=after)

        chosen_on = read("reading to choose", choosing, 0) if tune_on else None
        readings = read("reading", asked.questions, len(choosing))
        threshold = choose_threshold(chosen_on or readings)
        return reading_run(readings, threshold, tune_on, about=about, measures=measures).grouped(by)

    settings = RunSettings(passages=1, own_paragraph=True, chosen_on=tune_on)
    return _keeping(kept, ask, lambda path: ReadingJournal(path, about, settings, resume=resume))


def _read_own_documents(
    file: Path,
    chosen: ChoosingOptions,
    judging: JudgingOptions,
    writing: WritingOptions,
    models: ReadingOptions,
    *,
    threshold: float | None,
) -> None:
    others = (chosen.corpus, chosen.articles, chosen.tune_on, threshold, writing.report, models.calibration)
    judged = (judging.measure, judging.by, judging.compare, judging.fail_under)
    if writing.resume or chosen.own_paragraph or any(value is not None for value in (*others, *judged)):
        raise UsageError("qa eval documents takes --half, --sample, --seed, --reader, --output and --force alone")
    outputs = Outputs((file, models.reader), force=writing.force)
    output = None if writing.output is None else outputs.file(writing.output, FIGURES)
    asked = _questions(file, None, chosen.sample, chosen.seed, None)
    measure_documents(asked.questions, file, asked.ref, half=chosen.half, reader=models.reader, output=output)


def _kept_at(outputs: Outputs, output: Path | None) -> Kept | None:
    from eval.runs.journal import JOURNAL
    from eval.runs.run import RUN

    if output is None:
        return None
    run = outputs.file(output, RUN)
    return Kept(run, outputs.file(output.with_name(f"{output.name}.journal"), JOURNAL, forced=False).path)


def _keeping(kept: Kept | None, ask: Callable[[J | None], Run], open_journal: Callable[[Path], J]) -> Run:
    """The run that `ask` makes; where it has an output, written there, and kept in a journal beside it until then."""
    if kept is None:
        return ask(None)
    with open_journal(kept.journal) as journal:
        try:
            run = ask(journal)
        except KeyboardInterrupt:
            tell(f"interrupted; what is done is kept in {kept.journal}: go on with --resume")
            raise typer.Exit(1) from None
        kept.run.write(run.encoded())
        journal.discard()
    return run


def _conclude(
    run: Run,
    before: Run | None,
    *,
    compared: Path | None,
    measures: Sequence[Measure],
    bounds: Sequence[tuple[Measure, float]],
    seed: int,
    page: Output | None,
) -> None:
    """Say what came out, against an earlier run and against the bounds; exit 1 where one of these does not hold."""
    from eval.runs.compare import compare
    from eval.runs.summary import figures
    from eval.runs.tables import print_comparison, print_run

    console = Terminal()
    measured = figures(run, seed=seed)
    print_run(run, console, measured=measured)
    if page is not None:
        write_page(run, page, measured)
    if before is not None:
        print_comparison(compare(before, run, untimed(measures), seed=seed), str(compared), "this run", console)
    broken = False
    for measure, bound in bounds:
        value = run.values[measure.name]
        if value is None:
            tell(f"so that {bound:g} is not reached", label=f"{measure.name} could not be measured,", style="red")
        elif value < bound if measure.higher_is_better else value > bound:
            side = "under" if measure.higher_is_better else "over"
            tell(f"{side} {bound:g}", label=f"{measure.name} is {value:.4g},", style="red")
        else:
            continue
        broken = True
    if broken:
        raise typer.Exit(1)
