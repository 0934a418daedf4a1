"""Readings kept in a file: nothing is read twice, and only what this reader said is believed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from eval.calibration import readings
from eval.calibration.readings import READINGS, KeptReadings
from index.errors import InputError, ModelError
from qa.reading.spans import Span


class Counting:
    """Finds a question's last word under a heading, and counts the passages that it reads."""

    name = "counting"
    sha256 = "c" * 64

    def __init__(self) -> None:
        self.passages: list[str] = []
        self.fails = False

    def read(
        self,
        questions: Sequence[str],
        passages: Sequence[Sequence[str]],
        headings: Sequence[Sequence[str]] | None = None,
    ) -> list[list[list[Span]]]:
        if self.fails:
            raise ModelError("the reader cannot read this")
        assert headings is not None
        self.passages += [text for texts in passages for text in texts]
        return [
            [self._spans(question, text, over) for text, over in zip(texts, headings_of, strict=True)]
            for question, texts, headings_of in zip(questions, passages, headings, strict=True)
        ]

    def _spans(self, question: str, text: str, heading: str) -> list[Span]:
        word = question.rsplit(maxsplit=1)[-1]
        at = text.find(word)
        return [Span(at, at + len(word), 0.1 + len(heading) / 3)] if at >= 0 else []


ASKED = ["Where is Ada", "Where is Bob"]
TEXTS = [["Ada was here.", "Nobody."], ["Ada was here.", "Bob and Ada."]]


def test_what_was_read_is_not_read_again(tmp_path: Path) -> None:
    path, reader = tmp_path / "readings.jsonl", Counting()
    plain = Counting().read(ASKED, TEXTS, [["", ""], ["", ""]])
    with KeptReadings(reader, path) as kept:
        assert (kept.name, kept.sha256) == (reader.name, reader.sha256)
        assert kept.read(ASKED, TEXTS) == plain
        assert kept.read(ASKED[::-1], TEXTS[::-1]) == plain[::-1]
        assert len(reader.passages) == 4
        # The same words under another heading are another reading.
        headed = kept.read(ASKED[:1], [TEXTS[0][:1]], [["Boats"]])
        assert headed[0][0][0].margin > plain[0][0][0].margin and len(reader.passages) == 5
        # Twice in one call is once as well.
        assert kept.read(["Is it new"] * 2, [["new new"], ["new new"]])[0] and len(reader.passages) == 6
    again = Counting()
    with KeptReadings(again, path) as kept:
        assert kept.read(ASKED, TEXTS) == plain and kept.read(ASKED[:1], [TEXTS[0][:1]], [["Boats"]]) == headed
        assert again.passages == []
    assert READINGS.holds(path)


def test_an_interrupted_reading_goes_on(tmp_path: Path) -> None:
    path, reader = tmp_path / "readings.jsonl", Counting()
    with pytest.raises(ModelError), KeptReadings(reader, path) as kept:
        kept.read(ASKED[:1], TEXTS[:1])
        reader.fails = True
        kept.read(ASKED[1:], TEXTS[1:])
    # What a kill may leave of the last line.
    path.write_bytes(path.read_bytes() + b'{"key":"0123')
    again = Counting()
    with KeptReadings(again, path) as kept:
        kept.read(ASKED, TEXTS)
    assert again.passages == TEXTS[1]
    assert b"0123" not in path.read_bytes().splitlines()[3]
    with KeptReadings(Counting(), path) as kept:
        kept.read(ASKED, TEXTS)


def test_what_is_no_reading_of_this_reader_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "readings.jsonl"
    with KeptReadings(Counting(), path) as kept:
        kept.read(ASKED, TEXTS)
    sound = path.read_bytes()
    other = Counting()
    other.sha256 = "d" * 64
    with pytest.raises(InputError, match="readings of another reader than counting"):
        KeptReadings(other, path)
    for damaged, said in (
        (b"Buy milk.\n", "line 1: is no reading"),
        (b"[]\n", "of this version"),
        (sound.replace(b'"readings":"1"', b'"readings":"0"'), "of this version"),
        (sound.replace(b'"key"', b'"kay"', 1), "line 2: is no reading"),
        (sound.replace(b'"spans":[[', b'"spans":[["x",'), "is no reading"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=said):
            KeptReadings(Counting(), path)
        assert path.read_bytes() == damaged
    path.write_bytes(sound)
    monkeypatch.setattr(readings, "MAX_READINGS_BYTES", len(sound) + 10)
    with KeptReadings(Counting(), path) as kept, pytest.raises(InputError, match="ask fewer questions"):
        kept.read(["Who is new"], [["new"]])
    with pytest.raises(InputError, match="cannot be kept there"):
        KeptReadings(Counting(), tmp_path / "none" / "readings.jsonl")
