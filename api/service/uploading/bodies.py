"""From an uploaded body to a document."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.problems import MALFORMED, MEDIA_TYPE_UNSUPPORTED, ProblemError
from api.schemas import Description, DocumentAddress, DocumentFields, DocumentUpload
from index.documents import DEFAULT_COLLECTION, Document
from index.errors import InputError
from index.loading.files import decode_unicode, document_from_bytes

# The suffix chooses the loader.
_OFFICE = "application/vnd.openxmlformats-officedocument"
SUFFIXES = {
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/html": ".html",
    "application/xhtml+xml": ".xhtml",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "message/rfc822": ".eml",
    "application/pdf": ".pdf",
    "application/epub+zip": ".epub",
    f"{_OFFICE}.wordprocessingml.document": ".docx",
    f"{_OFFICE}.presentationml.presentation": ".pptx",
    f"{_OFFICE}.spreadsheetml.sheet": ".xlsx",
}
_MOST_FOLDERS = 30
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^";\s]+)', re.IGNORECASE)


def media_type_of(content_type: str) -> str:
    """The media type of a Content-Type header, lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_json(content_type: str) -> bool:
    """Whether a Content-Type header names JSON."""
    media_type = media_type_of(content_type)
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def read_json(body: bytes) -> DocumentUpload:
    """A document sent as JSON.

    Raises RequestValidationError naming the fields that are wrong, and ProblemError for what is not JSON.
    """
    try:
        return DocumentUpload.model_validate_json(body)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        if errors[0]["type"] == "json_invalid":
            raise ProblemError(MALFORMED, errors[0]["msg"]) from error
        raise RequestValidationError([{**entry, "loc": ("body", *entry["loc"])} for entry in errors]) from error


def read_address(fields: dict[str, Any]) -> DocumentAddress:
    """What is known of a document whose content is the body, from query parameters."""
    try:
        return DocumentAddress.model_validate(fields)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**entry, "loc": ("query", *entry["loc"])} for entry in errors]) from error


def require_content(content_type: str) -> None:
    """Raise ProblemError 415 for a Content-Type that is no document's."""
    if media_type_of(content_type) not in SUFFIXES:
        raise ProblemError(
            MEDIA_TYPE_UNSUPPORTED, f"send application/json or one of {', '.join(SUFFIXES)}, not {content_type[:100]!r}"
        )
    charset = _CHARSET.search(content_type)
    if charset is not None and charset.group(1).lower() not in ("utf-8", "utf8", "us-ascii"):
        raise ProblemError(MEDIA_TYPE_UNSUPPORTED, f"send text in UTF-8, not {charset.group(1)[:50]!r}")


def from_json(upload: DocumentUpload) -> Document:
    """The document of JSON. Raises InputError for content that is not text."""
    content = upload.text.encode("utf-8")
    loaded = _load(f"document{SUFFIXES[upload.media_type]}", content, upload.uri, upload)
    # A byte-order mark is the mark of a file's encoding; in JSON it is a character like any other, and counts.
    return loaded.model_copy(update={"text": upload.text})


def from_content(content_type: str, content: bytes, address: DocumentAddress) -> Document:
    """The document of a body. Raises InputError for content that is not of its type, or text that is not Unicode."""
    media_type = media_type_of(content_type)
    # What was sent as UTF-8 and is not was damaged on its way; a guess at its encoding would hide that.
    if media_type in ("text/plain", "text/markdown") and decode_unicode(PurePosixPath("body"), content) is None:
        raise InputError("the body is not UTF-8 text; send it in UTF-8, or as a file to /v1/uploads")
    return _load(f"document{SUFFIXES[media_type]}", content, address.uri, address)


def from_file(name: str, content: bytes, fields: Description) -> Document:
    """The document of one of several files; its name chooses the loader and names it, and leads to no file here.

    Raises InputError for a kind of file that cannot be read, or content that is not of its kind.
    """
    return _load(_parts(name)[-1], content, file_uri(name), fields)


def file_uri(name: str) -> str:
    """The URI of an uploaded file: its name, with the folders of a relative path, by which files of one name differ."""
    return f"upload:{quote('/'.join(_parts(name)))}"


def _parts(name: str) -> list[str]:
    path = PurePosixPath(name.replace("\\", "/"))
    parts = [part for part in path.parts if part != "/"]
    # A path that leads elsewhere, or from the root of a disk, says where a file was, and not what it is called.
    if path.is_absolute() or ".." in parts or any(":" in part for part in parts[:1]) or len(parts) > _MOST_FOLDERS:
        parts = [part for part in parts[-1:] if part != ".."]
    return parts or ["document"]


def _load(name: str, content: bytes, uri: str, fields: Description) -> Document:
    document = document_from_bytes(name, content, uri=uri)
    known: dict[str, Any] = {
        field: value
        for field in ("tags", "date", "author", "language")
        if (value := getattr(fields, field)) is not None
    }
    known["collection"] = fields.collection or DEFAULT_COLLECTION
    title = fields.title if isinstance(fields, DocumentFields) else None
    if title is not None:
        known |= {"title": title, "own_title": True}
    elif not document.own_title:
        known["title"] = _last_part(uri)
    return document.model_copy(update=known)


def _last_part(uri: str) -> str:
    try:
        path = urlsplit(uri).path
        name = PurePosixPath(unquote(path)).name
    except ValueError:
        # Not every name is a URL, and a document may have any.
        return uri
    return name if name.isprintable() and name else uri
