"""Search indexes in servers: the contracts of every vector index and of every lexical index."""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
from contracts.vectors import VectorIndexContract
from contracts.words import LexicalIndexContract

from index.catalogue.postgres import PostgresCatalogue
from index.search.milvus import MilvusLexicalIndex, MilvusVectorIndex
from index.search.milvus_server import connect
from index.search.postgres_bm25 import PostgresLexicalIndex
from index.search.protocol import LexicalIndex, VectorIndex
from scale.locations import MILVUS, MILVUS_LITE, POSTGRES, postgres_schema


def _needs(server: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(server not in os.environ, reason="make test-scale starts the servers")


class TestMilvusVectors(VectorIndexContract):
    @pytest.fixture(params=[pytest.param(server, marks=_needs(server)) for server in (MILVUS, MILVUS_LITE)])
    def index(self, request: pytest.FixtureRequest) -> Iterator[VectorIndex]:
        uri = os.environ[request.param]
        index = MilvusVectorIndex(connect(uri), uri, f"test_{uuid4().hex}", 3)
        yield index
        index.drop()


@_needs(MILVUS_LITE)
class TestMilvusWords(LexicalIndexContract):
    @pytest.fixture
    def index(self) -> Iterator[LexicalIndex]:
        uri = os.environ[MILVUS_LITE]
        index = MilvusLexicalIndex(connect(uri), uri, f"test_{uuid4().hex}")
        yield index
        index.drop()


@_needs(POSTGRES)
class TestPostgresWords(LexicalIndexContract):
    @pytest.fixture
    def index(self) -> Iterator[LexicalIndex]:
        with postgres_schema() as store:
            catalogue = PostgresCatalogue(store)
            yield PostgresLexicalIndex(catalogue)
            catalogue.close()
