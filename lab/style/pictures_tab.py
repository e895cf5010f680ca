"""The choice of pictures for a transfer: content, style, a second style, and a mask. Together they make the
name of the data, which the address keeps."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import streamlit as st
from PIL import Image, ImageOps

from engine import data
from engine.config import Refused
from engine.data.transfer import MASKS, Parts
from lab.kit.address import asked, keep, show
from lab.kit.plain import complain
from lab.kit.upload import keep_upload
from lab.runs import store

USUAL = "china.brushstrokes"
KEPT = re.compile(r"(photo|painted)-[0-9a-f]{12}")
UPLOAD, CAMERA = "upload", "camera"
STARTS = " Changing it starts a new picture."
WIDTH, HEIGHT = 88, 66  # pixels of a thumbnail
Role = Literal["content", "style", "second", "mask"]


def choose_pictures(default: str, notes: Any) -> str:
    """Show the widgets and return the name of the data that they choose; complain in `notes`."""
    name = asked("data", default)
    try:
        now = Parts.of(name)
        strange = [part for part in now if part and part not in _listed() and not KEPT.fullmatch(part)]
    except Refused:
        strange = [name]
    if strange:
        complain(f"There is no picture called {strange[0][:40]!r}; here is {_title(default)}.", notes)
        now = Parts.of(default)
    show("data", now.name)
    for part in now:
        if KEPT.fullmatch(part) and part not in _brought():
            _brought().append(part)
    _gallery("content", "Content", now, "What the picture shows.")
    _gallery("style", "Style", now, "How it is painted.")
    second = "A style to blend with the first; a slider sets its share."
    _select("second", "Second style", now, "none", second)
    where = "Where style is wanted; elsewhere the content stays as it is."
    _select("mask", "Where", now, "everywhere", where)
    keep("data", now.name, default)
    return now.name


def _title(name: str) -> str:
    now = Parts.of(name)
    return f"{_titles('content')[now.content]} in the style of {_titles('style')[now.style]}"


@cache
def _listed() -> dict[str, str]:
    """The titles of all built-in pictures, by name."""
    roles = ("content", "style", "mask")
    return {choice.name: choice.title for role in roles for choice in data.picture_names(role)}


def _titles(role: Role, now: str = "") -> dict[str, str]:
    """The titles of the pictures for a role, by name: built-in ones and the visitor's own."""
    kind = role if role in ("content", "mask") else "style"
    titles = {choice.name: choice.title for choice in data.picture_names(kind)}
    own = [name for name in _brought() if name.startswith(MASKS) == (role == "mask")]
    titles |= {name: f"Yours {i}" if len(own) > 1 else "Yours" for i, name in enumerate(own, 1)}
    if now and now not in titles:  # a link may have a photograph as style
        titles[now] = _listed()[now]
    return titles


def _brought() -> list[str]:
    """The pictures that this visitor has brought or opened by a link."""
    return st.session_state.setdefault("_pictures", [])


def _gallery(role: Role, label: str, now: Parts, help: str) -> None:
    """Thumbnails to choose from, and two ways to bring another picture."""
    titles = _titles(role, getattr(now, role))
    ways = {UPLOAD: ":material/upload: Upload …", CAMERA: ":material/photo_camera: Photo …"}
    st.html(_dressed(role, tuple(titles)))
    _choose(st.pills, role, label, now, titles | ways, help, required=True)


def _select(role: Role, label: str, now: Parts, none: str, help: str) -> None:
    upload = f"Upload a {'mask' if role == 'mask' else 'picture'} …"
    titles = {"": none} | _titles(role, getattr(now, role)) | {UPLOAD: upload}
    _choose(st.selectbox, role, label, now, titles, help)


def _choose(
    widget: Callable[..., Any],
    role: Role,
    label: str,
    now: Parts,
    titles: dict[str, str],
    help: str,
    **more: Any,
) -> None:
    """A widget that shows the present picture, or the way in which another one is being brought."""
    key = f"picture-{role}"
    st.session_state[key] = st.session_state.get(f"bring-{role}") or getattr(now, role)
    widget(label, list(titles), key=key, on_change=_changed, args=(role,),
           format_func=titles.__getitem__, help=help + STARTS, **more)  # fmt: skip
    _bring(role)


def _changed(role: Role) -> None:
    """A callback: another picture is chosen, or a way to bring one."""
    name = st.session_state[f"picture-{role}"]
    st.session_state.pop(f"bring-{role}", None)
    if name in (UPLOAD, CAMERA):
        st.session_state[f"bring-{role}"] = name
    else:
        _take(role, name)


def _take(role: Role, name: str) -> None:
    st.session_state["data"] = Parts.of(st.session_state["data"])._replace(**{role: name}).name
    if role == "second" and name and not st.session_state.get("blend"):
        st.session_state["blend"] = 0.5  # otherwise it would not be seen


def _bring(role: Role) -> None:
    """If the visitor is bringing a picture, ask for it and take it. All else stays as it is."""
    way = st.session_state.get(f"bring-{role}")
    if not way:
        return
    if way == CAMERA:
        file = st.camera_input("Take a photo", key=f"camera-{role}", label_visibility="collapsed")
    else:
        says = "White: style. Black: content. " if role == "mask" else ""
        says += "PNG, JPEG or WebP, at most 10 MB"
        file = st.file_uploader(
            says, type=["png", "jpg", "jpeg", "webp"], max_upload_size=10, key=f"file-{role}"
        )
    if not file:
        return
    try:
        name = keep_upload("painted" if role == "mask" else "photo", file)
    except Refused as refusal:
        complain(refusal)
        return
    del st.session_state[f"bring-{role}"]
    _take(role, name)
    st.rerun()


def _dressed(role: Role, names: tuple[str, ...]) -> str:
    """The style that turns the pills of a role into thumbnails with titles under them."""
    pills = f".st-key-picture-{role} [role=radio]"
    rules = [
        f"{pills}:nth-of-type({i}) {{ background-image: url(data:image/webp;base64,{code}) }}"
        for i, name in enumerate(names, 1)
        if (code := _code(name))
    ]
    dressed = f"{pills}:nth-of-type(-n + {len(names)})"
    return f"<style>{_STYLE.replace('PILLS', dressed)}{''.join(rules)}</style>"


@cache
def _code(name: str) -> str:
    """A thumbnail in base64; empty if the picture cannot be read."""
    try:
        return base64.b64encode(thumb(name)).decode()
    except Refused:
        return ""


def thumb(name: str) -> bytes:
    """A small WebP picture, cropped to the thumbnail's shape. Raises `Refused`."""
    image = Image.fromarray(data.picture(name, store.home()))
    small = ImageOps.fit(image, (WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    return encoded(small, "webp", quality=80, method=6)


def encoded(image: Image.Image, kind: str, **how: Any) -> bytes:
    """The bytes of a file of this kind."""
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


_STYLE = """
PILLS { width: 4.7rem; height: 4.7rem; padding: 0; border-radius: 6px; align-items: end; overflow: hidden;
  background-size: 100% 3.55rem; background-repeat: no-repeat; background-position: top }
PILLS p { font-size: 0.7rem; line-height: 1.1rem }
"""
