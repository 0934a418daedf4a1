"""E-mail (.eml), read with the standard library.

Kept: sender, recipients, date and subject as the first lines, then every part that is shown with the message, in its
order, of alternatives the one that says more; of invitations their summary, time, place and description; attachments of
known formats as separate documents, with URIs like `file:///x.eml!/report.pdf`. The title is the subject, the author
the sender, the date that of the header. Not kept: the other header lines, attachments of other formats, attached
archives, which the document names as unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.parser import BytesParser
from functools import lru_cache
from pathlib import Path, PurePosixPath

from index.documents import Document, Unread
from index.errors import InputError
from index.loading.building import TextBuilder, one_line
from index.loading.formats.html import parse_html
from index.loading.formats.markup import add_elements
from index.loading.formats.web.messages import attached_parts, inline_parts, part_text
from index.loading.registry import Contents, is_supported, register, register_container

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
MAX_PARTS = 1_000
MAX_DEPTH = 50
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
# An empty line, whatever white space is in it.
_PARAGRAPHS = re.compile(r"\n[^\S\n]*\n\s*")


@register(".eml")
def load_mail(path: Path, content: bytes) -> Document:
    """Load a message: its header and its body."""
    message = _parsed(path, content)
    builder = TextBuilder()
    header = {name: one_line(str(message.get(name, ""))) for name in _SHOWN}
    builder.paragraph("\n".join(f"{name}: {value}" for name, value in header.items() if value))
    unread: list[Unread] = []
    shown: set[str] = set()
    for part in inline_parts(message):
        _add_part(builder, path, part, shown, unread)
    document = builder.document(
        path,
        content,
        "message/rfc822",
        title=header["Subject"],
        author=header["From"],
        date=header["Date"],
        nothing="no e-mail message: it has neither header nor text",
    )
    return document.with_unread([*unread, *_unread_attachments(message)])


def _add_part(builder: TextBuilder, path: Path, part: EmailMessage, shown: set[str], unread: list[Unread]) -> None:
    """Add a part's text, unless the same is `shown` already: an invitation is often there twice."""
    try:
        text = part_text(path, part)
    except InputError as error:
        unread.append(Unread(part=f"part {part.get_content_type()}", reason=str(error).removeprefix(f"{path}: ")))
        return
    if not text.strip() or text in shown:
        return
    shown.add(text)
    if part.get_content_type() == "text/html":
        add_elements(builder, parse_html(path, text))
    else:
        for paragraph in _PARAGRAPHS.split(text):
            builder.paragraph(paragraph)


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
    """The attached files by name; duplicate names get a number."""
    attachments: dict[str, EmailMessage] = {}
    for part in attached_parts(message)[:MAX_PARTS]:
        name = PurePosixPath((part.get_filename() or "").replace("\\", "/")).name
        if part.get_content_type() == "message/rfc822" and not name.lower().endswith(".eml"):
            name = f"{name or f'message {len(attachments) + 1}'}.eml"
        if not name:
            continue
        path = PurePosixPath(name)
        number = len(attachments) + 1
        attachments[name if name not in attachments else f"{path.stem} ({number}){path.suffix}"] = part
    return attachments


def _unread_attachments(message: EmailMessage) -> Iterator[Unread]:
    """The attachments that are no documents of their own."""
    names = {id(part): name for name, part in _attachments(message).items()}
    for part in attached_parts(message):
        kind, name = part.get_content_type(), names.get(id(part))
        within_text = kind.startswith("image/") and part.get_content_disposition() != "attachment"
        if within_text or kind in _SIGNATURES:
            continue
        if name is None:
            yield Unread(part=f"part {kind}", reason="parts of this kind are not read")
        elif name.lower().endswith(".zip"):
            yield Unread(part=f"attachment {name}", reason="an archive in a message is not opened")
        elif not is_supported(name):
            yield Unread(part=f"attachment {name}", reason="files of this kind are not read")


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
