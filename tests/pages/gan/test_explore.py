"""The tools that ask a run's model, each in a page of its own, without a browser."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from engine import data
from engine.gan.gan import GAN
from lab.runs import store
from lab.runs.supervisor import NO_MODEL

TOOLS = ["Between two z", "Arithmetic with z", "Is it memorizing?", "Be the discriminator"]


@pytest.fixture
def run_of(settled, home, monkeypatch):
    """Makes runs that rest."""
    monkeypatch.setenv("GENLAB_HOME", str(home))

    def run_of(name: str, **values) -> str:
        small = {"width_G": 16, "width_D": 16, "batch": 16} | values
        config = GAN.configure(data.load(name).space, small).model_dump()
        return store.create({"family": "gan", "data": name, "seed": 0, "config": config}).name

    return run_of


def script(run: str, kind: str, live: bool, part: str):
    from engine.gan.gan import GAN
    from lab import kit

    getattr(kit, part)(kit.Room(GAN, run, kind, live))


def opened(part: str, run: str, kind: str = "image", live: bool = True) -> AppTest:
    given = {"run": run, "kind": kind, "live": live, "part": part}
    return works(AppTest.from_function(script, kwargs=given, default_timeout=60).run())


def works(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    assert not page.error, page.error
    return page


def tool(page: AppTest, name: str) -> AppTest:
    return works(page.button_group(key="explore-tool").set_value(name).run())


def html(page: AppTest) -> str:
    return "".join(h.proto.body for h in page.get("html"))


def texts(page: AppTest) -> str:
    return "\n".join(str(e.value) for e in [*page.markdown, *page.caption])


def press(page: AppTest, key: str) -> AppTest:
    return works(page.button(key=key).click().run())


def test_between_two_z_shows_both_ways_and_says_why(run_of):
    page = opened("explore", run_of("digits"))
    assert list(page.button_group(key="explore-tool").options) == TOOLS
    assert html(page).count("<img") == 22
    assert "The straight line cuts through z as short as" in texts(page)
    assert "This is the model of round 0." in texts(page)
    before = html(page)
    works(page.number_input(key="explore-b").set_value(7).run())
    other = html(page)
    assert other != before
    press(page, "explore-a-another")
    assert html(page) != other
    assert page.number_input(key="explore-a").value < 10_000


def test_in_the_plane_the_line_stays_where_noise_falls_and_the_page_says_so(run_of):
    page = opened("explore", run_of("digits", z=1))
    assert "The straight line stays within" in texts(page)


def test_arithmetic_begins_with_groups_and_follows_the_choice(run_of):
    page = tool(opened("explore", run_of("digits")), TOOLS[1])
    A, B, C = page.multiselect
    assert all(group.value for group in (A, B, C))
    assert html(page).count("<img") == 40 + sum(len(g.value) for g in (A, B, C)) + 4
    before = html(page)
    works(A.set_value([1, 2]).run())
    assert html(page) != before
    works(page.multiselect[1].set_value([]).run())
    assert "Choose at least one sample for group B" in page.info[0].value


def test_the_nearest_pictures_come_with_a_verdict(run_of):
    page = tool(opened("explore", run_of("digits")), TOOLS[2])
    assert html(page).count("<img") == 16
    assert "The nearest of 9,000 training pictures" in html(page)
    assert re.search(r"typically \*\*\d\.\d\*\* away from the nearest other one \(median of 500", texts(page))
    assert "8 of the 8 samples are farther" in texts(page), "it has learned nothing yet"


def test_be_the_discriminator_tells_the_truth_only_afterwards_and_keeps_the_score(run_of):
    page = tool(opened("explore", run_of("digits")), TOOLS[3])
    assert html(page).count("<img") == 1
    assert 'alt="the picture to judge"' in html(page)
    for told in ("Right", "Wrong", "D(x) = "):
        assert told not in texts(page)
    assert {*page.session_state["_judge"]} == {"run", "seed", "picture", "history"}, "the truth is not here"
    for n in range(1, 13):
        shown = re.findall(r"base64,([^\"]+)", html(page))[0]
        press(page, "judge-real" if n % 2 else "judge-fake")
        last = page.session_state["_judge"]["history"][-1]
        assert f"it was **{'real' if last.real else 'fake'}**" in texts(page)
        assert (last.you == last.real) == ("✓ **Right:**" in texts(page))
        assert f"of {n}** right" in texts(page)
        pictures = re.findall(r"base64,([^\"]+)", html(page))
        assert pictures[1] == shown, "the newest of the history is the one just judged"
        assert len(pictures) == 1 + min(n, 10)
    history = page.session_state["_judge"]["history"]
    assert f"**You: {sum(j.you == j.real for j in history)} of 12** right" in texts(page)
    assert f"**D: {sum((j.belief > 0.5) == j.real for j in history)} of 12** right" in texts(page)
    press(page, "judge-reset")
    assert "**You:" not in texts(page)
    assert html(page).count("<img") == 1


def test_a_recording_has_no_model_to_ask():
    page = opened("explore", "gan-digits", live=False)
    assert [info.value for info in page.info] == [NO_MODEL]
    assert [info.value for info in opened("spectrum", "gan-digits", live=False).info] == [NO_MODEL]


def test_points_have_other_tools(run_of):
    assert "choose Digits" in opened("explore", run_of("ring"), kind="points").info[0].value


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        ("non-saturating", r"minimax gradient is 0\.\d\d there, the non-saturating one 0\.\d\d\."),
        ("hinge", r"that of this run's hinge loss 1\.00\."),
        ("Wasserstein", "critic scores without bounds"),
    ],
)
def test_the_picture_of_the_losses_says_what_the_present_batch_feels(run_of, loss, says):
    page = opened("loss_picture", run_of("ring", loss=loss), kind="points")
    assert re.search(says, texts(page))
    assert len(page.get("plotly_chart")) == 2
    drawn = [chart.proto.spec for chart in page.get("plotly_chart")]
    assert all(("present batch" in spec) == (loss != "Wasserstein") for spec in drawn)


def test_the_picture_of_the_losses_of_a_recording_has_no_batch():
    page = opened("loss_picture", "gan-ring", kind="points", live=False)
    assert "This is a recording: press Train" in texts(page)
    assert "present batch" not in page.get("plotly_chart")[0].proto.spec


@pytest.mark.parametrize("spectral", [False, True])
def test_the_spectrum_has_a_strip_for_each_layer(run_of, spectral):
    page = opened("spectrum", run_of("ring", spectral=spectral), kind="points")
    assert html(page).count('class="bars"') == 4
    assert ("power iteration estimates" in html(page)) == spectral
    product = float(re.search(r"largest ones is \*\*([\d.]+)\*\*", texts(page))[1])
    assert (abs(product - 1) < 0.02) == spectral
