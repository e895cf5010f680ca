"""Workers in a cluster without any: what it gives, what a machine must see, who gets the runs of a lost one.

A stand-in takes the place of Ray; tests/runs/test_ray.py has the real one.
"""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from types import SimpleNamespace

import pytest

from engine.config import Refused
from lab import cli
from lab.runs import cluster, store, supervisor
from lab.runs.cluster import Cluster, room_for
from lab.runs.lock import Lock
from lab.runs.pipe import AGAIN, START_SECONDS
from lab.runs.sign import look
from lab.runs.supervisor import Supervisor
from tests.runs.test_supervisor import Noted, heavy, run_of, threads  # noqa: F401

# --- what it gives -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cpus", "cards", "share", "room"),
    [
        (8, 0, 0, 8), (7.5, 4, 0, 7), (8, 2, 1, 2), (1, 2, 1, 1), (64, 2, 0.25, 8), (64, 2, 0.4, 4),
        (64, 3, 2, 1), (64, 3, 4, 0), (64, 0, 0.5, 0), (64, 1, 0.1, 10), (0, 1, 1, 0),
    ],
)  # fmt: skip
def test_as_many_workers_fit_as_cpus_and_shares_of_whole_gpus_are_free(cpus, cards, share, room):
    assert room_for({"CPU": cpus, "GPU": cards}, share) == room
    if not cards:
        assert room_for({"CPU": cpus}, share) == room


class Ray:
    """Ray, as far as it is used here: notes what it is asked."""

    def __init__(self, free):
        self.free, self.joined, self.killed, self.fails, self.slow = free, [], [], None, False
        self.batches = iter(())

    def init(self, address, **how):
        self.joined.append((address, os.environ.get("RAY_AUTH_MODE")))
        if self.fails:
            raise self.fails

    def available_resources(self):
        return self.free

    def wait(self, streams, timeout):
        self.waited = timeout
        return ([], streams) if self.slow else (streams, [])

    def get(self, batch):
        return batch

    def kill(self, actor):
        self.killed.append(actor)


@pytest.fixture
def ray(monkeypatch):
    ray = Ray({"CPU": 8.0})
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.setattr(cluster, "joined", None)
    return ray


@pytest.mark.parametrize(
    ("free", "asked", "light", "spare", "gpus"),
    [
        ({"CPU": 8.0}, (), 6, 2, 0.0),
        ({"CPU": 1.0}, (), 1, 1, 0.0),
        ({"CPU": 3.0}, (), 2, 1, 0.0),
        ({"CPU": 64.0, "GPU": 4.0}, (), 3, 1, 1.0),
        ({"CPU": 64.0, "GPU": 4.0}, (None, 0.0), 48, 16, 0.0),
        ({"CPU": 64.0, "GPU": 4.0}, (None, 0.25), 12, 4, 0.25),
        ({"CPU": 64.0}, (5,), 5, 16, 0.0),
    ],
)
def test_a_quarter_of_what_is_free_is_left_for_heavy_runs(ray, free, asked, light, spare, gpus):
    ray.free = free
    one = cluster.join("auto", *asked)
    assert cluster.joined is one
    assert (one.light, one.heavy, one.gpus) == (light, spare, gpus)
    assert ray.joined == [("auto", "token")]
    one.close()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((0,), "--workers must be 1 or more"), ((-1,), "--workers"), ((1, -0.1), "--gpus-per-worker"),
        ((1, 1.5), "--gpus-per-worker"), ((None, math.nan), "--gpus-per-worker"), ((1, 0.5), "no free CPU"),
    ],
)  # fmt: skip
def test_what_no_cluster_can_give_is_refused(ray, asked, words):
    with pytest.raises(Refused, match=words):
        cluster.join("auto", *asked)
    assert cluster.joined is None


def test_a_cluster_that_cannot_be_joined_is_a_sentence(ray, monkeypatch):
    with pytest.raises(Refused, match="HOST:PORT"):
        Cluster("ray://head:10001")
    assert ray.joined == []
    ray.fails = ConnectionError("Nobody is there.\nAnd more.")
    with pytest.raises(Refused, match=r"at head:1 cannot be joined.* Ray says: Nobody is there\.$"):
        Cluster("head:1")
    ray.fails = ConnectionError()
    with pytest.raises(Refused, match=r"CLUSTER\.md\.$"):
        Cluster("head:1")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(Refused, match=r"pip install 'genlab\[ray\]'"):
        Cluster("head:1")


def test_the_command_joins_before_it_serves_and_its_options_are_of_a_cluster(ray, monkeypatch, capsys):
    monkeypatch.setattr("lab.cli.opened", lambda *_: SimpleNamespace(at_home=True, url="http://x"))
    monkeypatch.setattr("lab.server.serve", lambda door: print("serves", cluster.joined.light))
    assert cli.main(["--cluster", "head:1", "--workers", "3", "--gpus-per-worker", "0"]) == 0
    assert "serves 3" in capsys.readouterr().out
    cluster.joined.close()
    for option in ("--workers", "--gpus-per-worker"):
        assert cli.main([option, "1"]) == 2
        assert "give --cluster ADDRESS" in capsys.readouterr().err


@pytest.mark.exhaustive
def test_a_lab_on_this_machine_imports_no_ray():
    code = "import lab.server, lab.runs.worker, sys; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- what a machine must see ---------------------------------------------------------------------


def test_a_machine_must_see_the_folder_its_locks_and_write_there(ray):
    at = store.home()
    (at / f"{cluster.SIGN}old").mkdir(parents=True)
    (at / f"{cluster.SIGN}other").mkdir()
    other = Lock(at / f"{cluster.SIGN}other")
    one = Cluster("auto")
    assert {path.name for path in at.iterdir()} == {f"{cluster.SIGN}other", one.sign.name}
    other.close()
    assert store.every() == []
    look(one.sign)
    assert (one.sign / "seen").exists()
    with pytest.raises(Refused, match=f"does not see the folder {at / 'elsewhere'}"):
        look(at / "elsewhere" / one.sign.name)
    one._lock.close()
    with pytest.raises(Refused, match="nolock"):
        look(one.sign)
    one.close()
    assert not one.sign.exists()


def test_a_machine_that_may_only_read_is_refused(ray, monkeypatch):
    def no(path):
        raise PermissionError(13, "Permission denied")

    one = Cluster("auto")
    monkeypatch.setattr("pathlib.Path.touch", no)
    with pytest.raises(Refused, match=r"cannot write into .*: Permission denied"):
        look(one.sign)
    one.close()


# --- an actor ------------------------------------------------------------------------------------


class Actor:
    """An actor that says what the test has laid ready, and notes its orders."""

    def __init__(self, *batches):
        self.orders = []
        self.news = SimpleNamespace(remote=lambda: iter(batches))
        self.order = SimpleNamespace(options=lambda num_returns: SimpleNamespace(remote=self.orders.append))


def said(*messages):
    return [pickle.dumps(message) for message in messages]


@pytest.fixture
def worker(ray, threads, monkeypatch):  # noqa: F811
    one = Cluster("auto")
    worker = one.start(lambda *given: worker.heard.append(given[1]), threads=3, nice=10)
    worker.heard = []
    assert (worker.threads, worker.nice) == (3, 10)
    yield worker
    one.close()


def lives(worker, monkeypatch, *actors):
    """Let it serve with one actor after the other, until there is none."""
    left = iter(actors)
    monkeypatch.setattr(worker.cluster, "actor", lambda *how: next(left))
    turns = iter([False] * len(actors) + [True])
    event = SimpleNamespace(wait=lambda pause: next(turns), is_set=lambda: False, set=lambda: None)
    monkeypatch.setattr(worker, "closing", event)
    worker._serve()


def test_what_an_actor_says_is_heard_in_order_and_its_end_is_a_death(worker, ray, monkeypatch):
    actor = Actor(said(("ready",), ("at", "a")), [], said(("state", "a", {})))
    lives(worker, monkeypatch, actor, Actor())
    assert worker.heard == [("ready",), ("at", "a"), ("state", "a", {}), ("died", ""), ("died", "")]
    assert ray.killed[0] is actor
    assert ray.waited == START_SECONDS
    assert worker.why == AGAIN
    assert worker.ended.is_set()


def test_what_a_dead_actor_has_left_unsaid_is_forgotten(worker, ray, monkeypatch):
    worker.batch.extend(said(("frame", "a", b"")))
    lives(worker, monkeypatch, Actor(said(("ready",))))
    assert worker.heard[0] == ("ready",)


def test_a_refusal_of_a_machine_and_a_lack_of_room_are_told_to_who_asks(worker, ray, monkeypatch):
    lives(worker, monkeypatch, Actor(said(("refused", "It does not see it."))))
    worker.pause = 1.0
    with pytest.raises(Refused, match=r"^It does not see it\.$"):
        worker.ask("do", "a").result(0)
    ray.slow = True
    lives(worker, monkeypatch, Actor())
    worker.pause = 1.0
    with pytest.raises(Refused, match="no room for another worker"):
        worker.ask("do", "a").result(0)


def test_orders_go_to_an_actor_that_is_up_and_to_no_other(worker, monkeypatch):
    worker.actor = actor = Actor()
    worker.up.set()
    worker.ask("do", "a", {"x": 1})
    assert [pickle.loads(order) for order in actor.orders] == [("do", "a", 0, {"x": 1})]
    monkeypatch.setattr(worker, "up", SimpleNamespace(wait=lambda s: True, is_set=lambda: False))
    with pytest.raises(Refused, match="starting again"):  # it has died between the two
        worker.ask("do", "a").result(0)
    assert len(actor.orders) == 1


def test_a_closed_actor_stores_its_runs_before_it_is_killed(worker, ray):
    waited = []
    worker.close()  # before it was ever started
    assert ray.killed == []
    worker.actor = actor = Actor()
    worker.ended = SimpleNamespace(wait=waited.append)
    worker.close()
    assert (actor.orders, waited, ray.killed) == ([], [], [actor])
    worker.actor = actor
    worker.up.set()
    worker.close()
    assert [pickle.loads(order) for order in actor.orders] == [("quit",)]
    assert waited == [cluster.CLOSING]
    assert ray.killed == [actor] * 2
    assert worker.closing.is_set()


def test_an_actor_has_the_labs_settings_its_threads_and_its_share(ray, monkeypatch):
    asked = []
    host = SimpleNamespace(
        options=lambda **how: asked.append(how) or SimpleNamespace(remote=lambda *given: asked.append(given))
    )
    monkeypatch.setitem(sys.modules, "lab.runs.actor", SimpleNamespace(Host=host))
    monkeypatch.setenv("GENLAB_PATIENCE", "7")
    monkeypatch.setenv("GENLAB_DEVICE", "cuda")
    monkeypatch.setenv("GENLAB_HOME", os.path.relpath(store.home()))
    ray.free = {"CPU": 8.0, "GPU": 2.0}
    for share, device in ((0.5, "cuda"), (0.0, "cpu")):
        one = Cluster("auto", gpus=share)
        one.actor(3)
        how, given = asked
        asked.clear()
        assert given == (str(one.sign), share)
        assert (how["num_cpus"], how["num_gpus"]) == (1, share)
        values = how["runtime_env"]["env_vars"]
        assert values["GENLAB_HOME"] == str(store.home().absolute())
        assert values["GENLAB_THREADS"] == values["OMP_NUM_THREADS"] == "3"
        assert (values["GENLAB_PATIENCE"], values["GENLAB_DEVICE"]) == ("7", device)
        assert "PATH" not in values
        one.close()


# --- the supervisor ------------------------------------------------------------------------------


@pytest.fixture
def lab(ray, threads, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Cluster, "start", lambda self, hear, **how: Noted(**how))
    lab = Supervisor(Cluster("auto", workers=3))
    threads.clear()  # the one that watches over workers would never end
    return lab


def test_the_supervisor_has_the_workers_that_the_cluster_gives(lab, monkeypatch):
    assert [worker.gpu for worker in lab.light] == [None] * 3
    assert [lab.place(heavy()) for _ in range(3)][2] in lab.heavy
    assert len(lab.heavy) == lab.cluster.heavy == 2
    monkeypatch.setattr(supervisor, "Supervisor", lambda given: given)
    monkeypatch.setattr(cluster, "joined", lab.cluster)
    assert supervisor.supervisor.__wrapped__() is lab.cluster
    lab.close()
    assert not lab.cluster.sign.exists()


def test_the_runs_of_a_lost_worker_go_to_the_others_and_new_ones_too_until_it_is_back(lab, threads):  # noqa: F811
    ids = [run_of(state="training", pace="duel"), run_of(), run_of()]
    lost, second, third = (lab.place(run_id) for run_id in ids)
    lab._hear(lost, ("died", ""))
    assert (lost.runs, lab.paces) == (set(), {})
    threads.run()
    moved = lab.places[ids[0]]
    assert moved in (second, third)
    assert moved.told() == [("open", ids[0]), ("watch", ids[0], 0, 0)]
    assert lost not in [lab.place(run_of()) for _ in range(4)]
    lab._hear(lost, ("ready",))
    assert lab.place(run_of()) is lost


def test_when_all_workers_are_lost_runs_wait_where_they_are(lab, threads):  # noqa: F811
    ids = [run_of() for _ in range(3)]
    places = [lab.place(run_id) for run_id in ids]
    for worker in lab.light[:2]:
        lab._hear(worker, ("died", ""))
    threads.run()
    assert {lab.places[run_id] for run_id in ids} == {lab.light[2]}
    lab._hear(lab.light[2], ("died", ""))
    assert {lab.places[run_id] for run_id in ids} == {lab.light[2]}
    assert places[2] is lab.light[2]


def test_a_heavy_worker_that_is_lost_keeps_its_run(lab, threads):  # noqa: F811
    worker = lab.place(run_id := heavy())
    lab._hear(worker, ("died", ""))
    assert lab.places[run_id] is worker


def test_on_one_machine_runs_wait_for_their_worker(ray, threads, monkeypatch):  # noqa: F811
    monkeypatch.setattr(Supervisor, "_start", lambda self, **how: Noted(**how))
    monkeypatch.setattr(supervisor, "LIGHT", 2)
    lab = Supervisor()
    worker = lab.place(run_id := run_of())
    lab._hear(worker, ("died", ""))
    assert lab.places[run_id] is worker
    assert lab.lost == set()
