r"""Text of others on a terminal or in a log: what could steer it is shown, not sent.

Names of files, members of archives, titles, tags, questions and ids are anyone's. Sent as they are, an escape sequence
in one could move the cursor, rename the window or write a link, a direction override show `exe.txt` for `txt.exe`, and
a line feed forge a line of output. Each such character becomes the escape that Python and JSON know it by: `\x1b`,
`\u202e`.
"""

from __future__ import annotations

import re

# Controls (C0, DEL, C1), what changes the direction of the text around it, line and paragraph separators, characters
# that nobody sees, and halves of surrogate pairs. The joiners that Persian, Indic scripts and emoji are written with
# (U+200C, U+200D) and soft hyphens steer nothing.
_UNSAFE = (
    "\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
_IN_NAMES = re.compile(f"[{_UNSAFE}]")
_IN_LINES = re.compile(f"(?![\n\t])[{_UNSAFE}]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def printable(text: str) -> str:
    """A name on one line, with nothing in it that could steer a terminal: line ends are escaped too."""
    return _IN_NAMES.sub(_escape, text)


def flowing(text: str) -> str:
    """Words of a document on one line: white space of any kind is one space, the rest as `printable`."""
    return printable(" ".join(text.split()))


def printable_lines(text: str) -> str:
    """Text of several lines, line feeds and tabs as they are, the rest as `printable`."""
    return _IN_LINES.sub(_escape, text)


def printable_json(text: str) -> str:
    """JSON that means the same and holds no such character: they stand in strings alone, which have escapes for all."""
    return _IN_LINES.sub(_escape_json, text)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    return _SHORT.get(char) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def _escape_json(match: re.Match[str]) -> str:
    # Above U+FFFF JSON writes the two halves of the surrogate pair.
    data = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(data[at : at + 2], 'big'):04x}" for at in range(0, len(data), 2))
