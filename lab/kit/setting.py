"""The setting of a page: data, seed and knobs, as widgets that the address keeps. A link is a lesson."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import data
from engine.config import Knob, Refused
from engine.family import Family
from engine.space import Picture, Plane, Space
from lab.kit.address import asked, keep, link, show, start_over
from lab.kit.plain import complain
from lab.kit.subject import subjects, words_of
from lab.kit.upload import keep_upload
from lab.runs import store
from lab.stage import sketch

KEPT = re.compile(r"(drawn|csv|images)-[0-9a-f]{12}")
DRAW, CSV, IMAGES = "draw", "upload-csv", "upload-images"
YOURS = {"drawn": "Your drawing", "csv": "Your CSV", "images": "Your pictures"}
SEEDS = 2**32 - 1  # the last one
BRING = {DRAW: "Draw your own …", CSV: "Upload a CSV of two columns …", IMAGES: "Upload pictures (zip) …"}


class Setting(NamedTuple):
    data: str
    seed: int
    config: dict[str, Any]
    wall: Mapping[str, Sequence[float]] = {}  # the axes, if it is one


def adopt(values: dict[str, Any]) -> None:
    """Let the widgets show these values from the next rerun on."""
    st.session_state["_adopt"] = st.session_state.get("_adopt", {}) | values


def choose_family(known: Mapping[str, type[Family]], always: bool = False) -> type[Family]:
    """The select box of the model, kept in the address. It opens with the model of the subject that leads.
    With another model everything else begins anew."""
    notes = st.container()  # a phone hides the sidebar, but must not hide what is wrong
    leading = [one.places[0].address for one, _ in subjects().values() if one.leads]
    usual = next((name for name in [*leading, *known] if name in known), "")
    titles = {name: family.title for name, family in known.items()}
    with st.sidebar:
        name = pick(
            "family", titles, usual, "Model", "There is no model called {}", "What is trained.",
            lambda: start_over("family"), always, notes,
        )  # fmt: skip
    return known[name]


def usual_data(family: type[Family]) -> str:
    """What a page opens with when nothing else is asked for."""
    if usual := words_of(family).data:
        return usual
    fits = [choice.name for choice in _fitting(family)]
    return next((name for name in ("ring", "digits", "two-bumps") if name in fits), fits[0])


def _fitting(family: type[Family]) -> list[data.Choice]:
    """The data that this family can model."""
    fits = [choice for choice in data.names() if issubclass(choice.space, family.kinds)]
    return [choice for choice in fits if choice.labelled or not family.labelled]


def choose(
    family: type[Family], default_data: str, *, notes: DeltaGenerator,
    smaller: Mapping[str, Mapping[str, Any]] = {},
    apart: Callable[[dict[str, Any]], Mapping[str, Any]] | None = None,
) -> Setting | None:  # fmt: skip
    """Draw the widgets in the sidebar; None while the student still has to bring data.

    What is wrong with the link is said in `notes`. A page that is not the family's own may have `smaller`
    defaults, by kind of data. `apart`, given the defaults, may draw something between data and knobs, or
    elsewhere, and says the values of the knobs (or of the seed) that are not drawn here.
    """
    for name, value in st.session_state.pop("_adopt", {}).items():
        show(name, value)
    with st.sidebar:
        choose_own = words_of(family).choose
        name = choose_own(default_data, notes) if choose_own else _choose_data(family, default_data, notes)
    if name in BRING:
        bring(name)
        return None
    try:
        space = data.load(name).space
    except Refused as refusal:
        complain(refusal)
        st.stop()
    small = smaller.get(space.kind, {}).items()
    own = {name: value for name, value in small if name in family.Config.model_fields}
    defaults = family.configure(space, own).model_dump()
    _take_recipe(family, space, defaults)
    _take_link(family, space, defaults, notes)
    with st.sidebar:
        without = apart(defaults) if apart else {}
        return _choose_knobs(family, name, space, defaults, without)


def _choose_data(family: type[Family], default: str, notes: Any) -> str:
    titles = {c.name: c.title for c in _fitting(family)}
    if not family.labelled:
        spaces = {DRAW: Plane, CSV: Plane, IMAGES: Picture}
        titles |= {own: BRING[own] for own, space in spaces.items() if issubclass(space, family.kinds)}
    now = asked("data", default)
    if KEPT.fullmatch(now):
        titles[now] = YOURS[now.split("-")[0]]
    help = "What the model learns to imitate. Changing it needs a new model."
    unknown = "There is no data called {} for this family"
    return pick("data", titles, default, "Data", unknown, help, notes=notes)


def pick(
    key: str, titles: dict[str, str], default: str, label: str, unknown: str, help: str,
    on_change: Callable[[], None] | None = None, always: bool = False,
    notes: Any = st, spread: bool = False,
) -> str:  # fmt: skip
    """A select box, or buttons beside one another (`spread`), kept in the address by name: Streamlit's own
    binding would write the title. The default is kept there only if `always`."""
    if (now := asked(key, default)) not in titles:
        complain(f"{unknown.format(repr(now[:40]))}; here is {titles[default]}.", notes)
        st.session_state[key] = default
    how: dict[str, Any] = {
        "label": label, "options": list(titles), "format_func": lambda name: titles.get(name, name),
        "key": key, "help": help, "on_change": on_change,
    }  # fmt: skip
    if spread:
        name: str = st.segmented_control(**how, required=True, label_visibility="collapsed")
    else:
        name = st.selectbox(**how)
    keep(key, name, "" if always else default)
    return name


def bring(kind: str) -> None:
    """Let the student draw or upload data; then the page starts again with them."""
    try:
        if kind == DRAW:
            st.subheader("Draw the distribution that the model should learn")
            if drawn := sketch(key="sketch"):
                _take(data.keep_points(drawn["points"], "drawn", store.home()))
        elif kind == CSV:
            st.subheader("Upload a CSV of two columns")
            st.caption(
                "Two columns of numbers, at least 10 rows. Each column is scaled to mean 0 and spread 1."
            )
            if file := st.file_uploader("CSV file", type=["csv", "tsv", "txt"], max_upload_size=10):
                _take(keep_upload("csv", file))
        else:
            st.subheader("Upload pictures")
            st.caption(
                "A zip of PNG, JPEG or WebP files, at most 10 MB. They are cropped to squares and made small."
            )
            if file := st.file_uploader("Zip file", type=["zip"], max_upload_size=10):
                _take(keep_upload("images", file))
    except Refused as refusal:
        complain(refusal)


def _take(name: str) -> None:
    adopt({"data": name})
    st.session_state.pop("_run", None)
    st.rerun()


def _take_recipe(family: type[Family], space: Space, defaults: dict[str, Any]) -> None:
    """Some data have other defaults: a change to them, or from them, takes the defaults over."""
    recipe = family.recipe(space)
    before = st.session_state.get("_recipe", recipe)
    st.session_state["_recipe"] = recipe
    if before != recipe:
        for name in before | recipe:
            st.session_state[name] = defaults[name]


def _take_link(
    family: type[Family], space: Space, defaults: Mapping[str, Any], notes: DeltaGenerator
) -> None:
    """Let the widgets show what the link says of knobs and seed; say what it may not say."""
    named = [name for name in link() if name in family.Config.knobs()]
    for name in named:
        try:
            show(name, getattr(family.Config.of({name: link().pop(name)}), name))
        except Refused as refusal:
            complain(f"{refusal} Here it is {defaults[name]}.", notes)
    idle = _without_effect(family, space, defaults) if named else {}
    for name in (name for name in named if name in idle):
        complain(f"{name} changes nothing here: it counts {idle[name]}.", notes)
    if text := link().pop("seed", ""):
        if re.fullmatch(r"\d{1,10}", text) and int(text) <= SEEDS:
            show("seed", int(text))
        else:
            complain(f"seed is {text[:40]!r}; it must be a whole number up to {SEEDS}. Here it is 0.", notes)


def _choose_knobs(
    family: type[Family], name: str, space: Space, defaults: dict[str, Any], without: Mapping[str, Any]
) -> Setting:
    """The sliders of the knobs that do something in this setting, and the seed's."""
    knobs = family.Config.knobs()
    idle = _without_effect(family, space, defaults)
    drawn = [k for k in knobs.values() if k.name not in without and k.name not in idle]
    values = dict(without) | {k.name: widget(k, defaults[k.name]) for k in drawn if not k.advanced}
    with st.expander("Advanced"):
        values |= {k.name: widget(k, defaults[k.name]) for k in drawn if k.advanced}
        st.session_state.setdefault("seed", 0)
        seed = 0 if "seed" in without else st.number_input(
            "Seed", 0, SEEDS, 0, key="seed",
            help="Of weights, batches and noise: one seed, one run. Changing it needs a new model.",
        )  # fmt: skip
        keep("seed", seed, 0)
    return Setting(name, int(seed), {k: values.get(k, defaults[k]) for k in defaults})


def _without_effect(family: type[Family], space: Space, defaults: Mapping[str, Any]) -> dict[str, str]:
    """The knobs that change nothing beside what the sliders show, or will show when they are drawn."""
    values = {name: st.session_state.get(name, defaults[name]) for name in family.Config.knobs()}
    with suppress(Refused):  # the room says why
        return family.configure(space, values).without_effect(space)
    return {}


def titled(knob: Knob) -> str:
    return f"{knob.label} ${knob.symbol}$" if knob.symbol else knob.label


def widget(knob: Knob, default: Any, side: str = "") -> Any:
    """The slider of a knob, which the address keeps; a page keeps the `side` of a comparison itself."""
    if not side:
        value = _widget(knob, default, titled(knob), knob.name)
        keep(knob.name, value, default)
        return value
    return _widget(knob, default, side, f"{side}-{knob.name}")


def _widget(knob: Knob, default: Any, label: str, key: str) -> Any:
    st.session_state.setdefault(key, default)  # a browser keeps its own value unless it is told one
    says = knob.says[0].upper() + knob.says[1:] + "."
    says += " May change while training." if knob.live else " Changing it needs a new model."
    common: dict[str, Any] = {"key": key, "help": says}
    if knob.kind == "bool":
        return st.toggle(label, default, **common)
    if knob.kind == "choice":
        return st.selectbox(label, knob.choices, knob.choices.index(default), **common)
    if knob.log:
        options = _ladder(knob, default, st.session_state.get(key))
        return st.select_slider(label, options, default, format_func=lambda v: f"{v:g}", **common)
    low, high = knob.ends()
    number = int if knob.kind == "int" else float
    step = knob.step or (1 if knob.kind == "int" else (high - low) / 100)
    return st.slider(label, *map(number, (low, high, default, step)), **common)


def _ladder(knob: Knob, default: float, now: float | None) -> list[float]:
    """1, 2, 5, 10, ... from end to end, and whatever value a link or a run brought."""
    low, high = knob.ends()
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    number = int if knob.kind == "int" else float
    values = [number(float(f"{m}e{power}")) for power in powers for m in (1, 2, 5)]
    brought = {default} if now is None else {default, now}
    return sorted(brought | {value for value in values if low <= value <= high})
