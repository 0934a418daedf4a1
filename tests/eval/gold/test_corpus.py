from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from eval.gold.corpus import article_documents, by_articles, context_uri, gold_documents
from eval.gold.questions import GoldQuestion
from index.errors import InputError


def question(number: int, title: str, context: str = "Some text.") -> GoldQuestion:
    return GoldQuestion(id=str(number), question="What?", answers=(), title=title, context=context)


GOLD = [question(n, title) for n, title in enumerate("cabbac")]


def test_slices_go_by_sorted_titles_and_share_nothing() -> None:
    first, rest = by_articles(GOLD, "0:1"), by_articles(GOLD, "1:")
    assert {q.title for q in first} == {"a"}
    assert {q.title for q in rest} == {"b", "c"}
    assert len(first) + len(rest) == len(by_articles(GOLD, None)) == len(GOLD)


@pytest.mark.parametrize("articles", ["", "x:y", "1", "1:2:3", "9:"])
def test_a_slice_that_names_nothing_is_an_error(articles: str) -> None:
    with pytest.raises(InputError, match="articles"):
        by_articles(GOLD, articles)


def test_each_paragraph_is_one_document_under_its_content() -> None:
    documents = list(gold_documents([question(1, "a", "One."), question(2, "a", "Two."), question(3, "b", "One.")]))
    assert [document.text for document in documents] == ["One.", "Two."]
    assert documents[0].uri == context_uri("One.") != context_uri("Two.")


@pytest.mark.parametrize("name", ["articles.jsonl", "articles.jsonl.gz"])
def test_articles_are_read_plain_and_zipped(tmp_path: Path, name: str) -> None:
    lines = "\n".join(json.dumps({"title": t, "text": t * 3}) for t in ("x", "é")).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(lines) if name.endswith(".gz") else lines)
    documents = list(article_documents(path))
    assert [(document.title, document.text) for document in documents] == [("x", "xxx"), ("é", "ééé")]
    assert len({document.id for document in documents}) == 2


@pytest.mark.parametrize("line", ["[]", "{}", "x", '{"title": "a"}', '{"title": 1, "text": "a"}'])
def test_a_malformed_article_names_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "articles.jsonl"
    path.write_text('{"title": "a", "text": "a"}\n' + line + "\n")
    with pytest.raises(InputError, match="line 2"):
        list(article_documents(path))


def test_a_missing_corpus_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(article_documents(tmp_path / "none.jsonl"))
