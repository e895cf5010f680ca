"""The one format of frames, keyframes and checkpoints: safetensors, with JSON in the header."""

from __future__ import annotations

import json
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
    return save_tensors(whole, {"state": json.dumps(about)})


def unpack_state(data: bytes) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    return load_tensors(data), json.loads(header(data)["state"])


def header(data: bytes) -> dict[str, str]:
    """The text beside the tensors."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length])["__metadata__"]


def read_about(path: Path) -> dict[str, Any]:
    """What a state file says of itself, without reading its tensors."""
    with path.open("rb") as file:
        length = file.read(8)
        text = header(length + file.read(int.from_bytes(length, "little")))
    return json.loads(text["state"])
