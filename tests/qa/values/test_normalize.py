"""What any answer comes to: nothing raises, and nothing is loaded for what is no value."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from qa.values.normalize import normalize

WRITTEN = "2026-07-20"
WHEN = "When was it?"


@given(
    st.text(max_size=60) | st.from_regex(r"(?s)[\w$€]{0,6}[ .,-]?\d{1,20}[.,/ -]?\d{0,9}.{0,12}"),
    st.sampled_from(["", WHEN]),
    st.none() | st.sampled_from([WRITTEN, "2026", "0001-01-01", "9999-12-31", "x"]),
    st.none() | st.sampled_from(["en", "de", "fr", "zh-Hans", "ar", "tlh", "-", ""]),
)
def test_never_raises(text: str, question: str, written: str | None, language: str | None) -> None:
    normalize(text, question=question, written=written, language=language)


def test_nothing_is_loaded_for_what_is_no_value() -> None:
    code = (
        "import sys; from qa.values.normalize import normalize\n"
        "assert normalize('Marta Kovács', question='Who built it?') is None\n"
        "assert not {'babel', 'dateutil'} & set(sys.modules)\n"
        "assert normalize('August 9, 2026') is not None\n"
        "assert 'dateparser' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
