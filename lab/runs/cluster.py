"""Workers on the machines of a Ray cluster: `genlab --cluster ADDRESS` (.github/CLUSTER.md).

Ray is imported when a cluster is joined. A lab on one machine needs nothing of it.
"""

from __future__ import annotations

import math
import os
import pickle
import secrets
import shutil
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from engine.config import Refused
from engine.data.keep import HOME
from lab.runs import store
from lab.runs.lock import Lock, holder
from lab.runs.pipe import START_SECONDS, WorkerProcess

NEEDS_RAY = "--cluster needs Ray: run `pip install 'genlab[ray]'`."
NO_CLIENT = "--cluster takes HOST:PORT or auto, because pictures do not come through ray://. See CLUSTER.md."
NO_ROOM = (
    "The cluster has no room for another worker, or takes too long to start it. Add machines to the cluster, "
    "or start the lab with fewer --workers."
)
SIGN = ".cluster-"  # folders that actors look for
CLOSING = 10.0  # seconds in which a worker stores its runs


class Cluster:
    """What a Ray cluster gives to this lab: `light` workers, and at most `heavy` ones for heavy runs. Each of
    them has a CPU and the share `gpus` of a GPU."""

    def __init__(self, address: str, workers: int | None = None, gpus: float | None = None) -> None:
        """Join it. By default a worker has a whole GPU if there are any, and workers take all that is free.
        Raises `Refused`."""
        connect(address)
        import ray

        free = ray.available_resources()
        self.gpus = min(1.0, free.get("GPU", 0.0)) if gpus is None else gpus
        room = room_for(free, self.gpus)
        if not room:
            raise Refused("The cluster has no free CPU, or not the GPUs that --gpus-per-worker asks for.")
        self.heavy = max(1, room // 4)
        self.light = workers or max(1, room - self.heavy)
        self.home = store.home().absolute()
        self.home.mkdir(parents=True, exist_ok=True)
        for old in self.home.glob(f"{SIGN}*"):
            if not holder(old):  # of a lab that was killed
                shutil.rmtree(old, ignore_errors=True)
        self.sign = self.home / f"{SIGN}{secrets.token_hex(8)}"
        self.sign.mkdir()
        self._lock = Lock(self.sign)

    def start(self, hear: Callable[[WorkerProcess, tuple], None], **how: Any) -> WorkerActor:
        return WorkerActor(self, hear, **how)

    def actor(self, threads: int) -> Any:
        """A new actor, somewhere; Ray itself gives it a low priority."""
        from lab.runs.actor import Host

        host: Any = Host  # Ray has made another class of it
        values = {name: value for name, value in os.environ.items() if name.startswith("GENLAB_")}
        values |= dict.fromkeys(["GENLAB_THREADS", "OMP_NUM_THREADS"], str(threads))
        values[HOME] = str(self.home)
        if not self.gpus:
            values["GENLAB_DEVICE"] = "cpu"  # the GPUs are for others
        return host.options(
            num_cpus=1, num_gpus=self.gpus, scheduling_strategy="SPREAD", runtime_env={"env_vars": values}
        ).remote(str(self.sign), self.gpus)

    def close(self) -> None:
        self._lock.close()
        shutil.rmtree(self.sign, ignore_errors=True)


joined: Cluster | None = None
"""That of this process, if it was told to join one."""


def join(address: str, workers: int | None = None, gpus: float | None = None) -> Cluster:
    """Have all workers of this process there. Raises `Refused`."""
    global joined
    if workers is not None and workers < 1:
        raise Refused("--workers must be 1 or more.")
    if gpus is not None and not (0 <= gpus <= 1 or (gpus > 1 and gpus == int(gpus))):
        raise Refused("--gpus-per-worker must be a fraction from 0 to 1, or a whole number.")
    joined = Cluster(address, workers, gpus)
    return joined


def connect(address: str) -> None:
    """Become a driver of this cluster. Raises `Refused`."""
    if address.startswith("ray:"):
        raise Refused(NO_CLIENT)
    os.environ.setdefault("RAY_AUTH_MODE", "token")  # also where this Ray is older than its default
    try:
        import ray
    except ImportError as error:
        raise Refused(NEEDS_RAY) from error
    try:
        ray.init(address, ignore_reinit_error=True, include_dashboard=False)
    except Exception as error:
        said = str(error).strip().splitlines()
        why = f" Ray says: {said[0]}" if said else ""
        raise Refused(f"The Ray cluster at {address} cannot be joined. See CLUSTER.md.{why}") from error


def room_for(free: dict[str, float], gpus: float) -> int:
    """How many workers of this share of a GPU fit into what is free."""
    cpus, cards = int(free.get("CPU", 0)), int(free.get("GPU", 0))
    if not gpus:
        return cpus
    return min(cpus, cards * math.floor(1 / gpus + 1e-9) if gpus < 1 else int(cards // gpus))


class WorkerActor(WorkerProcess):
    """A worker whose process is an actor of a cluster. Ray ends it when this server ends."""

    def __init__(self, cluster: Cluster, *given: Any, **how: Any) -> None:
        self.cluster, self.ended, self.batch = cluster, threading.Event(), deque[bytes]()
        self.actor: Any = None
        super().__init__(*given, **how)

    def _start(self) -> None:
        import ray

        self.batch.clear()
        self.ended.clear()
        self.actor = self.cluster.actor(self.threads)
        self.news = self.actor.news.remote()
        if not ray.wait([self.news], timeout=START_SECONDS)[0]:
            raise Refused(NO_ROOM)

    def _send(self, message: tuple) -> None:
        if not self.up.is_set():
            raise OSError  # a call to an actor that has died is lost without a word
        self.actor.order.options(num_returns=0).remote(pickle.dumps(message))

    def _receive(self) -> tuple:
        import ray

        while not self.batch:
            self.batch.extend(ray.get(next(self.news)))
        message: tuple = pickle.loads(self.batch.popleft())  # of an actor of ours
        if message[0] == "refused":
            raise Refused(message[1])
        return message

    def _let_go(self) -> None:
        self.ended.set()

    def kill(self) -> None:
        if self.actor:
            import ray

            ray.kill(self.actor)

    def close(self) -> None:
        self.closing.set()
        if self.up.is_set():
            self._send(("quit",))
            self.ended.wait(CLOSING)
        self.kill()
        self.actor = None
