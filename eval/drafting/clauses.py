"""A sentence taken apart, by patterns over words and no parser: its main clause, and where a second one begins."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from eval.drafting.expressions import DATE
from eval.drafting.verbs import AUXILIARIES, HAVE, is_participle, past_base, present_base

_REMOVED = re.compile(
    r"\s*\([^()]*\)|\s*\[[^\]]{1,12}\]|(?<=\s)\s+|(?<=\w)\s+(?:also|then|thus|therefore|subsequently|eventually|finally)"
    r"(?=\s)"
)
_BROKEN = re.compile(r"[()\[\]{}<>|=*_•\\]|\.\.\.|…")
LEADING = re.compile(
    r"(?P<preposition>In|On|At|During|By|Since|From|Under|Following|Throughout|As of|Within|After|Before|"
    r"According to) (?P<rest>[^,]{2,60}?), (?=[A-Z\w])"
)
_WORD = re.compile(r"\S+")
_CLAUSE_END = re.compile(r"[;:]|, (?!\d)| [–—-] |[.!?][\"”’]?$")
SUBORDINATE = re.compile(
    r" (?:that|which|who|whom|whose|where|when|while|because|although|though|if|whether|until|unless|so|but|after|"
    r"before|as|than) "
)
PRONOUN = re.compile(
    r"\b(?:he|she|they|it|him|them|this|these|those|here|there|I|we|you|me|us|my|our|your|such|former|latter|"
    r"another|same|following|above|below|not|never|n't|no|yesterday|today|tomorrow|ago|recently|currently)\b",
    re.IGNORECASE,
)
_NO_SUBJECT = frozenset(
    "that which who whom whose when where while because although if whether as than what how to there it he she they "
    "this these those i we you and but or such".split()
)
_NOT_BEFORE_VERB = frozenset(
    "a an the its his her their our my your this that these those of in on at by for with from to into under over and "
    "or most more very so some any no each every both several many".split()
)
FUNCTION_WORDS = frozenset(
    "a an the its his her their this that these those of in on at by for with from to into under and or but as all "
    "some many several most both each every one two three four five six seven eight nine ten during after before "
    "since until while when".split()
)
PREPOSITIONS = frozenset(
    "in on at by for with from to into under over during after before since until of as between within through "
    "despite throughout following among along".split()
)
_AFTER_CLAUSE = frozenset(
    "which who whom whose where when while and but with as after before although though because so a an the its his "
    "her their then making together".split()
)
_LONGEST_SUBJECT = 12


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence without brackets and footnote marks, each character with its place in the text; `follows` are the
    words behind it."""

    text: str
    places: tuple[int, ...]
    follows: str


@dataclass(frozen=True, slots=True)
class Clause:
    """Subject, first finite verb and what follows it up to the end of the clause, as words of a cleaned sentence.

    `asked` is the verb as an auxiliary before the subject and what remains of it behind: ("did", "hold"). `listed`:
    behind the end, a comma, the clause may go on, as lists do.
    """

    subject: str
    verb: str
    asked: tuple[str, str]
    start: int
    rest: int
    end: int
    listed: bool


def clean_sentence(text: str, start: int, end: int, follows: str) -> Sentence | None:
    """The sentence as words on one line; None where it is no plain statement."""
    kept: list[int] = []
    at = start
    for match in [*_REMOVED.finditer(text, start, end), None]:
        kept.extend(range(at, match.start() if match else end))
        at = match.end() if match else end
    words = "".join(" " if text[place].isspace() else text[place] for place in kept)
    plain = len(words) >= 30 and words[-1:] in '.”"' and (words[0].isupper() or words[0].isdigit())
    if not plain or _BROKEN.search(words) or words.count('"') % 2 or words.count("“") != words.count("”"):
        return None
    return Sentence(words, tuple(kept), follows)


def main_clause(words: str, common: Container[str]) -> Clause | None:
    """The main clause of a sentence, behind an introduction like "In 1912,"; None where it cannot be told."""
    lead = LEADING.match(words)
    begin = lead.end() if lead else 0
    tokens = list(_WORD.finditer(words, begin))
    for number, token in enumerate(tokens[1 : _LONGEST_SUBJECT + 1], start=1):
        before, word = tokens[number - 1].group(), token.group()
        if before.endswith(",") or before.lower() in _NO_SUBJECT or (word in _NO_SUBJECT and word != "and"):
            return None
        asked = _asked(word, before, tokens[number + 1].group() if number + 1 < len(tokens) else "")
        if asked is None:
            continue
        rest = token.end() + 1
        end, listed = _clause_end(words, rest)
        subject = words[begin : token.start()].strip()
        opens = subject.partition(" ")[0].lower()
        if opens in PREPOSITIONS or PRONOUN.search(subject):
            return None
        if not _is_one_clause(words[rest:end], word):
            return None
        return Clause(_lowered(subject, common), word, asked, begin, rest, end, listed)
    return None


def _asked(word: str, before: str, after: str) -> tuple[str, str] | None:
    if word in HAVE:
        return (word, "") if is_participle(after) else (HAVE[word], "have")
    if word in AUXILIARIES:
        return word, ""
    if not word.islower() or before.lower() in _NOT_BEFORE_VERB or before.endswith("ly"):
        return None
    base = past_base(word)
    if base is not None:
        return "did", base
    base = present_base(word, after)
    return ("does", base) if base is not None else None


def _is_one_clause(rest: str, verb: str) -> bool:
    """Whether no second finite verb follows that would make the first a mere "the house built in 1912 was"."""
    if verb in AUXILIARIES:
        return True
    return AUXILIARIES.isdisjoint(_up_to_second_verb(rest).split())


def _clause_end(words: str, rest: int) -> tuple[int, bool]:
    """Where the clause ends, and whether it may go on behind the comma there."""
    dates = [match.span() for match in re.finditer(DATE, words)]
    for match in _CLAUSE_END.finditer(words, rest):
        if any(first <= match.start() < last for first, last in dates):
            continue
        follows = words[match.end() :].partition(" ")[0].rstrip(",.")
        listed = match.group() == ", " and follows.lower() not in _AFTER_CLAUSE and not follows.endswith("ing")
        return match.start(), listed
    return len(words), False


def _lowered(subject: str, common: Container[str]) -> str:
    """The subject as it stands inside a sentence: its first word in lower case unless it is a name."""
    first, _, others = subject.partition(" ")
    lower = first.lower() in FUNCTION_WORDS or (first.lower() in common and not others[:1].isupper())
    return first.lower() + subject[len(first) :] if lower else subject


def up_to_second_clause(rest: str) -> str:
    """What follows a verb, cut where another clause begins."""
    rest = _up_to_second_verb(rest)
    for match in re.finditer(r" (?:and|or|but) ", rest):
        if not AUXILIARIES.isdisjoint(rest[match.end() :].split()):
            return rest[: match.start()]
    return rest


def _up_to_second_verb(rest: str) -> str:
    cut = SUBORDINATE.search(rest)
    rest = rest[: cut.start()] if cut else rest
    for match in re.finditer(r",? (?:and|or|but) (?:\w+ly |later )?(\w+)(?: (\w+))?", rest):
        if match[1] in AUXILIARIES or past_base(match[1]) or present_base(match[1], match[2]):
            return rest[: match.start()]
    return rest


def inverted(ask: str, clause: Clause, rest: str) -> str:
    """The question that begins with `ask`: the auxiliary, the subject, the rest of the verb, then `rest`."""
    auxiliary, base = clause.asked
    return f"{ask} {auxiliary} {clause.subject} {base} {rest}"
