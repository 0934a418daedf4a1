"""The wheel, in a fresh environment outside the repository: it has all it needs, and every door opens."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "When do the Russia-China drills run?"
TREE = ("index", "qa", "eval", "api", "pyproject.toml", "README.md", "LICENSE")
START_S = 120
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    # Of what git has, in a folder of its own: what a former build left in the tree must not come along.
    tree = tmp_path_factory.mktemp("tree")
    listed = subprocess.run(["git", "ls-files", "-z", *TREE], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0")[:-1]:
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([*command, str(tree)], check=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def place(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and with the libraries of the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    python = folder / "env" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True)
    (site,) = (folder / "env").glob("lib/python*/site-packages")
    # Only on the path: lines of .pth files of that environment, which lead to the repository, are not read.
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", "utf-8")
    return folder


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "QA_STORE", "VIRTUAL_ENV"}}
    return {**kept, "HOME": str(folder), "QA_CACHE": str(folder / "cache")}


@pytest.fixture(scope="module")
def qa(place: Path) -> Run:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(place / "env" / "bin" / "qa"), *arguments]
        done = subprocess.run(command, cwd=place, env=environment(place), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def store(place: Path, qa: Run) -> Path:
    qa("index", str(ROOT / "seeds"), "--store", str(place / "store"))
    return place / "store"


def test_it_holds_the_product_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {"index", "qa", "eval", "api"} == {top for top in tops if not top.endswith(".dist-info")}
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    modules = {name for name in tracked.split() if name.startswith(("index/", "qa/", "eval/", "api/"))}
    assert not {name for name in modules if (ROOT / name).exists()} - set(names)


def test_it_is_the_wheel_that_runs(place: Path) -> None:
    command = [str(place / "env" / "bin" / "python"), "-c", "import qa.engine; print(qa.engine.__file__)"]
    done = subprocess.run(command, cwd=place, env=environment(place), capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(place / "env"))


def test_it_says_its_version(qa: Run) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] in qa("--version").stdout


def test_it_indexes_and_answers(qa: Run, store: Path) -> None:
    assert "August 9" in qa("ask", QUESTION, "--store", str(store)).stdout


def test_it_serves(place: Path, store: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [str(place / "env" / "bin" / "qa"), "serve", "--store", str(store), "--port", str(port)]
    with (place / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=place, env=environment(place), stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            wait_until_healthy(client, server, place / "log")
            answer = client.post("/v1/ask", json={"question": QUESTION}).json()
            assert "August 9" in answer["answers"][0]["text"]
            assert re.search("<html", client.get("/").text)
    finally:
        server.terminate()
        assert server.wait(60) == 0


def wait_until_healthy(client: httpx.Client, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            if client.get("/healthz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(log.read_text("utf-8"))
