"""All runs and the trash, read again only where something has changed: a list of 500 opens in a moment."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from engine.config import Refused
from lab.runs import files, store


class Thrown(NamedTuple):
    """A run in the trash."""

    name: str  # of its folder there
    run_id: str
    when: float
    info: store.Info


def listing() -> tuple[list[store.Info], dict[str, str]]:
    """As `store.listing`, from memory where nothing has changed."""
    return store.listing(read)


def trash(owner: str) -> list[Thrown]:
    """What this owner threw away, the newest first."""
    thrown = []
    for at in (file.parent for file in (store.home() / "trash").glob("*/run.json")):
        run_id, _, when = at.name.rpartition("-")
        with suppress(Refused):
            info = read(at)
            if owner and info.owner == owner and when.isdecimal():
                thrown.append(Thrown(at.name, run_id, float(when), info))
    return sorted(thrown, key=lambda one: -one.when)


def restore(name: str, owner: str) -> str:
    """Take a run out of the trash; its id. Raises `Refused` if it is not there, or not this owner's."""
    thrown = {one.name: one for one in trash(owner)}
    if name not in thrown:
        raise Refused("This run is not in your trash any more.")
    run_id = thrown[name].run_id
    at = store.home() / run_id
    store.check_name(run_id)
    if at.exists():
        raise Refused(f"There is a run {run_id} already: rename that folder first.")
    try:
        (store.home() / "trash" / name).replace(at)
    except OSError as error:
        raise Refused(f"Run {run_id} cannot be fetched back: {error.strerror}.") from error
    return run_id


def sizes(owner: str) -> dict[str, int]:
    """The bytes of each run of this owner that has trained, the one that rests the longest first."""
    own = [store.home() / info.id for info in listing()[0] if info.owner == owner]
    written = {at: at.stat().st_mtime for at in own if at.exists()}
    return {at.name: _size(at) for at in sorted(written, key=written.__getitem__)}


def _size(at: Path) -> int:
    total = 0
    for file in at.rglob("*"):
        with suppress(OSError):  # it is written anew at this moment
            total += file.stat().st_size if file.is_file() else 0
    return total


def empty(owner: str, most: int) -> None:
    """Remove for ever what this owner threw away first, until the trash holds so many runs."""
    for one in trash(owner)[most:]:
        shutil.rmtree(store.home() / "trash" / one.name, ignore_errors=True)


def ago(moment: float) -> str:
    """How long ago that was, in words."""
    seconds = time.time() - moment
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if (n := int(seconds // length)) > 0:
            return f"{n} {unit}{'s' if n > 1 else ''} ago"
    return "just now"


def read(at: Path) -> store.Info:
    """What its run.json says, from memory if nobody has written it since."""
    file = at / "run.json"
    if not files.is_file(file):
        return store.read_info(at)  # which says why
    seen = file.stat()
    info = _kept(at, seen.st_mtime_ns, seen.st_size, seen.st_ino).model_copy()
    info._id = at.name
    return info


@lru_cache(4096)
def _kept(at: Path, *look: int) -> store.Info:
    return store.read_info(at)
