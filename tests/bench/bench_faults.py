"""What faults cost: `python -m tests.bench.bench_faults`.

A lab in processes of its own, with runs of four families that are watched over the socket. Its workers are
killed at random, then the server; all are stopped and continued; the disk is full, then read-only; two labs
share a folder; each file of a run is deleted, cut or damaged. At the end each run must be, bit for bit, the
run of as many rounds that nobody disturbed. MISSED says that a goal is missed; the exit status is 1 if a run
or a part of one was lost.
"""

from __future__ import annotations

import itertools
import math
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

from engine.config import Refused
from engine.device import prepare
from lab.runs import store, wire
from lab.runs.lock import holder
from lab.runs.run import CHECKPOINT_SECONDS, Run
from lab.visitor import mark
from tests.bench import faulty
from tests.bench.benching import memory, settings
from tests.bench.faulty import Viewer, until, workers
from tests.serving import Lab, answering, start_lab, stop_lab

SMALL = {"width_G": 16, "width_D": 16, "batch": 16}
RUNS = [
    {"family": "gan", "data": "ring", "seed": 1, "config": SMALL},
    {"family": "vae", "data": "digits", "seed": 2, "config": {}},
    {"family": "real-nvp", "data": "moons", "seed": 3, "config": {}},
    {"family": "ddpm", "data": "pinwheel", "seed": 4, "config": {}},
]
INTERVAL = CHECKPOINT_SECONDS + 2.0  # seconds: a slice and a measurement may come in between
GROWTH = 1.0  # MB a kill, that the server may grow


class Faults:
    def __init__(self, home: Path, given: SimpleNamespace) -> None:
        self.home, self.given, self.chance = home, given, random.Random(given.seed)
        self.lost: list[str] = []
        os.environ |= {"GENLAB_HOME": str(home), "GENLAB_DEVICE": "cpu"}
        lab = self.lab()
        self.labs = SimpleNamespace(now=lab, cookie=lab.cookie())
        self.owner = mark(dict([self.labs.cookie.split("=", 1)]))
        self.viewers = [self.watch(setting) for setting in RUNS[: given.runs]]
        for viewer in self.viewers:
            viewer.moves(help=True)

    def lab(self) -> Lab:
        return start_lab(self.home, GENLAB_PATIENCE="600")

    def watch(self, setting: dict) -> Viewer:
        return Viewer(self.labs, store.create(setting | {"owner": self.owner}).name)

    def say(self, what: str, value: str, good: bool = True) -> None:
        print(f"{what:<62}{value:>24} {'' if good else 'MISSED'}".rstrip(), flush=True)

    def lose(self, what: str) -> None:
        self.lost.append(what)
        print(f"LOST: {what}", flush=True)

    def go_on(self, after: str, help: bool = False) -> None:
        """All runs go on; without `help`, though nobody presses Train."""
        start = time.monotonic()
        for viewer in self.viewers:
            if not viewer.moves(help=help):
                if not help:
                    self.say(f"after {after} it needs a hand: {viewer.why[:50]}", "", good=False)
                if not viewer.moves(help=True):
                    self.lose(f"{viewer.run_id} after {after}: {viewer.state} {viewer.why}")
        self.say(f"after {after}: all train, seconds", f"{time.monotonic() - start:.1f}")
        viewer = self.chance.choice(self.viewers)
        viewer.press("pause")
        until(lambda: viewer.state == "paused")
        first = viewer.round
        for order in ("step", "step", "play"):  # what is logged is done again, too
            viewer.press(order)
        until(lambda: viewer.state == "training" and viewer.round > first + 2)

    def pause(self) -> None:
        for viewer in self.viewers:
            viewer.press("pause")
        until(lambda: all(v.state == "paused" and not holder(self.at(v)) for v in self.viewers))

    # --- the faults --------------------------------------------------------------------------

    def kill_workers(self) -> None:
        server, each, rounds, seconds = [], [], [], []
        for _ in range(self.given.kills):
            time.sleep(self.chance.uniform(0.5, 1.5) * self.given.every)
            alive = workers(self.labs.now)
            victim = self.chance.choice(alive)
            server.append(memory([self.labs.now.process.pid]))
            each.append(memory(alive) / len(alive))
            runs = [v for v in self.viewers if f"process {victim})" in holder(self.at(v))]
            stored = [store.checkpoint(self.at(v)) for v in runs]
            before = [wire.read_about(path)["round"] for path in stored]
            since = [max(path.stat().st_mtime, v.back) for path, v in zip(stored, runs, strict=True)]
            os.kill(victim, signal.SIGKILL)
            seconds += [time.time() - moment for moment in since]
            rounds += [max(0, v.round - round) for v, round in zip(runs, before, strict=True)]
            for viewer in runs:
                viewer.back = math.inf  # until its next picture
        self.go_on(f"{self.given.kills} kills of a worker")
        most, middle = max(seconds, default=0.0), statistics.median(rounds or [0])
        self.say("a kill costs so many seconds of training, at most", f"{most:.1f}", most <= INTERVAL)
        self.say(
            "a kill costs so many rounds: the middle, the most", f"{middle:,.0f} {max(rounds, default=0):,}"
        )
        for what, values, limit in (("the server", server, GROWTH), ("a worker", each, math.inf)):
            grows = faulty.slope(values[len(values) // 3 :])  # at first caches fill
            told = f"{values[0]:.1f} {values[-1]:.1f} {grows:+.2f}"
            self.say(f"memory of {what}, MB: first, last, growth a kill", told, grows < limit)
        self.say("workers after all kills", str(len(workers(self.labs.now))))

    def at(self, viewer: Viewer) -> Path:
        return store.home() / viewer.run_id

    def second_server(self) -> None:
        """A second one in the same folder looks on, and goes on when the first is killed."""
        self.pause()
        first, labs = self.labs.now, SimpleNamespace(now=self.lab(), cookie=self.labs.cookie)
        for viewer in self.viewers:
            viewer.moves(help=True)
        viewers = [Viewer(labs, v.run_id) for v in self.viewers]
        told = until(lambda: all("is trained by a lab" in v.why for v in viewers), 180)
        self.say("a second server: runs that it calls the first's", f"{len(viewers)}", told)
        for viewer in viewers:
            viewer.press("play")
        refused = until(lambda: all(any("stop it there" in said for said in v.said) for v in viewers), 60)
        self.say("a second server: orders that it refuses", f"{len(viewers)}", refused)
        self.kill(first.process, [])
        for viewer in self.viewers:
            viewer.ended.set()
        self.labs, self.viewers = labs, viewers
        self.go_on("the death of the first of two servers")

    def kill(self, server: subprocess.Popen, others: list[int]) -> None:
        """Kill a server, and at the same moment these others."""
        rounds, pids = [v.round for v in self.viewers], workers(self.labs.now)
        for pid in [server.pid, *others]:
            os.kill(pid, signal.SIGKILL)
        start = time.monotonic()
        server.wait()
        gone = until(lambda: not any(map(faulty.lives, pids)), 60)
        what = "a server and all workers killed" if others else "a server killed"
        self.say(f"{what}: workers have ended, seconds", f"{time.monotonic() - start:.1f}", gone)
        stored = [wire.read_about(store.checkpoint(self.at(v)))["round"] for v in self.viewers]
        again = max(max(0, a - b) for a, b in zip(rounds, stored, strict=True))
        self.say(f"{what}: rounds to be repeated, at most", f"{again:,}", bool(others) or not again)

    def stop_and_continue(self) -> None:
        server, theirs = [self.labs.now.process.pid], workers(self.labs.now)
        for what, pids in {"the server": server, "its workers": theirs, "all": server + theirs}.items():
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(self.given.stop)
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            self.go_on(f"{self.given.stop:g} s in which {what} stood still")
        dead = set(theirs) - set(workers(self.labs.now))
        self.say("workers that died of standing still", str(len(dead)), not dead)

    def trouble(self, what: str, words: str) -> None:
        """All runs stop and say why, and the pages are served."""
        told = until(lambda: all(v.state == "failed" and words in v.why for v in self.viewers), 90)
        said = Counter(v.why for v in self.viewers)
        self.say(f"{what}: runs that say so", f"{said.total()}" if told else str(said), told)
        answering(self.labs.now)

    def damage_in_training(self) -> None:
        """Each file of a run that trains, one after the other."""
        victim = self.watch(RUNS[0] | {"seed": 9})
        victim.moves(help=True)
        until(lambda: victim.round > 20 * self.given.runs)
        at = self.at(victim)
        names = [p.relative_to(at) for p in sorted(at.rglob("*")) if p.is_file() and p.name != "lock"]
        for name, way in itertools.product(names[:: self.given.stride], WAYS):
            if (at / name).exists():
                way(at / name, self.chance)
                if not victim.moves(help=True):
                    self.lose(
                        f"a run in training whose {name} was {way.__name__}: {victim.state} {victim.why}"
                    )
                    return
        rounds = [row["round"] for row in store.rows(at / "metrics.jsonl")]
        if rounds != sorted(set(rounds)):
            self.lose("the order of rows, after damage in training")
        told = f"{len(names[:: self.given.stride])} {len(set(victim.said))}"
        self.say("damage in training: files, and sentences that were said", told)
        victim.press("pause")
        until(lambda: victim.state == "paused")
        victim.ended.set()
        shutil.rmtree(at)

    def damage_at_rest(self, place: Path) -> None:
        """Each file of a run that rests: it goes on as it would have, or says what is wrong."""
        kept = Run(store.create(RUNS[0], place))
        kept.play()
        kept.train(rounds=150)
        kept.do({"do": "set", "values": {"lr_D": 0.002}})
        kept.train(rounds=50)
        kept.settle("paused")
        kept.close()
        whole = self.trained_on(kept.at, place / "aaaaaaaaaaaa")
        weights = wire.unpack_state(store.checkpoint(whole).read_bytes())[0]
        names = [p.relative_to(kept.at) for p in sorted(kept.at.rglob("*")) if p.is_file()]
        came = Counter[str]()
        for number in range(self.given.damages):
            name, way = names[number % len(names)], WAYS[number // len(names) % len(WAYS)]
            copy = Path(shutil.copytree(kept.at, place / f"{number:012}"))
            way(copy / name, self.chance)
            try:
                self.trained_on(copy, None)
                ours = wire.unpack_state(store.checkpoint(copy).read_bytes())[0]
                same = all(ours[n].equal(weights[n]) for n in weights)
                why = store.read_info(copy).why
                came["the same" if same else "said, and went on" if why else "another"] += 1
                if not same and not why:
                    self.lose(f"what {name} held, and nothing says so ({way.__name__})")
            except Refused:
                came["refused in a sentence"] += 1
            except Exception as error:
                self.lose(f"a run whose {name} met {way.__name__}: {error!r}")
            shutil.rmtree(copy)
        self.say("damage at rest", "; ".join(f"{n} {what}" for what, n in came.items()))

    def trained_on(self, at: Path, copy: Path | None) -> Path:
        run = Run(Path(shutil.copytree(at, copy)) if copy else at)
        run.play()
        run.train(rounds=220 - run.round)
        run.settle("paused")
        run.close()
        return run.at

    # --- the end -----------------------------------------------------------------------------

    def compare(self, place: Path) -> None:
        for viewer in self.viewers:
            viewer.ended.set()
            at = self.at(viewer)
            if wrong := faulty.torn(at):
                self.lose(f"{wrong} rows of {at.name}, torn or twice")
            if viewer.garbage:
                self.lose(f"{len(viewer.garbage)} messages that no browser can read: {viewer.garbage[0]}")
            differ = faulty.differences(at, faulty.undisturbed(at, place))
            info = store.read_info(at)
            told = ", ".join(differ) or "yes"
            self.say(f"{info.family}: {viewer.round:,} rounds, bit for bit as undisturbed", told)
            if differ:
                self.lose(f"{info.family}: {', '.join(differ)}")


def deleted(path: Path, chance: random.Random) -> None:
    path.unlink()


def cut(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.randrange(path.stat().st_size) if path.stat().st_size else 0)


def damaged(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(3 if data else 0):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


WAYS = (deleted, cut, damaged)


def main() -> int:
    given = settings(__doc__, runs=(4, 2), kills=(15, 1), every=(20.0, 0.5), stop=(60.0, 0.3), stride=(1, 12),
                     damages=(600, 20), seed=(0, 0))  # fmt: skip
    prepare()  # as workers do: denormal numbers become zero
    with tempfile.TemporaryDirectory() as folder, faulty.disk(Path(folder) / "disk", 1024) as mounted:
        home = Path(folder) / "disk" / "runs"
        faults = Faults(home, given)
        try:
            faults.kill_workers()
            faults.stop_and_continue()
            if mounted:
                with faulty.full(home.parent):
                    faults.trouble("a full disk", "The disk is full")
                faults.go_on("a full disk", help=True)
            with faulty.frozen(home) as frozen:
                if frozen:
                    faults.trouble("a read-only home", "cannot be written")
            if frozen:
                faults.go_on("a read-only home", help=True)
            faults.pause()
            faults.damage_in_training()
            faults.go_on("a pause", help=True)
            if not given.quick:
                faults.second_server()
                faults.kill(faults.labs.now.process, workers(faults.labs.now))
                faults.labs.now = faults.lab()
                faults.go_on("the death of a server and all workers")
            faults.kill(faults.labs.now.process, [])
            faults.compare(Path(folder) / "undisturbed")
        finally:
            stop_lab(faults.labs.now)
        faults.damage_at_rest(Path(folder) / "rest")
    print(f"{len(faults.lost)} things lost; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    return bool(faults.lost)


if __name__ == "__main__":
    sys.exit(main())
