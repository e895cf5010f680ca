"""Photographs, paintings and masks for style transfer: those of the lab, and those that users bring."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache, partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from engine.brought.images import flat
from engine.brought.photo import LONGEST, measured, read_photo, shrunk
from engine.config import Refused
from engine.data.builtin import ASSETS, Choice
from engine.data.keep import home_of, keep, kept
from engine.space import Picture

PAINTINGS = ASSETS / "paintings"
MASK_SIDE = 512  # pixels: both sides of a mask that is computed

Reader = Callable[[], np.ndarray]
Listed = dict[str, tuple[str, str, Reader]]  # name: title, says, reader


def _photo(package: str, path: str) -> np.ndarray:
    """A picture in an installed package, which is not imported, because that takes seconds."""
    spec = find_spec(package)
    files = [Path(root) / path for root in (spec and spec.submodule_search_locations) or ()]
    if not any(file.is_file() for file in files):
        raise Refused(f"The picture {path} is missing; install scikit-learn and scikit-image again.")
    return shrunk(flat(path, Image.open(files[0]), LONGEST))


def _skimage(file: str) -> Reader:
    return partial(_photo, "skimage", f"data/{file}")


def _sklearn(file: str) -> Reader:
    return partial(_photo, "sklearn", f"datasets/images/{file}")


def _painting(name: str) -> Reader:
    return lambda: np.asarray(Image.open(PAINTINGS / f"{name}.webp").convert("RGB"))


def _mask(white: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Reader:
    """A mask that is white where `white(x, y)`, of coordinates from -1 to 1, is positive, and black where it
    is negative; between -1/8 and 1/8 it is grey, along a cubic that is flat at both ends."""

    def draw() -> np.ndarray:
        u = (np.arange(MASK_SIDE) + 0.5) / MASK_SIDE * 2 - 1
        t = np.clip(4 * np.broadcast_to(white(u[None], u[:, None]), (MASK_SIDE, MASK_SIDE)) + 0.5, 0, 1)
        return _grey(np.rint(255 * t * t * (3 - 2 * t)).astype(np.uint8))

    return draw


# fmt: off
CONTENT: Listed = {
    "china": ("Temple", "A tower of the Summer Palace: straight edges and sky.", _sklearn("china.jpg")),
    "flower": ("Flower", "A dahlia: one shape on a soft background.", _sklearn("flower.jpg")),
    "cat": ("Cat", "Chelsea the cat: fur, and a face that must remain a face.", _skimage("chelsea.png")),
    "astronaut": ("Astronaut", "Eileen Collins: the hardest test, a human face.", _skimage("astronaut.png")),
    "coffee": ("Coffee", "A cup on wood: ellipses, and large calm areas.", _skimage("coffee.png")),
    "rocket": ("Rocket", "A launch at night: darkness and one bright line.", _skimage("rocket.jpg")),
    "motorcycle": ("Motorcycle", "Many small parts: which survive?", _skimage("motorcycle_left.png")),
    "galaxies": ("Galaxies", "Hubble's deep field: dots in the dark.", _skimage("hubble_deep_field.jpg")),
}
STYLE: Listed = {
    "brushstrokes": ("Brush strokes", "A night sky in thick swirling paint.", _painting("brushstrokes")),
    "woodcut": ("Woodcut", "A great wave in carved lines of Prussian blue.", _painting("woodcut")),
    "glass": ("Stained glass", "Jewel colours between dark lines of lead.", _painting("glass")),
    "mosaic": ("Mosaic", "Stones of gold and blue, in rows along the drawing.", _painting("mosaic")),
    "pointillism": ("Dots", "A river in dots of pure colour that mix in the eye.", _painting("pointillism")),
    "ink": ("Ink", "Mountains in mist: almost no colour except one red.", _painting("ink")),
    "watercolour": ("Watercolour", "Poppies, wet in wet, on rough paper.", _painting("watercolour")),
    "impasto": ("Palette knife", "Autumn by a lake in broad, thick dabs.", _painting("impasto")),
    "pastel": ("Chalk", "Lavender, hatched in crossed strokes.", _painting("pastel")),
    "cubes": ("Facets", "Sails in a harbour, broken into planes.", _painting("cubes")),
    "marble": ("Marbled paper", "Floating inks, drawn with combs.", _painting("marble")),
    "brick": ("Bricks", "A photograph of a wall, in grey.", _skimage("brick.png")),
    "grass": ("Grass", "A photograph of blades, in grey.", _skimage("grass.png")),
    "gravel": ("Gravel", "A photograph of stones, in grey.", _skimage("gravel.png")),
}
MASK: Listed = {
    "mask-left": ("Left half", "Style on the left, the photograph on the right.", _mask(lambda x, y: -x)),
    "mask-right": ("Right half", "Style on the right, the photograph on the left.", _mask(lambda x, y: x)),
    "mask-top": ("Upper half", "Style above, the photograph below.", _mask(lambda x, y: -y)),
    "mask-middle": (
        "Middle", "Style in an oval, the photograph outside.", _mask(lambda x, y: 0.6 - np.hypot(x, y)),
    ),
}
# fmt: on
PICTURES = CONTENT | STYLE | MASK


def picture_names(role: str) -> list[Choice]:
    """The built-in pictures for a role, "content", "style" or "mask", in teaching order. A content picture
    may also serve as style, and a style as content."""
    rows = {"content": CONTENT, "style": STYLE, "mask": MASK}[role].items()
    return [Choice(name, title, Picture, False, says, labelled=False) for name, (title, says, _) in rows]


def picture(name: str, home: Path | None = None) -> np.ndarray:
    """The picture called `name`, built-in or stored under `home` by `keep_picture` or `keep_mask`: a copy,
    uint8 (H, W, 3), with a longest side of at most 1024 pixels. Raises `Refused`."""
    if name in PICTURES:
        return _made(name).copy()
    if isinstance(name, str) and re.fullmatch(r"(photo|painted)-[0-9a-f]{12}", name):
        return _stored(name, home_of(home)).copy()
    raise Refused(f"There is no picture called {str(name)[:60]!r}; choose from {', '.join(PICTURES)}.")


@cache
def _made(name: str) -> np.ndarray:
    return PICTURES[name][2]()


@lru_cache(maxsize=16)
def _stored(name: str, home: Path) -> np.ndarray:
    x = kept(name, home)["x"]
    return x if x.ndim == 3 else _grey(x)


def keep_picture(source: bytes, home: Path | None = None) -> str:
    """Store a PNG, JPEG or WebP file under `home` and return its name, photo-<12 hex digits>. It becomes RGB
    on white, upright, of one frame, without metadata, and at most 1024 pixels long. Raises `Refused`."""
    return keep("photo", {"x": read_photo(source)}, home)


def keep_mask(source: bytes | np.ndarray, home: Path | None = None) -> str:
    """Store a mask, white where style is wanted, under `home` and return its name, painted-<12 hex digits>.
    `source` is a file as for `keep_picture`, or pixels (H, W) or (H, W, 3), uint8. Raises `Refused`."""
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim not in (2, 3) or source.shape[2:] not in ((), (3,)):
            raise Refused("A mask has pixels (height, width) from 0 to 255; give whole numbers, uint8.")
        measured(source.shape[1], source.shape[0])
        pixels = shrunk(Image.fromarray(source))
    else:
        pixels = read_photo(source)
    return keep("painted", {"x": np.asarray(Image.fromarray(pixels).convert("L"))}, home)


def _grey(x: np.ndarray) -> np.ndarray:
    return np.repeat(x[..., None], 3, axis=2)
