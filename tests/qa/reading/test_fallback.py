"""A model in place of one that cannot be loaded."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest

from index.errors import ModelError
from qa.reading.fallback import Fallback
from qa.reading.logits import Logits
from qa.reading.windows import Window

NOTHING = np.zeros(0, dtype=np.int32)
WINDOW = Window(np.array([101, 102, 102], dtype=np.int32), 2, NOTHING, NOTHING, NOTHING)


class FixedModel:
    """Gives every window the same logits; `error` is what loading it raises."""

    is_exact = True

    def __init__(
        self, value: float, error: Exception | None = None, runtime: Literal["openvino", "torch"] = "openvino"
    ) -> None:
        self.value, self.error, self.runtime = value, error, runtime
        self.loaded = 0

    def load(self) -> None:
        self.loaded += 1
        if self.error:
            raise self.error

    def logits(self, windows: Sequence[Window]) -> list[Logits]:
        row = np.full(3, self.value, dtype=np.float32)
        return [(row, row) for _ in windows]


def value(model: Fallback) -> float:
    ((start, _),) = model.logits([WINDOW])
    return float(start[0])


def test_the_first_is_taken_where_it_loads(caplog: pytest.LogCaptureFixture) -> None:
    first = FixedModel(1.0)
    model = Fallback("name", first, lambda: pytest.fail("nothing failed"))
    with caplog.at_level(logging.WARNING):
        assert (value(model), value(model), model.runtime) == (1.0, 1.0, "openvino")
    assert first.loaded == 1 and not caplog.records


@pytest.mark.parametrize("error", [ModelError("no such instruction"), ImportError("no such module")])
def test_the_spare_is_made_once_where_it_does_not(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    spares: list[FixedModel] = []

    def spare() -> FixedModel:
        spares.append(FixedModel(2.0, runtime="torch"))
        return spares[-1]

    model = Fallback("name", FixedModel(1.0, error), spare)
    assert model.runtime == "openvino"
    with caplog.at_level(logging.WARNING):
        assert (value(model), value(model), model.runtime) == (2.0, 2.0, "torch")
    assert len(spares) == 1 and len(caplog.records) == 1
    assert "name" in caplog.text and str(error) in caplog.text


def test_an_error_while_reading_is_told() -> None:
    class Failing(FixedModel):
        def logits(self, windows: Sequence[Window]) -> list[Logits]:
            raise ModelError("failed while running")

    with pytest.raises(ModelError, match="failed while running"):
        value(Fallback("name", Failing(1.0), lambda: pytest.fail("it was loaded")))


def test_nothing_to_read_loads_nothing() -> None:
    first = FixedModel(1.0)
    assert Fallback("name", first, lambda: first).logits([]) == []
    assert first.loaded == 0
