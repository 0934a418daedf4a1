"""Cutting a document into passages at sentence and paragraph borders, by the embedder's own tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from index.documents import Document, Passage
from index.text.legible import columns_of, legible, searchable
from index.text.sentences import Sentence, sentences_around, split_sentences
from index.text.structure import body_start, column_names, headings, line_breaks, row_at
from index.text.wide_rows import RowPart, row_parts

TokenCounter = Callable[[Sequence[str]], list[int]]
# Far more than in any language: only base64, long URLs and the like reach it.
CHARACTERS_A_TOKEN = 20
# How often a passage's title and headings count among its words. Once finds the document less often (decision 9).
CONTEXT_REPEATS = 2
# In characters; the cells of longer rows contain whole sentences.
WIDE_ROW = 600


@dataclass(frozen=True, slots=True)
class CutSettings:
    """Passage lengths in tokens of the embedder.

    A passage closes at a paragraph border once it has `minimum` tokens, and never holds more than `maximum`;
    sentences of up to `overlap` tokens are repeated at the start of the next passage of the same paragraph.
    """

    minimum: int = 100
    maximum: int = 200
    overlap: int = 40

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.maximum or not 0 < self.minimum <= self.maximum:
            raise ValueError(f"passage lengths do not fit each other: {self}")


def cut_passages(document: Document, count_tokens: TokenCounter, settings: CutSettings | None = None) -> list[Passage]:
    """Cut a document into passages, which together cover every sentence of its text.

    A sentence is only cut if it alone is longer than a passage. A passage never spans two headings, and every row of a
    table is a separate passage, with the names of its columns as context; a wide row is several, cut between cells.
    """
    settings = settings or CutSettings()
    names = column_names(document)
    pieces = _short_enough(document, names, _bounded(count_tokens), settings.maximum)
    passages: list[Passage] = []
    for first, last in _group(pieces, settings):
        start, end = pieces[first].sentence.start, pieces[last].sentence.end
        passages.append(Passage(start=start, end=end, context=_context(document, pieces[last], names)))
    return passages


def passage_around(document: Document, start: int, end: int) -> Passage:
    """A passage cut around `[start, end)`: its sentences and one more on either side, or only its table rows, with the
    context that passages have there."""
    sentences = _sentences(document)
    touched = [sentence for sentence in sentences if sentence.start < end and start < sentence.end]
    if not touched:
        return Passage(start=start, end=end, context=document.title if document.own_title else "")
    in_row = any(sentence.in_row for sentence in touched)
    first, last = sentences_around(sentences, start, end, more=0 if in_row else 1)
    context = _context(document, _Piece(touched[-1], 0), column_names(document))
    return Passage(start=min(first, start), end=max(last, end), context=context)


def embedding_text(context: str, text: str) -> str:
    """The text of a passage that is embedded: its headings, then its words in legible form."""
    words = legible(text, context).text
    columns = columns_of(context)
    if columns and not any(columns):
        # Columns without names say nothing of the words.
        context = context.rpartition(" > ")[0]
    return f"{context}\n{words}" if context else words


def searched_text(context: str, text: str) -> str:
    """The text of a passage that lexical search counts words in: its headings, repeated, then its searchable words.

    One text and not a field for each, whose scores would add up: a word that stands in both is then counted twice, and
    by its rarity among headings, which every passage of a section repeats.
    """
    return f"{context}\n" * (CONTEXT_REPEATS if context else 0) + searchable(text)


def _sentences(document: Document) -> list[Sentence]:
    """The sentences of a document's body; a table row is one, however long."""
    sentences: list[Sentence] = []
    body = body_start(document)
    for sentence in split_sentences(
        document.text,
        headings=headings(document),
        rows=[(row.start, row.end) for row in document.rows],
        line_breaks=line_breaks(document),
    ):
        if sentence.start < body:
            continue
        if sentence.in_row and sentences and sentences[-1].block == sentence.block:
            sentences[-1] = replace(sentences[-1], end=sentence.end)
        else:
            sentences.append(sentence)
    return sentences


def _bounded(count_tokens: TokenCounter) -> TokenCounter:
    """A counter that gives long texts more tokens: WordPiece makes a single one of a very long word."""

    def count(texts: Sequence[str]) -> list[int]:
        counts = zip(texts, count_tokens(texts), strict=True)
        return [max(tokens, len(text) // CHARACTERS_A_TOKEN) for text, tokens in counts]

    return count


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence or a part of one; `part` is that of a wide row that it belongs to."""

    sentence: Sentence
    tokens: int
    part: RowPart | None = None

    def goes_with(self, other: _Piece) -> bool:
        """Whether both are outside of wide rows, or of the same long cell."""
        return (self.part and self.part.number) == (other.part and other.part.number)


def _group(pieces: list[_Piece], settings: CutSettings) -> list[tuple[int, int]]:
    """First and last piece of every passage."""
    groups: list[tuple[int, int]] = []
    first = 0
    while first < len(pieces):
        last = _last_of_group(pieces, first, settings)
        groups.append((first, last))
        first = max(first + 1, _next_first(pieces, first, last, settings))
    return groups


def _last_of_group(pieces: list[_Piece], first: int, settings: CutSettings) -> int:
    tokens = pieces[first].tokens
    last = first
    for number in range(first + 1, len(pieces)):
        before, piece = pieces[number - 1].sentence, pieces[number].sentence
        new_block = piece.block != before.block
        if not pieces[number].goes_with(pieces[number - 1]):
            break
        if new_block and (tokens >= settings.minimum or _new_section(before, piece)):
            break
        if new_block and (before.in_row or piece.in_row):
            break
        if tokens + pieces[number].tokens > settings.maximum:
            # Better to end at the last paragraph border than to include the first half of a paragraph.
            border = _border_before(pieces, first, number)
            return border if border is not None and not new_block else last
        tokens += pieces[number].tokens
        last = number
    return last


def _border_before(pieces: list[_Piece], first: int, number: int) -> int | None:
    """The last piece of the previous block, if the blocks since `first` make up at least half of what was taken."""
    block = pieces[number].sentence.block
    border = number - 1
    while border >= first and pieces[border].sentence.block == block:
        border -= 1
    if border < first:
        return None
    kept = sum(piece.tokens for piece in pieces[first : border + 1])
    taken = sum(piece.tokens for piece in pieces[first:number])
    return border if 2 * kept >= taken else None


def _new_section(before: Sentence, after: Sentence) -> bool:
    # A heading belongs to the text below it: it starts a new section, and what follows continues it.
    return before.heading != after.heading


def _next_first(pieces: list[_Piece], first: int, last: int, settings: CutSettings) -> int:
    following = last + 1
    if following >= len(pieces) or pieces[following].sentence.block != pieces[last].sentence.block:
        return following
    if not pieces[following].goes_with(pieces[last]):
        return following
    tokens = 0
    start = following
    while start - 1 > first and pieces[start - 1].sentence.block == pieces[following].sentence.block:
        tokens += pieces[start - 1].tokens
        # The repeated sentences must leave room for a new one, or cutting would not advance.
        if tokens > settings.overlap or tokens + pieces[following].tokens > settings.maximum:
            break
        start -= 1
    return start


def _short_enough(
    document: Document, names: Mapping[int, str], count_tokens: TokenCounter, maximum: int
) -> list[_Piece]:
    text, sentences = document.text, _sentences(document)
    counts = count_tokens([text[s.start : s.end] for s in sentences]) if sentences else []
    pieces: list[_Piece] = []
    for sentence, tokens in zip(sentences, counts, strict=True):
        if sentence.in_row and (tokens > maximum or sentence.end - sentence.start > WIDE_ROW):
            pieces.extend(_parts_of_row(document, sentence, names, count_tokens, maximum))
        elif tokens <= maximum:
            pieces.append(_Piece(sentence, tokens))
        else:
            pieces.extend(_split_long(text, sentence, count_tokens, maximum))
    return pieces


def _parts_of_row(
    document: Document, sentence: Sentence, names: Mapping[int, str], count_tokens: TokenCounter, maximum: int
) -> list[_Piece]:
    row = row_at(document, sentence.start)
    columns = names.get(row.start, "") if row is not None else ""
    parts = row_parts(document.text, (sentence.start, sentence.end), columns, count_tokens, maximum)
    counts = count_tokens([document.text[part.start : part.end] for part in parts])
    pieces: list[_Piece] = []
    for part, tokens in zip(parts, counts, strict=True):
        own = replace(sentence, start=part.start, end=part.end)
        cut = [_Piece(own, tokens)] if tokens <= maximum else _split_long(document.text, own, count_tokens, maximum)
        pieces.extend(replace(piece, part=part) for piece in cut)
    return pieces


_SPACES = re.compile(r"\s+")


def _split_long(text: str, sentence: Sentence, count_tokens: TokenCounter, maximum: int) -> list[_Piece]:
    """Cut a sentence longer than a passage: at white space where there is some, else between characters."""
    words = _words(text, sentence.start, sentence.end, longest=maximum)
    counts = count_tokens([text[start:end] for start, end in words])
    while any(tokens > maximum and end - start > 1 for (start, end), tokens in zip(words, counts, strict=True)):
        # A character may be several tokens (bytes of an emoji, parts of a Hangul syllable).
        words = _halved(words, counts, maximum)
        counts = count_tokens([text[start:end] for start, end in words])
    pieces: list[_Piece] = []
    begin, tokens = 0, 0
    for number in range(len(words) + 1):
        if number == len(words) or (tokens and tokens + counts[number] > maximum):
            span = replace(sentence, start=words[begin][0], end=words[number - 1][1])
            pieces.append(_Piece(span, min(tokens, maximum)))
            begin, tokens = number, 0
        if number < len(words):
            tokens += counts[number]
    return pieces


def _halved(words: list[tuple[int, int]], counts: list[int], maximum: int) -> list[tuple[int, int]]:
    halved: list[tuple[int, int]] = []
    for (start, end), tokens in zip(words, counts, strict=True):
        middle = (start + end) // 2 if tokens > maximum and end - start > 1 else end
        halved.extend((first, last) for first, last in ((start, middle), (middle, end)) if first < last)
    return halved


def _words(text: str, start: int, end: int, longest: int) -> list[tuple[int, int]]:
    """Stretches without white space, none longer than `longest` characters."""
    words: list[tuple[int, int]] = []
    begin = start
    for match in [*_SPACES.finditer(text, start, end), None]:
        stop = match.start() if match else end
        words.extend((cut, min(cut + longest, stop)) for cut in range(begin, stop, longest))
        begin = match.end() if match else end
    return words


def _context(document: Document, piece: _Piece, columns: Mapping[int, str]) -> str:
    """The context of a passage: the document's stated title, its heading path and column names, without repeats."""
    sentence = piece.sentence
    names = [document.title] if document.own_title else []
    names.extend(name for name in sentence.heading if name not in names)
    if piece.part is not None:
        return " > ".join([*names, *piece.part.under])
    row = row_at(document, sentence.start) if sentence.in_row else None
    if row is not None and row.start in columns:
        names.append(columns[row.start])
    return " > ".join(names)
