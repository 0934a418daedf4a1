"""Training files and recipes: read, checked and refused with the place that is wrong."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from index.errors import InputError
from qa.training.config import DEFAULT_RECIPE, Phase, Recipe, Source, load_recipe
from qa.training.data import Row, find_source, read_rows, sample
from qa.training.making.negatives import save_rows
from qa.training.mixture import phase_rows

CONTEXT = "\ufeffNaïve 👨‍👩‍👧 Ada\r\nwrote the notes."
AT = CONTEXT.index("Ada")


def record(**changes: object) -> dict[str, object]:
    values: dict[str, object] = {
        "id": 7,
        "title": "Notes",
        "question": "Who wrote?",
        "context": CONTEXT,
        "answers": [{"text": "Ada", "answer_start": AT}, {"text": "Ada\r\nwrote", "answer_start": AT}],
    }
    return values | changes


def write(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8", newline="\n")
    return path


ROW = Row("7", "Notes", "Who wrote?", CONTEXT, AT, AT + 3, ("Ada", "Ada\r\nwrote"))
NONE = Row("7", "Notes", "Who wrote?", CONTEXT, None, None, ())


def test_json_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", record(), record(answers=[]), record(is_impossible=True))
    rows = read_rows(path)
    assert rows == [ROW, NONE, NONE]
    assert [row.answerable for row in rows] == [True, False, False]
    assert rows[0].context[rows[0].start : rows[0].end] == "Ada"


def test_gzipped_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(record()).encode() + b"\n"))
    assert read_rows(path) == [ROW]


def test_squad(tmp_path: Path) -> None:
    question = {key: value for key, value in record().items() if key not in ("context", "title")}
    impossible = question | {"answers": [], "is_impossible": True, "id": "8"}
    paragraph = {"context": CONTEXT, "qas": [question, impossible]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"data": [{"title": "Notes", "paragraphs": [paragraph]}]}), encoding="utf-8")
    assert read_rows(path) == [ROW, Row("8", "Notes", "Who wrote?", CONTEXT, None, None, ())]


@pytest.mark.parametrize(
    "bad",
    [
        record(answers=[{"text": "Ada", "answer_start": AT + 1}]),
        record(answers=[{"text": "", "answer_start": AT}]),
        record(answers=[{"text": "Ada", "answer_start": 10_000}]),
        record(answers=[{"text": "Ada", "answer_start": None}]),
        record(answers={"text": ["Ada"], "answer_start": [AT]}),
        {key: value for key, value in record().items() if key != "question"},
        {key: value for key, value in record().items() if key != "context"},
        ["not", "a", "record"],
    ],
)
def test_a_row_that_is_wrong_names_its_line(tmp_path: Path, bad: object) -> None:
    path = write(tmp_path / "a.jsonl", record(), bad)
    with pytest.raises(InputError, match=r"a\.jsonl, line 2: not a question row"):
        read_rows(path)


def test_an_answer_before_the_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", record(answers=[{"text": "notes", "answer_start": -6}]))
    with pytest.raises(InputError, match="line 1"):
        read_rows(path)


@pytest.mark.parametrize("content", [b"{\n", b'{"data": 5}', b"[]", b'{"data": [{"paragraphs": [{}]}]}', b"\xff\xfe{}"])
def test_what_is_no_squad_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.json: not a SQuAD JSON file"):
        read_rows(path)


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", b"\xff\n"), ("a.jsonl.gz", b"no gzip")])
def test_bytes_that_are_no_text(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError):
        read_rows(tmp_path / name)


def test_finding_a_source(tmp_path: Path) -> None:
    (tmp_path / "qa_train").mkdir()
    below = write(tmp_path / "qa_train" / "x.jsonl")
    assert find_source(tmp_path, "x") == below
    own = write(tmp_path / "x.json")
    assert find_source(tmp_path, "x") == own
    packed = write(tmp_path / "x.jsonl.gz")
    assert find_source(tmp_path, "x") == packed
    with pytest.raises(InputError, match=r"no file y\.jsonl\.gz"):
        find_source(tmp_path, "y")


def rows(count: int, prefix: str = "r") -> list[Row]:
    return [Row(f"{prefix}{n}", "", "q?", "context", None, None, ()) for n in range(count)]


def test_sampling() -> None:
    all_rows = rows(50)
    drawn = sample(all_rows, 20, seed=1)
    assert len({row.id for row in drawn}) == 20
    assert drawn == sample(all_rows, 20, seed=1)
    assert drawn != sample(all_rows, 20, seed=2)
    assert sample(all_rows, None, 1) == sample(all_rows, 50, 1) == sample(all_rows, 99, 1) == all_rows


def test_the_rows_of_a_phase(tmp_path: Path) -> None:
    write(tmp_path / "file.jsonl", *(record(id=n) for n in range(10)))
    first = Phase(name="one", tokens=1, sources=[Source(name="file", rows=3, repeat=2), Source(name="made")])
    second = Phase(name="two", tokens=1, sources=[Source(name="file", rows=3)])
    recipe = Recipe(phases=[first, second])
    asked: list[str] = []

    def made() -> list[Row]:
        asked.append("made")
        return rows(2, "m")

    got = [row.id for row in phase_rows(first, recipe, tmp_path, {"made": made})]
    assert len(got) == 8 and got[:3] == got[3:6] and got[6:] == ["m0", "m1"]
    assert got == [row.id for row in phase_rows(first, recipe, tmp_path, {"made": made})]
    assert asked == ["made", "made"]
    assert [row.id for row in phase_rows(second, recipe, tmp_path, {})] != got[:3]


def test_a_share_of_the_rows_is_shown_under_heading_or_title(tmp_path: Path) -> None:
    titled = [record(id=n, title="Sri_Lanka") for n in range(200)]
    headed = [record(id=n, heading="Rules > Leave") for n in range(200, 400)]
    write(tmp_path / "file.jsonl", *titled, *headed)

    def headings(share: float) -> list[str]:
        phase = Phase(name="one", tokens=1, sources=[Source(name="file", headed=share)])
        return [row.heading for row in phase_rows(phase, Recipe(phases=[phase]), tmp_path, {})]

    assert set(headings(0.0)) == {""}
    assert headings(1.0) == ["Sri Lanka"] * 200 + ["Rules > Leave"] * 200
    some = headings(0.6)
    assert {"", "Sri Lanka"} == set(some[:200]) and {"", "Rules > Leave"} == set(some[200:])
    assert 200 < sum(map(bool, some)) < 280


def test_made_rows_are_read_as_they_were_saved(tmp_path: Path) -> None:
    headed = replace(NONE, heading="2024 > Rules")
    save_rows([ROW, headed], tmp_path / "made.jsonl")
    first, second = read_rows(tmp_path / "made.jsonl")
    # Only the answer that is learnt is kept.
    assert (first.context, first.start, first.end, first.answers) == (CONTEXT, AT, AT + 3, ("Ada",))
    assert second == headed
    assert list(tmp_path.iterdir()) == [tmp_path / "made.jsonl"]


# --- recipes

GOOD = 'seed = 5\n[[phases]]\nname = "a"\ntokens = 10\nsources = [{ name = "x", rows = 3, repeat = 2 }]\n'


def test_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(GOOD + '[[phases]]\nname = "b"\ntokens = 5\nsources = []\n', encoding="utf-8")
    recipe = load_recipe(path)
    assert (recipe.seed, recipe.total_tokens) == (5, 15)
    assert recipe.phases[0].sources == [Source(name="x", rows=3, repeat=2)]
    assert recipe.fingerprint() == load_recipe(path).fingerprint()
    path.write_text(GOOD, encoding="utf-8")
    assert load_recipe(path).fingerprint() != recipe.fingerprint()


def test_rates_rise_hold_and_fall() -> None:
    phase = Phase(name="a", tokens=1000, sources=[])
    recipe = Recipe(learning_rate=8.0, warmup=0.1, decay=0.25, phases=[phase])
    assert [recipe.learning_rate_at(0, tokens) for tokens in (0, 50, 100, 500, 750)] == [0, 4, 8, 8, 8]
    assert recipe.learning_rate_at(0, 875) == 4 and recipe.learning_rate_at(0, 1000) == 0
    linear = recipe.model_copy(update={"decay": 1.0})
    assert [linear.learning_rate_at(0, tokens) for tokens in (50, 100, 550, 1000)] == pytest.approx([4, 8, 4, 0])


def test_the_shipped_recipe_is_sound() -> None:
    first, second = load_recipe(), load_recipe(DEFAULT_RECIPE.with_name("in_context.toml"))
    names = [source.name for phase in first.phases for source in phase.sources]
    assert {"hard_negatives", "one_edit"} <= set(names)
    assert first.making.sources
    assert second.making.documents and second.headed and not first.headed
    for phase in [*first.phases, *second.phases]:
        own = [source.name for source in phase.sources]
        assert len(own) == len(set(own))


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("seed = 5\n", "phases"),
        ("phases = []\n", "phases"),
        (GOOD.replace("tokens = 10", "tokens = 0"), r"phases\.0\.tokens"),
        (GOOD.replace("rows = 3", "rows = 0"), r"phases\.0\.sources\.0\.rows"),
        (GOOD.replace("repeat = 2", "repeat = 99"), r"phases\.0\.sources\.0\.repeat"),
        (GOOD.replace("seed", "sead"), "sead"),
        ("max_length = 4096\n" + GOOD, "max_length"),
        ("warmup = 1.0\n" + GOOD, "warmup"),
        ("learning_rate = 0.0\n" + GOOD, "learning_rate"),
        ("[making]\nsource = []\n" + GOOD.replace("seed = 5\n", ""), r"making\.source"),
    ],
)
def test_a_recipe_that_is_wrong_names_its_field(tmp_path: Path, text: str, field: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"r\.toml: {field}: "):
        load_recipe(path)


def test_a_recipe_that_is_no_toml_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    with pytest.raises(InputError, match=r"no recipe at .*--recipe"):
        load_recipe(path)
    path.write_text("[[phases\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"r\.toml is not valid TOML"):
        load_recipe(path)
