"""The style room without a browser: which pictures are chosen, whose run changes, what can be taken home."""

import io
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from PIL import Image

from engine import data
from engine.config import Refused
from engine.data.transfer import Parts
from engine.fit import fit
from engine.style.style import StyleTransfer
from lab.runs import store
from lab.style import keep_tab as style_keep
from lab.style import pictures_tab as pictures
from lab.style.pictures_tab import USUAL
from lab.style.words import EXPERIMENTS, LAYERS
from tests.pages.test_pages import info_of, on_stage, slide, texts, train, until, works

SMALL = {"size": "64"}


def pick(page, role: str, name: str):
    """Choose a picture of a role."""
    key = f"picture-{role}"
    widgets = [w for w in (*page.selectbox, *page.get("button_group")) if w.key == key]
    return works(widgets[0].set_value(name).run())


def test_the_room_opens_with_a_picture_in_the_making(visit):
    page = visit("style", tab="Try this", **SMALL)
    assert page.title[0].value == "Neural style transfer"
    info = info_of(on_stage(page))
    assert (info.family, info.data) == ("style", USUAL)
    train(page)
    assert page.query_params["run"] == info.id
    assert [tab.label for tab in page.tabs][:2] == ["Formula and code", "One pass"]
    assert "Style alone" in texts(page)
    until(lambda: store.rows(store.folder(info.id) / "metrics.jsonl"))
    until(lambda: "Around round" in texts(works(page.run())))
    assert r"\alpha\, L_{content}" in texts(page)


def test_weights_stand_under_the_stage_and_the_rest_in_the_sidebar(visit):
    page = visit("style", **SMALL)
    inside = {w.key for kind in ("slider", "select_slider", "selectbox") for w in getattr(page.sidebar, kind)}
    everywhere = {w.key for kind in ("slider", "select_slider", "selectbox") for w in getattr(page, kind)}
    assert everywhere - inside == {"alpha", "beta", "tv", *LAYERS}
    assert {"size", "content_layer", "colour", "picture-second", "picture-mask"} <= inside
    assert "blend" not in everywhere  # there is no second style


def test_a_weight_changes_the_run_that_goes_on_and_another_style_is_another_at_rest(visit):
    page = train(visit("style", **SMALL))
    run = on_stage(page)
    slide(slide(page, "alpha", 2.5), "w3", 0.0)
    assert on_stage(page) == run
    config = info_of(run).config
    assert (config["alpha"], config["w3"], config["w4"]) == (2.5, 0.0, 1.0)
    assert info_of(run).state == "training"
    pick(page, "style", "glass")
    new = info_of(on_stage(page))
    assert new.id != run
    assert (new.data, new.config["alpha"], new.config["w3"]) == ("china.glass", 2.5, 0.0)
    assert page.query_params["data"] == "china.glass"
    until(lambda: info_of(run).state == "paused")
    pick(page, "style", "brushstrokes")
    assert "data" not in page.query_params  # the usual pictures need no word


def test_a_second_style_is_blended_in_and_a_mask_says_where(visit):
    page = visit("style", **SMALL)
    pick(page, "second", "marble")
    info = info_of(on_stage(page))
    assert (info.data, info.config["blend"]) == (f"{USUAL}.marble", 0.5)
    slide(page, "blend", 0.25)
    assert info_of(on_stage(page)).id == info.id
    pick(page, "mask", "mask-top")
    assert info_of(on_stage(page)).data == f"{USUAL}.marble.mask-top"
    assert info_of(on_stage(page)).config["blend"] == 0.25
    pick(page, "second", "")
    assert info_of(on_stage(page)).data == f"{USUAL}.mask-top"


def test_a_link_says_which_pictures_and_whose_run_is_shown(visit):
    page = visit("style", data="cat.flower.brick.mask-left", **SMALL)
    info = info_of(on_stage(page))
    assert info.data == "cat.flower.brick.mask-left"
    shown = {w.key: w.value for w in (*page.selectbox, *page.get("button_group"))}
    assert (shown["picture-second"], shown["picture-mask"]) == ("brick", "mask-left")
    other = visit("style", "bob", run=info.id)
    assert on_stage(other) == info.id
    assert {w.key: w.value for w in other.selectbox}["picture-second"] == "brick"


@pytest.mark.parametrize(
    "name",
    ["china", "china.nowhere", "a.b.c.d.e", "china.mask-left", "mask-left.china", "..", "glass." + "x" * 999],
)
def test_pictures_that_are_not_there_are_named_and_the_page_goes_on(visit, name):
    page = visit("style", data=name, **SMALL)
    assert "There is no picture called" in page.error[0].value
    assert not page.sidebar.error  # a phone hides it
    assert info_of(on_stage(page)).data == USUAL


def test_a_picture_of_another_machine_is_named_and_others_can_be_chosen(visit):
    page = visit("style", data="photo-0123456789ab.glass", **SMALL)
    assert "are not on this machine" in page.error[0].value
    pick(page, "content", "cat")
    assert info_of(on_stage(page)).data == "cat.glass"


def test_to_bring_a_picture_leaves_the_run_where_it_is(visit):
    page = visit("style", **SMALL)
    run = on_stage(page)
    pick(page, "content", pictures.UPLOAD)
    assert on_stage(page) == run
    assert [w.proto.label for w in page.get("file_uploader")]
    pick(page, "content", "cat")
    assert not page.get("file_uploader")
    assert info_of(on_stage(page)).data == "cat.brushstrokes"


@pytest.mark.parametrize(
    "name", ["china.glass", "china.glass.brick", "china.glass.mask-left", "a.b.c.painted-0123456789ab"]
)
def test_a_name_is_taken_apart_and_put_together(name):
    assert Parts.of(name).name == name


def test_what_is_taken_home_is_the_picture_and_its_making(visit):
    page = train(visit("style", tab="Keep it", **SMALL))
    run = on_stage(page)
    until(lambda: len(store.keyframes(store.folder(run))) >= 6)
    page = works(page.run())
    labels = [b.proto.label for b in page.get("download_button")]
    assert labels == ["Picture (PNG)", "Film (GIF)"]
    film = Image.open(io.BytesIO(style_keep.film(run)))
    assert film.format == "GIF"
    assert film.n_frames >= 6
    film.seek(0)
    first = np.asarray(film.convert("RGB")).astype(float)
    assert np.abs(first - np.asarray(style_keep.pictures(run)[0]).astype(float)).mean() < 8


def test_a_film_is_short_ends_with_the_last_picture_and_rests_there(monkeypatch):
    shades = [Image.new("RGB", (900, 600), (i, 255 - i, 90)) for i in range(0, 200, 2)]
    monkeypatch.setattr(style_keep, "pictures", lambda run: shades)
    made = style_keep.film("run")
    assert len(made) < 3e6
    film = Image.open(io.BytesIO(made))
    assert 10 < film.n_frames <= style_keep.FRAMES  # those that look alike are one
    assert max(film.size) == style_keep.LONGEST
    film.seek(film.n_frames - 1)
    film.load()
    assert film.info["duration"] == style_keep.PAUSE
    assert np.abs(np.asarray(film.convert("RGB"))[9, 9].astype(int) - [198, 57, 90]).max() < 12


def test_a_run_without_pictures_says_so(monkeypatch):
    monkeypatch.setattr(store, "folder", lambda run: store.ASSETS)
    with pytest.raises(Refused, match="no pictures yet"):
        style_keep.pictures("none-at-all")


@pytest.mark.parametrize("tab", ["One pass", "Gram matrices", "What each layer keeps", "Look inside"])
def test_every_tool_opens_and_has_its_answer(visit, tab):
    page = visit("style", tab=tab, **SMALL)
    assert not page.error
    shown = "".join(h.proto.body for h in page.get("html"))
    says = {"One pass": "quick-again", "Gram matrices": "gram-again", "Look inside": "inside-again"}
    if tab in says:
        assert says[tab] in {button.key for button in page.button}
    assert ("gram-bars" in shown) == (tab == "Gram matrices")


@pytest.mark.parametrize("address", [address for *_, address in EXPERIMENTS])
@pytest.mark.exhaustive
def test_each_experiment_descends_its_loss(address):
    asked = dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
    name = asked.pop("data", USUAL)
    sides = [{}]
    if urlsplit(address).path == "/compare":
        assert asked.pop("family") == "style"
        knob = asked.pop("knob")
        sides = [{knob: asked.pop("left")}, {knob: asked.pop("right")}]
    chosen = data.load(name)
    for side in sides:
        config = StyleTransfer.configure(chosen.space, asked | side | {"size": 64, "coarse": 100})
        transfer, losses = StyleTransfer(config, chosen.space), []
        for turn in fit(transfer, data.batches(chosen, lambda: 1, 0)):
            losses.append(sum(term.item() for term in turn.terms.values()))
            if len(losses) == 15:
                break
        assert np.isfinite(losses).all()
        assert (
            losses[-1] < 0.6 * losses[0]
            if config.alpha == 0 or config.init == "noise"
            else losses[-1] < losses[0]
        )


def test_each_picture_that_can_be_chosen_has_its_thumbnail():
    for one in (one for role in ("content", "style") for one in data.picture_names(role)):
        image = Image.open(io.BytesIO(pictures.thumb(one.name)))
        assert image.size == (pictures.WIDTH, pictures.HEIGHT)
        whole = data.picture(one.name).reshape(-1, 3).mean(0)
        assert np.abs(np.asarray(image).reshape(-1, 3).mean(0) - whole).max() < 25
