"""The kill harness, run as a command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_writers_are_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    work, output = tmp_path / "work", tmp_path / "kills.json"
    run = "import sys; from api.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", run, "bench", "kill", "-n", "3", "--seed", "3", "--work", str(work)]
    done = subprocess.run([*command, "--output", str(output)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(output.read_text())
    assert figures["kills"] == sum(met["kills"] for met in figures["under_way"].values()) == 3
    assert all(sum(met["quarters"]) == met["kills"] for met in figures["under_way"].values())
    assert figures["problems"] == []
    assert not work.exists()


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    run = "import sys; from api.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", run, "bench", "kill", "-n", "1", "--work", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert "is there already" in done.stderr
