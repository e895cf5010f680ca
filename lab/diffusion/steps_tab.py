"""The quality of samples against steps and against guidance, measured when a button is pressed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import plotly.graph_objects as go
import streamlit as st

from engine.metrics.digit_classifier import ACCURACY, DIGIT_DATA, DIVERSITY, FRECHET
from engine.metrics.measure import Measure
from engine.metrics.ruler import DISTANCE
from engine.space import Picture
from lab.diffusion.films_tab import config_of, labels_of
from lab.kit.answers import ask
from lab.kit.charts import show_chart
from lab.kit.numbers import short
from lab.kit.palette import ink
from lab.kit.pickers import data_of
from lab.kit.room import Room

STEPS = (5, 10, 20)  # for digits, which are expensive
MORE = (5, 10, 20, 50, 100)  # for points
POINTS, PICTURES = 2000, 200  # samples of a measurement
SCALES = (0.0, 0.5, 1.0, 2.0, 4.0, 7.0)
LEFT_OUT = ("DDPM as on the slide",)
ROLES = ("model", "data", "latent", "gradient", "critic")  # the colours of a family's samplers, in order
MARKS = ("circle", "square", "diamond", "triangle-up", "star")  # for readers who do not see colours

Point = dict[str, Any]
"""A setting and its measurement."""


class Setting(NamedTuple):
    """What is known about the run without its model."""

    pictures: bool  # digits; points otherwise
    measure: Measure  # the distance to the data; less is better
    samplers: list[str]
    T: int


def steps(room: Room) -> None:
    pictures, family = isinstance(room.space, Picture), room.family
    if pictures and data_of(room).name not in DIGIT_DATA:
        st.info("Quality is measured here for points and for digits: choose one of these as the data.")
        return
    samplers = [name for name in family.samplers if name not in LEFT_OUT]  # type: ignore[attr-defined]
    setting = Setting(pictures, FRECHET if pictures else DISTANCE, samplers, config_of(room)["T"])
    by_steps(room, setting)
    if labels_of(room):
        st.divider()
        by_guidance(room, setting)


@st.fragment
def by_steps(room: Room, setting: Setting) -> None:
    what = f"{PICTURES} digits with the labels in turn" if setting.pictures else f"{POINTS:,} points"
    st.markdown(
        f"**How many steps are enough?** Each sampler makes {what} in few steps and in many. The chart shows "
        f"how far these are from the data ({setting.measure.says}) against the cost of a sample: the number "
        "of evaluations of the net, one in each step, or two with **Heun** (one in its last step)."
        + (" Guidance other than 0 and 1 doubles them all, which is not counted." if labels_of(room) else "")
    )
    counts = sorted({min(n, setting.T) for n in (STEPS if setting.pictures else MORE)})
    plan = [{"sampler": name, "steps": n} for n in counts for name in setting.samplers]
    _gather(room, "steps", plan, lambda points: _steps_drawn(setting, points))


def _steps_drawn(setting: Setting, points: list[Point]) -> None:
    figure = _figure(points, setting)
    for name, role, mark in zip(setting.samplers, ROLES, MARKS, strict=False):
        own = [p for p in points if p["sampler"] == name]
        _line(
            figure, own, "evaluations", setting.measure, role, name=name, marker={"symbol": mark},
            customdata=[[p["steps"], p["seconds"]] for p in own],
            hovertemplate="%{customdata[0]} steps: %{y:.3g}, made in %{customdata[1]:.2f} s",
        )  # fmt: skip
    ticks = [1, 2, 5, 10, 20, 50, 100, 200]
    figure.update_xaxes(title="evaluations of the net for each sample", type="log", tickvals=ticks)
    _show(figure, f"{setting.measure.says} against evaluations of the net", f"steps-{len(points)}")
    st.markdown(cheapest(points, setting.measure))


def cheapest(points: list[Point], measure: str) -> str:
    """The best setting, and the cheapest one within two standard errors of it."""
    value, error = points[0]["floors"][measure]
    best = min(points, key=lambda p: p["quality"][measure])
    least = best["quality"][measure]
    alike = [p for p in points if p["quality"][measure] <= least + 2 * error]
    cheap = min(alike, key=lambda p: (p["evaluations"], p["quality"][measure]))
    says = f"The best so far is **{_named(best)}**, with {short(least)}. "
    if cheap is best:
        says += "Nothing cheaper comes within two standard errors of it. "
    else:
        says += (
            f"**{_named(cheap)}** comes within two standard errors of it, with "
            f"{short(cheap['quality'][measure])}, and needs {cheap['evaluations']} evaluations of the net "
            f"instead of {best['evaluations']}. "
        )
    real = f"the grey band: {short(value)} ± {short(2 * error)}."
    if least <= value + 2 * error:
        return (
            f"{says}As many real examples score as much, {real} So this measurement **cannot tell** these "
            f"samples from real ones; no sampler is better than real, and differences below "
            f"{short(2 * error)} say nothing."
        )
    says += f"As many real examples score less, {real} "
    return says + "The rest is the error of the net or of its sampler: train it longer, or take more steps."


def _named(point: Point) -> str:
    return f"{point['sampler']} in {point['steps']} step{'s' if point['steps'] > 1 else ''}"


@st.fragment
def by_guidance(room: Room, setting: Setting) -> None:
    st.markdown(
        "**How much guidance?** With 0 the label is ignored, 1 is the conditional model, and more "
        "exaggerates the evidence for the label. Diversity is the distance between samples of one class, "
        "relative to that between real examples."
    )
    sampler = "DDIM" if "DDIM" in setting.samplers else config_of(room)["sampler"]
    count = min(20 if setting.pictures else 50, setting.T)
    plan = [{"sampler": sampler, "steps": count, "guidance": s} for s in SCALES]
    _gather(room, "guidance", plan, lambda points: _guidance_drawn(setting, points))


def _guidance_drawn(setting: Setting, points: list[Point]) -> None:
    figure = _figure(points, setting)
    _line(figure, points, "guidance", setting.measure, "model", name=setting.measure.says)
    for name, role, mark in (DIVERSITY, "data", MARKS[1]), (ACCURACY, "latent", MARKS[2]):
        if name in points[0]["quality"]:
            _line(
                figure, points, "guidance", name, role, name=f"{name} (right)", yaxis="y2",
                line={"dash": "dash"}, marker={"symbol": mark},
            )  # fmt: skip
    figure.update_xaxes(title="guidance scale s", tickvals=list(SCALES))
    top = 1.1 * max(1.0, *(p["quality"][DIVERSITY] for p in points))
    figure.update_layout(
        yaxis2={
            "overlaying": "y", "side": "right", "range": [0, top], "showgrid": False,
            "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1],
        },
    )  # fmt: skip
    _show(figure, f"{setting.measure.says} and diversity against guidance", f"guidance-{len(points)}")
    st.markdown(traded(points, setting.measure))


def traded(points: list[Point], measure: str) -> str:
    """What the strongest guidance gains and loses against the best scale."""
    best = min(points, key=lambda p: p["quality"][measure])
    last = max(points, key=lambda p: p["guidance"])
    there, then = best["quality"], last["quality"]
    says = (
        f"The samples are closest to the data at **s = {best['guidance']:g}** ({short(there[measure])}), "
        f"with a diversity of {there[DIVERSITY]:.0%} of that of real examples. "
    )
    if last is best:
        return says + "Even more guidance than was tried might be better."
    right = ""
    if ACCURACY in there:
        right = f"{then[ACCURACY]:.0%} show the digit that was asked for, instead of {there[ACCURACY]:.0%}; "
    return says + (
        f"At s = {last['guidance']:g}, {right}the distance is {short(then[measure])} and the diversity "
        f"{then[DIVERSITY]:.0%}."
    )


def _gather(room: Room, name: str, plan: list[Point], draw: Callable[[list[Point]], None]) -> None:
    """A button that measures the settings of the plan one by one. The results are kept: another rerun draws
    them too, and goes on where this one was interrupted."""
    key, of = f"_{name}", (room.run, room.round)
    held = st.session_state.get(key)
    if held is None or held["of"] != of or held["plan"] != plan:
        held = st.session_state[key] = {"of": of, "plan": plan, "points": [], "on": False}
    points, among = held["points"], PICTURES if isinstance(room.space, Picture) else POINTS
    st.button(
        "Measure", key=f"{name}-go", icon=":material/straighten:",
        on_click=lambda: held.update(points=[], on=True),
    )  # fmt: skip
    stop, bar, picture = st.empty(), st.empty(), st.empty()
    if held["on"]:
        stop.button(
            "Stop", key=f"{name}-stop", icon=":material/stop:", on_click=lambda: held.update(on=False)
        )
    while True:
        if points:
            with picture.container():
                draw(points)
        held["on"] = held["on"] and len(points) < len(plan)
        if not held["on"]:
            break
        asked = plan[len(points)]
        told = ", ".join(value if what == "sampler" else f"{what} {value:g}" for what, value in asked.items())
        bar.progress(len(points) / len(plan), f"{len(points)} of {len(plan)} measured; now {told}")
        if (answer := ask(room, "tradeoff", n=among, **asked)) is None:  # the page says why
            held["on"] = False
            break
        points.append(asked | answer)
    stop.empty()
    bar.empty()
    if points:
        rounds = [point["round"] for point in points]
        first, last = min(rounds), max(rounds)
        still = f"This was the model of round {first:,}."
        trained = f"It trained from round {first:,} to {last:,} meanwhile: pause it to compare fairly."
        st.caption(still if first == last else trained)


def _line(figure: go.Figure, points: list[Point], across: str, up: str, role: str, **more: Any) -> None:
    """A curve of the quality `up` against the setting or cost `across`, in the colour of a role."""
    line = {"color": ink(role), "width": 2} | more.pop("line", {})
    marker = {"color": ink(role), "size": 9} | more.pop("marker", {})
    x, y = [point[across] for point in points], [point["quality"][up] for point in points]
    figure.add_scatter(x=x, y=y, mode="lines+markers", line=line, marker=marker, **more)


def _figure(points: list[Point], setting: Setting) -> go.Figure:
    """An empty chart with the band of the noise floor: what real examples score."""
    value, error = points[0]["floors"][setting.measure]
    figure = go.Figure()
    figure.add_hrect(
        y0=max(0.0, value - 2 * error), y1=value + 2 * error,
        fillcolor=ink("critic"), opacity=0.25, line_width=0,
        annotation={"text": "real examples", "font": {"size": 11, "color": ink("critic")}},
        annotation_position="top left",
    )  # fmt: skip
    top = 1.08 * max(value + 2 * error, *(p["quality"][setting.measure] for p in points))
    figure.update_yaxes(title=setting.measure.says, range=[0, top])
    return figure


def _show(figure: go.Figure, alt: str, key: str) -> None:
    show_chart(figure, key, alt, height=420, legend={"orientation": "h", "y": -0.25})
