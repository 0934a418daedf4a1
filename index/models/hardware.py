"""What this machine can do for the models: its cores, its bf16, its graphics card."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any, Literal

from index.errors import ModelError

THREADS_VARIABLE = "QA_THREADS"
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


def threads() -> int:
    """How many cores the models may use: QA_THREADS, or every core that this process may run on."""
    given = os.environ.get(THREADS_VARIABLE)
    if given is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not given.isdecimal() or int(given) < 1:
        raise ModelError(f"{THREADS_VARIABLE}={given!r}: not a number of threads; give 1 or more")
    return int(given)


@cache
def openvino_core() -> Any:
    """OpenVINO's core: loading its plugins takes time, and one is enough."""
    import openvino as ov

    return ov.Core()


def precision() -> Literal["bf16", "f32"]:
    """What OpenVINO computes in: bf16 where this CPU multiplies such matrices in hardware."""
    return "bf16" if "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


def fast_matrix_products() -> bool:
    """Whether torch multiplies bf16 matrices in this CPU's hardware (AMX): three times as fast as fp32."""
    import torch

    probe = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(probe and probe())


def has_cuda() -> bool:
    """Whether there is a graphics card that torch can use."""
    # Asking torch costs seconds, so only where there is a driver.
    if not _NVIDIA_DRIVER.is_file():
        return False
    import torch

    return torch.cuda.is_available()
