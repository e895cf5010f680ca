"""What faults cost: `python -m tests.bench.bench_faults`.

A lab in processes of its own, with runs of four families that are watched over the socket. Its workers are
killed at random, then the server; all are stopped and continued; the disk is full, then read-only; two labs
share a folder; each file of a run is deleted, cut or damaged. At the end each run must be, bit for bit, the
run of as many rounds that nobody disturbed. MISSED says that a goal is missed; the exit status is 1 if a run
or a part of one was lost.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import torch

from engine.config import Refused
from lab.runs import store, wire
from lab.runs.lock import holder
from lab.runs.run import CHECKPOINT_SECONDS, Run
from lab.visitor import mark
from tests.bench import faulty
from tests.bench.benching import settings
from tests.bench.faulty import Viewer, until, workers
from tests.serving import answering, start_lab, stop_lab

SMALL = {"width_G": 16, "width_D": 16, "batch": 16}
RUNS = [
    {"family": "gan", "data": "ring", "seed": 1, "config": SMALL},
    {"family": "vae", "data": "digits", "seed": 2, "config": {}},
    {"family": "real-nvp", "data": "moons", "seed": 3, "config": {}},
    {"family": "ddpm", "data": "pinwheel", "seed": 4, "config": {}},
]
SLACK = 2.0  # seconds, of a slice, a keyframe and a look
GROWTH = 1.0  # MB a kill, that the server may grow


class Faults:
    def __init__(self, home: Path, given: SimpleNamespace) -> None:
        self.home, self.given, self.chance = home, given, random.Random(given.seed)
        self.lost: list[str] = []
        os.environ |= {"GENLAB_HOME": str(home), "GENLAB_DEVICE": "cpu"}
        lab = start_lab(home, GENLAB_PATIENCE="600")
        self.labs = SimpleNamespace(now=lab, cookie=lab.cookie())
        self.owner = mark(dict([self.labs.cookie.split("=", 1)]))
        self.viewers = [self.watch(setting) for setting in RUNS[: given.runs]]
        for viewer in self.viewers:
            viewer.moves(help=True)

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
        self.say(f"after {after}: all train again, seconds", f"{time.monotonic() - start:.1f}")

    # --- the faults --------------------------------------------------------------------------

    def kill_workers(self) -> None:
        server, each, repeated, seconds = [], [], [], []
        for _ in range(self.given.kills):
            time.sleep(self.chance.uniform(0.5, 1.5) * self.given.every)
            alive = workers(self.labs.now)
            victim = self.chance.choice(alive)
            server.append(faulty.memory(self.labs.now.process.pid))
            each.append(statistics.mean(map(faulty.memory, alive)))
            runs = [
                v for v in self.viewers if f"process {victim} " in f"{holder(self.at(v))} ".replace(")", " ")
            ]
            stored = [wire.read_about(store.checkpoint(self.at(v)))["round"] for v in runs]
            ages = [time.time() - store.checkpoint(self.at(v)).stat().st_mtime for v in runs]
            trained = [time.time() - max(getattr(v, "back", 0.0), 0.0) for v in runs]
            os.kill(victim, signal.SIGKILL)
            repeated += [v.round - before for v, before in zip(runs, stored, strict=True)]
            seconds += [min(pair) for pair in zip(ages, trained, strict=True)]
            for v in runs:
                v.back = self.back(v)
        self.go_on(f"{self.given.kills} kills of a worker")
        most = max(seconds, default=0.0)
        self.say(
            "a kill costs: seconds of training, at most", f"{most:.1f}", most <= CHECKPOINT_SECONDS + SLACK
        )
        self.say("a kill costs: rounds, the middle and the most",
                 f"{statistics.median(repeated or [0]):,.0f} {max(repeated, default=0):,}")  # fmt: skip
        grows = faulty.slope(server)
        self.say("memory of the server, MB: first, last, growth a kill",
                 f"{server[0]:.1f} {server[-1]:.1f} {grows:+.2f}", grows < GROWTH)  # fmt: skip
        self.say("memory of a worker, MB: first, last, growth a kill",
                 f"{each[0]:.1f} {each[-1]:.1f} {faulty.slope(each):+.2f}")  # fmt: skip
        self.say("workers: now", str(len(workers(self.labs.now))))

    def back(self, viewer: Viewer) -> float:
        """When this run went on after a kill; waits for that."""
        before = viewer.frames
        until(lambda: viewer.frames > before + 1, 60)
        return time.time()

    def at(self, viewer: Viewer) -> Path:
        return store.home() / viewer.run_id

    def kill_server(self) -> None:
        lab, pids = self.labs.now, workers(self.labs.now)
        rounds = [v.round for v in self.viewers]
        start = time.monotonic()
        lab.process.kill()
        lab.process.wait()
        gone = until(lambda: not set(pids) & set(workers(lab)), 60)
        self.say("after kill -9 of the server: its workers end, seconds",
                 f"{time.monotonic() - start:.1f}", gone)  # fmt: skip
        stored = [wire.read_about(store.checkpoint(self.at(v)))["round"] for v in self.viewers]
        again = [max(0, a - b) for a, b in zip(rounds, stored, strict=True)]
        self.say("rounds repeated after it, the most", f"{max(again):,}")
        self.labs.now = start_lab(self.home, GENLAB_PATIENCE="600")
        self.go_on("a kill of the server")

    def stop_and_continue(self) -> None:
        for what in ("the server", "the workers", "all"):
            server, theirs = [self.labs.now.process.pid], workers(self.labs.now)
            pids = {"the server": server, "the workers": theirs, "all": [*server, *theirs]}[what]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(self.given.stop)
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            self.go_on(f"{self.given.stop:g} s in which {what} stood still")
            if dead := set(theirs) - set(workers(self.labs.now)):
                self.say(f"workers that died of it: {len(dead)}", "", good=False)

    def fill_disk(self, disk: Path) -> None:
        with faulty.full(disk):
            told = until(lambda: all(v.state == "failed" for v in self.viewers), 90)
            words = {v.why for v in self.viewers}
            self.say(
                "a full disk: runs that say so",
                f"{sum('disk is full' in w for w in words)} kinds of words",
                told,
            )
            answers = answering(self.labs.now)  # pages are still served
            assert answers
        self.go_on("a full disk", help=True)

    def freeze(self) -> None:
        with faulty.frozen(self.home) as done:
            if done:
                told = until(lambda: all(v.state == "failed" for v in self.viewers), 90)
                words = Counter(v.why for v in self.viewers)
                good = told and all("cannot be written" in w or "cannot write" in w for w in words)
                self.say("a read-only home: runs that say so", f"{sum(words.values())}", good)
                if not good:
                    print(words)
        if done:
            self.go_on("a read-only home", help=True)

    def two_servers(self) -> None:
        first, ours = self.labs.now, self.labs.cookie
        second = start_lab(self.home, GENLAB_PATIENCE="600")
        others = SimpleNamespace(now=second, cookie=ours)
        viewers = [Viewer(others, v.run_id) for v in self.viewers]
        told = until(lambda: all("is trained by a lab" in v.why for v in viewers), 60)
        self.say("a second server in the folder: runs that are the first's", f"{len(viewers)}", told)
        for viewer in viewers:
            viewer.press("play")
        time.sleep(1.0)
        first.process.kill()
        first.process.wait()
        for viewer in self.viewers:
            viewer.ended.set()
        self.labs, self.viewers = others, viewers
        for viewer in viewers:
            viewer.said.clear()
        self.go_on("the death of the first of two servers")

    def damage_in_training(self) -> None:
        """Each file of a run that trains, in three ways, one after the other."""
        victim = self.watch(RUNS[0] | {"seed": 9})
        victim.moves(help=True)
        at, said = self.at(victim), Counter[str]()
        names = [p.relative_to(at) for p in sorted(at.rglob("*")) if p.is_file() and p.name != "lock"]
        for name in names[:: self.given.stride]:
            for way in WAYS:
                if (at / name).exists():
                    way(at / name, self.chance)
                    if not victim.moves(help=True):
                        self.lose(
                            f"a run in training whose {name} met {way.__name__}: {victim.state} {victim.why}"
                        )
                        return
        said.update(victim.said)
        rounds = [row["round"] for row in store.rows(at / "metrics.jsonl")]
        self.say(
            "damage in training: files; sentences told", f"{len(names[:: self.given.stride])}; {len(said)}"
        )
        if rounds != sorted(set(rounds)):
            self.lose("rows in order, after damage in training")
        victim.press("pause")
        until(lambda: victim.state == "paused")
        victim.ended.set()
        shutil.rmtree(at)

    def damage_at_rest(self, place: Path) -> None:
        """Each file of a run that rests, in three ways: it goes on as it would have, or says what is wrong."""
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
            viewer.press("pause")
            until(lambda v=viewer: v.state == "paused")
        until(lambda: not any(holder(self.at(v)) for v in self.viewers))
        for viewer in self.viewers:
            at = self.at(viewer)
            if wrong := faulty.torn(at):
                self.lose(f"{wrong} rows of {at.name}, torn or twice")
            if viewer.garbage:
                self.lose(f"{len(viewer.garbage)} messages that no browser can read: {viewer.garbage[0]}")
            start = time.monotonic()
            differ = faulty.differences(at, faulty.undisturbed(at, place))
            info = store.read_info(at)
            self.say(f"{info.family}: {viewer.round:,} rounds, as undisturbed bit for bit",
                     f"yes ({time.monotonic() - start:.1f} s)" if not differ else ", ".join(differ))  # fmt: skip
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
    given = settings(__doc__, runs=(4, 2), kills=(15, 2), every=(20.0, 2.0), stop=(60.0, 1.0), stride=(1, 12),
                     damages=(600, 30), seed=(0, 0))  # fmt: skip
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, faulty.disk(Path(folder) / "disk", 1024) as mounted:
        home = Path(folder) / "disk" / "runs"
        faults = Faults(home, given)
        try:
            faults.kill_workers()
            faults.kill_server()
            faults.stop_and_continue()
            if mounted:
                faults.fill_disk(home.parent)
            faults.freeze()
            faults.two_servers()
            faults.damage_in_training()
            faults.compare(Path(folder) / "undisturbed")
        finally:
            stop_lab(faults.labs.now)
        faults.damage_at_rest(Path(folder) / "rest")
    print(f"{len(faults.lost)} things lost; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    return bool(faults.lost)


if __name__ == "__main__":
    sys.exit(main())
