"""What runs the models: OpenVINO where it can, torch elsewhere and as the reference."""

from __future__ import annotations

import importlib.util
import logging
import os
from typing import Literal, get_args

from index.errors import ModelError
from index.models import hardware

Runtime = Literal["auto", "openvino", "torch"]
RUNTIME_VARIABLE = "QA_RUNTIME"
logger = logging.getLogger("spanqa.runtime")


def wanted_runtime(name: str | None = None) -> Runtime:
    """The runtime named, or the environment's QA_RUNTIME, or `auto`; raises ModelError for any other name."""
    given = name or os.environ.get(RUNTIME_VARIABLE) or "auto"
    for known in get_args(Runtime):
        if given == known:
            runtime: Runtime = known
            return runtime
    raise ModelError(f"no runtime {given!r}; take one of: {', '.join(get_args(Runtime))}")


def choose(runtime: Runtime, obstacle: str | None) -> Literal["openvino", "torch"]:
    """The runtime for a model; `obstacle` says why OpenVINO cannot run it, None where it can.

    A graphics card is torch's: `auto` leaves the model to it. Raises ModelError where `openvino` was asked for in vain.
    """
    if runtime != "torch" and obstacle is None and importlib.util.find_spec("openvino") is None:
        obstacle = "the package openvino is not installed"
    if runtime == "openvino":
        if obstacle:
            raise ModelError(f"OpenVINO cannot run this model: {obstacle}; take --runtime torch")
        return "openvino"
    if runtime == "torch" or obstacle or hardware.has_cuda():
        if runtime == "auto" and obstacle:
            logger.info("torch runs the model, not OpenVINO: %s", obstacle)
        return "torch"
    return "openvino"


def computes_in_bf16(runtime: str | None = None) -> bool:
    """Whether models are computed in bf16 here: where the CPU multiplies such matrices in hardware."""
    if choose(wanted_runtime(runtime), None) == "openvino":
        return hardware.precision() == "bf16"
    return hardware.fast_matrix_products()


def report_fallback(name: str, error: Exception) -> None:
    """Say that torch takes over from OpenVINO, which failed."""
    logger.warning("OpenVINO cannot run %s (%s): torch does, more slowly; --runtime torch says nothing", name, error)
