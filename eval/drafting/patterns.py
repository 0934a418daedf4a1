"""Questions proposed from sentences: subject, verb and date; quantities; roles and appositions; acronyms; life dates.

Patterns over words, no parser: what does not fit one exactly proposes nothing. A question takes its words from the
sentence and its answer is a span of it, so that a person has something to edit, not a finished gold set.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass

from eval.drafting.verbs import AUXILIARIES, BE, HAVE, is_participle, participle_past, past_base, present_base
from eval.measures.squad import normalize_answer

_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTH = f"(?:{'|'.join(_MONTHS)})"
_YEAR = r"(?:1\d{3}|20\d{2})"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
DATE = (
    rf"(?:(?:{'|'.join(_DAYS)}), )?(?:{_MONTH} {_DAY}(?:[-–]\d{{1,2}})?(?:,? {_YEAR})?|{_DAY} {_MONTH}(?:,? {_YEAR})?"
    rf"|(?:the (?:end|beginning|middle) of )?(?:early |late |mid-)?{_MONTH}(?: {_YEAR})?"
    rf"|(?:the )?(?:early |late |mid-)?{_YEAR}s?)(?![\w-])"
)
_NAME_WORD = r"[A-Z][\w’'&.-]*[\w’']"
NAME = rf"{_NAME_WORD}(?: (?:of the |of |the |de |van |von |der |and the )?{_NAME_WORD})*"
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?: (?:hundred|thousand|million|billion|trillion))?"
_ABOUT = (
    r"(?:about |around |some |nearly |almost |over |roughly |approximately |more than |less than |at least |up to )?"
)
_THINGS = r"((?:[a-z][a-z-]+ ){0,2}?(?:people|men|women|children|[a-z-]{2,}[a-rt-z]s))\b"
_TITLES = (
    "President|Minister|Chancellor|Secretary|Senator|Governor|Mayor|Ambassador|General|Colonel|Admiral|Captain|"
    "Commander|Director|Professor|Bishop|Archbishop|Pope|King|Queen|Emperor|Sultan|Chairman|Chairwoman"
)
_ROLE_NOUNS = (
    "president|minister|chancellor|secretary|governor|mayor|ambassador|director|founder|co-founder|author|leader|head|"
    "chief|chairman|chairwoman|king|queen|emperor|inventor|composer|editor|owner|manager|coach|captain|commander|"
    "architect|designer|creator|winner|son|daughter|wife|husband|father|mother|brother|sister|member|artist|writer|"
    "expert|analyst|journalist|politician|scientist|historian|economist|novelist|poet|engineer|lawyer|judge|physicist|"
    "producer|actor|actress|singer|spokesman|spokeswoman|spokesperson|successor|predecessor|professor|philosopher"
)
# A title without the country or the body: it could be anyone's.
_NO_OFFICE = f"(?:(?:Prime|Vice|Deputy|Former|Foreign|Defen[cs]e|Interior|Finance|Lord) )+(?:{_TITLES})"
_SAYS = frozenset("said wrote told argued claimed announced admitted insisted explained warned noted married".split())

_REMOVED = re.compile(
    r"\s*\([^()]*\)|\s*\[[^\]]{1,12}\]|(?<=\s)\s+|(?<=\w)\s+(?:also|then|thus|therefore|subsequently|eventually|finally)"
    r"(?=\s)"
)
_BROKEN = re.compile(r"[()\[\]{}<>|=*_•\\]|\.\.\.|…")
_LEADING = re.compile(
    r"(?P<preposition>In|On|At|During|By|Since|From|Under|Following|Throughout|As of|Within|After|Before|"
    r"According to) (?P<rest>[^,]{2,60}?), (?=[A-Z\w])"
)
_WORD = re.compile(r"\S+")
_CLAUSE_END = re.compile(r"[;:]|, (?!\d)| [–—-] |[.!?][\"”’]?$")
_SUBORDINATE = re.compile(
    r" (?:that|which|who|whom|whose|where|when|while|because|although|though|if|whether|until|unless|so|but|after|"
    r"before|as|than) "
)
_PRONOUN = re.compile(
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
_FUNCTION_WORDS = frozenset(
    "a an the its his her their this that these those of in on at by for with from to into under and or but as all "
    "some many several most both each every one two three four five six seven eight nine ten during after before "
    "since until while when".split()
)
_PREPOSITIONS = frozenset(
    "in on at by for with from to into under over during after before since until of as between within through "
    "despite throughout following among along".split()
)
_AFTER_CLAUSE = frozenset(
    "which who whom whose where when while and but with as after before although though because so a an the its his "
    "her their then making together".split()
)
_STRANDED = _PREPOSITIONS | frozenset("and or but the a an its his her their that which is was were are".split())
_LONGEST_SUBJECT = 12
# Longer ones are seldom plain statements, and the patterns may take time that grows faster than the sentence.
LONGEST_SENTENCE = 400


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question whose answer is `[start, end)` of the text that it was made from, in code points; `kind` is its
    pattern."""

    question: str
    start: int
    end: int
    kind: str


def mid_sentence_names(text: str) -> frozenset[str]:
    """The first words of the names of a text, told by a capital where no sentence begins."""
    return frozenset(re.findall(r"(?<=[a-z,;] )[A-Z][\w’'-]*", text)).difference(_MONTHS, _DAYS)


def common_words(text: str) -> frozenset[str]:
    """The words that a text has in small letters, those inside addresses left out."""
    return frozenset(re.findall(r"(?<=\s)[a-z]+(?=[\s,;])", text))


@dataclass(frozen=True, slots=True)
class _Cleaned:
    """A sentence without brackets and footnote marks, each character with its place in the text."""

    text: str
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Clause:
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


def propose(
    text: str, start: int, end: int, *, follows: str = "", common: Container[str] = frozenset()
) -> Iterator[Proposal]:
    """Questions that the sentence `[start, end)` of a text answers, one for each pattern that fits, in a fixed order.

    `follows` are the words behind it, which may tell a person by "he" or "she"; `common` are words that the text has
    in small letters, so that one of them at the start of a sentence is no name. A sentence of more than
    `LONGEST_SENTENCE` characters proposes nothing.
    """
    if end - start > LONGEST_SENTENCE:
        return
    yield from _life_dates(text, start, end)
    yield from _acronyms(text, start, end)
    sentence = _clean(text, start, end)
    if sentence is None:
        return
    yield from _roles(sentence)
    clause = _clause(sentence.text, common)
    if clause is None:
        return
    for make in (_when, _where, _by_whom, _identity, _known_as, _how_many, _who):
        found = make(sentence.text, clause, follows)
        if found is None:
            continue
        question, (first, last), kind = found
        proposal = _placed(sentence, question, first, last, kind)
        if proposal is not None:
            yield proposal


_Found = tuple[str, tuple[int, int], str]


def _clean(text: str, start: int, end: int) -> _Cleaned | None:
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
    return _Cleaned(words, tuple(kept))


def _clause(words: str, common: Container[str]) -> _Clause | None:
    """The main clause of a sentence, behind an introduction like "In 1912,"; None where it cannot be told."""
    lead = _LEADING.match(words)
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
        if opens in _PREPOSITIONS or _PRONOUN.search(subject):
            return None
        if not _is_one_clause(words[rest:end], word):
            return None
        return _Clause(_lowered(subject, common), word, asked, begin, rest, end, listed)
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
    """The subject as it stands inside a sentence: its first word in small letters unless it is a name."""
    first, _, others = subject.partition(" ")
    lower = first.lower() in _FUNCTION_WORDS or (first.lower() in common and not others[:1].isupper())
    return first.lower() + subject[len(first) :] if lower else subject


def _when(words: str, clause: _Clause, follows: str) -> _Found | None:
    del follows
    lead = _LEADING.match(words)
    if lead and re.fullmatch(DATE, lead["rest"]) and lead["preposition"] in ("In", "On", "By", "Since", "From"):
        if clause.listed:
            return None
        rest = _up_to_second_clause(words[clause.rest : clause.end])
        span = lead.span("rest")
        preposition = lead["preposition"].lower()
    else:
        match = re.compile(rf"(?:^|(?<= ))(in|on|by|since|until) ({DATE})(?= |$)").search(
            words[: clause.end], clause.rest
        )
        if match is None:
            return None
        before, after = words[clause.rest : match.start()], words[match.end() : clause.end]
        if _up_to_second_clause(f"{before} ") != f"{before} " or not _goes_on(after):
            return None
        rest = f"{before} {_up_to_second_clause(after)}"
        span = match.span(2)
        preposition = match[1]
    year = re.fullmatch(_YEAR, words[slice(*span)])
    ask = {"in": "In what year" if year else "When", "on": "When", "from": "When"}.get(
        preposition, f"{preposition.capitalize()} when"
    )
    if re.search(DATE, rest):
        return None
    return _inverted(ask, clause, rest), span, "when"


def _goes_on(after: str) -> bool:
    """Whether what follows a date is no noun that the date belongs to ("in 1912 cases")."""
    first = after.split(" ")[1] if after.startswith(" ") else ""
    return not first or first.lower() in _FUNCTION_WORDS or first in ("through", "because", "under", "where", "against")


def _up_to_second_clause(rest: str) -> str:
    rest = _up_to_second_verb(rest)
    for match in re.finditer(r" (?:and|or|but) ", rest):
        if not AUXILIARIES.isdisjoint(rest[match.end() :].split()):
            return rest[: match.start()]
    return rest


def _up_to_second_verb(rest: str) -> str:
    cut = _SUBORDINATE.search(rest)
    rest = rest[: cut.start()] if cut else rest
    for match in re.finditer(r",? (?:and|or|but) (?:\w+ly |later )?(\w+)(?: (\w+))?", rest):
        if match[1] in AUXILIARIES or past_base(match[1]) or present_base(match[1], match[2]):
            return rest[: match.start()]
    return rest


def _inverted(ask: str, clause: _Clause, rest: str) -> str:
    auxiliary, base = clause.asked
    return f"{ask} {auxiliary} {clause.subject} {base} {rest}"


def _where(words: str, clause: _Clause, follows: str) -> _Found | None:
    del follows
    if clause.verb not in BE:
        return None
    match = re.compile(
        r"((?:born|held|founded|located|situated|built|based|killed|buried|signed|raised|headquartered|established|"
        rf"educated|published|discovered|stationed)) (?:in|at|near) ((?:the )?{NAME}(?:, {NAME})*)"
    ).match(words, clause.rest)
    if match is None or re.search(DATE, match[2]) or re.search(_MONTH, match[2]):
        return None
    return _inverted("Where", clause, match[1]), match.span(2), "where"


def _by_whom(words: str, clause: _Clause, follows: str) -> _Found | None:
    del follows
    if clause.verb not in BE:
        return None
    match = re.compile(
        rf"(?:\w+ly )?([a-z]+)(?: (?:in|on) {DATE})? by ((?:the )?(?:[a-z-]+ ){{0,3}}{NAME}(?: and {NAME})?)(?= |,|$)"
    ).match(words[: clause.end], clause.rest)
    past = participle_past(match[1]) if match else None
    if match is None or past is None:
        return None
    return f"Who {past} {clause.subject}", match.span(2), "by whom"


def _identity(words: str, clause: _Clause, follows: str) -> _Found | None:
    del follows
    subject = words[clause.start : clause.rest - len(clause.verb) - 2]
    match = re.compile(r"the [^,;:]{6,80}").match(words[: clause.end], clause.rest)
    if (
        clause.listed
        or clause.verb not in ("is", "was")
        or match is None
        or not re.fullmatch(rf"(?:The )?{NAME}", subject)
    ):
        return None
    role = _up_to_second_clause(match[0])
    if " of " not in role and not re.search(r" [A-Z]", role):
        return None
    person = re.search(rf"\b(?:{_ROLE_NOUNS}|person|man|woman)\b", role.partition(" of ")[0])
    ask = "Who" if person else "What"
    return f"{ask} {clause.verb} {role}", (clause.start, clause.start + len(subject)), "identity"


def _known_as(words: str, clause: _Clause, follows: str) -> _Found | None:
    del follows
    match = re.compile(
        r"((?:commonly |formerly |originally |sometimes |often |widely )?(?:known as|called|named|nicknamed|renamed)) "
        r"(?:the )?([“\"]?[^,;:“”\"]{3,50}[”\"]?)$"
    ).match(words[: clause.end], clause.rest)
    if clause.verb not in BE or match is None:
        return None
    name = _up_to_second_clause(re.split(r" (?:in|by|after|for|on|at|to|from|because|due) ", match[2])[0])
    first = match.start(2)
    name_only = name.strip('“”" ')
    first += name.find(name_only)
    return _inverted("What", clause, match[1]), (first, first + len(name_only)), "name"


def _how_many(words: str, clause: _Clause, follows: str) -> _Found | None:
    del follows
    leading = re.compile(rf"(?:{_ABOUT[:-1]}|)?({_NUMBER}) {_THINGS}$", re.IGNORECASE)
    subject = words[clause.start : clause.rest - len(clause.verb) - 2]
    found = leading.match(subject)
    if found and not clause.listed:
        span = (clause.start + found.start(1), clause.start + found.end(1))
        rest = _up_to_second_clause(words[clause.rest : clause.end])
        return f"How many {found[2]} {clause.verb} {rest}", span, "how many"
    chain = r"((?:[a-z]+ ){0,2}?)" if clause.asked[1] == "" else "()"
    match = re.compile(rf"{chain}{_ABOUT}({_NUMBER}) {_THINGS}").match(words[: clause.end], clause.rest)
    if match is None or re.fullmatch(_YEAR, match[2]) or not _all_verbs(match[1], clause.verb):
        return None
    rest = "" if clause.listed else _up_to_second_clause(words[match.end() : clause.end])
    auxiliary, base = clause.asked
    question = f"How many {match[3]} {auxiliary} {clause.subject} {base} {match[1]} {rest}"
    return question, match.span(2), "how many"


def _all_verbs(chain: str, auxiliary: str) -> bool:
    """Whether the words between an auxiliary and a number are its verb, not the beginning of something else."""
    words = chain.split()
    if not words:
        return auxiliary not in AUXILIARIES or auxiliary in HAVE
    if auxiliary in BE or auxiliary in HAVE:
        return all(is_participle(word) for word in words)
    return len(words) == 1 or words[0] in ("be", "have")


def _who(words: str, clause: _Clause, follows: str) -> _Found | None:
    subject = words[clause.start : clause.rest - len(clause.verb) - 2]
    match = re.fullmatch(rf"(?:(?:[A-Z][\w-]+ )*(?:{_TITLES}|analyst|expert|journalist|author|historian) )?"
                         rf"((?!The ){_NAME_WORD} {_NAME_WORD}(?: {_NAME_WORD})?)", subject)  # fmt: skip
    person = clause.verb in _SAYS or re.match(r"(?:\S+ ){0,3}?(?:He|She|he|she|his|her)\b", follows)
    if match is None or not person or clause.listed:
        return None
    rest = _up_to_second_clause(words[clause.rest : clause.end]) if clause.verb not in _SAYS else (
        words[clause.rest : clause.end])  # fmt: skip
    span = (clause.start + match.start(1), clause.start + match.end(1))
    return f"Who {clause.verb} {rest}", span, "who"


def _roles(sentence: _Cleaned) -> Iterator[Proposal]:
    words, person = sentence.text, rf"{_NAME_WORD} {_NAME_WORD}(?: {_NAME_WORD}){{0,2}}"
    role = rf"(?:[\w’'-]+ ){{0,4}}(?:{_ROLE_NOUNS})"
    name, title = rf"(?P<name>{person})(?! ?[A-Z])", rf"(?:[A-Z][a-z]+ ){{1,3}}(?:{_TITLES})"
    # What is asked for, what goes before it, and which group answers.
    for pattern, ask, answer in (
        (rf"\b(?!(?:{_NO_OFFICE}))(?P<role>{title}) {name}", "the ", "name"),
        (rf"{name}, the (?P<role>{role} (?:of|at|for|to) [^,;.]{{3,60}})[,.]", "the ", "name"),
        (rf"(?P<role>(?:the )?{NAME}[’']s (?:[a-z-]+ ){{0,3}}(?:{_ROLE_NOUNS})),? {name}", "", "name"),
        (rf"{name}, (?P<role>an? {role}[^,;.]{{0,60}})[,.]", "", "role"),
        (rf"\b(?P<role>[Aa]n? {role}), {name},", "", "role"),
    ):
        for match in re.finditer(pattern, words):
            if _SUBORDINATE.search(f" {match['role']} ") or match["role"].split()[0].lower() in _PREPOSITIONS:
                continue
            asked = match["role"] if answer == "name" else match["name"]
            found = _placed(sentence, f"Who is {ask}{asked}", *match.span(answer), "role")
            if found:
                yield found


def _life_dates(text: str, start: int, end: int) -> Iterator[Proposal]:
    date = DATE.replace(" ", r"\s")
    match = re.compile(
        rf"((?:{_NAME_WORD}\s){{1,4}}{_NAME_WORD})"
        rf"\s\((?:[^()]{{0,60}}?[;, ])??(?:born |b\. )?({date})(?: ?[–—-] ?({date}))?\)"
    ).match(text, start, end)
    # Years alone are as often those of a state or a reign.
    if match is None or not re.search(_MONTH, match[2]):
        return
    name = " ".join(match[1].split())
    if match[3] is not None or "born " in match[0]:
        yield Proposal(f"When was {name} born?", *match.span(2), "born")
    if match[3] is not None:
        yield Proposal(f"When did {name} die?", *match.span(3), "died")


def _acronyms(text: str, start: int, end: int) -> Iterator[Proposal]:
    for match in re.compile(r"((?:[A-Z][\w-]+ (?:(?:of|for|the|and|on|in|de) ){0,2}){1,7}) ?\(([A-Z]{3,8})\)").finditer(
        text, start, end
    ):
        words = match[1].split()
        letters = [(word[0], number) for number, word in enumerate(words) if word[0].isupper()]
        wanted = letters[-len(match[2]) :]
        if "".join(letter for letter, _ in wanted) != match[2]:
            continue
        long = re.compile(r"\s+".join(map(re.escape, words[wanted[0][1] :]))).search(text, match.start(), match.end())
        if long is not None:
            yield Proposal(f"What does {match[2]} stand for?", *long.span(), "acronym")


def _placed(sentence: _Cleaned, question: str, first: int, last: int, kind: str) -> Proposal | None:
    """The proposal, its answer placed in the text; None where the question does not stand on its own."""
    question = " ".join(question.split()).rstrip(" ,.;:") + "?"
    answer = sentence.text[first:last]
    places = sentence.places[first:last]
    whole = bool(places) and places[-1] - places[0] == len(places) - 1
    words = question.split()
    # A name that is no mere acronym: without one the question could be asked of any text.
    named = any(word[0].isupper() and not word.isupper() and word.strip("?,") not in _MONTHS for word in words[1:])
    stranded = words[-1].rstrip("?").lower() in _STRANDED and not question.endswith(" known as?")
    leaks = f" {normalize_answer(answer)} " in f" {normalize_answer(question)} "
    if not whole or not named or stranded or leaks or not 3 <= len(words) <= 28 or _PRONOUN.search(question):
        return None
    return Proposal(question, places[0], places[-1] + 1, kind)
