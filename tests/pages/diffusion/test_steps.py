"""The tab of steps and guidance: what is asked, what is drawn, and the sentences that the numbers make."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from engine import data
from engine.families import find
from lab.diffusion import steps_tab as tab
from lab.runs import store
from lab.runs.supervisor import NO_MODEL
from tests.pages.test_pages import texts


def script(family: str, data_name: str, run: str, live: bool):
    from engine import data
    from engine.families import find
    from lab.diffusion.steps_tab import steps
    from lab.kit import Room

    steps(Room(find(family), run, data.load(data_name).space, live))


def works(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    assert not page.error, [error.value for error in page.error]
    return page


def opened(family: str, name: str, live: bool = True, **knobs) -> AppTest:
    space = data.load(name).space
    config = find(family).configure(space, {"width": 8, "depth": 1, "T": 12} | knobs).model_dump()
    run = store.create({"family": family, "data": name, "seed": 0, "config": config}).name
    given = {"family": family, "data_name": name, "run": run, "live": live}
    return works(AppTest.from_function(script, kwargs=given, default_timeout=300).run())


@pytest.fixture(autouse=True)
def at_home(settled, home, monkeypatch):
    monkeypatch.setenv("GENLAB_HOME", str(home))


def charts(page: AppTest) -> list[dict]:
    return [json.loads(one.proto.spec) for one in page.get("plotly_chart")]


def test_a_line_for_each_sampler_against_what_a_sample_costs(monkeypatch):
    monkeypatch.setattr(tab, "MORE", (2, 6))
    page = opened("ddpm", "two-gaussians")
    assert not charts(page)
    page = works(page.button(key="steps-go").click().run())
    (chart,) = charts(page)
    lines = {line["name"]: line for line in chart["data"]}
    assert list(lines) == ["DDPM", "DDIM", "Euler", "Heun", "DPM-Solver++"]  # and not the slide's
    assert lines["DDIM"]["x"] == [2, 6]
    assert lines["Heun"]["x"] == [3, 11]
    assert len({line["line"]["color"] for line in lines.values()}) == 5
    assert chart["layout"]["xaxis"]["type"] == "log"
    assert "The best so far is" in texts(page)
    assert "round 0" in page.caption[-1].value
    again = works(page.run())  # what was measured survives a rerun, and nothing is asked again
    assert charts(again) == charts(page)
    assert not again.get("progress")


def test_a_rerun_goes_on_with_what_is_missing(monkeypatch):
    monkeypatch.setattr(tab, "MORE", (2,))
    asked = []
    monkeypatch.setattr(tab, "ask", lambda room, probe, **what: asked.append(what) or point(**what))
    page = opened("flow-matching", "two-gaussians")
    page = works(page.button(key="steps-go").click().run())
    assert [one["sampler"] for one in asked] == ["Euler", "Heun"]
    held = page.session_state["_steps"]
    del held["points"][1:]
    held["on"] = True
    works(page.run())
    assert [one["sampler"] for one in asked] == ["Euler", "Heun", "Heun"]


def test_guidance_is_for_models_that_are_told_labels(monkeypatch):
    assert "guidance-go" not in {b.key for b in opened("ddpm", "ring").button}
    monkeypatch.setattr(tab, "SCALES", (0.0, 2.0))
    page = opened("ddpm", "ring", conditional=True)
    page = works(page.button(key="guidance-go").click().run())
    (chart,) = charts(page)
    assert [line["name"] for line in chart["data"]] == ["Sliced Wasserstein distance", "diversity (right)"]
    assert chart["data"][0]["x"] == [0, 2]
    assert "The samples are closest to the data at **s = " in texts(page)


def test_a_recording_without_weights_and_pictures_without_a_judge_are_told_so():
    page = opened("ddpm", "ring", live=False)
    assert not page.info
    assert [info.value for info in page.button(key="steps-go").click().run().info] == [NO_MODEL]
    assert "for points and for digits" in opened("ddpm", "ellipses").info[0].value


def test_a_refusal_ends_the_questions(monkeypatch):
    monkeypatch.setattr(tab, "MORE", (2,))
    monkeypatch.setattr(tab, "ask", lambda room, probe, **what: None)
    page = opened("ddpm", "two-gaussians")
    page = works(page.button(key="steps-go").click().run())
    assert not page.session_state["_steps"]["on"]
    assert not page.get("progress")


# --- sentences -----------------------------------------------------------------------------------


def point(distance: float = 0.1, **more) -> dict:
    setting = {"sampler": "DDIM", "steps": 10, "evaluations": 10, "seconds": 0.1, "round": 64}
    quality = {"sliced Wasserstein": distance, "diversity": more.pop("diversity", 1.0)}
    return setting | {"quality": quality, "floors": {"sliced Wasserstein": [0.03, 0.01]}} | more


def told(*points: dict) -> str:
    return tab.cheapest(list(points), "sliced Wasserstein")


def test_the_cheapest_setting_is_the_one_within_two_errors_of_the_best():
    best = point(0.080, sampler="DDPM", steps=100, evaluations=100)
    near, dear, bad = (
        point(0.099),
        point(0.09, steps=20, evaluations=20),
        point(0.101, steps=5, evaluations=5),
    )
    says = told(best, near, dear, bad)
    assert "**DDPM in 100 steps**, with 0.08" in says
    assert "**DDIM in 10 steps** comes within two standard errors of it, with 0.099" in says
    assert "needs 10 evaluations" in says
    assert "instead of 100" in says
    assert "train it longer" in says


def test_a_best_that_is_as_good_as_real_cannot_be_told_from_it():
    says = told(point(0.05, steps=1, evaluations=1), point(0.09))
    assert "**DDIM in 1 step**" in says
    assert "Nothing cheaper" in says
    assert "As many real examples score as much, the grey band: 0.03 ± 0.02" in says
    assert "**cannot tell**" in says


def test_what_guidance_trades():
    points = [point(0.2, guidance=0.0), point(0.1, guidance=1.0), point(0.4, guidance=7.0, diversity=0.5)]
    says = tab.traded(points, "sliced Wasserstein")
    assert "**s = 1** (0.1), with a diversity of 100%" in says
    assert "At s = 7, the distance is 0.4 and the diversity 50%." in says
    for one, right in zip(points, (0.5, 0.9, 0.99), strict=True):
        one["quality"]["label accuracy"] = right
    assert "99% show the digit that was asked for, instead of 90%" in tab.traded(points, "sliced Wasserstein")
