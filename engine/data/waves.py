"""Sounds, each sample a byte under the mu-law: spoken digits, and strokes of drums."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from engine.config import Refused
from engine.data.builtin import ASSETS, listed, opened
from engine.data.dataset import Dataset
from engine.space import Wave

SOUNDS = {
    "voices": ("Spoken digits", "The digits in Russian, each said once by one woman."),
    "voices-english": (
        "Spoken digits, English",
        "The digits 0 to 9 in English, each said once by one woman.",
    ),
    "drums": ("Drums", "26 strokes of a tabla and 10 of other drums, of 13 kinds."),
}
"""Title and sentence by name."""
SILENCE = 128
"""The byte of silence; 127 is as quiet."""
MU = 255


def mu_law(x: Tensor) -> Tensor:
    """The value in [-1, 1] under the mu-law of an amplitude x in [-1, 1] (ITU-T G.711): quiet sounds get more
    of the levels than loud ones. Its byte is `engine.space.level(mu_law(x), 256)`."""
    return x.sign() * torch.log1p(MU * x.abs()) / math.log1p(MU)


def inverse_mu_law(y: Tensor) -> Tensor:
    """The amplitude x in [-1, 1] whose value under the mu-law is y in [-1, 1], as a loudspeaker plays it."""
    return y.sign() * torch.expm1(y.abs() * math.log1p(MU)) / MU


def is_here(name: str) -> bool:
    """Whether the file of these sounds is there: one under a share-alike licence may be left out."""
    return (ASSETS / f"{name}.npz").exists()


def sounds(name: str) -> Dataset:
    """The clips of that name, uint8 (N, T), with silence after the end of each. Raises `Refused` if their
    file was left out."""
    if not is_here(name):
        raise Refused(f"{name}.npz is not among the assets of this lab; choose other sounds.")
    held = opened(name)
    ends, rate = held["offset"], int(held["rate"][0])
    clips = np.full((len(ends) - 1, np.diff(ends).max()), SILENCE, np.uint8)
    for clip, start, end in zip(clips, ends, ends[1:], strict=False):
        clip[: end - start] = held["wave"][start:end]
    x, y = torch.from_numpy(clips), torch.from_numpy(held["label"].astype(np.int64))
    labels = tuple(listed(held["kind_text"]) if "kind_text" in held else map(str, range(10)))
    return Dataset(
        name=name,
        title=SOUNDS[name][0],
        x=x,
        y=y,
        test_x=x,
        test_y=y,
        space=Wave(x.shape[1:], len(labels), name, rate=rate),
        labels=labels,
        note=f"{len(x)} clips at {rate:,} samples a second, each with the same peak, followed by silence "
        "up to the longest; there is one take of each, so the test clips are the training clips.",
    )
