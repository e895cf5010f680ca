"""The tools that ask a run's model, each in a page of its own, without a browser."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from engine import data
from engine.families import find
from lab.runs import store
from lab.runs.supervisor import NO_MODEL, supervisor

TOOLS = ["Between two z", "Arithmetic with z", "Is it memorizing?", "Be the discriminator"]


@pytest.fixture
def run_of(settled, home, monkeypatch):
    """Makes runs that rest."""
    monkeypatch.setenv("GENLAB_HOME", str(home))

    def run_of(name: str, family: str = "gan", **values) -> str:
        small = {"width_G": 16, "width_D": 16, "batch": 16} | values
        config = find(family).configure(data.load(name).space, small).model_dump()
        return store.create({"family": family, "data": name, "seed": 0, "config": config}).name

    return run_of


def script(part: str, run: str, live: bool):
    from engine import data
    from engine.families import find
    from lab.gan import explore_tab, losses_tab
    from lab.kit.room import Room
    from lab.runs import store

    info = store.read_info(store.folder(run))
    show = getattr(explore_tab if part == "explore" else losses_tab, part)
    show(Room(find(info.family), run, data.load(info.data).space, live))


def opened(part: str, run: str, live: bool = True) -> AppTest:
    given = {"part": part, "run": run, "live": live}
    return works(AppTest.from_function(script, kwargs=given, default_timeout=300).run())


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


@pytest.mark.exhaustive
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
    assert {*page.session_state["_judge"]} == {"of", "seed", "picture", "label", "history"}, "not the truth"
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


def test_a_recording_without_weights_has_no_model_to_ask():
    for part in ("explore", "spectrum"):
        assert [info.value for info in opened(part, "gan-digits", live=False).info] == [NO_MODEL]


def test_the_model_of_a_recording_answers_and_is_not_asked_again():
    page = opened("spectrum", "gan-ring")
    assert "This is the model of round 3,000." in texts(page)
    assert not page.button


def test_points_have_other_tools(run_of):
    assert "choose Digits" in opened("explore", run_of("ring")).info[0].value


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        ("non-saturating", r"minimax gradient is 0\.\d\d there, the non-saturating one 0\.\d\d\."),
        ("hinge", r"that of this run's hinge loss 1\.00\."),
        ("Wasserstein", "critic scores without bounds"),
    ],
)
def test_the_picture_of_the_losses_says_what_the_present_batch_feels(run_of, loss, says):
    page = opened("loss_picture", run_of("ring", loss=loss))
    assert re.search(says, texts(page))
    assert len(page.get("plotly_chart")) == 2
    drawn = [chart.proto.spec for chart in page.get("plotly_chart")]
    assert all(("present batch" in spec) == (loss != "Wasserstein") for spec in drawn)


def test_the_picture_of_the_losses_of_a_recording_has_its_last_batch():
    page = opened("loss_picture", "gan-ring")
    assert "present batch" in page.get("plotly_chart")[0].proto.spec


@pytest.mark.parametrize("spectral", [False, True])
def test_the_spectrum_has_a_strip_for_each_layer(run_of, spectral):
    page = opened("spectrum", run_of("ring", spectral=spectral))
    assert html(page).count('class="bars"') == 4
    assert ("power iteration estimates" in html(page)) == spectral
    product = float(re.search(r"largest ones is \*\*([\d.]+)\*\*", texts(page))[1])
    assert (abs(product - 1) < 0.02) == spectral


# --- with labels ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "key"), [(TOOLS[0], "explore-between"), (TOOLS[1], "explore-sums")])
def test_a_label_is_chosen_and_decides_what_is_drawn(run_of, name, key):
    page = tool(opened("explore", run_of("digits", "cgan")), name)
    before = html(page)
    assert page.selectbox(key=f"{key}-label").options == [str(label) for label in range(10)]
    works(page.selectbox(key=f"{key}-label").set_value(7).run())
    assert html(page) != before
    assert html(page).count("<img") == before.count("<img")
    works(page.selectbox(key=f"{key}-label").set_value(0).run())
    assert html(page) == before


def test_without_labels_none_is_chosen(run_of):
    page = opened("explore", run_of("digits"))
    assert not page.selectbox
    assert not tool(page, TOOLS[1]).selectbox


def test_the_nearest_pictures_name_their_labels(run_of):
    page = tool(opened("explore", run_of("digits", "cgan")), TOOLS[2])
    assert html(page).count("<img") == 20
    assert re.findall(r"<figcaption>label (\d)", html(page)) == [str(label) for label in range(10)]
    assert "10 of the 10 samples are farther" in texts(page)


def test_the_judge_is_told_the_label_that_d_is_told(run_of):
    page = tool(opened("explore", run_of("digits", "cgan")), TOOLS[3])
    labels = set()
    for n in range(1, 7):
        label = page.session_state["_judge"]["label"]
        assert f"real picture **of label {label}**" in texts(page)
        labels.add(label)
        press(page, "judge-real")
        assert f"of {n}** right" in texts(page)
    assert len(labels) > 1


def test_the_losses_of_a_game_with_labels_are_drawn_too(run_of):
    assert "In the present batch" in texts(opened("loss_picture", run_of("ring", "cgan")))
    assert html(opened("spectrum", run_of("ring", "cgan"))).count('class="bars"') == 4


@pytest.mark.parametrize("name", ["gan", "cgan"])
def test_both_rooms_have_all_tabs_of_games(visit, name):
    first = ["Ask for a label"] if name == "cgan" else []
    shared = ["Formula and code", "Losses", "Explore z", "Failures and cures", "Try this", "Check"]
    page = visit(name, data="digits", tab="Losses")
    assert [tab.label for tab in page.tabs] == first + shared
    assert f"[open](./{name}?loss=non-saturating&penalty=R1)" in texts(page)
    assert "LOSSES" in html(page)
    for tab in ("Failures and cures", "Explore z", "Try this", "Check"):
        visit(name, data="digits", tab=tab)
    assert "Explore z" not in [tab.label for tab in visit(name, data="ring").tabs]


def test_the_gallery_with_labels_fails_and_cures_with_labels(visit):
    page = visit("cgan", tab="Failures and cures")
    links = {one.proto.label: one.proto.url for one in page.get("link_button")}
    assert links["See it fail"] == "./gan?data=ring&lr_D=0.0001", "without labels, in the other room"
    cures = {one.label for one in page.button}
    assert {"Tell both players the label", "Adam for D"} <= cures
    page = works(page.button(key="Mode collapse: Tell both players the label").click().run())
    info = store.read_info(store.folder(page.query_params["run"]))
    assert (info.family, info.data, info.config["lr_D"]) == ("cgan", "ring", 1e-4)
    supervisor().do(info.id, info.owner, {"do": "pause"}, wait=True)
    assert "diversity" not in texts(page), "a knob that it does not have"
