"""What processes and the machine use."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil


class Used(NamedTuple):
    """What a process has used."""

    memory: int  # bytes, now; what processes share is divided among them
    seconds: float  # of processors, so far


def used(pid: int) -> Used | None:
    """None of a process that is gone."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        took, held = process.cpu_times(), process.memory_full_info()
        return Used(getattr(held, "pss", held.uss), took.user + took.system)
    return None


class Machine(NamedTuple):
    cores: int
    load: float  # processes that would run, on average of the last minute
    memory: int  # bytes
    memory_free: int
    disk: int | None
    disk_free: int | None


def machine(home: Path) -> Machine:
    """The machine, and the disk on which the home lies, if it is there."""
    disk = disk_free = None
    with suppress(OSError):
        disk, _, disk_free = shutil.disk_usage(home)
    memory = psutil.virtual_memory()
    load = psutil.getloadavg()[0]
    return Machine(os.cpu_count() or 1, load, memory.total, memory.available, disk, disk_free)
