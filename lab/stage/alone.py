"""Components that need no run: a pad to draw on, a curve to bend, two pictures with a handle between them.

In each, `key` is the component's key, always the same one on a page.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from lab.stage.files import component

MOST_POINTS = 2000
REACH = 3.0
BASES = ("normal", "uniform", "mixture")
TARGETS = ("two-bumps", "three-bumps", "skew", "uniform")

_sketch = component("genlab_sketch", "pads/sketch.js", "core/base.css", "pads/sketch.css")
_bend = component("genlab_bend", "bend/bend.js", "core/base.css", "bend/bend.css")
_split = component("genlab_split", "photo/split_view.js", "core/base.css", "photo/split.css")


def sketch(*, key: str) -> dict[str, Any] | None:
    """A square pad over [-3, 3] x [-3, 3] on which a student draws a distribution with mouse, finger or pen.

    Returns:
        `{"points": [[x, y], ...]}` during the rerun after "Use this drawing" was pressed,
        with 2 to 2,000 points inside the box; otherwise None. What a browser sends that
        is not of that form counts as None.
    """
    return _checked(_sketch(key=key, data={"height": 420}, on_drawn_change=lambda: None).drawn)


def _checked(drawn: Any) -> dict[str, Any] | None:
    """The drawing if it is well formed: the browser is not to be trusted."""
    points = drawn.get("points") if isinstance(drawn, Mapping) else None
    if not isinstance(points, list) or not 2 <= len(points) <= MOST_POINTS:
        return None
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            return None
        if not all(isinstance(value, (int, float)) and -REACH <= value <= REACH for value in point):
            return None
    return {"points": [[float(x), float(y)] for x, y in points]}


def bend(*, key: str, base: str = "normal", target: str | None = None) -> None:
    """A monotone curve z = f(x) with seven knots to drag, p_z beside it and p_x below, all in the browser.
    At first z has the density `base`, one of BASES; `target`, one of TARGETS or None, is that to aim at."""
    _bend(key=key, data={"base": base, "target": target})


def split(*, key: str, left: bytes, right: bytes, labels: Mapping[str, str]) -> None:
    """Two pictures in one place with a handle between them, as the stage does with a run's photographs.

    Args:
        left, right: PNG, JPEG or WebP files of the same proportions. `right` is seen whole at first. The
            handle stays where it is when they change.
        labels: `left` and `right` name the pictures; the others replace any of the stage's own sentences
            (see `js/core/words.js`).
    """
    coded = {"left": b64encode(left).decode(), "right": b64encode(right).decode()}
    _split(key=key, data={**coded, "labels": labels, "height": 480})
