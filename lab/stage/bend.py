"""The change of variables on the line: a curve to bend by hand, and the density that it makes."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from lab.stage.stage import DRAWING, read_assets

BASES = ("normal", "uniform", "mixture")
TARGETS = ("two-bumps", "three-bumps", "skew", "uniform")

SCRIPTS = (
    *DRAWING,
    "bend_words.js",
    "bend_math.js",
    "bend_draw.js",
    "bend_parts.js",
    "bend.js",
)

_mount = st.components.v2.component(
    "genlab_bend",
    js=read_assets(SCRIPTS) + "\nexport default mountBend;\n",
    css=read_assets(["stage.css", "bend.css"]),
)


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
        labels: replaces any of the component's own sentences (see `bend_words.js`).
    """
    _mount(key=key, data={"base": base, "target": target, "labels": dict(labels or {})})
