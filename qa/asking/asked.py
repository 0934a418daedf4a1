"""A question with all that its words and filters say, worked out once and passed from stage to stage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from index.selection import Selection
from qa.asking.question_form import Form, question_form
from qa.asking.span_question import Beyond, beyond_spans
from qa.types import Filters, Question

_WHEN = re.compile(r"\b(?:when|(?:what|which) (?:date|day|week|month))\b", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """A question on its way through the engine."""

    question: Question

    @property
    def text(self) -> str:
        return self.question.question

    @cached_property
    def form(self) -> Form:
        """The form of the answer that it asks for."""
        return question_form(self.question.question)

    @cached_property
    def beyond_spans(self) -> Beyond | None:
        """What it asks for that no span can be, so that nothing may be given as its answer."""
        return beyond_spans(self.question.question)

    @cached_property
    def selection(self) -> Selection:
        """Its filters as the catalogue takes them."""
        return self.question.filters.selection()

    @property
    def is_filtered(self) -> bool:
        """Whether only some of the documents may answer."""
        return self.question.filters != Filters()

    @property
    def is_polar(self) -> bool:
        """Whether it is a yes-or-no question: whoever asked is given the sentence that settles it."""
        return self.form == "polar"

    @property
    def asks_when(self) -> bool:
        """Whether it asks for a point in time, in so many words."""
        return _WHEN.search(self.text) is not None

    @property
    def wants_list(self) -> bool:
        """Whether it asks for several things, and not for one answer alone."""
        return self.question.answers != 1 and self.form == "list"
