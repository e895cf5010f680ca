"""What one takes home from a stage: its picture, its film, the curves, the setting, and links to it."""

from __future__ import annotations

from lab.stage.files import component

_keep = component("genlab_keep", "keep/keep.js", "core/base.css", "keep/keep.css")


def keep(run: str, *, key: str, name: str, own: bool = False, side: int | None = None) -> None:
    """Buttons that save what is on the page's stage, and that copy its address.

    Args:
        run: the run on the stage. `/take/<run>/` makes its curves and its setting when they are asked for.
        key: the component's key, always the same one on a page.
        name: a name for files, "gan-ring".
        own: whether the data are the visitor's own, which no other server has.
        side: which of several stages side by side has this run, from 0; None for a stage alone.
    """
    _keep(key=key, data={"run": run, "name": name, "own": own, "side": side})
