"""`qa calibrate`: the confidence of answers fitted to gold questions, or a promise made of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from api.cli.errors import UsageError
from api.cli.grouping import OptionGroup, with_groups
from api.cli.measuring.corpus import CorpusOption, index_corpus, require_corpus, require_named_store
from api.cli.measuring.promise import DEFAULT_DELTA, make_promise
from api.cli.opening import open_store
from api.cli.options import CalibrationOption, ForceOption, PassagesOption, ReaderOption, StoreOption
from api.cli.progress import progress_bar
from api.terminal import Terminal
from index.disk.outputs import Outputs
from index.text.printable import printable


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
    """
    fits = {"--corpus": fit.corpus, "--tune": fit.tune, "--fit": fit.fit, "--output": output}
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
    if fit.corpus is not None:
        require_named_store(context)
        require_corpus(fit.corpus)
    _fit(
        gold,
        store=store,
        corpus=fit.corpus,
        tune=fit.tune or "0:6",
        fit=fit.fit or "6:11",
        sample=sample or 1000,
        passages=passages,
        output=output or Path("calibration.json"),
        reader=reader,
        force=force,
    )


def _fit(
    gold: Path,
    *,
    store: str,
    corpus: Path | None,
    tune: str,
    fit: str,
    sample: int,
    passages: int,
    output: Path,
    reader: str | None,
    force: bool,
) -> None:
    from eval.calibration.from_gold import calibrate_end_to_end, require_both_kinds
    from eval.gold.corpus import by_articles, check_holds_paragraphs
    from eval.gold.questions import read_gold
    from eval.gold.sampling import draw
    from qa.judging.confidence import CALIBRATION
    from qa.reading.reader import DEFAULT_READER, open_reader

    written = Outputs([gold, corpus, reader], store=store, force=force).file(output, CALIBRATION)
    everything = read_gold(gold)
    tuning, fitting = draw(by_articles(everything, tune), sample), draw(by_articles(everything, fit), sample)
    require_both_kinds(fitting, f"{gold}: fitting on articles {fit}")
    opened = open_store(store, create=corpus is not None)
    if corpus is not None:
        index_corpus(opened, everything, corpus)
    else:
        check_holds_paragraphs(opened, everything)
    outcome = calibrate_end_to_end(
        opened,
        open_reader(reader or DEFAULT_READER),
        everything,
        tuning=tuning,
        fitting=fitting,
        passages=passages,
        fitted_on=f"{gold.name}, articles {fit}",
        watch=progress_bar,
    )
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
    written.write((json.dumps(calibration.model_dump(), indent=2) + "\n").encode())
    console.print(f"threshold {calibration.threshold:.2f}; written to {printable(str(output))}", soft_wrap=True)
