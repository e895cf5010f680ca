"""A place of the plane, and its way through every layer of a flow, asked of the model at each press."""

from __future__ import annotations

from collections.abc import Mapping

from lab.stage.files import component

_mount = component("genlab_passage", "passage/passage.js", "core/base.css", "passage/passage.css")


def passage(run: str, *, key: str, labels: Mapping[str, str] | None = None) -> None:
    """The plane of the data with the density of the flow of `run`; a press on it (mouse, touch, or the arrow
    keys, which move a cross) shows the way x = h_0 -> h_1 -> ... -> h_L = z, log|det| and the Jacobian of
    each layer, and log p(x) as the sum of these. It asks the probes `plane` and `point` (`lab.probes.flow`);
    while the run trains, anew every second.

    Args:
        run: id of the run; its model is a `Flow` of points of the plane.
        key: the component's key; always the same one on a page.
        labels: replaces any of the component's own sentences (see `js/passage/words.js`).
    """
    _mount(key=key, data={"run": run, "labels": dict(labels or {})})
