"""Where models train and read while training: a graphics card where there is one, else the processor."""

from __future__ import annotations

import torch

# Written out step by step, attention is the fastest way here: windows are short, and fused kernels that take a padding
# mask were several times slower on the cards and processors that were tried.
ATTENTION = "eager"


def training_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def batch_tokens_on(device: torch.device, wanted: int) -> int:
    """Padded tokens that a model reads at a time without gradients: more where memory and cores are plenty."""
    return wanted if device.type == "cpu" else 16 * wanted
