"""What a question must not load: the training stack and other heavy packages that it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SEEDS = Path(__file__).parents[1] / "seeds"
HEAVY = {"torch", "transformers", "sentence_transformers", "scipy", "sklearn", "ir_measures", "pandas", "fastapi"}
_SCRIPT = """
import json, sys
sys.argv = ["qa", *sys.argv[1:]]
from api.cli.main import main
try:
    main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def run(*arguments: str) -> tuple[str, set[str]]:
    """What a command in a process of its own printed, and the packages that it loaded."""
    done = subprocess.run([sys.executable, "-c", _SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    folder = tmp_path_factory.mktemp("light") / "store"
    _, loaded = run("index", str(SEEDS), "--store", str(folder))
    return folder, loaded


def test_indexing_is_light(indexed: tuple[Path, set[str]]) -> None:
    assert not indexed[1] & HEAVY


def test_asking_is_light(indexed: tuple[Path, set[str]]) -> None:
    printed, loaded = run("ask", "When do the Russia-China drills run?", "--store", str(indexed[0]))
    assert "August 9" in printed
    assert not loaded & HEAVY
    assert "openvino" in loaded


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from api.cli.main import run; run()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_script_prints_everything_before_it_ends(indexed: tuple[Path, set[str]]) -> None:
    store = str(indexed[0])
    done = script("ask", "When do the Russia-China drills run?", "--json", "--candidates", "-n", "20", "--store", store)
    assert done.returncode == 0 and len(json.loads(done.stdout)["candidates"]) > 5
    # Closed as it should be: nothing is left for the next process to recover.
    assert [path.name for path in indexed[0].iterdir() if path.name.endswith("-wal")] == []
    for arguments, code, said in (
        (("--threshold", "2"), 2, "threshold"),
        (("--store", store + "-none"), 1, "no store at"),
        (("--help",), 0, ""),
    ):
        wrong = script("ask", "Who?", "--store", store, *arguments)
        assert wrong.returncode == code and said in wrong.stderr


def test_torch_is_there_when_it_is_asked_for(indexed: tuple[Path, set[str]]) -> None:
    question = "When do the Russia-China drills run?"
    printed, loaded = run("ask", question, "--json", "--runtime", "torch", "--store", str(indexed[0]))
    assert "torch" in loaded and "openvino" not in loaded
    other, _ = run("ask", question, "--json", "--runtime", "openvino", "--store", str(indexed[0]))
    texts = [json.loads(response)["answers"][0]["text"] for response in (printed, other)]
    assert texts[0] == texts[1]


def test_a_store_of_a_wrong_runtime_name(indexed: tuple[Path, set[str]]) -> None:
    command = [sys.executable, "-c", _SCRIPT, "ask", "Who?", "--runtime", "fast", "--store", str(indexed[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "fast" in done.stderr
