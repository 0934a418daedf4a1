"""Which documents are meant: what every filter comes to before the catalogue is asked."""

from __future__ import annotations

from dataclasses import dataclass

# What completes a stated year or month to the length of a day, below and above every day that it may mean. As strings
# of one length, dates compare in any collation as they do in the calendar.
EARLIEST, LATEST = "-00-00", "-99-99"
DAY_LENGTH = len("YYYY-MM-DD")


@dataclass(frozen=True, slots=True)
class Selection:
    """Documents that satisfy every field; of a field with several values, one of them. An empty one restricts nothing.

    `uri_prefix` counts upper and lower case as different. Dates are ISO 8601 years, months or days, both ends
    included; a document is within them when a day that its own stated date may mean is, and never without a date.
    """

    document_ids: tuple[str, ...] = ()
    uri_prefix: str = ""
    collections: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    date_from: str | None = None
    date_to: str | None = None

    @property
    def first_day(self) -> str | None:
        """The first day of the range, padded to compare with others."""
        return None if self.date_from is None else (self.date_from + EARLIEST)[:DAY_LENGTH]

    @property
    def last_day(self) -> str | None:
        """The last day of the range, padded to compare with others."""
        return None if self.date_to is None else (self.date_to + LATEST)[:DAY_LENGTH]


EVERYTHING = Selection()
