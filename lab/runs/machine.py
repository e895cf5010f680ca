"""What processes and the machine use, as Linux tells it; elsewhere nobody knows, and that is None."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Used(NamedTuple):
    """What a process has used."""

    memory: int  # bytes, now
    seconds: float  # of processors, so far


def used(pid: int) -> Used | None:
    with suppress(OSError, ValueError, IndexError):
        pages = int((PROC / str(pid) / "statm").read_text().split()[1])
        # behind the name, which may hold anything
        after = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        ticks = int(after[11]) + int(after[12])
        return Used(pages * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK"))
    return None


class Machine(NamedTuple):
    cores: int
    load: float | None  # processes that would run, on average of the last minute
    memory: int | None  # bytes
    memory_free: int | None
    disk: int | None
    disk_free: int | None


def machine(home: Path) -> Machine:
    """The machine, and the disk on which the home lies."""
    load = memory = free = disk = disk_free = None
    with suppress(OSError, AttributeError):
        load = os.getloadavg()[0]
    with suppress(OSError, ValueError, KeyError):
        rows = (line.split(":") for line in (PROC / "meminfo").read_text().splitlines())
        told = {name: int(value.split()[0]) * 1024 for name, value in rows}
        memory, free = told["MemTotal"], told["MemAvailable"]
    with suppress(OSError):
        disk, _, disk_free = shutil.disk_usage(home)
    return Machine(os.cpu_count() or 1, load, memory, free, disk, disk_free)
