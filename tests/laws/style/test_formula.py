"""Every knob of a transfer does what the formula says: its whole loss, written out from pictures of bytes on.

The network is a small one with random weights, whose layers have VGG's names, so that every choice is tried.
"""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor
from torch.nn.functional import interpolate

from engine.data.dataset import batches
from engine.fit import fit, optimizers_of, retune
from engine.style import canvas
from engine.style.style import TERMS, StyleTransfer
from tests.laws.style.conftest import network
from tests.laws.style.styling import gap, half, noise, pictures, smooth, total

pytestmark = pytest.mark.usefixtures("double", "small")
RGB = (0.299, 0.587, 0.114)  # of the luminance
SIZE, SHAPE = 128, (96, 128)  # of the content, whose coarser level is 48 x 64
LAYERS = [f"{kind}{block}_{i}" for block in range(1, 6) for i in (1, 2) for kind in ("conv", "relu")]


def transfer(styles: int = 1, masked: bool = False, **knobs):
    data = pictures(styles, half(60, 70) if masked else None, *SHAPE)
    torch.manual_seed(3)
    knobs = {"size": SIZE, "levels": 2, "coarse": 3} | knobs
    return StyleTransfer(StyleTransfer.configure(data.space, knobs), data.space), data


# --- the formula, from bytes on ------------------------------------------------------------------


def to_float(picture: Tensor) -> Tensor:
    return (picture.double() / 255 * 2 - 1)[None]


def shrunk(x: Tensor, h: int, w: int) -> Tensor:
    return x if x.shape[2:] == (h, w) else interpolate(x, (h, w), mode="bicubic", antialias=True)


def to_grey(x: Tensor) -> Tensor:
    return sum(weight * x[:, i : i + 1] for i, weight in enumerate(RGB)).repeat(1, 3, 1, 1)


def recoloured(style: Tensor, content: Tensor, how: str) -> Tensor:
    if how == "luminance":
        s, c = to_grey(style), to_grey(content)
        return (s - s.mean()) / s.std() * c.std() + c.mean()
    if how == "style":
        return style
    s, c = (x[0].flatten(1).numpy() for x in (style, content))
    floor = 1e-5 * np.eye(3)
    roots = [np.real(sqrtm(np.cov(x, bias=True) + floor)) for x in (s, c)]
    mixed = roots[1] @ np.linalg.inv(roots[0]) @ (s - s.mean(1, keepdims=True)) + c.mean(1, keepdims=True)
    return torch.from_numpy(mixed).reshape(style.shape)


def formula(space, c, x: Tensor, level: int, levels: int) -> dict[str, Tensor]:
    """The terms of the loss of a picture x at a level of so many."""
    h, w = SHAPE
    content = shrunk(to_float(space.content), h, w)
    mask = torch.ones(1, 1, h, w)
    if space.mask is not None:
        mask = shrunk(space.mask.double()[None] / 255, h, w).clamp(0, 1)
    small_h, small_w = h // 2 ** (levels - 1 - level), w // 2 ** (levels - 1 - level)
    net = network(c.backbone, c.pooling)
    styles = []
    for style in space.styles:
        style = to_float(style)
        sides = style.shape[2:]
        scale = max((c.scale**2 * h * w / (sides[0] * sides[1])) ** 0.5, 32 / min(sides))
        style = shrunk(style, *(round(side * scale) for side in sides))
        style = recoloured(style, content, c.colour)
        share = small_h / h
        styles.append(
            style if share == 1 else interpolate(style, scale_factor=share, mode="bicubic", antialias=True)
        )

    def seen(x: Tensor) -> Tensor:
        x = mask * x + (1 - mask) * content
        return shrunk(to_grey(x) if c.colour == "luminance" else x, small_h, small_w)

    x, content, mask = seen(x), seen(content), shrunk(mask, small_h, small_w)
    F, P = net(x, LAYERS), net(content, LAYERS)
    A = [net(style, LAYERS) for style in styles]
    p, f = P[c.content_layer], F[c.content_layer]
    terms = {"content": c.alpha / 2 * ((f - p) ** 2).mean() / (p**2).mean()}
    for i in range(1, 6):
        name = f"{c.at}{i}_1"
        n, rows, columns = F[name].shape[1:]
        unit = (A[0][name] ** 2).mean()  # of a product of two features
        m = interpolate(mask, (rows, columns), mode="area")[0, 0]
        G = torch.einsum("ahw,bhw,hw->ab", F[name][0], F[name][0], m) / m.sum() / unit
        wanted = [
            torch.einsum("ahw,bhw->ab", a[name][0], a[name][0]) / a[name][0, 0].numel() / unit for a in A
        ]
        share = c.blend if len(A) == 2 else 0.0
        target = (1 - share) * wanted[0] + share * wanted[-1]
        E = ((G - target) ** 2).sum() / (4 * n**2)
        terms[f"style {i}"] = c.beta * getattr(c, f"w{i}") * E
    across, down = x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]
    terms["roughness"] = c.tv * ((across**2).mean() + (down**2).mean())
    return terms


CHOICES = {
    "as it comes": {},
    "alpha": {"alpha": 3.5},
    "no content": {"alpha": 0.0},
    "beta": {"beta": 700.0},
    "blend": {"styles": 2, "blend": 0.35},
    "blend without a second style": {"blend": 0.35},
    "the first style alone": {"styles": 2},
    "the second style alone": {"styles": 2, "blend": 1.0},
    "weights": {"w1": 0.5, "w2": 2.0, "w3": 0.0, "w4": 1.5, "w5": 5.0},
    "tv": {"tv": 40.0},
    "before the ReLU": {"at": "conv"},
    "maxima": {"pooling": "max"},
    "scale": {"scale": 0.6},
    "a large style": {"scale": 2.0, "styles": 2, "blend": 0.5},
    "one level": {"levels": 1},
    "a mask": {"masked": True},
    "a mask and two styles": {"masked": True, "styles": 2, "blend": 0.7},
    "histogram": {"colour": "histogram", "styles": 2, "blend": 0.4},
    "luminance": {"colour": "luminance", "styles": 2, "blend": 0.4},
    "luminance and a mask": {"colour": "luminance", "masked": True},
} | {layer: {"content_layer": layer} for layer in ("relu1_2", "relu2_2", "relu3_2", "relu4_2", "relu5_2")} | {
    name: {"backbone": name} for name in ("VGG-19", "AlexNet")
}  # fmt: skip


@pytest.mark.parametrize("choice", CHOICES)
def test_every_term_is_the_formulas_for_every_choice_of_a_knob(choice):
    model, data = transfer(**CHOICES[choice])
    x = noise(model)
    levels = len(model.canvas.shapes)
    assert levels == CHOICES[choice].get("levels", 2)
    for level in range(levels):
        model.level.fill_(level)
        wanted = formula(data.space, model.config, x, level, levels)
        terms = model.losses(x)
        assert tuple(terms) == tuple(wanted) == TERMS
        for name in TERMS:
            assert terms[name].item() == pytest.approx(wanted[name].item(), rel=1e-9, abs=1e-15), (
                level,
                name,
            )


@pytest.mark.parametrize("choice", ["a mask and two styles", "luminance and a mask", "histogram", "weights"])
def test_the_picture_descends_the_gradient_of_the_formula(choice):
    model, data = transfer(**CHOICES[choice], optimizer="Adam", lr=0.01)
    x = model.image[0].detach().clone()
    free = x.clone().requires_grad_()
    (down,) = torch.autograd.grad(sum(formula(data.space, model.config, free, 0, 2).values()), free)
    (ours,) = torch.autograd.grad(total(model, free), free)
    assert gap(ours, down) < 1e-8
    next(iter(fit(model, batches(data, lambda: 1, 0))))
    step = model.image[0] - x
    sure = down.abs() > 1e-6  # Adam's first step is the sign of the slope
    assert sure.double().mean() > 0.3
    assert (step[sure] + 0.01 * down[sure].sign()).abs().max() < 1e-4


@pytest.mark.parametrize(
    "knob", [name for name, knob in StyleTransfer.Config.knobs().items() if knob.live and name != "lr"]
)
def test_a_knob_that_is_turned_under_way_has_the_effect_that_it_has_from_the_beginning(knob):
    others = {"styles": 2, "blend": 0.3, "tv": 1.0}
    (model, _), (other, _) = transfer(**others), transfer(**others | {knob: 0.85})
    x, using = noise(model), optimizers_of(model)
    before = total(model, x)
    retune(model, using, model.config.change({knob: 0.85}))
    assert using["image"].loss() == model.objective() == other.objective()  # so that L-BFGS begins anew
    assert model.losses(x) == other.losses(x)
    assert total(model, x) != before


# --- the knobs that shape no term ----------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["L-BFGS", "Adam"])
def test_the_optimizer_is_the_one_asked_for(optimizer):
    model, data = transfer(optimizer=optimizer, lr=0.03)
    before = model.image[0].detach().clone()
    next(iter(fit(model, batches(data, lambda: 1, 0))))
    step = (model.image[0] - before).abs().max().item()
    assert step == pytest.approx({"L-BFGS": 0.05, "Adam": 0.03}[optimizer], rel=1e-3)


def test_a_learning_rate_that_is_turned_under_way_is_that_of_the_next_step():
    model, data = transfer(optimizer="Adam", lr=0.03, levels=1)
    using = optimizers_of(model)
    next(iter(fit(model, batches(data, lambda: 1, 0), using)))
    before = model.image[0].detach().clone()
    retune(model, using, model.config.change({"lr": 0.005}))
    next(iter(fit(model, batches(data, lambda: 1, 0, 1), using)))
    step = (model.image[0] - before).abs().max().item()
    assert 0.0025 < step < 0.0075  # of Adam, about the learning rate


def test_levels_and_their_rounds():
    """Round r is at level r // coarse, and no finer than the last."""
    for levels, coarse in ((1, 2), (2, 2), (3, 1), (3, 4)):
        model, data = transfer(levels=levels, coarse=coarse)
        there = min(levels, 2)  # a third level would be too small for the network
        assert model.canvas.shapes == [(48, 64), (96, 128)][-there:]
        seen = []
        for _ in fit(model, islice(batches(data, lambda: 1, 0), 7)):
            seen.append(int(model.level))
        assert seen == [min(r // coarse, there - 1) for r in range(7)]


def test_a_run_taken_up_at_a_round_is_at_the_level_of_that_round():
    model, data = transfer(coarse=3)
    next(iter(fit(model, batches(data, lambda: 1, 0, 4))))
    assert int(model.level) == 1


@pytest.mark.parametrize(("height", "shapes"), [(64, [(32, 64), (64, 128)]), (63, [(63, 128)])])
def test_a_level_is_as_small_as_the_network_can_see(height, shapes):
    data = pictures(1, None, height, 128)
    model = StyleTransfer(StyleTransfer.configure(data.space, {"size": 128, "levels": 3}), data.space)
    assert model.canvas.shapes == shapes


def test_of_three_levels_each_has_twice_the_side_of_the_one_before():
    data = pictures(1, None, 96, 128)
    model = StyleTransfer(StyleTransfer.configure(data.space, {"size": 256, "levels": 3}), data.space)
    assert model.canvas.shapes == [(48, 64), (96, 128), (192, 256)]


@pytest.mark.parametrize("init", ["content", "style", "noise"])
def test_the_first_picture(init):
    model, data = transfer(styles=2, init=init, blend=1.0)
    first = model.image[0].detach()
    if init == "content":
        assert torch.equal(first, to_float(data.space.content))
    elif init == "style":
        h, w = SHAPE
        style = to_float(data.space.styles[0])
        scale = (h * w / (56 * 50)) ** 0.5
        style = shrunk(style, round(56 * scale), round(50 * scale))
        assert gap(first, shrunk(style, h, w)) < 1e-12
    else:
        torch.manual_seed(3)
        coarse = torch.randn(1, 3, 48, 64) * 0.25
        assert gap(first, interpolate(coarse, SHAPE, mode="bilinear")) < 1e-12


def test_a_first_picture_of_the_style_has_the_full_size_at_any_number_of_levels():
    data = pictures(1, None, 96, 128)
    for levels, size in ((1, 128), (3, 256)):
        config = StyleTransfer.configure(data.space, {"init": "style", "levels": levels, "size": size})
        assert StyleTransfer(config, data.space).image[0].shape[-1] == size


def test_noise_is_another_with_another_seed_and_the_style_has_the_colours_asked_for():
    data = pictures(1, None, *SHAPE)
    config = StyleTransfer.configure(data.space, {"size": SIZE, "init": "noise"})
    one, two = (StyleTransfer(config, data.space).image[0] for _ in range(2))
    assert not torch.equal(one, two)
    model, _ = transfer(init="style", colour="luminance")
    assert (model.image[0] - to_grey(model.image[0])).abs().max() < 1e-12


def test_the_picture_shown_is_the_mask_s_mixture_in_the_range_of_pixels():
    model, data = transfer(masked=True)
    mask = shrunk(half(60, 70).double()[None] / 255, *SHAPE).clamp(0, 1)
    x = 2 * noise(model)
    wanted = (mask * x + (1 - mask) * to_float(data.space.content)).clamp(-1, 1)
    assert gap(model.canvas.shown(x), wanted) < 1e-12
    assert ((mask > 0.01) & (mask < 0.99)).any()  # it is soft where it is resized


def test_the_luminance_shown_is_that_of_the_result_with_the_contents_chroma():
    model, data = transfer(colour="luminance")
    x = noise(model)
    content = to_float(data.space.content)
    wanted = (content - to_grey(content) + to_grey(x)).clamp(-1, 1)
    assert gap(model.canvas.shown(x), wanted) < 1e-12


def test_targets_are_those_of_their_level_and_computed_once():
    model, _ = transfer()
    one, two = model.targets(0), model.targets(1)
    assert model.targets(0) is one
    assert one.P.shape[-1] * 2 == two.P.shape[-1]
    assert not any(t.requires_grad for t in (one.P, *one.grams[0], *one.units.values()))


def test_a_style_picture_of_another_size_has_the_area_of_the_content_times_scale_squared():
    data = pictures(1, None, *SHAPE)
    space = replace(data.space, styles=(smooth(200, 90, 5),))
    for scale in (0.5, 1.0, 1.7):
        model = StyleTransfer(StyleTransfer.configure(space, {"size": SIZE, "scale": scale}), space)
        h, w = model.canvas.styles[0].shape[2:]
        assert h * w == pytest.approx(scale**2 * 96 * 128, rel=0.03)
        assert h / w == pytest.approx(200 / 90, rel=0.03)


def test_the_knob_of_a_layer_is_called_after_it():
    knobs = StyleTransfer.Config.knobs()
    for i, form in canvas.FORMS.items():
        knob = knobs[f"w{i}"]
        assert (knob.symbol, knob.label, knob.default) == (f"w_{i}", f"relu{i}_1", 1.0)
        assert knob.says.endswith(form)
        assert knob.live
