"""What is installed and what goes into an image: nothing that was not looked at."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = [
    "requirements.lock", "deploy/requirements.txt", "tests/browser/requirements.txt", "tests/api/fuzz/requirements.txt",
    "tests/scale/requirements.txt",
]  # fmt: skip


def entries(lock: str) -> dict[str, str]:
    """Version and hashes of each package, by its name."""
    text = "\n".join(line for line in (ROOT / lock).read_text("utf-8").splitlines() if not line.startswith("#"))
    return {entry.partition("==")[0]: entry for entry in text.replace("\\\n", "").splitlines() if entry.strip()}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_file_is_known_by_its_hash(lock: str) -> None:
    found = entries(lock)
    assert found
    for name, entry in found.items():
        assert re.fullmatch(r"[a-z0-9.-]+==\S+( ; [^;]*?)?(\s+--hash=sha256:[0-9a-f]{64})+", entry), (name, entry[:80])
    assert not re.search(r"://|--index|--find|--extra|--trusted", (ROOT / lock).read_text("utf-8"))
    assert "torch" not in found


def test_locks_agree() -> None:
    pinned: dict[str, str] = {}
    for lock in LOCKS:
        for name, entry in entries(lock).items():
            assert pinned.setdefault(name, entry) == entry, (lock, name)


def test_what_the_project_needs_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dev"], *extras["report"]]
    names = {re.split(r"[\[<>=]", need)[0].lower().replace("_", "-") for need in wanted} - {"spanqa"}
    assert names - entries("requirements.lock").keys() == {"torch"}
    (torch,) = [line for line in (ROOT / "torch.lock").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert re.fullmatch(r"torch==[0-9.]+", torch)
    servers = [re.split(r"[\[<>=]", need)[0] for need in (*extras["postgres"], *extras["milvus"])]
    assert set(servers) <= entries("deploy/requirements.txt").keys()


def installations(file: str) -> list[str]:
    """The commands of a file that install packages."""
    joined = (ROOT / file).read_text("utf-8").replace("\\\n", " ")
    return [part.strip() for part in re.split(r"\n|&&|\|\|", joined) if re.search(r"\bpip\b.* install\b", part)]


@pytest.mark.parametrize("file", ["Makefile", "deploy/Dockerfile"])
def test_nothing_is_installed_without_its_hash_but_torch_and_the_project(file: str) -> None:
    commands = installations(file)
    assert len(commands) >= 3
    for command in commands:
        excepted = re.search(
            r"-r torch\.lock$|--no-deps --no-build-isolation (-e )?\.$|install --quiet pip;?( })?$", command
        )
        assert excepted or "--require-hashes --no-deps -r " in command, command


def ignored(path: str) -> bool:
    """Whether a path is kept out of an image, as Docker reads .dockerignore: the last pattern that fits it, or a folder
    above it, decides."""
    out = False
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        taken, pattern = pattern.startswith("!"), pattern.removeprefix("!")
        if any(fits(one, pattern) for one in above):
            out = not taken
    return out


def fits(path: str, pattern: str) -> bool:
    anywhere = pattern.startswith("**/")
    names, wanted = path.split("/"), pattern.removeprefix("**/").split("/")
    if len(names) < len(wanted) or (len(names) > len(wanted) and not anywhere):
        return False
    return all(map(fnmatch.fnmatchcase, names[-len(wanted) :], wanted))


def copied() -> Iterator[str]:
    """What the Dockerfile copies from the repository."""
    for line in (ROOT / "deploy" / "Dockerfile").read_text("utf-8").splitlines():
        words = line.split()
        if words[:1] in (["COPY"], ["ADD"]):
            yield from words[1:-1]


def test_only_what_is_needed_is_copied() -> None:
    assert list(copied()) == ["."], "what .dockerignore lets in decides"
    for path in [
        ".git/config", ".venv/bin/python", ".store/catalogue.sqlite", ".store/keys.json", ".env", "keys.json",
        "keys/keys.json", "store/catalogue.sqlite-wal", "reports/secret.pdf", "seeds/gold.jsonl", "tests/fakes.py",
        ".peers/x", ".work/x", "id_rsa", "deploy/keys/keys.json", "deploy/.env", "api/.env", "api/keys.json",
        "qa/models/.cache/x", "index/catalogue.sqlite", "api/__pycache__/cli.cpython-311.pyc", "torch.lock.bak",
    ]:  # fmt: skip
        assert ignored(path), path


def test_all_that_is_needed_is_copied() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    setuptools = settings["tool"]["setuptools"]
    needed = [ROOT / name for name in ("pyproject.toml", settings["project"]["readme"], "LICENSE")]
    for folder in (pattern.removesuffix("*") for pattern in setuptools["packages"]["find"]["include"]):
        needed += (ROOT / folder).rglob("*.py")
    for package, names in setuptools["package-data"].items():
        for name in names:
            needed += (path for path in (ROOT / package.replace(".", "/")).glob(name) if path.is_file())
    named = re.findall(r"-r (\S+)", (ROOT / "deploy" / "Dockerfile").read_text("utf-8"))
    needed += [ROOT / name for name in named]
    assert len(needed) > 200 and len(named) == 3
    for path in needed:
        assert path.is_file()
        assert not ignored(path.relative_to(ROOT).as_posix()), path
