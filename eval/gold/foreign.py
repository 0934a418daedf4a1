"""Questions as other tools write them, as the fields of our own rows; what is no question is told how to become one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CONVERSION = '{"id": "1", "question": "…", "context": "…", "answers": [{"text": "…", "answer_start": 0}]}'
_NO_ANSWER = {"NOT_GIVEN", "NO_ANSWER", "IMPOSSIBLE"}


class NotConvertibleError(ValueError):
    """A record of another tool that cannot be taken for a gold question as it is."""


def as_row(value: dict[str, Any], number: int) -> dict[str, Any]:
    """A record of a file of them as one of our rows: SQuAD rows as Hugging Face's datasets have them, RAGAS samples,
    Label Studio tasks, doccano lines; any other as it is. `number` names a record without an id.

    Raises NotConvertibleError, whose message names the conversion.
    """
    if isinstance(value.get("data"), dict) and ("annotations" in value or "completions" in value):
        row = _from_label_studio(value)
    elif "user_input" in value or ("ground_truth" in value and "question" in value):
        row = _from_ragas(value)
    elif isinstance(value.get("text"), str) and ("label" in value or "labels" in value or "entities" in value):
        row = _from_doccano(value)
    elif isinstance(value.get("answers"), dict):
        row = {**value, "answers": _in_columns(value["answers"])}
    elif isinstance(value.get("answers"), list) and any(isinstance(answer, str) for answer in value["answers"]):
        row = {**value, "answers": [{"text": one} if isinstance(one, str) else one for one in value["answers"]]}
    else:
        return value
    if "id" not in row:
        row["id"] = f"line-{number}"
    return {**row, "id": _id(row["id"])}


def squad_question(asked: Any, place: str) -> Any:
    """A question of a SQuAD file as SQuAD has it: tools leave out its id (cdQA) or its empty answers, and mark answers
    that were not given by a category (Haystack's annotator)."""
    if not isinstance(asked, dict):
        return asked
    question = {"id": place, **asked}
    question["id"] = _id(question["id"])
    if "answers" not in question and question.get("is_impossible") is True:
        question["answers"] = []
    answers = question.get("answers")
    if isinstance(answers, list) and any(_is_not_given(answer) for answer in answers):
        question["answers"] = [answer for answer in answers if not _is_not_given(answer)]
        if not question["answers"]:
            question["is_impossible"] = True
    return question


def from_utf16(context: str, text: str, start: int) -> int:
    """Where a text begins in its context, in code points, if `start` counts as JavaScript does, in UTF-16 units; else
    `start` as it is."""
    if context[start : start + len(text)] == text:
        return start
    before = context.encode("utf-16-le", "surrogatepass")[: 2 * start].decode("utf-16-le", "ignore")
    return len(before) if context[len(before) : len(before) + len(text)] == text else start


def _is_not_given(answer: Any) -> bool:
    if not isinstance(answer, dict):
        return False
    return str(answer.get("answer_category")).upper() in _NO_ANSWER and not answer.get("text")


def _in_columns(answers: Mapping[str, Any]) -> Any:
    """Answers as {text: [...], answer_start: [...]}, one by one."""
    texts, starts = answers.get("text"), answers.get("answer_start")
    if not isinstance(texts, list):
        return answers
    if not isinstance(starts, list) or len(starts) != len(texts):
        return [{"text": text} for text in texts]
    return [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]


def _from_ragas(value: dict[str, Any]) -> dict[str, Any]:
    reference = value.get("reference", value.get("ground_truth"))
    if isinstance(reference, list):
        references = [one for one in reference if isinstance(one, str)]
    else:
        references = [reference] if isinstance(reference, str) else []
    question = value.get("user_input", value.get("question"))
    if not isinstance(question, str) or not references:
        raise NotConvertibleError(
            "a RAGAS sample whose user_input is one question and whose reference is its answer can be read, this one "
            f"cannot; write it as {CONVERSION}"
        )
    contexts = value.get("reference_contexts", value.get("contexts"))
    row: dict[str, Any] = {"question": question, "answers": [{"text": text} for text in references if text]}
    for context in contexts if isinstance(contexts, list) else []:
        starts = [context.find(text) if isinstance(context, str) else -1 for text in references]
        if all(start >= 0 for start in starts):
            # The answer stands in what it was written for, so that its place is known.
            answers = [{"text": text, "answer_start": at} for text, at in zip(references, starts, strict=True)]
            row |= {"context": context, "answers": answers}
            break
    return {**row, **({"id": value["id"]} if "id" in value else {})}


def _from_label_studio(value: dict[str, Any]) -> dict[str, Any]:
    data = value["data"]
    text, question = data.get("text", data.get("context")), data.get("question")
    if not isinstance(text, str) or not isinstance(question, str):
        raise NotConvertibleError(
            'a Label Studio task is read where its data has a "question" beside its "text"; this one has not: add it, '
            f"or write each task as {CONVERSION}"
        )
    annotations = value.get("annotations", value.get("completions"))
    results = annotations[0].get("result", []) if isinstance(annotations, list) and annotations else []
    marked = [entry["value"] for entry in results if isinstance(entry, dict) and isinstance(entry.get("value"), dict)]
    # Label Studio runs in a browser: its offsets are those of JavaScript.
    answers = [
        {"text": one["text"], "answer_start": from_utf16(text, one["text"], one["start"])}
        for one in marked
        if isinstance(one.get("text"), str) and isinstance(one.get("start"), int) and one["start"] >= 0
    ]
    return {"id": value.get("id", "task"), "question": question, "context": text, "answers": answers}


def _from_doccano(value: dict[str, Any]) -> dict[str, Any]:
    text, question = value["text"], value.get("question")
    if not isinstance(question, str):
        raise NotConvertibleError(
            'a line of doccano is read where it has a "question" beside its "text" and "label"; this one has not: add '
            f"it, or write each line as {CONVERSION}"
        )
    spans = value.get("label", value.get("labels"))
    answers = [
        {"text": text[span[0] : span[1]], "start": span[0], "end": span[1]}
        for span in (spans if isinstance(spans, list) else [])
        if isinstance(span, list) and len(span) >= 2 and all(isinstance(at, int) and at >= 0 for at in span[:2])
    ]
    return {"id": value.get("id", "line"), "question": question, "context": text, "answers": answers}


def _id(stated: Any) -> Any:
    return str(stated) if isinstance(stated, int) and not isinstance(stated, bool) and 0 <= stated < 2**63 else stated
