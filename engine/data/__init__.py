"""Data: distributions with known densities, digits, sounds, names, torchvision's data sets, and what users
bring."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from engine.brought.table import read_csv
from engine.config import Refused
from engine.data.albums import keep_images, load_images
from engine.data.builtin import DIGITS, TARGETS, Choice, digits, sampled, shapes
from engine.data.dataset import Dataset, batches, floats
from engine.data.faces import faces
from engine.data.keep import home_of, keep
from engine.data.network import SETS, download
from engine.data.pens import PENS, as_digit, as_steps, pen_digits, pen_words
from engine.data.pictures import keep_mask, keep_picture, picture, picture_names
from engine.data.points import keep_points, load_points
from engine.data.transfer import load_transfer
from engine.data.villages import VILLAGES, chief_towns, villages
from engine.data.waves import SOUNDS, inverse_mu_law, is_here, mu_law, sounds
from engine.space import Line, Pen, Picture, Plane, Script, Space, Text, Wave

__all__ = [
    "Choice", "Dataset", "as_digit", "as_steps", "batches", "chief_towns", "floats", "inverse_mu_law", "keep",
    "keep_images", "keep_mask", "keep_picture", "keep_points", "load", "mu_law", "names", "picture",
    "picture_names", "read_csv",
]  # fmt: skip

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}(\.[a-z0-9][a-z0-9-]{0,40}){0,3}")


def names(kind: type[Space] = Space) -> list[Choice]:
    """The built-in data of this kind, in teaching order."""
    choices = []
    for name, (title, says, make) in TARGETS.items():
        target = make()
        choices.append(Choice(name, title, Line if target.d == 1 else Plane, False, says, target.pieces > 1))
    choices += [Choice(name, title, Picture, False, says) for name, (title, says, _) in DIGITS.items()]
    says = "10,000 faces composed of drawn layers, 16 x 16 pixels, each pixel one of 16 colours."
    choices.append(Choice("pixel-faces", "Faces in 16 colours", Picture, False, says))
    says = "10,000 drawn ellipses whose position, size and aspect are known and independent."
    choices.append(Choice("ellipses", "Ellipses", Picture, False, says, labelled=False))
    choices += [Choice(s.name, s.title, Picture, True, s.says) for s in SETS.values()]
    for name, (title, says) in SOUNDS.items():
        choices += [Choice(name, title, Wave, False, says)] if is_here(name) else []
    for name, (title, says) in VILLAGES.items():
        choices.append(Choice(name, title, Text, False, says, labelled=name == "villages-by-region"))
    for name, (title, says) in PENS.items():
        digits_too = name == "pen-digits"
        choices.append(Choice(name, title, Pen if digits_too else Script, False, says))
    return [choice for choice in choices if issubclass(choice.space, kind)]


def load(name: str, home: Path | None = None) -> Dataset:
    """The data called `name`: a built-in name, or one that `keep_points` or `keep_images` has returned.

    `home` is where users' data are kept: $GENLAB_HOME or "runs" if None. The result is cached and shared: do
    not write into its tensors. Raises `Refused` if the name is unknown or needs a network that is not there.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Refused(
            f"{str(name)[:60]!r} cannot name data: use at most 41 small letters, digits and hyphens, and "
            "dots between the pictures of a transfer."
        )
    return _load(name, home_of(home))


@lru_cache(maxsize=32)
def _load(name: str, home: Path) -> Dataset:
    if name in TARGETS:
        title, _, make = TARGETS[name]
        return sampled(name, title, make(), "Samples of a distribution whose density is known exactly.")
    if name in DIGITS:
        return digits(name)
    if name == "pixel-faces":
        return faces()
    if name == "ellipses":
        return shapes()
    if name in SETS:
        return download(name, home)
    if name in SOUNDS:
        return sounds(name)
    if name in VILLAGES:
        return villages(name)
    if name in PENS:
        return pen_digits() if name == "pen-digits" else pen_words(name)
    if "." in name:
        return load_transfer(name, home)
    kind = name.partition("-")[0]
    load_kept = {"drawn": load_points, "csv": load_points, "images": load_images}.get(kind)
    if load_kept and re.fullmatch(r"[a-z]+-[0-9a-f]{12}", name):
        return load_kept(name, home)
    raise Refused(f"There is no data called {name!r}; choose from {', '.join(c.name for c in names())}.")
