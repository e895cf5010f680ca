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
    data = pictures(styles=1 + masked, mask=half() if masked else None)
    model = built(data, colour=choice, init="noise", blend=0.4)
    trained(model, 3, data=data)
    checks = measure(model, data)
    assert len(checks) == 2 + LAWS[choice] + masked
    assert not [check for check in checks if not check.holds]


def test_grey_styles_are_asked_for_the_mean_alone():
    data = pictures()
    grey = colour.luminance(data.space.styles[0][None].float())[0].byte()
    assert grey.float().std(0).max() == 0
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


@pytest.mark.parametrize("width", [4, 6, 8])  # of the first, the third and the last layer of the network
def test_a_loss_that_is_broken_in_one_layer_is_noticed(small, double, monkeypatch, width):
    model, gram, loss = built(init="noise"), style.gram, style.style_loss
    for name, wrong, word in (
        ("gram", lambda F: F[0].flatten(1) @ F[0].flatten(1).roll(1, 1).T, "shuffled"),
        ("style_loss", lambda G, A: 1.1 * loss(G, A), "as the paper has it"),
        ("style_loss", lambda G, A: loss(G, A) + 0.1, "each style loss is zero"),
        ("style_loss", lambda G, A: loss(G, 0.9 * A), "each style loss is zero"),
        ("gram", lambda F: gram(F) * F[0, 0].numel(), "four times as large"),
    ):
        usual = {"gram": gram, "style_loss": loss}[name]
        at = {"gram": 1, "style_loss": 0}[name]  # which of its sides is the number of channels

        def broken(x, *rest, usual=usual, wrong=wrong, at=at):
            return (wrong if x.shape[at] == width else usual)(x, *rest)

        monkeypatch.setattr(style, name, broken)
        assert not holds(model, word)
        monkeypatch.setattr(style, name, usual)
        assert holds(model, word)


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
    "no roughness": lambda model: told(model, roughness=0.0),
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


# --- how far from a law --------------------------------------------------------------------------


def planted(model, part, wrong):
    """The model, in whose canvas one pixel comes out wrong."""
    usual = getattr(model.canvas, part)

    def at_one_pixel(x):
        y = usual(x).clone()
        y[0, :, 20, -5] = wrong(y[0, :, 20, -5], x[0, :, 20, -5])
        return y

    model.canvas.__dict__[part] = at_one_pixel


@pytest.mark.parametrize("leaves", [0.0, 0.125])
@pytest.mark.parametrize("sees", [0.0, 0.25])
def test_how_far_a_picture_is_from_the_content_or_sees_the_player_outside_its_mask(small, leaves, sees):
    model = built(pictures(mask=half()))
    model.image[0].data.copy_(noise(model))
    assert style.outside(model) == 0
    x, content = (t.detach()[0, :, 20, -5] for t in (model.image[0], model.canvas.content))
    planted(model, "shown", lambda shown, x: content + leaves * (x - content))
    planted(model, "seen", lambda seen, x: seen + sees * x)
    away, slope = leaves * (x - content), 2 * (content + sees * x) * sees  # of the square
    assert style.outside(model) == pytest.approx(torch.stack([away, slope]).abs().max().item(), rel=1e-4)


@pytest.mark.parametrize("size", [64, 96])
def test_a_content_that_overshoots_the_range_of_pixels_is_shown_clipped_and_is_no_violation(small, size):
    data = pictures(mask=half())
    data.space.content.copy_(255 * (torch.arange(64) // 8 % 2))  # sharp bars, which bicubic curves sharpen
    for _negative in range(2):
        model = built(data, size=size)
        assert (model.canvas.content.abs().max() > 1) == (size == 96)
        model.image[0].data.copy_(noise(model))
        assert style.outside(model) == 0
        data.space.content.copy_(255 - data.space.content)


def test_how_far_a_hue_is_from_the_contents(small):
    model = built(colour="luminance")
    model.image[0].data.copy_(0.1 * noise(model))
    assert style.tint(model) < 1e-6
    x, content = (t.detach()[0, :, 20, -5] for t in (model.image[0], model.canvas.content))
    planted(model, "shown", lambda shown, x: content + 0.5 * (x - content))
    wanted = 0.5 * (x - content).diff().abs().max().item()
    assert style.tint(model) == pytest.approx(wanted, abs=1e-6)
    for end in (-1.0, 1.0):  # it is clipped, and says nothing
        planted(model, "shown", lambda shown, x, end=end: torch.tensor([0.0, end, 0.3]))
        assert style.tint(model) < 1e-6


def test_how_far_colours_are_from_the_contents(small, double):
    model = built(pictures(styles=2), colour="histogram")
    close = style.recoloured(model)
    assert close < 1e-2
    for i in (0, 1):
        x = model.canvas.get_buffer(f"style{i}")
        right, mean = x.clone(), x.mean((2, 3), keepdim=True)
        x.copy_(mean + 2 * (right - mean))  # the covariance becomes four times as large
        assert style.recoloured(model) == pytest.approx(3, abs=4 * close)
        x.copy_(right)
        x[:, 1] += 0.5
        assert style.recoloured(model) == pytest.approx(0.5, abs=close)
        x.copy_(right)


def test_a_term_that_should_be_zero_and_is_not_is_told(small, double):
    data = pictures()
    data.space.__dict__["styles"] = (data.space.content,)
    model = built(data, init="content", tv=0.0)
    assert style.terms(model) == pytest.approx(0, abs=1e-3)
    usual = model.losses
    model.losses = lambda x: {k: v + 1e-6 for k, v in usual(x).items()}
    assert style.terms(model) > 1


def test_the_terms_are_those_of_the_model_s_own_picture(small):
    """A loss that is wrong at this picture alone is noticed."""
    model = built(init="noise", tv=2.0)
    usual, picture = model.losses, model.image[0].detach().clone()
    model.losses = lambda x: {k: v * (1 + torch.equal(x, picture)) for k, v in usual(x).items()}
    assert style.terms(model) > 0.4


def test_the_terms_are_those_of_the_level_of_the_round(small, double):
    mask = torch.randint(0, 256, (1, 60, 70), dtype=torch.uint8)
    model = built(pictures(mask=mask, h=96, w=128), size=128, levels=2, init="noise", tv=2.0)
    for level in (0, 1):
        model.level.fill_(level)
        assert style.terms(model) < 1e-9


def test_a_loss_and_its_slope_are_measured_by_the_larger(double):
    for value, wanted in ((3.0, 1.25 * 9), (0.125, 0.25)):
        F = value * torch.tensor([[[[1.0, 0.5, 0.0]]]])
        for sign in (1, -1):
            assert style.flat(lambda F, sign=sign: sign * F.square().sum(), F) == wanted


def test_what_grows_with_the_picture_is_told_by_how_much(double, monkeypatch):
    F, A = torch.rand(1, 3, 4, 5), torch.eye(3)
    assert style.grows(F, A) < 1e-12
    for name in ("content_loss", "styled"):
        usual = getattr(style, name)
        monkeypatch.setattr(style, name, lambda F, other: F.square().sum())
        assert style.grows(F, A) == pytest.approx(3)  # four times as large
        monkeypatch.setattr(style, name, usual)


def test_a_slope_that_is_a_tenth_too_steep_is_told_so(double, monkeypatch):
    F, A = torch.rand(1, 3, 4, 5), torch.eye(3)
    assert style.formula(F, style.gram(F)) == 0
    usual = style.style_loss
    monkeypatch.setattr(style, "style_loss", lambda G, A: 1.1 * usual(G, A))
    assert style.formula(F, A) == pytest.approx(0.1)


def test_measuring_draws_no_random_number_of_the_run(double):
    F = torch.rand(1, 3, 4, 5)
    before = torch.get_rng_state()
    style.forgets(F)
    assert torch.equal(torch.get_rng_state(), before)


def test_laws_are_measured_on_a_picture_of_about_64_times_64_pixels():
    for shape, small in (((256, 256), (64, 64)), ((100, 400), (32, 128)), ((60, 50), (60, 50))):
        assert style.small(torch.rand(1, 3, *shape)).shape[-2:] == small


def test_colours_that_were_not_matched_are_noticed():
    model = built(colour="histogram")
    assert holds(model, "covariance")
    model.canvas.style0.mul_(1.1)
    assert not holds(model, "covariance")
    model.canvas.style0.div_(1.1).add_(0.02)
    assert not holds(model, "covariance")
    assert torch.isfinite(model.canvas.style0).all()
