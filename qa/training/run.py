"""A whole training run: make what has to be made, train every phase, export a standard model folder."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rich.console import Console

from index.disk.outputs import FolderKind, OutputFolder, Outputs
from index.documents import Document
from index.errors import InputError
from index.models.embedder import bundled_model, open_embedder
from index.text.printable import printable
from qa.reading.windows import WindowMaker
from qa.training.base import teacher_base
from qa.training.config import TEACHER_RECIPE, Phase, Recipe, load_recipe
from qa.training.data import Row, find_source, read_rows
from qa.training.export import READER, export_reader
from qa.training.making.document_questions import DocumentRows, document_rows, find_questions
from qa.training.making.edits import one_edit_unanswerables
from qa.training.making.negatives import mine_negatives, save_rows
from qa.training.making.sentences import sentence_rows
from qa.training.mixture import MadeSource, phase_rows, source_rows
from qa.training.teaching.labels import TeacherLabels, label_rows, load_labels
from qa.training.trainer import Trainer

ARTICLES = Path("text/wikipedia_articles.jsonl.gz")
SENTENCES = Path("ir/reqa_squad_train_sentences")
MADE = ("hard_negatives", "one_edit", "answer_sentences")
OF_DOCUMENTS = ("document_answers", "document_traps", "document_negatives")
WORK = FolderKind(
    "a folder that a reader was trained in",
    frozenset(
        [
            *(f"{name}.jsonl" for name in (*MADE, *OF_DOCUMENTS)),
            *(f"{name}.tmp" for name in (*MADE, *OF_DOCUMENTS)),
            "checkpoint.pt",
            "checkpoint.tmp",
            "labels",
            "mining-store",
            "sentence-store",
            "teacher",
            "teacher-base",
            "teacher-base.tmp",
            "teacher-training",
        ]
    ),
)


def train_reader(
    recipe: Recipe,
    *,
    data_dir: Path,
    work: Path,
    out: OutputFolder,
    console: Console,
    base: Path | None = None,
    teacher: Path | None = None,
    last_phase: str | None = None,
) -> None:
    """Train a reader and write it to `out`; run again with the same `work` folder to go on after an interruption.

    data_dir: folder of the recipe's sources (see `find_source`). base: encoder folder to start from, the bundled
    embedder by default. teacher: folder of a trained teacher; without one, a recipe that needs a teacher trains it
    first, in `work/teacher`, from the encoder that the extra `train` installs.
    """
    if not data_dir.is_dir():
        raise InputError(f"no data folder {data_dir}; name the folder of the training files with --data")
    work.mkdir(parents=True, exist_ok=True)
    base = base or bundled_model()

    def made(name: str) -> list[Row]:
        path = work / f"{name}.jsonl"
        if not path.is_file() and name in OF_DOCUMENTS:
            for kind, rows in zip(OF_DOCUMENTS, _of_documents(recipe, data_dir, console), strict=True):
                save_rows(rows, work / f"{kind}.jsonl")
        elif not path.is_file():
            save_rows(_make(name, recipe, data_dir, work, console), path)
        return read_rows(path)

    sources: dict[str, MadeSource] = {name: partial(made, name) for name in (*MADE, *OF_DOCUMENTS)}
    taught = None
    if recipe.taught:
        teacher = teacher or _train_teacher(data_dir, work, sources, console)
        maker = WindowMaker.from_folder(base, max_length=recipe.max_length, stride=recipe.stride)
        taught = (_labels(recipe, data_dir, teacher, work / "labels", sources, console=console), maker)

    def rows_of(phase: Phase) -> list[Row]:
        return phase_rows(phase, recipe, data_dir, sources, teacher=taught)

    labels = taught[0] if taught else None
    trainer = Trainer(recipe, base=base, work=work, rows_of=rows_of, console=console, labels=labels)
    trainer.train(last_phase)
    with out.making() as folder:
        export_reader(trainer.model, base, folder, headings=recipe.headed)
    console.print(f"reader written to {printable(str(out.path))}", soft_wrap=True)


def _train_teacher(data_dir: Path, work: Path, made: dict[str, MadeSource], console: Console) -> Path:
    out = work / "teacher"
    if not (out / "model.safetensors").is_file():
        written = Outputs(force=True).folder(out, READER)
        recipe = load_recipe(TEACHER_RECIPE)
        base = teacher_base(work / "teacher-base")
        trainer = Trainer(
            recipe,
            base=base,
            work=work / "teacher-training",
            rows_of=lambda phase: phase_rows(phase, recipe, data_dir, made),
            console=console,
        )
        trainer.train()
        with written.making() as folder:
            export_reader(trainer.model, base, folder)
    return out


def _labels(
    recipe: Recipe, data_dir: Path, teacher: Path, folder: Path, made: dict[str, MadeSource], *, console: Console
) -> TeacherLabels:
    rows: list[Row] = []
    for phase in recipe.phases:
        for source in phase.sources:
            if source.taught:
                rows += source_rows(source, phase, recipe, data_dir, made)
    label_rows(rows, teacher, folder, max_length=recipe.max_length, stride=recipe.stride, console=console)
    return load_labels(folder)


def _make(name: str, recipe: Recipe, data_dir: Path, work: Path, console: Console) -> list[Row]:
    rows = [row for source in recipe.making.sources for row in read_rows(find_source(data_dir, source))]
    if name == "one_edit":
        return one_edit_unanswerables(rows, recipe.seed, recipe.making.edits_each)
    if name == "answer_sentences":
        return sentence_rows(
            data_dir / SENTENCES,
            embedder=open_embedder(),
            work=work / "sentence-store",
            known={row.question for row in rows},
            seed=recipe.seed,
            console=console,
        )
    articles = _articles(data_dir, recipe.making.distractor_articles, recipe.seed)
    return mine_negatives(
        rows,
        articles,
        embedder=open_embedder(),
        folder=work / "mining-store",
        seed=recipe.seed,
        console=console,
        each=recipe.making.negatives_each,
    )


def _of_documents(recipe: Recipe, data_dir: Path, console: Console) -> DocumentRows:
    if not recipe.making.documents:
        raise InputError(f"the recipe's sources {', '.join(OF_DOCUMENTS)} need making.documents")
    count_tokens = open_embedder().count_tokens
    sets = [
        document_rows(find_questions(data_dir, name), count_tokens, recipe.seed, console=console)
        for name in recipe.making.documents
    ]
    return DocumentRows(*([row for own in kind for row in own] for kind in zip(*sets, strict=True)))


def _articles(data_dir: Path, limit: int, seed: int) -> Iterator[Document]:
    if limit == 0:
        return
    path = data_dir / ARTICLES
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            articles = [json.loads(line) for line in lines]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); set distractor_articles = 0 to do without") from error
    for article in random.Random(seed).sample(articles, min(limit, len(articles))):
        yield Document(uri=f"article:{article['title']}", title=article["title"], own_title=True, text=article["text"])
