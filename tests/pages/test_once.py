"""A press makes one thing, however often and by however many threads its callback is called."""

import threading
from types import SimpleNamespace

import pytest

from lab.kit import exhibit


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


def test_another_press_makes_another_and_what_failed_is_made_again(session):
    numbers = iter(range(9))
    assert [exhibit.once(press, lambda: next(numbers)) for press in (5, 5, 6, 6)] == [0, 0, 1, 1]

    def refuse():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        exhibit.once(7, refuse)
    assert exhibit.once(7, lambda: next(numbers)) == 2
