"""The page itself: figures and plots as HTML, the questions as data for its script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eval.gold.question_types import QUESTION_TYPES, question_type
from eval.results import CAUSES, QuestionResult
from eval.runs.attribution import MEANING
from eval.runs.compare import LEVEL, RESAMPLES
from eval.runs.run import Run, group_of
from eval.runs.summary import (
    Figure,
    figures,
    given,
    group_measures,
    group_rows,
    groups,
    percent,
    shown,
    shown_interval,
)
from eval.runs.webreport.marks import marked_texts
from index.disk.atomic import write_whole
from index.disk.outputs import head_kind
from index.errors import InputError

_FOLDER = Path(__file__).parent
# Pages of earlier versions do not name their generator.
PAGE = head_kind(
    "a page of qa report", rb'<!doctype html>[^\0]{0,2000}?<(?:meta name="generator" content="|title>)spanqa'
)
_LIBRARIES = ("jinja2", "matplotlib")


def require_libraries() -> None:
    """Raises InputError, naming the extra to install, where what the page is made with is missing."""
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise InputError(
            f"the HTML report needs {' and '.join(missing)}, not installed here; install the extra: "
            "pip install 'spanqa[report]'"
        )


def write_page(run: Run, path: Path, *, measured: Sequence[Figure] | None = None) -> None:
    """Writes a run as an HTML page, whole or not at all. Raises InputError where it cannot be written."""
    write_whole(path, encoded_page(run, measured=measured))


def encoded_page(run: Run, *, measured: Sequence[Figure] | None = None) -> bytes:
    """The page of a run as UTF-8 (see `run_page`)."""
    # A lone surrogate is no character of UTF-8; as a reference it shows as a replacement character.
    return run_page(run, measured=measured).encode("utf-8", "xmlcharrefreplace")


def run_page(run: Run, *, measured: Sequence[Figure] | None = None) -> str:
    """The page of a run: equal for equal runs. `measured` are its `figures`, where they are known already.

    One file that fetches nothing and, by its own policy, may not. Whatever stands in questions and documents is text.
    """
    require_libraries()
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from eval.runs.webreport.charts import charts

    types = groups(run.results, lambda result: question_type(result.question), QUESTION_TYPES)
    domains = groups(run.results, lambda result: group_of(result, "domain"))
    kinds = groups(run.results, lambda result: result.kind or "") if any(r.kind for r in run.results) else []
    script, sheet = _part("page.js"), _part("page.css")
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(
        name=run.about.gold.name if run.about.gold else "gold questions",
        run=run,
        figures=[
            (
                each.measure.name,
                shown(each.measure, each.value),
                shown_interval(each.interval),
                _over(each),
                each.measure.meaning,
            )
            for each in (figures(run) if measured is None else measured)
        ],
        level=f"{LEVEL:.0%}",
        resamples=RESAMPLES,
        charts=charts(run, types),
        causes=[cause for cause in CAUSES if cause in run.causes],
        meaning=MEANING,
        groupings=[
            each
            for each in (
                ("type", "Type", types),
                ("domain", "Domain", domains if len(domains) > 1 else []),
                ("kind", "Kind", kinds),
            )
            if each[2]
        ],
        by=[(by, [measure.name for measure in group_measures(run)], group_rows(run, by)) for by in run.by],
        percent=percent,
        details=_details(run),
        script=script,
        script_hash=_hash(script),
        sheet=sheet,
        sheet_hash=_hash(sheet),
        data=_data([_row(result) for result in run.results]),
    )


def _over(figure: Figure) -> str:
    return "deeper than the passages read" if figure.too_deep else f"{figure.over:,}"


def _row(result: QuestionResult) -> dict[str, Any]:
    """What the script shows of a question; only what it has."""
    row = {
        "id": result.id,
        "q": result.question,
        "type": question_type(result.question),
        "domain": group_of(result, "domain") or None,
        "kind": result.kind,
        "source": result.source,
        "gold": list(dict.fromkeys(result.golds)),
        "status": result.status,
        "right": result.right,
        "cause": None if result.right else result.cause or "unknown",
        "given": given(result),
        "best": result.best if result.declined else None,
        "confidence": result.confidence,
        "threshold": result.threshold,
        "f1": round(result.f1, 4),
        "rank": result.rank,
        "judged": result.retrieval_judged,
        "valid": result.citation_valid,
        "precise": result.citation_precise,
        "ms": result.elapsed_ms,
        "texts": [[text.uri, [list(piece) for piece in text.pieces]] for text in marked_texts(result)],
    }
    return {name: value for name, value in row.items() if value not in (None, [])}


def _details(run: Run) -> list[tuple[str, str]]:
    """What decided the run, in words."""
    about, settings = run.about, run.settings
    rows = [("Begun", run.started_at)] if run.started_at else []
    if about.gold is not None:
        chosen = [f"articles {about.gold.articles}"] if about.gold.articles else []
        chosen += [f"a draw of {about.gold.sample}, seed {about.gold.seed}"] if about.gold.sample else []
        rows.append(("Gold", f"{about.gold.name} ({about.gold.sha256[:12]})" + "".join(f", {one}" for one in chosen)))
    if about.store is not None:
        store = about.store
        rows.append(("Store", f"{store.documents:,} documents, {store.passages:,} passages ({store.sha256[:12]})"))
    for name, model in (("Embedder", about.embedder), ("Reader", about.reader)):
        if model is not None:
            rows.append((name, f"{model.name} ({model.sha256[:12]})"))
    if settings.own_paragraph:
        where = f"articles {settings.chosen_on}" if settings.chosen_on else "these very questions: an upper bound"
        rows.append(("Asked", f"each of its own paragraph; null threshold {settings.null_threshold:.2f}, from {where}"))
    else:
        threshold = "the calibrated threshold" if settings.threshold is None else f"threshold {settings.threshold}"
        rows.append(("Asked", f"{settings.passages} passages read, {threshold}"))
    if about.software is not None:
        software = about.software
        packages = ", ".join(f"{name} {version}" for name, version in software.packages.items())
        rows.append(("Software", f"spanqa {software.spanqa}, Python {software.python}, {software.machine}; {packages}"))
    return rows


def _part(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names what may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data(value: Any) -> str:
    """JSON that no text within can break out of: neither a tag nor a comment can begin in it."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
