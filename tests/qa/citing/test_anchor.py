"""Citations after edits: never a wrong place, and mostly the right one."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from index.documents import Document
from qa.citing.anchor import Anchor, anchor
from qa.citing.cite import cite
from qa.citing.verify import verify_against
from qa.types import Citation

TOWNS = ["Oslo", "Bergen", "Molde", "Lindal", "Vardø", "Hamar", "Lier", "Moss"]
SENTENCES = [
    "The harbour of {town} opened in {year} after {n} years of work.",
    "In {town}, the club was founded in {year}; it has {n} members.",
    "Country: Norway. Status: active. Founded: {year}. Members: {n}.",
    "Nobody knows why the bridge of {town} was closed for {n} days in {year}.",
    "See above.",
    "It was the first of its kind, and the last.",
    "{town}\t{year}\t{n}\tactive",
]


def text_of(rng: random.Random) -> str:
    paragraphs = []
    for _ in range(rng.randint(3, 9)):
        town, year, n = rng.choice(TOWNS), rng.randint(1905, 1912), rng.randint(1, 9)
        chosen = rng.choices(SENTENCES, k=rng.randint(1, 5))
        paragraphs.append(" ".join(sentence.format(town=town, year=year, n=n) for sentence in chosen))
    if rng.random() < 0.3:
        paragraphs.insert(rng.randrange(len(paragraphs)), rng.choice(paragraphs))
    return "\n\n".join(paragraphs)


class Edited:
    """A text whose characters know which of the first version they are, and whether they are a copy of it."""

    def __init__(self, text: str) -> None:
        self.characters: list[tuple[str, int | None, bool]] = [(char, at, False) for at, char in enumerate(text)]

    @property
    def text(self) -> str:
        return "".join(char for char, _, _ in self.characters)

    def right_places(self, start: int, end: int) -> set[int]:
        """Where the first version's `[start, end)` stands whole; where it does not, where whole copies of it do."""
        at = [number for number, (_, origin, _) in enumerate(self.characters) if origin == start]
        wanted = list(range(start, end))
        whole = {n for n in at if [origin for _, origin, _ in self.characters[n : n + end - start]] == wanted}
        own = {n for n in whole if not any(copied for _, _, copied in self.characters[n : n + end - start])}
        return own or whole

    def edit(self, rng: random.Random) -> None:
        size = len(self.characters)
        at, length = rng.randint(0, size), rng.choice([1, 3, 10, 40, 200])
        begin, stop = self._range(rng, at, length)
        taken = self.characters[begin:stop]
        typed: list[tuple[str, int | None, bool]] = [
            (char, None, False) for char in rng.choice([*SENTENCES[:3], "1911", " ", "new words ", "\n\n"])
        ]
        match rng.choice(["insert", "delete", "replace", "move", "copy"]):
            case "insert":
                self.characters[at:at] = typed
            case "delete":
                del self.characters[begin:stop]
            case "replace":
                self.characters[begin:stop] = typed
            case "move":
                del self.characters[begin:stop]
                to = rng.randint(0, len(self.characters))
                self.characters[to:to] = taken
            case "copy":
                self.characters[at:at] = [(char, origin, True) for char, origin, _ in taken]

    def _range(self, rng: random.Random, at: int, length: int) -> tuple[int, int]:
        """A stretch of words, or of whole paragraphs, as people mark them."""
        text = self.text
        if rng.random() < 0.4:
            begin = text.rfind("\n\n", 0, at)
            stop = text.find("\n\n", at)
            return (0 if begin < 0 else begin, len(text) if stop < 0 else stop)
        begin = text.rfind(" ", 0, at) + 1
        stop = text.find(" ", min(len(text), begin + length))
        return begin, len(text) if stop < 0 else stop


def cited(text: str, start: int, end: int) -> Citation:
    return cite(document(text), start, end, around=(start, end))


def document(text: str) -> Document:
    return Document(uri="file:///a.txt", title="a", text=text)


def some_span(rng: random.Random, text: str) -> tuple[int, int]:
    starts = [0, *(at + 1 for at, char in enumerate(text) if char in " \n\t")]
    start = rng.choice([at for at in starts if text[at : at + 1].strip()])
    stop = start + 1
    for _ in range(rng.choice([1, 1, 2, 5])):
        following = [at for at in (text.find(mark, stop) for mark in " \n\t.;") if at > 0]
        stop = min(following, default=len(text))
        if stop == len(text):
            break
        stop += 1
    return start, max(start + 1, min(stop, len(text)) - 1)


@pytest.mark.slow
def test_a_thousand_edits_never_give_a_wrong_place() -> None:
    rng = random.Random(7)
    edits, found = 0, Counter[str]()
    while edits < 1000:
        text = text_of(rng)
        spans = [some_span(rng, text) for _ in range(10)]
        citations = [cited(text, start, end) for start, end in spans]
        edited = Edited(text)
        for _ in range(rng.choice([1, 1, 2, 4])):
            edited.edit(rng)
            edits += 1
            now = document(edited.text)
            for (start, end), citation in zip(spans, citations, strict=True):
                place = anchor(citation, now)
                right = edited.right_places(start, end)
                if place.start is None:
                    found["lost" if right else "rightly not found"] += 1
                    assert (place.state, place.end) in {("gone", None), ("ambiguous", None)}
                    assert (place.state == "gone") == (citation.quote not in now.text)
                    continue
                found["right"] += 1
                assert place.start in right, (text, now.text, citation.quote, start, place)
                assert now.text[place.start : place.end] == citation.quote
                assert place.state == ("unchanged" if place.start == start else "moved")
    assert found["right"] > 1.5 * found["lost"], found
    assert found["rightly not found"] > 500, found


TEXT = "The harbour of Lindal opened in 1911 after nine years of work. It was closed in 1934, and nobody knows why."


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (TEXT, "unchanged"),
        (TEXT + " More.", "unchanged"),
        ("Before. " + TEXT, "moved"),
        (TEXT.replace("and nobody knows why", "as everybody knows"), "unchanged"),
        ("Before. " + TEXT.replace("and nobody knows why", "as everybody knows"), "moved"),
        (TEXT.replace("1911", "1912"), "gone"),
        (TEXT.replace("opened in 1911", "was opened early in 1911"), "ambiguous"),
        (TEXT.replace("1911 after", "1911, shortly after"), "ambiguous"),
        ("It was founded in 1911.", "ambiguous"),
        (TEXT + " " + TEXT, "ambiguous"),
        (TEXT + " The quays opened in 1911 as well.", "ambiguous"),
        (TEXT + " The quays were built in 1911 as well.", "unchanged"),
    ],
)
def test_states(after: str, state: str) -> None:
    start = TEXT.index("1911")
    found = anchor(cited(TEXT, start, start + 4), document(after))
    assert found.state == state
    if found.start is not None:
        assert after[found.start : found.end] == "1911"


def test_a_place_that_looks_like_the_cited_one_is_not_taken_for_it() -> None:
    row = "Country: Norway. Status: active. Founded: 1911. Members: many. Motto: forward, always forward."
    before = f"Oslo. {row}\nBergen. {row}\nMolde. {row}"
    start = before.index("1911")
    citation = cited(before, start, start + 4)
    assert anchor(citation, document(f"Bergen. {row}\nMolde. {row}")).state == "ambiguous"
    assert anchor(citation, document(f"New. {row.replace('1911', '1920')}\n{before}")).start == start + len(row) + 6


def test_verdicts_say_where_the_quote_stands_now() -> None:
    start = TEXT.index("1911")
    citation = cited(TEXT, start, start + 4)
    held = verify_against(citation, document(TEXT))
    assert (held.valid, held.anchor) == (True, Anchor(state="unchanged", start=start, end=start + 4))
    moved = verify_against(citation, document("Before. " + TEXT))
    assert (moved.valid, moved.anchor) == (False, Anchor(state="moved", start=start + 8, end=start + 12))
    false = citation.model_copy(update={"start": start + 1, "end": start + 5})
    assert verify_against(false, document(TEXT)).anchor == Anchor(state="gone")
