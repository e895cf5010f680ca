"""What a visitor takes home from the style room: the picture, its making-of, and the link to the setting."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image
from safetensors.numpy import load

from engine.config import Refused
from lab.kit.room import Room, address
from lab.runs import store
from lab.runs.supervisor import supervisor

LONGEST = {"gif": 320, "webp": 512}  # pixels
FRAMES = 48
MILLISECONDS, PAUSE = 140, 2000  # of a picture, and of the last one


@st.fragment
def keep_it(room: Room) -> None:
    st.markdown("**The picture**, in all its pixels and without loss, as it is when the button is pressed:")
    name = f"{store.read_info(store.folder(room.run)).data.replace('.', '-')}"
    _button("Picture (PNG)", lambda: png(room), f"{name}.png", "image/png", ":material/image:")
    st.markdown(
        "**The making-of**, from the pictures that the run has kept: the early rounds change most, so most "
        "are early."
    )
    with st.container(horizontal=True):
        _button(
            "Film (WebP)",
            lambda: film(room.run, "webp"),
            f"{name}-film.webp",
            "image/webp",
            ":material/movie:",
        )
        _button("Film (GIF)", lambda: film(room.run, "gif"), f"{name}.gif", "image/gif", ":material/gif:")
    st.caption("WebP is sharper and smaller; GIF opens everywhere.")
    st.markdown(
        "**The link to this setting**: who opens it sees the same picture come about, number for number."
    )
    st.code(link(room), language=None, wrap_lines=True)
    if "photo-" in link(room) or "painted-" in link(room):
        st.caption("Pictures of your own are kept on this machine: the link works here only.")


def _button(label: str, make: Callable[[], bytes], name: str, mime: str, icon: str) -> None:
    # made when it is pressed, in a thread of its own: the page does not wait
    st.download_button(label, make, name, mime, key=f"keep-{name}", icon=icon, on_click="ignore")


def link(room: Room) -> str:
    """The address of this setting, without the run."""
    info = store.read_info(store.folder(room.run))
    here = (st.context.url or "").partition("?")[0] or f"/{room.family.name}"
    return f"{here}?{address(room.family, info.data, info.seed, info.config)}"


def png(room: Room) -> bytes:
    """The picture now; of a recording without its model, the last one that was kept."""
    if room.live:
        image = Image.fromarray(supervisor().probe(room.run, "result")["picture"])
    else:
        image = pictures(room.run)[-1]
    return _bytes(image, "png", optimize=True)


def pictures(run: str) -> list[Image.Image]:
    """The run's keyframes, in order. Raises `Refused` where there are none yet."""
    at = store.folder(run)
    found = [_picture(store.keyframe(at, round)) for round in store.keyframes(at)]
    if not found:
        raise Refused("This run has kept no pictures yet; let it train for a moment.")
    return found


def _picture(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(load(path.read_bytes())["photo/result"].tobytes())).convert("RGB")


def film(run: str, kind: str) -> bytes:
    """The making-of as an animated picture, "gif" or "webp", at most a few megabytes."""
    every = pictures(run)
    if len(every) > FRAMES:
        every = [every[i * (len(every) - 1) // (FRAMES - 1)] for i in range(FRAMES)]
    scale = min(1.0, LONGEST[kind] / max(every[-1].size))
    size = (round(every[-1].width * scale), round(every[-1].height * scale))
    first, *rest = [one.resize(size, Image.Resampling.LANCZOS) for one in every]
    how: dict[str, Any] = {"quality": 80, "method": 3} if kind == "webp" else {"optimize": True}
    how |= {"save_all": True, "append_images": rest, "loop": 0}
    return _bytes(first, kind, duration=[MILLISECONDS] * len(rest) + [PAUSE], **how)


def _bytes(image: Image.Image, kind: str, **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()
