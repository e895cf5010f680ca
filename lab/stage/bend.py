"""The change of variables on the line: a curve to bend by hand, and the density that it makes."""

from __future__ import annotations

from collections.abc import Mapping

from lab.stage.files import component

BASES = ("normal", "uniform", "mixture")
TARGETS = ("two-bumps", "three-bumps", "skew", "uniform")

_mount = component("genlab_bend", "bend/bend.js", "core/base.css", "bend/bend.css")


def bend(
    *,
    key: str,
    base: str = "normal",
    target: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> None:
    """A monotone curve z = f(x) with seven knots to drag, p_z beside it and p_x below, all in the browser.

    Args:
        key: the component's key.
        base: the density of z at first, one of `BASES`.
        target: the density to aim at, one of `TARGETS`, or None.
        labels: replaces any of the component's own sentences (see `js/bend/words.js`).
    """
    _mount(key=key, data={"base": base, "target": target, "labels": dict(labels or {})})
