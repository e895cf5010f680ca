"""Two or three stages side by side that obey one set of controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.stage.files import component
from lab.stage.stage import Segment

_mount = component("genlab_pair", "stage/pair.js", "core/base.css", "photo/split.css", "stage/pair.css")


def pair(
    runs: Sequence[str],
    *,
    key: str,
    titles: Sequence[str],
    verdicts: Sequence[Sequence[Mapping[str, str]]],
    legend: Sequence[str | Segment] = (),
    players: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    height: int = 400,
    alike: bool = True,
) -> None:
    """Show runs beside one another (on a phone one above the other), with one bar that drives all.

    Args:
        runs: ids of the runs, of two or three; as many on every rerun.
        key: the component's key; always the same one on a page.
        titles: a few words over each picture.
        verdicts: what stands under each picture: entries of `tone` ("good", "bad" or ""), `name`,
            `says` and `cure`, or none.
        legend, players, labels, height: as for `stage`; the legend's words switch layers of all.
        alike: whether charts of one name have one scale.
    """
    data = {
        "runs": list(runs),
        "titles": list(titles),
        "verdicts": [[dict(one) for one in side] for side in verdicts],
        "legend": list(legend),
        "players": list(players),
        "train": True,
        "pointer": False,
        "labels": dict(labels or {}),
        "height": height,
        "alike": alike,
    }
    _mount(key=key, data=data)
