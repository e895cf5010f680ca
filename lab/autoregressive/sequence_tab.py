"""Tools of the room of sounds."""

from __future__ import annotations

import io
import wave

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from engine.config import Refused
from lab.kit.answers import ask, ask_again, parts
from lab.kit.charts import show_chart
from lab.kit.palette import ink
from lab.kit.pickers import data_of, number_of_z
from lab.kit.plain import complain
from lab.kit.room import Room

GAIN = 0.9  # of full scale


@st.fragment
def sound_tab(room: Room) -> None:
    """A sound of the model, and the data's own, to be heard."""
    st.markdown("The model writes a sound, one sample after another. Each is drawn from a distribution over "
                "levels that depends on the samples before it.")  # fmt: skip
    chosen = label_picker(room, "What to say")
    seed = number_of_z("Seed of the noise", "sound-seed", 0)
    temperature = st.slider("Temperature", 0.0, 2.0, 1.0, 0.05, key="sound-temperature")
    if st.button("Write and play", icon=":material/play_arrow:", key="sound-go"):
        try:
            *_, last = parts(room, "utter", label=chosen, seed=seed, temperature=temperature)
            st.session_state["_sound"] = (last["wave"], last["rate"])
        except Refused as refusal:
            complain(refusal)
    if said := st.session_state.get("_sound"):
        player("The model", "model", *said)
    if own := ask(room, "clip", label=chosen):
        player("The data", "data", own["wave"], own["rate"])
        ask_again(room, own, "sound-again")


def label_picker(room: Room, title: str) -> int:
    """The number of the label that is chosen; 0 where there are none."""
    names = data_of(room).labels
    if not names:
        return 0
    return int(st.selectbox(title, range(len(names)), format_func=names.__getitem__, key=f"label {title}"))


def player(title: str, role: str, samples: np.ndarray, rate: int) -> None:
    """A wave as a curve, and a button that plays it."""
    figure = go.Figure()
    figure.add_scatter(
        x=np.arange(len(samples)) / rate,
        y=samples,
        line={"color": ink(role), "width": 1},
    )
    figure.update_xaxes(title="seconds")
    figure.update_yaxes(range=[-1, 1])
    st.markdown(f"**{title}**")
    show_chart(figure, f"wave of {title}", f"{title}: amplitude over time", height=150, showlegend=False)
    st.audio(as_wav(samples, rate), format="audio/wav")


def as_wav(samples: np.ndarray, rate: int) -> bytes:
    """A WAV file of 16 bits, twice as many samples a second, because not every browser plays so few."""
    places = np.arange(2 * len(samples)) / 2
    finer = np.interp(places, np.arange(len(samples)), samples)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(2 * rate)
        file.writeframes((finer.clip(-1, 1) * GAIN * 32767).astype("<i2").tobytes())
    return out.getvalue()


@st.fragment
def field_tab(room: Room) -> None:
    """How far back a sample is predicted from."""
    st.markdown("How far back does the net listen? The curve shows how much the distribution of one sample "
                "depends on each of the samples before it, measured by gradients.")  # fmt: skip
    chosen = label_picker(room, "Sound")
    sample = st.slider("Sample", 50, 2000, 900, 10, key="field-sample")
    if not (answer := ask(room, "hear", label=chosen, sample=sample)):
        return
    heat = answer["heat"]
    figure = go.Figure()
    figure.add_scatter(x=np.arange(-len(heat), 0), y=heat, line={"color": ink("gradient")})
    figure.update_xaxes(title="samples before")
    figure.update_yaxes(title="influence")
    show_chart(figure, "field-chart", "Influence of each earlier sample", height=240)
    ms = 1000 * answer["field"] / answer["rate"]
    says = (
        f"It depends on samples up to **{answer['field']}** before it, {ms:.0f} ms. The field of this net is "
        f"{answer['declared']}."
    )
    if answer["ahead"]:
        says += f" And it depends on **{answer['ahead']} later samples**: the future leaks in."
    st.markdown(says)
    ask_again(room, answer, "field-again")
