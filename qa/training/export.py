"""Writing a trained reader as the standard folder that `AutoModelForQuestionAnswering.from_pretrained` loads."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from index.disk.atomic import write_whole
from index.disk.outputs import FolderKind
from qa.reading.windows import READS_HEADINGS

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
MARK_FILE = "trained.json"
"""Tells a reader that was trained here, which a later training may replace, from any other model's folder."""
READER = FolderKind(
    "a reader that qa train reader wrote",
    marks=frozenset([MARK_FILE]),
    names=frozenset(["config.json", "model.safetensors", MARK_FILE, *TOKENIZER_FILES]),
)


def export_reader(model: PreTrainedModel, base: Path, out: Path, *, headings: bool = False) -> None:
    """Write `config.json`, `model.safetensors` (fp16) and the tokenizer of `base` to the folder `out`.

    `headings` says that the model learnt to read passages under their headings, and so will be used.

    fp16 halves the file, and rounds weights of this size by less than bf16 training noise.
    """
    out.mkdir(parents=True, exist_ok=True)
    # The training settings are not the model's: whoever fine-tunes it further starts from the usual ones.
    model.config.hidden_dropout_prob = 0.1
    model.config.attention_probs_dropout_prob = 0.1
    model.config.dtype = torch.float16
    setattr(model.config, READS_HEADINGS, headings)
    half = {name: tensor.detach().to("cpu", torch.float16) for name, tensor in model.state_dict().items()}
    model.save_pretrained(out, state_dict=half, safe_serialization=True)
    for name in TOKENIZER_FILES:
        if (base / name).is_file():
            shutil.copyfile(base / name, out / name)
    # An embedder's tokeniser cuts and pads every text to one length by itself; a reader's must not.
    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    write_whole(out / MARK_FILE, b'{"written_by": "qa train reader"}\n')
