"""What a setting may cost: its memory and disk, counted before there is a run, and the time of a round,
measured on small batches before the first one. What is beyond is refused, with what to change."""

from __future__ import annotations

import json
import time
from copy import deepcopy
from functools import lru_cache
from typing import Any

from engine import data as datasets
from engine.config import Refused
from engine.families import find
from engine.fit import fit, optimizers_of
from lab.runs.run import Run
from lab.runs.state import Stream, size_of
from lab.runs.wall import batch_of, count

MOST_STATE = 256e6  # bytes of one stored state: weights, and what the optimizers keep for each
MOST_SECONDS = 20.0  # of the processor, for a round
HEAVY = 0.1  # seconds for a round, above which a run has a worker of the heavy ones
FEW = 4  # examples in a small batch


def check(
    family: str, data: str, config: dict[str, Any], wall: dict[str, list[Any]] | None = None, **_: Any
) -> None:
    """Raises `Refused` for a setting, or a wall of such, that would take too much memory and disk."""
    members = count(wall or {}) or 1
    size = members * _state(family, data, json.dumps(config, sort_keys=True))
    if size > MOST_STATE:
        what = f"These {members} models hold" if wall else "This model holds"
        cure = "Take members away, or lower its width or depth." if wall else "Lower its width or depth."
        raise Refused(
            f"{what} so many numbers that each checkpoint would take {size / 1e6:,.0f} MB; "
            f"{MOST_STATE / 1e6:,.0f} MB is the most. {cure}"
        )


@lru_cache(maxsize=64)
def _state(family: str, data: str, config: str) -> int:
    """Bytes of one model's stored state."""
    kind, space = find(family), datasets.load(data).space
    model = kind(kind.configure(space, json.loads(config)), space)
    return size_of(model, optimizers_of(model))


def seconds_of(run: Run) -> float:
    """Seconds of the processor that a round of this run takes, about: from rounds of a copy on small batches,
    because one on a whole batch may take minutes."""
    model, size = deepcopy(run.model), getattr(run.model.config, "batch", 1)
    optimizers = optimizers_of(model)

    def once(n: int) -> float:
        begin = time.process_time()
        for turn in fit(model, [batch_of(model, run.data, 0, 0, n)], optimizers):
            for term in turn.terms.values():  # wait for the device
                term.sum().item()
        return time.process_time() - begin

    def took(n: int) -> float:
        """The shorter of two times: what disturbs a short one would count for the whole batch."""
        first = once(n)
        return first if first > HEAVY else min(first, once(n))

    with Stream(run.device).flow():
        took(min(size, FEW))  # which also loads what is loaded once
        one = took(min(size, FEW))
        if one * size / FEW <= HEAVY:  # at most
            return one * size / FEW
        more = took(4 * FEW)
    return one + max(0.0, more - one) / (3 * FEW) * max(0, size - FEW)


def refusal(seconds: float) -> str:
    """Why a run with such rounds does not train; nothing if it may."""
    if seconds <= MOST_SECONDS:
        return ""
    return (
        f"One round of this setting would take about {seconds:,.0f} s on this machine, and "
        f"{MOST_SECONDS:g} s is the most. Lower the width, the depth or the batch, and train a new model."
    )
