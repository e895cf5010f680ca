"""Probes: what a page may ask the model of a run. `ask(model, data, "nearest", {"seed": 3})`.

A probe is a function of a module `..._probe.py` of a subject's folder, named in its `__all__`: it takes a
model of the type that it serves, the data, and arguments from the page, which it checks. It answers with
arrays, numbers and text. One that is a generator answers part by part.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import torch

from engine.config import Refused
from engine.data import Dataset
from engine.device import seed
from engine.dispatch import modules, serving
from engine.family import Family
from engine.space import Picture
from lab.runs.state import apart

Answer = dict[str, Any]
"""Named arrays (pictures in bytes), numbers, words, and lists of these."""


@torch.no_grad()
def ask(model: Family, data: Dataset, name: str, arguments: dict[str, Any]) -> Answer | Iterator[Answer]:
    """What this model answers now, or the parts of it. Raises `Refused` for a question it cannot be asked.

    Probes run outside the run's random stream, from a fixed seed: the same question to the same
    model has the same answer.
    """
    known = questions(type(model))
    if (probe := known.get(name)) is None:
        words = ", ".join(known) or "none"
        raise Refused(f"{model.title} cannot be asked {name[:40]!r}; it knows {words}.")
    try:
        inspect.signature(probe).bind(model, data, **arguments)
    except TypeError as error:
        _, _, *takes = inspect.signature(probe).parameters
        raise Refused(f"{name} was asked wrongly; it takes {', '.join(takes) or 'nothing'}.") from error
    if not all(weight.isfinite().all() for weight in model.parameters()):
        raise Refused("This model has diverged and holds no numbers; rewind or reset the run first.")
    seed(0, data.x.device)
    if inspect.isgeneratorfunction(probe):
        # of the model as it is now: it may train on
        parts = apart(probe(deepcopy(model), data, **arguments), data.x.device)
        return ({"part": number} | part for number, part in enumerate(parts))
    answer: Answer = probe(model, data, **arguments)
    return answer


def questions(model: type[Family]) -> dict[str, Callable[..., Any]]:
    """What models of this type may be asked, and who answers."""
    names = sorted({name for module in modules("probe", "lab") for name in getattr(module, "__all__", ())})
    served = {name: serving("probe", "lab", name, model) for name in names}
    return {name: functions[0] for name, functions in served.items() if functions}


def whole(value: Any, name: str, low: int, high: int) -> int:
    """A whole number from `low` to `high`. Raises `Refused`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Refused(f"{name} is {str(value)[:40]!r}; it must be a whole number from {low:,} to {high:,}.")
    return value


def real(value: Any, name: str, low: float, high: float) -> float:
    """A number from `low` to `high`. Raises `Refused`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Refused(f"{name} is {str(value)[:40]!r}; it must be a number from {low:g} to {high:g}.")
    return float(value)


def seed_of(value: Any, name: str = "seed") -> int:
    """A seed. Raises `Refused`."""
    return whole(value, name, 0, 2**32 - 1)


def only_pictures(data: Dataset) -> None:
    """Raises `Refused` for other data."""
    if not isinstance(data.space, Picture):
        raise Refused("This can be asked of pictures only; choose digits or other pictures as the data.")
