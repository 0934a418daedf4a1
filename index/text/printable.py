r"""Printing untrusted text to a terminal or a log: characters that could control it are escaped.

Anyone can choose the names of files and archive members, titles, tags, questions and ids. Printed as they are, an
escape sequence could move the cursor, rename the window or write a link, a direction override could show `exe.txt` for
`txt.exe`, and a line feed could forge a line of output. Each such character is printed as the escape that Python and
JSON use for it: `\x1b`, `\u202e`.
"""

from __future__ import annotations

import re

# Control characters (C0, DEL, C1), direction marks, line and paragraph separators, invisible characters, and halves of
# surrogate pairs. The joiners used by Persian, Indic scripts and emoji (U+200C, U+200D) and soft hyphens are harmless.
_UNSAFE = (
    "\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
_IN_NAMES = re.compile(f"[{_UNSAFE}]")
_IN_LINES = re.compile(f"(?![\n\t])[{_UNSAFE}]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def printable(text: str) -> str:
    """A name on one line, with nothing in it that could control a terminal: line breaks are escaped too."""
    return _IN_NAMES.sub(_escape, text)


def flowing(text: str) -> str:
    """Words of a document on one line: each run of white space becomes one space, the rest is as in `printable`."""
    return printable(" ".join(text.split()))


def printable_lines(text: str) -> str:
    """Text of several lines: line feeds and tabs are kept, the rest is as in `printable`."""
    return _IN_LINES.sub(_escape, text)


def printable_json(text: str) -> str:
    """Equivalent JSON without such characters: they occur only in strings, where all of them can be escaped."""
    return _IN_LINES.sub(_escape_json, text)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    return _SHORT.get(char) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def _escape_json(match: re.Match[str]) -> str:
    # JSON escapes code points above U+FFFF as a surrogate pair.
    data = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(data[at : at + 2], 'big'):04x}" for at in range(0, len(data), 2))
