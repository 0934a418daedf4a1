"""What the machine can do, as far as settings and the system say it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from index.errors import ModelError
from index.models import hardware


def test_every_core_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(hardware.THREADS_VARIABLE, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert hardware.threads() == 3
    monkeypatch.setenv(hardware.THREADS_VARIABLE, "2")
    assert hardware.threads() == 2


@pytest.mark.parametrize("given", ["", "0", "-1", "two", "1.5"])
def test_a_number_of_threads_that_is_none(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(hardware.THREADS_VARIABLE, given)
    with pytest.raises(ModelError, match="give 1 or more"):
        hardware.threads()


def test_bf16_is_what_the_processor_says(monkeypatch: pytest.MonkeyPatch) -> None:
    class Core:
        def __init__(self, *capabilities: str) -> None:
            self._capabilities = capabilities

        def get_property(self, device: str, name: str) -> list[str]:
            assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
            return list(self._capabilities)

    for core, expected in ((Core("FP32", "BF16"), "bf16"), (Core("FP32"), "f32")):
        monkeypatch.setattr(hardware, "openvino_core", lambda core=core: core)
        assert hardware.precision() == expected


def test_without_a_driver_there_is_no_graphics_card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hardware, "_NVIDIA_DRIVER", tmp_path / "version")
    assert not hardware.has_cuda()
