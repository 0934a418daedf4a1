"""The language of a text, where it can be told."""

from __future__ import annotations

import re

# Enough to be sure, in characters.
_SAMPLE = 20_000
_LEAST_LETTERS = 30
# Percent of a text that has to be in its main language.
_LEAST_SHARE = 70
_LETTERS = re.compile(r"[^\W\d_]")
# What the detector does not take for text.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# Codes that ISO 639 has given up since.
_TODAY = {"iw": "he", "jw": "jv", "in": "id", "mo": "ro"}


def detect_language(text: str, *, sure: bool = True) -> str | None:
    """BCP 47 tag of the language of a text; None where it is short, mixed or none.

    The likeliest, even of a short text, where nobody has to be `sure`. By CLD2, a naive Bayes model over n-grams.
    """
    import pycld2

    sample = _NOT_TEXT.sub(" ", text[:_SAMPLE])
    if sure and len(_LETTERS.findall(sample)) < _LEAST_LETTERS:
        return None
    try:
        reliable, _, languages = pycld2.detect(sample, bestEffort=not sure)
    except pycld2.error:
        # It refuses some unassigned code points. A text of such has no language that can be told.
        return None
    _, code, share, _ = languages[0]
    if code == "un" or (sure and (not reliable or share < _LEAST_SHARE)):
        return None
    return _TODAY.get(code, str(code))


def language_tag(stated: str | None) -> str | None:
    """A language as a source states it, if that is a tag: `en`, `pt-BR`; `en_US` is taken for `en-US`."""
    tag = (stated or "").strip().replace("_", "-").split(".")[0]
    return tag if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", tag) else None
