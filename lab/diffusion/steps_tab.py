"""What more steps and more guidance buy: the quality of samples against what they cost, measured on this
model when asked, one setting after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import plotly.graph_objects as go
import streamlit as st

from engine import data
from engine.metrics.digit_classifier import ACCURACY, DIGIT_DATA, DIVERSITY, FRECHET
from engine.metrics.measure import Measure
from engine.metrics.ruler import DISTANCE
from engine.space import Picture
from lab.kit.answers import ask
from lab.kit.charts import show_chart
from lab.kit.room import Room
from lab.runs import store
from lab.runs.supervisor import NO_MODEL

STEPS = (5, 10, 20)  # of digits, which are dear; of points:
MORE = (5, 10, 20, 50, 100)
SCALES = (0.0, 0.5, 1.0, 2.0, 4.0, 7.0)
LEFT_OUT = ("DDPM as on the slide",)
INK = {  # Okabe and Ito's colours, in the order of a family's samplers; and a quiet grey
    "light": (("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#B8860B"), "#7B808C"),
    "dark": (("#E69F00", "#56B4E9", "#2FBF94", "#D98BB6", "#F0E442"), "#9BA1AD"),
}
MARKS = ("circle", "square", "diamond", "triangle-up", "star")  # for those who see no colours

Point = dict[str, Any]
"""What was asked, and the answer."""


class Setting(NamedTuple):
    """What is known of the run without its model."""

    pictures: bool  # as digits are, of points otherwise
    measure: Measure  # by which samples are judged; less is better
    samplers: tuple[str, ...]
    T: int
    guided: bool


def steps(room: Room) -> None:
    """Two curves, each measured when its button is pressed."""
    if not room.live:
        st.info(NO_MODEL)
        return
    setting = _setting(room)
    if setting is None:
        st.info("Samples are judged here for points and for digits: choose one of these as the data.")
        return
    by_steps(room, setting)
    if setting.guided:
        st.divider()
        by_guidance(room, setting)


def _setting(room: Room) -> Setting | None:
    info = store.read_info(store.folder(room.run))
    chosen = data.load(info.data)
    if isinstance(room.space, Picture) and chosen.name not in DIGIT_DATA:
        return None
    return Setting(
        isinstance(room.space, Picture),
        FRECHET if isinstance(room.space, Picture) else DISTANCE,
        tuple(name for name in room.family.samplers if name not in LEFT_OUT),  # type: ignore[attr-defined]
        info.config["T"],
        bool(info.config["conditional"] and chosen.space.classes),
    )


# --- against steps ---------------------------------------------------------------------------------


@st.fragment
def by_steps(room: Room, setting: Setting) -> None:
    """Quality against the number of evaluations of the net, a line for each sampler."""
    what = "100 digits, with the labels in turn," if setting.pictures else "2,000 points"
    st.markdown(
        f"**How many steps are enough?** Each sampler makes {what} in few steps and in many, and their "
        f"{setting.measure.says} from the data is measured. What a sample costs is the number of times "
        "that the net is asked: once a step, by **Heun** twice (but once in the last)."
    )
    counts = sorted({min(n, setting.T) for n in (STEPS if setting.pictures else MORE)})
    plan = [{"sampler": name, "steps": n} for n in counts for name in setting.samplers]
    _gather(room, "steps", plan, lambda found: _steps_drawn(setting, found))


def _steps_drawn(setting: Setting, found: list[Point]) -> None:
    inks, grey = INK[st.context.theme.type or "light"]
    figure = _figure(found, setting, grey)
    for name, ink, mark in zip(setting.samplers, inks, MARKS, strict=False):
        own = [p for p in found if p["sampler"] == name]
        figure.add_scatter(
            x=[p["evaluations"] for p in own], y=[p["quality"][setting.measure] for p in own], name=name,
            mode="lines+markers", line={"color": ink, "width": 2},
            marker={"color": ink, "size": 9, "symbol": mark},
            customdata=[[p["steps"], p["seconds"]] for p in own],
            hovertemplate="%{customdata[0]} steps: %{y:.3g}, made in %{customdata[1]:.2f} s",
        )  # fmt: skip
    ticks = [1, 2, 5, 10, 20, 50, 100, 200]
    figure.update_xaxes(title="evaluations of the net for a sample", type="log", tickvals=ticks)
    _show(figure, f"{setting.measure.says} against evaluations of the net", f"steps-{len(found)}")
    st.markdown(cheapest(found, setting.measure))


def cheapest(found: list[Point], measure: str) -> str:
    """The best setting, and the cheapest that cannot be told from it: within two errors of the floor."""
    value, error = found[0]["floors"][measure]
    best = min(found, key=lambda p: p["quality"][measure])
    least = best["quality"][measure]
    alike = [p for p in found if p["quality"][measure] <= least + 2 * error]
    cheap = min(alike, key=lambda p: (p["evaluations"], p["quality"][measure]))
    says = f"The best so far is **{_named(best)}**, with {_number(least)}. "
    if cheap is best:
        says += "Nothing cheaper comes within two errors of it. "
    else:
        says += (
            f"**{_named(cheap)}** comes within two errors of it, with {_number(cheap['quality'][measure])}, "
            f"for {cheap['evaluations']} evaluations of the net instead of {best['evaluations']}. "
        )
    return says + _against_floor(least, value, error)


def _named(point: Point) -> str:
    n = point["steps"]
    return f"{point['sampler']} in {n} step{'s' if n > 1 else ''}"


def _against_floor(least: float, value: float, error: float) -> str:
    real = f"the grey band: {_number(value)} ± {_number(2 * error)}"
    if least <= value + 2 * error:
        return f"That is what as many real examples score, {real}."
    return f"As many real examples score less, {real}. What is left is the net's own error: train it longer."


# --- against guidance -------------------------------------------------------------------------------


@st.fragment
def by_guidance(room: Room, setting: Setting) -> None:
    """Quality and diversity against the scale of guidance."""
    st.markdown(
        "**How much guidance?** At 0 the label is ignored, 1 is the conditional model, and more exaggerates "
        "what speaks for the label. Diversity is how far apart samples of one class lie, as a share of real "
        "ones."
    )
    config = store.read_info(store.folder(room.run)).config
    sampler = "DDIM" if "DDIM" in setting.samplers else config["sampler"]
    count = min(20 if setting.pictures else 50, setting.T)
    plan = [{"sampler": sampler, "steps": count, "guidance": s} for s in SCALES]
    _gather(room, "guidance", plan, lambda found: _guidance_drawn(setting, found))


def _guidance_drawn(setting: Setting, found: list[Point]) -> None:
    inks, grey = INK[st.context.theme.type or "light"]
    figure = _figure(found, setting, grey)
    scales = [p["guidance"] for p in found]
    shares = {DIVERSITY: inks[1], ACCURACY: inks[2]}
    figure.add_scatter(
        x=scales, y=[p["quality"][setting.measure] for p in found], name=setting.measure.says,
        mode="lines+markers", line={"color": inks[0], "width": 2}, marker={"color": inks[0], "size": 9},
    )  # fmt: skip
    for (name, ink), mark in zip(shares.items(), MARKS[1:], strict=False):
        if name in found[0]["quality"]:
            figure.add_scatter(
                x=scales, y=[p["quality"][name] for p in found], name=f"{name} (right)", yaxis="y2",
                mode="lines+markers", line={"color": ink, "width": 2, "dash": "dash"},
                marker={"color": ink, "size": 9, "symbol": mark},
            )  # fmt: skip
    figure.update_xaxes(title="guidance scale s", tickvals=list(SCALES))
    top = 1.1 * max(1.0, *(p["quality"][DIVERSITY] for p in found))
    figure.update_layout(
        yaxis2={
            "overlaying": "y", "side": "right", "range": [0, top], "showgrid": False,
            "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1],
        },
    )  # fmt: skip
    _show(figure, f"{setting.measure.says} and diversity against guidance", f"guidance-{len(found)}")
    st.markdown(traded(found, setting.measure))


def traded(found: list[Point], measure: str) -> str:
    """What the strongest guidance gains and loses against the scale that is best."""
    best = min(found, key=lambda p: p["quality"][measure])
    last = max(found, key=lambda p: p["guidance"])
    there, then = best["quality"], last["quality"]
    says = (
        f"The samples are closest to the data at **s = {best['guidance']:g}** ({_number(there[measure])}), "
        f"with a diversity of {there['diversity']:.0%} of real examples'. "
    )
    if last is best:
        return says + "More guidance than was tried might be better still."
    right = ""
    if ACCURACY in there:
        now, before = then[ACCURACY], there[ACCURACY]
        right = f"{now:.0%} show the digit that was asked for, instead of {before:.0%}; "
    return says + (
        f"At s = {last['guidance']:g} {right}the distance is {_number(then[measure])} and the diversity "
        f"{then['diversity']:.0%}."
    )


# --- what both share ---------------------------------------------------------------------------------


def _gather(room: Room, name: str, plan: list[Point], draw: Callable[[list[Point]], None]) -> None:
    """A button that asks the whole plan, one question at a time. What has come is kept and drawn also by
    another rerun, which goes on where this one was stopped."""
    key = f"_{name}"
    held = st.session_state.get(key)
    if held is None or held["run"] != room.run or held["plan"] != plan:
        held = st.session_state[key] = {"run": room.run, "plan": plan, "found": [], "on": False}
    found = held["found"]
    st.button(
        "Measure", key=f"{name}-go", icon=":material/straighten:",
        on_click=lambda: held.update(found=[], on=True),
    )  # fmt: skip
    stop, bar, picture = st.empty(), st.empty(), st.empty()
    if held["on"]:
        stop.button(
            "Stop", key=f"{name}-stop", icon=":material/stop:", on_click=lambda: held.update(on=False)
        )
    while True:
        if found:
            with picture.container():
                draw(found)
        held["on"] = held["on"] and len(found) < len(plan)
        if not held["on"]:
            break
        asked = plan[len(found)]
        told = ", ".join(
            f"{value}" if what == "sampler" else f"{what} {value:g}" for what, value in asked.items()
        )
        bar.progress(len(found) / len(plan), f"{len(found)} of {len(plan)} measured; now {told}")
        if (answer := ask(room, "tradeoff", **asked)) is None:  # the page says why
            held["on"] = False
            break
        found.append(asked | answer)
    stop.empty()
    bar.empty()
    if found:
        st.caption(_whose(found))


def _whose(found: list[Point]) -> str:
    """Which model answered."""
    rounds = [point["round"] for point in found]
    if min(rounds) == max(rounds):
        return f"This was the model of round {rounds[0]:,}."
    return f"It trained meanwhile, from round {min(rounds):,} to {max(rounds):,}: pause it to compare fairly."


def _figure(found: list[Point], setting: Setting, grey: str) -> go.Figure:
    """An empty chart with the band of the noise floor: what real examples score."""
    value, error = found[0]["floors"][setting.measure]
    figure = go.Figure()
    figure.add_hrect(
        y0=max(0.0, value - 2 * error), y1=value + 2 * error, fillcolor=grey, opacity=0.25, line_width=0,
        annotation={"text": "real examples", "font": {"size": 11, "color": grey}},
        annotation_position="top left",
    )  # fmt: skip
    top = 1.08 * max(value + 2 * error, *(p["quality"][setting.measure] for p in found))
    figure.update_yaxes(title=setting.measure.says, range=[0, top])
    return figure


def _show(figure: go.Figure, alt: str, key: str) -> None:
    show_chart(figure, key, alt, height=420, legend={"orientation": "h", "y": -0.25})


def _number(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"
