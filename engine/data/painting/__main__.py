"""Paint all style pictures anew: `python -m engine.data.painting` writes assets/paintings."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from PIL import Image

from engine.data.pictures import PAINTINGS, STYLE

if __name__ == "__main__":
    PAINTINGS.mkdir(exist_ok=True)
    for name in filter(lambda name: find_spec(f"engine.data.painting.{name}"), STYLE):
        painting = import_module(f"engine.data.painting.{name}").paint()
        Image.fromarray(painting).save(PAINTINGS / f"{name}.webp", quality=92, method=6)
