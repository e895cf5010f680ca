"""A class of thirty on this machine: `python -m tests.bench.bench_class`, some twelve minutes.

Thirty clients speak the lab's own protocol: 20 train a GAN on the ring, 4 a VAE on digits, 3 a flow, 2 a
diffusion of points, 1 transfers a style. They pause, step and train on as a hand would. Each opens its page
as a browser does. Three real browsers watch, too; what they and the clients take is told.
`--lab DIR` serves another checkout of the lab: the same class before a change and after it.

Work is counted in seconds of a worker's processor that the same rounds take when each run is alone, so that
rounds of unlike models can be added; the browsers' runs count, too. What they take alone is measured before
the class and after it, because the machine's speed drifts. Pictures a second are those of the time in which a
run was not paused.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from lab.runs import inventory, store, wire
from lab.visitor import COOKIE, mark
from tests.bench.benching import family_of, memory, processor, settings
from tests.browser.conftest import launch
from tests.serving import Lab, start_lab, stop_lab

SMALL = {"size": 128}
MIX: list[tuple[str, str, int, dict[str, Any]]] = [
    ("gan", "ring", 20, {}),
    ("vae", "digits", 4, {}),
    ("real-nvp", "moons", 2, {}),
    ("maf", "moons", 1, {}),
    ("ddpm", "moons", 2, {}),
    ("style", "flower.cat", 1, {}),
]
COSTLY = ("style",)  # its rounds take longer than a picture's turn: it is shown beside, and has no goal
PAGES = [("gan", "ring", 1, {}), ("vae", "digits", 1, {}), ("ddpm", "digits", 1, {})]  # of the browsers
GOALS = {
    "frames/s of the slowest run": (5, 1),
    "p95 of pause and step, ms": (300, -1),
    "work beside that of runs alone": (0.75, 1),
    "memory, MB": (3000, -1),
    "longest standstill, s": (1.0, -1),
    "errors": (0, -1),
    "last of the pages moves after, s": (10, -1),
}
WARM = 4.0  # seconds, in which what is made once is made
ORDER_EVERY = 0.7  # seconds between two orders of the class


@dataclass
class Student:
    """One client: its run, and what came of it."""

    family: str
    run_id: str
    cookie: str
    kind: str = ""  # the family and its data
    frames: int = 0
    round: int = 0
    advanced: float = 0.0  # when its round last grew
    paused: bool = False
    rested: float = 0.0  # seconds for which it was paused
    standstill: float = 0.0
    bytes: int = 0
    done: dict[int, asyncio.Future] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    ws: Any = None


def enrol(lab: Lab, mix: list[tuple[str, str, int, dict[str, Any]]]) -> list[Student]:
    """Runs that wait for Train, each with a student who owns it."""
    os.environ["GENLAB_HOME"] = str(lab.home)
    students = []
    for family, data, count, config in mix:
        for _ in range(count):
            key = f"student-{len(students)}-{random.getrandbits(64):x}"
            info = {"family": family, "data": data, "config": config, "seed": len(students)}
            at = store.create(info | {"owner": mark({COOKIE: key}), "state": "ready"})
            students.append(Student(family, at.name, f"{COOKIE}={key}", kind=f"{family} on {data}"))
    return students


async def attend(lab: Lab, me: Student) -> None:
    """Hear the run until the socket is closed."""
    address = f"{lab.url.replace('http', 'ws')}/live/{me.run_id}"
    given = {"Origin": lab.url, "Cookie": me.cookie}
    async with connect(address, additional_headers=given, max_size=None, compression=None) as me.ws:
        async for message in me.ws:
            hear(me, message)


def hear(me: Student, message: str | bytes) -> None:
    if isinstance(message, str):
        told = json.loads(message)
        if "error" in told:
            me.errors.append(str(told["error"]))
        if "done" in told and (order := me.done.pop(told["done"], None)):
            order.set_result(None)
        return
    about = json.loads(wire.header(message)["frame"])
    if about.get("key") is not None:
        return
    now = time.monotonic()
    me.frames += 1
    me.bytes += len(message)
    if about["round"] > me.round:
        if me.advanced and not me.paused:
            me.standstill = max(me.standstill, now - me.advanced)
        me.round, me.advanced = about["round"], now


async def order(me: Student, do: str) -> float:
    """Give an order; seconds until it is done."""
    number, loop = random.getrandbits(31), asyncio.get_running_loop()
    me.done[number] = done = loop.create_future()
    start = time.monotonic()
    await me.ws.send(json.dumps({"do": do, "id": number} | ({"player": None} if do == "step" else {})))
    try:
        await asyncio.wait_for(done, 60)
    except TimeoutError:
        me.errors.append(f"{do} was not done within a minute")
    return time.monotonic() - start


async def open_page(lab: Lab, me: Student) -> float:
    """Open the run's page as a browser does; seconds until its script is through."""
    start = time.monotonic()
    given = {"Origin": lab.url, "Cookie": me.cookie}
    address = f"{lab.url.replace('http', 'ws')}/_stcore/stream"
    how = {"additional_headers": given, "max_size": None, "subprotocols": ["streamlit"], "compression": None}
    async with connect(address, **how) as ws:
        ask = BackMsg()
        ask.rerun_script.query_string = f"run={me.run_id}"
        ask.rerun_script.page_name = me.family
        await ws.send(ask.SerializeToString())
        async for message in ws:
            told = ForwardMsg()
            told.ParseFromString(message)
            if told.WhichOneof("type") == "script_finished":
                break
            if told.WhichOneof("type") == "delta" and told.delta.new_element.HasField("exception"):
                me.errors.append(told.delta.new_element.exception.message)
    return time.monotonic() - start


async def until(what: Any, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        await asyncio.sleep(0.02)
    return bool(what())


async def alone(lab: Lab, given: Any, mix: list) -> dict[str, float]:
    """Rounds that a run of each family makes in a second of its worker's processor, when it is alone there.
    The other worker has a run of its own, too: where cores share one unit of arithmetic, a second is worth
    less when both are busy."""
    rates: dict[str, float] = {}
    for family, data, _, config in mix:
        if f"{family} on {data}" in rates:
            continue
        pair = enrol(lab, [(family, data, 1 if family in COSTLY else 2, config)])
        tasks = [asyncio.create_task(attend(lab, me)) for me in pair]
        for me in pair:
            await until(lambda me=me: me.ws, 60)
            await order(me, "play")
        await until(lambda pair=pair: min(me.round for me in pair) > 1, 120)
        await asyncio.sleep(min(WARM, given.alone))
        workers = family_of(lab.process.pid)[1:]
        begin, first = sum(processor(workers).values()), sum(me.round for me in pair)
        await asyncio.sleep(given.alone)
        done = sum(me.round for me in pair) - first
        rates[f"{family} on {data}"] = max(1, done) / (sum(processor(workers).values()) - begin)
        for me in pair:
            await order(me, "pause")
            await me.ws.close()
        await asyncio.gather(*tasks, return_exceptions=True)
    return rates


async def together(lab: Lab, given: Any) -> dict[str, float]:
    """As many at one run, as a link brings them: it is trained once, and each picture is drawn once."""
    (owner,) = enrol(lab, [("gan", "ring", 1, {})])
    others = [Student("gan", owner.run_id, f"{COOKIE}=y{i}") for i in range(given.students - 1)]
    tasks = [asyncio.create_task(attend(lab, me)) for me in [owner, *others]]
    for me in (owner, *others):
        await until(lambda me=me: me.ws, 60)
    await order(owner, "play")
    await asyncio.sleep(min(WARM, given.alone))
    for me in (owner, *others):
        me.frames = 0
    processes, start = family_of(lab.process.pid), time.monotonic()
    had = processor(processes)
    await asyncio.sleep(given.alone)
    seconds, frames = time.monotonic() - start, min(me.frames for me in (owner, *others))
    spent = {pid: used - had[pid] for pid, used in processor(processes).items()}
    await order(owner, "pause")  # or it would train on beside the class
    for me in (owner, *others):
        await me.ws.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    server = spent.pop(processes[0])
    return {
        "all at one run: frames/s of the slowest": frames / seconds,
        "all at one run: cores of its worker": sum(spent.values()) / seconds,
        "all at one run: cores of the server": server / seconds,
    }


async def hands(students: list[Student], took: list[float], stop: asyncio.Event) -> None:
    """Pause, step and train on, one student after the other."""
    while not stop.is_set():
        me = random.choice([s for s in students if not s.paused])
        me.paused, begin = True, time.monotonic()
        for do in ("pause", "step"):
            took.append(await order(me, do))
            await asyncio.sleep(ORDER_EVERY / 2)
        await order(me, "play")
        me.paused, me.advanced = False, time.monotonic()
        me.rested += me.advanced - begin


def beside() -> list[Student]:
    """The browsers' runs, each with one who looks on."""
    training = [info for info in inventory.listing()[0] if info.state == "training"]
    return [
        Student(info.family, info.id, f"{COOKIE}=guest", kind=f"{info.family} on {info.data}")
        for info in training
    ]


async def lesson(
    lab: Lab, given: Any, rates: dict[str, float], mix: list
) -> tuple[dict[str, float], Counter[str], float]:
    """The class itself: what is told of it, the rounds of each kind, and the seconds of the workers'
    processors that they took."""
    guests = beside()
    students = enrol(lab, mix)
    told: dict[str, float] = {}
    begin = time.monotonic()
    opened: list[float] = []
    moved: list[float] = []

    async def arrive(number: int, me: Student) -> None:
        await asyncio.sleep(given.arrive * number / len(students))
        start = time.monotonic()
        opened.append(await open_page(lab, me))
        tasks.append(asyncio.create_task(attend(lab, me)))
        await until(lambda: me.ws, 60)
        await order(me, "play")
        await until(lambda: me.round > 0, 120)
        moved.append(time.monotonic() - start)

    tasks = [asyncio.create_task(attend(lab, guest)) for guest in guests]
    await asyncio.gather(*(arrive(i, me) for i, me in enumerate(students)))
    told["pages open after, s (median)"] = statistics.median(opened)
    told["last of the pages opens after, s"] = max(opened)
    told["last of the pages moves after, s"] = max(moved)
    await asyncio.sleep(given.settle)

    processes = family_of(lab.process.pid)
    names = {pid: " ".join(psutil.Process(pid).cmdline()) for pid in processes}
    workers = [pid for pid, name in names.items() if "lab.runs." in name]
    for me in students:
        me.frames = me.bytes = 0
        me.standstill, me.rested, me.advanced = 0.0, 0.0, time.monotonic()
    everybody = [*students, *guests]
    first, start = {me.run_id: me.round for me in everybody}, time.monotonic()
    had, us = processor(processes), time.process_time()
    took: list[float] = []
    stop, most = asyncio.Event(), 0.0
    hand = asyncio.create_task(hands([s for s in students if s.family not in COSTLY], took, stop))
    halves: list[tuple[float, float]] = []
    idle: list[asyncio.Task] = []
    for half in range(2):
        if half:
            lookers = [
                Student("", students[i % len(students)].run_id, f"{COOKIE}=x{i}") for i in range(given.idle)
            ]
            idle = [asyncio.create_task(attend(lab, looker)) for looker in lookers]
            await asyncio.sleep(min(2.0, given.seconds / 4))
        before = {me.run_id: (me.round, me.frames) for me in everybody}
        now, cpu = time.monotonic(), sum(processor(workers).values())
        end = now + given.seconds / 2
        while time.monotonic() < end:
            await asyncio.sleep(min(5.0, max(0.01, end - time.monotonic())))
            most = max(most, memory(processes))
        spent = time.monotonic() - now
        done = sum((me.round - before[me.run_id][0]) / rates[me.kind] for me in everybody)
        frames = sum(me.frames - before[me.run_id][1] for me in students) / spent / len(students)
        halves.append((done / (sum(processor(workers).values()) - cpu), frames))
    stop.set()
    await hand
    seconds = time.monotonic() - start
    after = processor(processes)
    spent_by = {pid: after.get(pid, 0.0) - had.get(pid, 0.0) for pid in processes}
    light = [me for me in students if me.family not in COSTLY]
    rates_of_frames = sorted(me.frames / (seconds - me.rested) for me in light)
    rounds: Counter[str] = Counter()
    for me in everybody:
        rounds[me.kind] += me.round - first[me.run_id]
    told["frames/s of the slowest run"] = rates_of_frames[0]
    told["frames/s, median"] = statistics.median(rates_of_frames)
    told["kB of a frame, mean"] = sum(s.bytes for s in light) / max(1, sum(s.frames for s in light)) / 1000
    gans = [me.round - first[me.run_id] for me in light if me.family == "gan"]
    told["rounds of the fastest GAN by the slowest"] = max(gans) / max(1, min(gans))
    took.sort()
    told["pause and step, ms (median)"] = 1000 * statistics.median(took)
    told["p95 of pause and step, ms"] = 1000 * took[min(len(took) - 1, int(0.95 * len(took)))]
    told["longest standstill, s"] = max(me.standstill for me in light)
    told["the same of costly runs, s"] = max(
        [me.standstill for me in students if me not in light], default=0.0
    )
    told["the same with idle viewers beside"] = halves[1][0] / halves[0][0]
    told["frames/s with idle viewers beside"] = halves[1][1] / halves[0][1]
    told["cores: workers"] = sum(spent_by[pid] for pid in workers) / seconds
    told["cores: server"] = spent_by[lab.process.pid] / seconds
    told["cores: clients"] = (time.process_time() - us) / seconds
    told["memory, MB"] = most
    errors = Counter(error for me in students for error in me.errors)
    told["errors"] = sum(errors.values())
    for error, count in errors.most_common(3):
        print(f"  {count} x {error[:120]}")
    for me in students:
        await order(me, "pause")
    for me in everybody:
        await me.ws.close()
    for task in [*tasks, *idle]:
        task.cancel()
    await asyncio.gather(*tasks, *idle, return_exceptions=True)
    told["the lesson, s"] = time.monotonic() - begin
    return told, rounds, sum(spent_by[pid] for pid in workers)


def watch(lab: Lab, count: int) -> list[Any]:
    """Real browsers, each on a page whose model trains."""
    if not count:
        return []
    playwright = sync_playwright().start()
    browser = launch(playwright)
    opened = []
    for name, *_ in PAGES[:count]:
        page = browser.new_page(reduced_motion="reduce")
        page.troubles = []
        page.on("pageerror", lambda error, page=page: page.troubles.append(str(error)))
        page.goto(f"{lab.url}/{name}")
        page.get_by_role("button", name="Train", exact=True).first.wait_for(timeout=120_000)
        page.wait_for_selector("canvas", timeout=120_000)
        page.wait_for_timeout(1500)
        page.get_by_role("button", name="Train", exact=True).first.click()
        opened.append(page)
    return [playwright, browser, *opened]


def leave(opened: list[Any]) -> None:
    """Close the browsers."""
    if opened:
        playwright, browser, *_ = opened
        opened.clear()
        browser.close()
        playwright.stop()


def tell(rates: dict[str, float]) -> None:
    """Print what each kind of run makes alone."""
    rows = ", ".join(f"{name} {rate:,.1f}" for name, rate in rates.items())
    print(f"alone, rounds a second of the worker's processor: {rows}", flush=True)


def main() -> int:
    given = settings(
        __doc__, seconds=(600.0, 5.0), settle=(20.0, 1.0), alone=(8.0, 0.6), arrive=(5.0, 1.0), idle=(60, 4),
        students=(30, 6), browsers=(3, 0), lab=(".", "."),
    )  # fmt: skip
    mix = [(f, d, n if given.students >= 30 else min(n, 2), c) for f, d, n, c in MIX]
    if given.students < 30:
        mix = [one for one in mix if one[0] in ("gan", "vae", "ddpm")]
    with tempfile.TemporaryDirectory() as folder:
        lab = start_lab(Path(folder) / "runs", at=Path(given.lab).resolve())
        browsers: list[Any] = []
        try:
            everything = [*mix, *PAGES[: given.browsers]]
            rates = asyncio.run(alone(lab, given, everything))
            shared = asyncio.run(together(lab, given))
            print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
            tell(rates)
            browsers = watch(lab, given.browsers)
            watched = family_of(os.getpid())
            begin, start = processor(watched), time.monotonic()
            with ThreadPoolExecutor(1) as thread:  # this one has the browsers' own loop
                told, rounds, spent = thread.submit(asyncio.run, lesson(lab, given, rates, mix)).result()
            theirs = {p: t for p, t in processor(watched).items() if p != os.getpid() and p in begin}
            inside = set(family_of(lab.process.pid))
            told["cores: browsers"] = sum(t - begin[p] for p, t in theirs.items() if p not in inside) / (
                time.monotonic() - start
            )
            told["errors"] += sum(len(page.troubles) for page in browsers[2:])
            leave(browsers)
            asyncio.run(until(lambda: not beside(), 120))  # runs that nobody watches rest after a minute
            later = asyncio.run(alone(lab, given, everything))
            tell(later)
            work = sum(2 * n / (rates[kind] + later[kind]) for kind, n in rounds.items())
            told["work beside that of runs alone"] = work / spent
        finally:
            leave(browsers)
            stop_lab(lab)
    missed = 0
    for name, value in (told | shared).items():
        goal, sign = GOALS.get(name, (None, 0))
        late = goal is not None and sign * value < sign * goal
        missed += late
        aim = "" if goal is None else f"   goal {goal:g}"
        print(f"{name:44}{value:12,.2f}{aim}{'   MISSED' if late else ''}")
    print(
        f"class of {sum(one[2] for one in mix)}: {told['frames/s of the slowest run']:.1f} frames/s, "
        f"{told['p95 of pause and step, ms']:.0f} ms, {told['work beside that of runs alone']:.2f} of the "
        f"work, {told['memory, MB']:,.0f} MB, {missed} goals {'MISSED' if missed else 'missed'}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
