"""docs/measures.md: every measure of a run by name, and what it says."""

from __future__ import annotations

from eval.measures.names import KNOWN, parse_measure
from reference.markdown import page, table

# A parameter that shows what a family's measures are called.
_EXAMPLES = {"K": "5", "risk=R": "risk=0.2", "P": "95"}


def measures_page() -> str:
    """The page; a measure with a parameter is explained by one of its kind."""
    rows = []
    for name in KNOWN:
        family, at, form = name.partition("@")
        measure = parse_measure(f"{family}@{_EXAMPLES[form]}" if at else name)
        rows.append((f"`{name}`", measure.meaning, "higher" if measure.higher_is_better else "lower"))
    text = (
        "What `--measure` and `--fail-under` of `qa eval` and `qa compare` may name. K: so many passages, 1 to 200.\n"
        "R: a share of errors, 0 to 1. P: a percentage of questions. A question that failed counts as the worst."
    )
    return page("Measures", text, table(("measure", "what it says", "better"), rows))
