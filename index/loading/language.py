"""The language of a text, if it can be told."""

from __future__ import annotations

import re

# Enough to be sure, in characters.
_SAMPLE = 20_000
_LEAST_LETTERS = 30
# The percentage of a text that must be in its main language.
_LEAST_SHARE = 70
_LETTERS = re.compile(r"[^\W\d_]")
# Characters that the detector does not accept as text.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# Codes that ISO 639 has withdrawn since.
_TODAY = {"iw": "he", "jw": "jv", "in": "id", "mo": "ro"}


def detect_language(text: str, *, sure: bool = True) -> str | None:
    """The BCP 47 tag of the language of a text; None if the text is too short, mixed, or in no known language.

    If `sure` is false, the likeliest language even of a short text. Uses CLD2, a naive Bayes model over n-grams.
    """
    import pycld2

    sample = _NOT_TEXT.sub(" ", text[:_SAMPLE])
    if sure and len(_LETTERS.findall(sample)) < _LEAST_LETTERS:
        return None
    try:
        reliable, _, languages = pycld2.detect(sample, bestEffort=not sure)
    except pycld2.error:
        # CLD2 rejects some unassigned code points; the language of a text made of those cannot be told.
        return None
    _, code, share, _ = languages[0]
    if code == "un" or (sure and (not reliable or share < _LEAST_SHARE)):
        return None
    return _TODAY.get(code, str(code))


def language_tag(stated: str | None) -> str | None:
    """The language that a source states, if it is a valid tag (`en`, `pt-BR`); `en_US` is read as `en-US`."""
    tag = (stated or "").strip().replace("_", "-").split(".")[0]
    return tag if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", tag) else None
