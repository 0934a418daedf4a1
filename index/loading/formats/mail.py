"""E-mail (.eml), by the standard library.

Kept: sender, recipients, date and subject as the first lines, then the body: its plain text, or its HTML where it has
no other; attachments of known formats as documents of their own, with a URI like `file:///x.eml!/report.pdf`. Title is
the subject, author the sender, date that of the header. Not kept: the other header lines, attachments of other formats,
archives that are attached.
"""

from __future__ import annotations

from email import policy
from email.errors import MessageError
from email.message import EmailMessage, Message, MIMEPart
from email.parser import BytesParser
from functools import lru_cache
from pathlib import Path, PurePosixPath

from index.documents import Document
from index.errors import InputError
from index.loading.building import TextBuilder, one_line
from index.loading.encodings import decode_text
from index.loading.formats.html import decode_html, parse_html
from index.loading.formats.markup import add_elements
from index.loading.registry import Contents, is_supported, register, register_container

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
MAX_PARTS = 1_000
MAX_DEPTH = 50


@register(".eml")
def load_mail(path: Path, content: bytes) -> Document:
    """A message: its header and its body."""
    message = _parsed(path, content)
    builder = TextBuilder()
    header = {name: one_line(str(message.get(name, ""))) for name in _SHOWN}
    builder.paragraph("\n".join(f"{name}: {value}" for name, value in header.items() if value))
    body = message.get_body(("plain", "html"))
    if body is not None:
        _add_body(builder, path, body)
    return builder.document(
        path,
        content,
        "message/rfc822",
        title=header["Subject"],
        author=header["From"],
        date=header["Date"],
        nothing="no e-mail message: it has neither header nor text",
    )


def _add_body(builder: TextBuilder, path: Path, body: MIMEPart) -> None:
    payload = body.get_payload(decode=True)
    if not isinstance(payload, bytes) or not payload.strip():
        return
    charset = body.get_content_charset()
    if body.get_content_type() == "text/html":
        add_elements(builder, parse_html(path, _decoded(path, payload, charset) or decode_html(path, payload)))
    else:
        text = _decoded(path, payload, charset) or decode_text(path, payload)
        builder.paragraph(text.replace("\r\n", "\n"))


def _decoded(path: Path, payload: bytes, charset: str | None) -> str | None:
    """The text by the character set that the message declares; None where it is not so."""
    try:
        return payload.decode(charset or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return None


@lru_cache(maxsize=1)
def _parsed(path: Path, content: bytes) -> EmailMessage:
    try:
        message = BytesParser(policy=policy.default).parsebytes(content)
    except (MessageError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{path}: cannot be read as e-mail ({error})") from error
    assert isinstance(message, EmailMessage)
    if not any(message.get(name) for name in _SHOWN):
        raise InputError(f"{path}: no e-mail message: it has neither sender, recipient, date nor subject")
    return message


def _attachments(message: EmailMessage) -> dict[str, EmailMessage]:
    """Attached files by name; names that stand twice are told apart by a number."""
    found: dict[str, EmailMessage] = {}
    for number, part in enumerate(message.iter_attachments(), start=1):
        if number > MAX_PARTS or not isinstance(part, EmailMessage):
            break
        name = PurePosixPath((part.get_filename() or "").replace("\\", "/")).name
        if part.get_content_type() == "message/rfc822" and not name.lower().endswith(".eml"):
            name = f"{name or f'message {number}'}.eml"
        if not name:
            continue
        path = PurePosixPath(name)
        found[name if name not in found else f"{path.stem} ({number}){path.suffix}"] = part
    return found


def _contents(path: Path, content: bytes) -> Contents:
    parts: list[str] = []
    notices: list[str] = []
    for name in _attachments(_parsed(path, content)):
        if is_supported(name) and not name.lower().endswith(".zip"):
            parts.append(name)
        elif name.lower().endswith(".zip"):
            notices.append(f"{path}!/{name}: an archive in a message is not opened; save it and index it")
    return Contents(tuple(parts), tuple(notices))


def _read(path: Path, content: bytes, name: str) -> bytes:
    part = _attachments(_parsed(path, content)).get(name)
    if part is None:
        raise InputError(f"{path}: has no attachment {name!r}")
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        return inner[0].as_bytes() if isinstance(inner, list) and inner and isinstance(inner[0], Message) else b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


register_container(".eml", parts=_contents, read=_read)
