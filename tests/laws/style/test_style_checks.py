"""The Check tab of style transfer: its laws hold on any picture, and each notices what is broken."""

import pytest
import torch

from engine.checks import measure
from engine.style import checks as style
from engine.style import colour
from engine.style.style import StyleTransfer
from tests.laws.style.styling import built, half, noise, pictures, trained

LAWS = {"style": 5, "luminance": 6, "histogram": 6}


def holds(model: StyleTransfer, word: str) -> bool:
    """Whether the one law with this word holds."""
    (check,) = [check for check in style.measure(model, pictures()) if word in check.law]
    return check.holds


@pytest.mark.parametrize("choice", LAWS)
@pytest.mark.parametrize("masked", [False, True])
def test_all_laws_hold_on_a_picture_under_way(choice, masked):
    data = pictures(styles=2, mask=half() if masked else None)
    model = built(data, colour=choice, init="noise", blend=0.4)
    trained(model, 3, data=data)
    checks = measure(model, data)
    assert len(checks) == 2 + LAWS[choice] + masked
    assert not [check for check in checks if not check.holds]


def test_grey_styles_are_asked_for_the_mean_alone():
    data = pictures()
    grey = colour.luminance(data.space.styles[0].float()).byte()[None][0]
    data.space.__dict__["styles"] = (grey.contiguous(),)
    assert holds(built(data, colour="histogram"), "covariance")


def break_gram_places(monkeypatch):
    monkeypatch.setattr(style, "gram", lambda F: F[0].flatten(1) @ F[0].flatten(1).roll(1, 1).T)


def break_gram_unit(monkeypatch):
    monkeypatch.setattr(style, "gram", lambda F: F[0].flatten(1) @ F[0].flatten(1).T)


def break_style_unit(monkeypatch):
    monkeypatch.setattr(style, "style_loss", lambda G, A: (G - A).square().sum() / (4 * len(G)))


def break_style_target(monkeypatch):
    monkeypatch.setattr(style, "style_loss", lambda G, A: (G - 0.9 * A).square().sum() / (4 * len(G) ** 2))


def break_content(monkeypatch):
    monkeypatch.setattr(style, "content_loss", lambda F, P: (F - P + 1e-3).square().mean() / 2)


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        (break_gram_places, "shuffled"),
        (break_gram_unit, "four times as large"),
        (break_style_unit, "as the paper has it"),
        (break_style_target, "each style loss is zero"),
        (break_content, "the content loss is zero"),
    ],
)
def test_a_broken_loss_is_noticed(monkeypatch, broken, word):
    model = built(init="noise")
    assert holds(model, word)
    broken(monkeypatch)
    assert not holds(model, word)


@pytest.mark.parametrize(
    ("knobs", "part", "word"),
    [
        ({}, "seen", "mask is black"),
        ({"colour": "luminance"}, "shown", "content's hue"),
    ],
)
def test_a_broken_picture_is_noticed(monkeypatch, knobs, part, word):
    model = built(pictures(mask=half()), **knobs)
    model.image[0].data.copy_(noise(model))
    assert holds(model, word)
    monkeypatch.setattr(model.canvas, part, lambda x: x.clamp(-1, 1))
    assert not holds(model, word)


def test_colours_that_were_not_matched_are_noticed():
    model = built(colour="histogram")
    assert holds(model, "covariance")
    model.canvas.style0.mul_(1.1)
    assert not holds(model, "covariance")
    model.canvas.style0.div_(1.1).add_(0.02)
    assert not holds(model, "covariance")
    assert torch.isfinite(model.canvas.style0).all()
