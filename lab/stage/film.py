"""A film: what a model makes step by step, streamed once and then scrubbed in the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.stage.files import component
from lab.stage.stage import Segment

Row = Mapping[str, Any]
"""One film: "title", a few words over it; "ask", the streaming probe that makes it; "with", its arguments."""

_mount = component("genlab_film", "film/film.js", "core/base.css", "pads/pad.css", "film/film.css")


def film(
    run: str,
    *,
    key: str,
    rows: Sequence[Row],
    screens: Mapping[str, str],
    legend: Sequence[str | Segment] = (),
    labels: Mapping[str, str] | None = None,
    pad: Mapping[str, str] | None = None,
    large: str | None = None,
    tween: bool = False,
) -> None:
    """Films under one another that share one slider of t. Each row asks a probe of the model of `run` that
    yields its answers (see `lab.probes`); they stay in the browser, so that scrubbing asks nobody.

    A part of the answer has `t`, the first one also `T` and `box` [x0, x1, y0, y1]; optional are `numbers`
    {name: value}, `note` (a sentence) and, in the first part, `columns` of a grid of pictures. Its arrays are
    `<screen>/<kind>/<name>` with the kinds of the stage, and of the first part also `still/<screen>/...`,
    which stay under all frames; `still/<screen>/label` (n,) are classes that colour the screen's points, and
    `hist/<screen>` (bins,) counts over [-4, 4].

    Args:
        run: id of the run.
        key: the component's key; always the same one on a page.
        rows: the films; only those that change are asked for again.
        screens: the caption of each screen that may be shown, in order.
        legend: one sentence in pieces, as for `stage`; a layer is `points/real` on all screens, or
            `x0/points/real` on one. `paths`, `density` and `mesh` have switches unless it speaks of them.
        labels: replaces any of the film's own sentences (see `js/film/words.js`), and
            `labels["number/SNR"]` = "signal-to-noise ratio" names a number.
        pad: `{"name": argument}`: a pad to draw a digit on, which every probe gets as this argument
            (784 bytes in base64).
        large: of many pictures, show all of this screen in a grid and the chosen one large.
        tween: there is something between two parts, too: the slider stops anywhere, points and meshes lie on
            the straight line from one part to the next, and fields are blended. The place is told by
            `labels["tweenFirst"]`, "tweenAt", "tweenIn" and "tweenLast" instead of `labels["t"]`, and the
            `note` is that of the part which is left. A screen "density" replaces the switch of that name.
    """
    data = {
        "run": run,
        "rows": [
            {"title": row.get("title", ""), "ask": row["ask"], "with": dict(row.get("with", {}))}
            for row in rows
        ],
        "screens": dict(screens),
        "legend": list(legend),
        "labels": dict(labels or {}),
        "pad": dict(pad) if pad else None,
        "large": large,
        "tween": tween,
    }
    _mount(key=key, data=data)
