"""Run files: the same inputs give the same bytes apart from times, and nothing else passes for a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.results import PassageRead
from eval.runs.harness import evaluate
from eval.runs.run import Run, causes, gold_sha256, software
from index.errors import InputError
from qa.types import Answer, Elapsed, Response


@pytest.fixture
def made(answer: Callable[..., Answer], response: Callable[..., Response], fake_asker: Any) -> Callable[[float], Run]:
    def make(milliseconds: float) -> Run:
        elapsed = Elapsed(embed=0, retrieve=0, read=0, total=milliseconds)
        script = {
            name: response(answer("1843")).model_copy(update={"elapsed_ms": elapsed}) for name in ("when?", "wann?")
        }
        gold = [GoldQuestion(id=name, question=name, answers=(GoldAnswer(text="1843"),)) for name in script]
        return evaluate(gold, fake_asker(script))

    return make


def test_two_runs_differ_in_their_times_alone(made: Callable[[float], Run], tmp_path: Path) -> None:
    first, second = made(5.0), made(7.0).model_copy(update={"started_at": "2030-01-01T00:00:00+00:00"})
    assert first.canonical() == second.canonical() and first != second
    contents = []
    for number, run in enumerate((first, second)):
        path = tmp_path / f"{number}.json"
        run.write(path)
        assert Run.read(path) == run
        contents.append(json.loads(path.read_bytes()))
    times = [content.pop("times") for content in contents]
    assert contents[0] == contents[1]
    assert times[0]["elapsed_ms"] == [5.0, 5.0] and times[1]["values"]["Latency@50"] == 7.0
    # A question a line, in gold order.
    lines = (tmp_path / "0.json").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line.rstrip(","))["id"] for line in lines if line.startswith('{"id"')] == ["when?", "wann?"]


def test_another_result_is_another_file(made: Callable[[float], Run]) -> None:
    run = made(5.0)
    changed = run.results[0].model_copy(update={"confidence": 0.8999})
    assert run.canonical() != run.model_copy(update={"results": (changed, run.results[1])}).canonical()


def test_measures_by_group_are_those_of_its_questions(made: Callable[[float], Run], tmp_path: Path) -> None:
    run = made(5.0)
    where = [{"source": "dev/laws/a.md", "kind": "short"}, {"source": "dev/news/b.txt", "right": False}]
    results = tuple(one.model_copy(update=new) for one, new in zip(run.results, where, strict=True))
    grouped = run.model_copy(update={"results": results}).grouped(["domain", "kind"])
    assert [(by, list(groups)) for by, groups in grouped.by.items()] == [
        ("domain", ["laws", "news"]),
        ("kind", ["", "short"]),
    ]
    laws, news = grouped.by["domain"]["laws"], grouped.by["domain"]["news"]
    assert (laws.questions, laws.answerable) == (1, 1)
    assert (laws.values["HasAnsRight"], news.values["HasAnsRight"]) == (1.0, 0.0)
    # Times differ from run to run, and stand nowhere but with the other times.
    assert "Latency@50" not in laws.values and run.values.keys() - laws.values.keys() == {"Latency@50", "Latency@95"}
    grouped.write(tmp_path / "run.json")
    assert Run.read(tmp_path / "run.json") == grouped


def test_an_empty_run_is_a_file_too(tmp_path: Path) -> None:
    run = evaluate([], object())  # type: ignore[arg-type]
    run.write(tmp_path / "run.json")
    assert Run.read(tmp_path / "run.json") == run


def test_passages_and_places_survive(made: Callable[[float], Run], tmp_path: Path) -> None:
    run = made(5.0)
    read = run.results[0].model_copy(update={"passages": (PassageRead("d", 0, 9, 0.031),)})
    run = run.model_copy(update={"results": (read, run.results[1])})
    run.write(tmp_path / "run.json")
    assert Run.read(tmp_path / "run.json").results[0].passages == (PassageRead("d", 0, 9, 0.031),)


def test_causes_add_up_in_the_order_of_the_stages(made: Callable[[float], Run]) -> None:
    one = made(1.0).results[0]
    wrong = [one.model_copy(update={"right": False, "cause": cause}) for cause in ("threshold", None, "retrieval")]
    assert list(causes([one, *wrong, wrong[0]]).items()) == [("retrieval", 1), ("threshold", 2), ("unknown", 1)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(run_version="1"), "run_version"),
        (lambda c: c.pop("times"), "results and times"),
        (lambda c: c["times"]["elapsed_ms"].pop(), "as many times"),
        (lambda c: c["results"].append(c["results"][0]) or c["times"]["elapsed_ms"].append(0), "occurs twice"),
        (lambda c: c["results"][0].update(f1=1.5), r"results\.0\.f1"),
        (lambda c: c["results"][0].update(f1="1"), ""),
        (lambda c: c["results"].__setitem__(0, 7), r"results\.0"),
        (lambda c: c.update(values=[]), "values"),
        (lambda c: c.update(surplus=1), "surplus"),
        (lambda c: c["counts"].pop("wrong"), r"counts\.wrong"),
    ],
)
def test_what_is_no_run_is_refused(
    change: Callable[[dict[str, Any]], object], said: str, made: Callable[[float], Run], tmp_path: Path
) -> None:
    path = tmp_path / "run.json"
    made(5.0).write(path)
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))
    if not said:
        # What pydantic reads as the same number is the same run.
        assert Run.read(path).results[0].f1 == 1.0
        return
    with pytest.raises(InputError, match=rf"run\.json: .*{said}"):
        Run.read(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff", b"{}", b'{"times": 3}'])
def test_what_is_no_json_object_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"run\.json: is no run"):
        Run.read(path)
    with pytest.raises(InputError, match="cannot be read"):
        Run.read(tmp_path / "missing.json")


def test_a_gold_folder_is_known_by_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    (folder / "queries.jsonl").write_text("{}")
    first = gold_sha256(folder)
    (folder / "qrels" / "test.tsv").write_text("1\t2\t1")
    second = gold_sha256(folder)
    assert len({first, second, gold_sha256(folder / "queries.jsonl")}) == 3
    (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "dev.tsv")
    assert gold_sha256(folder) != second
    with pytest.raises(InputError, match="cannot be read"):
        gold_sha256(tmp_path / "missing")


def test_the_software_is_named() -> None:
    versions = software()
    assert versions == software() and versions.python.count(".") == 2
    assert versions.packages["numpy"][0].isdigit() and "uninstalled" not in versions.packages.values()
