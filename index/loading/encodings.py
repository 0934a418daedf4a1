"""Decoding bytes to text: Unicode first, then the older encodings, judged by what the decoded text looks like."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from pathlib import PurePath

from index.errors import InputError
from index.loading.language import detect_language

# The little-endian mark of UTF-32 begins with that of UTF-16, so the longer marks are tried first.
_MARKS = [
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
]
# How much of a file is examined to guess its encoding; the whole file is decoded in the end.
_SAMPLE = 64 * 1024
# What charset-normalizer may choose from when a text is not in Latin letters. Its full list has encodings that fell out
# of use thirty years ago, and that short texts match by chance.
_OTHER_SCRIPTS = """
    utf_16_le utf_16_be cp1251 koi8_r cp1253 cp1255 cp1256 cp932 euc_jp gb18030 big5 cp949 cp874
""".split()
# Encodings of Latin letters, likeliest first, with the share of non-ASCII characters that must be in plausible places.
# Every byte is valid in Mac OS Roman, so the bar is higher there.
_LATIN = {"cp1252": 0.66, "cp1250": 0.66, "iso8859_2": 0.66, "mac_roman": 0.9}
_CENTRAL_EUROPEAN = {"bs", "cs", "hr", "hu", "pl", "ro", "sk", "sl", "sq"}
_MARKS_BETWEEN_WORDS = set("‘’‚“”„†‡•…‰‹›«»–—™©®°±²³·¼½¾€£¥¢§¡¿ªº×÷\xa0´")
# Bytes that occur in no text, whatever its encoding; ESC is not one of them, since ISO 2022 shifts begin with it.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
# The ISO 2022 shift to Japanese characters, in bytes that are otherwise ASCII.
_SHIFT = re.compile(rb"\x1b\$[@B]")
# Half a surrogate pair encoded as UTF-8: not allowed in UTF-8, and unlike text in any other encoding.
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_LETTERS = re.compile(r"[^\W\d_]+")
_LEAST_UTF_16 = 16


def decode_text(path: PurePath, content: bytes) -> str:
    """Decode text whatever its encoding; a byte-order mark is dropped, line endings are kept.

    Text that is valid UTF-8, or has a mark, is never taken for another encoding. Raises InputError if the content is
    not text, is damaged Unicode, or fits no encoding.
    """
    text = decode_unicode(path, content)
    if text is None:
        text = content.decode(_encoding_of(path, content))
    if not text.strip():
        raise InputError(f"{path}: has no text")
    return text


def decode_unicode(path: PurePath, content: bytes) -> str | None:
    """Decode UTF-8, or UTF-16 and UTF-32 with a mark; None if the content is none of these.

    Raises InputError if it is damaged Unicode, or UTF-8 with NUL characters in it.
    """
    if _SHIFT.search(content):
        return None
    mark, encoding = next(((m, e) for m, e in _MARKS if content.startswith(m)), (b"", "utf-8"))
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        if mark or _is_damaged_utf8(content):
            raise InputError(
                f"{path}: not {encoding.upper()} text (byte {error.start + len(mark)}); "
                "the file is damaged, or it is not text"
            ) from error
        return None
    if "\x00" in text:
        if not mark and _utf16_without_mark(content):
            return None
        raise InputError(f"{path}: holds NUL characters: a binary file, not text")
    return text


def _is_damaged_utf8(content: bytes) -> bool:
    """Whether most of the non-ASCII bytes are valid UTF-8, which in text of another encoding happens only by chance."""
    if _SURROGATE.search(content[:_SAMPLE]) and len(content) < _LEAST_UTF_16:
        return True
    sample = content[:_SAMPLE].decode("utf-8", "surrogateescape")
    bad = sum("\udc80" <= char <= "\udcff" for char in sample)
    good = sum(char > "\x7f" for char in sample) - bad
    return good > bad


def _utf16_without_mark(content: bytes) -> bool:
    """Whether every other byte is mostly zero, as in Latin text in UTF-16."""
    sample = content[:_SAMPLE]
    shares = [half.count(0) / max(1, len(half)) for half in (sample[0::2], sample[1::2])]
    return len(content) >= _LEAST_UTF_16 and len(content) % 2 == 0 and max(shares) > 0.5 and min(shares) < 0.1


def _encoding_of(path: PurePath, content: bytes) -> str:
    if _SHIFT.search(content) and _decodes(content, "iso2022_jp"):
        return "iso2022_jp"
    if _utf16_without_mark(content):
        return "utf-16-be" if content[:_SAMPLE:2].count(0) > content[1:_SAMPLE:2].count(0) else "utf-16-le"
    sample = content[:_SAMPLE]
    if not _CONTROL.search(sample):
        latin = [name for name in _LATIN if _decodes(content, name)]
        plausible = {name: share for name in latin if (share := _latin_share(sample.decode(name))) >= _LATIN[name]}
        if plausible:
            return _latin_encoding(sample, plausible)
    return _other_encoding(path, content)


def _latin_encoding(sample: bytes, plausible: dict[str, float]) -> str:
    """The encoding of a text in Latin letters: the western one, unless its language needs the central one."""
    central = [name for name in ("cp1250", "iso8859_2") if name in plausible]
    if central and detect_language(sample.decode(central[0]), sure=False) in _CENTRAL_EUROPEAN:
        return max(central, key=lambda name: (_central_letters(sample.decode(name)), name == "cp1250"))
    return next(name for name in _LATIN if name in plausible)


def _latin_share(text: str) -> float:
    """The share of non-ASCII characters that are where a text in Latin letters would have them."""
    beyond = sum(char > "\x7f" for char in text)
    fits = sum(char in _MARKS_BETWEEN_WORDS for char in text)
    for match in _LETTERS.finditer(text):
        accented = sum(char > "\x7f" for char in match.group())
        # At most two letters in three of a word: more means another alphabet.
        fits += accented if 3 * accented <= 2 * len(match.group()) else 0
    return fits / beyond if beyond else 0.0


def _central_letters(text: str) -> int:
    return sum(char > "\x7f" and char.isalpha() for char in text) - sum(
        char > "\x7f" and not char.isalpha() and before.isalpha() for before, char in pairwise(text)
    )


def _other_encoding(path: PurePath, content: bytes) -> str:
    from charset_normalizer import from_bytes

    # A sample that ends in the middle of a two-byte character would look damaged.
    sample = (
        content if len(content) <= _SAMPLE else content[: content.rfind(b"\n", 0, _SAMPLE) + 1] or content[:_SAMPLE]
    )
    possible = [name for name in _OTHER_SCRIPTS if name.startswith("utf_16") or not _CONTROL.search(sample)]
    guesses = [match.encoding for match in from_bytes(sample, cp_isolation=possible)]
    fitting = [
        name for name in guesses if _decodes(content, name) and _has_its_script(sample.decode(name, "replace"), name)
    ]
    if not fitting:
        raise InputError(
            f"{path}: not UTF-8 text, nor text in another encoding that can be told; a binary file, or save it as UTF-8"
        )
    return fitting[0]


def _has_its_script(text: str, encoding: str) -> bool:
    """Whether a text has the letters that an encoding is meant for: East Asian encodings decode each other's bytes."""
    beyond = [char for char in text if char > "\x7f"]
    if encoding.startswith("utf_16"):
        # Almost any even number of bytes decodes; real text has no unassigned characters, and more than a few in all.
        return 2 * len(text) >= _LEAST_UTF_16 and not any(
            unicodedata.category(char) in ("Cn", "Co", "Cc") for char in beyond
        )
    if not beyond:
        return False
    share = {
        # Korean separates words by spaces and ends sentences as Latin text does; Chinese does neither.
        "cp949": sum("\uac00" <= char <= "\ud7a3" for char in beyond) / len(beyond) > 0.5
        and "\u3002" not in text
        and text.count(" ") * 15 >= len(text) - 15,
        "cp932": any("\u3040" <= char <= "\u30ff" for char in beyond),
        "euc_jp": any("\u3040" <= char <= "\u30ff" for char in beyond),
    }
    return share.get(encoding, True)


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
