"""Paint all style pictures anew: `python -m engine.data.painting` writes assets/paintings."""

from __future__ import annotations

from importlib.util import find_spec

from PIL import Image

from engine.data.pictures import PAINTINGS, STYLE, paint


def main() -> None:
    """Write a file for each style picture that is painted here."""
    PAINTINGS.mkdir(exist_ok=True)
    for name in filter(lambda name: find_spec(f"engine.data.painting.{name}"), STYLE):
        Image.fromarray(paint(name)).save(PAINTINGS / f"{name}.webp", quality=92, method=6)


if __name__ == "__main__":
    main()
