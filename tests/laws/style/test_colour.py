"""Sizes and colours of pictures, against formulas written out by hand, PIL and colorsys."""

import colorsys
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.config import Refused
from engine.style import colour

YIQ = torch.tensor(  # ITU-R BT.601 luminance, and the NTSC's I and Q
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]], dtype=torch.float64
)


def picture(h: int = 24, w: int = 36, seed: int = 0, within: float = 1.0) -> Tensor:
    """Smooth colours, (1, 3, h, w) in [-within, within]."""
    g = torch.Generator().manual_seed(seed)
    x = torch.rand(1, 3, 6, 9, generator=g, dtype=torch.float64) * 2 - 1
    return within * torch.nn.functional.interpolate(x, (h, w), mode="bilinear")


def yiq(x: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", YIQ, x)


def spread(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the colours, by torch's own."""
    flat = x.flatten(2)[0]
    return flat.mean(1), torch.cov(flat, correction=0)


@pytest.mark.parametrize(
    ("height", "width", "size", "shape"),
    [
        (427, 640, 256, (171, 256)),
        (640, 427, 256, (256, 171)),
        (50, 50, 64, (64, 64)),
        (32, 64, 64, (32, 64)),
    ],
)
def test_the_longest_side_becomes_the_size_and_the_form_stays(height, width, size, shape):
    assert colour.shape_of(height, width, size) == shape


def test_a_narrow_picture_is_refused_with_a_size_that_is_enough():
    with pytest.raises(Refused, match="is 100 x 20 pixels, and both sides need 32; choose a size of 160 or"):
        colour.shape_of(20, 100, 100)
    assert colour.shape_of(20, 100, 160) == (32, 160)
    with pytest.raises(Refused, match="is 64 x 1 pixels, and both sides need 32"):
        colour.shape_of(1, 1000, 64)
    with pytest.raises(Refused, match="is 1 x 64 pixels, and both sides need 32"):
        colour.shape_of(1000, 1, 64)
    for height, width in ((7, 99), (333, 41), (1024, 130), (99, 3)):
        with pytest.raises(Refused) as refused:
            colour.shape_of(height, width, 64)
        enough = int(str(refused.value).split("a size of ")[1].split()[0])
        assert min(colour.shape_of(height, width, enough)) >= 32
        assert min(height, width) * (enough - 1) / max(height, width) < 32
        assert min(height, width) * enough / max(height, width) >= 32


@pytest.mark.parametrize("shape", [(12, 18), (48, 72), (31, 35), (24, 36)])
def test_a_constant_stays_constant_at_every_size(shape):
    flat = torch.tensor([0.3, -0.7, 1.0], dtype=torch.float64)[None, :, None, None]
    x = colour.resized(flat.expand(1, 3, 24, 36), shape)
    assert x.shape == (1, 3, *shape)
    assert (x - flat).abs().max() < 1e-12


def test_smaller_is_smoother_as_pil_has_it():
    x = picture() + 0.5 * (torch.arange(36) % 2 - 0.5)  # stripes of one pixel, which would alias
    half = colour.resized(x, (12, 18))
    for ours, channel in zip(half[0], x[0], strict=True):
        theirs = Image.fromarray(channel.float().numpy()).resize((18, 12), Image.Resampling.BICUBIC)
        assert (ours - torch.tensor(np.asarray(theirs))).abs().max() < 1e-5


def test_an_area_is_kept_but_no_side_is_too_short():
    x = picture(40, 80)
    for pixels in (1500, 3200, 20000):
        h, w = colour.of_area(x, pixels).shape[-2:]
        assert h * w == pytest.approx(max(pixels, 32 * 64), rel=0.03)
        assert min(h, w) >= 32
        assert w / h == pytest.approx(2, rel=0.03)


def test_luminance_is_y_of_yiq_in_three_equal_channels():
    x = picture()
    grey = colour.luminance(x)
    for channel in grey[0]:
        assert (channel - yiq(x)[0, 0]).abs().max() < 1e-12
    assert (colour.luminance(grey) - grey).abs().max() < 1e-12


def test_only_the_luminance_changes():
    x, of = picture(seed=1), picture(seed=2)
    made = yiq(colour.with_colours(x, of))
    assert (made[:, 0] - yiq(x)[:, 0]).abs().max() < 1e-12
    assert (made[:, 1:] - yiq(of)[:, 1:]).abs().max() < 1e-4  # I and Q have four digits above
    assert (colour.with_colours(of, of) - of).abs().max() < 1e-12


def test_the_hue_stays_where_only_the_luminance_changes():
    """Hue, as colorsys has it, depends on differences of the channels alone."""
    x, of = picture(seed=1, within=0.3), picture(seed=2, within=0.3)
    made = (colour.with_colours(x, of) + 1) / 2
    assert made.min() > 0
    assert made.max() < 1
    pairs = zip(made[0].flatten(1).T.tolist(), ((of + 1) / 2)[0].flatten(1).T.tolist(), strict=True)
    gaps = [abs(colorsys.rgb_to_hsv(*a)[0] - colorsys.rgb_to_hsv(*b)[0]) for a, b in pairs]
    assert max(min(gap, 1 - gap) for gap in gaps) < 1e-9


def test_matched_colours_have_the_mean_and_covariance_of_the_other_picture():
    x, to = picture(seed=1), 0.5 * picture(30, 20, seed=2) + 0.2
    for got, wanted in zip(spread(colour.matched(x, to)), spread(to), strict=True):
        assert (got - wanted).abs().max() < 1e-3 * wanted.abs().max()
    # symmetric square roots: colours that are right already stay
    assert (colour.matched(to, to) - to).abs().max() < 1e-6


def test_grey_pictures_are_matched_without_an_explosion_and_stay_grey_among_themselves():
    grey, coloured = colour.luminance(picture(seed=1)), picture(seed=2)
    made = colour.matched(grey, coloured)  # on a line: only along it can it have the other's colours
    assert made.isfinite().all()
    assert made.abs().max() < 3
    assert (spread(made)[0] - spread(coloured)[0]).abs().max() < 1e-9
    other = colour.matched(coloured, grey)
    assert (spread(other)[0] - spread(grey)[0]).abs().max() < 1e-9
    assert (other - colour.luminance(other)).abs().max() < 0.05
    both = colour.matched(colour.luminance(picture(seed=3)), grey)
    assert (both - colour.luminance(both)).abs().max() < 1e-6
    for got, wanted in zip(spread(both), spread(grey), strict=True):
        assert (got - wanted).abs().max() < 1e-3 * wanted.abs().max()


def test_one_colour_is_matched_to_the_mean():
    flat, to = torch.full((1, 3, 8, 8), 0.25, dtype=torch.float64), picture(seed=2)
    made = colour.matched(flat, to)
    assert (made - spread(to)[0][:, None, None]).abs().max() < 1e-9
    grey = colour.matched_luminance(flat, colour.luminance(to))
    assert (grey - colour.luminance(to).mean()).abs().max() < 1e-9


def test_matched_luminance_has_mean_and_spread_of_the_other():
    x, to = colour.luminance(picture(seed=1)), colour.luminance(0.3 * picture(30, 20, seed=2) - 0.4)
    made = colour.matched_luminance(x, to)
    assert made.mean().item() == pytest.approx(to.mean().item(), abs=1e-9)
    assert made.std(correction=0).item() == pytest.approx(to.std(correction=0).item(), rel=1e-3)
    assert (colour.luminance(made) - made).abs().max() < 1e-12


def test_the_square_roots_are_square_roots():
    mean, root, inverse = colour.moments(picture())
    _, covariance = spread(picture())
    assert torch.equal(root, root.T) or (root - root.T).abs().max() < 1e-12
    assert (root @ root - covariance).abs().max() < 2e-5  # and the floor
    assert (root @ inverse - torch.eye(3)).abs().max() < 1e-9
    assert math.isclose(mean[0].item(), picture()[0, 0].mean().item())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pictures_keep_their_dtype_and_their_device_whatever_is_the_default(dtype):
    x, to = picture(seed=1).to(dtype), picture(seed=2).to(dtype)
    default = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64 if dtype == torch.float32 else torch.float32)
        with torch.device("meta"):
            made = [*colour.moments(x), colour.matched(x, to), colour.matched_luminance(x, to)]
            made += [colour.luminance(x), colour.with_colours(x, to), colour.resized(x, (12, 18))]
    finally:
        torch.set_default_dtype(default)
    assert {(t.dtype, t.device.type) for t in made} == {(dtype, "cpu")}
