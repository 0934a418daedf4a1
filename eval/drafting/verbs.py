"""English verb forms, as far as turning a sentence into a question needs them."""

from __future__ import annotations

from functools import cache

from tokenizers import Tokenizer

from qa.reading.reader import BUNDLED_READER

AUXILIARIES = frozenset("is are was were has have had will would can could may might must shall should".split())
BE = frozenset("is are was were".split())
HAVE = {"has": "does", "have": "do", "had": "did"}

# base past participle; left out are those whose past is also a common noun, adjective or base form (cut, left, set).
_IRREGULAR = """
arise arose arisen, awake awoke awoken, become became become, begin began begun, bind bound bound, blow blew blown,
break broke broken, bring brought brought, build built built, buy bought bought, catch caught caught,
choose chose chosen, come came come, creep crept crept, deal dealt dealt, draw drew drawn, drive drove driven,
eat ate eaten, fall fell fallen, feed fed fed, fight fought fought, find found found, flee fled fled, fly flew flown,
forbid forbade forbidden, forget forgot forgotten, freeze froze frozen, get got got, give gave given, go went gone,
grow grew grown, hang hung hung, hear heard heard, hide hid hidden, hold held held, keep kept kept, know knew known,
lead led led, lend lent lent, lose lost lost, make made made, meet met met, pay paid paid, ride rode ridden,
rise rose risen, run ran run, say said said, see saw seen, seek sought sought, sell sold sold, send sent sent,
shake shook shaken, shoot shot shot, sing sang sung, sink sank sunk, sleep slept slept, speak spoke spoken,
spend spent spent, stand stood stood, steal stole stolen, strike struck struck, swear swore sworn, swim swam swum,
take took taken, teach taught taught, tell told told, think thought thought, throw threw thrown,
understand understood understood, wear wore worn, win won won, write wrote written, rewrite rewrote rewritten,
withdraw withdrew withdrawn, undergo underwent undergone, undertake undertook undertaken, overcome overcame overcome,
overthrow overthrew overthrown, overtake overtook overtaken, foresee foresaw foreseen, rebuild rebuilt rebuilt
"""
_FORMS = [entry.split() for entry in _IRREGULAR.split(",")]
_BASE = {past: base for base, past, _ in _FORMS}
_PAST = {participle: past for _, past, participle in _FORMS}
# What follows a verb, not a plural noun.
_OBJECT_STARTS = frozenset("a an the its his her their".split())
_NO_PAST = frozenset(
    "hundred red bed seed feed need speed indeed sacred naked wicked breed greed weed deed shed sled exceed proceed "
    "succeed embed wed led fed united so-called".split()
)
_VOWELS = frozenset("aeiou")


def present_base(word: str, after: str | None) -> str | None:
    """The base form of a third person (`covers`) that the word after it shows to be no plural noun, else None."""
    if not word.endswith("s") or not word.isalpha() or after not in _OBJECT_STARTS:
        return None
    bases = (word[:-3] + "y" if word.endswith("ies") else word[:-1], word[:-2] if word.endswith("es") else "")
    return next((base for base in bases if len(base) > 2 and base in _vocabulary() and not base.endswith("s")), None)


def past_base(word: str) -> str | None:
    """The base form of a past tense (`held`, `created`), None where it is none or cannot be told."""
    if word in _BASE:
        return _BASE[word]
    if not word.endswith("ed") or len(word) < 4 or word in _NO_PAST or not word.isalpha():
        return None
    stem = word[:-2]
    bases = _regular_bases(stem)
    known = next((base for base in bases if base in _vocabulary()), None)
    # Two different consonants at the end leave no choice: invented, invent.
    certain = len(stem) > 3 and _VOWELS.isdisjoint(stem[-2:]) and stem[-1] not in "cgvszl" and stem[-1] != stem[-2]
    return known or (stem if certain else None)


def participle_past(word: str) -> str | None:
    """The past tense with a participle (`written`: `wrote`; `founded`: itself), None where it is no participle."""
    return _PAST.get(word) or (word if word.endswith("ed") and past_base(word) else None)


def is_participle(word: str) -> bool:
    return word == "been" or participle_past(word) is not None


def _regular_bases(stem: str) -> list[str]:
    """What `stem` + "ed" may be the past of, likeliest first, by the spelling rules of -ed."""
    if stem.endswith("i"):
        return [stem[:-1] + "y"] if len(stem) > 2 else [stem + "e"]
    doubled = len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in _VOWELS
    if doubled:
        return [stem, stem[:-1]] if stem[-1] in "lsfz" else [stem[:-1], stem]
    vowels = sum(letter in _VOWELS for letter in stem)
    single = len(stem) > 1 and stem[-1] not in _VOWELS | set("wxy") and stem[-2] in _VOWELS
    # A stem of one short syllable would have doubled its last letter: hop, hopped; hope, hoped.
    mute = (single and vowels == 1) or stem[-1:] in ("c", "g", "v", "u", "s", "z") or stem.endswith(("at", "ir", "ur"))
    return [stem + "e", stem] if mute else [stem, stem + "e"]


@cache
def _vocabulary() -> frozenset[str]:
    # The reader's tokeniser knows the common words whole: no second list of English words is needed.
    return frozenset(Tokenizer.from_file(str(BUNDLED_READER / "tokenizer.json")).get_vocab())
