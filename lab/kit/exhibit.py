"""What is on a stage before anything trains: a recording of the setting, or its model at rest, at round 0."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import cache
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import streamlit as st

from engine import data
from engine.config import Refused
from engine.family import Family
from lab.runs import store
from lab.runs.supervisor import supervisor
from lab.visitor import who

Made = TypeVar("Made")


class Wanted(NamedTuple):
    """What a run is to be."""

    family: type[Family]
    data: str
    seed: int
    config: dict[str, Any]
    wall: Mapping[str, Sequence[float]] = {}

    def info(self) -> dict[str, Any]:
        return self._asdict() | {"family": self.family.name}


@cache
def shipped() -> list[tuple[str, store.Info]]:
    """The runs that ship with the lab."""
    infos = sorted(file for place in store.recordings() for file in place.glob("*/run.json"))
    return [(file.parent.name, store.read_info(file.parent)) for file in infos]


def recording_of(one: Wanted) -> str:
    """The recording of this very setting; empty where there is none."""
    return next((at for at, info in shipped() if changes(info, one) == {}), "")


def changes(info: store.Info, one: Wanted, fixed: Collection[str] = ()) -> dict[str, Any] | None:
    """What must be set in this run to be the one that is wanted; None where it must be another run. A run
    whose knobs in `fixed` began with other values is another one. What does nothing may differ."""
    if (info.family, info.data, info.seed) != (one.family.name, one.data, one.seed):
        return None
    if list(info.wall.items()) != list(one.wall.items()):
        return None
    space = data.load(one.data).space
    config = one.family.configure(space, one.config).effective(space)
    knobs = one.family.Config.knobs()
    before = {k: knobs[k].default for k in config} | info.config  # a run may be older than a knob
    changed = {k: v for k, v in config.items() if k not in info.wall and before[k] != v}
    return changed if all(knobs[k].live and k not in fixed for k in changed) else None


def mine(run_ids: Sequence[str]) -> list[store.Info]:
    """These runs, if all are there and the visitor's own; else none."""
    infos = []
    with suppress(Refused):
        infos = [store.read_info(store.folder(run_id)) for run_id in run_ids]
    return infos if all(info.owner == who() for info in infos) else []


def at_rest(wanted: Sequence[Wanted], key: str, fixed: Collection[str] = (), pace: str = "") -> list[str]:
    """Runs at round 0 that wait for Train: those that the session keeps under `key`, changed as the sliders
    say, or new ones. One that is replaced before it has trained is removed."""
    before = st.session_state.get(key, [])
    infos = mine(before)
    if len(infos) == len(wanted) and all(info.state == "ready" for info in infos):
        settings = [changes(info, one, fixed) for info, one in zip(infos, wanted, strict=True)]
        if None not in settings:
            for run_id, values in zip(before, settings, strict=True):
                if values:
                    supervisor().do(run_id, who(), {"do": "set", "values": values}, wait=True)
            return list(before)
    new = [supervisor().ready(who(), pace=pace, **one.info()) for one in wanted]
    st.session_state[key] = new
    for run_id in before:
        supervisor().discard(run_id)
    return new


def once(press: int, make: Callable[[], Made]) -> Made:
    """In a callback: what `make` gives, made once for this press. The stage tells a press again where no
    answer comes for long, and Streamlit may call the callback meanwhile, in another thread."""
    making, made = st.session_state.setdefault("_made", (Lock(), {}))
    with making:
        if press not in made:
            new = make()
            made.clear()
            made[press] = new
        return made[press]


def begun(key: str) -> list[str]:
    """The runs that waited under `key`, if one of them waits no more."""
    waited = st.session_state.get(key, [])
    return list(waited) if any(info.state != "ready" for info in mine(waited)) else []
