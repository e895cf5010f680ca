"""The one format of frames, keyframes and checkpoints: safetensors, with JSON in the header."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save as save_arrays
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors


def pack_frame(arrays: dict[str, np.ndarray], about: dict[str, Any]) -> bytes:
    """A frame: arrays whose names say what to draw, and what the stage writes beside them."""
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return save_arrays(whole, {"frame": json.dumps(about)})


def pack_answer(answer: dict[str, Any], number: int) -> bytes:
    """A probe's answer to the question of this number: its arrays, and beside them all else."""
    arrays = {name: value for name, value in answer.items() if isinstance(value, np.ndarray)}
    rest = {name: value for name, value in answer.items() if name not in arrays}
    return pack_frame(arrays, rest | {"answer": number})


def pack_state(tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> bytes:
    whole = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    told = about | {"checksum": _checksum(whole, about)}
    return save_tensors(whole, {"state": json.dumps(told)})


def unpack_state(data: bytes) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """What `pack_state` packed. Raises ValueError where a bit of it has changed since."""
    tensors, about = load_tensors(data), json.loads(header(data)["state"])
    checksum = about.pop("checksum", None)  # older states have none
    if checksum not in (None, _checksum(tensors, about)):
        raise ValueError("a bit of this state has changed")
    return tensors, about


def _checksum(tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> int:
    """A damaged weight is a number like any other, and nothing else would notice it."""
    total = zlib.crc32(json.dumps(about).encode())
    for name, tensor in sorted(tensors.items()):
        total = zlib.crc32(f"{name} {tensor.dtype} {tensor.shape}".encode(), total)
        total = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, total)
    return total


def header(data: bytes) -> dict[str, str]:
    """The text beside the tensors."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length])["__metadata__"]


def read_about(path: Path) -> dict[str, Any]:
    """What a state file says of itself, without reading its tensors."""
    with path.open("rb") as file:
        length = file.read(8)
        text = header(length + file.read(int.from_bytes(length, "little")))
    about: dict[str, Any] = json.loads(text["state"])
    about.pop("checksum", None)
    return about
