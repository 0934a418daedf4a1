"""The environment that every system runs in."""

from __future__ import annotations

import pytest

from eval.bench.peers.systems import environment


def test_threads_are_the_same_for_all_and_settings_of_the_user_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_RUNTIME", "torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "9")
    settings = environment(2)
    assert settings["OMP_NUM_THREADS"] == settings["QA_THREADS"] == "2" and "QA_RUNTIME" not in settings
