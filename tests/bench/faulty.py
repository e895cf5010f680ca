"""What the bench of faults needs: people who watch and press Train, disks that fill up, comparisons."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import safetensors
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from lab.runs import files, store, wire
from lab.runs.run import Run
from tests.serving import Lab


class Viewer(threading.Thread):
    """A browser that watches a run, without the browser: when its socket closes it opens another."""

    def __init__(self, labs: SimpleNamespace, run_id: str) -> None:
        super().__init__(daemon=True)
        self.labs, self.run_id = labs, run_id
        self.round, self.frames, self.opened = 0, 0, 0
        self.state = self.why = ""
        self.said: list[str] = []  # what was wrong, in sentences
        self.garbage: list[str] = []  # what no browser could read
        self.back = 0.0  # when it went on after a kill
        self.socket: ClientConnection | None = None
        self.ended = threading.Event()
        self.start()

    def run(self) -> None:
        while not self.ended.is_set():
            lab: Lab = self.labs.now
            given = {"Origin": lab.url, "Cookie": self.labs.cookie}
            try:
                address = f"{lab.url.replace('http', 'ws')}/live/{self.run_id}"
                with connect(
                    address, additional_headers=given, max_size=None, ping_interval=None
                ) as self.socket:
                    self.opened += 1
                    for message in self.socket:
                        self.take(message)
            except (OSError, WebSocketException):
                time.sleep(0.2)

    def take(self, message: str | bytes) -> None:
        try:
            if isinstance(message, bytes):
                safetensors.deserialize(message)
                about = json.loads(wire.header(message)["frame"])
                if about["key"] is None:
                    self.round, self.frames = about["round"], self.frames + 1
                    self.back = min(self.back, time.time())
                return
            told = json.loads(message)
        except Exception as error:
            self.garbage.append(repr(error))
            return
        for about in filter(None, (told.get("hello"), told.get("state"))):
            self.state, self.why = about.get("state", self.state), about.get("why", self.why)
            if self.state == "failed":
                self.said.append(self.why)
        if "error" in told:
            self.said.append(told["error"])

    def press(self, what: str) -> None:
        with suppress(OSError, WebSocketException, AttributeError):
            self.socket.send(json.dumps({"do": what}))  # type: ignore[union-attr]

    def moves(self, seconds: float = 120, help: bool = False) -> bool:
        """Whether new pictures come; with `help`, Train is pressed now and then where it is not training."""
        before, end, asked = self.frames, time.monotonic() + seconds, 0.0
        while time.monotonic() < end:
            if self.frames > before + 2 and self.state == "training":
                return True
            if help and self.state != "training" and time.monotonic() > asked + 1:
                asked = time.monotonic()
                self.press("play")
            time.sleep(0.05)
        return False


def until(true: Callable[[], Any], seconds: float = 120) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


# --- processes -----------------------------------------------------------------------------------


def workers(lab: Lab) -> list[int]:
    """The processes of a lab's workers."""
    pids = []
    for child in psutil.Process(lab.process.pid).children():  # one of them makes the workers
        with suppress(psutil.Error):
            pids += [worker.pid for worker in child.children()]
    return pids


def lives(pid: int) -> bool:
    """Whether there is such a process, and it is not dead and waits to be buried."""
    with suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def slope(values: list[float]) -> float:
    """By how much these values grow from one to the next, about."""
    n = len(values)
    if n < 2:
        return 0.0
    middle, mean = (n - 1) / 2, sum(values) / n
    return sum((i - middle) * (v - mean) for i, v in enumerate(values)) / sum(
        (i - middle) ** 2 for i in range(n)
    )


# --- disks ---------------------------------------------------------------------------------------


def _done(*command: object) -> bool:
    """Whether this could be done; what is not installed could not."""
    with suppress(OSError):
        return subprocess.run(list(map(str, command)), capture_output=True).returncode == 0
    return False


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """A disk of this size on a folder, and whether there is one: it needs the right to mount."""
    folder.mkdir()
    mounted = _done("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder)
    try:
        yield mounted
    finally:
        if mounted:
            _done("umount", "-l", folder)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Within, not a byte is left on this disk."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            for size in (1 << 20, 1 << 12):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))
        yield
    finally:
        filler.unlink()


@contextmanager
def frozen(folder: Path) -> Iterator[bool]:
    """Within, nothing in this folder can be written, and whether that could be done: by root only where the
    file system knows files that never change."""
    if os.geteuid():
        freeze, thaw = ["chmod", "-R", "a-w"], ["chmod", "-R", "u+w"]
    else:
        freeze, thaw = ["chattr", "-R", "-f", "+i"], ["chattr", "-R", "-f", "-i"]
    try:
        _done(*freeze, folder)
        try:
            (folder / "probe").touch()
            (folder / "probe").unlink()
            yield False
        except OSError:
            yield True
    finally:
        _done(*thaw, folder)


# --- what is compared ----------------------------------------------------------------------------


def undisturbed(at: Path, place: Path) -> Path:
    """The same run, made in one go in this process: its setting, its commands, its rounds."""
    info = store.read_info(at)
    setting = info.model_dump(include={"family", "data", "seed", "config", "threads"})
    run = Run(store.create(setting, place))
    run.play()
    stored = wire.read_about(store.checkpoint(at))
    for command in files.commands(at / "commands.jsonl")[: stored["commands"]]:
        run.train(rounds=command["round"] - run.round) if command["round"] > run.round else None
        run.do({name: value for name, value in command.items() if name != "round"})
    goal = stored["round"]
    if goal > run.round:
        run.play()
        run.train(rounds=goal - run.round)
    run.settle("paused")
    run.close()
    return run.at


def differences(one: Path, other: Path) -> list[str]:
    """What is not the same, bit for bit, in two runs."""
    found = []
    pair = [wire.unpack_state(store.checkpoint(at).read_bytes()) for at in (one, other)]
    (ours, told), (theirs, said) = pair
    if ours.keys() != theirs.keys() or any(not ours[name].equal(theirs[name]) for name in ours):
        found.append("weights, moments or random states")
    if told != said:
        found.append("what the checkpoint says of itself")
    rows = [(at / "metrics.jsonl").read_bytes() for at in (one, other)]
    if rows[0] != rows[1]:
        found.append("rows")
    if store.keyframes(one) != store.keyframes(other) or store.states(one) != store.states(other):
        found.append("rounds of keyframes")
    for round in store.states(one):
        kept = [
            wire.unpack_state(store.keyframe(at, round, state=True).read_bytes())[0] for at in (one, other)
        ]
        if any(not kept[0][name].equal(kept[1][name]) for name in kept[0]):
            found.append(f"the state of round {round}")
    return found


def torn(at: Path) -> int:
    """Lines of rows that are torn, out of order, or twice there."""
    rounds, wrong = [], 0
    for line in (at / "metrics.jsonl").read_bytes().splitlines():
        try:
            rounds.append(json.loads(line)["round"])
        except (ValueError, KeyError, TypeError):
            wrong += 1
    return wrong + len(rounds) - len(files._in_order([{"round": round} for round in rounds]))
