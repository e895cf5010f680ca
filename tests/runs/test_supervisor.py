"""The supervisor without processes: who gets which worker, what workers are told, what becomes of deaths."""

from __future__ import annotations

import io
import os
import pickle
import runpy
import shutil
import subprocess
import threading
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
import torch

from engine.config import Refused
from lab.runs import nursery, pipe, placing, shares, store, supervisor, suspects
from lab.runs.pipe import PAUSES, START_SECONDS, Channel, Deaths, WorkerProcess
from lab.runs.supervisor import NO_MODEL, Supervisor
from tests.runs.test_run import SETTING


class Noted:
    """A worker that notes what it is asked, and answers with what the test has laid ready."""

    def __init__(self, threads=1, nice=0, gpu=None, apart=None, pause=0.0):
        self.threads, self.nice, self.gpu, self.apart, self.pause = threads, nice, gpu, apart, pause
        self.runs, self.asked, self.answers, self.closed, self.killed = set(), [], [], 0, 0
        self.now, self.silent, self.trains, self.up = "", 0, False, threading.Event()

    def ask(self, *message):
        self.asked.append(message)
        future = Future()
        answer = self.answers.pop(0) if self.answers else None
        future.set_exception(answer) if isinstance(answer, Exception) else future.set_result(answer)
        return future

    def told(self):
        asked, self.asked = self.asked, []
        return asked

    def close(self):
        self.closed += 1

    def kill(self):
        self.killed += 1


class Threads(list):
    """Threads that begin when the test says so."""

    def __call__(self, target, args=(), daemon=False):
        assert daemon, "it would keep the server from ending"
        self.append((target, args))
        return SimpleNamespace(start=lambda: None)

    def run(self):
        while self:
            target, args = self.pop(0)
            target(*args)


@pytest.fixture
def threads(monkeypatch):
    threads = Threads()
    names = {name: getattr(threading, name) for name in ("Event", "Lock", "RLock")}
    for module in (pipe, placing, shares, supervisor, suspects):
        monkeypatch.setattr(module, "threading", SimpleNamespace(Thread=threads, **names))
    monkeypatch.setattr("atexit.register", lambda call: None)
    return threads


@pytest.fixture
def lab(monkeypatch, threads):
    monkeypatch.setattr(Supervisor, "_start", lambda self, **how: Noted(**how))
    monkeypatch.setattr(placing, "LEFT", 3)
    monkeypatch.setattr(supervisor, "LIGHT", 3)
    return full(Supervisor())


def full(lab):
    """With all the light workers that it may have."""
    while lab.to_come:
        lab._start_next()
    return lab


def run_of(owner="me", **more):
    return store.create(SETTING | {"owner": owner} | more).name


def heavy(**more):
    return run_of(**{"family": "style", "data": "flower.cat", "config": {}} | more)


# --- workers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cores", "left", "heavy", "light"),
    [(100, 99, 50, 8), (8, 7, 4, 7), (3, 2, 1, 2), (2, 1, 1, 2), (1, 1, 1, 1), (None, 1, 1, 2)],
)
def test_one_core_of_many_is_the_servers_and_heavy_runs_have_half_of_them(
    monkeypatch, cores, left, heavy, light
):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    made = runpy.run_path(placing.__file__)
    assert (made["LEFT"], made["MOST_HEAVY"], made["LIGHT"]) == (left, heavy, light)


def test_there_are_as_many_light_workers_as_they_have_cores_or_one_a_gpu(monkeypatch, threads):
    monkeypatch.setattr(Supervisor, "_start", lambda self, **how: Noted(**how))
    ends = []
    monkeypatch.setattr("atexit.register", ends.append)
    for light in (1, 3):
        monkeypatch.setattr(supervisor, "LIGHT", light)
        assert [worker.gpu for worker in full(Supervisor()).light] == [None] * light
    monkeypatch.setattr(supervisor, "pick", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(supervisor, "WORKERS_A_GPU", 2)
    lab = full(Supervisor())
    assert [worker.gpu for worker in lab.light] == [0, 1, 0, 1], "each GPU is used before one is shared"
    lab.heavy, lab.apart = [Noted()], [Noted()]
    ends[-1]()
    assert lab.closed.is_set()
    assert [worker.closed for worker in (*lab.light, *lab.heavy, *lab.apart)] == [1] * 6


def test_workers_are_watched_from_the_first_on_by_one_thread(monkeypatch, threads):
    made = []
    monkeypatch.setattr(supervisor, "WorkerProcess", lambda *given, **how: made.append((given, how)))
    monkeypatch.setattr(supervisor, "LIGHT", 2)
    lab = full(Supervisor())
    assert [target for target, _ in threads] == [lab._keep_watch]
    assert made == [((lab._hear,), {"gpu": None, "nice": 5})] * 2
    watched = []
    looks = iter([False, False, True])
    monkeypatch.setattr(lab, "_watch_over", watched.append)
    monkeypatch.setattr(lab, "closed", SimpleNamespace(wait=lambda seconds: next(looks)))
    old, new = SimpleNamespace(apart=Deaths()), SimpleNamespace(apart=Deaths())
    new.apart.add()
    lab.light, lab.heavy, lab.apart, back = ["light"], ["heavy"], [old, new], []
    monkeypatch.setattr(lab, "_bring_back", back.append)
    threads.run()
    assert watched == ["light", "heavy"] * 2
    assert back == [old, old], "not who has died of late"


def test_light_workers_start_as_they_are_needed(monkeypatch, threads):
    monkeypatch.setattr(Supervisor, "_start", lambda self, **how: Noted(**how))
    monkeypatch.setattr(supervisor, "LIGHT", 3)
    lab = Supervisor()
    workers = []
    for _ in range(6):
        run_id = run_of()
        worker = lab.place(run_id)
        lab.listeners[run_id] = {print}
        workers.append((lab.light.index(worker), len(lab.light)))
    assert workers == [(0, 1), (1, 2), (2, 3), (0, 3), (1, 3), (2, 3)]
    assert lab.to_come == []


def test_a_run_gets_the_light_worker_with_the_fewest_and_stays_there(lab):
    ids = [run_of() for _ in range(7)]
    places = [lab.place(run_id) for run_id in ids]
    assert [lab.place(run_id) for run_id in ids] == places
    assert sorted(len(worker.runs) for worker in lab.light) == [2, 2, 3]
    assert all(run_id in worker.runs for run_id, worker in zip(ids, places, strict=True))


def test_a_run_gets_the_worker_with_the_fewest_watched_then_with_the_fewest(lab):
    one, two, three = lab.light
    for worker, runs, watched in ((one, "abcd", "a"), (two, "ef", "ef"), (three, "ghijk", "g")):
        worker.runs = set(runs)
        lab.listeners |= {run_id: {print} for run_id in watched}
    lab.listeners["h"] = set()  # all have gone
    assert lab.place(run_of()) is one
    lab.listeners["b"] = {print}
    assert lab.place(run_of()) is three


def test_heavy_runs_have_workers_of_their_own_as_long_as_there_are_any(lab, monkeypatch):
    monkeypatch.setattr(placing, "MOST_HEAVY", 2)
    places = [lab.place(heavy()) for _ in range(4)]
    assert [places.count(worker) for worker in lab.heavy] == [2, 2]
    assert {(worker.threads, worker.nice > 0) for worker in lab.heavy} == {(3, True)}
    assert not any(worker.runs for worker in lab.light)
    lab.heavy[1].runs.clear()
    assert lab.place(heavy()) is lab.heavy[1], "the idle one"


def test_runs_of_one_pace_are_together_and_those_of_none_are_not(lab):
    one, other = lab.place(run_of(pace="duel")), lab.place(run_of())
    assert one is not other
    assert lab.place(run_of()) is not lab.place(run_of())
    assert lab.place(run_of(pace="duel")) is one
    assert lab.place(heavy(pace="slow")) is lab.place(heavy(pace="slow"))
    assert lab.place(heavy(pace="duel")) is one


def test_a_family_is_made_ready_once(lab, threads):
    lab.warm("style")
    lab.warm("style")
    threads.run()
    assert [worker.told() for worker in lab.heavy] == [[("warm", "style")]]


# --- what pages ask ------------------------------------------------------------------------------


def test_a_new_run_is_its_owners_and_trains(lab):
    run_id = lab.create("me", **SETTING)
    assert store.read_info(store.folder(run_id)).owner == "me"
    assert lab.places[run_id].told() == [("do", run_id, {"do": "play"})]
    assert store.read_info(store.folder(run_id)).state != "ready", "a page would think that it waits"


def test_a_run_that_is_ready_trains_not_and_is_removed_when_the_last_who_looks_has_gone(lab):
    run_id, listener = lab.ready("me", **SETTING), lambda kind, what: None
    assert store.read_info(store.folder(run_id)).state == "ready"
    assert run_id not in lab.places
    lab.listen(run_id, listener)
    worker = lab.places[run_id]
    lab.discard(run_id)
    assert store.here(run_id)
    lab.leave(run_id, listener)
    assert not store.here(run_id)
    assert run_id not in lab.places
    assert ("close", run_id) in worker.told()


def test_a_discarded_run_that_has_trained_stays(lab):
    run_id = lab.ready("me", **SETTING)
    store.change_info(store.folder(run_id), state="paused")
    lab.discard(run_id)
    assert store.here(run_id)


def test_who_wants_to_know_how_it_ended_waits_for_it_and_others_do_not(lab):
    run_id = run_of()
    worker = lab.place(run_id)
    worker.answers = [Refused("No."), Refused("No."), TimeoutError()]
    lab.do(run_id, "me", {"do": "play"})
    with pytest.raises(Refused, match=r"^No\.$"):
        lab.do(run_id, "me", {"do": "play"}, wait=True)
    with pytest.raises(Refused, match="busy"):
        lab.do(run_id, "me", {"do": "play"}, wait=True)


@pytest.mark.parametrize(
    ("owner", "who", "recording"),
    [("me", "you", False), ("", "", False), ("", "me", False), ("me", "", False), ("me", "me", True)],
)
def test_only_its_owner_changes_a_run_and_nobody_one_of_nobody_or_a_recording(
    lab, monkeypatch, owner, who, recording
):
    run_id = run_of(owner)
    monkeypatch.setattr(store, "is_recording", lambda at: recording)
    for change in (lambda: lab.do(run_id, who, {"do": "play"}), lambda: lab.delete(run_id, who)):
        with pytest.raises(Refused, match="not yours"):
            change()
    assert lab.places == {}
    assert store.here(run_id)


def test_a_fork_is_of_now_if_the_run_is_open_and_its_worker_can_store_it(lab, monkeypatch):
    run_id, forks = run_of(), []
    monkeypatch.setattr(store, "fork", lambda *given: forks.append(given) or store.folder(run_id))
    lab.fork(run_id, "you")
    worker = lab.place(run_id)
    worker.answers = [None, Refused("It is busy.")]
    lab.fork(run_id, "you", 100)
    assert lab.fork(run_id, "you") == run_id
    assert worker.told() == [("do", run_id, {"do": "checkpoint"})] * 2
    assert forks == [(store.folder(run_id), "you", round) for round in (None, 100, None)]


def test_a_fork_is_made_and_a_run_deleted_only_when_its_worker_has_done_its_part(lab, monkeypatch):
    run_id, order = run_of(), []
    worker = lab.place(run_id)

    class Later(Future):
        def result(self, timeout=None):
            order.append(worker.asked[-1][0])

    monkeypatch.setattr(worker, "ask", lambda *message: worker.asked.append(message) or Later())
    for name in ("fork", "delete"):
        monkeypatch.setattr(store, name, lambda *_, name=name: order.append(name) or store.folder(run_id))
    lab.fork(run_id, "you")
    lab.delete(run_id, "me")
    assert order == ["do", "fork", "close", "delete"]


def test_a_deleted_run_is_let_go_first_and_one_that_cannot_be_deleted_is_watched_on(lab, monkeypatch):
    run_id, other = run_of(), run_of()
    worker = lab.place(other)
    lab.delete(other, "me")
    assert not store.here(other)
    assert (lab.places, worker.runs, worker.told()) == ({}, set(), [("close", other)])
    lab.delete(third := run_of(), "me")  # which was never opened
    assert not store.here(third)
    worker = lab.place(run_id)
    monkeypatch.setattr(
        store, "delete", lambda at: (_ for _ in ()).throw(Refused("It is trained elsewhere."))
    )
    lab.listeners[run_id] = {print}
    with pytest.raises(Refused, match="trained elsewhere"):
        lab.delete(run_id, "me")
    assert worker.asked[0] == ("close", run_id)
    assert lab.places[run_id].asked[-1] == ("watch", run_id, 1, 1)


def test_listeners_are_counted_and_who_leaves_wants_no_more_answers(lab):
    run_id = run_of()
    lab.listen(run_id, print)
    lab.listen(run_id, len)
    worker = lab.places[run_id]
    assert worker.told() == [("watch", run_id, 1, 1), ("watch", run_id, 2, 2)]
    lab.leave(run_id, print, "other")
    assert worker.told() == [("watch", run_id, 1, 1), ("question", run_id, "enough", "other")]
    lab.listen(run_id, print)
    lab.leave(run_id, print)
    assert worker.told() == [("watch", run_id, 2, 2), ("watch", run_id, 1, 1)]
    lab.leave(run_id, len, "asker")
    assert worker.told() == [("watch", run_id, 0, 0), ("question", run_id, "enough", "asker")]
    lab.leave("gan-ring", len, "asker")  # a recording
    assert lab.listen("gan-ring", print) is None
    assert set(lab.places) == {run_id}


def test_who_sees_no_pictures_counts_as_a_watcher_and_the_worker_is_told_when_that_changes(lab):
    run_id = run_of()
    lab.listen(run_id, print)
    worker = lab.places[run_id]
    worker.told()
    lab.look(run_id, print, True)
    assert worker.told() == [], "it did already"
    lab.look(run_id, print, False)
    lab.look(run_id, print, False)
    assert worker.told() == [("look", run_id, 0)]
    lab.listen(run_id, len)
    assert worker.told() == [("watch", run_id, 2, 1)]
    lab.look(run_id, print, True)
    assert worker.told() == [("look", run_id, 2)]
    lab.look(run_id, repr, False)
    assert worker.told() == [], "that one does not watch it"
    lab.look(run_id, len, False)
    worker.told()
    lab.leave(run_id, len)
    assert worker.told()[0] == ("watch", run_id, 1, 1)
    assert lab.blind == {repr}
    lab.look("gan-ring", print, False)
    lab._reopen(worker)
    assert worker.told() == [("watch", run_id, 1, 0)]


def test_questions_go_to_the_runs_worker_and_not_to_a_recording_without_weights(lab, monkeypatch):
    run_id = run_of()
    worker = lab.place(run_id)
    worker.answers = [{"round": 3}, None, ["a law"]]
    assert lab.ask(run_id, "look", {"n": 1}, "me", 7).result() == {"round": 3}
    lab.more(run_id, "me")
    assert lab.measure(run_id, 7) == ["a law"]
    assert worker.told() == [
        ("question", run_id, "ask", "look", {"n": 1}, "me", 7),
        ("question", run_id, "more", "me"),
        ("question", run_id, "measure", 7),
    ]
    monkeypatch.setattr(store, "has_model", lambda at: store.here(at.name))
    for question in (lambda: lab.ask("gan-digits", "look", {}), lambda: lab.measure("gan-digits")):
        with pytest.raises(Refused, match=NO_MODEL):
            question()
    for who in ("you", ""):
        lab.point(run_id, {"kind": "axes"}, who)
    lab.point(run_id, {"kind": "axes"}, "me")
    assert worker.told() == [("pointer", run_id, {"kind": "axes"})]


def test_only_of_a_recording_with_weights_a_copy_makes_a_turn(lab, monkeypatch):
    worker = lab.place("gan-ring")
    worker.answers = [b"a turn"]
    assert lab.trace("gan-ring", "D", "me", 7) == b"a turn"
    assert worker.told() == [("question", "gan-ring", "trace", "D", "me", 7)]
    with pytest.raises(Refused):
        lab.trace(run_of(), None, "me")
    monkeypatch.setattr(store, "has_model", lambda at: False)
    with pytest.raises(Refused, match=NO_MODEL):
        lab.trace("gan-ring", None, "me")


def test_an_answer_in_parts_is_asked_for_to_its_end_or_let_go(lab):
    run_id = run_of()
    worker = lab.place(run_id)
    worker.answers = [{"part": 0}, {"part": 1}, None]
    assert list(lab.parts(run_id, "look", n=2)) == [{"part": 0}, {"part": 1}]
    first, *rest = worker.told()
    assert first[:5] == ("question", run_id, "ask", "look", {"n": 2})
    assert rest == [("question", run_id, "more", first[5])] * 2
    worker.answers = [{"whole": 1}]
    assert lab.probe(run_id, "look") == {"whole": 1}
    assert len(worker.told()) == 1
    worker.answers = [{"part": 0}, {"part": 1}]
    parts = lab.parts(run_id, "look")
    next(parts), next(parts)
    parts.close()
    asked = worker.told()
    assert asked[-1] == ("question", run_id, "enough", asked[0][5])
    assert len(asked) == 3


# --- what workers say ----------------------------------------------------------------------------


def test_what_a_worker_says_reaches_whom_it_concerns(lab, threads):
    worker, heard = lab.light[0], []
    worker.done = lambda *given: heard.append(given)
    lab.listeners["a"] = {lambda kind, what: heard.append((kind, what))}
    for message in [("done", 7, None, {"x": 1}), ("at", "a"), ("frame", "a", b"f"), ("frame", "b", b"f"),
                    ("state", "a", {"state": "training"})]:  # fmt: skip
        lab._hear(worker, message)
    assert heard == [(7, None, {"x": 1}), ("frame", b"f"), ("state", {"state": "training"})]
    assert (worker.now, worker.trains) == ("a", True)
    lab._hear(worker, ("state", "a", {"state": "paused"}))
    assert not worker.trains
    assert not worker.up.is_set()
    lab._hear(worker, ("ready",))
    assert worker.up.is_set()
    assert threads == [(lab._reopen, (worker,))]


def test_after_a_death_what_trained_goes_on_and_what_is_watched_is_shown(lab, capsys):
    ids = {state: run_of(state=state) for state in ("training", "paused", "ended")}
    gone = run_of()
    places = [lab.place(run_id) for run_id in (*ids.values(), gone)]
    for place in places:
        place.runs.clear()
    worker = places[0]
    for run_id in (*ids.values(), gone):
        lab.places[run_id] = worker
        worker.runs.add(run_id)
    shutil.rmtree(store.home() / gone)
    (store.home() / ids["ended"] / "run.json").write_text("{")
    lab.listeners[ids["paused"]] = {print}
    lab._reopen(worker)
    asked = {(kind, run_id): rest for kind, run_id, *rest in worker.told()}
    assert asked == {
        ("open", ids["training"]): [],
        ("watch", ids["training"]): [0, 0],
        ("watch", ids["paused"]): [1, 1],
        ("watch", ids["ended"]): [0, 0],
    }
    assert gone not in lab.places
    assert worker.runs == set(ids.values())


# --- runs whose rounds take long -----------------------------------------------------------------


def load(lab, worker, run_id, seconds=2 * placing.HEAVY, state="training"):
    """The worker says that a round of this run takes so long."""
    lab._hear(worker, ("load", "", {run_id: {"a_round": seconds, "state": state}}))


def test_a_run_whose_rounds_take_long_goes_on_in_a_heavy_worker_and_is_watched_there(lab, threads):
    run_id, other = run_of(), run_of()
    lab.listen(run_id, print)
    lab.listen(run_id, len)
    old = lab.places[run_id]
    lab.places[other] = old
    old.runs.add(other)
    old.told()
    load(lab, old, run_id)
    load(lab, old, run_id)  # before it is done
    assert len(threads) == 2
    threads.run()
    new = lab.places[run_id]
    assert new in lab.heavy
    assert (old.runs, new.runs, lab.places[other]) == ({other}, {run_id}, old)
    assert old.told() == [("close", run_id)] * 2, "an order may have come while the first was under way"
    assert new.told() == [("open", run_id), ("watch", run_id, 2, 2)]
    load(lab, new, run_id)
    assert threads == [], "it is there already"


@pytest.mark.parametrize(
    "one", [{"seconds": placing.HEAVY}, {"seconds": 0.0}, {"state": "paused"}, {"state": "ended"}]
)
def test_a_run_stays_whose_rounds_are_short_or_that_rests(lab, threads, one):
    run_id = run_of()
    load(lab, lab.place(run_id), run_id, **one)
    assert threads == []


def test_runs_of_one_pace_stay_together_whatever_their_rounds_take(lab, threads):
    run_id = run_of(pace="duel")
    load(lab, lab.place(run_id), run_id)
    assert threads == []


def test_what_runs_cost_is_known_of_those_that_are_open(lab):
    one, other = run_of(), run_of()
    worker, another = lab.place(one), lab.place(other)
    load(lab, another, other, 0.01)
    load(lab, worker, one, 0.02)
    assert {run_id: cost["a_round"] for run_id, cost in lab.loads.items()} == {one: 0.02, other: 0.01}
    lab._hear(worker, ("load", "", {}))
    assert set(lab.loads) == {other}


def test_a_run_that_an_order_opened_again_meanwhile_is_closed_before_it_goes_on(lab, threads):
    run_id, order = run_of(), []
    old = lab.place(run_id)
    ask = Noted.ask

    def noted(worker):
        return lambda *message: order.append((worker in lab.light, message)) or ask(worker, *message)

    def close(*message):
        old.ask = noted(old)
        lab.do(run_id, "me", {"do": "pause"})
        return old.ask(*message)

    old.ask = close
    load(lab, old, run_id)
    lab._start = lambda **how: setattr(worker := Noted(**how), "ask", noted(worker)) or worker
    threads.run()
    assert order == [
        (True, ("do", run_id, {"do": "pause"})),
        (True, ("close", run_id)),
        (True, ("close", run_id)),
        (False, ("open", run_id)),
        (False, ("watch", run_id, 0, 0)),
    ]


@pytest.mark.parametrize("error", [Refused("Its process has stopped."), TimeoutError()])
def test_a_run_whose_worker_cannot_let_it_go_stays_and_is_opened_there_again(lab, threads, error):
    run_id = run_of()
    lab.listen(run_id, print)
    old = lab.places[run_id]
    old.told()
    old.answers = [error]
    load(lab, old, run_id)
    threads.run()
    assert lab.places[run_id] is old
    assert run_id in old.runs
    assert old.told() == [("close", run_id), ("open", run_id), ("watch", run_id, 1, 1)]
    old.answers = [None, error]  # when it has moved
    load(lab, old, run_id)
    threads.run()
    assert lab.places[run_id].told() == [("open", run_id), ("watch", run_id, 1, 1)]
    assert lab.places[run_id] in lab.heavy


@pytest.mark.parametrize("apart", [False, True])
def test_a_run_that_was_deleted_or_put_apart_meanwhile_does_not_move(lab, threads, apart):
    run_id = run_of()
    old = lab.place(run_id)
    load(lab, old, run_id)
    ask = old.ask

    def close(*message):
        old.ask = ask
        if apart:
            lab._hear(old, ("died", run_id))
        else:
            lab.delete(run_id, "me")
        return ask(*message)

    old.ask = close
    threads.run()
    assert lab.heavy == []
    assert [run_id in worker.runs for worker in lab.apart] == [True] * apart
    assert lab.places == ({run_id: lab.apart[0]} if apart else {})
    assert not any(worker.told() for worker in lab.apart)


# --- deaths --------------------------------------------------------------------------------------


def test_there_are_only_so_many_workers_apart(lab, threads):
    ids = [run_of() for _ in range(suspects.MOST_APART + 1)]
    for run_id in ids:
        lab._hear(lab.place(run_id), ("died", run_id))
    assert len(lab.apart) == suspects.MOST_APART
    *apart, last = ids
    shared = lab.places[last]
    assert shared in lab.light, "there is no room for it: it stays with the others"
    assert store.read_info(store.folder(last)).state == "paused"
    lab._hear(shared, ("died", last))
    assert last not in lab.places, "and is given up sooner, because they wait for it"
    assert store.look(store.folder(last)).why == suspects.GIVEN_UP
    own = lab.places[apart[0]]
    lab._hear(own, ("died", apart[0]))
    assert lab.places[apart[0]] is own, "that one is apart already"
    assert own.pause > PAUSES[1]
    for _ in range(suspects.TRIES):
        lab._hear(own, ("died", apart[0]))
    assert own not in lab.apart
    threads.run()
    assert own.closed == 1
    assert sum(worker.closed for worker in lab.light) == 0


def test_a_worker_apart_is_like_the_one_that_died(lab):
    run_id = heavy()
    like = lab.place(run_id)
    lab._hear(like, ("died", run_id))
    own = lab.places[run_id]
    assert (own.threads, own.nice, own.gpu) == (like.threads, like.nice, like.gpu)
    assert own.apart is lab.deaths[run_id]
    assert own.pause > 0
    assert (like.runs, own.runs) == (set(), {run_id})
    lab._forget(run_id)
    own = lab.place(run_id)
    assert own.apart is lab.deaths[run_id]
    assert (own.threads, own.nice, own.pause) == (like.threads, like.nice, 0.0)
    light = run_of()
    lab._hear(lab.place(light), ("died", light))
    lab._forget(light)
    lab.light = lab.light[:1]
    assert lab.place(light).threads == 1


@pytest.mark.parametrize(("a_round", "back"), [(None, False), (2.0, False), (0.001, True)])
def test_a_run_that_has_not_died_for_long_lives_with_others_again_unless_it_is_costly(
    lab, threads, a_round, back
):
    run_id = run_of()
    lab.listen(run_id, print)
    lab._hear(lab.place(run_id), ("died", run_id))
    (own,) = lab.apart
    own.trains = True
    if a_round:
        load(lab, own, run_id, a_round)
    lab.deaths[run_id].times.clear()
    own.told()
    lab._bring_back(own)
    threads.run()
    if back:
        assert lab.places[run_id] in lab.light
        assert own.told() == [("close", run_id)] * 2
        assert (lab.apart, own.closed) == ([], 1)
        assert lab.places[run_id].told()[-2:] == [("open", run_id), ("watch", run_id, 1, 1)]
    else:
        assert lab.places[run_id] is own
        assert (lab.apart, own.told()) == ([own], [])


@pytest.mark.parametrize(("trains", "watched"), [(True, False), (False, True)])
def test_a_worker_apart_stays_while_its_run_trains_or_is_watched(lab, trains, watched):
    run_id = run_of()
    lab._hear(lab.place(run_id), ("died", run_id))
    own = lab.places[run_id]
    own.trains = trains
    lab.listeners[run_id] = {print} if watched else set()
    lab._retire(own)
    assert own in lab.apart
    assert lab.places[run_id] is own
    shared = lab.light[0]
    shared.runs = {run_of()}
    lab._retire(shared)
    assert shared.runs, "a shared one never ends"


def test_a_worker_apart_ends_when_its_run_rests_and_the_last_one_leaves(lab, threads):
    run_id = run_of()
    lab._hear(lab.place(run_id), ("died", run_id))
    own = lab.places[run_id]
    lab.listen(run_id, print)
    lab._hear(own, ("state", run_id, {"state": "paused"}))
    assert own in lab.apart
    lab.leave(run_id, print)
    assert own not in lab.apart
    assert run_id not in lab.places
    threads.run()
    assert own.closed == 1


def test_one_that_cannot_hear_is_logged_and_the_others_hear(lab, caplog):
    heard = []
    lab.listeners["a"] = {lambda kind, what: 1 / 0, lambda kind, what: heard.append((kind, what))}
    lab._tell("a", "state", {})
    assert heard == [("state", {})]
    assert "ZeroDivisionError" in caplog.text


def test_a_hanging_worker_is_ended_after_so_long_and_not_before(lab):
    worker = lab.light[0]
    worker.runs, worker.now = {"a", "b"}, "a"
    for _ in range(int(suspects.HANG / suspects.TICK)):
        lab._watch_over(worker)
    assert not worker.killed
    lab._watch_over(worker)
    assert worker.killed == 1


# --- a worker's process --------------------------------------------------------------------------


def test_pauses_grow_with_deaths_and_old_deaths_count_no_more(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(pipe, "time", SimpleNamespace(monotonic=lambda: now[0]))
    assert list(PAUSES) == sorted(set(PAUSES))
    deaths = Deaths()
    for n in range(len(PAUSES) + 3):
        assert (deaths.count(), deaths.pause()) == (n, PAUSES[min(n, len(PAUSES) - 1)])
        deaths.add()
    now[0] += pipe.WITHIN - 1
    assert deaths.count() == len(PAUSES) + 3
    now[0] += 1
    assert (deaths.count(), deaths.pause()) == (0, 0.0)


@pytest.fixture
def worker(threads, monkeypatch):
    """A worker whose process is not started; the fixture's `heard` is what it would tell the supervisor."""
    heard = []
    worker = WorkerProcess(lambda *given: heard.append(given), threads=3, nice=10, gpu=0)
    worker.heard = heard
    assert [target for target, _ in threads] == [worker._serve]
    return worker


def test_a_process_has_its_threads_its_gpu_its_priority_and_a_session_of_its_own(worker, monkeypatch):
    started, ranked = [], []
    process = SimpleNamespace(pid=77)
    monkeypatch.setattr(subprocess, "Popen", lambda command, **how: started.append((command, how)) or process)
    monkeypatch.setattr(os, "setpriority", lambda *given: ranked.append(given))
    monkeypatch.setattr(nursery, "usable", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("GENLAB_HOME", "/x")
    worker._start()
    worker.gpu, worker.nice = None, 0
    worker._start()
    (command, how), (_, other) = started
    assert command[1:] == ["-m", "lab.runs.worker"]
    wanted = {"GENLAB_THREADS": "3", "OMP_NUM_THREADS": "3", "CUDA_VISIBLE_DEVICES": "0"}
    assert wanted.items() <= how["env"].items()
    assert how["env"]["GENLAB_HOME"] == "/x"
    assert "CUDA_VISIBLE_DEVICES" not in other["env"]
    assert how["stdin"] == how["stdout"] == subprocess.PIPE
    assert how["start_new_session"], "Ctrl-C is for the server, which lets its workers store their runs"
    assert ranked == [(os.PRIO_PROCESS, 77, 10)]
    monkeypatch.setattr(nursery, "usable", lambda: True)
    monkeypatch.setattr(nursery, "start", lambda environment: started.append(environment) or process)
    worker._start()
    assert started[2] == other["env"], "one that is forked has the same"


class Raw(io.RawIOBase):
    """What has gone through a pipe."""

    def __init__(self):
        self.data, self.broken = b"", False

    def writable(self):
        return True

    def write(self, data):
        if self.broken:
            raise BrokenPipeError
        self.data += bytes(data)
        return len(data)


class Process(SimpleNamespace):
    def __init__(self, said=b""):
        self.raw = Raw()
        super().__init__(stdin=io.BufferedWriter(self.raw), stdout=io.BytesIO(said), done=[], slow=False)

    def kill(self):
        self.done.append("kill")

    def wait(self, seconds=None):
        self.done.append("wait")
        if self.slow:
            raise subprocess.TimeoutExpired("it", seconds)


def test_a_message_is_sent_at_once_and_its_future_ends_with_the_answer(worker):
    worker.process = Process()
    worker.up.set()
    first, second, third = (worker.ask("do", run_id, {"x": 1}) for run_id in "abc")
    sent = io.BytesIO(worker.process.raw.data)
    messages = [pickle.load(sent) for _ in range(3)]
    assert [(kind, run_id, rest) for kind, run_id, _, rest in messages] == [
        ("do", r, {"x": 1}) for r in "abc"
    ]
    tokens = [message[2] for message in messages]
    worker.done(tokens[1], None, 5)
    worker.done(tokens[0], "No.", None)
    worker.done(99, None, None)
    third.cancel()
    worker.done(tokens[2], None, 1)
    assert second.result(0) == 5
    with pytest.raises(Refused, match=r"^No\.$"):
        first.result(0)
    assert worker.waiting == {}
    worker.process.raw.broken = True
    with pytest.raises(Refused, match="starting again"):
        worker.ask("do", "a").result(0)
    worker.process.raw.broken = False


@pytest.mark.parametrize(("pause", "waits"), [(0.0, START_SECONDS), (4.0, 0.0)])
def test_who_asks_waits_for_a_worker_that_starts_and_not_for_one_that_pauses(worker, pause, waits):
    waited = []
    worker.pause, worker.up = pause, SimpleNamespace(wait=lambda seconds: waited.append(seconds) or False)
    with pytest.raises(Refused, match="try once more in a minute"):
        worker.ask("do", "a").result(0)
    assert waited == [waits]
    assert worker.waiting == {}


def test_who_waits_for_a_worker_that_died_is_told(worker):
    worker._stop()  # before it was ever started
    worker.process = process = Process()
    worker.up.set()
    future = worker.ask("do", "a")
    worker._stop()
    with pytest.raises(Refused, match="starting again"):
        future.result(0)
    assert process.done == ["kill", "wait"]
    assert process.stdin.closed
    assert process.stdout.closed
    assert not worker.up.is_set()


@pytest.mark.parametrize("slow", [False, True])
def test_a_worker_that_is_closed_stores_its_runs_and_ends_or_is_ended(worker, slow):
    worker.close()  # before it was ever started
    worker.process = process = Process()
    process.slow = slow
    worker.close()
    assert worker.closing.is_set()
    assert process.stdin.closed
    assert process.done == ["wait"] + slow * ["kill"]


def test_a_worker_that_dies_is_started_again_after_pauses_and_says_what_it_worked_on(worker, monkeypatch):
    """Five lives: one in which it works on a run of its own, and four that nobody is to blame for."""
    lives = iter([[("ready",), ("at", "a")], [("ready",)], [], [("ready",)], [("at", "b")]])
    pauses, silent = [], []

    def start():
        said = b"".join(map(pickle.dumps, next(lives)))
        worker.process = Process(said + b"nonsense")

    def hear(one, message):
        assert one is worker
        silent.append(worker.silent)
        worker.heard.append(message)
        if message[0] == "at":
            worker.now = message[1]
        raise RuntimeError("of one message")

    class Closing(threading.Event):
        def wait(self, seconds):
            pauses.append(seconds)
            return len(pauses) > 5

    worker.runs, worker.silent, worker.pause = {"a"}, 7, 3.0
    monkeypatch.setattr(worker, "_start", start)
    monkeypatch.setattr(worker, "hear", hear)
    monkeypatch.setattr(worker, "closing", Closing())
    worker._serve()
    assert pauses == [3.0, 0.0, 0.0, *PAUSES[2:5]]
    assert [one for one in worker.heard if one[0] != "ready"] == [
        ("at", "a"), ("died", "a"), ("died", ""), ("died", ""), ("died", ""), ("at", "b"), ("died", "b"),
    ]  # fmt: skip
    assert set(silent) == {0}


@pytest.mark.parametrize(("at", "counts"), [("a", 0), ("b", 1), ("", 1)])
def test_of_a_worker_apart_the_supervisor_counts_the_deaths_of_its_run_and_itself_all_others(
    worker, monkeypatch, at, counts
):
    worker.apart, worker.runs = Deaths(), {"a"}

    def start():
        worker.now = at
        worker.process = Process()

    turns = iter([False, True])
    monkeypatch.setattr(worker, "_start", start)
    monkeypatch.setattr(worker, "closing", SimpleNamespace(wait=lambda _: next(turns), is_set=lambda: False))
    worker._serve()
    assert worker.heard == [(worker, ("died", at))]
    assert worker.apart.count() == counts


def test_a_worker_that_is_closed_meanwhile_has_not_died(worker, monkeypatch):
    def start():
        worker.process = Process()
        worker.closing.set()

    monkeypatch.setattr(worker, "_start", start)
    worker._serve()
    assert worker.heard == []


def test_an_error_about_one_message_is_logged(worker, caplog):
    worker.hear = lambda *_: 1 / 0
    worker._heard(("state", "a", {}))
    assert "ZeroDivisionError" in caplog.text


# --- the worker's end ----------------------------------------------------------------------------


def test_messages_arrive_in_order_and_the_end_of_the_pipe_is_the_last_of_them():
    sent = b"".join(map(pickle.dumps, [("do", "a", 1), ("do", "b", 2)]))
    channel = Channel(io.BytesIO(sent), io.BytesIO())
    heard = [*channel.arrived(60.0)]
    while len(heard) < 3:
        heard += channel.arrived(60.0)
    assert heard == [("do", "a", 1), ("do", "b", 2), ("quit",)]
    assert [*channel.arrived(None)] == []


def test_only_the_first_message_is_waited_for(threads):
    waits, channel = [], Channel(io.BytesIO(), io.BytesIO())
    assert threads == [(channel._listen, threads[0][1])]
    inbox = channel.inbox
    channel.inbox = SimpleNamespace(
        get=lambda timeout: waits.append(timeout) or inbox.get_nowait(),
        get_nowait=lambda: waits.append(None) or inbox.get_nowait(),
    )
    inbox.put(("a",)), inbox.put(("b",))
    assert [*channel.arrived(1.5)] == [("a",), ("b",)]
    assert waits == [1.5, None, None]


def test_what_is_told_goes_out_at_once_and_whole_or_not_at_all(threads):
    raw = Raw()
    channel = Channel(io.BytesIO(), io.BufferedWriter(raw))
    channel.tell("state", "a", {"x": 1})
    whole = raw.data
    assert pickle.loads(whole) == ("state", "a", {"x": 1})
    with pytest.raises(TypeError):
        channel.tell("state", "a" * 100_000, threading.Lock())
    assert raw.data == whole
    raw.broken = True
    channel.tell("state", "a", {})
    assert [*channel.arrived(None)] == [("quit",)], "who hears nothing is gone"
    raw.broken = False
