"""Hostile gold files of every format: each gives one clear error that names the file, the place and the field."""

from __future__ import annotations

import copy
import gzip
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eval.gold.beir
import eval.gold.questions
from eval.gold.beir import read_beir
from eval.gold.questions import read_gold, scan_gold
from index.errors import InputError

OURS = {
    "id": "1",
    "question": "Who?",
    "document": "d.txt",
    "kind": "who",
    "reviewed": True,
    "answers": [{"text": "Ada", "start": 0, "end": 3}],
}
ROW = {
    "id": "1",
    "title": "T",
    "context": "Ada L.",
    "question": "Who?",
    "is_impossible": False,
    "answers": [{"text": "Ada", "answer_start": 0}],
}
OPEN = {"question": "who wrote the notes", "answer": ["Ada", "Ada Lovelace"]}
SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "T",
            "paragraphs": [
                {
                    "context": "Ada L.",
                    "qas": [
                        {
                            "id": "1",
                            "question": "Who?",
                            "is_impossible": False,
                            "answers": [{"text": "Ada", "answer_start": 0}],
                        },
                    ],
                }
            ],
        }
    ],
}
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "ours": ("g.jsonl", OURS),
    "row": ("g.jsonl", ROW),
    "open": ("g.jsonl", OPEN),
    "squad": ("g.json", SQUAD),
}

WRONG: dict[str, Any] = {
    "null": None,
    "true": True,
    "number": 7,
    "huge": 10**30,
    "float": 1.5,
    "negative": -1,
    "list": [[]],
    "object": {"a": 1},
    "empty": "",
    "surrogate": "\ud800",
    "nul": "a\0b",
    "string": "x",
    "far": 2**40,
}
# What of the above each field may be; every other value is refused.
_NAME = {"null", "string"}
_QAS = ("data", 0, "paragraphs", 0, "qas", 0)
MAY_BE: dict[str, dict[tuple[str | int, ...], set[str]]] = {
    "ours": {
        ("id",): {"string"},
        ("question",): {"string"},
        ("answers",): set(),
        ("answers", 0, "text"): set(),
        ("answers", 0, "start"): set(),
        ("answers", 0, "end"): set(),
        ("document",): _NAME,
        ("kind",): _NAME | {"empty"},
        ("title",): _NAME | {"empty"},
        ("reviewed",): {"true"},
    },
    "row": {
        ("context",): {"null"},
        ("answers", 0, "answer_start"): {"null"},
        ("is_impossible",): {"null"},
        ("answers", 0): {"string"},
    },
    "open": {("question",): {"string"}, ("answer",): set(), ("answer", 0): {"string"}, ("id",): _NAME},
    "squad": {
        ("data",): set(),
        ("data", 0): set(),
        ("data", 0, "title"): {"empty", "string"},
        ("data", 0, "paragraphs"): set(),
        ("data", 0, "paragraphs", 0, "context"): set(),
        ("data", 0, "paragraphs", 0, "qas"): set(),
        (*_QAS, "id"): {"string", "number", "far"},
        (*_QAS, "question"): {"string"},
        (*_QAS, "answers"): set(),
        (*_QAS, "answers", 0, "text"): set(),
        (*_QAS, "answers", 0, "answer_start"): set(),
        (*_QAS, "is_impossible"): {"null"},
    },
}


def with_value(base: dict[str, Any], path: tuple[str | int, ...], value: Any) -> str:
    """The JSON of a gold entry with another value in one field."""
    changed = copy.deepcopy(base)
    inner: Any = changed
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return json.dumps(changed)


def wrong_fields() -> Iterator[Any]:
    for name, fields in MAY_BE.items():
        for path, allowed in fields.items():
            for kind in WRONG.keys() - allowed:
                yield pytest.param(name, path, WRONG[kind], id=f"{name}-{path[-1]}-{kind}")


def assert_clear(error: InputError, path: Path, *said: str) -> None:
    message = str(error)
    assert message.startswith(str(path))
    assert "\n" not in message and len(message) < len(str(path)) + 500
    message.encode("utf-8")
    for words in said:
        assert words in message


@pytest.mark.parametrize(("name", "field", "value"), sorted(wrong_fields(), key=lambda case: str(case.id)))
def test_a_wrong_value_is_refused_by_place_and_field(
    tmp_path: Path, name: str, field: tuple[str | int, ...], value: Any
) -> None:
    file, base = FORMATS[name]
    path = tmp_path / file
    path.write_text(with_value(base, field, value))
    with pytest.raises(InputError) as caught:
        read_gold(path)
    assert_clear(caught.value, path, str(field[0]))
    assert ("line 1" in str(caught.value)) == (name != "squad")


@pytest.mark.parametrize(("name", "field"), [(name, field) for name, fields in MAY_BE.items() for field in fields])
def test_what_a_field_may_be_is_read(tmp_path: Path, name: str, field: tuple[str | int, ...]) -> None:
    file, base = FORMATS[name]
    path = tmp_path / file
    for kind in MAY_BE[name][field]:
        path.write_text(with_value(base, field, WRONG[kind]))
        assert len(read_gold(path)) == 1


@dataclass(frozen=True)
class Hostile:
    """A file, what it holds, and what its error must say."""

    name: str
    content: bytes
    said: tuple[str, ...]


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def hostile_files() -> Iterator[Hostile]:
    line = json.dumps(OURS).encode()
    squad = json.dumps(SQUAD).encode()
    for suffix, whole in ((".jsonl.gz", line), (".json.gz", squad)):
        yield Hostile(f"cut{suffix}", packed(whole)[:-6], ("gzip",))
        yield Hostile(f"half{suffix}", packed(whole)[:30], ("gzip",))
        yield Hostile(f"flipped{suffix}", packed(whole)[:40] + b"\xff\xff\xff" + packed(whole)[43:], ())
        yield Hostile(f"plain{suffix}", whole, ("cannot be read",))
        yield Hostile(f"twice-packed{suffix}", packed(packed(whole)), ("line 1", "not UTF-8"))
        yield Hostile(f"trailing{suffix}", packed(whole) + b"garbage", ())
    for suffix, whole in ((".jsonl", line), (".json", squad)):
        place = "line 1"
        if suffix == ".jsonl":
            yield Hostile(f"utf-16{suffix}", whole.decode().encode("utf-16"), (place, "not UTF-8", "save it as UTF-8"))
        yield Hostile(f"utf-16-le{suffix}", whole.decode().encode("utf-16-le"), (place,))
        yield Hostile(f"utf-32{suffix}", whole.decode().encode("utf-32"), (place, "not UTF-8"))
        yield Hostile(f"latin-1{suffix}", whole.replace(b"Ada", b"\xe9da"), (place, "not UTF-8"))
        yield Hostile(f"nul-bytes{suffix}", b"\0" * 1000, (place, "not JSON"))
        yield Hostile(f"nul-between{suffix}", whole[:10] + b"\0" + whole[10:], (place, "not JSON"))
        yield Hostile(f"binary{suffix}", bytes(range(256)) * 4, ("line",))
        yield Hostile(f"two-boms{suffix}", b"\xef\xbb\xbf" * 2 + whole, (place, "not JSON"))
        yield Hostile(f"deep-lists{suffix}", b'{"id": ' + b"[" * 200_000, (place, "JSON"))
        yield Hostile(f"deep-objects{suffix}", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, (place, "JSON"))
        yield Hostile(f"nan{suffix}", whole[:-1] + b', "x": NaN}', (place, "NaN"))
        yield Hostile(f"huge-int{suffix}", whole[:-1] + b', "x": ' + b"9" * 10_000 + b"}", (place, "JSON"))
        yield Hostile(
            f"key-twice{suffix}",
            whole[:-1] + b', "' + b"k" * 5000 + b'": 1' * 1 + b', "' + b"k" * 5000 + b'": 2}',
            (place, "occurs twice"),
        )
        yield Hostile(f"trailing-comma{suffix}", whole[:-1] + b",}", (place, "column", "not JSON"))
        yield Hostile(f"unclosed-string{suffix}", b'{"id": "', (place, "column", "not JSON"))
        yield Hostile(f"empty-object{suffix}", b"{}", ("required",))
        yield Hostile(f"number{suffix}", b"1", (place, "JSON object"))
    yield Hostile("empty.jsonl", b"", ("holds no question",))
    yield Hostile("empty.jsonl.gz", packed(b""), ("holds no question",))
    yield Hostile("bom-only.jsonl", b"\xef\xbb\xbf", ("holds no question",))
    yield Hostile("blank.jsonl", b"\r\n \r\n\t\n", ("holds no question",))
    yield Hostile("newlines.jsonl.gz", packed(b"\n" * 2_000_000), ("line 100001", "blank lines"))
    yield Hostile("nothing-in-it.json", b'{"data": [{"paragraphs": []}]}', ("holds no question",))
    yield Hostile("long-line.jsonl", b"x" * 30_000_000, ("line 1", "longer than 16 MiB"))
    yield Hostile("second-long-line.jsonl", line + b"\n" + b" " * 17_000_000, ("line 2", "longer than 16 MiB"))
    yield Hostile(
        "crlf.jsonl", line + b"\r\n\r\n" + line.replace(b'"1"', b'"2"')[:-3] + b"\r\n", ("line 3", "not JSON")
    )
    yield Hostile("cr-only.jsonl", line + b"\r" + line, ("line 1", "not JSON"))
    yield Hostile("same-id.jsonl", line + b"\n" + line, ("line 2", "id", "line 1"))
    mixed = f"{json.dumps(OPEN | {'id': 'line-2'})}\n{json.dumps(OPEN)}"
    yield Hostile("same-id-open.jsonl", mixed.encode(), ("line 2", "'line-2'"))
    yield Hostile("draft.jsonl", json.dumps(OURS | {"reviewed": False}).encode(), ("line 1", "reviewed", "true"))
    yield Hostile("no-words.jsonl", json.dumps(OURS | {"question": "?!"}).encode(), ("line 1", "question", "no words"))
    for start, end in ((1, 4), (-1, 2), (0, 2), (4, 3), (3, 0)):
        answers = [{"text": "Ada", "start": start, "end": end}]
        yield Hostile(
            f"span-{start}-{end}.jsonl", json.dumps(ROW | {"answers": answers}).encode(), ("line 1", "answers[0]")
        )
    for start in (1, 4, 6, 600):
        text = with_value(SQUAD, (*_QAS, "answers", 0, "answer_start"), start)
        yield Hostile(f"squad-start-{start}.json", text.encode(), ("qas[0].answers[0].text", "'Ada'"))
    long = "a" * 100_000
    yield Hostile(
        "long-span.jsonl",
        json.dumps(ROW | {"context": "b" + long, "answers": [{"text": long, "answer_start": 0}]}).encode(),
        ("line 1", "answers[0].text"),
    )
    yield Hostile("squad-as-lines.jsonl", squad, ("line 1", "required"))
    yield Hostile("lines-as-squad.json", line + b"\n" + line, ("line 2", "not JSON"))
    yield Hostile("answer-string.jsonl", json.dumps(OPEN | {"answer": "Ada"}).encode(), ("line 1", "answer", "list"))
    yield Hostile("corpus.jsonl", b'{"_id": "d1", "text": "x"}', ("line 1", "id", "required"))


HOSTILE = list(hostile_files())


@pytest.mark.parametrize("hostile", HOSTILE, ids=[hostile.name for hostile in HOSTILE])
def test_a_hostile_file_gives_one_clear_error(tmp_path: Path, hostile: Hostile) -> None:
    path = tmp_path / hostile.name
    path.write_bytes(hostile.content)
    with pytest.raises(InputError) as caught:
        read_gold(path)
    assert_clear(caught.value, path, *hostile.said)


def test_there_are_enough_of_them() -> None:
    assert len({hostile.name for hostile in HOSTILE}) >= 50


@pytest.mark.parametrize("name", ["bomb.jsonl.gz", "bomb.json.gz"])
@pytest.mark.parametrize("filling", [b" ", b"\0"])
def test_a_gzip_bomb_stops_at_the_limit(
    tmp_path: Path, name: str, filling: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eval.gold.questions, "MAX_GOLD_BYTES", 2**20)
    path = tmp_path / name
    path.write_bytes(packed(filling * (2**20 + 1)))
    with pytest.raises(InputError) as caught:
        list(scan_gold(path))
    assert_clear(caught.value, path, "more than 1 MiB")


def make_folder(path: Path) -> None:
    path.mkdir()


def make_loop(path: Path) -> None:
    path.symlink_to(path)


def make_dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


@pytest.mark.parametrize("make", [make_folder, os.mkfifo, make_loop, make_dangling])
@pytest.mark.parametrize("name", ["g.jsonl", "g.json.gz"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(InputError) as caught:
        read_gold(path)
    assert_clear(caught.value, path)


def test_a_name_that_is_too_long_and_a_file_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / f"{'x' * 300}.jsonl"
    with pytest.raises(InputError) as caught:
        read_gold(long)
    assert_clear(caught.value, long, "cannot be read")
    path = tmp_path / "secret.jsonl"
    path.write_text(json.dumps(OURS))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # As root may read everything, the system's refusal is played.
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError) as caught:
        read_gold(path)
    assert_clear(caught.value, path, "Permission denied")


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(sorted(FORMATS)),
    at=st.floats(0, 1),
    removed=st.integers(0, 12),
    inserted=st.binary(max_size=8) | st.sampled_from([b'"', b"{", b"[", b",", b"\\ud800", b"null", b"\n", b"1e999"]),
)
def test_a_damaged_file_is_read_or_refused(name: str, at: float, removed: int, inserted: bytes) -> None:
    file, base = FORMATS[name]
    data = json.dumps(base).encode()
    begin = int(at * len(data))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        path.write_bytes(data[:begin] + inserted + data[begin + removed :])
        try:
            assert read_gold(path)
        except InputError as error:
            assert_clear(error, path)


CORPUS = '{"_id": "d1", "title": "T", "text": "Ada wrote it."}\n{"_id": "d2", "text": "Charles built it."}\n'
QUERIES = '{"_id": "q1", "text": "Who wrote it?"}\n'
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\n"
HEADER = "query-id\tcorpus-id\tscore\n"


def hostile_folders() -> Iterator[Any]:
    """Overlays of a valid BEIR folder: file, content (None: missing), what is said."""
    for name, file, content, *said in [
        ("no corpus", "corpus.jsonl", None, "corpus.jsonl"),
        ("no queries", "queries.jsonl", None, "queries.jsonl"),
        ("no qrels", "qrels/test.tsv", None, "qrels"),
        ("empty corpus", "corpus.jsonl", "", "corpus.jsonl", "is empty"),
        ("empty queries", "queries.jsonl", "\n\n", "queries.jsonl", "is empty"),
        ("empty qrels", "qrels/test.tsv", "", "test.tsv", "no judgement"),
        ("header only", "qrels/test.tsv", HEADER, "test.tsv", "no judgement"),
        ("no header", "qrels/test.tsv", "q1\td1\t1\n", "line 1", "header"),
        ("trec qrels", "qrels/test.tsv", "q1 0 d1 1\n", "line 1", "header"),
        ("two columns", "qrels/test.tsv", HEADER + "q1\td1\n", "line 2", "2 columns"),
        ("four columns", "qrels/test.tsv", HEADER + "q1\t0\td1\t1\n", "line 2", "4 columns"),
        ("spaces", "qrels/test.tsv", HEADER + "q1 d1 1\n", "line 2", "1 columns"),
        ("float score", "qrels/test.tsv", HEADER + "q1\td1\t1.0\n", "line 2", "score"),
        ("word score", "qrels/test.tsv", HEADER + "q1\td1\tyes\n", "line 2", "score"),
        ("no score", "qrels/test.tsv", HEADER + "q1\td1\t\n", "line 2", "score"),
        ("huge score", "qrels/test.tsv", HEADER + f"q1\td1\t{'9' * 5000}\n", "line 2", "score"),
        ("other digits", "qrels/test.tsv", HEADER + "q1\td1\t١\n", "line 2", "score"),
        ("unknown query", "qrels/test.tsv", HEADER + "q1\td1\t1\nq9\td1\t1\n", "line 3", "query-id", "'q9'"),
        ("unknown document", "qrels/test.tsv", HEADER + "q1\td1\t1\n\nq1\td9\t1\n", "line 4", "corpus-id", "'d9'"),
        ("judged twice", "qrels/test.tsv", HEADER + "q1\td1\t1\nq1\td1\t2\n", "line 3", "score"),
        ("nul id", "corpus.jsonl", CORPUS.replace('"d2"', '"\\u0000"'), "line 2", "_id", "NUL"),
        ("no id", "corpus.jsonl", CORPUS.replace("_id", "id"), "line 1", "_id", "required"),
        ("number id", "corpus.jsonl", CORPUS.replace('"d2"', "2"), "line 2", "_id", "string"),
        ("no text", "corpus.jsonl", CORPUS.replace('"text"', '"body"'), "line 1", "text", "required"),
        ("list text", "corpus.jsonl", CORPUS.replace('"Charles built it."', '["x"]'), "line 2", "text"),
        ("title number", "corpus.jsonl", CORPUS.replace('"T"', "3"), "line 1", "title"),
        ("surrogate", "corpus.jsonl", CORPUS.replace("Ada", "\\ud800"), "line 1", "text", "surrogate"),
        ("id twice", "corpus.jsonl", CORPUS.replace("d2", "d1"), "line 2", "_id", "'d1'"),
        ("corpus list", "corpus.jsonl", "[]\n", "line 1", "JSON object"),
        ("corpus cut", "corpus.jsonl", CORPUS[:-20], "line 2", "not JSON"),
        ("query twice", "queries.jsonl", QUERIES * 2, "line 2", "_id"),
        ("query empty", "queries.jsonl", QUERIES.replace("Who wrote it?", ""), "line 1", "text"),
        ("query long", "queries.jsonl", QUERIES.replace("Who", "W" * 3000), "line 1", "text", "2000"),
        ("query null", "queries.jsonl", QUERIES.replace('"Who wrote it?"', "null"), "line 1", "text"),
        ("plain gz", "corpus.jsonl.gz", "{}", "corpus.jsonl.gz"),
    ]:
        yield pytest.param(file, content, said, id=name)


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(CORPUS)
    (folder / "queries.jsonl").write_text(QUERIES)
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    return folder


@pytest.mark.parametrize(("file", "content", "said"), list(hostile_folders()))
def test_a_hostile_beir_folder_gives_one_clear_error(
    beir: Path, file: str, content: str | None, said: list[str]
) -> None:
    assert read_beir(beir).size == 2
    if file.endswith(".gz"):
        (beir / file.removesuffix(".gz")).unlink()
    if content is None:
        (beir / file).unlink()
    else:
        (beir / file).write_text(content)
    with pytest.raises(InputError) as caught:
        read_beir(beir)
    assert_clear(caught.value, beir, *said)


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
@pytest.mark.parametrize("make", [make_folder, os.mkfifo])
def test_a_beir_folder_with_what_is_no_file(beir: Path, file: str, make: Callable[[Path], None]) -> None:
    (beir / file).unlink()
    make(beir / file)
    with pytest.raises(InputError) as caught:
        read_beir(beir)
    assert_clear(caught.value, beir / file, "is not a file")


def test_a_beir_corpus_that_grows_beyond_the_limit(beir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eval.gold.beir, "MAX_CORPUS_BYTES", 2**20)
    (beir / "corpus.jsonl").unlink()
    (beir / "corpus.jsonl.gz").write_bytes(packed(CORPUS.encode() + b" " * 2**20))
    with pytest.raises(InputError) as caught:
        read_beir(beir)
    assert_clear(caught.value, beir / "corpus.jsonl.gz", "more than 1 MiB")


def test_a_file_in_place_of_a_beir_folder(beir: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_beir(beir / "corpus.jsonl")
    assert_clear(caught.value, beir / "corpus.jsonl", "no folder")
