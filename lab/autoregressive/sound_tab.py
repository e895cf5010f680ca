"""The tool of the rooms of sounds: hear what a model writes, and see what each sample was drawn from."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import streamlit as st

from engine.autoregressive.wavenet import WaveNet, WaveNetConfig
from engine.config import Refused
from engine.data.waves import SILENCE
from lab.kit.plain import complain
from lab.kit.room import Room
from lab.kit.subject import recordings
from lab.kit.upload import read_upload
from lab.runs import store
from lab.runs.supervisor import NO_MODEL
from lab.stage import scope

BROUGHT = "_sound"


@st.fragment
def sound_tab(room: Room) -> None:
    """The model writes a sound; it is heard beside the data's own, and beside what other nets write."""
    if not room.live:
        st.info(NO_MODEL)
        return
    place = st.container()
    sound = brought(*room.space.shape)
    with place:
        scope(room.run, key="scope", round=room.round, others=others(room), brought=sound)


def others(room: Room) -> list[dict[str, Any]]:
    """The recordings of WaveNet on these data, with what can be chosen: field and levels."""
    data = store.read_info(store.folder(room.run)).data
    told: list[dict[str, Any]] = []
    for name, (one, _) in recordings().items():
        if (one.family, one.data) == (WaveNet.name, data):
            config = WaveNet.configure(room.space, dict(one.knobs))
            assert isinstance(config, WaveNetConfig)
            told.append({"run": name, "field": config.field, "levels": int(config.levels)})
    return told


def brought(samples: int) -> dict[str, str] | None:
    """The first `samples` of a sound that a visitor has brought, as the scope takes it."""
    with st.expander("Or bring a sound of your own"):
        file = st.file_uploader(
            "WAV file", type=["wav"], max_upload_size=10, key="sound-file",
            on_change=lambda: st.session_state.pop(BROUGHT, None),
        )  # fmt: skip
        st.caption("How well does the model predict you? It hears the beginning, 4,000 samples a second.")
        if file is not None:
            try:
                st.session_state[BROUGHT] = file.name, read_upload("sound", file)
            except Refused as refusal:
                complain(refusal)
    if BROUGHT not in st.session_state:
        return None
    name, wave = st.session_state[BROUGHT]
    whole = np.full(samples, SILENCE, np.uint8)
    whole[: len(wave)] = wave[:samples]
    return {"name": name, "wave": base64.b64encode(whole.tobytes()).decode()}
