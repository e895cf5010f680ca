"""What the style room gives beside what one takes home from any room: the picture without loss, and its
making-of as a GIF."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import streamlit as st
from PIL import Image
from safetensors.numpy import load

from engine.config import Refused
from lab.kit.answers import parts
from lab.kit.room import Room
from lab.runs import store
from lab.style.pictures_tab import encoded

LONGEST = 320  # pixels
FRAMES = 48
MILLISECONDS, PAUSE = 140, 2000  # for each picture, and for the last one


@st.fragment
def keep_it(room: Room) -> None:
    st.markdown("**The picture**, at full size and without loss, as it is when you press the button:")
    name = store.read_info(store.folder(room.run)).data.replace(".", "-")
    _button("Picture (PNG)", lambda: png(room), f"{name}.png", "image")
    st.markdown(
        "**The making-of**, from the pictures that the run has kept. Most of them are early, because the "
        "early rounds change most."
    )
    _button("Film (GIF)", lambda: film(room.run), f"{name}.gif", "gif")
    st.caption(
        "A GIF opens everywhere. *Take home*, under the stage, has the film as WebP, which is sharper, and "
        "the link to this setting."
    )


def _button(label: str, make: Callable[[], bytes], name: str, icon: str) -> None:
    # the file is made when the button is pressed, in its own thread: the page does not wait
    mime, icon = f"image/{name.rpartition('.')[2]}", f":material/{icon}:"
    st.download_button(label, make, name, mime, key=f"keep-{name}", icon=icon, on_click="ignore")


def png(room: Room) -> bytes:
    """The present picture; for a recording without its model, the last picture that was kept."""
    if room.live:
        *_, answer = parts(room, "result")
        image = Image.fromarray(answer["picture"])
    else:
        image = pictures(room.run)[-1]
    return encoded(image, "png", optimize=True)


def pictures(run: str) -> list[Image.Image]:
    """The keyframes of a run, in order. Raises `Refused` if there are none yet."""
    at = store.folder(run)
    frames = [load(store.keyframe(at, round).read_bytes())["photo/result"] for round in store.keyframes(at)]
    if not frames:
        raise Refused("This run has kept no pictures yet; let it train for a moment.")
    return [Image.open(io.BytesIO(frame.tobytes())).convert("RGB") for frame in frames]


def film(run: str) -> bytes:
    """The making-of as a GIF of a few megabytes at most."""
    every = pictures(run)
    if len(every) > FRAMES:
        every = [every[i * (len(every) - 1) // (FRAMES - 1)] for i in range(FRAMES)]
    scale = min(1.0, LONGEST / max(every[-1].size))
    size = (round(every[-1].width * scale), round(every[-1].height * scale))
    first, *rest = [frame.resize(size, Image.Resampling.LANCZOS) for frame in every]
    how: dict[str, Any] = {"save_all": True, "append_images": rest, "loop": 0, "optimize": True}
    return encoded(first, "gif", duration=[MILLISECONDS] * len(rest) + [PAUSE], **how)
