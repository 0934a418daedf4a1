"""What runs the models: OpenVINO where it can, torch elsewhere and as the reference."""

from __future__ import annotations

import importlib.util
import logging
import os
from pathlib import Path
from typing import Literal, get_args

from index.errors import ModelError

Runtime = Literal["auto", "openvino", "torch"]
RUNTIME_VARIABLE = "QA_RUNTIME"
THREADS_VARIABLE = "QA_THREADS"
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
logger = logging.getLogger("spanqa.runtime")


def wanted_runtime(name: str | None = None) -> Runtime:
    """The runtime named, or the environment's QA_RUNTIME, or `auto`; raises ModelError for any other name."""
    given = name or os.environ.get(RUNTIME_VARIABLE) or "auto"
    for known in get_args(Runtime):
        if given == known:
            runtime: Runtime = known
            return runtime
    raise ModelError(f"no runtime {given!r}; take one of: {', '.join(get_args(Runtime))}")


def threads() -> int:
    """How many cores the models may use: QA_THREADS, or every core that this process may run on."""
    given = os.environ.get(THREADS_VARIABLE)
    if given is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not given.isdecimal() or int(given) < 1:
        raise ModelError(f"{THREADS_VARIABLE}={given!r}: not a number of threads; give 1 or more")
    return int(given)


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
    if runtime == "torch" or obstacle or _has_cuda():
        if runtime == "auto" and obstacle:
            logger.info("torch runs the model, not OpenVINO: %s", obstacle)
        return "torch"
    return "openvino"


def computes_in_bf16(runtime: str | None = None) -> bool:
    """Whether models are computed in bf16 here: where the CPU multiplies such matrices in hardware."""
    if choose(wanted_runtime(runtime), None) == "openvino":
        from index.models.openvino import precision

        return precision() == "bf16"
    from index.models.embedder import fast_matrix_products

    return fast_matrix_products()


def report_fallback(name: str, error: Exception) -> None:
    """Say that torch takes over from OpenVINO, which failed."""
    logger.warning("OpenVINO cannot run %s (%s): torch does, more slowly; --runtime torch says nothing", name, error)


def _has_cuda() -> bool:
    # Asking torch costs seconds, so only where there is a driver.
    if not _NVIDIA_DRIVER.is_file():
        return False
    import torch

    return torch.cuda.is_available()
