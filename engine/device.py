"""Where tensors live, and how many threads work on them. All that differs from device to device is here."""

from __future__ import annotations

import hashlib
import os
from copy import deepcopy
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from engine.config import Refused

KINDS = ("cuda", "mps", "xpu")  # of accelerators, the first that is here is used
WITHOUT_FLOAT64 = {"mps"}


def is_here(kind: str) -> bool:
    """Whether this machine has a device of this kind, and this torch can use it."""
    if kind == "cpu":
        return True
    backend = getattr(torch.backends, kind, None) if kind == "mps" else getattr(torch, kind, None)
    return backend is not None and hasattr(backend, "is_available") and backend.is_available()


def devices() -> list[torch.device]:
    """The devices that a run may use: the accelerator, if there is one, and the CPU; or the one that
    GENLAB_DEVICE names. Raises `Refused` if that is not here."""
    if name := os.environ.get("GENLAB_DEVICE"):
        here = ", ".join(kind for kind in (*KINDS, "cpu") if is_here(kind))
        try:
            device = torch.device(name)
        except RuntimeError:
            raise Refused(f"GENLAB_DEVICE={name} names no device; this machine has {here}.") from None
        most = torch.cuda.device_count() if device.type == "cuda" else 1
        if not is_here(device.type) or (device.index or 0) >= most:
            raise Refused(f"GENLAB_DEVICE={name}, but this machine has no such device; it has {here}.")
        return [device]
    kind = next(filter(is_here, KINDS), None)
    return [*([torch.device(kind)] if kind else []), torch.device("cpu")]


def pick() -> torch.device:
    """cuda, else mps or xpu, else cpu; GENLAB_DEVICE overrides. Raises `Refused`."""
    return devices()[0]


def prepare(threads: int = 1) -> torch.device:
    """Prepare this process for training and return its device. On shared cores a small network trains many
    times faster on one thread than on two. Denormal numbers are slow and mean nothing: they become zero.
    Of cudnn's convolutions only those are used that give the same numbers each time."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.deterministic = True
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    device = pick()
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    return device


def is_lost(error: Exception) -> bool:
    """Whether this error of an accelerator stays for the rest of the process, as after a laptop has slept:
    CUDA answers all that is asked later with it, too. Lack of memory is none of these."""
    return isinstance(error, getattr(torch, "AcceleratorError", ()))  # torch 2.6 has no name for it


def widest(device: torch.device) -> torch.dtype:
    """The most precise type of numbers that this device has."""
    return torch.float32 if device.type in WITHOUT_FLOAT64 else torch.float64


def precise(part: Any) -> Any:
    """A tensor, or a copy of a module, in float64; on the CPU if its device has none."""
    if isinstance(part, nn.Module):
        part = deepcopy(part)
        kind = next(chain(part.parameters(), part.buffers())).device.type
    else:
        kind = part.device.type
    return (part.cpu() if kind in WITHOUT_FLOAT64 else part).double()


# ---------------------------------------------------------------- random numbers
def _generator(device: torch.device) -> Any:
    """What has get_rng_state, set_rng_state and manual_seed for this kind of device."""
    return torch.random if device.type == "cpu" else torch.get_device_module(device.type)


def seed(number: int, device: torch.device | None = None) -> None:
    """Seed the random numbers of the CPU and of this device."""
    _seed(number, torch.device("cpu"))
    if device is not None and device.type != "cpu":
        _seed(number, device)


def _seed(number: int, device: torch.device) -> None:
    """Seed this device alone. torch.manual_seed would seed every kind of device that there might be, which
    takes milliseconds if CUDA is installed and not used."""
    (torch.default_generator if device.type == "cpu" else _generator(device)).manual_seed(number)


def random_state(device: torch.device) -> Tensor:
    """The state of this device's random numbers."""
    return _generator(device).get_rng_state()


def set_random_state(state: Tensor, device: torch.device) -> None:
    """Continue the random numbers of this device from this state. The state of another kind of device means
    nothing to its generator and becomes a seed: the numbers are other ones, and the same each time."""
    if state.shape == random_state(device).shape:
        _generator(device).set_rng_state(state)
        return
    digest = hashlib.sha256(state.numpy().tobytes()).digest()
    _seed(int.from_bytes(digest[:7], "big"), device)
