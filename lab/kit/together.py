"""Several runs of one page that train in step from one seed, kept in the address as a, b, c."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from engine.config import Refused
from lab.kit.address import keep, link
from lab.kit.exhibit import Wanted, at_rest, begun, changes, once, recording_of
from lab.kit.plain import complain
from lab.runs import store
from lab.runs.supervisor import supervisor
from lab.stage import pair
from lab.visitor import who

NAMES = "abc"


WAITING = "_together_at_rest"  # the runs of the session that wait for Train


def runs_together(wanted: Sequence[Wanted], fixed: Collection[str] = ()) -> list[str]:
    """The runs in the address, changed as the sliders say; or recordings of all these settings; or runs at
    rest, which come into the address when they train. A run whose knobs in `fixed` began with other values is
    not the one that is wanted."""
    if waited := begun(WAITING):
        _take(waited)
    if runs := _runs_in_address(wanted, fixed):
        for name, run_id in zip(NAMES, runs, strict=False):
            keep(name, run_id)
    else:
        recordings = [recording_of(one) for one in wanted]
        runs = recordings if all(recordings) else at_rest(wanted, WAITING, fixed, secrets.token_hex(4))
    with suppress(Refused):
        for before in st.session_state.get("_together", ()):
            if before not in runs:  # nobody looks at it now
                supervisor().do(before, who(), {"do": "pause"})
    st.session_state["_together"] = runs
    return runs


def pair_of_runs(runs: Sequence[str], wanted: Sequence[Wanted], **how: Any) -> None:
    """These runs side by side, in a fragment; when they begin to train, they come into the address."""
    if begun(WAITING) or st.session_state["_together"] != runs:
        st.rerun()
    pair(runs, on_train=lambda press: _train(wanted, press), **how)


def _train(wanted: Sequence[Wanted], press: int) -> None:
    """In a callback: new runs of these settings train in step."""
    pace = secrets.token_hex(4)
    _take(once(press, lambda: [supervisor().create(who(), pace=pace, **one.info()) for one in wanted]))


def _take(runs: Sequence[str]) -> None:
    """Show these runs, which have begun to train, from the coming rerun on."""
    st.session_state.pop(WAITING, None)
    st.session_state["_together"] = list(runs)


def _runs_in_address(wanted: Sequence[Wanted], fixed: Collection[str]) -> list[str]:
    """The runs in the address if they are the visitor's own and can take this setting; else none. Another
    visitor gets this setting at rest, in runs that obey them."""
    named = [link().pop(name) for name in NAMES[: len(wanted)] if name in link()]
    runs = named or st.session_state.get("_together", [])
    try:
        infos = [store.read_info(store.folder(run_id)) for run_id in runs]
    except Refused as refusal:
        complain(f"{refusal} Here is this setting anew.")
        return []
    paces, owners = {info.pace for info in infos}, {info.owner for info in infos}
    if len(infos) != len(wanted) or len(paces) != 1 or paces == {""} or owners != {who()}:
        return []
    settings = [changes(info, one, fixed) for info, one in zip(infos, wanted, strict=True)]
    if None in settings or all(info.state == "ready" for info in infos):  # one may begin before the others
        return []
    for run_id, values in zip(runs, settings, strict=True):
        if values:
            supervisor().do(run_id, who(), {"do": "set", "values": values}, wait=True)
    return runs
