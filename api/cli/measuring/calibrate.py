"""`qa calibrate`: the confidence of answers fitted to gold questions, or a promise made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from api.cli.errors import UsageError
from api.cli.grouping import OptionGroup, with_groups
from api.cli.measuring.corpus import CorpusOption, index_corpus, require_corpus, require_named_store
from api.cli.measuring.halves import halved, parse_half
from api.cli.measuring.promise import DEFAULT_DELTA, make_promise
from api.cli.opening import open_store
from api.cli.options import CalibrationOption, ForceOption, PassagesOption, ReaderOption, StoreOption
from api.cli.progress import progress_bar
from api.terminal import Terminal, tell
from index.disk.outputs import Outputs
from index.text.printable import printable

if TYPE_CHECKING:
    from eval.calibration.from_gold import DocumentsSet, Outcome
    from eval.results import QuestionResult
    from qa.reading.reader import Reader

# What a fit comes to on whole documents: calibration error, and what the threshold and the ranking bring.
DOCUMENT_MEASURES = ("ECE", "HasAnsRight", "NoAnsF1", "ForcedRight", "Coverage@risk=0.2")


@dataclass(frozen=True)
class PromiseOptions(OptionGroup):
    """What is promised, and what shows it."""

    risk: Annotated[
        float | None,
        typer.Option(
            help="Promise that at most this share of the answers is wrong, as 0.1, and keep it with the store."
        ),
    ] = None
    delta: Annotated[
        float | None,
        typer.Option(help=f"With --risk: the chance that the promise fails; {DEFAULT_DELTA} by default."),
    ] = None
    articles: Annotated[
        str | None, typer.Option(help="With --risk: only a slice of the sorted article titles, as 11:.")
    ] = None
    calibration: CalibrationOption = None


@dataclass(frozen=True)
class FitOptions(OptionGroup):
    """What a calibration is fitted to."""

    corpus: CorpusOption = None
    tune: Annotated[
        str | None, typer.Option(help="Articles that choose fusion and ranking, a slice of sorted titles; 0:6.")
    ] = None
    fit: Annotated[str | None, typer.Option(help="Articles that fit confidence and threshold; 6:11.")] = None
    documents: Annotated[
        Path | None, typer.Option(help="Questions on whole documents that join the fit, counting as much: a gold file.")
    ] = None
    documents_store: Annotated[
        str | None, typer.Option(help="The store that holds the documents that --documents names, and maybe others.")
    ] = None
    half: Annotated[
        str | None, typer.Option(help="Of --documents, the half to fit to, tune or report; the other is held out.")
    ] = None
    readings: Annotated[
        Path | None,
        typer.Option(help="Keep what the reader says in this file: an interrupted run or another fit reads it there."),
    ] = None


@with_groups
def calibrate(
    context: typer.Context,
    gold: Annotated[Path, typer.Argument(help="Gold questions: JSONL, SQuAD-like JSONL or SQuAD JSON, .gz too.")],
    *,
    store: StoreOption,
    promise: PromiseOptions,
    fit: FitOptions,
    sample: Annotated[
        int | None, typer.Option(min=1, help="At most this many questions, for each; 1000, or all with --risk.")
    ] = None,
    passages: PassagesOption = 20,
    output: Annotated[Path | None, typer.Option(help="Where to write the calibration; calibration.json.")] = None,
    reader: ReaderOption = None,
    force: ForceOption = False,
) -> None:
    """Promise a share of wrong answers (--risk), or else fit fusion, ranking, confidence and threshold anew.

    With --risk the gold questions are asked of the store as it is, and the threshold is set so that at most that share
    of the answers is wrong, by a guarantee that asks nothing of their distribution; questions of one paragraph or
    document count for less, as far as they err together. The promise is kept with the store and returned with every
    answer that it speaks of. Use questions that the calibration was not fitted to.

    Without --risk a calibration file is written. The gold questions need paragraphs, and each is asked twice: of the
    whole store, and of its own article alone, so that the confidence holds in large and in small stores.

    With --documents questions on whole documents join the fit, asked of --documents-store and of their own document
    alone. Both sets count the same, and the threshold is chosen on both. What it comes to is printed by domain, for the
    half of the documents that was fitted to and for the other one.
    """
    documents = {"--documents": fit.documents, "--documents-store": fit.documents_store, "--half": fit.half}
    fits = {"--corpus": fit.corpus, "--tune": fit.tune, "--fit": fit.fit, "--output": output}
    fits |= {**documents, "--readings": fit.readings}
    promises = {"--delta": promise.delta, "--articles": promise.articles, "--calibration": promise.calibration}
    for name, value in (fits if promise.risk is not None else promises).items():
        if value is not None:
            raise UsageError(f"{name} does not go {'with' if promise.risk is not None else 'without'} --risk")
    if promise.risk is not None:
        make_promise(
            gold,
            store=store,
            risk=promise.risk,
            delta=promise.delta,
            articles=promise.articles,
            sample=sample,
            passages=passages,
            reader=reader,
            calibration=promise.calibration,
        )
        return
    if (fit.documents is None) != (fit.documents_store is None) or (fit.half is not None and fit.documents is None):
        raise UsageError("--documents goes with --documents-store, and --half with both")
    if fit.corpus is not None:
        require_named_store(context)
        require_corpus(fit.corpus)
    _fit(
        gold,
        fit,
        store=store,
        sample=sample or 1000,
        passages=passages,
        output=output or Path("calibration.json"),
        reader=reader,
        force=force,
    )


def _fit(
    gold: Path,
    options: FitOptions,
    *,
    store: str,
    sample: int,
    passages: int,
    output: Path,
    reader: str | None,
    force: bool,
) -> None:
    from eval.calibration.from_gold import calibrate_end_to_end, require_both_kinds
    from eval.calibration.readings import READINGS, KeptReadings
    from eval.gold.corpus import by_articles, check_holds_paragraphs
    from eval.gold.questions import read_gold
    from eval.gold.sampling import draw
    from qa.judging.confidence import CALIBRATION
    from qa.reading.reader import DEFAULT_READER, open_reader

    tune, fit = options.tune or "0:6", options.fit or "6:11"
    outputs = Outputs([gold, options.corpus, options.documents, reader], store=store, force=force)
    written = outputs.file(output, CALIBRATION)
    kept = None if options.readings is None else outputs.file(options.readings, READINGS).path
    everything = read_gold(gold)
    tuning, fitting = draw(by_articles(everything, tune), sample), draw(by_articles(everything, fit), sample)
    require_both_kinds(fitting, f"{gold}: fitting on articles {fit}")
    documents = _documents(options, sample)
    opened = open_store(store, create=options.corpus is not None)
    if options.corpus is not None:
        index_corpus(opened, everything, options.corpus)
    else:
        check_holds_paragraphs(opened, everything)
    with ExitStack() as stack:
        model: Reader = open_reader(reader or DEFAULT_READER)
        if kept is not None:
            model = stack.enter_context(KeptReadings(model, kept))
        try:
            outcome = calibrate_end_to_end(
                opened,
                model,
                everything,
                tuning=tuning,
                fitting=fitting,
                passages=passages,
                fitted_on=f"{gold.name}, articles {fit}",
                watch=progress_bar,
                documents=documents,
            )
        except KeyboardInterrupt:
            if kept is None:
                raise
            tell(f"interrupted; what was read is kept in {kept}: the same command goes on")
            raise typer.Exit(1) from None
    written.write((json.dumps(outcome.calibration.model_dump(), indent=2) + "\n").encode())
    _print(outcome, tune, options.half)
    threshold = f"threshold {outcome.calibration.threshold:.2f}; written to {printable(str(output))}"
    Terminal().print(threshold, soft_wrap=True)


def _documents(options: FitOptions, sample: int) -> DocumentsSet | None:
    """The questions on whole documents, and the store that they are asked of; opened here, so that a wrong name is told
    before anything is read."""
    from eval.calibration.from_gold import DocumentsSet
    from eval.gold.halves import in_half, other_half
    from eval.gold.questions import read_gold
    from eval.gold.sampling import draw

    if options.documents is None or options.documents_store is None:
        return None
    half = parse_half(options.half)
    file, everything = options.documents, read_gold(options.documents)
    return DocumentsSet(
        store=open_store(options.documents_store),
        file=file,
        name=f"{file.name}, half {half}" if half else file.name,
        fitting=draw(halved(everything, file, half), sample),
        held_out=draw(in_half(everything, other_half(half)), sample) if half else [],
    )


def _print(outcome: Outcome, tune: str, half: str | None) -> None:
    calibration, console = outcome.calibration, Terminal()
    table = Table("list or fusion (dense:lexical)", "hit rate", title=f"tuning articles {tune}")
    for name, rate in outcome.hit_rates.items():
        table.add_row(name, f"{rate:.1%}")
    console.print(table)
    console.print(
        f"fusion {calibration.fusion_dense:g}:{calibration.fusion_lexical:g}; ranking: similarity "
        f"{calibration.rank_similarity:g}, fused {calibration.rank_fused:g}; F1 of the first {outcome.first_f1:.1%}"
    )
    for feature, weight in zip(calibration.features, calibration.weights, strict=True):
        console.print(f"  {feature:20} {weight:+.3f}")
    fitted = f"fitted to: half {half}" if half else "fitted to: an upper bound"
    for title, results in ((fitted, outcome.fitted), ("held out", outcome.held_out)):
        if results:
            console.print(_by_domain(title, results))


def _by_domain(title: str, results: Sequence[QuestionResult]) -> Table:
    """What questions on whole documents come to, asked of their whole store, by the folder of their document."""
    from eval.gold.halves import domain_of
    from eval.measures.names import parse_measure
    from eval.runs.summary import shown

    measures = [parse_measure(name) for name in DOCUMENT_MEASURES]
    domains: dict[str, list[QuestionResult]] = {}
    for result in results:
        domains.setdefault(domain_of(result.source), []).append(result)
    groups = {**dict(sorted(domains.items())), "all": list(results)}
    table = Table("domain", "questions", *DOCUMENT_MEASURES, title=title)
    for name, group in groups.items():
        values = [shown(measure, measure.value(group)) for measure in measures]
        table.add_row(printable(name), str(len(group)), *values, end_section=name == list(groups)[-2])
    return table
