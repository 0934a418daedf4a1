"""The HTML report: what it shows, that it fetches nothing, and that no text becomes markup."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.util
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from eval.gold.questions import GoldAnswer, GoldQuestion
from eval.measures.names import parse_measure
from eval.results import Cause, GoldPlace, PassageRead
from eval.runs.harness import Inspected, evaluate
from eval.runs.run import About, GoldRef, Run
from eval.runs.webreport.page import run_page, write_page
from index.errors import InputError, StoreError
from qa.types import Answer, Question, Response

pytestmark = pytest.mark.slow

HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> $x^2$ \u2028 \x00 \U0001d11e"


class Parser(HTMLParser):
    """What a browser would find: every tag with its attributes, and the text of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in self.raw:
            self.raw[self.inside][-1] += data


class Inside:
    def inspect(self, gold: GoldQuestion) -> Inspected:
        place = GoldPlace(document="d", uri="file:///notes.txt", spans=((0, 3),), passages=((0, 28),))
        return Inspected(place, [PassageRead("x", 0, 5, 0.5), PassageRead("d", 0, 28, 0.4)])

    def cause(self, gold: GoldQuestion, question: Question) -> Cause:
        return "reading"


def parsed(page: str) -> Parser:
    parser = Parser()
    parser.feed(page)
    parser.close()
    return parser


def rows(page: str) -> Any:
    return json.loads(parsed(page).raw["script"][0])


@pytest.fixture
def run(answer: Callable[..., Answer], response: Callable[..., Response], fake_asker: Any) -> Run:
    script = {
        "Who wrote it?": response(answer("Ada", 0.9)),
        "When was it?": response(answer("Ada", 0.4)),
        "Where was it?": response(abstain="not_in_passages"),
        f"Why {HOSTILE}?": StoreError(HOSTILE),
    }
    texts = {"Who wrote it?": ("Ada",), "When was it?": ("1843",), f"Why {HOSTILE}?": (HOSTILE,)}
    questions = [
        GoldQuestion(
            id=f"id {number}",
            question=question,
            document="notes.txt",
            kind="plain" if number else "first <kind>",
            answers=tuple(GoldAnswer(text=text, start=0, end=len(text)) for text in texts.get(question, ())),
        )
        for number, question in enumerate(key.replace("\x00", "") for key in script)
    ]
    script = {question.question: outcome for question, outcome in zip(questions, script.values(), strict=True)}
    about = About(gold=GoldRef(name="<gold>.jsonl", sha256="0" * 64, questions=4))
    return evaluate(questions, fake_asker(script), inside=Inside(), about=about, passages=5)


def test_only_its_own_script_and_style_may_run_and_nothing_is_fetched(run: Run) -> None:
    page = run_page(run)
    document = parsed(page)
    policy = next(
        (attributes["content"] or "") for tag, attributes in document.tags if attributes.get("http-equiv") is not None
    )
    assert policy.startswith("default-src 'none'; ")
    data, script = document.raw["script"]
    for name, text in (("script-src", script), ("style-src", document.raw["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy
    assert json.loads(data) and len(document.raw["script"]) == 2 and len(document.raw["style"]) == 1
    for tag, attributes in document.tags:
        assert not {"src", "style", "srcset", "action"} & attributes.keys(), tag
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"url\((?!#)|@import", page)


def test_hostile_words_stay_words(run: Run) -> None:
    page = run_page(run)
    document = parsed(page)
    assert not [tag for tag, _ in document.tags if tag == "img"] and "alert(1)" not in document.raw["script"][1]
    assert "&lt;gold&gt;.jsonl" in page and "first &lt;kind&gt;" in page
    hostile = rows(page)[3]
    assert "</script><script>alert(1)" in hostile["q"] and hostile["status"] == "failed"
    assert "\U0001d11e" in hostile["q"]


def test_figures_by_group_and_the_domains_of_questions(run: Run) -> None:
    assert "Figures by" not in run_page(run) and "By domain" not in run_page(run)
    placed = [
        result.model_copy(update={"source": f"dev/{'<laws>' if number else 'news'}/{number}.md"})
        for number, result in enumerate(run.results)
    ]
    page = run_page(run.model_copy(update={"results": tuple(placed)}).grouped(["domain", "kind"]))
    assert [row["domain"] for row in rows(page)] == ["news", "<laws>", "<laws>", "<laws>"]
    assert "Figures by domain" in page and "Figures by kind" in page and "By domain" in page
    assert '<th scope="row">&lt;laws&gt;</th><td class="n">3</td><td class="n">1</td>' in page
    assert 'data-domain="&lt;laws&gt;"' in page


def test_every_question_with_its_marks_and_figures(run: Run) -> None:
    page = run_page(run)
    first, second, third, _ = rows(page)
    assert first["right"] and first["rank"] == 2 and first["type"] == "who" and "cause" not in first
    assert second["cause"] == "reading" and second["given"] == "Ada"
    assert "gold" not in third and third["given"] == "(not found: not_in_passages)"
    assert first["texts"][0][1], "the cited sentence stands in where no source text was known"
    for title in ("Reliability", "Hit rate", "Errors by cause", "Errors by what is asked for"):
        assert f"<h3>{title}</h3>" in page
    figures = dict(re.findall(r'<th scope="row">(\w+)</th><td class="n">([^<]*)', page))
    assert figures["EM"] == "50.0%" and figures["Right"] == "50.0%"


def test_every_figure_says_what_it_means(run: Run) -> None:
    shown = re.findall(
        r'<tr><th scope="row">([\w@=.]+)</th>(?:<td class="n">.*?</td>){3}<td class="meaning">(.*?)</td>', run_page(run)
    )
    assert [name for name, _ in shown] == list(run.values)
    for name, meaning in shown:
        assert html.unescape(meaning) == parse_measure(name).meaning != "", name


def test_plots_take_their_colours_from_the_page(run: Run) -> None:
    plots = re.findall(r"<svg.*?</svg>", run_page(run), re.DOTALL)
    assert len(plots) >= 5
    ids: list[str] = []
    for plot in plots:
        assert not re.search(r"#[0-9a-f]{6}", plot) and "style=" not in plot and 'aria-label="' in plot
        assert "var(--ink)" in plot or "var(--soft)" in plot
        ids_of_plot = re.findall(r'\bid="([^"]+)"', plot)
        assert set(re.findall(r"url\(#([^)]+)\)", plot)) <= set(ids_of_plot)
        ids += ids_of_plot
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_the_same_run_gives_the_same_page(run: Run, tmp_path: Path) -> None:
    run.write(tmp_path / "run.json")
    write_page(Run.read(tmp_path / "run.json"), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8") == run_page(run)


def test_an_empty_run_has_a_page() -> None:
    page = run_page(evaluate([], object()))  # type: ignore[arg-type]
    assert rows(page) == [] and "<p>Nothing.</p>" in page


def test_what_is_missing_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("eval.runs.webreport.page.find_spec", lambda name: None if name == "matplotlib" else real(name))
    with pytest.raises(InputError, match=r"needs matplotlib, not installed here.*spanqa\[report\]"):
        write_page(run, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_cannot_be_written_is_an_error(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_page(run, tmp_path)
