"""`qa promise`: what a store promises of its answers; `qa calibrate --risk` makes the promise."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from api.cli.console import percent, promise_text
from api.cli.errors import UsageError
from api.cli.opening import open_engine, open_store
from api.cli.options import StoreOption
from api.cli.progress import progress_bar
from api.terminal import Terminal, say, say_json
from index.errors import InputError
from qa.types import Promise

if TYPE_CHECKING:
    from qa.calibration.risk import Proof, Refusal

DEFAULT_DELTA = 0.1

promise = typer.Typer(help="What the store promises of its answers.", no_args_is_help=True)


def make_promise(
    gold: Path,
    *,
    store: str,
    risk: float,
    delta: float | None,
    articles: str | None,
    sample: int | None,
    passages: int,
    reader: str | None,
    calibration: Path | None,
) -> None:
    """Ask a store's gold questions and keep with it what they prove; raises InputError where they prove nothing."""
    from api.service.auditing import note_change
    from eval.calibration.promises import Evidence
    from eval.gold.corpus import by_articles
    from eval.gold.questions import read_gold
    from eval.gold.sampling import draw
    from eval.runs.asker import StoreAsker
    from eval.runs.harness import evaluate
    from index.catalogue.audit_log import LOCAL_COMMAND
    from qa.calibration.promise import KeptPromise
    from qa.calibration.risk import Refusal

    chance = _checked(risk, delta)
    asked = draw(by_articles(read_gold(gold), articles), sample)
    engine = open_engine(open_store(store), reader, calibration)
    generation = engine.store.catalogue.generation()
    asker = StoreAsker(engine, asked, gold)
    with progress_bar("asking", len(asked)) as advance:
        run = evaluate(asked, asker, passages=passages, progress=advance)
    failed = [result for result in run.results if result.status == "failed"]
    if failed:
        # Counted as not answered they would prove what was never tried.
        raise InputError(f"{len(failed)} of {len(asked)} questions failed, nothing is promised: {failed[0].error}")
    outcome = Evidence.of(run).prove(risk, chance)
    if isinstance(outcome, Refusal):
        raise InputError(refusal_text(outcome, risk, chance))
    made = Promise(
        risk=risk,
        delta=chance,
        threshold=outcome.threshold,
        strictest=outcome.strictest,
        coverage=outcome.coverage,
        questions=outcome.questions,
        passages=passages,
        gold=gold.name,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        store_generation=generation,
    )
    KeptPromise(
        promise=made,
        reader_sha256=engine.reader.sha256,
        embedder_sha256=engine.store.embedder.sha256,
        calibration_sha256=engine.calibration.sha256,
    ).keep(engine.store.catalogue)
    note_change(engine.store, LOCAL_COMMAND, "promise keep")
    Terminal().print(Text(proof_text(outcome, made)))


def proof_text(proof: Proof, made: Promise) -> str:
    """A promise that was made, and what it rests on, for people."""
    lines = [
        promise_text(made, made.store_generation),
        f"The threshold is {proof.threshold:.2f}: {proof.answered} of {proof.questions} questions are answered "
        f"({proof.coverage:.1%}), {proof.wrong} of these answers are wrong ({proof.wrong / proof.answered:.1%}).",
    ]
    if proof.effective < proof.answered:
        lines.append(
            f"Questions of one paragraph or document err together: these answers tell as much as {proof.effective} "
            "independent ones."
        )
    lines.append(
        "The store keeps the promise: qa ask and qa serve answer from this threshold on. qa promise withdraw takes it "
        "back."
    )
    return "\n".join(lines)


def refusal_text(refusal: Refusal, risk: float, delta: float) -> str:
    """Why nothing is promised, and what would help, for people."""
    said = (
        f"nothing is promised, and the store is as it was: {refusal.questions} questions do not show that at most "
        f"{percent(risk)} of the answers are wrong, with {percent(1 - delta)} confidence. "
    )
    if refusal.groups == 1 and refusal.questions > 1:
        return said + (
            "They are all about one paragraph or document, which tells nothing of others: add questions about others"
        )
    if refusal.answered == 0:
        return said + "None of them has a span that might answer"
    said += f"Of the {refusal.answered} surest answers {refusal.wrong} were wrong. "
    if refusal.more is None:
        return said + "More questions like these would not help: take a larger --risk, or a better reader"
    return said + (
        f"Estimate: about {refusal.more:,} more questions like these, about other paragraphs or documents, would do; "
        "or take a larger --risk"
    )


@promise.command("show")
def show(
    *, store: StoreOption, as_json: Annotated[bool, typer.Option("--json", help="The promise as JSON.")] = False
) -> None:
    """Show what the store promises."""
    from qa.calibration.promise import kept

    opened = open_store(store)
    try:
        promised = kept(opened.catalogue)
    except ValueError as error:
        raise InputError(f"the promise of the store {store} cannot be read: {error}; make it anew") from error
    if as_json:
        say_json(promised.model_dump_json() if promised else "null")
    elif promised is None:
        say("nothing is promised; see: qa calibrate GOLD --risk 0.1")
    else:
        Terminal().print(Text(promise_text(promised.promise, opened.catalogue.generation())))


@promise.command("withdraw")
def withdraw(*, store: StoreOption) -> None:
    """Take the promise back: the calibrated threshold decides again."""
    from api.service.auditing import note_change
    from index.catalogue.audit_log import LOCAL_COMMAND
    from qa.calibration.promise import forget

    opened = open_store(store)
    withdrawn = forget(opened.catalogue)
    if withdrawn:
        note_change(opened, LOCAL_COMMAND, "promise withdraw")
    say("withdrawn" if withdrawn else "nothing was promised")


@promise.command("check")
def check(
    run: Annotated[Path, typer.Argument(help="A run that qa eval --output wrote.")],
    *,
    risk: Annotated[list[float] | None, typer.Option(help="May be repeated; 0.1 and 0.2 by default.")] = None,
    delta: Annotated[float, typer.Option(help="The chance that a promise fails.")] = DEFAULT_DELTA,
    splits: Annotated[int, typer.Option(min=1, max=10_000, help="How many random halves.")] = 200,
    seed: Annotated[int, typer.Option(min=0)] = 13,
) -> None:
    """Check the promises themselves: half of a run's paragraphs makes one, the other half tells whether it was kept."""
    from eval.calibration.promises import Evidence, check_splits
    from eval.runs.run import Run

    risks = risk or [0.1, 0.2]
    for one in risks:
        _checked(one, delta)
    evidence = Evidence.of(Run.read(run))
    checked = check_splits(evidence, risks, delta=delta, splits=splits, seed=seed)
    table = Table(
        *("risk", "halves with a promise", "exceeded", "answered", "wrong when promised", "threshold"),
        title=f"{len(evidence.wrong)} questions in {int(evidence.group.max()) + 1} groups, {splits} random halves, "
        f"delta {delta:g}",
    )
    for row in checked:
        table.add_row(
            f"{row.risk:g}",
            f"{row.promised:.1%}",
            f"{row.exceeded:.1%}",
            f"{row.coverage:.1%}",
            "n/a" if row.observed is None else f"{row.observed:.1%}",
            "n/a" if row.threshold is None else f"{row.threshold:.2f}",
        )
    Terminal().print(table)
    Terminal().print("exceeded, answered: of all halves; one without a promise answers nothing", style="dim")


def _checked(risk: float, delta: float | None) -> float:
    """The delta that is meant; raises UsageError for numbers that mean nothing."""
    chance = DEFAULT_DELTA if delta is None else delta
    if not 0 < risk < 1:
        raise UsageError(f"--risk {risk:g}: a share between 0 and 1 is meant, as 0.1")
    if not 0 < chance < 0.5:
        raise UsageError(f"--delta {chance:g}: a chance between 0 and 0.5 is meant, as {DEFAULT_DELTA}")
    return chance
