"""A run's setting in words: the model, the data, and the knobs that differ from the usual."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from engine import data
from engine.config import Refused
from engine.families import find
from lab.kit.numbers import short
from lab.runs import store


def title_of(info: store.Info) -> str:
    """The model and its data; what this lab does not know is called as the run calls it."""
    try:
        family = find(info.family).title
    except Refused:
        family = info.family
    return f"{family}{', wall' if info.wall else ''} on {_data_title(info.data)}"


def setting_of(info: store.Info) -> str:
    """The knobs that differ from the usual, the axes of a wall, and the seed."""
    told = [f"{_label(info.family, name)} {', '.join(map(_value, axis))}" for name, axis in info.wall.items()]
    usual = _usual(info.family, info.data)
    for name, value in info.config.items():
        if usual and name not in info.wall and usual.get(name) != value:
            told.append(f"{_label(info.family, name)} {_value(value)}")
    told += [f"seed {info.seed}"] if info.seed else []
    return ", ".join(told) or ("usual setting" if usual else "")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return short(value) if isinstance(value, float) else str(value)


@lru_cache(256)
def _usual(family: str, name: str) -> Mapping[str, Any]:
    """The usual values of all knobs; none where the model or the data are not known here."""
    if any(choice.name == name and choice.needs_network for choice in data.names()):
        return {}  # to look at a list fetches nothing
    try:
        values: dict[str, Any] = find(family).configure(data.load(name).space).model_dump()
    except (Refused, OSError):
        return {}
    return values


@lru_cache(256)
def _data_title(name: str) -> str:
    titles = {choice.name: choice.title for choice in data.names()}
    return titles.get(name, name)


def _label(family: str, name: str) -> str:
    try:
        return find(family).Config.knobs()[name].label
    except (Refused, KeyError):
        return name
