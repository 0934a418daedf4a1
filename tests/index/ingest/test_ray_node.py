"""What is done on the nodes of a cluster, without one: the same as where the store is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from corpus.all_files import write_all
from corpus.hostile import contents
from numpy.typing import NDArray

from index.catalogue.copying import contents_sha256
from index.documents import Document
from index.errors import ClusterError, InputError, ModelError
from index.ingest import ray_node as node
from index.ingest.plan import stamp_of
from index.ingest.ray_node import Orders, embed_texts, read_files, version
from index.ingest.sync import index_paths
from index.loading.files import NotRead, read_documents
from index.models.embedder import Embedder, open_embedder
from index.store.filling import CutDocument
from index.store.store import Store
from index.text.passages import CutSettings, cut_passages


@pytest.fixture(scope="module")
def embedder(tiny_bert: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return open_embedder(str(tiny_bert(tmp_path_factory.mktemp("embedder"))))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node sets these for its own process, which is this one here."""
    for name in ("QA_THREADS", "OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, "1")
    for name in node.CARRIED:
        monkeypatch.delenv(name, raising=False)


def orders_for(embedder: Embedder, **changed: str) -> Orders:
    fitting = {"version": version(), "embedder": embedder.name, "embedder_sha256": embedder.sha256} | changed
    return Orders(**fitting, runtime=None, cut=CutSettings(), environment=())


class Inline:
    """An engine whose only node is this process."""

    ahead = 3

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def read(self, paths: Iterable[Path]) -> Iterator[Iterator[Document | CutDocument | NotRead]]:
        for path in paths:
            yield self._found(path)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.concatenate([embed_texts(self._orders, [text]) for text in texts])

    def _found(self, path: Path) -> Iterator[CutDocument | NotRead]:
        for parts in read_files(self._orders, [(path, path.read_bytes())]):
            for part in parts:
                yield from part.found
                if part.error:
                    raise InputError(part.error)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    write_all(folder)
    for name in ("broken.pdf", "broken.docx", "broken.zip"):
        (folder / name).write_text("none")
    return folder


def told(read: Callable[[], Iterable[object]]) -> list[object]:
    """What was read, and the error that ended it."""
    found: list[object] = []
    try:
        found.extend(read())
    except InputError as error:
        found.append(str(error))
    return found


def test_content_that_was_sent_is_read_as_the_file_is(files: Path) -> None:
    paths = [path for path in sorted(files.rglob("*")) if path.is_file()]
    for path in paths:
        assert told(lambda path=path: read_documents(Path("/elsewhere") / path.name, path.read_bytes())) == [
            _moved(entry, path) for entry in told(lambda path=path: read_documents(path))
        ]


def test_contents_of_one_size_are_told_apart() -> None:
    for number in range(30):
        (found,) = read_documents(Path(f"/elsewhere/{number}.csv"), f"name,count\ntea,{number:02}\n".encode())
        assert isinstance(found, Document)
        assert f"{number:02}" in found.text


def _moved(entry: object, path: Path) -> object:
    """What would be told of the file, were it elsewhere."""
    here, there = str(path.parent), "/elsewhere"
    match entry:
        case Document():
            return entry.model_copy(update={"uri": entry.uri.replace(path.parent.as_uri(), f"file://{there}")})
        case NotRead(reason, uri):
            return NotRead(reason.replace(here, there), uri and uri.replace(path.parent.as_uri(), f"file://{there}"))
    return str(entry).replace(here, there)


@pytest.mark.slow
def test_hostile_content_is_refused_in_the_same_words(tmp_path: Path) -> None:
    for name, content in list(contents().items())[:12]:
        path = tmp_path / name
        path.write_bytes(content)
        assert told(lambda path=path: read_documents(path, path.read_bytes())) == told(
            lambda path=path: read_documents(path)
        )


@pytest.mark.slow
@pytest.mark.parametrize("together", [1, 1_000_000])
def test_files_come_in_order_however_they_are_sent(
    files: Path, embedder: Embedder, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "TEXT_TOGETHER", together)
    paths = [path for path in sorted(files.iterdir()) if path.suffix in (".zip", ".txt", ".md", ".pdf", ".eml")]
    sent = list(read_files(orders_for(embedder), [(path, path.read_bytes()) for path in paths]))
    parts = [part for block in sent for part in block]
    assert len(sent) == 1 or together == 1
    assert [part.file for part in parts if part.last] == list(range(len(paths)))
    for number, path in enumerate(paths):
        own = [part for part in parts if part.file == number]
        found = [entry.document if isinstance(entry, CutDocument) else entry for part in own for entry in part.found]
        errors = [part.error for part in own if part.error]
        assert [*found, *errors] == told(lambda path=path: read_documents(path))
        for entry in (entry for part in own for entry in part.found if isinstance(entry, CutDocument)):
            assert entry.passages == cut_passages(entry.document, embedder.count_tokens)


@pytest.mark.slow
def test_an_engine_makes_the_same_store(files: Path, embedder: Embedder, tmp_path: Path) -> None:
    made = []
    # Settled, so that both note the same of them.
    while any(stamp_of(path) == "" for path in files.rglob("*")):
        time.sleep(0.1)
    for name, engine in (("own", None), ("spread", Inline(orders_for(embedder)))):
        store = Store(tmp_path / name, embedder)
        report = index_paths(store, [files], engine=engine)
        made.append((report.added, report.passages, report.failed, contents_sha256(store.catalogue)))
        again = index_paths(store, [files], engine=engine, tags=["t"])
        assert (again.added, again.passages) == (0, 0)
        assert {record.tags for record in store.catalogue.records()} == {("t",)}
        made[-1] = (*made[-1], contents_sha256(store.catalogue))
        store.close()
    assert made[0] == made[1]
    assert made[0][3] != made[0][4]


def test_a_node_with_other_code_or_another_model(embedder: Embedder) -> None:
    with pytest.raises(ClusterError, match=r"a node has spanqa .*, and here it is 0; install the same version"):
        embed_texts(orders_for(embedder, version="0"), ["tea"])
    with pytest.raises(ModelError, match=r"has other weights .*; put the same model on every node"):
        embed_texts(orders_for(embedder, embedder_sha256="0" * 64), ["tea"])
