"""Ways from one vector to another, and sums of vectors: the same for noise, for codes and for what flows make
of pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from engine.config import Refused
from lab.probes import Answer, whole
from lab.scenes.arrays import pictures


def arc(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """From a (t = 0) to b (t = 1), (n, d): the direction turns evenly (Shoemake 1985) and the length goes
    evenly, so |z| never leaves the range of the ends'. Vectors on one line have no arc: a straight line."""
    u, v = a / a.norm(), b / b.norm()
    angle = (u @ v).clamp(-1, 1).acos()
    if not angle.sin() > 1e-3:  # float32 knows an angle near 0 or pi no better
        return torch.lerp(a, b, t)
    turned = (((1 - t) * angle).sin() * u + (t * angle).sin() * v) / angle.sin()
    return torch.lerp(a.norm(), b.norm(), t) * turned


def ways(a: Tensor, b: Tensor, t: Tensor) -> dict[str, Tensor]:
    """The straight line and the arc from a to b, (n, d) each, by name."""
    return {"linear": torch.lerp(a, b, t), "spherical": arc(a, b, t)}


def along(ways: dict[str, Tensor], draw: Callable[[Tensor], Tensor]) -> Answer:
    """What is drawn on these `ways`, and the lengths of their vectors."""
    answer: Answer = {name: pictures(draw(z)) for name, z in ways.items()}
    return answer | {f"{name} norm": z.norm(dim=1).cpu().numpy() for name, z in ways.items()}


def summed(z: Tensor, groups: dict[str, list[int]], draw: Callable[[Tensor], Tensor]) -> Answer:
    """The mean z of groups A, B and C and A - B + C of these, each drawn, with their lengths."""
    means = {name: z[group].mean(0) for name, group in groups.items()}
    result = means["A"] - means["B"] + means["C"]
    drawn = pictures(draw(torch.stack([*means.values(), result])))
    answer: Answer = {f"mean {name}": drawn[i] for i, name in enumerate(groups)}
    answer |= {f"norm mean {name}": mean.norm().item() for name, mean in means.items()}
    return answer | {"result": drawn[3], "norm result": result.norm().item()}


def chosen(groups: list[Any], one: str, count: int) -> dict[str, list[int]]:
    """Groups A, B and C of places on a sheet of `count`; `one` is what lies there. Raises `Refused`."""
    places = {}
    for name, group in zip("ABC", groups, strict=True):
        if not isinstance(group, list) or not group or len(set(map(str, group))) < len(group):
            raise Refused(f"Group {name} needs at least one {one}, and each only once.")
        places[name] = [whole(index, f"A {one} of group {name}", 0, count - 1) for index in group]
    return places
