"""The same runs with workers here and with actors of a Ray cluster: `python -m tests.bench.bench_ray`.

For one, two and four workers: seconds until all are up, rounds and pictures a second of as many watched GANs,
milliseconds until a pause or a step is done, and the memory that the workers share with nobody. The cluster
is on this machine: with fewer cores than workers, more workers make no more rounds.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from importlib.util import find_spec

import numpy as np

from lab.runs import store
from lab.runs.cluster import Cluster
from lab.runs.supervisor import Supervisor
from tests import clustering
from tests.bench.benching import memory, settings

SETTING = {"family": "gan", "data": "ring", "seed": 0, "config": {}}


def rounds(ids: list[str]) -> int:
    return sum(
        row["round"] for run_id in ids for row in store.rows(store.folder(run_id) / "metrics.jsonl")[-1:]
    )


def measure(lab: Supervisor, workers: int, seconds: float) -> list[float]:
    ids = [store.create(SETTING | {"owner": "me"}).name for _ in range(workers)]
    pictures = 0
    counting = threading.Lock()

    def hear(kind: str, what: object) -> None:
        nonlocal pictures
        with counting:
            pictures += kind in ("frame", "rare", "whole")

    start = time.perf_counter()
    for watched in [lab.listen(run_id, hear) for run_id in ids]:
        assert watched
        watched.result()
    up = time.perf_counter() - start
    for run_id in ids:
        lab.do(run_id, "me", {"do": "play"}, wait=True)
    time.sleep(seconds / 4)  # the first pictures take longer
    before, drawn, start = rounds(ids), pictures, time.perf_counter()
    time.sleep(seconds)
    took = time.perf_counter() - start
    speed, shown = (rounds(ids) - before) / took, (pictures - drawn) / took
    private = memory((json.loads((store.folder(i) / "lock").read_text())["pid"] for i in ids), "uss")
    delays = []
    for number in range(int(4 * seconds)):
        run_id = ids[number % workers]
        for order in ({"do": "pause"}, {"do": "step", "player": None}):
            start = time.perf_counter()
            lab.do(run_id, "me", order, wait=True)
            delays.append(1000 * (time.perf_counter() - start))
        lab.do(run_id, "me", {"do": "play"}, wait=True)
        time.sleep(0.05)
    for run_id in ids:
        lab.do(run_id, "me", {"do": "pause"}, wait=True)
    return [up, speed, shown, *np.percentile(delays, [50, 95]), private]


def main() -> int:
    given = settings(__doc__, most=(4, 1), seconds=(20.0, 1.5))
    if not find_spec("ray"):
        print(
            "Ray is not installed, so there is nothing to measure: pip install 'genlab[ray]' (2.52 to 3.0)."
        )
        return 0
    os.environ["GENLAB_DEVICE"] = "cpu"
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':16}{'up, s':>8}{'rounds/s':>10}{'pictures/s':>12}{'p50, ms':>9}{'p95, ms':>9}{'MB':>8}")
    start = time.perf_counter()
    with clustering.cluster(cpus=8) as address:
        begun = time.perf_counter() - start
        for workers in (n for n in (1, 2, 4) if n <= given.most):
            for where in ("here", "Ray"):
                with tempfile.TemporaryDirectory() as folder:
                    os.environ["GENLAB_HOME"] = folder
                    cluster = Cluster(address, workers=workers) if where == "Ray" else Here(workers)
                    lab = Supervisor(cluster)
                    try:
                        row = measure(lab, workers, given.seconds)
                    finally:
                        lab.close()
                cells = zip(row, (8, 10, 12, 9, 9, 8), strict=True)
                print(f"{workers} {where:14}" + "".join(f"{v:>{w}.1f}" for v, w in cells), flush=True)
    print(f"The cluster itself took {begun:.1f} s to start.")
    return 0


class Here(Cluster):
    """So many workers of this machine, where the lab itself has as many as cores are left."""

    def __init__(self, workers: int) -> None:
        self.light, self.heavy = workers, 1

    def start(self, hear, **how):
        from lab.runs.pipe import WorkerProcess

        return WorkerProcess(hear, **how)

    def close(self) -> None:
        pass


if __name__ == "__main__":
    sys.exit(main())
