"""A reel: a few of the pictures that a run has kept, small enough for a card of the map or the list of runs.

It is one frame of the wire, whose arrays have the number of their picture before their name: "3/points/fake".
What it takes of a picture depends on the arrays that are there, as on the stage.
"""

from __future__ import annotations

import json
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load

from engine.config import Refused
from lab.runs import store, wire

FRAMES = 12
WORDS, PIXELS = 8, 160  # lines of a text, and places of a wave
DOTS, TILES, SIDE, PHOTO = 160, 9, 24, 240  # points, pictures, nodes of a field, pixels of a photograph
TRACKS = {"images/samples": TILES, "strokes/samples": 9, "wave/samples": 4}
KINDS = ("photo/result", "codes/test", *TRACKS, "words/samples", "line/model density", "points/fake")
"""What may be in a picture: the first that is there is what the card shows."""
POINTS = ("points/real", "points/fake")
Arrays = dict[str, np.ndarray]


def reel(at: Path, most: int = FRAMES) -> bytes:
    """At most so many pictures of a run, the last one among them. Raises `Refused` if it has none."""
    kept = store.keyframes(at)
    if not kept:
        raise Refused(f"Run {at.name} has kept no picture yet.")
    changed = store.keyframe(at, kept[-1]).stat().st_mtime_ns
    return _reel(at, min(most, len(kept)), len(kept), changed)


@lru_cache(256)
def _reel(at: Path, most: int, of: int, changed: int) -> bytes:
    kept = store.keyframes(at)
    rounds = [kept[round(i)] for i in np.linspace(len(kept) - 1, 0, most)][::-1]
    arrays: Arrays = {}
    about: dict[str, Any] = {"rounds": rounds, "kind": ""}
    for i, one in enumerate(rounds):
        frame, says = _read(store.keyframe(at, one))
        kind = next((name for name in KINDS if name in frame), "")
        about |= {"kind": kind or about["kind"], "box": says.get("box")}
        small = _small(kind, frame)
        arrays |= {f"{i}/{name}": array for name, array in small.items()}
    return wire.pack_frame(arrays, about)


def _read(file: Path) -> tuple[Arrays, dict[str, Any]]:
    """A kept picture, and what it says of itself."""
    try:
        frame = file.read_bytes()
        return load(frame), json.loads(wire.header(frame)["frame"])
    except (SafetensorError, ValueError, KeyError) as error:
        raise Refused(f"{file.name} of run {file.parents[1].name} is damaged.") from error


def _small(kind: str, frame: Arrays) -> Arrays:
    """What a card shows of a picture, and no more of it than it can show."""
    if kind == "photo/result":
        return {kind: _photo(frame[kind])}
    if kind in TRACKS:
        array = _some(frame[kind], TRACKS[kind])
        return {kind: _outline(array) if kind == "wave/samples" else array}
    if kind == "words/samples":
        return {kind: _lines(frame[kind], WORDS)}
    if kind == "codes/test":
        named = {name: _some(frame[name], DOTS) for name in (kind, "codes/label") if name in frame}
        return named | {name: frame[name] for name in ("box/plane",) if name in frame}
    if kind == "line/model density":
        return {name: _some(frame[name], 121) for name in ("line/truth density", kind) if name in frame}
    fields = [name for name in frame if name.startswith("field/")][:1]
    # a density says where the samples are, and few of the data do not hide it
    points = {"points/real": DOTS // 3} if "field/density" in fields else dict.fromkeys(POINTS, DOTS)
    told = {name: _some(frame[name], most) for name, most in points.items() if name in frame}
    return told | {name: _field(frame[name]) for name in fields}


def _some(array: np.ndarray, most: int) -> np.ndarray:
    """So many rows of an array, evenly chosen: of pictures in rows of one label, some of each."""
    chosen = np.linspace(0, len(array) - 1, min(most, len(array))).round().astype(int)
    rows = array[chosen]
    return rows.astype(np.float16) if rows.dtype.kind == "f" else rows


def _outline(waves: np.ndarray) -> np.ndarray:
    """Waves (n, T) as the lowest and the highest of some samples at a time, in turn: they look the same on a
    card, where many lie on one pixel."""
    parts = np.array_split(waves, min(PIXELS, waves.shape[1]), axis=1)
    return np.stack([end for part in parts for end in (part.min(1), part.max(1))], 1)


def _lines(text: np.ndarray, most: int) -> np.ndarray:
    """So many lines of a text in bytes."""
    return np.frombuffer(b"\n".join(bytes(text).split(b"\n")[:most]), np.uint8)


def _field(field: np.ndarray) -> np.ndarray:
    """Every few nodes of a grid."""
    nodes = (np.linspace(0, side - 1, min(SIDE, side)).round().astype(int) for side in field.shape[:2])
    return field[np.ix_(*nodes)]


def _photo(coded: np.ndarray) -> np.ndarray:
    photo = Image.open(BytesIO(coded.tobytes()))
    photo.thumbnail((PHOTO, PHOTO))
    out = BytesIO()
    photo.convert("RGB").save(out, "WEBP", quality=60)
    return np.frombuffer(out.getvalue(), np.uint8)
