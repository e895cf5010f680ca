"""Where tensors live, and how many threads work on them."""

from __future__ import annotations

import os

import torch


def pick() -> torch.device:
    """cuda, else mps or xpu, else cpu; GENLAB_DEVICE overrides."""
    if name := os.environ.get("GENLAB_DEVICE"):
        return torch.device(name)
    for kind in ("cuda", "mps", "xpu"):
        backend = getattr(torch, kind, None) or getattr(torch.backends, kind)
        if backend.is_available():
            return torch.device(kind)
    return torch.device("cpu")


def prepare(threads: int = 1) -> torch.device:
    """Prepare this process for training and return its device. On shared cores a small network trains many
    times faster on one thread than on two. Denormal numbers are slow and mean nothing: they become zero."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    return pick()


def seed(number: int, device: torch.device | None = None) -> None:
    """Seed the random numbers of the CPU and of this device. torch.manual_seed would seed every kind of
    device that there might be, which takes milliseconds if CUDA is installed and not used."""
    torch.default_generator.manual_seed(number)
    if device is not None and device.type == "cuda":
        torch.cuda.manual_seed(number)


def random_state(device: torch.device) -> torch.Tensor:
    """The state of this device's random numbers."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def set_random_state(state: torch.Tensor, device: torch.device) -> None:
    """Continue the random numbers of this device from this state."""
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)
