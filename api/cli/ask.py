"""`qa ask`: a question, and its answers with their citations."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import typer
from pydantic import ValidationError

from api.cli.console import PasteFormat, print_citations, print_explanation, print_response
from api.cli.errors import UsageError
from api.cli.grouping import OptionGroup, with_groups
from api.cli.opening import open_engine, open_store, tell_ignored_promise
from api.cli.options import ModelOptions, PassagesOption, QuestionFilterOptions, StoreOption
from api.terminal import Terminal, errors, say_json, tell


@dataclass(frozen=True)
class FormOptions(OptionGroup):
    """In which form answers are printed."""

    as_json: Annotated[bool, typer.Option("--json", help="The whole response as JSON.")] = False
    form: Annotated[
        PasteFormat | None, typer.Option("--format", help="Only the citations, as they are pasted elsewhere.")
    ] = None


@with_groups
def ask(
    question: Annotated[str, typer.Argument(help="The question, or - for one a line on standard input.")],
    *,
    store: StoreOption,
    output: FormOptions,
    answers: Annotated[
        int | None,
        typer.Option("-n", "--answers", min=1, max=20, help="How many answers at most; one, or a list's items."),
    ] = None,
    passages: PassagesOption = 20,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Confidence needed to answer.")] = None,
    candidates: Annotated[
        bool, typer.Option("--candidates", help="Show more of what comes closest, or comes behind the answers.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show why: what was read, what counted, what would have changed it.")
    ] = False,
    among: QuestionFilterOptions,
    models: ModelOptions,
) -> None:
    """Answer a question with exact words from the documents, or say how sure it is of what comes closest."""
    from qa.types import Question

    filters = among.filters()

    def make(text: str) -> Question:
        try:
            return Question(
                question=text,
                answers=answers,
                passages=passages,
                filters=filters,
                threshold=threshold,
                candidates=candidates,
                explain=explain,
            )
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise UsageError(f"question {text[:80]!r}: {reason}") from error

    single = None if question == "-" else make(question)
    if output.form and (output.as_json or single is None):
        raise UsageError("--format is for one question, and without --json")
    if output.form and explain:
        raise UsageError("--format prints citations alone; ask without it for --explain")
    opened = open_store(store, models.embedder, runtime=models.runtime)
    engine = open_engine(opened, models.reader, models.calibration, runtime=models.runtime, ahead=True)
    if not engine.calibrated:
        tell("", label="the confidence was calibrated with other models; fit it anew: qa calibrate")
    tell_ignored_promise(engine)
    if single is not None:
        response = engine.ask(single)
        if output.as_json:
            say_json(response.model_dump_json())
        elif output.form and response.answers:
            print_citations(response, output.form)
        else:
            # What is unsure is nothing to paste: it must not look like a citation to what reads standard output.
            terminal = errors if output.form else Terminal()
            print_response(response, terminal)
            if response.explanation is not None:
                print_explanation(response.explanation, terminal)
        opened.close()
        return
    failed = 0
    for number, line in enumerate(sys.stdin, start=1):
        # Editors on Windows begin a file with a byte-order mark.
        line = line.removeprefix("\ufeff") if number == 1 else line  # noqa: PLW2901
        if not line.strip():
            continue
        try:
            say_json(engine.ask(make(line.rstrip("\r\n"))).model_dump_json())
        except UsageError as error:
            failed += 1
            tell(str(error), label=f"line {number}:", style="red")
    opened.close()
    if failed:
        raise typer.Exit(1)
