"""A wall: one run of N models that differ in one or two knobs, or in the seed, and train as one.

`Info.wall` has the axes, {"lr_D": [...], "lr_G": [...]}: first the rows, then the columns. A wall of one
axis has no columns. All other runs have no axes and are untouched by what is here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from typing import Any

from torch import Tensor

from engine import stack
from engine.config import Config, Refused
from engine.data import Dataset
from engine.family import Batch, Family
from engine.metrics import observe as measuring
from engine.metrics.measure import LEFT_OUT, Source, Steps, at_once, declared, taken_in_steps
from engine.metrics.ruler import SAMPLES, ruler
from engine.space import Line, Picture, Space
from lab.runs.store import Info
from lab.scenes.wall import lost

MOST = 64  # members
AXES = 2

Axes = Mapping[str, Sequence[float]]


def members(axes: Axes) -> list[dict[str, float]]:
    """What each member has of its own, row by row."""
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def count(axes: Axes) -> int:
    """How many members there are; 0 for what is no wall."""
    return math.prod(map(len, axes.values())) if axes else 0


def check(family: type[Family], space: Space, config: Config, axes: Axes) -> tuple[list[Config], list[int]]:
    """The config of each member, and its seed or -1. Raises `Refused` for what cannot be a wall."""
    knobs = family.Config.knobs()
    if not 1 <= len(axes) <= AXES:
        raise Refused(f"A wall has one axis or {AXES}, not {len(axes)}.")
    if isinstance(space, Line):
        raise Refused("A wall shows points in the plane or pictures; choose other data.")
    for name, values in axes.items():
        if name != "seed" and name not in knobs:
            raise Refused(f"There is no knob {name!r}; a wall can vary {', '.join(choices(family))}.")
        if not values or len(set(values)) < len(values):
            raise Refused(f"{name} needs a list of values, each of them once.")
    if (n := count(axes)) > MOST:
        raise Refused(f"This wall would have {n:,} members; {MOST} is the most. Take values away.")
    seeds = axes.get("seed", ())
    if not all(isinstance(seed, int) and 0 <= seed < 2**32 for seed in seeds):
        raise Refused("A seed is a whole number from 0 to 4294967295.")
    own = members(axes)
    configs = [config.change({k: v for k, v in one.items() if k != "seed"}) for one in own]
    stack.check_stackable(family, configs)
    return configs, [int(one.get("seed", -1)) for one in own]


def choices(family: type[Family]) -> list[str]:
    """What may differ among the members."""
    return [*family.stackable, "seed"]


def model_of(family: type[Family], config: Config, space: Space, info: Info) -> Family:
    """The model that a run trains: one, or a wall of them."""
    if not info.wall:
        return family(config, space)
    configs, seeds = check(family, space, config, info.wall)
    return stack.stack(family, configs, space, [info.seed if seed < 0 else seed for seed in seeds])


def batch_of(model: Family, data: Dataset, seed: int, round: int, size: int | None = None) -> Batch:
    """What the model meets in this round; so many examples, if `size` is not that of its config."""
    size = size or model.config.batch
    if not model.members:
        return data.batch(size, seed, round)
    return stack.batch_of(data, size, model.seeds, round)  # type: ignore[arg-type]


def check_set(info: Info, names: Collection[str]) -> None:
    """Raises `Refused` if one of these knobs differs among the members."""
    if swept := [name for name in names if name in info.wall]:
        raise Refused(f"{', '.join(swept)} differs within this wall; choose other values for a new wall.")


def mean(total: Tensor, turns: int) -> float | list[float | None]:
    """The mean of a term over turns; or a list with one a member, None for what is not a number."""
    sums = total.tolist()
    if isinstance(sums, float):
        return sums / turns
    return finite([v / turns for v in sums])


def diverged(row: Mapping[str, Any], n: int) -> bool:
    """Whether a row of one model (n = 0) has something that is not a number, or one of n members for each."""
    return len(lost(row)) == n if n else not all(map(math.isfinite, row.values()))


def observe(model: Family, data: Dataset) -> dict[str, Any]:
    """What is measured of a model, or of each member; None stands for what a member does not have."""
    return at_once(observe_in_steps(model, data))


def observe_in_steps(model: Family, data: Dataset) -> Steps:
    """The same step by step."""
    if not model.members:
        return (yield from measuring.observe_in_steps(model, data))
    sources: list[Source] = [("What the models make of test examples", lambda: _held_out(model, data))]
    if not isinstance(data.space, Picture):
        sources.append(("The quality of the samples", lambda: _quality(model, data)))
    return (yield from taken_in_steps(sources))


def _held_out(model: Family, data: Dataset) -> dict[str, Any]:
    told = measuring.held_out(model, data)
    said = {LEFT_OUT: told.pop(LEFT_OUT)} if LEFT_OUT in told else {}
    return said | {name: finite(values) for name, values in told.items() if declared(name).draw != "bars"}


def _quality(model: Family, data: Dataset) -> Steps:
    held, scored = ruler(data), []
    for x in model.sample(SAMPLES):
        scored.append(held.measure(x) if x.isfinite().all() else {})
        yield
    names = dict.fromkeys(name for scores in scored for name in scores)
    return {name: [scores.get(name) for scores in scored] for name in names}


def finite(values: list[float]) -> list[float | None]:
    """The values, with None for those that are no finite numbers."""
    return [value if math.isfinite(value) else None for value in values]
