"""What ships answers: every tab of every room, opened on each recording, without pressing Train first."""

import pytest

from engine.checks import measure
from lab.kit.subject import recordings
from lab.runs import store
from lab.runs.questions import stored
from lab.runs.supervisor import NO_MODEL, supervisor
from tests.pages.test_pages import texts

SHIPPED = {name: recording for name, (recording, _) in recordings().items()}
OPENED = [name for name, recording in SHIPPED.items() if not recording.knobs]  # a room opens with these
MOST_BYTES = 70e6
"""What all recordings may take together: who clones the lab fetches them."""


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", OPENED)
def test_every_tab_of_its_room_answers_on_a_recording(visit, name):
    shipped = SHIPPED[name]
    page = visit(shipped.family, data=shipped.data)
    assert "run" not in page.query_params, "it opens with the recording, and starts no run"
    tabs = [tab.label for tab in page.tabs]
    assert tabs
    for tab in tabs:
        page = page if tab == tabs[0] else visit(shipped.family, data=shipped.data, tab=tab)
        told = [one.value for one in [*page.info, *page.error]]
        assert not page.error, (tab, told)
        assert not [one for one in told if NO_MODEL in one or "Press Train" in one], (tab, told)
        assert "Press Train first" not in texts(page), tab


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SHIPPED)
def test_a_recording_keeps_its_weights_at_its_end_and_they_obey_the_laws(name):
    at = store.RECORDINGS / name
    round, model, data = stored(at)
    assert round == max(store.keyframes(at)) == SHIPPED[name].rounds
    wrong = [check for check in measure(model, data) if not check.holds]
    assert not wrong


def test_small_models_keep_their_weights_at_earlier_rounds_too_and_all_stays_small():
    for name in SHIPPED:
        at = store.RECORDINGS / name
        earlier = [file.stat().st_size for file in at.glob("keyframes/*.weights.safetensors")]
        assert bool(earlier) == (store.weights(at).stat().st_size < 300_000) or name == "style-china"
        assert sum(earlier) < 400_000
    assert sum(file.stat().st_size for file in store.RECORDINGS.rglob("*.*")) < MOST_BYTES


def test_a_recording_answers_a_page_at_the_round_it_looks_at():
    at = store.RECORDINGS / "gan-ring"
    first, *_, last = store.keyframes(at)
    answers = [supervisor().probe("gan-ring", "present", round=round) for round in (None, last, first)]
    assert [answer["round"] for answer in answers[:2]] == [last, last]
    assert answers[2]["round"] < last / 10
    assert answers[2]["mean"] != answers[0]["mean"]
    assert all(check.holds for check in supervisor().measure("gan-ring", round=first))
