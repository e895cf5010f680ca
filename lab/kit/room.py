"""A room: a family's page, whose setting decides which run is on the stage."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import data
from engine.config import Refused
from engine.families import families
from engine.family import Family
from engine.space import Space
from lab.kit.address import keep, write
from lab.kit.address import link as linked
from lab.kit.exhibit import Wanted, at_rest, begun, changes, mine, once, recording_of
from lab.kit.layout import bench, heading, lay_out, present, presented
from lab.kit.plain import complain, link, plain
from lab.kit.setting import Setting, adopt, choose, usual_data, widget
from lab.kit.share import share
from lab.kit.subject import Under, effort, recordings, words_of
from lab.runs import store
from lab.runs.supervisor import supervisor
from lab.stage import looked_at, stage
from lab.visitor import who

# the widgets of a wall: what differs from row to row, and its values
AXES = {"rows": "row_values", "columns": "column_values"}
WAITING = "_at_rest"  # the run of the session that waits for Train
BESIDE = "_beside"  # the run of the session that trains on while its recording is shown


Area = AbstractContextManager[Any]
"""Of a page: `with` it, what is drawn is drawn there."""


class Room(NamedTuple):
    """What a page's tabs may speak of."""

    family: type[Family]
    run: str
    space: Space  # of the data
    live: bool  # it has a model to ask; only a recording that somebody brought may have none
    below: Area = nullcontext()  # under the stage
    tools: Area = nullcontext()  # beside the stage, where the tabs are
    round: int | None = None  # the kept round that the stage looks at; None: the newest


def room(family: type[Family], *, data_name: str = "", sentence: str) -> Room:
    """Title, one sentence, sliders, and the stage, already moving. The family's subject says all else."""
    words = words_of(family)
    left, tools = bench()
    with left:
        heading(family.title, sentence)
        notes = st.container()  # a phone hides the sidebar, but must not hide what is wrong
        _adopt_linked_run(family, notes)
        picture, below = st.container(), st.container()  # what is below is read first
    apart = partial(_draw_under, family, below, words.under) if words.under else None
    setting = choose(family, data_name or usual_data(family), notes=notes, apart=apart)
    if setting is None:
        write(notes, "This room")
        st.stop()
    run_id = show_run(family, setting, notes)
    chosen = data.load(setting.data)
    kind = chosen.space.kind
    legend = words.legends.get(kind if chosen.target else f"{kind} alone", words.legends.get(kind, ()))
    with picture:
        stage(
            run_id, key="stage", legend=legend, players=family.players, labels=words.labels,
            graph=words.graph, charts=words.charts, told=True,
            presented=presented(), on_present=partial(lay_out, not presented()),
            effort=effort(family, setting.data), beside=_beside(run_id, family, setting),
            on_fork=show, on_train=lambda press: train(_wanted(family, setting), press),
            on_beside=lambda: _turn(run_id, family, setting),
        )  # fmt: skip
    with left:
        if chosen.note:
            st.caption(plain(chosen.note))
        compare = link(f"/compare?family={family.name}&{address(family, *setting[:3])}")
        share(run_id, family.name, setting.data, compare)
        if presented():
            present(family.Config.knobs().values())
    return Room(
        family, run_id, chosen.space, store.has_model(store.folder(run_id)), below, tools, looked_at("stage")
    )


def _draw_under(
    family: type[Family], place: DeltaGenerator, under: Under, defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of the knobs under the stage, which are drawn there."""
    knobs, values = family.Config.knobs(), {name: defaults[name] for name in under.names}
    with place.container(border=True):
        st.markdown(f"**{under.title}**")
        for row in under.rows():
            for name, column in zip(row, st.columns(len(row)), strict=True):
                with column:
                    values[name] = widget(knobs[name], defaults[name])
    return values


def _adopt_linked_run(family: type[Family], notes: DeltaGenerator, wall: bool = False) -> None:
    """A link that names a run shows that run's setting, whatever else it says; if there is no such run here,
    it shows what else it says. Back and Forward give one's own run the live knobs that it had."""
    run_id = linked().pop("run", "")
    if not run_id:
        return
    try:
        info = store.read_info(store.folder(run_id))
        if info.family != family.name:
            raise Refused(f"Run {info.id} is of another family: open it on the page of {info.family}.")
        if bool(info.wall) != wall:
            is_one, page = ("a", "wall") if info.wall else ("no", info.family)
            raise Refused(f"Run {info.id} is {is_one} wall: open it at /{page}?run={info.id}.")
        st.session_state["_recipe"] = family.recipe(data.load(info.data).space)
    except Refused as refusal:
        complain(f"{refusal} Here is the setting that the link names.", notes)
        return
    st.session_state["_run"] = run_id
    rewritten = st.session_state.setdefault("_rewritten", [])  # links that did not say the run's own setting
    if st.session_state.get("_back") and info.owner == who() and (run_id, linked()) not in rewritten:
        return
    rewritten.append((run_id, dict(linked())))
    for name in (*family.Config.knobs(), "data", "seed", *AXES, *AXES.values()):
        linked().pop(name, None)
    _take_over(info)


def show_run(family: type[Family], setting: Setting, notes: DeltaGenerator) -> str:
    """The run for this setting, and the address of both; if there can be none, say why and stop."""
    try:
        return _run_of(family, setting)
    except Refused as refusal:
        complain(refusal)
        st.stop()
    finally:
        keep("run", st.session_state.get("_run"))
        write(notes, "This wall" if setting.wall else "This room")


def _run_of(family: type[Family], setting: Setting) -> str:
    """The run in the address, changed as the sliders say; else a recording of this very setting, or its model
    at rest, which comes into the address when it trains."""
    if waited := begun(WAITING):
        _open(*waited)
    one = _wanted(family, setting)
    if run_id := st.session_state.get("_run"):
        info = store.read_info(store.folder(run_id))
        values = changes(info, one)
        if values == {}:
            return run_id
        if values and info.owner == who():
            supervisor().do(run_id, who(), {"do": "set", "values": values}, wait=True)
            return run_id
        _rest()
    return recording_of(one) or at_rest([one], WAITING)[0]


def _wanted(family: type[Family], setting: Setting) -> Wanted:
    config = family.configure(data.load(setting.data).space, setting.config).model_dump()
    return Wanted(family, setting.data, setting.seed, config, setting.wall)


def address(family: type[Family], name: str, seed: int, config: Mapping[str, Any]) -> str:
    """A setting as an address has it: the data, and what is not the default."""
    usual = family.configure(data.load(name).space).model_dump()
    own = {knob: value for knob, value in config.items() if value != usual[knob]}
    return urlencode({"data": name} | ({"seed": seed} if seed else {}) | own)


def _open(run_id: str) -> None:
    """Put this run on the stage; the one that was there rests."""
    if run_id != st.session_state.get("_run"):
        _rest()
    if st.session_state.get(WAITING) == [run_id]:
        del st.session_state[WAITING]
    st.session_state["_run"] = run_id


def _rest() -> None:
    """The visitor's run that was on the stage rests, because nobody looks at it now."""
    with suppress(Refused):
        if before := st.session_state.pop("_run", None):
            supervisor().do(before, who(), {"do": "pause"})


def values_of(info: store.Info) -> dict[str, Any]:
    """What the widgets show for this run."""
    knobs = families()[info.family].Config.knobs()
    values = {k: v for k, v in info.config.items() if k in knobs and k not in info.wall}
    values |= {"data": info.data, "seed": info.seed}
    names = [*info.wall, "none"][:2]
    for (side, listed), name in zip(AXES.items(), names if info.wall else (), strict=False):
        values |= {side: name, listed: ", ".join(f"{v:g}" for v in info.wall.get(name, ()))}
    return values


def _take_over(info: store.Info) -> None:
    """Let the widgets show the setting of this run, whose data may have other defaults than those before."""
    st.session_state["_recipe"] = families()[info.family].recipe(data.load(info.data).space)
    adopt(values_of(info))


def show(run_id: str) -> None:
    """In a callback: show this run from the coming rerun on, with its own setting."""
    _take_over(store.read_info(store.folder(run_id)))
    _open(run_id)


def train(one: Wanted, press: int | None = None) -> None:
    """In a callback: a run of this setting trains, and is shown; one for a press on the stage."""
    make = lambda: supervisor().create(who(), **one.info())  # noqa: E731
    try:
        show(make() if press is None else once(press, make))
    except Refused as refusal:
        complain(refusal)


def _beside(run_id: str, family: type[Family], setting: Setting) -> str:
    """What one press puts on the stage instead: a "recording" of this room, or the "run" that was there."""
    if store.is_recording(store.folder(run_id)):
        return "run" if mine([st.session_state.get(BESIDE, "")]) else ""
    return "recording" if _exhibit(family, setting.data) else ""


def _exhibit(family: type[Family], name: str) -> str:
    """The recording of this model with these data, or with the data that the room opens with."""
    own = {
        one.data: at for at, (one, _) in recordings().items() if one.family == family.name and not one.knobs
    }
    return own.get(name) or own.get(usual_data(family), "")


def _turn(run_id: str, family: type[Family], setting: Setting) -> None:
    """In a callback: the recording of the room, while one's run trains on; or that run again."""
    if store.is_recording(store.folder(run_id)):
        show(st.session_state[BESIDE])
        return
    # in both places, because a callback that was cut short is called again
    own = run_id in (st.session_state.get("_run"), st.session_state.get(BESIDE))
    st.session_state[BESIDE] = run_id if own else ""
    st.session_state.pop("_run", None)
    _take_over(store.read_info(store.folder(_exhibit(family, setting.data))))
