"""What a run must keep to go on bit for bit: weights, optimizers' averages and its random stream."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from engine.config import Refused
from engine.device import random_state, set_random_state
from engine.families import find
from engine.family import Family
from engine.fit import Optimizers
from lab.runs import wire

KEYFRAME_BYTES = 128e6  # what the stored states of one run's keyframes may take, about
T = TypeVar("T")


class Unfit(Refused):
    """A stored state is whole, and belongs to another setting than run.json says."""


class About(BaseModel):
    """What a stored state says of itself."""

    round: int = Field(ge=0)
    commands: int = Field(0, ge=0)  # how many of the log it has met
    config: dict[str, Any]
    sums: dict[str, float | list[float]] = {}  # of each term since the last row
    counts: dict[str, Annotated[int, Field(ge=1)]] = {}  # of the turns that these sums are over
    rounds_summed: int = Field(1, ge=0)  # the same in an older state
    run: list[Any] = []  # family, data and seed


def unpack(path: Path, run: Any = None, data: bytes | None = None) -> tuple[dict[str, Tensor], About]:
    """A state that this run (its info) has stored. Raises `Refused` for what is missing or torn,
    and `Unfit` for what is not its."""
    try:
        tensors, told = wire.unpack_state(path.read_bytes() if data is None else data)
        about = About.model_validate(told)
    except FileNotFoundError as error:
        raise Refused(f"{path.name} is missing.") from error
    except Exception as error:  # of the many libraries that read it
        raise Refused(f"{path.name} cannot be read: it is damaged, or of another program.") from error
    if run and (about.run not in ([], identity(run)) or _built_otherwise(about.config, run)):
        raise Unfit(f"{path.name} is of another run.")
    return tensors, about


def _built_otherwise(config: dict[str, Any], run: Any) -> bool:
    """Whether a knob that never changes while a run trains is another one."""
    fixed = [name for name, knob in find(run.family).Config.knobs().items() if not knob.live]
    return any(config[k] != run.config[k] for k in fixed if k in config and k in run.config)


def identity(run: Any) -> list[Any]:
    """What all states of a run have in common, given its info."""
    return [run.family, run.data, run.seed]


class Stream:
    """A random stream of a run's own, which begins where the process's random numbers are now: many runs
    share a process, and none disturbs another."""

    def __init__(self, device: torch.device) -> None:
        self.devices = [torch.device("cpu"), *([device] if device.type != "cpu" else [])]
        self.states = [random_state(one) for one in self.devices]

    @contextmanager
    def flow(self) -> Iterator[None]:
        """Within, random numbers come from this stream."""
        for device, state in zip(self.devices, self.states, strict=True):
            set_random_state(state, device)
        yield
        self.states = [random_state(one) for one in self.devices]

    def restore(self, states: list[Tensor]) -> None:
        """Begin at stored states, of the CPU and maybe of another device. A run that was stored without one
        goes on with noise that follows from the CPU's state (engine/device.py)."""
        # one memory each: two devices may begin at one state, and a checkpoint shares no memory
        self.states = [states[min(i, len(states) - 1)].clone() for i in range(len(self.devices))]


def apart(steps: Iterator[T], device: torch.device) -> Iterator[T]:
    """The steps of something that is made bit by bit, in a random stream of its own that begins here."""
    own = Stream(device)
    while True:
        with torch.no_grad(), own.flow():
            step = next(steps, None)
        if step is None:
            return
        yield step


def tensors_of(model: Family, optimizers: Optimizers, stream: Stream) -> dict[str, Tensor]:
    """All tensors of a run's state under flat names: model/..., optimizer/PLAYER/I/KEY, random/I."""
    tensors = {f"model/{name}": t for name, t in model.state_dict().items()}
    tensors |= {f"random/{i}": t for i, t in enumerate(stream.states)}
    for player, optimizer in optimizers.items():
        for i, slots in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{player}/{i}/{key}": t for key, t in _flat(slots).items()}
    return tensors


def _flat(slots: dict[str, Any]) -> dict[str, Tensor]:
    """An optimizer's slots as tensors: L-BFGS has lists of them (`key[]`) and numbers (`key()`), too."""
    tensors = {}
    for key, value in slots.items():
        if isinstance(value, Tensor):
            tensors[key] = value
        elif isinstance(value, int | float):
            tensors[f"{key}()"] = torch.tensor(value, dtype=torch.float64)
        elif all(isinstance(one, Tensor) for one in value):  # other lists are scratch paper
            tensors[f"{key}[]"] = torch.stack(value) if value else torch.zeros(0)
    return tensors


def _slots(flat: dict[str, Tensor]) -> dict[str, Any]:
    """An optimizer's slots from the tensors that `_flat` made of them."""
    slots: dict[str, Any] = {}
    for key, tensor in flat.items():
        if key.endswith("()"):
            value = float(tensor)
            slots[key[:-2]] = int(value) if value.is_integer() else value
        else:
            slots[key.removesuffix("[]")] = list(tensor) if key.endswith("[]") else tensor
    return slots


def load_tensors(tensors: dict[str, Tensor], model: Family, optimizers: Optimizers, stream: Stream) -> None:
    """Put back what `tensors_of` took; the optimizers keep their present learning rates."""
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "random": {}, "optimizer": {}}
    for name, tensor in tensors.items():
        part, rest = name.split("/", 1)
        parts[part][rest] = tensor
    model.load_state_dict(parts["model"])
    stream.restore([parts["random"][str(i)] for i in range(len(parts["random"]))])
    for player, optimizer in optimizers.items():
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in parts["optimizer"].items():
            owner, i, key = name.rsplit("/", 2)
            if owner == player:
                slots.setdefault(int(i), {})[key] = tensor
        groups = optimizer.state_dict()["param_groups"]
        whole = {i: _slots(flat) for i, flat in slots.items()}
        optimizer.load_state_dict({"state": whole, "param_groups": groups})


def is_sound(model: Family, sums: dict[str, Tensor]) -> bool:
    """Whether all weights and losses are numbers."""
    return all(bool(t.isfinite().all()) for t in [*model.parameters(), *sums.values()])


def keyframe_rounds(model: Family, optimizers: Optimizers) -> tuple[set[int], set[int]]:
    """The rounds at which a run keeps a picture, and those at which it keeps its state, too."""
    a_decade = KEYFRAME_BYTES / size_of(model, optimizers) / 6
    # pictures from one that has a state to the next
    apart = 1 if a_decade >= 8 else 2 if a_decade >= 4 else 4 if a_decade >= 1 else 8
    spread = [math.ceil(10 ** (i / 8)) for i in range(8 * 7)]
    return set(spread), {0, *spread[::apart]}


def size_of(model: Family, optimizers: Optimizers) -> int:
    """Bytes of a state, about: what the model keeps, and what its optimizers keep for each weight."""
    held = sum(t.numel() * t.element_size() for t in model.state_dict().values())
    groups = [group for optimizer in optimizers.values() for group in optimizer.param_groups]
    slots = [(group["params"], 2 * group.get("history_size", 0) + 2) for group in groups]
    return held + sum(n * p.numel() * p.element_size() for params, n in slots for p in params)
