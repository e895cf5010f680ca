"""The teacher's page: for the teacher alone, and what its buttons do to runs."""

import pytest
import streamlit as st
from streamlit.runtime.context import ContextProxy

from lab import classroom
from lab.classroom import COOKIE, STUDENT, TEACHER
from lab.runs import teacher
from lab.runs.supervisor import supervisor
from lab.visitor import mark
from tests.pages.test_pages import info_of, texts, until, works

NAME = "<img src=x> **Bob** [a](b)"
SETTING = {"family": "gan", "data": "ring", "seed": 1, "config": {"width_G": 8, "width_D": 8, "batch": 8}}


@pytest.fixture
def room(settled, home, monkeypatch):
    monkeypatch.setenv("GENLAB_HOME", str(home))
    monkeypatch.setattr(classroom, "_here", classroom.hold("X"))
    room = classroom.here()

    def cookies(self):
        key, role = st.session_state["visitor"], st.session_state.get("role", "")
        return {"genlab": key, COOKIE: room.ticket(role, mark({"genlab": key}))}

    monkeypatch.setattr(ContextProxy, "cookies", property(cookies))
    return room


@pytest.fixture
def visit_as(visit, room):
    """`visit` sets the cookies of a lab without a class; those of the room hold."""

    def visit_as(role, name="class"):
        page = visit(name)
        page.session_state["role"] = role
        return works(page.run())

    return visit_as


def rows(page) -> str:
    return "".join(html.proto.body for html in page.get("html"))


def press(page, key):
    (button,) = [one for one in page.button if one.key == key or one.label == key]
    return works(button.click().run())


def test_only_the_teacher_sees_it_and_only_their_menu_has_it(visit_as, monkeypatch):
    for role in ("", STUDENT):
        page = visit_as(role)
        assert "for the teacher of a class" in page.error[0].value
        assert (len(page.button), "run-row" in rows(page)) == (0, False)
        assert page.session_state["_rooms"]["class"].visibility == "hidden"
    page = visit_as(TEACHER)
    assert [button.label for button in page.button] == ["Pause all", "Resume all"]
    assert page.session_state["_rooms"]["class"].visibility == "visible"
    assert "Free memory" in rows(page)
    classroom.present(None)  # a laptop has no teacher
    assert "for the teacher of a class" in works(page.run()).error[0].value


def test_the_teacher_sees_who_runs_what_and_pauses_and_stops_it(visit_as, room):
    bob = mark({"genlab": "bob"})
    room.call(bob, NAME)
    one, two = (supervisor().create(owner, **SETTING) for owner in (bob, "0123456789"))
    until(lambda: info_of(one).state == info_of(two).state == "training")
    page = visit_as(TEACHER)
    told = rows(page)
    assert "&lt;img src=x&gt; **Bob** [a](b)" in told
    assert "<img" not in told
    assert "visitor 012345" in told
    assert f'href="./gan?run={one}"' in told
    assert "2 of 2" in told

    press(page, f"do-{one}")
    assert (info_of(one).state, info_of(one).why) == ("paused", teacher.PAUSED)
    assert info_of(two).state == "training"
    press(page, f"stop-{two}")
    assert (info_of(two).state, info_of(two).why) == ("ended", teacher.STOPPED)
    page = press(page, "Resume all")
    assert (info_of(one).state, info_of(two).state) == ("training", "ended")
    assert "Resumed 1 run." in texts(page)
    page = press(page, "Pause all")
    assert info_of(one).state == "paused"
    assert "Paused 1 run." in texts(page)
    supervisor().do(two, "0123456789", {"do": "play"}, wait=True)
    assert info_of(two).state == "training", "its owner may train it on"
    press(visit_as(TEACHER), f"stop-{two}")
    listed = visit_as(STUDENT, "runs")
    assert "\\<img src=x\\>" in texts(listed), "a name is text"
    works(listed.text_input(key="runs-text").set_value("bob").run())
    assert texts(listed).count("[Open]") == 1
