"""Decoding bytes to text: Unicode first, then the older encodings, judged by what the decoded text looks like."""

from __future__ import annotations

import codecs
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
# What browsers take an encoding's name for, where it is not what Python does.
_WEB_LABELS = {
    **dict.fromkeys(
        "ascii us-ascii ansi_x3.4-1968 iso-8859-1 iso8859-1 iso_8859-1 iso88591 latin1 latin-1 l1 cp819 ibm819 "
        "iso_8859-1:1987 x-cp1252 x-ansi ansi".split(),
        "cp1252",
    ),
    **dict.fromkeys("iso-8859-9 iso8859-9 iso_8859-9 iso88599 latin5 l5 x-cp1254".split(), "cp1254"),
    **dict.fromkeys("iso-8859-11 iso8859-11 tis-620 dos-874 windows-874".split(), "cp874"),
    **dict.fromkeys("shift_jis shift-jis sjis x-sjis ms_kanji ms932 windows-31j csshiftjis".split(), "cp932"),
    **dict.fromkeys("euc-kr euc_kr ks_c_5601-1987 ks_c_5601 ksc5601 korean windows-949 cseuckr".split(), "cp949"),
    **dict.fromkeys("gb2312 gbk gb_2312-80 gb_2312 x-gbk chinese csgb2312 iso-ir-58 hz-gb-2312".split(), "gb18030"),
    **dict.fromkeys("big5 big5-hkscs cn-big5 x-x-big5 csbig5".split(), "big5hkscs"),
    **dict.fromkeys("iso-8859-8-i iso-8859-8-e logical visual".split(), "iso8859-8"),
    **dict.fromkeys("x-euc-jp".split(), "euc_jp"),
    **dict.fromkeys("macintosh mac x-mac-roman csmacintosh".split(), "mac_roman"),
    **dict.fromkeys("unicode utf8 utf-8 unicode-1-1-utf-8 x-unicode20utf8".split(), "utf-8"),
}
# Of whose text the bytes are ASCII, whatever it says.
_ASCII_BYTES = {"utf-7", "iso2022_jp", "iso2022_kr", "hz"}
_SINGLE_BYTES = {f"cp125{number}" for number in range(9)} | {"cp874"}
_C1 = {byte: bytes([byte]).decode("cp1252", "ignore") or None for byte in range(0x80, 0xA0)}
_ANY_C1 = re.compile("[\x80-\x9f]")
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
# Quotation marks may stand together, and dots.
_CROWDED = re.compile(r"(?:[^\x00-\x7f“”„‘’«»‹›…–—\xa0]){4,}")
# Signs that stand before or behind numbers and words, but not within words.
_MISPLACED = re.compile(r"[£¥¢€](?=[^\W\d_])|(?<=[^\W\d_])[¹²³±¼½¾¬¦](?=[^\W\d_])")
_LEAST_UTF_16 = 16
# Of fewer bytes that are not ASCII, nothing is guessed by statistics.
_SHORT = 40


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


def decode_declared(path: PurePath, content: bytes, label: str | None) -> str:
    """Decode text whose encoding is declared, as browsers take the declaration: `iso-8859-1` means windows-1252, whose
    quotes, dashes and euro sign stand where the other has control characters.

    Text that is valid UTF-8, or has a mark, is that whatever is declared; where the declared encoding does not fit, it
    is guessed as by `decode_text`. Raises InputError as that does.
    """
    name = codec_of(label)
    if name in _ASCII_BYTES:
        return _decoded(content, str(name)) or decode_text(path, content)
    if _decoded(content, "utf-8") is not None or name is None or any(content.startswith(mark) for mark, _ in _MARKS):
        return decode_text(path, content)
    text = _decoded(content, name)
    if text is not None:
        return text
    try:
        return decode_text(path, content)
    except InputError:
        if name not in _SINGLE_BYTES:
            raise
        # As browsers do: a byte that means nothing is a control character.
        return "".join(_decoded(bytes([byte]), name) or chr(byte) for byte in content)


def codec_of(label: str | None) -> str | None:
    """Python's codec for an encoding as pages and messages name it (WHATWG Encoding Standard, section 4.2); None for
    a name that is not known."""
    name = (label or "").strip().strip("\"'").lower()
    name = _WEB_LABELS.get(name, name)
    try:
        codec = codecs.lookup(name).name if name and "\x00" not in name else None
    except LookupError:
        return None
    # Codecs such as base64 do not make text of bytes.
    return _WEB_LABELS.get(codec, codec) if codec and codecs.lookup(codec)._is_text_encoding else None


def as_windows(text: str) -> str:
    """A text in which C1 control characters, that have no use in it, are what windows-1252 has at their places."""
    return text.translate(_C1) if _ANY_C1.search(text) else text


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


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
    if (japanese := _surely_japanese(content)) is not None:
        return japanese
    if not _CONTROL.search(sample):
        latin = [name for name in _LATIN if (text := _decoded(content, name)) is not None and not _ANY_C1.search(text)]
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
    if any(not match.group().isalpha() for match in _CROWDED.finditer(text)):
        # Letters and signs side by side, as in text of another alphabet.
        return 0.0
    fits = sum(char in _MARKS_BETWEEN_WORDS for char in text) - len(_MISPLACED.findall(text))
    for match in _LETTERS.finditer(text):
        accented = sum(char > "\x7f" and char.isalpha() for char in match.group())
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
    if sum(byte > 0x7F for byte in sample) < _SHORT and not _CONTROL.search(sample):
        return _only_plausible(path, content)
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


def _surely_japanese(content: bytes) -> str | None:
    """The Japanese encoding in which everything beyond ASCII is kana, kanji and their punctuation, with some kana: no
    text in another one looks like that."""
    for name in ("cp932", "euc_jp"):
        if not _decodes(content, name):
            continue
        beyond = [char for char in content[:_SAMPLE].decode(name, "ignore") if char > "\x7f"]
        kana = sum("\u3041" <= char <= "\u30fe" for char in beyond)
        if kana > 1 and 10 * kana >= len(beyond) and all(_is_japanese(char) for char in beyond):
            return name
    return None


def _is_japanese(char: str) -> bool:
    return (
        "\u3000" <= char <= "\u30ff"
        or "\u4e00" <= char <= "\u9fff"
        or "\uff01" <= char <= "\uff5e"
        or char in "、。…―・"
    )


def _only_plausible(path: PurePath, content: bytes) -> str:
    """The one encoding in which a short text consists of common characters of one script.

    Raises InputError where there are several, or none: a short text says too little.
    """
    names = [name for name in _COMMON if _decodes(content, name) and _is_common(content, name)]
    if "cp949" in names and content.count(b" ") * 15 >= len(content):
        # Neither Chinese nor Japanese has spaces between words.
        names = ["cp949"]
    if len(names) == 1:
        return names[0]
    tried = ", ".join(["UTF-8", *_LATIN, *_COMMON])
    fitting = f"it may be {' or '.join(names)}" if names else "none fits"
    raise InputError(
        f"{path}: not UTF-8 text, and too short to tell its encoding ({fitting}; tried: {tried}); save it as UTF-8"
    )


# Of encodings of two bytes a character, the first bytes of common characters, with punctuation: the first level of
# their standards, which has what everyday texts are made of. Of others, the letters of their script.
_COMMON: dict[str, str | tuple[tuple[int, int], ...]] = {
    "cp932": ((0x81, 0x84), (0x88, 0x98)),
    "euc_jp": ((0xA1, 0xA5), (0xB0, 0xCF)),
    "gb18030": ((0xA1, 0xA3), (0xB0, 0xD7)),
    "big5": ((0xA1, 0xC6),),
    "cp949": ((0xA1, 0xA1), (0xB0, 0xC8)),
    "cp1251": "CYRILLIC",
    "koi8_r": "CYRILLIC",
    "cp1253": "GREEK",
    "cp1255": "HEBREW",
    "cp1256": "ARABIC",
    "cp874": "THAI",
}


def _is_common(content: bytes, name: str) -> bool:
    common = _COMMON[name]
    text = content.decode(name)
    beyond = [char for char in text if char > "\x7f"]
    if not isinstance(common, str):
        firsts = [char.encode(name) for char in beyond]
        return all(len(pair) == 2 and any(low <= pair[0] <= high for low, high in common) for pair in firsts)
    if not all(char in _MARKS_BETWEEN_WORDS or unicodedata.name(char, "").startswith(common) for char in beyond):
        return False
    words = [word for word in _LETTERS.findall(text) if any(char > "\x7f" for char in word)]
    # A word is of one script, and of one case or capitalised; a Thai word does not begin with a mark above its letter.
    return (
        bool(words)
        and all(
            all(char > "\x7f" for char in word) and (word[1:] == word[1:].lower() or word.isupper()) for word in words
        )
        and not any(unicodedata.category(match.group()[0]).startswith("M") for match in re.finditer(r"\S+", text))
    )


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
