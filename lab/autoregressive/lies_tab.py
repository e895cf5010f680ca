"""The lie detector: two models side by side, of which one has a loss that is too good to be true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import plotly.graph_objects as go
import streamlit as st

from engine import data
from engine.config import Refused
from engine.families import find
from engine.space import Picture
from lab import kit
from lab.autoregressive.sound_tab import examine_sound
from lab.kit.address import write
from lab.kit.answers import ask, ask_again
from lab.kit.charts import show_chart
from lab.kit.exhibit import Wanted
from lab.kit.palette import ink
from lab.kit.plain import complain, link
from lab.kit.setting import pick
from lab.kit.subject import Failure
from lab.kit.together import pair_of_runs, runs_together
from lab.runs import store
from lab.stage import desk

ANSWERS = {
    "Sees itself": "Its outputs depend on the very number that they predict.",
    "Sees the future": "Its outputs depend on numbers that come later.",
    "Spikes on grey levels": "Its density piles up on whole numbers.",
    "": "It does not lie: it is simply better.",
}
"""What may be wrong, by what the detector calls it."""
SIDES = ("A", "B")


def at_the_desk(room: kit.Room) -> None:
    """The desk, which says what it measures, and not what that means."""
    st.markdown("**What does an output depend on?** Write a picture, then choose a pixel.")
    desk(room.run, key=f"desk {room.run}", verdict=False)


@st.fragment
def between(room: kit.Room) -> None:
    """The density along the grey of one pixel."""
    st.markdown("**Between the grey levels.** How does $p(x)$ change with the grey of a single pixel?")
    assert isinstance(room.space, Picture)
    number = st.number_input("Test picture", 0, 999, 3, key="levels-number", width=160)
    if not (answer := ask(room, "levels", number=int(number))):
        return
    curve = answer["curve"]
    figure = go.Figure()
    figure.add_scatter(x=curve[:, 0], y=curve[:, 1], line={"color": ink("model")}, name="log p(x)")
    figure.update_xaxes(title="grey of this pixel", dtick=1)
    figure.update_yaxes(title="log p(x) below its highest value, nats")
    show_chart(figure, "levels-chart", "log p(x) along the grey of one pixel", height=300)
    st.caption(f"The picture has a byte {answer['grey']} here, which is the bin from {answer['grey']} to "
               f"{answer['grey'] + 1}.")  # fmt: skip
    ask_again(room, answer, "levels-again")


class Case(NamedTuple):
    """A family, on which side its failure stands, and the instrument that examines its models."""

    title: str
    family: str
    liar: str
    examine: Callable[[kit.Room], None]


CASES = {
    "masked": Case("A masked net", "made", "B", at_the_desk),
    "convolutions": Case("Masked convolutions", "pixelcnn", "A", at_the_desk),
    "recurrent": Case("A recurrent net", "pixelrnn", "A", at_the_desk),
    "sound": Case("Sound", "wavenet", "B", examine_sound),
    "density": Case("A density of grey", "maf", "B", between),
}


def leak_of(case: Case) -> Failure:
    """The failure of this family whose loss is too good to be true."""
    failures = kit.words_of(find(case.family)).failures
    return next(one for one in failures if one.symptom in ANSWERS and one.symptom)


def lie_detector() -> None:
    """The page: the case, the pair, the instruments, and the question."""
    notes = st.container()
    with st.sidebar:
        titles = {name: case.title for name, case in CASES.items()}
        name = pick(
            "case", titles, next(iter(CASES)), "Case", "There is no case called {}", "Which pair of models.",
            notes=notes,
        )  # fmt: skip
    case = CASES[name]
    failure, family = leak_of(case), find(case.family)
    space = data.load(failure.data).space
    knobs = {side: failure.of(None if side == case.liar else failure.cures[0])[1] for side in SIDES}
    configs = {side: family.configure(space, knobs[side]).model_dump() for side in SIDES}
    wanted = [Wanted(family, failure.data, 0, configs[side]) for side in SIDES]
    try:
        runs = runs_together(wanted)
    except Refused as refusal:
        complain(refusal)
        st.stop()
    finally:
        write(notes)
    words = kit.words_of(family)

    @st.fragment(run_every=2.0)
    def both() -> None:
        pair_of_runs(
            runs, wanted, key="pair", titles=[f"Model {side}" for side in SIDES], verdicts=[[], []],
            legend=words.legends.get(space.kind, ()), players=family.players, labels=words.labels,
            charts=words.charts,
        )  # fmt: skip

    both()
    left, right = st.columns([3, 2], gap="large")
    with left:
        look(dict(zip(SIDES, runs, strict=True)), case)
    with right:
        question(name, case, failure)


def look(runs: dict[str, str], case: Case) -> None:
    """The instruments, for one of the two models."""
    side = st.segmented_control("Examine", SIDES, default="A", required=True, key="examine",
                                format_func=lambda side: f"Model {side}")  # fmt: skip
    run = runs[str(side)]
    family = find(case.family)
    room = kit.Room(family, run, data.load(store.read_info(store.folder(run)).data).space, True)
    case.examine(room)


def question(name: str, case: Case, failure: Failure) -> None:
    """Which one lies, and how; then the answer, and the way to the cure."""
    st.markdown("**Which model lies, and how?**")
    with st.form(f"question {name}", border=True):
        side = st.radio("The model", SIDES, index=None, key=f"side {name}", horizontal=True,
                        format_func=lambda side: f"Model {side}")  # fmt: skip
        why = st.radio("What is wrong", list(ANSWERS), index=None, key=f"why {name}",
                       format_func=ANSWERS.__getitem__)  # fmt: skip
        told = st.form_submit_button("Say so", icon=":material/gavel:")
    if told:
        st.session_state[f"_told {name}"] = (side, why)
    said: tuple[Any, Any] | None = st.session_state.get(f"_told {name}")
    if said is None:
        return
    if said == (case.liar, failure.symptom):
        reveal(case, failure)
    elif said[0] is None or said[1] is None:
        st.info("Choose a model and what is wrong with it.")
    elif said[0] != case.liar:
        st.info(f"Not model {said[0]}: examine it, and nothing is wrong there. How good is its loss?")
    else:
        st.info("The model is right, the reason is not. Look once more at what the instrument shows.")


def reveal(case: Case, failure: Failure) -> None:
    """What was wrong, and the cure."""
    (cure, *_) = failure.cures
    st.success(f"Yes: model {case.liar} lies.")
    st.markdown(f"**{failure.title}.** {failure.seen}")
    st.markdown(f"**Cure: {cure.change}.** {cure.why}.")
    with st.container(horizontal=True):
        st.link_button("Open the liar", link(failure.address()), icon=":material/open_in_new:")
        st.link_button("Open it cured", link(failure.address(cure)), icon=":material/check_circle:")
