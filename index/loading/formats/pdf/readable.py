"""Whether a page has text that can be read: a scan has none, and some fonts do not say which letters they draw."""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections import Counter
from typing import Any

SCAN = "a scan or picture without a text layer; make it readable with a program for character recognition (OCR)"
MOSTLY_PICTURE = "a scan or picture with only a few words of text, which are read; the rest needs OCR"
NONSENSE = "its text layer does not say which letters it shows; make it readable with OCR"

# Share of the page that pictures cover; characters of text beside them; paths that may be outlines of letters.
_COVERED = 0.5
_FEW_CHARACTERS = 150
_SOME_PICTURE = 0.03
_MANY_PATHS = 40
_MOST_OBJECTS = 4_000
_UNMAPPED = 0.5
# Latin letters in the texts of twelve European languages, in thousandths.
_USUAL = {
    "a": 88, "b": 15, "c": 27, "d": 42, "e": 122, "f": 14, "g": 20, "h": 26, "i": 78, "j": 10, "k": 22, "l": 46,
    "m": 29, "n": 73, "o": 66, "p": 25, "q": 4, "r": 63, "s": 64, "t": 68, "u": 42, "v": 17, "w": 12, "x": 3,
    "y": 14, "z": 13,
}  # fmt: skip
_LEAST_LETTERS = 200
# In bits a letter, against letters that are all as frequent: texts of those languages have 0.2 to 0.5.
_LEAST_LIKELY = -0.25
_BITS = {letter: math.log2(often * 26 / 1000) for letter, often in _USUAL.items()}
# Characters of a page that are looked at; those that no font has a reason to map its letters to.
_SAMPLE = 3_000
_SPACES = " \n\t"
_NO_LETTERS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd\U000f0000-\U0010fffd]")
_WORD = re.compile(r"[^\W\d_]+")


def is_nonsense(text: str, unmapped: float) -> bool:
    """Whether a text layer decodes to something else than what the page shows.

    `unmapped` is the share of characters that PDFium could not map. Others are told by what they map to: private and
    control characters, or words whose letters are as rare as no language has them.
    """
    sample = text[:_SAMPLE]
    drawn = len(sample) - sum(map(sample.count, _SPACES))
    if not drawn:
        return False
    if len(_NO_LETTERS.findall(sample)) > _UNMAPPED * drawn:
        return True
    return (unmapped > _UNMAPPED and not _is_language(sample)) or _is_ciphered(sample)


def _likelihood(text: str) -> tuple[float, int]:
    """How likely the Latin letters of a text are, in bits a letter against chance, and how many there are."""
    counts = Counter(unicodedata.normalize("NFD", text.lower()))
    letters = sum(counts[char] for char in _BITS)
    return (sum(counts[char] * bits for char, bits in _BITS.items()) / letters if letters else 0.0), letters


def _is_language(text: str) -> bool:
    likelihood, letters = _likelihood(text)
    return letters > 0.6 * sum(not char.isspace() for char in text) and likelihood > 0


def _is_ciphered(text: str) -> bool:
    """Whether a text is made of words, and their letters are not those of a language."""
    likelihood, letters = _likelihood(text)
    if letters < _LEAST_LETTERS or likelihood > _LEAST_LIKELY:
        return False
    if text.count(" ") < 0.03 * letters:
        # Numbers of glyphs taken for characters: letters become capitals, the space vanishes.
        return likelihood < 2 * _LEAST_LIKELY and sum(map(str.isupper, text)) > 0.9 * letters
    # Keys, part numbers and the like are no words: they have figures, or are very long.
    tokens = text.split()
    words = [token for token in tokens if _WORD.fullmatch(token.strip(".,;:!?()\"'"))]
    return len(words) > 0.6 * len(tokens) and 2.5 < letters / max(1, len(tokens)) < 12


def why_unread(page: Any, characters: int) -> str | None:
    """Why words of a page may be missing in its text of so many characters; None if none are."""
    if characters >= _FEW_CHARACTERS:
        return None
    covered, paths = _drawn(page)
    if characters:
        return MOSTLY_PICTURE if covered > _COVERED else None
    return SCAN if covered > _SOME_PICTURE or paths >= _MANY_PATHS else None


def _drawn(page: Any) -> tuple[float, int]:
    """The share of a PDFium page that pictures cover, at most, and how many paths are on it."""
    from pypdfium2 import raw

    edges = [ctypes.c_float() for _ in range(4)]
    area = max(1.0, page.get_width() * page.get_height())
    covered, paths = 0.0, 0
    for number in range(min(raw.FPDFPage_CountObjects(page.raw), _MOST_OBJECTS)):
        drawn = raw.FPDFPage_GetObject(page.raw, number)
        kind = raw.FPDFPageObj_GetType(drawn)
        if kind == raw.FPDF_PAGEOBJ_PATH:
            paths += 1
        elif kind in (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_SHADING, raw.FPDF_PAGEOBJ_FORM) and (
            raw.FPDFPageObj_GetBounds(drawn, *(ctypes.byref(edge) for edge in edges))
        ):
            left, bottom, right, top = (edge.value for edge in edges)
            covered += max(0.0, right - left) * max(0.0, top - bottom) / area
    return covered, paths
