"""Training a tiny model: it learns, and an interrupted run ends where an uninterrupted one does."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
import torch
from rich.console import Console
from tokenizers import Tokenizer
from transformers import AutoModelForQuestionAnswering, BertConfig, BertModel

from index.errors import InputError
from index.models.embedder import bundled_model
from qa.reading.reader import torch_reader
from qa.training.config import Phase, Recipe, Source
from qa.training.data import Row
from qa.training.export import READER, export_reader
from qa.training.trainer import Trainer

pytestmark = pytest.mark.slow

QUIET = Console(file=io.StringIO())


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=30522, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    shutil.copyfile(bundled_model() / "tokenizer.json", folder / "tokenizer.json")
    return folder


def rows(phase: Phase) -> list[Row]:
    made = []
    for number in range(60):
        context = f"The {phase.name} harbour of town {number} opened in {1800 + number} for boats."
        start = context.index(str(1800 + number))
        made.append(Row(str(number), "t", "When did it open?", context, start, start + 4, (str(1800 + number),)))
    return made


def recipe(**changes: object) -> Recipe:
    phases = [Phase(name=name, tokens=6_000, sources=[Source(name="made")]) for name in ("one", "two")]
    values = {"phases": phases, "batch_tokens": 512, "learning_rate": 5e-3, "checkpoint_every": 3}
    return Recipe.model_validate(values | changes)


def trainer(base: Path, work: Path, own: Recipe | None = None) -> Trainer:
    return Trainer(own or recipe(), base=base, work=work, rows_of=rows, console=QUIET)


def weights(made: Trainer) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in made.model.parameters()])


def test_it_learns_and_the_folder_reads(base: Path, tmp_path: Path) -> None:
    made = trainer(base, tmp_path / "work")
    made.train()
    export_reader(made.model, base, tmp_path / "reader")
    # A later training may take its place, as long as nobody has put anything of their own there.
    assert READER.holds(tmp_path / "reader")
    (tmp_path / "reader" / "notes.txt").touch()
    assert not READER.holds(tmp_path / "reader")
    AutoModelForQuestionAnswering.from_pretrained(tmp_path / "reader")
    plain = Tokenizer.from_file(str(tmp_path / "reader" / "tokenizer.json"))
    assert [len(plain.encode("boat " * count).ids) for count in (3, 600)] == [5, 602]
    reader = torch_reader(str(tmp_path / "reader"))
    text = "The new harbour of town 7 opened in 1807 for boats."
    best = reader.read(["When did it open?"], [[text]])[0][0][0]
    assert text[best.start : best.end] == "1807"
    assert best.margin > 0


def test_an_interrupted_run_ends_as_an_uninterrupted_one(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trainer(base, tmp_path / "whole")
    whole.train()
    clip, calls = torch.nn.utils.clip_grad_norm_, 0

    def interrupt(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls in (5, 14):
            raise KeyboardInterrupt
        return clip(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", interrupt)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            trainer(base, tmp_path / "cut").train()
    resumed = trainer(base, tmp_path / "cut")
    resumed.train()
    assert torch.allclose(weights(resumed), weights(whole), atol=1e-6)


def test_a_checkpoint_of_another_recipe_is_not_gone_on_from(base: Path, tmp_path: Path) -> None:
    trainer(base, tmp_path / "work").train(last_phase="one")
    other = trainer(base, tmp_path / "work", recipe(learning_rate=1e-3))
    with pytest.raises(InputError, match="of another recipe"):
        other.train()


def test_a_run_ends_with_the_mean_of_its_points(base: Path, tmp_path: Path) -> None:
    plain = trainer(base, tmp_path / "plain")
    begun = weights(plain)
    plain.train("one")
    after_one = weights(plain)
    plain.train()
    after_two = weights(plain)
    phases = [
        Phase(name=name, tokens=6_000, averaged=share, sources=[Source(name="made")])
        for name, share in (("one", 0.5), ("two", 0.75))
    ]
    averaging = recipe(phases=phases, base_averaged=0.25)
    # Interrupted between its phases, as any run may be.
    trainer(base, tmp_path / "mean", averaging).train("one")
    mean = trainer(base, tmp_path / "mean", averaging)
    mean.train()
    expected = (0.25 * begun + 0.5 * after_one + 0.75 * after_two) / 1.5
    torch.testing.assert_close(weights(mean), expected)
    assert not torch.allclose(expected, after_two, atol=1e-3)
