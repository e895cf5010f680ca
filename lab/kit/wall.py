"""The room of the wall: what differs among its members, the stage, and the scores as a table of links."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from html import escape
from typing import Any, NamedTuple
from urllib.parse import urlencode

import streamlit as st

from engine import data
from engine.config import Refused
from engine.families import families
from engine.family import Family
from engine.metrics.measure import Measure
from lab.kit.address import asked, keep, write
from lab.kit.address import link as linked
from lab.kit.layout import bench, heading
from lab.kit.plain import complain, link
from lab.kit.room import AXES, Area, _adopt_linked_run, _wanted, show, show_run, train
from lab.kit.setting import Setting, choose, choose_family, usual_data
from lab.kit.share import share
from lab.kit.subject import words_of
from lab.runs import store, wall
from lab.scenes.wall import ends, measured
from lab.stage import stage

SMALLER = {  # quick, and enough, by kind of data
    "points": {"width_G": 32, "width_D": 32, "depth_G": 2, "depth_D": 2, "width": 32, "batch": 64},
    "image": {"width": 64, "depth": 1, "batch": 64},
}
SEEDS = 9
NONE = "none"
USUAL = {"rows": ("lr_D", "beta", "amount", "lr"), "columns": ("lr_G", NONE)}  # the first that is a choice
TITLES = {"rows": "From row to row", "columns": "From column to column"}
NEWEST = 400_000  # bytes of rows, in which there is a measurement


class Wall(NamedTuple):
    """What the page may speak of."""

    family: type[Family]
    run: str
    setting: Setting
    tools: Area  # beside the stage, where the tabs are


def wall_room(*, legends: Mapping[str, Sequence[Any]], sentence: str) -> Wall:
    """Title, one sentence, what differs, and the stage; a press of a panel opens it as a run."""
    left, tools = bench()
    with left:
        heading("The sweep wall", sentence)
        return _draw(legends, tools)


def _draw(legends: Mapping[str, Sequence[Any]], tools: Area) -> Wall:
    notes = st.container()
    known = {name: family for name, family in families().items() if family.stacked}
    with suppress(Refused):  # a link to a run says its model; the room will say what is wrong with it
        name = store.read_info(store.folder(linked().get("run", ""))).family
        if name in known:
            linked()["family"] = name
    family = choose_family(known)
    _adopt_linked_run(family, notes, wall=True)
    setting = choose(family, usual_data(family), notes=notes, smaller=SMALLER, apart=_swept)
    if setting is None:
        write(notes, "This wall")
        st.stop()
    axes = _choose_axes(family)
    chosen = data.load(setting.data)
    try:
        setting = setting._replace(wall=_axes_of(axes))
        config = family.configure(chosen.space, setting.config)
        wall.check(family, chosen.space, config, setting.wall)
    except Refused as refusal:
        complain(refusal)
        write(notes, "This wall")
        st.stop()
    for name, where in config.without_effect(chosen.space).items():
        if name in setting.wall:
            st.info(f"{name} changes nothing in this setting: it counts {where}.")
    run_id = show_run(family, setting, notes)
    kind = chosen.space.kind
    plain = "" if "belief" in family.stacked or kind == "image" else " without D"
    stage(
        run_id, key="stage", legend=legends.get(kind + plain, ()), players=family.players,
        on_fork=show, on_train=lambda press: train(_wanted(family, setting), press),
        links=addresses(family, setting),
    )  # fmt: skip
    share(run_id, f"{family.name}-wall", setting.data)
    return Wall(family, run_id, setting, tools)


def _swept(defaults: dict[str, Any]) -> dict[str, Any]:
    """What differs: it has values instead of a slider."""
    return {name: defaults.get(name, 0) for name in (asked(side, first(side, defaults)) for side in AXES)}


def first(side: str, knobs: Collection[str]) -> str:
    """What differs from row to row, or from column to column, where nothing else is asked for."""
    return next(name for name in USUAL[side] if name == NONE or name in knobs)


def _choose_axes(family: type[Family]) -> list[tuple[str, str]]:
    """Name and values, as text, of the rows and of the columns."""
    axes, knobs = [], family.Config.knobs()
    for (side, listed), column in zip(AXES.items(), st.columns(2), strict=True):
        options = wall.choices(family) + [NONE] * (side == "columns")
        default = first(side, options)
        if (name := asked(side, default)) not in options:
            complain(f"A wall cannot vary {name[:40]!r}; choose one of {', '.join(options)}.")
            name = st.session_state[side] = default
        asked(listed, usual(family, name))
        says = {n: knobs[n].label if n in knobs else n.capitalize() for n in options}
        with column, st.container(horizontal=True):
            name = st.selectbox(
                TITLES[side], options, format_func=says.__getitem__, key=side,
                on_change=_usual_values, args=(family, side),
            )  # fmt: skip
            label = "Values"
            text = st.text_input(label, key=listed, max_chars=600, disabled=name == NONE)
        axes.append((name, text))
        keep(side, name, default)
        keep(listed, text, usual(family, name))
    return axes


def _usual_values(family: type[Family], side: str) -> None:
    """In a callback: another knob begins with other values."""
    st.session_state[AXES[side]] = usual(family, st.session_state[side])


def usual(family: type[Family], name: str) -> str:
    """Values to begin with: seeds; around the default of a logarithmic knob; from end to end of others."""
    if name == NONE:
        return ""
    if name == "seed":
        return ", ".join(map(str, range(SEEDS)))
    if name == "beta":
        return "0.1, 0.5, 1, 2, 4, 8, 16, 32"
    knob = family.Config.knobs()[name]
    low, high = knob.ends()
    around = [knob.default * times for times in (0.1, 0.3, 1, 3)]
    even = [low + (high - low) * i / 3 for i in range(4)]
    return ", ".join(f"{min(high, max(low, v)):.4g}" for v in (around if knob.log else even))


def _axes_of(chosen: list[tuple[str, str]]) -> dict[str, list[int | float]]:
    """The axes from what was written. Raises `Refused`."""
    axes: dict[str, list[int | float]] = {}
    for name, text in chosen:
        if name in axes:
            raise Refused(f"Rows and columns both vary {name}; let one of them vary something else.")
        if name != NONE:
            axes[name] = [_number(name, word) for word in re.split(r"[,;\s]+", text.strip()) if word]
    return axes


def _number(name: str, word: str) -> int | float:
    try:
        return int(word) if name == "seed" else float(word)
    except ValueError:
        kind = "whole number" if name == "seed" else "number"
        says = f"{word[:40]!r} is no {kind}; write the values of {name} with commas between."
        raise Refused(says) from None


def addresses(family: type[Family], setting: Setting) -> list[str]:
    """A link to each member as a run of its own, in its family's room."""
    space = data.load(setting.data).space
    usual = family.configure(space).model_dump() | {"seed": 0, "data": ""}
    base = family.configure(space, setting.config).model_dump() | {"data": setting.data, "seed": setting.seed}
    every = [base | own for own in wall.members(setting.wall)]
    own = [{k: v for k, v in one.items() if usual[k] != v} for one in every]
    return [link(f"/{family.name}?{urlencode(one)}") for one in own]


def scores(shown: Wall) -> None:
    """What each member has reached, written anew every two seconds; each score is a link."""

    @st.fragment(run_every=2.0)
    def show() -> None:
        measure, row = measured(store.rows(store.folder(shown.run) / "metrics.jsonl", NEWEST))
        if not measure:
            st.caption("Scores appear here when training has begun; GANs of pictures have none.")
            return
        st.html(_table(shown, measure, row))
        if more := words_of(shown.family).of_wall:
            more(shown.setting.wall, row)

    show()


def _table(shown: Wall, measure: Measure, row: Mapping[str, Any]) -> str:
    """Scores in rows and columns, the better ones on a stronger ground."""
    chosen, axes = data.load(shown.setting.data), shown.setting.wall
    worst, best = ends(measure, row[measure], chosen)
    (rows, heads), *columns = axes.items()
    if columns:
        ((across, tops),) = columns
        before = [f"<th>{value:g}</th>" for value in heads]
        head = f"<tr><th></th>{''.join(f'<th>{value:g}</th>' for value in tops)}</tr>"
        where = f"{rows} downwards, {across} to the right"
    else:  # nearly a square, as on the stage
        tops = heads[: math.ceil(math.sqrt(len(heads)))]
        before, head = [""] * math.ceil(len(heads) / len(tops)), ""
        where = f"{rows} before each"
    cells = []
    for i, (value, at) in enumerate(zip(row[measure], addresses(shown.family, shown.setting), strict=True)):
        share = 0 if value is None or best == worst else (value - worst) / (best - worst)
        text = "–" if value is None else f"{value:.{measure.digits or 0}f}".replace("-", "−")
        text = f"<small>{heads[i]:g}:</small> {text}" if not columns else text
        style = f"background: rgb(128 128 128 / {60 * share:.0f}%)"
        cells.append(f'<td style="{style}"><a href="{escape(at)}">{text}</a></td>')
    n = len(tops)
    lines = [f"<tr>{one}{''.join(cells[i * n : (i + 1) * n])}</tr>" for i, one in enumerate(before)]
    what = f"{measure.says}, {measure.unit}" if measure.unit else measure.says
    if measure.best and measure.better == "higher":
        what += f", of {best:g}"
    caption = f"<p>{what}, around round {row['round']:,}; {where}. Each opens as a run.</p>"
    return f"{_STYLE}{caption}<table class=wall>{head}{''.join(lines)}</table>"


_STYLE = """<style>
.wall { border-collapse: collapse; font-variant-numeric: tabular-nums }
.wall th { font-weight: 400; opacity: 0.75; padding: 0.2rem 0.6rem; text-align: right }
.wall td { text-align: center; border: 1px solid rgb(128 128 128 / 25%) }
.wall a { color: inherit; display: block; padding: 0.25rem 0.8rem }
</style>"""
