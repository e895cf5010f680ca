"""Files of a run directory: writes that a crash leaves whole, and readers that others' files cannot break.

A line that is torn, or holds what nobody here writes, is passed over; what is whole beside it counts.
"""

from __future__ import annotations

import errno
import json
import math
import os
import secrets
from bisect import bisect_left
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.config import Refused
from engine.metrics.measure import reason

LOST: dict[str, Any] = {"round": 0, "do": "lost"}
"""Stands in a log for a command that cannot be read, because stored states count commands."""


def why(error: Exception) -> str:
    """What went wrong with a run, and what to do, in a sentence or two for its owner."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory. Make room or choose a smaller model, then train on."
    if not isinstance(error, OSError):
        return f"It stopped with an error, {reason(error)} Train on to try again."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full. Make room, then train on."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "The files of this run cannot be written. Allow that, then train on."
    name = Path(str(error.filename)).name if error.filename else "a file"
    return f"The disk has trouble with {name}: {error.strerror or error}. See to that, then train on."


def is_file(path: Path) -> bool:
    """Whether this is a file that one may see. Not a folder, nor a pipe that would be waited for."""
    try:
        return path.is_file()
    except OSError:
        return False


def text(path: Path) -> bytes:
    """The beginning of a small file. Raises OSError."""
    if not is_file(path):
        raise FileNotFoundError(errno.ENOENT, "there is no such file")
    with path.open("rb") as file:
        return file.read(1 << 20)


def write(path: Path, data: bytes, durable: bool = True, mode: int = 0o666) -> None:
    """Replace a file so that a crash leaves either the old one or the new one, whole. `durable` waits for the
    disk, some milliseconds: for what must survive a power cut. `mode` says who may read it."""
    temp = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        temp.touch(mode)  # before anything is in it
        with temp.open("wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temp.replace(path)
    except BaseException:
        with suppress(OSError):
            temp.unlink()
        raise


def sweep(at: Path) -> None:
    """Remove what writers that were killed have left in a run directory that is ours."""
    for temp in [*at.glob(".*.tmp"), *at.glob("keyframes/.*.tmp")]:
        with suppress(OSError):
            temp.unlink()


def append(path: Path, row: dict[str, Any]) -> int:
    """Add a line, in place of a torn one at the end. Returns where it begins."""
    with path.open("ab+") as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":  # whoever wrote it was killed, or the disk was full
                file.seek(0)
                end = file.truncate(file.read().rfind(b"\n") + 1)
        file.write(_line(row))  # one write a line
    return end


def write_rows(path: Path, kept: Iterable[dict[str, Any]]) -> None:
    """Replace a file of rows, unless it holds just these: then it can be read though the disk is full."""
    lines = b"".join(map(_line, kept))
    if not (is_file(path) and path.stat().st_size == len(lines) and path.read_bytes() == lines):
        write(path, lines)


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def rows(path: Path, tail: int | None = None, having: tuple[bytes, ...] = (b"",)) -> list[dict[str, Any]]:
    """The rows of a JSONL file of measures in the order of their rounds, each once; or of its last `tail`
    bytes; only those with one of the words `having`: looking for words takes a tenth of the time of reading
    JSON."""
    lines = _lines(path, tail)
    return _in_order([row for row in map(_read, _with(lines, having)) if _is_row(row)])


def commands(path: Path) -> list[dict[str, Any]]:
    """A log of commands, with `LOST` in place of those that cannot be read."""
    read = map(_read, _lines(path))
    return [command if _is_command(command) else LOST for command in read]


def _lines(path: Path, tail: int | None = None) -> list[bytes]:
    """The whole lines that are not empty; a torn last one is left out."""
    if not is_file(path):
        return []
    try:
        with path.open("rb") as file:
            start = max(0, path.stat().st_size - tail) if tail else 0
            file.seek(start)
            lines = file.read().split(b"\n")[:-1]
    except OSError as error:
        raise Refused(f"{path.name} of run {path.parent.name} cannot be read: {error.strerror}.") from error
    return [line for line in lines if line]  # what a `tail` cuts is no JSON any more


def _with(lines: list[bytes], words: tuple[bytes, ...]) -> list[bytes]:
    return [line for line in lines if any(word in line for word in words)]


def _read(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_round(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and _is_round(row.get("round")) and all(map(_is_value, row.values()))


def _is_value(value: Any) -> bool:
    """A number that a chart can draw, or a list: one value a member, bars, or sentences."""
    if isinstance(value, list):
        return True
    return isinstance(value, int | float) and abs(value) < 1e300 and math.isfinite(value)


def _is_command(command: Any) -> bool:
    match command:
        case {"do": "set", "round": round, "values": dict(values)}:
            return _is_round(round) and all(isinstance(v, bool | int | float | str) for v in values.values())
        case {"do": "step", "round": round}:
            return _is_round(round) and isinstance(command.get("player"), str | None)
        case {"do": "rewind", "round": goal}:
            return _is_round(goal)
    return False


def _in_order(read: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The longest series of rows with rising rounds: what breaks it is foreign, or was trained twice."""
    rounds = [row["round"] for row in read]
    if all(a < b for a, b in pairwise(rounds)):
        return read
    ends: list[int] = []  # the smallest round that a rising series of each length ends with
    place = []
    for round in rounds:
        place.append(at := bisect_left(ends, round))
        ends[at : at + 1] = [round]
    kept: list[dict[str, Any]] = []
    wanted = len(ends) - 1
    for row, at in zip(reversed(read), reversed(place), strict=True):
        if at == wanted:  # the last of its length before what is kept has a smaller round
            kept.append(row)
            wanted -= 1
    return kept[::-1]
