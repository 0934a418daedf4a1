"""The commands that measure answers, tell runs apart and show them: `qa eval`, `qa compare`, `qa report`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from api.document_reading import measure_documents
from api.errors import UsageError
from api.opening import open_engine, open_store
from api.options import CalibrationOption, ReaderOption, StoreOption, errors, progress_bar
from index.errors import InputError
from index.store import Store

if TYPE_CHECKING:
    from eval.gold import GoldQuestion
    from eval.journal import Journal, ReadingJournal
    from eval.measures import Measure
    from eval.reading import Reading
    from eval.runs import GoldRef, Run
    from eval.summary import Figure

J = TypeVar("J", "Journal", "ReadingJournal")
# As eval.runs.SEED, which would cost start-up time to import.
SEED = 13
# What each standard set is short for.
SETS = {
    "squad2": "SQuAD 2.0: each question with its own paragraph, null threshold chosen (--own-paragraph)",
    "open": "open domain: asked of all its paragraphs and --corpus together",
    "documents": "questions on whole documents: each with six passages of its own, reading alone (--half)",
}
CorpusOption = Annotated[
    Path | None,
    typer.Option(help="Open domain: index the gold paragraphs and these articles (JSONL of title and text)."),
]
MeasureOption = Annotated[
    list[str] | None,
    typer.Option("--measure", help="Report this measure, as HitRate@5; may be repeated. An unknown one lists all."),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the draws: --sample and the intervals.")]


@dataclass(frozen=True)
class Asked:
    """The questions of an evaluation, all of their file, and how the runs of them are told apart."""

    file: Path
    everything: list[GoldQuestion]
    questions: list[GoldQuestion]
    ref: GoldRef


def evaluate_gold(
    context: typer.Context,
    gold: Annotated[
        Path,
        typer.Argument(metavar="[SET] GOLD", help="Gold questions: JSONL, SQuAD-like JSONL or SQuAD JSON, .gz too."),
    ],
    file: Annotated[Path | None, typer.Argument(hidden=True)] = None,
    *,
    store: StoreOption,
    corpus: CorpusOption = None,
    articles: Annotated[
        str | None, typer.Option(help="Only a slice of the sorted article titles, as 11: or 0:6.")
    ] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Only this many questions, by a seeded draw.")] = None,
    seed: SeedOption = SEED,
    own_paragraph: Annotated[
        bool, typer.Option("--own-paragraph", help="Reading alone: give each question its own paragraph.")
    ] = False,
    tune_on: Annotated[
        str | None, typer.Option(help="With --own-paragraph: the articles to choose the null threshold on.")
    ] = None,
    passages: Annotated[int, typer.Option("-k", "--passages", min=1, max=200)] = 20,
    threshold: Annotated[float | None, typer.Option(min=0, max=1)] = None,
    measure: MeasureOption = None,
    compare: Annotated[Path | None, typer.Option(help="Compare with this earlier run of the same questions.")] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(help="Exit 1 where a measure is worse than this, as F1=0.7 or ECE=0.1; may be repeated."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the run as JSON; until then, keep what is done.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run of --output.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML page to look at: figures, plots and every question.")
    ] = None,
    half: Annotated[
        str | None, typer.Option(help="Of `qa eval documents`: only the documents of one half, tune or report.")
    ] = None,
    reader: ReaderOption = None,
    calibration: CalibrationOption = None,
) -> None:
    """Measure answers against gold questions: EM, F1, hit rate, citations, abstention, calibration, causes of errors.

    A standard set is one command: `qa eval squad2 FILE` (each question with its own paragraph), `qa eval open FILE
    --corpus ARTICLES` (asked of all paragraphs and articles together) and `qa eval documents FILE` (each question with
    the six passages of its own document that match it best: the reader alone, by domain and by kind).
    """
    from eval.measures import default_measures
    from eval.reading import MEASURES

    name = _set_name(gold, file)
    if name == "open" and corpus is None:
        raise UsageError("qa eval open needs --corpus: the articles that are searched beside the set's own paragraphs")
    if half is not None and name != "documents":
        raise UsageError("--half goes with qa eval documents")
    if name == "documents":
        others = [corpus, articles, tune_on, threshold, measure, compare, fail_under, report, calibration]
        if resume or own_paragraph or any(value is not None for value in others):
            raise UsageError("qa eval documents takes --half, --sample, --seed, --reader and --output alone")
        documents = _questions(file or gold, None, sample, seed)
        measure_documents(documents.questions, documents.file, documents.ref, half=half, reader=reader, output=output)
        return
    own_paragraph = own_paragraph or name == "squad2"
    if own_paragraph and corpus is not None:
        raise UsageError("--corpus does not go with questions that are given their own paragraph")
    if report is not None:
        # Now, not after an hour of asking.
        _check_page(report)
    if resume and output is None:
        raise UsageError("--resume goes on with the run of --output: name it")
    if corpus is not None:
        require_named_store(context)
    bounds = [_bound(text) for text in fail_under or ()]
    usual = _measures(MEASURES) if own_paragraph else default_measures(passages)
    measures = list(dict.fromkeys([*(_measures(measure) if measure else usual), *(one for one, _ in bounds)]))
    deep = next((one for one in measures if one.depth > passages), None)
    if deep is not None:
        raise UsageError(f"{deep.name} looks deeper than the {passages} passages read: -k {deep.depth}")
    asked = _questions(file or gold, articles, sample, seed)
    before = _earlier(compare, asked)
    if own_paragraph:
        run = _read_own_paragraphs(
            asked, tune_on=tune_on, reader=reader, measures=measures, output=output, resume=resume
        )
    else:
        opened = open_store(store, create=corpus is not None)
        if corpus is not None:
            index_corpus(opened, asked.everything, corpus)
        run = _ask(
            opened, asked, reader=reader, calibration=calibration, passages=passages, threshold=threshold,
            measures=measures, output=output, resume=resume,
        )  # fmt: skip
    _conclude(run, before, compared=compare, measures=measures, bounds=bounds, seed=seed, report=report)


def compare_runs(
    before: Annotated[Path, typer.Argument(help="A run file of qa eval --output.")],
    after: Annotated[Path, typer.Argument(help="Another run of the same questions.")],
    *,
    measure: MeasureOption = None,
    seed: SeedOption = SEED,
) -> None:
    """Compare two runs of the same gold questions: what changed, within which interval, and whether that shows
    anything."""
    from eval.compare import compare
    from eval.report import print_comparison
    from eval.runs import Run

    old, new = Run.read(before), Run.read(after)
    measures = _measures(measure) if measure else _untimed(_measures(list(new.values)))
    print_comparison(compare(old, new, measures, seed=seed), str(before), str(after), Console())


def report_run(
    run: Annotated[Path, typer.Argument(metavar="RUN.json", help="A run file of qa eval --output.")],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write the page, as report.html.")],
    seed: SeedOption = SEED,
) -> None:
    """Make one HTML page of a run, to look at without a network: figures with intervals, plots, and every question
    with the gold and the given answer marked in their text."""
    from eval.runs import Run
    from eval.summary import figures

    _check_page(output)
    found = Run.read(run)
    _write_page(found, output, figures(found, seed=seed))


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("eval")(evaluate_gold)
    app.command("compare")(compare_runs)
    app.command("report")(report_run)


def index_corpus(store: Store, gold: list[GoldQuestion], corpus: Path) -> None:
    """Bring a store up to the paragraphs of a gold set and the articles; what is already there costs little.

    Raises InputError for a store that holds anything else: it would be searched as well, and be filled with these.
    """
    from eval.corpus import article_documents, check_holds_nothing_else, gold_documents

    paragraphs = list(gold_documents(gold))
    articles = list(article_documents(corpus))
    check_holds_nothing_else(store, [*paragraphs, *articles])
    with progress_bar("indexing the corpus", len(paragraphs) + len(articles)) as advance:
        for done, _ in enumerate(store.put_all([*paragraphs, *articles]), start=1):
            advance(done, len(paragraphs) + len(articles))
    store.sync()


def require_named_store(context: typer.Context) -> None:
    """Raise UsageError where --corpus would fill the store of everyday use."""
    origin = context.get_parameter_source("store")
    if origin is not None and origin.name == "DEFAULT":
        raise UsageError("--corpus fills a store with test articles: name one for them by --store or QA_STORE")


def _set_name(gold: Path, file: Path | None) -> str | None:
    """The standard set that the arguments name, None for a gold file alone; raises UsageError for neither."""
    # A set's name is one only where a file follows it, or where no file is called so.
    name = str(gold) if file is not None or (str(gold) in SETS and not gold.exists()) else None
    if name is not None and (name not in SETS or file is None):
        known = "; ".join(f"{known}, {meaning}" for known, meaning in SETS.items())
        raise UsageError(f"expected GOLD, or a standard set and its file. The sets: {known}")
    return name


def _questions(file: Path, articles: str | None, sample: int | None, seed: int) -> Asked:
    from eval.calibrating import draw
    from eval.corpus import by_articles
    from eval.gold import read_gold
    from eval.runs import GoldRef, gold_sha256

    everything = read_gold(file)
    questions = draw(by_articles(everything, articles), sample, seed)
    ref = GoldRef(
        name=file.name,
        sha256=gold_sha256(file),
        questions=len(questions),
        articles=articles,
        sample=sample,
        seed=None if sample is None else seed,
    )
    return Asked(file, everything, questions, ref)


def _earlier(compare: Path | None, asked: Asked) -> Run | None:
    """The run to compare with, refused before anything is asked if it was made with other questions."""
    from eval.compare import check_same_gold
    from eval.runs import Run

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
    output: Path | None,
    resume: bool,
) -> Run:
    from eval.asking import StoreAsker, about_engine
    from eval.harness import evaluate, run_settings
    from eval.journal import Journal

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
            )

    return _kept(output, ask, lambda path: Journal(path, about, run_settings(passages, threshold), resume=resume))


def _read_own_paragraphs(
    asked: Asked,
    *,
    tune_on: str | None,
    reader: str | None,
    measures: Sequence[Measure],
    output: Path | None,
    resume: bool,
) -> Run:
    from eval.corpus import by_articles
    from eval.journal import ReadingJournal
    from eval.reading import choose_threshold, read_paragraphs, reading_run
    from eval.runs import About, RunSettings, software
    from qa.reader import DEFAULT_READER, open_reader
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
        return reading_run(readings, threshold, tune_on, about=about, measures=measures)

    settings = RunSettings(passages=1, own_paragraph=True, chosen_on=tune_on)
    return _kept(output, ask, lambda path: ReadingJournal(path, about, settings, resume=resume))


def _kept(output: Path | None, ask: Callable[[J | None], Run], open_journal: Callable[[Path], J]) -> Run:
    """The run that `ask` makes; where it has an output, written there, and kept in a journal beside it until then."""
    if output is None:
        return ask(None)
    kept = output.with_name(f"{output.name}.journal")
    with open_journal(kept) as journal:
        try:
            run = ask(journal)
        except KeyboardInterrupt:
            errors.print(f"interrupted; what is done is kept in {escape(str(kept))}: go on with --resume")
            raise typer.Exit(1) from None
        run.write(output)
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
    report: Path | None,
) -> None:
    """Say what came out, against an earlier run and against the bounds; exit 1 where one of these does not hold."""
    from eval.compare import compare
    from eval.report import print_comparison, print_run
    from eval.summary import figures

    console = Console()
    measured = figures(run, seed=seed)
    print_run(run, console, measured=measured)
    if report is not None:
        _write_page(run, report, measured)
    if before is not None:
        print_comparison(compare(before, run, _untimed(measures), seed=seed), str(compared), "this run", console)
    broken = False
    for measure, bound in bounds:
        value = run.values[measure.name]
        if value is None:
            errors.print(f"[red]{measure.name} could not be measured[/red], so that {bound:g} is not reached")
        elif value < bound if measure.higher_is_better else value > bound:
            side = "under" if measure.higher_is_better else "over"
            errors.print(f"[red]{measure.name} is {value:.4g}[/red], {side} {bound:g}")
        else:
            continue
        broken = True
    if broken:
        raise typer.Exit(1)


def _check_page(page: Path) -> None:
    from eval.webreport import require_libraries

    require_libraries()
    if not page.resolve().parent.is_dir():
        raise UsageError(f"{page}: there is no folder {page.resolve().parent} to write it in")


def _write_page(run: Run, page: Path, measured: Sequence[Figure]) -> None:
    from eval.webreport import write_page

    write_page(run, page, measured=measured)
    errors.print(f"report: {escape(str(page))}", soft_wrap=True)


def _measures(names: Sequence[str]) -> list[Measure]:
    from eval.measures import parse_measure

    try:
        return [parse_measure(name) for name in names]
    except InputError as error:
        raise UsageError(str(error)) from error


def _bound(text: str) -> tuple[Measure, float]:
    from eval.measures import parse_bound

    try:
        return parse_bound(text)
    except InputError as error:
        raise UsageError(f"--fail-under {error}") from error


def _untimed(measures: Sequence[Measure]) -> list[Measure]:
    # Times differ from run to run for reasons outside both; who names one by --measure gets it compared.
    return [measure for measure in measures if not measure.timed]
