"""The Check tab of style transfer: its laws hold on any picture, and each notices what is broken."""

import sys

import pytest
import torch

from engine.checks import measure
from engine.style import checks as style
from engine.style import colour
from engine.style.style import StyleTransfer
from tests.laws.style.styling import built, half, noise, pictures, trained

LAWS = {"style": 6, "luminance": 7, "histogram": 7}


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


def told(model, **factors):
    """The model, with some of its terms multiplied."""
    usual = model.losses
    model.losses = lambda x: {k: v * factors.get(k.replace(" ", "_"), 1.0) for k, v in usual(x).items()}


def lose_the_second_style(model):
    model.wanted = lambda t, i: t.grams[0][i]


def ignore_the_mask(model):
    usual = model.targets
    model.targets = lambda level: (
        usual(level) if sys._getframe(1).f_code.co_name == "terms" else usual(level)._replace(mask=None)
    )


def ignore_a_weight(model):
    told(model, style_2=2.0)


def forget_the_units(model):
    usual = model.canvas.features
    model.canvas.features = lambda x, layers, units=None: usual(x, layers)


def compare_the_content_elsewhere(model):
    usual = model.canvas.features
    model.canvas.features = lambda x, layers, units=None: {
        k: f.flip(-1) for k, f in usual(x, layers, units).items()
    }


BROKEN_MODELS = {
    "a weight of a layer": ignore_a_weight,
    "a tenth of the content": lambda model: told(model, content=1.1),
    "no total variation": lambda model: told(model, total_variation=0.0),
    "the sign of a style": lambda model: told(model, style_4=-1.0),
    "one style of two": lose_the_second_style,
    "the mask": ignore_the_mask,
    "the units": forget_the_units,
    "the place of the content": compare_the_content_elsewhere,
}


@pytest.mark.parametrize("broken", BROKEN_MODELS)
def test_a_model_whose_loss_is_not_the_formulas_is_noticed(small, broken):
    data = pictures(styles=2, mask=half())
    model = built(data, init="noise", blend=0.4, tv=2.0, w2=0.5, alpha=10.0, beta=0.3)
    assert holds(model, "computed in another way")
    BROKEN_MODELS[broken](model)
    assert not holds(model, "computed in another way")


def test_colours_that_were_not_matched_are_noticed():
    model = built(colour="histogram")
    assert holds(model, "covariance")
    model.canvas.style0.mul_(1.1)
    assert not holds(model, "covariance")
    model.canvas.style0.div_(1.1).add_(0.02)
    assert not holds(model, "covariance")
    assert torch.isfinite(model.canvas.style0).all()
