"""What is proposed from a sentence that stands between two others."""

from __future__ import annotations

from eval.drafting.expressions import common_words
from eval.drafting.proposing import propose


def proposed(sentence: str, follows: str = "") -> dict[str, tuple[str, str]]:
    """The kind and the answer of each question that is proposed from a sentence, by the question."""
    text = f"Before. {sentence} After."
    proposals = propose(text, 8, 8 + len(sentence), follows=follows, common=common_words(text))
    return {proposal.question: (proposal.kind, text[proposal.start : proposal.end]) for proposal in proposals}
