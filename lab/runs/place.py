"""Where a run trains: on the device that is faster for it.

A small model on a GPU waits for each operation to be sent there: a GAN on points makes 351 rounds a second on
one core beside 281 on an H200, and a diffusion of digits 5 beside 75. So both are tried where both are here,
once for each family and size, and what was measured is kept in devices.json beside the runs.
"""

from __future__ import annotations

import json
import math
import time
from contextlib import suppress
from pathlib import Path

import torch

from engine.config import Config
from engine.data import Dataset
from engine.device import devices
from engine.family import Family
from engine.fit import fit, optimizers_of
from lab.runs import store, wall

WARM, ROUNDS, SECONDS = 2, 20, 0.5  # rounds before the clock starts; at most so many, or so long, on it


def device_of(
    family: type[Family], config: Config, data: Dataset, info: store.Info, home: Path
) -> torch.device:
    """The faster device for this run; without an accelerator, or with GENLAB_DEVICE, there is no choice."""
    choices = devices()
    if len(choices) == 1:
        return choices[0]
    names = [_name(device) for device in choices]
    key, file = _key(family, config, data, info), home / "devices.json"
    known: dict[str, dict[str, float]] = {}
    with suppress(OSError, ValueError, TypeError, AttributeError):  # missing or damaged: measured again
        known = {k: {n: float(s) for n, s in v.items()} for k, v in json.loads(file.read_bytes()).items()}
    told = known.get(key, {})
    if not set(names) <= set(told):
        told = {
            name: seconds(family, config, data, info, one=one)
            for name, one in zip(names, choices, strict=True)
        }
        if all(map(math.isfinite, told.values())):  # what failed had maybe no memory: it is tried again
            with suppress(OSError):  # a home that cannot be written is measured each time
                store.write(file, json.dumps(known | {key: told}, indent=1).encode(), durable=False)
    return min(zip(names, choices, strict=True), key=lambda one: told[one[0]])[1]


def seconds(
    family: type[Family], config: Config, data: Dataset, info: store.Info, *, one: torch.device
) -> float:
    """Seconds of a round on one device; infinite where it fails: not every device has every operation."""
    try:
        here = data.to(one)
        model = wall.model_of(family, config, data.space, info).to(one)
        optimizers = optimizers_of(model)
        start = 0.0
        for round in range(WARM + ROUNDS):
            if round == WARM:
                start = time.perf_counter()
            terms = [turn.terms for turn in fit(model, [wall.batch_of(model, here, 0, round)], optimizers)]
            for term in terms[-1].values():  # wait for the device
                term.sum().item()
            if round > WARM and time.perf_counter() - start > SECONDS:
                break
        return (time.perf_counter() - start) / (round + 1 - WARM)
    except (RuntimeError, TypeError):  # NotImplementedError is a RuntimeError
        return math.inf


def _key(family: type[Family], config: Config, data: Dataset, info: store.Info) -> str:
    """What decides about speed: the family, the data's shape, and all that is chosen or counted."""
    counted = {k: v for k, v in config.model_dump().items() if not isinstance(v, float)}
    members = wall.count(info.wall) or 1
    return json.dumps(
        [family.name, list(data.space.shape), counted, members, torch.__version__], sort_keys=True
    )


def _name(device: torch.device) -> str:
    """The device with its model: another card is measured anew."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
