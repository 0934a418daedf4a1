"""Interrupted runs: what is done is kept, what is left is asked, and nothing of another run is taken over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.runs.harness import evaluate
from eval.runs.journal import Journal
from eval.runs.run import About, GoldRef, Run, RunSettings
from index.errors import InputError, StoreError
from qa.types import Answer, Question, Response

NAMES = [f"question {number}" for number in range(7)]
ABOUT = About(gold=GoldRef(name="g", sha256="0" * 64, questions=len(NAMES)))
SETTINGS = RunSettings(passages=20)


def gold() -> list[GoldQuestion]:
    return [GoldQuestion(id=name, question=name, answers=(GoldAnswer(text="1843"),)) for name in NAMES]


class Patience:
    """Answers so many questions, then the user interrupts."""

    def __init__(self, asker: Any, questions: int) -> None:
        self.asker = asker
        self.left = questions
        self.asked: list[str] = []

    def ask(self, question: Question) -> Response:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.asked.append(question.question)
        answered: Response = self.asker.ask(question)
        return answered


@pytest.fixture
def patience(
    answer: Callable[..., Answer], response: Callable[..., Response], fake_asker: Any
) -> Callable[[int], Patience]:
    def make(questions: int) -> Patience:
        script: dict[str, Any] = {name: response(answer("1843"), generation=n % 2) for n, name in enumerate(NAMES)}
        script[NAMES[2]] = StoreError("locked")
        return Patience(fake_asker(script), questions)

    return make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.json.journal"


def go(asker: Patience, path: Path, *, resume: bool = True) -> Run:
    with Journal(path, ABOUT, SETTINGS, resume=resume) as journal:
        return evaluate(gold(), asker, about=ABOUT, journal=journal)


def interrupted(asker: Patience, path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        go(asker, path)


def test_an_interrupted_run_goes_on_to_the_same_file(patience: Callable[[int], Patience], path: Path) -> None:
    whole = evaluate(gold(), patience(99), about=ABOUT)
    interrupted(patience(3), path)
    interrupted(patience(2), path)
    last = patience(99)
    finished = go(last, path)
    assert last.asked == NAMES[5:]
    assert finished.canonical() == whole.canonical()
    assert finished.results == whole.results and len(finished.provenance) == 2
    # Complete: nothing is asked any more, until the journal is discarded.
    done = patience(0)
    assert go(done, path).results == whole.results
    with Journal(path, ABOUT, SETTINGS, resume=True) as journal:
        journal.discard()
    assert not path.exists()


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_asked_again(cut: int, patience: Callable[[int], Patience], path: Path) -> None:
    interrupted(patience(4), path)
    path.write_bytes(path.read_bytes()[:-cut])
    again = patience(99)
    assert go(again, path).results == evaluate(gold(), patience(99)).results
    assert again.asked == NAMES[3:]


@pytest.mark.parametrize("content", [b"", b'{"journal": "1", "abou'])
def test_a_journal_without_a_whole_line_begins_anew(
    content: bytes, patience: Callable[[int], Patience], path: Path
) -> None:
    path.write_bytes(content)
    asker = patience(99)
    go(asker, path)
    assert asker.asked == NAMES


@pytest.mark.parametrize("damage", [b"not json\n", b"{}\n", b"\xff\n"])
def test_damage_before_the_last_line_is_named(damage: bytes, patience: Callable[[int], Patience], path: Path) -> None:
    interrupted(patience(3), path)
    lines = path.read_bytes().splitlines(keepends=True)
    broken = b"".join([*lines[:2], damage, *lines[3:]])
    path.write_bytes(broken)
    with pytest.raises(InputError, match=r"run\.json\.journal: line 3: is damaged"):
        go(patience(99), path)
    assert path.read_bytes() == broken


def test_a_journal_is_never_taken_over_unasked(patience: Callable[[int], Patience], path: Path) -> None:
    interrupted(patience(3), path)
    kept = path.read_bytes()
    with pytest.raises(InputError, match="--resume"):
        go(patience(99), path, resume=False)
    assert path.read_bytes() == kept


@pytest.mark.parametrize(
    ("about", "settings", "said"),
    [
        (ABOUT, RunSettings(passages=10), "settings.passages"),
        (ABOUT, RunSettings(passages=20, threshold=0.3), "settings.threshold"),
        (About(gold=GoldRef(name="g", sha256="1" * 64, questions=7)), SETTINGS, "about.gold.sha256"),
        (About(), SETTINGS, "about.gold"),
        (ABOUT.model_copy(update={"calibration_sha256": "2"}), SETTINGS, "about.calibration_sha256"),
    ],
)
def test_a_journal_of_another_run_is_refused(
    about: About, settings: RunSettings, said: str, patience: Callable[[int], Patience], path: Path
) -> None:
    interrupted(patience(3), path)
    kept = path.read_bytes()
    with pytest.raises(InputError, match=f"another run, which differs in {said}"):
        Journal(path, about, settings, resume=True)
    assert path.read_bytes() == kept


def test_a_journal_of_other_questions_is_refused(patience: Callable[[int], Patience], path: Path) -> None:
    interrupted(patience(3), path)
    with Journal(path, ABOUT, SETTINGS, resume=True) as journal, pytest.raises(InputError, match="another question"):
        evaluate(gold()[1:], patience(99), about=ABOUT, journal=journal)


def test_a_journal_that_cannot_be_kept_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be kept"):
        Journal(tmp_path / "missing" / "run.json.journal", ABOUT, SETTINGS, resume=True)
