"""A pad on which a student draws the distribution a model is to learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.stage.files import component

MOST_POINTS = 2000
REACH = 3.0

_mount = component("genlab_sketch", "pads/sketch.js", "core/base.css", "pads/sketch.css")


def sketch(*, key: str, height: int = 420, labels: Mapping[str, str] | None = None) -> dict[str, Any] | None:
    """A square pad over [-3, 3] x [-3, 3] to draw on with mouse, finger or pen.

    Args:
        key: the component's key.
        height: side of the pad in pixels, less on a narrow screen.
        labels: replaces any of the pad's own sentences (see `js/pads/sketch.js`).

    Returns:
        `{"points": [[x, y], ...]}` during the rerun after "Use this drawing" was pressed,
        with 2 to 2,000 points inside the box; otherwise None. What a browser sends that
        is not of that form counts as None.
    """
    result = _mount(
        key=key,
        data={"height": height, "labels": dict(labels or {})},
        on_drawn_change=lambda: None,
    )
    return _checked(result.drawn)


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
