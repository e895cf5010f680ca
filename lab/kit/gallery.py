"""Failures and cures: a press trains the failure on the stage, another applies a cure to that very run."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engine import data
from engine.config import Refused
from engine.families import find
from engine.family import Family
from lab.kit.exhibit import Wanted, changes
from lab.kit.plain import complain, link
from lab.kit.room import Room, show, train
from lab.kit.subject import Cure, Failure
from lab.runs import store
from lab.runs.supervisor import supervisor
from lab.visitor import who

CURE, NO_CURE = ":material/check_circle:", ":material/cancel:"
IN_PLACE = "Copies the sick run and sets this in the copy, which goes on from the same weights."
ANEW = "Trains a new model with this setting, from the same seed."


def gallery(room: Room, failures: Sequence[Failure]) -> None:
    """A card for each failure: what will be seen, the button that trains it, and what cures it or not."""
    run = store.read_info(store.folder(room.run))
    for failure in failures:
        sick = _setting(failure, seed=run.seed)
        is_shown = changes(run, sick) == {} and not store.is_recording(store.folder(room.run))
        with st.container(border=True):
            st.markdown(f"**{failure.title}**  \n{failure.seen}")
            if failure.family != room.family.name:
                _elsewhere("See it fail", failure.address())
            elif is_shown and run.state != "ready":
                st.caption(":material/visibility: This is the run on the stage. Apply a cure to it:")
            else:
                st.button("See it fail", key=f"fail {failure.title}", icon=":material/play_arrow:",
                          help="Trains this setting on the stage.", on_click=train, args=(sick,))  # fmt: skip
            for cure in failure.cures:
                _offer(room, failure, cure, run if is_shown else None)


def _offer(room: Room, failure: Failure, cure: Cure, sick: store.Info | None) -> None:
    """The button that applies a cure, and why it helps or does not."""
    if failure.of(cure)[0] != room.family.name:
        _elsewhere(cure.change, failure.address(cure), CURE if cure.cures else NO_CURE)
    else:
        here = sick is not None and in_place(cure, room.family)
        st.button(
            cure.change, key=f"{failure.title}: {cure.change}", icon=CURE if cure.cures else NO_CURE,
            help=IN_PLACE if here else ANEW, on_click=_apply, args=(room, failure, cure, here),
        )  # fmt: skip
    st.caption(f"{'Cure' if cure.cures else 'No cure'}: {cure.why}.")


def in_place(cure: Cure, family: type[Family]) -> bool:
    """Whether a model of this family that has failed can be given this cure, and recovers by it."""
    knobs = family.Config.knobs()
    return cure.heals and all(knobs[name].live for name in cure.knobs)


def _elsewhere(title: str, address: str, icon: str = ":material/open_in_new:") -> None:
    st.link_button(title, link(address), icon=icon, help="Opens the room of another model in a new tab.")


def _apply(room: Room, failure: Failure, cure: Cure, here: bool) -> None:
    """In a callback: the sick run goes on with the cure, or a new one begins with it."""
    seed = store.read_info(store.folder(room.run)).seed
    if not here:
        train(_setting(failure, cure, seed))
        return
    try:
        copy = supervisor().fork(room.run, who())
        supervisor().do(copy, who(), {"do": "set", "values": dict(cure.knobs)}, wait=True)
        supervisor().do(copy, who(), {"do": "play"})
        show(copy)
    except Refused as refusal:
        complain(refusal)


def _setting(failure: Failure, cure: Cure | None = None, seed: int = 0) -> Wanted:
    name, knobs = failure.of(cure)
    family = find(name)
    config = family.configure(data.load(failure.data).space, knobs).model_dump()
    return Wanted(family, failure.data, seed, config)
