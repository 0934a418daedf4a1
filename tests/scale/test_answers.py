"""Answers stay the same when a store moves into servers and back: by the shipped models, from all of the corpus."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from corpus.all_files import FILES, write_all
from typer.testing import CliRunner

import scale.locations
from api.cli.main import app
from api.cli.opening import open_engine, open_store
from index.ingest.sync import index_paths
from index.location import Location
from qa.types import Question

FACTS = [fact for file in FILES for fact in file.facts]
QUESTIONS = [Question(question=fact.question, candidates=True, passages=5) for fact in FACTS[:: len(FACTS) // 12]]
PLACES = [name for name in scale.locations.here() if name != "postgres"]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedded")
    write_all(folder / "files")
    store = open_store(folder / "store", create=True)
    index_paths(store, [folder / "files"])
    store.close()
    return folder / "store"


def answers(location: Location) -> list[tuple[str, str, str, int]]:
    """Of each question: whether it was answered, the best span, its document and offset."""
    store = open_store(location)
    responses = open_engine(store).ask_many(QUESTIONS)
    store.close()
    best = [(response.status, response.best) for response in responses]
    return [
        (status, *((own.text, own.citation.document.uri, own.citation.start) if own else ("", "", -1)))
        for status, own in best
    ]


def migrate(source: str, target: str) -> dict[str, object]:
    done = CliRunner().invoke(app, ["migrate-store", source, target, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def before(embedded: Path) -> list[tuple[str, str, str, int]]:
    found = answers(embedded)
    assert sum(status == "answered" for status, *_ in found) > len(QUESTIONS) / 2
    return found


@pytest.mark.parametrize("place", PLACES)
def test_there_and_back_again(
    embedded: Path, before: list[tuple[str, str, str, int]], tmp_path: Path, place: str
) -> None:
    with scale.locations.server_store(place) as location:
        url = location.database.update_query_dict(
            {"schema": location.schema, "milvus": location.milvus or "", "derived": str(tmp_path / "derived")}
        ).render_as_string(hide_password=False)
        there = migrate(str(embedded), url)
        assert answers(location) == before
        back = migrate(url, str(tmp_path / "back"))
    assert answers(tmp_path / "back") == before
    assert back["sha256"] == there["sha256"]
