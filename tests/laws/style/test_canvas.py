"""The pictures of a transfer: their names, their sizes and the first one."""

import io
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from engine.config import Refused
from engine.data import keep_mask, keep_picture, load, picture
from engine.data.dataset import batches
from engine.data.transfer import Parts, Transfer
from engine.fit import fit
from engine.nets.backbone import backbone
from engine.style.style import StyleTransfer
from tests.laws.style.styling import built, gap, half, noise, pictures


def test_each_level_is_twice_the_one_before_and_all_are_seen():
    model = built(pictures(h=96, w=128), size=128, levels=3)
    assert model.canvas.shapes == [(48, 64), (96, 128)]  # a third would be too small for the network
    assert [model.canvas.level(model.image[0], i).shape[-2:] for i in (0, 1)] == [(48, 64), (96, 128)]
    assert model.picture().shape == (1, 3, 96, 128)
    assert built(pictures(h=96, w=128), size=128, levels=1).canvas.shapes == [(96, 128)]
    seen = []
    for _turn in fit(
        model := built(pictures(h=96, w=128), size=128, levels=2, coarse=2),
        islice(batches(pictures(h=96, w=128), lambda: 1, 0), 4),
    ):
        seen.append(int(model.level))
    assert seen == [0, 0, 1, 1]


def test_the_style_keeps_its_form_and_has_the_area_asked_for():
    for scale in (0.8, 1.0, 2.0):
        style = built(scale=scale).canvas.styles[0]
        h, w = style.shape[-2:]
        assert h * w == pytest.approx(scale**2 * 48 * 64, rel=0.05)
        assert h / w == pytest.approx(56 / 50, rel=0.05)


@pytest.mark.parametrize("init", ["content", "style", "noise"])
def test_the_first_picture_is_what_was_asked_for(init):
    model = built(pictures(h=96, w=128), size=128, levels=2, init=init)
    first = model.image[0].detach()
    assert first.shape == (1, 3, 96, 128)
    if init == "content":
        assert torch.equal(first, model.canvas.content)
    if init == "noise":
        assert 0.1 < first.std() < 0.25
        # no finer than the coarsest level, which would not see it
        again = nn.functional.interpolate(nn.functional.avg_pool2d(first, 2), (96, 128), mode="bilinear")
        assert gap(again, first) < 0.5
        assert not torch.equal(first, built(pictures(h=96, w=128), size=128, init="content").image[0])


def test_a_picture_too_narrow_for_the_network_is_refused():
    with pytest.raises(Refused, match="choose a size of 128 or more, or a picture that is less narrow"):
        built(pictures(h=32, w=128), size=96)
    assert built(pictures(h=32, w=128), size=128).canvas.shapes == [(32, 128)]


def test_other_data_are_refused():
    with pytest.raises(Refused, match="choose two pictures as the data"):
        StyleTransfer(StyleTransfer.configure(load("digits").space), load("digits").space)


@pytest.mark.parametrize(
    ("name", "styles", "masked"),
    [
        ("cat.glass", 1, False),
        ("cat.glass.brick", 2, False),
        ("cat.glass.mask-left", 1, True),
        ("cat.glass.brick.mask-top", 2, True),
        ("brick.cat", 1, False),  # photographs serve as styles and the other way round
    ],
)
def test_the_name_of_a_transfer_tells_its_pictures(name, styles, masked):
    space = load(name).space
    assert isinstance(space, Transfer)
    assert (len(space.styles), space.mask is not None) == (styles, masked)
    assert Parts.of(name).name == name == space.name
    assert space.shape == tuple(space.content.shape)
    content, *others = (torch.from_numpy(picture(part)).permute(2, 0, 1) for part in name.split("."))
    mask = others.pop()[:1] if masked else None
    for ours, named in zip((space.content, *space.styles), (content, *others), strict=True):
        assert torch.equal(ours, named)
    assert space.mask is mask or torch.equal(space.mask, mask)


def test_a_transfer_of_ones_own_pictures_finds_them_where_they_are_kept(tmp_path):
    sources = [io.BytesIO() for _ in range(4)]
    for i, source in enumerate(sources):
        Image.new("RGB", (40 + i, 50), (10 * i, 100, 200)).save(source, "PNG")
    *parts, mask = (source.getvalue() for source in sources)
    names = [*(keep_picture(part, tmp_path) for part in parts), keep_mask(mask, tmp_path)]
    space = load(".".join(names), tmp_path).space
    for name, held in zip(names, (space.content, *space.styles, space.mask), strict=True):
        assert torch.equal(held, torch.from_numpy(picture(name, tmp_path)).permute(2, 0, 1)[: len(held)])


def test_a_transfer_is_known_by_its_name_and_not_by_its_pixels():
    one = load("cat.glass.mask-left").space
    styles = tuple(style.clone() for style in one.styles)
    again = replace(one, content=one.content.clone(), styles=styles, mask=one.mask.clone())
    assert one == again
    assert hash(one) == hash(again)
    assert one != load("cat.glass").space
    assert len(repr(one)) < 200
    assert Transfer(one.shape, content=one.content, styles=styles).mask is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cat.mask-left", "does not name a transfer"),
        ("cat.mask-left.glass", "does not name a transfer"),
        ("cat.glass.mask-left.mask-top", "does not name a transfer"),
        ("cat.glass.brick.grass", "does not name a transfer"),
        ("cat.nothing", "no picture called 'nothing'"),
        ("nothing.glass", "no picture called 'nothing'"),
        ("photo-0123456789ab.glass", "photo-0123456789ab are not on this machine"),
        ("../../etc.passwd", "."),
        ("cat..glass", "."),
        ("cat.glass.", "."),
        ("a.b.c.d.e", "."),
    ],
)
def test_a_name_of_no_transfer_is_refused(name, message):
    with pytest.raises(Refused, match=message):
        load(name, Path("nowhere"))


@pytest.mark.parametrize("colours", ["style", "luminance"])
def test_samples_are_the_picture(colours):
    model = built(pictures(mask=half()), colour=colours)
    model.image[0].data.copy_(2 * noise(model))  # outside the mask and the range of pixels it is not seen
    x = model.sample(3)
    assert x.shape == (3, 3, 48, 64)
    assert not x.requires_grad
    assert torch.equal(x[0], x[2])
    assert torch.equal(x[:1], model.picture())
    assert -1 <= x.min() <= x.max() <= 1


def test_a_run_stores_its_picture_and_level_and_none_of_the_pictures_that_it_is_made_from(small):
    model = built(pictures(2, half(), 96, 128), size=128, levels=2, coarse=2, init="noise")
    list(fit(model, islice(batches(pictures(h=96, w=128), lambda: 1, 0), 3)))
    stored = model.state_dict()
    assert set(stored) == {"image.0", "level"}
    again = built(pictures(2, half(), 96, 128), size=128, levels=2, coarse=2, init="noise")
    again.load_state_dict(stored)
    assert int(again.level) == 1
    assert torch.equal(again.picture(), model.picture())


def test_what_is_prepared_is_the_network_that_a_transfer_sees_through():
    backbone.cache_clear()
    StyleTransfer.prepare()
    data = load("cat.glass")
    built = StyleTransfer(StyleTransfer.configure(data.space, {"size": 64}), data.space)
    assert built.canvas.network is built.canvas.network
    assert backbone.cache_info().misses == 1
