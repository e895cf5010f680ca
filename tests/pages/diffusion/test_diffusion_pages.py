"""The rooms of diffusion, without a browser: what a link opens, and what the widgets ask of the model."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from engine.diffusion import schedule
from engine.families import find
from lab.diffusion.films_tab import pairs
from lab.diffusion.noising_tab import agree, left_at_the_end
from lab.runs import store
from lab.runs.supervisor import supervisor
from tests.pages.test_pages import info_of, staged, texts, train, until, works

SMALL = {"width": "8", "depth": "1", "batch": "8", "T": "10", "seed": "3"}

TABS = {
    "ddpm": ["Forward", "Reverse", "Steps and guidance", "Formula and code", "Failures and cures", "Try this",
             "Check"],
    "flow-matching": ["Reverse", "Forward", "Velocity and score", "Do more with it", "Formula and code",
                      "Try this", "Check"],
}  # fmt: skip
PARTS = {
    "Forward": ["Training, slow"],
    "Reverse": ["Do more with it"],
    "Formula and code": ["Slips in the slides"],
}


def asked(page, name: str) -> str:
    """What the address says."""
    value = page.query_params[name]
    return value if isinstance(value, str) else value[0]


def paused(page) -> str:
    (run_id,) = staged(page)
    supervisor().do(run_id, info_of(run_id).owner, {"do": "pause"}, wait=True)
    return run_id


def films(page) -> list[dict[str, object]]:
    """What the films of the page were given."""
    given = [json.loads(one.proto.json) for one in page.get("bidi_component")]
    return [one for one in given if "rows" in one]


def rows(page) -> list[dict[str, object]]:
    (one,) = films(page)
    return one["rows"]


def open_tab(visit, name: str, tab: str, data: str = "moons", **query: str):
    page = visit(name, tab=tab, data=data, **SMALL | query)
    paused(page)
    return page


@pytest.mark.parametrize("data", ["moons", "digits"])
@pytest.mark.parametrize(("name", "tab"), [(name, tab) for name, tabs in TABS.items() for tab in tabs])
@pytest.mark.exhaustive
def test_every_tab_opens_on_points_and_on_pictures(visit, name, tab, data):
    page = open_tab(visit, name, tab, data)
    assert [t.label for t in page.tabs][: len(TABS[name])] == TABS[name]
    (run_id,) = staged(page)
    info = info_of(run_id)
    assert (info.family, info.data, info.config["T"]) == (name, data, 10)


@pytest.mark.parametrize("tab", PARTS)
def test_the_parts_of_a_tab_have_links_of_their_own_and_pills(visit, tab):
    for part in PARTS[tab]:
        page = open_tab(visit, "ddpm", part)
        (pills,) = [one for one in page.get("button_group") if one.key == f"part of {tab}"]
        assert pills.value == part


def test_arrows_are_offered_where_they_can_be_drawn(visit):
    for data, there in (("moons", True), ("digits", False)):
        page = open_tab(visit, "ddpm", "Reverse", data)
        (pills,) = [one for one in page.get("button_group") if one.key == "part of Reverse"]
        assert ("Score field" in pills.options) == there


def test_a_line_opens_too(visit):
    for tab in ("Forward", "Reverse"):
        open_tab(visit, "ddpm", tab, "two-bumps")


def test_the_forward_film_asks_again_for_another_seed(visit):
    page = open_tab(visit, "ddpm", "Forward")
    assert rows(page) == [{"title": "", "ask": "forward", "with": {"seed": 0}}]
    works(page.number_input(key="forward-seed").set_value(5).run())
    assert rows(page)[0]["with"] == {"seed": 5}
    assert "Both ways agree" in texts(page)


def test_the_widgets_of_a_walk_are_what_is_asked_of_the_model(visit):
    page = open_tab(visit, "ddpm", "Reverse")
    (row,) = rows(page)
    assert (row["ask"], row["with"]) == (
        "reverse", {"seed": 0, "sampler": "DDPM", "steps": 10, "variance": "beta"}
    )  # fmt: skip
    works(page.selectbox(key="sampler-One walk-0").set_value("DDIM").run())
    works(page.slider(key="eta-One walk-0").set_value(0.5).run())
    works(page.number_input(key="steps-One walk-0").set_value(4).run())
    works(page.number_input(key="reverse-seed").set_value(7).run())
    (row,) = rows(page)
    assert row["with"] == {"seed": 7, "sampler": "DDIM", "steps": 4, "eta": 0.5}
    assert row["title"] == "DDIM, 4 steps, η = 0.5"


@pytest.mark.parametrize(("data", "known"), [("ring", True), ("moons", True), ("circles", False)])
def test_the_exact_score_is_shown_wherever_the_probe_gives_it(visit, data, known):
    page = open_tab(visit, "ddpm", "Score field", data)
    (film,) = films(page)
    assert ("exact" in film["screens"]) == known
    assert any("is not known" in info.value for info in page.info) != known


def test_two_walks_have_one_noise(visit):
    page = open_tab(visit, "ddpm", "Reverse", walks="Stochastic and deterministic")
    one, two = rows(page)
    assert (one["with"]["sampler"], two["with"]["sampler"], two["with"]["eta"]) == ("DDPM", "DDIM", 0)
    assert one["with"]["seed"] == two["with"]["seed"] == 0
    page = open_tab(visit, "ddpm", "Reverse", walks="Many steps and few")
    assert [row["with"]["steps"] for row in rows(page)] == [10, 5]  # no more than T


def test_digits_may_be_asked_for_by_label_and_guided(visit):
    page = open_tab(visit, "ddpm", "Reverse", "digits", walks="Guided and not")
    assert [row["with"]["guidance"] for row in rows(page)] == [1, 4]
    assert not [row for row in rows(page) if "label" in row["with"]]
    works(page.selectbox(key="reverse-label").set_value("7").run())
    assert [row["with"]["label"] for row in rows(page)] == [7, 7]
    assert films(page)[0]["large"] == "x_t"


def test_a_model_that_was_told_no_labels_is_not_asked_for_one(visit):
    page = open_tab(visit, "ddpm", "Reverse", "digits", conditional="false")
    assert not {"guidance", "label"} & set(rows(page)[0]["with"])


@pytest.mark.parametrize("name", TABS)
def test_every_walk_that_is_offered_is_one_the_family_has(name):
    family = find(name)
    for told in (True, False):
        for pair in pairs(family, told).values():
            assert all(family.Config.of({k: str(v) for k, v in row.items()}) for row in pair.rows)
            assert all(row.get("sampler", family.samplers[0]) in family.samplers for row in pair.rows)


def test_a_digit_is_completed_drawn_over_and_walked_to(visit):
    page = open_tab(visit, "ddpm", "Do more with it", "digits")
    works(page.selectbox(key="complete-mask").set_value("top").run())
    (row,) = rows(page)
    assert (row["ask"], row["with"]) == ("inpaint", {"index": 7, "mask": "top", "seed": 0})


def test_loss_by_t_stands_there_once_it_is_measured(visit):
    page = train(visit("ddpm", tab="Training, slow", data="moons", **SMALL))
    run = asked(page, "run")
    at = store.folder(run) / "metrics.jsonl"
    until(lambda: at.exists() and b'"loss by t"' in at.read_bytes())
    paused(page)
    page = works(page.run())
    shown = "".join(h.proto.body for h in page.get("html"))
    assert shown.count("<i style") == 10
    assert "t = 1</span>" in shown


def test_a_schedule_that_is_not_scaled_is_called_too_much():
    cut = schedule.alpha_bar("linear", 100, scaled=False)
    assert "= 0.364$" in left_at_the_end(cut[-1].item(), 100)
    assert "too much" in left_at_the_end(cut[-1].item(), 100)
    assert "too much" not in left_at_the_end(schedule.alpha_bar("linear", 100)[-1].item(), 100)


@pytest.mark.parametrize("name", ["linear", "cosine", "sigmoid"])
def test_both_ways_to_x_t_agree(name):
    kept = schedule.alpha_bar(name, 100)
    said = agree(kept.tolist(), schedule.by_steps(kept))
    assert "at most 0," in said or "· 10⁻¹" in said  # a rounding of float64


def test_the_links_of_experiments_are_settings(visit):
    for name in TABS:
        page = open_tab(visit, name, "Try this")
        links = [urlsplit(link.proto.url) for link in page.get("link_button")]
        assert len(links) > len(TABS[name]) // 2
        for link in links:
            query = dict(parse_qsl(link.query))
            family = find(query.pop("family", link.path.strip("./")))
            if walks := query.pop("walks", None):
                assert walks in pairs(family, True)
            if tab := query.pop("tab", None):
                assert tab in [*TABS[family.name], "Score field"]
            if knob := query.pop("knob", None):
                for side in ("left", "right"):
                    assert family.Config.of({knob: query.pop(side)})
            query.pop("data", None)
            query.pop("seed", None)
            assert family.Config.of(query)


def test_compare_knows_the_words_of_both(visit):
    page = visit("compare", family="ddpm", data="moons", **{k: v for k, v in SMALL.items() if k != "seed"})
    assert page.title[0].value == "Compare"
