"""What a passage costs in each engine: bytes on disk and in memory, seconds of work, milliseconds of a search.

`PYTHONPATH=tests python -m scale.capacity STORE --sizes 1000,10000,100000 --output FILE`, where STORE is a store in a
folder whose passages are repeated with changes. 100,000 passages take about five minutes and 3 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import create_engine, text

from eval.bench.kills.material import HashingEmbedder
from eval.bench.scale.building import build
from eval.bench.scale.copies import Copies
from index.catalogue.copying import copy_catalogue
from index.catalogue.sqlite import CATALOGUE_FILE
from index.location import parse_location
from index.search.index_folders import DERIVED_FOLDER
from index.store.store import Store
from scale.servers import (
    Server,
    end_when_asked_to,
    milvus,
    milvus_lite,
    milvus_url,
    postgres,
    postgres_url,
    temporary_folder,
)

QUESTIONS = 50
DEPTH = 60


class _Pinned(HashingEmbedder):
    """Stands for the embedder of a store whose vectors are there already."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.dimensions = dimensions


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name: state, parent, ... (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def processes(server: Server) -> list[int]:
    """The server's process and those it started."""
    assert server.pid is not None
    found = [server.pid]
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if _stat(int(path.name))[1] == str(server.pid):
                found.append(int(path.name))
    return found


def cpu_seconds(server: Server) -> float:
    """Of all of them, ended ones too."""
    ticks = 0
    for pid in processes(server):
        with suppress(OSError):
            ticks += sum(map(int, _stat(pid)[11:15] if pid == server.pid else _stat(pid)[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(server: Server) -> int:
    """What is in memory of them, each page of a library as often as it is used."""
    pages = 0
    for pid in processes(server):
        with suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def search_ms(store: Store, questions: Sequence[str], vectors: Any) -> float:
    """The median of searching both indexes, after a few that are not counted."""
    times = []
    for number, (question, vector) in enumerate(zip(questions, vectors, strict=True)):
        begun = time.perf_counter()
        store.search(question, vector, DEPTH)
        if number >= 10:
            times.append((time.perf_counter() - begun) * 1000)
    return round(median(times), 2)


def measure(copies: Copies, size: int, work: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """One size, in a folder and in servers."""
    embedder = _Pinned(copies.dimensions)
    chunk = copies.chunk(0, min(size, QUESTIONS + 10))
    questions = [" ".join(words.split()[:9]) for words in chunk.texts]
    begun, used = time.perf_counter(), time.process_time()
    built = build(work / "folder", embedder, copies, size, lambda *_: None)
    found: dict[str, Any] = {
        "passages": size,
        "text_bytes": round(copies.mean_bytes),
        "dimensions": copies.dimensions,
        "folder": {
            "catalogue_bytes": folder_bytes(work / "folder") - folder_bytes(work / "folder" / DERIVED_FOLDER),
            "vectors_bytes": sum(folder_bytes(path) for path in (work / "folder" / DERIVED_FOLDER).glob("*/vectors")),
            "words_bytes": sum(folder_bytes(path) for path in (work / "folder" / DERIVED_FOLDER).glob("*/lexical")),
            "seconds": round(time.perf_counter() - begun, 1),
            "cpu_seconds": round(time.process_time() - used, 1),
            "index_seconds": round(built.index_s, 1),
        },
    }
    source = Store(work / "folder", embedder)
    found["folder"]["search_ms"] = search_ms(source, questions, chunk.vectors)
    for name, start in (("milvus", milvus), ("milvus-lite", milvus_lite)):
        say(f"{size:,} passages in PostgreSQL and {name}")
        with postgres(work / f"postgres-{name}") as database, start(work / name) as search:
            idle = folder_bytes(search.folder), resident_bytes(search)
            before = cpu_seconds(database), cpu_seconds(search), time.process_time()
            store = Store(parse_location(f"{postgres_url(database)}?milvus={milvus_url(search)}"), embedder)
            begun = time.perf_counter()
            copy_catalogue(source.catalogue, store.catalogue, lambda *_: None)
            copied = time.perf_counter()
            store.sync()
            indexed = time.perf_counter()
            found[name] = {
                "tables_bytes": table_bytes(database),
                "search_disk_bytes": folder_bytes(search.folder) - idle[0],
                "search_resident_bytes": resident_bytes(search) - idle[1],
                "copy_and_compare_seconds": round(copied - begun, 1),
                "index_seconds": round(indexed - copied, 1),
                "database_cpu_seconds": round(cpu_seconds(database) - before[0], 1),
                "search_cpu_seconds": round(cpu_seconds(search) - before[1], 1),
                "own_cpu_seconds": round(time.process_time() - before[2], 1),
                "search_ms": search_ms(store, questions, chunk.vectors),
            }
            store.close()
    source.close()
    return found


def table_bytes(database: Server) -> dict[str, int]:
    """Each table with its indexes and what is kept beside it."""
    engine = create_engine(postgres_url(database).replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT relname, pg_total_relation_size(oid) AS size FROM pg_class WHERE relkind = 'r' AND "
                 "relnamespace = 'spanqa'::regnamespace ORDER BY size DESC")
        )  # fmt: skip
        sizes = {str(row.relname): int(row.size) for row in rows}
    engine.dispose()
    return sizes


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    if not (given.store / CATALOGUE_FILE).is_file():
        parser.error(f"no store at {given.store}")
    end_when_asked_to()
    found = []
    source = Store(given.store, HashingEmbedder())
    copies, _ = Copies.of_store(source.catalogue, [])
    source.close()
    for size in map(int, given.sizes.split(",")):
        with temporary_folder() as work:
            found.append(measure(copies, size, work, lambda words: sys.stderr.write(words + "\n")))
            shutil.rmtree(work, ignore_errors=True)
        if given.output:
            given.output.write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
