"""Several runs of one page that train in step from one seed, kept in the address as a, b, c."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import streamlit as st

from engine.config import Refused
from engine.family import Family
from lab.kit.address import keep, link
from lab.kit.plain import complain
from lab.runs import store
from lab.runs.supervisor import supervisor
from lab.visitor import who

NAMES = "abc"


class Wanted(NamedTuple):
    """What one of the runs is to be."""

    family: type[Family]
    data: str
    seed: int
    config: dict[str, Any]


def runs_together(wanted: Sequence[Wanted], fixed: Collection[str] = ()) -> list[str]:
    """The runs in the address, changed as the sliders say; or new ones. A run whose knobs in `fixed`
    began with other values is not the one that is wanted."""
    runs = _runs_in_address(wanted, fixed) or _start(wanted)
    for name, run_id in zip(NAMES, runs, strict=False):
        keep(name, run_id)
    with suppress(Refused):
        for before in st.session_state.get("_together", ()):
            if before not in runs:  # nobody looks at it now
                supervisor().do(before, who(), {"do": "pause"})
    st.session_state["_together"] = runs
    return runs


def _runs_in_address(wanted: Sequence[Wanted], fixed: Collection[str]) -> list[str]:
    """The runs in the address if they are the visitor's own and can take this setting; else none. For another
    visitor the same setting gives the same numbers, in runs that obey them."""
    named = [link().pop(name) for name in NAMES[: len(wanted)] if name in link()]
    runs = named or st.session_state.get("_together", [])
    try:
        infos = [store.read_info(store.folder(run_id)) for run_id in runs]
    except Refused as refusal:
        complain(f"{refusal} Here are new runs of this setting.")
        return []
    paces, owners = {info.pace for info in infos}, {info.owner for info in infos}
    if len(infos) != len(wanted) or len(paces) != 1 or paces == {""} or owners != {who()}:
        return []
    changes = [_changes(info, one, fixed) for info, one in zip(infos, wanted, strict=True)]
    if None in changes:
        return []
    for run_id, change in zip(runs, changes, strict=True):
        if change:
            supervisor().do(run_id, who(), {"do": "set", "values": change}, wait=True)
    return runs


def _changes(info: store.Info, one: Wanted, fixed: Collection[str]) -> dict[str, Any] | None:
    """What must be set in this run to be the one that is wanted; None where it must be a new one."""
    if (info.family, info.data, info.seed) != (one.family.name, one.data, one.seed):
        return None
    changed = {k: v for k, v in one.config.items() if info.config.get(k) != v}
    knobs = one.family.Config.knobs()
    return changed if all(knobs[k].live and k not in fixed for k in changed) else None


def _start(wanted: Sequence[Wanted]) -> list[str]:
    pace = secrets.token_hex(4)
    settings = [one._asdict() | {"family": one.family.name, "pace": pace} for one in wanted]
    return [supervisor().create(who(), **setting) for setting in settings]
