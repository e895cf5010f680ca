"""What a teacher may do with the runs of others."""

from __future__ import annotations

import logging
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any

from engine.config import Refused
from lab.runs import inventory, supervisor

PAUSED = "Your teacher paused it. Press Train to go on."
STOPPED = "Your teacher stopped it. Press Train to go on."
PATIENCE = 30.0  # seconds for a run to do what it is told
LOG = logging.getLogger(__name__)


def order(run_id: str, do: str) -> Future[Any]:
    """Let a run "pause", "stop" or "play", whoever owns it. Stopped is what "resume all" leaves alone."""
    told = {"pause": {"why": PAUSED}, "stop": {"why": STOPPED}, "play": {}}[do]
    LOG.info("The teacher: %s.", do, extra={"run": run_id})
    return supervisor.supervisor().place(run_id).ask("do", run_id, {"do": do} | told)


def pause_all() -> int:
    """Pause all that trains here; how many have paused."""
    return _all("pause", [row.run_id for row in supervisor.supervisor().status() if row.state == "training"])


def resume_all() -> int:
    """Let all go on that were paused by the teacher, also before the server last started; how many do."""
    infos, _ = inventory.listing()
    return _all("play", [info.id for info in infos if (info.state, info.why) == ("paused", PAUSED)])


def _all(do: str, runs: list[str]) -> int:
    asked = []
    for run_id in runs:
        with suppress(Refused):  # deleted meanwhile
            asked.append(order(run_id, do))
    done, _ = wait(asked, PATIENCE)
    return sum(1 for one in done if not one.exception())
