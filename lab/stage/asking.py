"""Components that ask the model of a run over the live route: films, a digit's way, a place's way, a pen.

In each, `key` is the component's key, always the same one on a page, `run` is the id of the run, and `round`
the kept round whose model is asked: that of the nearest stored weights, or (None) of the newest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.stage.files import component
from lab.stage.stage import Segment

Row = Mapping[str, Any]
"""One film: "title", a few words over it; "ask", the streaming probe that makes it; "with", its arguments."""

_film = component("genlab_film", "film/film.js", "core/base.css", "pads/pad.css", "film/film.css")
_coder = component(
    "genlab_coder", "coder/coder.js", "core/base.css", "slow/drawer.css", "pads/pad.css", "coder/coder.css"
)
_passage = component("genlab_passage", "passage/passage.js", "core/base.css", "passage/passage.css")
_desk = component("genlab_desk", "desk/desk.js", "core/base.css", "desk/desk.css")
_hand = component("genlab_hand", "hand/hand.js", "core/base.css", "hand/hand.css")
_scope = component("genlab_scope", "scope/scope.js", "core/base.css", "scope/scope.css")


def film(
    run: str,
    *,
    key: str,
    rows: Sequence[Row],
    screens: Mapping[str, str],
    round: int | None = None,
    legend: Sequence[str | Segment] = (),
    labels: Mapping[str, str] | None = None,
    pad: Mapping[str, str] | None = None,
    large: str | None = None,
    tween: bool = False,
) -> None:
    """Films under one another that share one slider of t: what a model makes step by step.

    Each row asks a probe that yields its answers (see `lab.probes`); they are streamed once and stay in the
    browser, so that scrubbing asks nobody. A part of the answer has `t`, the first one also `T` and `box`
    [x0, x1, y0, y1]; optional are `numbers` {name: value}, `note` (a sentence) and, in the first part,
    `columns` of a grid of pictures. Its arrays are `<screen>/<kind>/<name>` with the kinds of the stage, and
    of the first part also `still/<screen>/...`, which stay under all frames; `still/<screen>/label` (n,) are
    classes that colour the screen's points, and `hist/<screen>` (bins,) counts over [-4, 4].

    Args:
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
    asked = [{"title": row.get("title", ""), "ask": row["ask"], "with": row.get("with", {})} for row in rows]
    data = {
        "run": run, "round": round, "rows": asked, "screens": screens, "legend": legend,
        "labels": labels or {}, "pad": pad, "large": large, "tween": tween,
    }  # fmt: skip
    _film(key=key, data=data)


def coder(
    run: str,
    *,
    key: str,
    round: int | None = None,
    drawable: bool = True,
    classes: int = 0,
    picture: str | None = None,
    code: Sequence[Mapping[str, Any]] = (),
    links: Mapping[str, Sequence[Sequence[int]]] | None = None,
) -> None:
    """A pad to draw a digit on, and the digit's way through the model, a `Coder` (the probe `look`).

    Args:
        drawable: whether the data are 28 x 28 grey; other pictures can only be chosen.
        classes: labels to choose from, for a model that is told the label; else 0.
        picture: 784 bytes in base64 to put on the pad when they change.
        code: listings, `{"name", "first" line, "text"}`.
        links: for each box of the graph the lines that compute it, `[listing, line from 0]`.
    """
    data = {
        "run": run, "round": round, "drawable": drawable, "labelled": classes > 0, "classes": classes,
        "picture": picture, "code": code, "links": links or {},
    }  # fmt: skip
    _coder(key=key, data=data)


def passage(run: str, *, key: str, round: int | None = None) -> None:
    """The plane of the data with the density of a `Flow`; a press on it (mouse, touch, or the arrow keys,
    which move a cross) shows the way x = h_0 -> h_1 -> ... -> h_L = z, log|det| and the Jacobian of each
    layer, and log p(x) as the sum of these. It asks the probes `plane` and `point`; while the run trains,
    anew every second."""
    _passage(key=key, data={"run": run, "round": round})


def desk(run: str, *, key: str, round: int | None = None, masks: bool = False, verdict: bool = True) -> None:
    """A desk on which a model of pixels writes a picture before one's eyes, with the distribution of each
    pixel beside it. A press on a bar puts another value there, and the rest is written anew. A lens paints
    what a pixel depends on; half a picture is completed eight times; small pictures show what other nets see.
    The probes are `desk`, `write`, `look`, `example`, `fields` and `ancestors`; while the run trains, it asks
    anew each second.

    Args:
        masks: offer the masks of MADE, with the ancestors of an output.
        verdict: call a pixel that sees itself or later ones a leak. Else only the numbers are said, the lens
            is open from the beginning, and students must find it themselves.
    """
    _desk(key=key, data={"run": run, "round": round, "masks": masks, "verdict": verdict})


def hand(run: str, *, key: str, round: int | None = None) -> None:
    """A sheet on which a model of handwriting moves a pen, step by step: ahead of the nib float the ellipses
    of the mixture, below lies the loss of each step, and of a text the letters on which the window rests. A
    slider sets the bias. Who draws on the sheet hears what the drawing costs, and the model goes on from it.
    The probes are `hand`, `write`, `limp` and `judge`; while the run trains, it asks anew each second."""
    _hand(key=key, data={"run": run, "round": round})


def scope(
    run: str,
    *,
    key: str,
    round: int | None = None,
    others: Sequence[Mapping[str, Any]] = (),
    brought: Mapping[str, str] | None = None,
) -> None:
    """A scope on which a model of sounds writes one sample by sample, to be heard beside the data's own.
    Under it the chosen sample, the distribution that it was drawn from, what this depends on as measured, and
    the tree of convolutions. The probes are `scope`, `utter`, `clip`, `hear` and `judge_sound`.

    Args:
        others: recordings whose sounds can be heard too: the id of their `run`, `field` and `levels`.
        brought: a sound from outside, its `name` and the `wave`, bytes of the mu-law in base64.
    """
    data = {"run": run, "round": round, "others": others, "brought": brought}
    _scope(key=key, data=data)
