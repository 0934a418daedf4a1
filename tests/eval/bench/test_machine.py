"""The machine in a few words."""

from __future__ import annotations

from pathlib import Path

from eval.bench.machine import cores, machine


def test_the_model_of_the_processor_is_named(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel\t\t: 85\nmodel name\t: Fast: 3000\nprocessor\t: 1\nmodel name\t: Other\n")
    assert machine(info) == f"{cores()} cores, Fast: 3000"


def test_where_the_system_names_none_there_is_a_name_all_the_same(tmp_path: Path) -> None:
    assert machine(tmp_path / "none").removeprefix(f"{cores()} cores, ")
