"""What one visitor may take of the lab: runs, walls, disk, questions, sockets; and who makes room."""

import math
import os
import time
from concurrent.futures import Future

import pytest

from engine.config import Refused
from lab.runs import inventory, limits, store
from lab.runs.limits import Bucket, Limits
from lab.runs.supervisor import Supervisor
from tests.runs.test_run import SETTING
from tests.runs.test_supervisor import lab, run_of, threads

__all__ = ["lab", "threads"]  # fixtures

PLAY, PAUSE = {"do": "play"}, {"do": "pause"}
FEW = Limits(
    training=2, members=4, waiting=2, stored=3, disk=math.inf, thrown=2, new=120, questions=3, sockets=2
)


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def few(lab: Supervisor) -> Supervisor:
    lab.limits = FEW
    return lab


def look_at(lab: Supervisor, *runs: str) -> None:
    for run_id in runs:
        lab.listeners[run_id] = {lambda kind, what: None}


def told(lab: Supervisor) -> list[tuple]:
    """What the workers were told to do, in the order of the workers."""
    return [(one[1], one[2]["do"]) for worker in lab.light for one in worker.told() if one[0] == "do"]


# --- a bucket --------------------------------------------------------------------------------------


def test_a_bucket_gives_what_it_holds_and_fills_with_time(clock):
    bucket = Bucket(2.0, 3.0)
    assert bucket.wait() == 0
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    assert bucket.wait() == 0.5
    clock[0] += 0.5
    assert not bucket.take(2)
    assert bucket.take()
    clock[0] += 100
    assert [bucket.take(3), bucket.take()] == [True, False]


# --- runs in training ------------------------------------------------------------------------------


def test_who_trains_one_more_than_may_makes_room_with_the_oldest_that_nobody_looks_at(few):
    one, two, three, other = run_of(), run_of(), run_of(), run_of("you")
    for run_id, who in ((other, "you"), (one, "me"), (two, "me")):
        few.do(run_id, who, PLAY)
    told(few)
    few.do(three, "me", PLAY)
    assert sorted(told(few)) == sorted([(three, "play"), (one, "pause")])
    few.do(one, "me", PLAY)
    assert sorted(told(few)) == sorted([(one, "play"), (two, "pause")])


def test_a_run_that_is_looked_at_makes_no_room_and_the_newcomer_is_told_what_to_do(few):
    one, two, three = run_of(), run_of(), run_of()
    few.do(one, "me", PLAY), few.do(two, "me", PLAY)
    look_at(few, one, two)
    told(few)
    with pytest.raises(Refused, match="have 2 runs in training at once"):
        few.do(three, "me", PLAY)
    assert told(few) == []
    few.do(two, "me", PLAY)  # it trains already
    few._hear(few.places[one], ("state", one, {"state": "paused"}))
    few.do(three, "me", PLAY)
    assert told(few)[-1] == (three, "play")


@pytest.mark.parametrize("how", ["refused", "deleted", "given up"])
def test_a_run_that_trains_no_more_counts_no_more(few, how):
    run_id = run_of()
    if how == "refused":
        few.place(run_id).answers = [Refused("No.")]
    few.do(run_id, "me", PLAY)
    assert (run_id in few.in_training) == (how != "refused")
    if how == "deleted":
        few.delete(run_id, "me")
    if how == "given up":
        few._give_up(run_id)
    assert run_id not in few.in_training


def test_a_run_that_goes_on_after_its_worker_died_counts_again(few):
    run_id = run_of(wall={"lr_D": [0.1, 0.2, 0.3]})
    worker = few.place(run_id)
    few._hear(worker, ("state", run_id, {"why": "It is tried again."}))
    assert not few.in_training
    few._hear(worker, ("state", run_id, {"state": "training"}))
    assert few.in_training == {run_id: ("me", 3)}
    few._hear(worker, ("state", "0123456789ab", {"state": "training"}))  # it has been deleted meanwhile
    assert few.in_training == {run_id: ("me", 3)}


def test_members_of_walls_count_and_other_runs_are_no_members(few):
    wall, single, big = run_of(wall={"lr_D": [0.1, 0.2, 0.3]}), run_of(), run_of(wall={"lr_D": [0.1, 0.2]})
    look_at(few, wall, single)
    few.do(wall, "me", PLAY)
    few.limits = FEW._replace(training=3)
    few.do(single, "me", PLAY)
    with pytest.raises(Refused, match="3 runs and 4 members of walls in training"):
        few.do(big, "me", PLAY)
    few.listeners.clear()
    few.do(big, "me", PLAY)
    assert set(few.in_training) == {single, big}


def test_a_run_that_may_not_train_is_not_left_behind(few):
    one, two = (few.create("me", **SETTING) for _ in range(2))
    look_at(few, one, two)
    with pytest.raises(Refused, match="in training at once"):
        few.create("me", **SETTING)
    assert {at.parent.name for at in store.home().glob("*/run.json")} == {one, two}


# --- runs that wait --------------------------------------------------------------------------------


def test_a_new_visit_replaces_what_visits_before_have_left(few):
    first, other = few.ready("me", **SETTING), few.ready("you", **SETTING)
    look_at(few, first)
    left = [few.ready("me", **SETTING) for _ in range(15)]
    assert {at.parent.name for at in store.home().glob("*/run.json")} == {first, other, *left[-2:]}


def test_a_run_that_waited_and_then_trained_is_kept(few):
    first = few.ready("me", **SETTING)
    few.do(first, "me", PLAY)
    store.change_info(store.folder(first), state="training")
    for _ in range(5):
        few.ready("me", **SETTING)
    assert store.here(first)


# --- new runs --------------------------------------------------------------------------------------


def test_who_has_no_key_owns_nothing(few):
    run_id = run_of()
    for make in (
        lambda: few.fork(run_id, ""),
        lambda: few.create("", **SETTING),
        lambda: few.ready("", **SETTING),
    ):
        with pytest.raises(Refused, match="Allow cookies"):
            make()
    assert [info.id for info in store.every()] == [run_id]


def test_there_are_only_so_many_new_runs_a_minute_of_one_and_of_all(clock, few):
    few.limits = FEW._replace(new=2, stored=math.inf)
    run_id = run_of("you")
    assert len({few.fork(run_id, "me"), few.create("me", **SETTING)}) == 2
    for make in (lambda: few.fork(run_id, "me"), lambda: few.create("me", **SETTING)):
        with pytest.raises(Refused, match="2 in a minute are the most"):
            make()
    few.fork(run_id, "ann")
    clock[0] += 30
    few.fork(run_id, "me")
    few.new_of_all.take(few.new_of_all.held)
    with pytest.raises(Refused, match="Too many runs are started here"):
        few.fork(run_id, "bob")


def rested(count: int, **more) -> list[str]:
    """Runs that have trained, the first of which rests the longest."""
    runs = [run_of(**more) for _ in range(count)]
    for i, run_id in enumerate(runs):
        os.utime(store.home() / run_id, (time.time() - 1000 + i,) * 2)
    return runs


def test_the_runs_that_rest_the_longest_go_to_the_trash_when_there_are_too_many(few, threads):
    old, older, watched, trains, theirs = *rested(4), run_of("you")
    look_at(few, old)
    few.do(trains, "me", PLAY)
    new = few.fork(theirs, "me")
    threads.run()
    assert {info.id for info in store.every()} == {old, trains, theirs, new}
    assert {one.run_id for one in inventory.trash("me")} == {older, watched}


def test_bytes_count_as_well_as_runs(few, threads):
    few.limits = FEW._replace(stored=100, disk=10_000)
    runs = rested(3)
    for run_id in runs:
        (store.home() / run_id / "keyframes" / "big").write_bytes(bytes(8000))
    few.fork(runs[-1], "me")
    threads.run()
    assert {one.run_id for one in inventory.trash("me")} == set(runs[:2])


@pytest.mark.parametrize("limit", [{"disk": 2e9}, {"stored": 100, "disk": 10}])
def test_who_looks_at_all_that_they_may_keep_is_told_what_to_throw_away(few, threads, limit):
    few.limits = FEW._replace(**limit)
    runs = rested(3)
    look_at(few, *runs)
    with pytest.raises(Refused, match=r"may keep (3 runs and 2 GB|100 runs and 1e-08 GB) here"):
        few.fork(runs[0], "me")
    assert threads == []


def test_at_home_nothing_is_thrown_away_by_itself_and_nobody_meets_a_limit(lab, threads):
    runs = rested(60)
    for run_id in runs[:24]:
        lab.do(run_id, "me", PLAY)
    lab.fork(runs[0], "me")
    for n in range(100):
        lab.enter(f"run{n}", "me")
        lab._question("me")
    assert threads == []
    assert len(lab.in_training) == 24


def test_the_trash_holds_the_newest_of_each(few):
    mine, theirs = rested(4), run_of("you")
    few.delete(theirs, "you")
    for run_id in mine:
        few.delete(run_id, "me")
        thrown = next((store.home() / "trash").glob(f"{run_id}-*"))
        thrown.rename(thrown.with_name(f"{run_id}-{1000 + mine.index(run_id)}"))
    few.delete(run_of(), "me")
    assert len(inventory.trash("me")) == 2
    assert {one.run_id for one in inventory.trash("me")} > {mine[-1]}
    assert [one.run_id for one in inventory.trash("you")] == [theirs]


# --- questions, pointers, sockets ------------------------------------------------------------------


def test_each_question_counts_whichever_way_it_comes(clock, few):
    run_id = run_of()
    asks = [
        lambda: few.ask(run_id, "look", {}, "key", None, "me"),
        lambda: few.measure(run_id, who="me"),
        lambda: few.trace("gan-ring", None, "key", who="me"),
        lambda: few.probe(run_id, "look", who="me"),
    ]
    few.place(run_id).answers = [{}, [], {"round": 1}]
    for ask in asks[:3]:
        ask()
    for ask in asks:
        with pytest.raises(Refused, match="wait a few seconds"):
            ask()
    few.ask(run_id, "look", {}, "key", None, "you")
    assert few.pause("me") == 20
    clock[0] += 20
    assert few.pause("me") == 0
    few.place(run_id).answers = [{"round": 1}]
    assert few.probe(run_id, "look", who="me") == {"round": 1}


def test_only_so_many_visitors_are_remembered_the_latest(few, monkeypatch):
    monkeypatch.setattr("lab.runs.shares.MOST_KNOWN", 2)
    for who in ("ann", "bob", "ann", "cid"):
        few._question(who)
    assert set(few.buckets) == {("questions", "ann"), ("questions", "cid")}
    for who in ("ann", "bob", "cid"):
        few.ready(who, **SETTING)
    assert set(few.at_rest) == {"bob", "cid"}


def test_of_what_an_owner_looks_at_only_the_newest_of_a_kind_waits(few):
    run_id, futures = run_of(), []
    worker = few.place(run_id)
    worker.ask = lambda *message: futures.append((message, Future())) or futures[-1][1]
    for n in range(2000):
        for kind in ("label", "axes"):
            few.point(run_id, {"kind": kind, "x": n, "y": 0}, "me")
        few.point(run_id, {"kind": "label", "x": -1, "y": 0}, "you")
    asked = [(message[2]["kind"], message[2]["x"]) for message, _ in futures]
    assert asked == [("label", 0), ("axes", 0)]
    futures[0][1].set_result(None)
    assert futures[2][0] == ("pointer", run_id, {"kind": "label", "x": 1999, "y": 0})
    futures[1][1].set_exception(Refused("It died."))  # then nothing is asked from the thread that starts it
    futures[2][1].set_result(None)
    assert len(futures) == 3
    assert few.under_way == {}


def test_of_drawings_for_one_visitor_only_the_newest_waits_and_there_are_only_so_many(few, monkeypatch):
    monkeypatch.setattr("lab.runs.pointing.MOST_POINTERS", 2)
    futures = []
    worker = few.place("gan-ring")
    worker.ask = lambda *message: futures.append((message, Future())) or futures[-1][1]
    for who in ("me", "you", "ann"):
        for n in range(50):
            few.point("gan-ring", {"kind": "label", "x": n, "y": 0}, who)
    assert [message[3]["label"]["x"] for message, _ in futures] == [0, 0]
    futures[0][1].set_result(b"")
    few.listeners["gan-ring for me"] = {lambda kind, what: None}
    assert len(futures) == 3


def test_an_order_that_cannot_be_asked_leaves_nothing_under_way(few):
    with pytest.raises(Refused):
        few._one_at_a_time(("a",), lambda: few.place("0123456789ab"))
    assert few.under_way == {}


def test_sockets_are_counted_by_visitor_by_run_and_in_all(few, monkeypatch):
    monkeypatch.setattr(limits, "SOCKETS_OF_A_RUN", 3)
    monkeypatch.setattr(limits, "SOCKETS_OF_ALL", 5)
    few.enter("one", "me"), few.enter("one", "me")
    with pytest.raises(Refused, match="have 2 pictures of this lab open"):
        few.enter("two", "me")
    few.enter("one", "you")
    with pytest.raises(Refused, match="look at this run at once"):
        few.enter("one", "ann")
    few.enter("two", "you"), few.enter("two", "ann")
    with pytest.raises(Refused, match="full"):
        few.enter("two", "bob")
    few.depart("one", "me")
    few.enter("three", "me")
    for run_id, who in (("one", "me"), ("one", "you"), ("two", "you"), ("two", "ann"), ("three", "me")):
        few.depart(run_id, who)
    assert few.sockets == {}  # who came and went is forgotten


def test_sockets_rest_only_where_there_are_many(few):
    assert few.rest() == 0
    few.sockets["all", ""] = 40
    assert few.rest() == 0
    few.sockets["all", ""] = 500
    assert few.rest() == 0.5
