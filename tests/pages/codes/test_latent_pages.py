"""The rooms of the models with codes, without a browser: what a link opens, three planes, a wall of betas."""

import json
from urllib.parse import parse_qsl

import pytest

from engine.families import find
from lab.codes import failures
from lab.runs import store
from lab.runs.supervisor import supervisor
from tests.pages.test_pages import info_of, staged, texts, train, until, works

SMALL = {"width": "8", "batch": "16"}
ROOMS = {"vae": SMALL, "ae": SMALL, "cvae": SMALL, "vae-gan": SMALL, "pca": {"batch": "16"}}
TABS = {
    "vae": ["Draw a digit", "Use the codes", "How tight is the bound?", "Formula and code",
            "Failures and cures", "Try this", "Check"],
    "ae": ["Draw a digit", "Use the codes", "Other nets", "Formula and code", "Failures and cures",
           "Try this", "Check"],
    "cvae": ["Use the codes", "Draw a digit", "How tight is the bound?", "Formula and code", "Try this",
             "Check"],
    "vae-gan": ["Draw a digit", "Use the codes", "From blurred to sharp", "Formula and code", "Check"],
    "pca": ["Draw a digit", "Use the codes", "Formula and code", "Try this", "Check"],
}  # fmt: skip
PARTS = {"Slips in the slides": "vae", "Linear, and PCA": "ae", "Up-sampling": "ae"}


def asked(page, name: str) -> str:
    """What the address says."""
    value = page.query_params[name]
    return value if isinstance(value, str) else value[0]


def paused(page) -> str:
    (run_id,) = staged(page)
    supervisor().do(run_id, info_of(run_id).owner, {"do": "pause"}, wait=True)
    return run_id


@pytest.mark.parametrize("name", ROOMS)
@pytest.mark.parametrize("data", ["digits", "ring"])
def test_every_room_opens_on_pictures_and_on_points(visit, name, data):
    page = visit(name, data=data, seed="3", **ROOMS[name])
    info = info_of(paused(page))
    assert (info.family, info.data, info.seed) == (name, data, 3)
    assert "latent plane" in texts(page).lower()


@pytest.mark.parametrize(("name", "tab"), [(name, tab) for name, tabs in TABS.items() for tab in tabs])
@pytest.mark.exhaustive
def test_every_tab_opens(visit, name, tab):
    page = visit(name, tab=tab, seed="3", data="digits", **ROOMS[name])
    paused(page)
    assert [t.label for t in page.tabs][: len(TABS[name])] == TABS[name]


@pytest.mark.parametrize("part", PARTS)
def test_a_link_opens_a_part_of_a_tab(visit, part):
    page = visit(PARTS[part], tab=part, seed="3", data="digits", **SMALL)
    paused(page)
    assert part in [one.value for one in page.get("button_group")]


def test_factors_are_offered_where_they_are_known_and_points_cannot_be_drawn_as_digits(visit):
    labels = {
        data: [t.label for t in visit("vae", data=data, seed="3", **SMALL).tabs]
        for data in ("ellipses", "ring")
    }
    assert "Factors" in labels["ellipses"]
    assert labels["ring"][0] == "How tight is the bound?"


def test_a_latent_dimension_of_one_and_of_sixty_four_open(visit):
    for z in ("1", "64"):
        page = visit("vae", z=z, seed="3", **SMALL)
        assert info_of(paused(page)).config["z"] == int(z)
    assert page.selectbox(key="axis_up").options[-1] == "principal direction 2"
    works(page.selectbox(key="axis_up").set_value("principal direction 1").run())


def test_more_directions_than_numbers_are_refused_in_a_sentence(visit):
    page = visit("pca", data="ring", z="5")
    assert "at most 2 directions" in page.error[0].value


def test_three_planes_train_in_step_with_the_nets_of_one_another(visit):
    page = train(visit("planes", data="ring", z="1", seed="4", **SMALL))
    runs = [asked(page, name) for name in "abc"]
    infos = [info_of(run) for run in runs]
    assert [info.family for info in infos] == ["pca", "ae", "vae"]
    assert {(info.data, info.seed, info.pace) for info in infos} == {("ring", 4, infos[0].pace)}
    assert [info.config.get("width") for info in infos] == [None, 8, 8]
    until(lambda: all((store.folder(run) / "checkpoint.safetensors").exists() for run in runs))
    page = works(page.slider(key="beta").set_value(3.0).run())
    assert [asked(page, name) for name in "abc"] == runs  # beta is live: the same runs go on
    until(lambda: info_of(runs[2]).config["beta"] == 3.0)
    for run in runs:
        supervisor().do(run, info_of(run).owner, {"do": "pause"}, wait=True)


def test_a_wall_of_vaes_differs_in_beta_and_shows_what_each_pays(visit):
    given = {"data": "moons", "row_values": "0.5, 2", "width": "8", "z": "1"}
    page = train(visit("wall", family="vae", **given))
    run = asked(page, "run")
    assert info_of(run).wall == {"beta": [0.5, 2.0]}
    metrics = store.folder(run) / "metrics.jsonl"
    until(lambda: metrics.exists() and b'"ELBO"' in metrics.read_bytes())
    paused(page)
    row = next(r for r in reversed(store.rows(metrics)) if "ELBO" in r)
    assert [len(row[name]) for name in ("ELBO", "KL", "reconstruction")] == [2, 2, 2]
    for elbo, kl, restored in zip(row["ELBO"], row["KL"], row["reconstruction"], strict=True):
        assert elbo == pytest.approx(restored - kl, abs=1e-3)
    page = works(page.run())
    assert "KL" in json.dumps([chart.proto.spec for chart in page.get("plotly_chart")])


def test_the_links_of_the_galleries_and_experiments_are_settings():
    for failure in [*failures.VAE_FAILURES, *failures.AE_FAILURES]:
        assert failure.address().startswith(f"/{failure.family}?data={failure.data}")
        assert all(cure.family in ("", *map(str, ROOMS)) for cure in failure.cures)
    query = dict(parse_qsl(failures.DISENTANGLED.partition("?")[2]))
    assert (query.pop("data"), query.pop("tab")) == ("ellipses", "Factors")
    assert find("vae").Config.of(query).beta == 4
