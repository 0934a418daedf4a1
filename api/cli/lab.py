"""The commands that measure, calibrate and train; `qa calibrate` and `qa train` are here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from api.cli import evaluating, promises
from api.cli.errors import UsageError
from api.cli.evaluating import CorpusOption, index_corpus, require_corpus, require_named_store
from api.cli.opening import open_store
from api.cli.options import CalibrationOption, ForceOption, ReaderOption, StoreOption, progress_bar
from api.terminal import Terminal, errors
from index.disk.outputs import Outputs
from index.text.printable import printable

GoldArgument = Annotated[Path, typer.Argument(help="Gold questions: JSONL, SQuAD-like JSONL or SQuAD JSON, .gz too.")]


def calibrate(
    context: typer.Context,
    gold: GoldArgument,
    *,
    store: StoreOption,
    risk: promises.RiskOption = None,
    delta: promises.DeltaOption = None,
    articles: Annotated[
        str | None, typer.Option(help="With --risk: only a slice of the sorted article titles, as 11:.")
    ] = None,
    calibration: CalibrationOption = None,
    corpus: CorpusOption = None,
    tune: Annotated[
        str | None, typer.Option(help="Articles that choose fusion and ranking, a slice of sorted titles; 0:6.")
    ] = None,
    fit: Annotated[str | None, typer.Option(help="Articles that fit confidence and threshold; 6:11.")] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="At most this many questions, for each; 1000, or all with --risk.")
    ] = None,
    passages: Annotated[int, typer.Option("-k", "--passages", min=1, max=200, help="How many passages to read.")] = 20,
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
    fits = {"--corpus": corpus, "--tune": tune, "--fit": fit, "--output": output}
    promise = {"--delta": delta, "--articles": articles, "--calibration": calibration}
    for name, value in (fits if risk is not None else promise).items():
        if value is not None:
            raise UsageError(f"{name} does not go {'with' if risk is not None else 'without'} --risk")
    if risk is not None:
        promises.make_promise(
            gold,
            store=store,
            risk=risk,
            delta=delta,
            articles=articles,
            sample=sample,
            passages=passages,
            reader=reader,
            calibration=calibration,
        )
        return
    if corpus is not None:
        require_named_store(context)
        require_corpus(corpus)
    _fit(
        gold,
        store=store,
        corpus=corpus,
        tune=tune or "0:6",
        fit=fit or "6:11",
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


train = typer.Typer(help="Train models.", no_args_is_help=True)


@train.command("reader")
def train_reader(
    *,
    data: Annotated[Path, typer.Option(help="Folder of the recipe's sources.")],
    work: Annotated[Path, typer.Option(help="Folder for checkpoints and made data; go on from it.")] = Path(".work"),
    output: Annotated[Path, typer.Option(help="Where to write the model folder.")] = Path("reader"),
    recipe: Annotated[Path | None, typer.Option(help="A recipe other than the shipped reader's.")] = None,
    base: Annotated[Path | None, typer.Option(help="Encoder folder to start from; the bundled embedder.")] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Folder of a trained teacher; without it the recipe's own is trained first.")
    ] = None,
    force: ForceOption = False,
) -> None:
    """Train an extractive reader. Interrupt it at will: the same command goes on from the last checkpoint."""
    from qa.training.config import DEFAULT_RECIPE, load_recipe
    from qa.training.export import READER
    from qa.training.run import WORK
    from qa.training.run import train_reader as run

    outputs = Outputs([data, recipe, base, teacher], force=force)
    reader = outputs.folder(output, READER)
    outputs.work(work, WORK)
    run(
        load_recipe(recipe or DEFAULT_RECIPE),
        data_dir=data,
        work=work,
        out=reader,
        console=errors,
        base=base,
        teacher=teacher,
    )


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    evaluating.add_to(app)
    app.command("calibrate")(calibrate)
    app.add_typer(promises.promise, name="promise")
    app.add_typer(train, name="train")
