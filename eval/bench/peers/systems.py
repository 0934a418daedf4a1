"""The systems that are measured: what runs each, and the environments of the peers."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from index.errors import InputError
from index.models.embedder import bundled_model
from index.models.hardware import THREADS_VARIABLE
from index.models.weights import weights_sha256
from qa.reading.reader import BUNDLED_READER

OURS = "spanqa"
PEERS = ("haystack", "txtai")
HERE = Path(__file__).parent
INSTALL_TIMEOUT_S = 1800
# torch goes first and alone: asked for beside others, pip may pick a build with gigabytes of GPU libraries.
_FIRST = re.compile(r"^torch==.*$", re.MULTILINE)
# What would change how spanqa runs, for all that is said of it.
_OWN_VARIABLES = ("QA_RUNTIME", "QA_STORE", THREADS_VARIABLE)


@dataclass(frozen=True, slots=True)
class Models:
    """Folders of the models that every system is given, the hashes of their weights, and how they are computed."""

    embedder: Path
    reader: Path
    embedder_sha256: str
    reader_sha256: str
    dtype: str

    @classmethod
    def shipped(cls, dtype: str, embedder: Path | None = None, reader: Path | None = None) -> Models:
        """The models that spanqa comes with, or other folders; `dtype` is `float32` or `bfloat16`."""
        embedder, reader = embedder or bundled_model(), reader or BUNDLED_READER
        return cls(embedder, reader, weights_sha256(embedder), weights_sha256(reader), dtype)


@dataclass(frozen=True, slots=True)
class System:
    """A system: its `name`, the command of its adapter, that of its shortest program (without the question), and the
    versions of everything in its environment."""

    name: str
    command: tuple[str, ...]
    cold: tuple[str, ...]
    packages: dict[str, str]


def environment(threads: int) -> dict[str, str]:
    """The environment variables of a measured program: so many threads, and no model looked for on the network."""
    variables = {name: value for name, value in os.environ.items() if name not in _OWN_VARIABLES}
    count = str(threads)
    return variables | {
        THREADS_VARIABLE: count,
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "TRANSFORMERS_VERBOSITY": "error",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }


def ours(models: Models, threads: int, cold: Sequence[str], store: Path) -> System:
    """spanqa in this very environment; `cold` is the command `qa`, `store` the small store that it is asked of."""
    adapter = (sys.executable, "-P", "-m", "eval.bench.peers.adapters.spanqa_adapter", *_options(models, threads))
    packages = {distribution.metadata["Name"].lower(): distribution.version for distribution in distributions()}
    # Every system shows what it found, sure of it or not.
    return System(OURS, adapter, (*cold, "ask", "--candidates", "--store", str(store)), packages)


def peer(
    name: str, environments: Path, models: Models, threads: int, *, store: Path, passages: int, depth: int
) -> System:
    """A peer, in its environment, which is made where it is not there yet (see `install`)."""
    python = install(name, environments)
    frozen = _pip(python, "list", "--format=freeze", "--disable-pip-version-check")
    packages = dict(line.split("==", 1) for line in frozen.splitlines() if "==" in line)
    script = HERE / "adapters" / f"{name}_cold.py"
    told = (store, models.embedder, models.reader, models.dtype, threads, passages, depth)
    return System(
        name,
        (str(python), str(HERE / "adapters" / f"{name}_adapter.py"), *_options(models, threads)),
        (str(python), str(script), *(str(value) for value in told)),
        packages,
    )


def install(name: str, environments: Path) -> Path:
    """The interpreter of a peer's environment, made from its pinned requirements where it is missing or of others.

    Takes minutes and about 1.2 GB the first time. Raises InputError with pip's last words where that fails.
    """
    requirements = HERE / "requirements" / f"{name}.txt"
    text = requirements.read_text("utf-8")
    stamp = hashlib.sha256(f"{sys.version} {text}".encode()).hexdigest()
    folder = environments / name
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    note = folder / "installed"
    if note.is_file() and note.read_text("ascii") == stamp:
        return python
    venv.create(folder, clear=True, with_pip=True)
    first = _FIRST.search(text)
    if first:
        _pip(python, "install", first[0])
    _pip(python, "install", "-r", str(requirements))
    note.write_text(stamp, "ascii")
    return python


def _options(models: Models, threads: int) -> tuple[str, ...]:
    return (
        "--embedder",
        str(models.embedder),
        "--reader",
        str(models.reader),
        "--dtype",
        models.dtype,
        "--threads",
        str(threads),
    )


def _pip(python: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [str(python), "-m", "pip", *arguments],
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{python} -m pip {' '.join(arguments)}: {error}") from error
    if done.returncode != 0:
        last = " | ".join(done.stderr.strip().splitlines()[-3:])
        raise InputError(f"{python} -m pip {' '.join(arguments)} failed: {last}; see whether PyPI can be reached")
    return done.stdout
