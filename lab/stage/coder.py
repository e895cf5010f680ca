"""A pad to draw a digit on, and the digit's way through the model of a run, live in the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.stage.files import component

_mount = component(
    "genlab_coder", "coder/coder.js", "core/base.css", "slow/drawer.css", "pads/pad.css", "coder/coder.css"
)


def coder(
    run: str,
    *,
    key: str,
    drawable: bool = True,
    classes: int = 0,
    picture: str | None = None,
    code: Sequence[Mapping[str, Any]] = (),
    links: Mapping[str, Sequence[Sequence[int]]] | None = None,
    labels: Mapping[str, str] | None = None,
) -> None:
    """A picture in, and what the model of `run` makes of it, asked over the live route (`probes.look`).

    Args:
        run: id of the run; its model is a `Coder`.
        key: the component's key; always the same one on a page.
        drawable: whether the data are 28 x 28 grey; other pictures can only be chosen.
        classes: labels to choose from, for a model that is told the label; else 0.
        picture: 784 bytes in base64 to put on the pad when they change.
        code: listings, `{"name", "first" line, "text"}`.
        links: for each box of the graph the lines that compute it, `[listing, line from 0]`.
        labels: replaces any of the component's own sentences (see `js/coder/words.js`).
    """
    data = {
        "run": run,
        "drawable": drawable,
        "labelled": classes > 0,
        "classes": classes,
        "picture": picture,
        "code": [dict(one) for one in code],
        "links": {box: [list(line) for line in lines] for box, lines in (links or {}).items()},
        "labels": dict(labels or {}),
    }
    _mount(key=key, data=data)
