"""A teacher's labels: what is kept of its distributions, whom they are joined to, and that a student follows them."""

from __future__ import annotations

import io
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from transformers import BertConfig, BertForQuestionAnswering

from index.errors import InputError
from index.models.embedder import bundled_model
from qa.reading.spans import MAX_ANSWER_TOKENS
from qa.reading.windows import WindowMaker
from qa.training.config import Phase, Recipe, Source
from qa.training.data import Row
from qa.training.features import build_features
from qa.training.making.variants import variant
from qa.training.mixture import phase_rows
from qa.training.teaching.distillation import SoftTargets, span_loss
from qa.training.teaching.labels import TOP, TeacherLabels, agreeing, label_rows, load_labels, row_key
from qa.training.trainer import Trainer

QUIET = Console(file=io.StringIO())
CONTEXT = "The harbour of Lowestoft opened in 1831 for boats."
LONG = "The harbour of Lowestoft opened in 1831 for boats and ships of every kind. " * 12


@cache
def maker() -> WindowMaker:
    return WindowMaker.from_folder(bundled_model(), max_length=64, stride=16)


def row(context: str = CONTEXT, answer: str | None = "1831", question: str = "When did the harbour open?") -> Row:
    start = context.index(answer) if answer else None
    end = start + len(answer) if answer and start is not None else None
    return Row("1", "t", question, context, start, end, (answer,) if answer else ())


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model: what it thinks does not matter, only that it is written down as it is."""
    folder = tmp_path_factory.mktemp("teacher")
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=30522, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    model = BertForQuestionAnswering(config)
    with torch.no_grad():
        model.qa_outputs.weight.mul_(60.0)
    model.save_pretrained(folder)
    shutil.copyfile(bundled_model() / "tokenizer.json", folder / "tokenizer.json")
    return folder


def read(teacher: Path, folder: Path, rows: list[Row]) -> TeacherLabels:
    label_rows(rows, teacher, folder, max_length=64, stride=16, console=QUIET)
    return load_labels(folder)


def by_hand(labels: Mapping[str, Sequence[tuple[int, int] | None]]) -> TeacherLabels:
    """Labels that are sure of one span, in passage tokens, or of the null, in every window."""
    first: dict[str, tuple[int, int]] = {}
    spans: list[tuple[int, int] | None] = []
    for key, windows in labels.items():
        first[key] = (len(spans), len(windows))
        spans.extend(windows)
    at = np.full((2, len(spans), TOP), -1, np.int16)
    log = np.full((2, len(spans), TOP), -50, np.float16)
    for number, span in enumerate(spans):
        for side in (0, 1):
            at[side, number, 1] = span[side] if span else 3
            log[side, number, 1 if span else 0] = 0
    return TeacherLabels(first, at[0], log[0], at[1], log[1])


@pytest.mark.slow
def test_what_is_kept_is_what_the_teacher_gave(teacher: Path, tmp_path: Path) -> None:
    rows = [row(), row(LONG), row(answer=None, question="Who paid?")]
    labels = read(teacher, tmp_path, rows)
    model = BertForQuestionAnswering.from_pretrained(teacher).eval()
    for own in rows:
        windows = maker().windows(own.question, [own.context])[0]
        numbers = labels.windows(own)
        assert numbers is not None
        assert len(numbers) == len(windows)
        for number, window in zip(numbers, windows, strict=True):
            ids = torch.tensor([window.ids.tolist()])
            types = torch.zeros_like(ids)
            types[0, window.passage_start :] = 1
            with torch.inference_mode():
                logits = model(input_ids=ids, token_type_ids=types).start_logits[0]
            allowed = torch.cat([logits[:1], logits[window.passage_start : -1]])
            wanted = torch.log_softmax(allowed.double(), dim=0).numpy()
            at, log = labels.start_at[number], labels.start_log[number].astype(float)
            assert at[0] == -1
            assert len(set(at[1:].tolist())) == min(TOP - 1, len(window.starts)) or len(window.starts) < TOP
            # bf16 logits against fp32 ones.
            assert np.allclose(log[:5], wanted[at[:5] + 1], atol=0.15)


def test_a_second_run_reads_only_what_is_new(teacher: Path, tmp_path: Path) -> None:
    read(teacher, tmp_path, [row()])
    label_rows([row()], tmp_path / "no model is needed", tmp_path, max_length=64, stride=16, console=QUIET)
    labels = read(teacher, tmp_path, [row(), row(LONG), row(LONG)])
    assert set(labels.first) == {row_key(row()), row_key(row(LONG))}
    assert len(list(tmp_path.glob("part-*.npz"))) == 2


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "part-00000.npz").write_bytes(b"not a part")
    with pytest.raises(InputError, match=r"part-00000\.npz"):
        load_labels(tmp_path)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_the_best_span_is_that_of_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = np.full((2, 1, TOP), -1, np.int16)
    for side in (0, 1):
        at[side, 0, 1:] = rng.choice(2 * MAX_ANSWER_TOKENS, TOP - 1, replace=False)
    log = rng.normal(-4, 3, (2, 1, TOP)).astype(np.float16)
    labels = TeacherLabels({"k": (0, 1)}, at[0], log[0], at[1], log[1])
    best, wanted = float(log[0, 0, 0]) + float(log[1, 0, 0]), None
    for i in range(1, TOP):
        for j in range(1, TOP):
            start, end = int(at[0, 0, i]), int(at[1, 0, j])
            score = float(log[0, 0, i]) + float(log[1, 0, j])
            if start <= end < start + MAX_ANSWER_TOKENS and score > best:
                best, wanted = score, (start, end)
    assert labels.best(0) == wanted


def test_rows_that_the_teacher_sees_otherwise_are_dropped() -> None:
    found = maker().windows(row().question, [CONTEXT])[0][0].starts.tolist().index(CONTEXT.index("1831"))
    other = row(answer=None, question="When did the harbour close?")
    right, wrong = {row_key(row()): [(found, found)]}, {row_key(row()): [(0, 1)]}
    assert list(agreeing([row()], by_hand(right), maker())) == [row()]
    assert list(agreeing([row()], by_hand(wrong), maker())) == []
    assert list(agreeing([row()], by_hand({row_key(row()): [None]}), maker())) == []
    assert list(agreeing([other], by_hand({row_key(other): [None]}), maker())) == [other]
    assert list(agreeing([other], by_hand({row_key(other): [(found, found)]}), maker())) == []
    assert list(agreeing([other], by_hand(right), maker())) == [], "a row that was never read is not kept"


def test_targets_stand_where_the_passage_does() -> None:
    rows = [replace(row(), teacher=0.7), row(question="Who paid?"), replace(row(LONG), teacher=0.7)]
    rows.append(replace(rows[2], question="When did harbour open", original=rows[2].question))
    rows.append(replace(rows[0], question="When did harbour open", original=rows[0].question))
    features = build_features(rows, maker())
    parts = int((features.row == 2).sum())
    labels = by_hand({row_key(rows[0]): [(2, 4)], row_key(rows[2]): [None] * parts})
    soft = SoftTargets.of(rows, features, labels)
    assert soft.taught == 2 + parts, "the variant that fills several windows has no label"
    share, start_at, start_log, _, _ = soft.batch(np.arange(len(features)))
    first, last = 0, len(features) - 1
    for window in (first, last):
        assert share[window] == pytest.approx(0.7)
        assert start_at[window][np.argmax(start_log[window])] == features.passage_start[window] + 2
    assert share[features.row == 1].tolist() == [0.0]
    nulls = np.flatnonzero(features.row == 2)
    assert start_at[nulls, np.argmax(start_log[nulls], axis=1)].tolist() == [0] * parts


def test_a_teacher_that_is_sure_of_the_label_changes_nothing() -> None:
    torch.manual_seed(0)
    logits = (torch.randn(4, 30), torch.randn(4, 30))
    borders = (torch.tensor([0, 3, 5, 9]), torch.tensor([0, 4, 5, 12]))
    at = [torch.zeros(4, TOP, dtype=torch.long) for _ in borders]
    log = [torch.full((4, TOP), -1e4) for _ in borders]
    for side, border in enumerate(borders):
        at[side][:, 1], log[side][:, 1] = border, 0.0
    taught = [torch.tensor([0.0, 0.3, 0.7, 1.0]), at[0], log[0], at[1], log[1]]
    plain = span_loss(logits, borders, None, 1.0)
    assert torch.allclose(span_loss(logits, borders, taught, 1.0), plain)
    taught[0] = torch.zeros(4)
    assert torch.allclose(span_loss(logits, borders, taught, 2.0), plain)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_doubt_asks_for_the_null_against_the_whole_passage(temperature: float) -> None:
    """The added term is the binary cross-entropy of the null, whatever the spans, and weighs by share and `doubt`."""
    torch.manual_seed(1)
    logits = (torch.randn(3, 30), torch.randn(3, 30))
    borders = (torch.tensor([0, 3, 5]), torch.tensor([0, 4, 5]))
    null = np.array([0.9, 0.5, 0.02])
    at = torch.zeros(3, TOP, dtype=torch.long)
    at[:, 1], at[:, 2] = 3, 7
    log = torch.full((3, TOP), -1e4)
    log[:, 0] = torch.from_numpy(np.log(null))
    log[:, 1] = log[:, 2] = torch.from_numpy(np.log((1 - null) / 2))
    share = np.array([0.0, 0.5, 1.0])
    taught = [torch.from_numpy(share).float(), at, log, at, log]
    added = span_loss(logits, borders, taught, temperature, 2.0) - span_loss(logits, borders, taught, temperature)
    wanted = 0.0
    for side in logits:
        numbers = side.double().numpy()
        odds = (numbers[:, 0] - np.log(np.exp(numbers[:, 1:]).sum(axis=1))) / temperature
        own, target = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-np.log(null / (1 - null)) / temperature))
        binary = -(target * np.log(own) + (1 - target) * np.log(1 - own))
        wanted += float((share * 2.0 * binary * temperature**2).mean()) / 2
    assert float(added) == pytest.approx(wanted, rel=1e-3)


@pytest.mark.slow
def test_a_student_comes_to_think_as_its_teacher(teacher: Path, tmp_path: Path) -> None:
    rows = [row(f"The pier of town {n} opened in {1800 + n} for boats.", str(1800 + n)) for n in range(40)]
    labels = read(teacher, tmp_path / "labels", rows)
    phase = Phase(name="taught", tokens=40_000, sources=[Source(name="made", teacher=1.0)])
    recipe = Recipe(phases=[phase], max_length=64, stride=16, batch_tokens=512, learning_rate=5e-3, temperature=1.0)
    torch.manual_seed(5)
    base = tmp_path / "base"
    config = BertConfig(
        vocab_size=30522, hidden_size=48, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    BertForQuestionAnswering(config).save_pretrained(base)
    shutil.copyfile(bundled_model() / "tokenizer.json", base / "tokenizer.json")
    given_rows = [replace(one, teacher=1.0) for one in rows]
    made = Trainer(
        recipe, base=base, work=tmp_path / "w", rows_of=lambda phase: given_rows, console=QUIET, labels=labels
    )
    features = build_features(rows, maker())
    every = np.arange(len(features))

    def distance() -> float:
        taught = [torch.from_numpy(part) for part in SoftTargets.of(given_rows, features, labels).batch(every)]
        ids = torch.from_numpy(features.ids.reshape(len(every), -1).astype(np.int64))
        types = torch.zeros_like(ids)
        types[:, int(features.passage_start[0]) :] = 1
        with torch.inference_mode():
            output = made.model.eval()(input_ids=ids, token_type_ids=types)
            borders = (torch.zeros(len(every), dtype=torch.long),) * 2
            loss = span_loss((output.start_logits, output.end_logits), borders, taught, 1.0)
        entropy = -sum(float((log.exp() * log).sum(dim=1).mean()) for log in (taught[2], taught[4])) / 2
        return float(loss) - entropy

    before = distance()
    made.train()
    assert distance() < before / 3


def test_schedules_restart_with_a_rate_of_their_own() -> None:
    phases = [
        Phase(name="a", tokens=100, sources=[]),
        Phase(name="b", tokens=100, sources=[]),
        Phase(name="c", tokens=50, sources=[], learning_rate=4e-4),
    ]
    recipe = Recipe(phases=phases, learning_rate=1e-3, warmup=0.1)
    assert recipe.learning_rate_at(0, 10) == pytest.approx(5e-4)
    assert recipe.learning_rate_at(0, 20) == pytest.approx(1e-3)
    assert recipe.learning_rate_at(1, 110) == pytest.approx(5e-4)
    assert recipe.learning_rate_at(1, 200) == 0
    assert recipe.learning_rate_at(2, 205) == pytest.approx(4e-4)
    assert recipe.learning_rate_at(2, 260) == 0, "a phase may end a batch late"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.integers(0, 1000))
def test_a_variant_changes_the_question_alone(question: str, seed: int) -> None:
    own = row(question=question)
    made = variant(own, random.Random(seed))
    assert replace(made, question=own.question, original=None) == own
    if made.question != question:
        assert made.question.strip()
        assert made.original == question
        assert row_key(made) == row_key(own)


def test_a_phase_is_filtered_marked_and_varied(tmp_path: Path) -> None:
    kept, dropped = row(), row(question="Where is the great harbour of the town?")
    found = maker().windows(kept.question, [CONTEXT])[0][0].starts.tolist().index(CONTEXT.index("1831"))
    labels = by_hand({row_key(kept): [(found, found)], row_key(dropped): [None]})
    phase = Phase(name="p", tokens=10, sources=[Source(name="made", teacher=0.5, agreed=True, repeat=3)], variants=1.0)
    recipe = Recipe(phases=[phase])
    rows = phase_rows(phase, recipe, tmp_path, {"made": lambda: [kept, dropped]}, teacher=(labels, maker()))
    assert len(rows) == 3
    assert {made.original or made.question for made in rows} == {kept.question}
    assert {made.teacher for made in rows} == {0.5}
    assert any(made.original for made in rows)
