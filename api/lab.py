"""The commands that measure, calibrate and train: `qa eval`, `qa calibrate`, `qa train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from api import promises
from api.errors import UsageError
from api.opening import open_engine, open_store
from api.options import CalibrationOption, ReaderOption, StoreOption, errors, progress_bar
from index.store import Store

if TYPE_CHECKING:
    from eval.gold import GoldQuestion
    from eval.reading import Reading

GoldArgument = Annotated[Path, typer.Argument(help="Gold questions: JSONL, SQuAD-like JSONL or SQuAD JSON, .gz too.")]
CorpusOption = Annotated[
    Path | None,
    typer.Option(help="Open domain: index the gold paragraphs and these articles (JSONL of title and text)."),
]


def evaluate_gold(
    gold: GoldArgument,
    *,
    store: StoreOption,
    corpus: CorpusOption = None,
    articles: Annotated[
        str | None, typer.Option(help="Only a slice of the sorted article titles, as 11: or 0:6.")
    ] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Only this many questions, by a seeded draw.")] = None,
    own_paragraph: Annotated[
        bool, typer.Option("--own-paragraph", help="Reading alone: give each question its own paragraph.")
    ] = False,
    tune_on: Annotated[
        str | None, typer.Option(help="With --own-paragraph: the articles to choose the null threshold on.")
    ] = None,
    passages: Annotated[int, typer.Option("-k", "--passages", min=1, max=200)] = 20,
    threshold: Annotated[float | None, typer.Option(min=0, max=1)] = None,
    output: Annotated[Path | None, typer.Option(help="Write the run as JSON.")] = None,
    reader: ReaderOption = None,
    calibration: CalibrationOption = None,
) -> None:
    """Measure answers against gold questions: EM, F1, hit rate, citations, abstention, calibration."""
    from eval.asking import StoreAsker
    from eval.calibrating import draw
    from eval.corpus import by_articles
    from eval.gold import read_gold
    from eval.harness import evaluate
    from eval.report import print_run

    everything = read_gold(gold)
    asked = draw(by_articles(everything, articles), sample)
    if own_paragraph:
        _read_own_paragraphs(gold, everything, asked, tune_on=tune_on, reader=reader, output=output)
        return
    opened = open_store(store, create=corpus is not None)
    if corpus is not None:
        _index_corpus(opened, everything, corpus)
    engine = open_engine(opened, reader, calibration)
    asker = StoreAsker(engine, asked, gold)
    with progress_bar("asking", len(asked)) as advance:
        run = evaluate(
            asked,
            asker,
            passages=passages,
            threshold=threshold,
            retrieval=asker,
            sources=asker,
            gold_name=gold.name,
            progress=advance,
        )
    print_run(run, Console())
    if output is not None:
        run.write(output)


def calibrate(
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
    )


def _fit(
    gold: Path,
    *,
    store: Path,
    corpus: Path | None,
    tune: str,
    fit: str,
    sample: int,
    passages: int,
    output: Path,
    reader: str | None,
) -> None:
    from eval.calibrating import calibrate_end_to_end, draw
    from eval.corpus import by_articles
    from eval.gold import read_gold
    from qa.reader import DEFAULT_READER, TransformersReader

    everything = read_gold(gold)
    tuning, fitting = draw(by_articles(everything, tune), sample), draw(by_articles(everything, fit), sample)
    opened = open_store(store, create=corpus is not None)
    if corpus is not None:
        _index_corpus(opened, everything, corpus)
    outcome = calibrate_end_to_end(
        opened,
        TransformersReader(reader or DEFAULT_READER),
        everything,
        tuning=tuning,
        fitting=fitting,
        passages=passages,
        fitted_on=f"{gold.name}, articles {fit}",
        watch=progress_bar,
    )
    calibration, console = outcome.calibration, Console()
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
    output.write_text(json.dumps(calibration.model_dump(), indent=2) + "\n", encoding="utf-8")
    console.print(f"threshold {calibration.threshold:.2f}; written to {output}")


train = typer.Typer(help="Train models.", no_args_is_help=True)


@train.command("reader")
def train_reader(
    *,
    data: Annotated[Path, typer.Option(help="Folder of the recipe's sources.")],
    work: Annotated[Path, typer.Option(help="Folder for checkpoints and made data; go on from it.")] = Path(".work"),
    output: Annotated[Path, typer.Option(help="Where to write the model folder.")] = Path("reader"),
    recipe: Annotated[Path | None, typer.Option(help="A recipe other than the shipped reader's.")] = None,
    base: Annotated[Path | None, typer.Option(help="Encoder folder to start from; the bundled embedder.")] = None,
) -> None:
    """Train an extractive reader. Interrupt it at will: the same command goes on from the last checkpoint."""
    from qa.training.config import DEFAULT_RECIPE, load_recipe
    from qa.training.run import train_reader as run

    run(load_recipe(recipe or DEFAULT_RECIPE), data_dir=data, work=work, out=output, console=errors, base=base)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("eval")(evaluate_gold)
    app.command("calibrate")(calibrate)
    app.add_typer(promises.promise, name="promise")
    app.add_typer(train, name="train")


def _read_own_paragraphs(
    gold: Path,
    everything: list[GoldQuestion],
    asked: list[GoldQuestion],
    *,
    tune_on: str | None,
    reader: str | None,
    output: Path | None,
) -> None:
    from eval.corpus import by_articles
    from eval.reading import choose_threshold, read_paragraphs, score_reading
    from qa.reader import DEFAULT_READER, TransformersReader

    if any(question.context is None for question in asked):
        raise UsageError(f"{gold}: --own-paragraph needs a gold file whose questions carry their paragraph")
    model = TransformersReader(reader or DEFAULT_READER)

    def read(name: str, questions: list[GoldQuestion]) -> list[Reading]:
        with progress_bar(name, len(questions)) as advance:
            return read_paragraphs(questions, model, advance)

    chosen_on = read("reading to choose", by_articles(everything, tune_on)) if tune_on else None
    readings = read("reading", asked)
    scores = score_reading(readings, choose_threshold(chosen_on or readings))
    table = Table("measure", "value", title=f"{gold.name}, own paragraph given")
    for name, value in scores.model_dump().items():
        shown = "n/a" if value is None else f"{value:.2f}" if name == "threshold" else value
        table.add_row(name, f"{shown:.1%}" if isinstance(shown, float) else str(shown))
    Console().print(table)
    if chosen_on is None:
        Console().print(
            "The threshold was chosen on these very questions (an upper bound); choose it elsewhere: --tune-on"
        )
    if output is not None:
        record = {"gold": gold.name, "reader": {"name": model.name, "sha256": model.sha256}, **scores.model_dump()}
        output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _index_corpus(store: Store, gold: list[GoldQuestion], corpus: Path) -> None:
    """Bring a store up to the paragraphs of a gold set and the articles; what is already there costs little."""
    from eval.corpus import article_documents, gold_documents

    paragraphs = list(gold_documents(gold))
    articles = list(article_documents(corpus))
    with progress_bar("indexing the corpus", len(paragraphs) + len(articles)) as advance:
        for done, _ in enumerate(store.put_all([*paragraphs, *articles]), start=1):
            advance(done, len(paragraphs) + len(articles))
    store.sync()
