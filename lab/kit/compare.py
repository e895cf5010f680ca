"""Two runs side by side from one seed, with one knob different: whatever is unlike comes of that knob."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import data
from engine.config import Knob, Refused
from engine.families import families
from engine.family import Family
from lab.kit.address import keep, link, show, write
from lab.kit.exhibit import Wanted
from lab.kit.plain import complain
from lab.kit.setting import choose, choose_family, pick, titled, usual_data, widget
from lab.kit.share import share_each
from lab.kit.subject import words_of
from lab.kit.together import pair_of_runs, runs_together
from lab.kit.verdict import diagnosis, tell

SIDES = ("left", "right")


def compare() -> None:
    """Sliders of the setting and of the two sides, and two stages with one set of controls.

    The address is the setting: ?family=gan&data=ring&seed=0&k=1&knob=lr_D&left=0.001&right=0.0001. It also
    keeps the two runs (a, b), for a refresh.
    """
    notes = st.container()
    family = choose_family(families(), always=True)
    words = words_of(family)
    chosen: dict[str, Any] = {}  # the knob and its two values

    def apart(defaults: dict[str, Any]) -> dict[str, Any]:
        chosen.update(_sides(family, defaults, notes))
        return {chosen["knob"].name: defaults[chosen["knob"].name]}

    setting = choose(family, usual_data(family), notes=notes, apart=apart)
    if setting is None:
        write(notes)
        st.stop()
    knob, values = chosen["knob"], [chosen[side] for side in SIDES]
    try:
        space = data.load(setting.data).space
        configs = [family.configure(space, setting.config | {knob.name: value}) for value in values]
        wanted = [Wanted(family, setting.data, setting.seed, config.model_dump()) for config in configs]
        runs = runs_together(wanted, fixed=(knob.name,))
    except Refused as refusal:
        complain(refusal)
        st.stop()
    finally:
        write(notes)
    said = [_say(value) for value in values]
    if where := configs[0].without_effect(space).get(knob.name):
        st.info(f"{knob.label} changes nothing in this setting: it counts {where}.")
    if values[0] == values[1]:
        st.info(f"{knob.label} is {said[0]} on both sides: the two runs are the same, number for number.")
    else:
        alike = "the data, the seed and every other knob"
        alike += ", so both start from the same weights." if knob.live else "."
        st.markdown(
            f"**{titled(knob)}** is **{said[0]}** on the left and **{said[1]}** on the right. "
            f"All else is the same: {alike}"
        )

    @st.fragment(run_every=2.0)
    def both() -> None:
        pair_of_runs(
            runs,
            wanted,
            key="pair",
            titles=[f"{side}: {knob.label} {one}" for side, one in zip(("Left", "Right"), said, strict=True)],
            verdicts=[tell(diagnosis(run)) if words.judged else [] for run in runs],
            legend=words.legends.get(f"{space.kind} compared", words.legends.get(space.kind, ())),
            players=family.players,
            labels=words.labels,
            charts=words.charts,
        )

    both()
    share_each(dict(zip(SIDES, runs, strict=True)), f"{family.name}-{knob.name}", setting.data)


def _sides(family: type[Family], defaults: dict[str, Any], notes: DeltaGenerator) -> dict[str, Any]:
    """The select box of the knob that differs, and its two sliders."""
    knobs = family.Config.knobs()
    rates = [name for name, knob in knobs.items() if knob.log and knob.live]
    titles = {name: knob.label for name, knob in knobs.items()}
    name = pick(
        "knob", titles, [*rates, *knobs][0], "What differs", "There is no knob {}",
        "The one knob whose value is not the same in the two runs.", always=True, notes=notes,
    )  # fmt: skip
    knob = knobs[name]
    # the knob's present value, of a slider or of the link from a room, is here the left side's
    left = _side(family, knob, "left", st.session_state.pop(name, defaults[name]), notes)
    return {"knob": knob, "left": left, "right": _side(family, knob, "right", contrast(knob, left), notes)}


def _value(family: type[Family], name: str, text: str | None, default: Any, notes: DeltaGenerator) -> Any:
    """What the address says of a knob's value, or the default and a sentence that says why."""
    if text is None:
        return default
    try:
        return getattr(family.Config.of({name: text}), name)
    except Refused as refusal:
        complain(refusal, notes)
        return default


def _side(family: type[Family], knob: Knob, side: str, default: Any, notes: DeltaGenerator) -> Any:
    key = f"{side.capitalize()}-{knob.name}"
    text = link().pop(side, None)
    if text is not None or key not in st.session_state:
        show(key, _value(family, knob.name, text, default, notes))
    value = widget(knob, default, side.capitalize())
    keep(side, value)
    return value


def contrast(knob: Knob, value: Any) -> Any:
    """Another value of this knob, far enough away that one sees it."""
    ends = knob.ends()
    if knob.kind in ("bool", "choice"):
        return ends[(ends.index(value) + 1) % len(ends)]
    low, high = ends
    if knob.log:
        return float(f"{value / 10 if value / 10 >= low else value * 10:g}")
    further = high if high - value > value - low else low
    middle = (value + further) / 2
    return round(middle) if knob.kind == "int" else round(middle, 3)


def _say(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else f"{value:g}".replace("e-0", "e-").replace("-", "\u2212")
