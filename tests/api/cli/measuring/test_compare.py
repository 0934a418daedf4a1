"""`qa compare`: runs of the same questions."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import Run


def test_two_runs_of_the_same_are_identical_and_show_no_difference(
    qa: Run, seed_store: str, gold: str, first: str, tmp_path: Path
) -> None:
    second = str(tmp_path / "second.json")
    bounds = ("--fail-under", "HitRate@1=0", "--fail-under", "Risk=1")
    ran = qa("eval", gold, "--store", seed_store, "--output", second, "--compare", first, *bounds)
    assert ran.code == 0, ran.err
    assert "identical apart from times" in ran.out and "none shown" in ran.out
    contents = [json.loads(Path(path).read_text(encoding="utf-8")) for path in (first, second)]
    assert contents[0].pop("times") != contents[1].pop("times")
    assert contents[0] == contents[1]
    assert [path.name for path in tmp_path.iterdir()] == ["second.json"]
    assert "identical apart from times" in qa("compare", first, second, "--measure", "F1").out


def test_runs_of_different_gold_sets_are_not_compared(
    qa: Run, seed_store: str, gold: str, first: str, tmp_path: Path
) -> None:
    fewer = tmp_path / "gold.jsonl"
    fewer.write_text("\n".join(Path(gold).read_text(encoding="utf-8").splitlines()[1:]), encoding="utf-8")
    # Said before anything is asked.
    early = qa("eval", str(fewer), "--store", seed_store, "--output", str(tmp_path / "run.json"), "--compare", first)
    assert early.code == 1 and "different gold sets" in early.err and not (tmp_path / "run.json").exists()
    other = json.loads(Path(first).read_text(encoding="utf-8"))
    other["about"]["gold"]["sha256"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(other), encoding="utf-8")
    ran = qa("compare", first, str(tmp_path / "other.json"))
    assert ran.code == 1 and "different gold sets" in ran.err
