"""Two pictures in one place, with a handle between them: left of it the one, right of it the other."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

from lab.stage.files import component

_mount = component("genlab_split", "photo/split_view.js", "core/base.css", "photo/split.css")


def split(
    *, key: str, left: bytes, right: bytes, labels: Mapping[str, str] | None = None, height: int = 480
) -> None:
    """Show two pictures of one scene with a handle between them, as the stage does with a run's photographs.

    Args:
        key: the component's key; always the same one on a page. The handle stays where it is when the
            pictures change.
        left, right: PNG, JPEG or WebP files of the same proportions. `right` is seen whole at first.
        labels: `left` and `right` name the pictures; the others replace any of the stage's own sentences
            (see `js/core/words.js`).
        height: most pixels the picture may be high.
    """
    coded = {"left": b64encode(left).decode(), "right": b64encode(right).decode()}
    _mount(key=key, data={**coded, "labels": dict(labels or {}), "height": height})
