"""What would have changed the outcome of a question: each statement is computed, from the same numbers that decided.

A statement about one feature leaves all else as it is: the other features, and the other candidates.
"""

from __future__ import annotations

from collections.abc import Sequence

from index.catalogue.protocol import Documents
from index.selection import Selection
from qa.asking.asked import Asked
from qa.explanation import Change
from qa.judging.confidence import Calibration
from qa.judging.judge import Judged
from qa.types import POSSIBLE, Filters

# How much of a candidate's words a statement repeats.
QUOTED = 80
_RANGE = ("date_from", "date_to")


def changes_of_confidence(
    asked: Asked, judged: Sequence[Judged], calibration: Calibration, threshold: float, *, passages: int
) -> list[Change]:
    """Which threshold, and which single feature, would have decided otherwise; and how close the runner-up came."""
    if asked.beyond_spans:
        return [Change(kind="question", statement="No threshold would answer it: what it asks for is no span.")]
    if not judged:
        read = _counted(passages, "passage")
        return [Change(kind="reading", statement=f"No span was found in the {read} read: no threshold would answer.")]
    changes = [_of_threshold(judged[0], threshold)]
    if len(judged) > 1:
        changes.append(_of_runner_up(judged[0], judged[1], calibration))
    return changes + _of_features(judged, calibration, threshold)


def changes_of_documents(catalogue: Documents, asked: Asked) -> list[Change]:
    """How many documents the filters leave where nothing was retrieved, all of them and each alone.

    Each is counted within the collections that were asked for, which may stand for what the asker may see.
    """
    if not asked.is_filtered:
        count = catalogue.count(Selection())
        return [_of_documents(f"The store holds {_counted(count, 'document')}, and no passage to read.")]
    filters = asked.question.filters
    left = catalogue.count(filters.selection())
    changes = [_of_documents(f"What it was restricted to leaves {_counted(left, 'document')}, and no passage to read.")]
    within = Filters(collections=filters.collections)
    groups = [("document_ids",), ("uri_prefix",), ("tags",), _RANGE]
    used = [names for names in groups if any(getattr(filters, name) for name in names)]
    place = " in the collections asked for" if filters.collections else ""
    if len(used) > 1:
        for names in used:
            alone = within.model_copy(update={name: getattr(filters, name) for name in names})
            count = catalogue.count(alone.selection())
            title = " and ".join(name for name in names if getattr(filters, name))
            leaves = "leave" if " and " in title else "leaves"
            changes.append(_of_documents(f"{title} alone {leaves} {_counted(count, 'document')}{place}."))
    if used:
        count = catalogue.count(within.selection())
        changes.append(
            _of_documents(f"Without {_names(used, filters)} there would be {_counted(count, 'document')}{place}.")
        )
    return changes


def _of_threshold(first: Judged, threshold: float) -> Change:
    at = first.confidence
    if at < threshold:
        statement = f"It would be answered at a threshold of {at:.4f} or less."
    elif at == 1:
        statement = "It would be answered at every threshold."
    else:
        otherwise = "unsure" if at >= POSSIBLE else "not found"
        statement = f"It would be answered at every threshold up to {at:.4f}, and {otherwise} above."
    return Change(kind="threshold", statement=statement)


def _of_runner_up(first: Judged, second: Judged, calibration: Calibration) -> Change:
    name = f"The runner-up, {_quoted(second)},"
    if second.confidence == first.confidence:
        return Change(kind="runner_up", statement=f"{name} is exactly as likely: {second.confidence:.4f}.")
    behind = calibration.logit(first.features) - calibration.logit(second.features)
    shown = f"{behind:.2f}" if behind >= 0.01 else f"{behind:.4f}"
    statement = f"{name} lost by {shown} logits: its confidence is {second.confidence:.4f}."
    return Change(kind="runner_up", statement=statement)


def _of_features(judged: Sequence[Judged], calibration: Calibration, threshold: float) -> list[Change]:
    first, *others = judged
    answered = first.confidence >= threshold
    instead = next((entry for entry in others if entry.confidence >= threshold), None)
    changes = []
    for number, (name, mean) in enumerate(zip(calibration.features, calibration.mean, strict=True)):
        average = first.features.copy()
        average[number] = mean
        # Rounded as the confidence is that decides.
        confidence = round(calibration.probability(average), 4)
        if (confidence >= threshold) == answered:
            continue
        statement = f"With an average {name}, and all else as it is, its confidence would be {confidence:.4f}: "
        if not answered:
            statement += "it would be answered."
        elif instead is None:
            statement += "it would not be answered."
        else:
            statement += f"{_quoted(instead)} would be the answer instead."
        changes.append(Change(kind="feature", statement=statement, feature=name))
    if not changes:
        statement = "No single feature decided: with an average value of any one of them it would come out the same."
        changes.append(Change(kind="feature", statement=statement))
    return changes


def _of_documents(statement: str) -> Change:
    return Change(kind="documents", statement=statement)


def _names(used: Sequence[Sequence[str]], filters: Filters) -> str:
    names = [name for group in used for name in group if getattr(filters, name)]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _quoted(entry: Judged) -> str:
    words = " ".join(entry.candidate.best.text.split())
    return f"“{words}”" if len(words) <= QUOTED else f"“{words[: QUOTED - 1]}…”"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
