"""From an uploaded body to a document."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import get_args
from urllib.parse import unquote, urlsplit

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.problems import MALFORMED, MEDIA_TYPE_UNSUPPORTED, ProblemError
from api.schemas import DocumentAddress, DocumentUpload, TextMediaType
from index.documents import Document
from index.loaders import document_from_bytes

TEXT_MEDIA_TYPES: tuple[str, ...] = get_args(TextMediaType)
_SUFFIXES = {"text/plain": ".txt", "text/markdown": ".md"}
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^";\s]+)', re.IGNORECASE)


def media_type_of(content_type: str) -> str:
    """The media type of a Content-Type header, lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_json(content_type: str) -> bool:
    """Whether a Content-Type header names JSON."""
    media_type = media_type_of(content_type)
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def read_upload(content_type: str, body: bytes, uri: str | None, title: str | None) -> Document:
    """The document in a request: JSON, or its bare text, addressed by query parameters.

    Raises RequestValidationError naming the fields that are wrong, InputError for content that is not text, and
    ProblemError for another media type or for what is not JSON.
    """
    if is_json(content_type):
        return _from_json(body, uri, title)
    if media_type_of(content_type) in TEXT_MEDIA_TYPES:
        return _from_text(content_type, body, uri, title)
    raise ProblemError(
        MEDIA_TYPE_UNSUPPORTED, f"send application/json, {' or '.join(TEXT_MEDIA_TYPES)}, not {content_type[:100]!r}"
    )


def _from_json(body: bytes, uri: str | None, title: str | None) -> Document:
    if uri is not None or title is not None:
        # Two addresses may differ, and then either choice would be wrong.
        raise _invalid("query", "uri" if uri is not None else "title", "belongs into the JSON body")
    try:
        upload = DocumentUpload.model_validate_json(body)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        if errors[0]["type"] == "json_invalid":
            raise ProblemError(MALFORMED, errors[0]["msg"]) from error
        raise RequestValidationError([{**entry, "loc": ("body", *entry["loc"])} for entry in errors]) from error
    loaded = _load(upload.text.encode("utf-8"), upload.uri, upload.media_type, upload.title)
    # A byte-order mark is the mark of a file's encoding; in JSON it is a character like any other, and counts.
    return loaded.model_copy(update={"text": upload.text})


def _from_text(content_type: str, body: bytes, uri: str | None, title: str | None) -> Document:
    charset = _CHARSET.search(content_type)
    if charset is not None and charset.group(1).lower() not in ("utf-8", "utf8", "us-ascii"):
        raise ProblemError(MEDIA_TYPE_UNSUPPORTED, f"send text in UTF-8, not {charset.group(1)[:50]!r}")
    try:
        address = DocumentAddress.model_validate({"uri": uri, "title": title} if uri is not None else {"title": title})
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**entry, "loc": ("query", *entry["loc"])} for entry in errors]) from error
    return _load(body, address.uri, media_type_of(content_type), address.title)


def _load(content: bytes, uri: str, media_type: str, title: str | None) -> Document:
    # The suffix chooses the loader; the rest of the name is only for its messages.
    document = document_from_bytes(f"document{_SUFFIXES[media_type]}", content, uri=uri)
    if title is not None:
        return document.model_copy(update={"title": title, "own_title": True})
    return document if document.own_title else document.model_copy(update={"title": _last_part(uri)})


def _last_part(uri: str) -> str:
    try:
        name = PurePosixPath(unquote(urlsplit(uri).path)).name
    except ValueError:
        # Not every name is a URL, and a document may have any.
        return uri
    return name if name.isprintable() and name else uri


def _invalid(location: str, field: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"loc": (location, field), "msg": message, "type": "value_error"}])
