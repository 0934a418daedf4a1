"""A question and a passage as model windows: what the reader sees, in training and in use alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from index.errors import ModelError
from index.text.borders import borders

MAX_QUESTION_TOKENS = 64
# Of a longer context the beginning (a document's title) and the end (the nearest heading) are kept.
MAX_CONTEXT_TOKENS = 48
CONTEXT_BEGINNING = 1 / 3
# The field of a model's config.json that says that it was trained on passages under their headings.
READS_HEADINGS = "spanqa_headings"


@dataclass(frozen=True, slots=True)
class Window:
    """One model input: `[CLS] question [SEP] context [SEP] passage piece [SEP]`, or without a context
    `[CLS] question [SEP] passage piece [SEP]`.

    `ids` (n,) int32 token ids; `passage_start` the first passage token: token types are 0 before it, so that the
    context counts with the question as what a span is looked for with, and 1 from it. `starts`/`ends`
    (n - passage_start - 1,) int32 code-point offsets of the passage tokens into the passage text, and `paragraphs`, of
    the same shape, the paragraph, field or cell of the passage that each stands in (see `index.text.borders`).
    """

    ids: NDArray[np.int32]
    passage_start: int
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    paragraphs: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)


class WindowMaker:
    """Cuts a (question, passage) pair into windows of at most `max_length` tokens that overlap by `stride`."""

    def __init__(self, tokenizer: Tokenizer, *, max_length: int = 256, stride: int = 96) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._frame = _frame(tokenizer)
        self.special_tokens = len(self._frame)
        self.max_length = max_length
        self.stride = stride

    @classmethod
    def from_folder(cls, folder: Path, *, max_length: int = 256, stride: int = 96) -> WindowMaker:
        """Load `tokenizer.json` of a model folder."""
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise ModelError(f"{folder} has no tokenizer.json; a reader needs its fast tokenizer")
        return cls(Tokenizer.from_file(str(path)), max_length=max_length, stride=stride)

    def windows(self, question: str, passages: list[str], contexts: Sequence[str] | None = None) -> list[list[Window]]:
        """The windows of every passage, in order; a passage without tokens has none.

        `contexts` are what the passages stand under, one each, "" for one that is read without. A question is cut at 64
        tokens, or half a window, and a context at 48, or a quarter of a window, so that long ones cannot crowd the
        passage out of its window.
        """
        question_ids = self._encode([question])[0].ids[: self._longest_question]
        under = self._encode_contexts(contexts, len(passages))
        return [
            self._cut(question_ids, context, passage)
            for context, passage in zip(under, self._encode(passages), strict=True)
        ]

    def paired(
        self, questions: list[str], passages: list[str], contexts: Sequence[str] | None = None
    ) -> list[list[Window]]:
        """The windows of each question with the passage at the same place: as `windows`, many at a time."""
        asked = self._encode(questions)
        longest = self._longest_question
        under = self._encode_contexts(contexts, len(passages))
        return [
            self._cut(question.ids[:longest], context, passage)
            for question, context, passage in zip(asked, under, self._encode(passages), strict=True)
        ]

    @property
    def _longest_question(self) -> int:
        return min(MAX_QUESTION_TOKENS, (self.max_length - self.special_tokens) // 2)

    @property
    def _longest_context(self) -> int:
        return min(MAX_CONTEXT_TOKENS, (self.max_length - self.special_tokens) // 4)

    def _encode_contexts(self, contexts: Sequence[str] | None, count: int) -> list[list[int]]:
        """The token ids of each context, cut in its middle where it is too long."""
        if contexts is None:
            return [[]] * count
        # The passages of a document share a few.
        distinct = list(dict.fromkeys(contexts))
        longest = self._longest_context
        beginning = round(CONTEXT_BEGINNING * longest)
        ids_by_context = {}
        for context, encoding in zip(distinct, self._encode(distinct), strict=True):
            ids = encoding.ids
            if len(ids) > longest:
                ids = [*ids[:beginning], *ids[len(ids) - (longest - beginning) :]]
            ids_by_context[context] = ids
        return [ids_by_context[context] for context in contexts]

    def _encode(self, texts: list[str]) -> list[_Encoding]:
        encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        result = []
        for text, encoding in zip(texts, encodings, strict=True):
            starts, ends = np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2).T
            paragraphs = np.searchsorted(np.array(borders(text), np.int32), starts).astype(np.int32)
            result.append(_Encoding(list(encoding.ids), starts, ends, paragraphs))
        return result

    def _cut(self, question_ids: list[int], context_ids: list[int], passage: _Encoding) -> list[Window]:
        opening, *separators = self._frame[:-1]
        head = [opening, *question_ids, *separators]
        if context_ids:
            head += [*context_ids, *separators]
        room = self.max_length - len(head) - 1
        step = max(1, room - min(self.stride, room // 2))
        windows = []
        for begin in range(0, len(passage.ids), step):
            piece = slice(begin, begin + room)
            ids = np.array([*head, *passage.ids[piece], self._frame[-1]], dtype=np.int32)
            starts, ends, paragraphs = passage.starts[piece], passage.ends[piece], passage.paragraphs[piece]
            windows.append(Window(ids, len(head), starts, ends, paragraphs))
            if begin + room >= len(passage.ids):
                break
        return windows


@dataclass(frozen=True, slots=True)
class _Encoding:
    ids: list[int]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    paragraphs: NDArray[np.int32]


def has_token_types(config: object) -> bool:
    """Whether a model of this configuration tells question and passage apart by token types."""
    return int(getattr(config, "type_vocab_size", 0) or 0) > 1


def reads_headings(folder: Path) -> bool:
    """Whether the model of a folder learnt to read passages under their headings: its configuration says so."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / 'config.json'} cannot be read: {error}") from error
    return isinstance(config, dict) and config.get(READS_HEADINGS) is True


def pad_id(config: object) -> int:
    """The token that fills a batch for a model of this configuration."""
    return int(getattr(config, "pad_token_id", 0) or 0)


def _frame(tokenizer: Tokenizer) -> list[int]:
    """The tokens around question and passage: one that opens, separators (BERT has one, RoBERTa two), one that closes.

    They are read from an empty pair, since a vocabulary may hold another family's special tokens as plain words.
    """
    frame: list[int] = tokenizer.encode("", "").ids
    if len(frame) < 3:
        raise ModelError(
            "the tokenizer puts no special tokens around a question and a passage; a reader's tokenizer.json needs a "
            "post-processor for pairs"
        )
    return frame
