"""The server's log: one line a record on standard error, as JSON or for people."""

from __future__ import annotations

import json
import logging
import logging.config
from datetime import UTC, datetime
from typing import Any

from api.terminal import HarmlessFormatter
from index.text.printable import printable, printable_json

# What a record may carry beside its message; nothing else that a library attaches gets into the log.
FIELDS = ("request_id", "method", "route", "status", "ms", "key", "client")


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: time (UTC, ISO 8601), level, logger, message, FIELDS where there, and traceback."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        shown: dict[str, Any] = {
            "time": when,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        shown |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            shown["traceback"] = self.formatException(record.exc_info)
        return printable_json(json.dumps(shown, ensure_ascii=True))


class TextFormatter(HarmlessFormatter):
    """A record as a line for people; one of a request names its method, route, status, time and id."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={getattr(record, name)}" for name in FIELDS if hasattr(record, name))
        line = super().format(record)
        return f"{line} {printable(fields)}" if fields else line


def configure(*, as_json: bool) -> None:
    """Send the records of spanqa and of the HTTP server to standard error, from level INFO on."""
    formatter: dict[str, Any] = (
        {"()": JsonFormatter} if as_json else {"()": TextFormatter, "format": "%(levelname)s: %(message)s"}
    )
    loggers = {"spanqa": "INFO", "uvicorn": "INFO", "mcp": "WARNING"}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"lines": formatter},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
            "loggers": {
                name: {"handlers": ["stderr"], "level": level, "propagate": False} for name, level in loggers.items()
            },
        }
    )
