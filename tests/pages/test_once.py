"""A press makes one thing, however often and by however many threads its callback is called."""

import threading
from types import SimpleNamespace

import pytest

from engine.gan.gan import GAN
from lab.kit import exhibit, together


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(exhibit, "st", SimpleNamespace(session_state={}))


def test_callbacks_that_wait_in_two_threads_get_the_same(session):
    begun, go, made, got = threading.Event(), threading.Event(), [], []

    def make():
        begun.set()
        assert go.wait(30)
        made.append(len(made))
        return made[-1]

    threads = [threading.Thread(target=lambda: got.append(exhibit.once(5, make))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert begun.wait(30)
    go.set()
    for thread in threads:
        thread.join(30)
    assert made == [0]
    assert got == [0, 0, 0]


def test_a_pair_that_is_told_to_train_again_is_the_same_pair(session, monkeypatch):
    made, state = [], exhibit.st.session_state

    class Supervisor:
        def create(self, owner, pace, **info):
            made.append((info["seed"], pace))
            return f"run {len(made)}"

    monkeypatch.setattr(together, "st", exhibit.st)
    monkeypatch.setattr(together, "supervisor", Supervisor)
    monkeypatch.setattr(together, "who", lambda: "ann")
    wanted = [exhibit.Wanted(GAN, "ring", seed, {}) for seed in (3, 4)]
    for press, runs in ((5, [1, 2]), (5, [1, 2]), (6, [3, 4])):
        together._train(wanted, press)
        assert state["_together"] == [f"run {n}" for n in runs]
    assert [seed for seed, _ in made] == [3, 4, 3, 4]
    assert made[0][1] == made[1][1] != made[2][1] == made[3][1]


def test_another_press_makes_another_and_what_failed_is_made_again(session):
    numbers = iter(range(9))
    assert [exhibit.once(press, lambda: next(numbers)) for press in (5, 5, 6, 6)] == [0, 0, 1, 1]

    def refuse():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        exhibit.once(7, refuse)
    assert exhibit.once(7, lambda: next(numbers)) == 2
    assert len(exhibit.st.session_state["_made"][1]) == 1, "what was made before is forgotten"
