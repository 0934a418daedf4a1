"""The words of a text as lexical search sees them: lower-cased, folded, stemmed, without stop words."""

from __future__ import annotations

from functools import cache

import tantivy

LONGEST_WORD = 60


@cache
def analyzer() -> tantivy.TextAnalyzer:
    """The one analyzer of the lexical index, its queries and the question's coverage."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.remove_long(LONGEST_WORD),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
        tantivy.Filter.stopword("english"),
        tantivy.Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


def words(text: str) -> list[str]:
    """The analysed words of a text, in order, with repeats."""
    return list(analyzer().analyze(encodable(text)))


def encodable(text: str) -> str:
    """The text without lone surrogates, which cannot cross into UTF-8; only searching sees this form."""
    return text.encode("utf-8", "replace").decode("utf-8")
