"""Attributes of pictures that are known; their regression on codes against numpy and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from engine import data
from engine.codes.attributes import ATTRIBUTES, attributes, correlations, perimeter, regression

pytestmark = pytest.mark.usefixtures("double")


def measured(ink: torch.Tensor) -> dict[str, float]:
    """Attributes of one picture of greys 0 to 1."""
    return dict(zip(ATTRIBUTES, attributes(2 * ink[None, None] - 1)[0].tolist(), strict=True))


def bar(width: int, height: int, shear: float = 0.0, size: int = 40) -> torch.Tensor:
    """A bar; each row is moved by shear for each pixel that it is above the middle, split between pixels."""
    ink = torch.zeros(size, size)
    for i in range(height):
        row, moved = 10 + i, 15 + shear * ((height - 1) / 2 - i)
        full, part = math.floor(moved), moved - math.floor(moved)
        for j in range(width):
            ink[row, full + j] += 1 - part
            ink[row, full + j + 1] += part
    return ink


def test_a_bars_sides_and_slant():
    values = measured(bar(3, 16))
    assert values["width"] == pytest.approx(3)
    assert values["height"] == pytest.approx(16)
    assert values["slant"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("shear", [-1.0, -0.5, 0.25, 1.0])
def test_a_sheared_bar_has_the_slant_that_it_was_sheared_by_and_is_no_wider(shear):
    values = measured(bar(4, 17, shear))
    assert values["slant"] == pytest.approx(shear, abs=1e-9)
    assert values["height"] == pytest.approx(17)
    assert values["width"] == pytest.approx(4, abs=0.3)  # pixels that are split are a little wider


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_thickness_is_twice_area_over_outline_with_cut_corners(width):
    outline = 2 * (width + 20) - 4 * (1 - math.sqrt(0.5))
    assert measured(bar(width, 20))["thickness"] == pytest.approx(2 * 20 * width / outline)
    assert measured(bar(width, 20))["thickness"] == pytest.approx(width, rel=0.25)


def test_the_outline_of_a_diagonal_edge_is_its_true_length():
    n = 30
    below = torch.ones(n, n).tril()  # a right-angled triangle
    assert perimeter(below[None]).item() == pytest.approx(2 * n + n * math.sqrt(2), rel=0.02)


def test_the_outline_of_a_disc_is_near_a_circle():
    y, x = torch.meshgrid(torch.arange(100.0), torch.arange(100.0), indexing="ij")
    ink = (30.5 - torch.hypot(x - 50, y - 50)).clamp(0, 1)
    assert perimeter(ink[None]).item() == pytest.approx(2 * math.pi * 30, rel=0.03)


def test_place_and_brightness_change_nothing_and_a_black_picture_has_nothing():
    ink = bar(3, 16, 0.5)
    here = measured(ink)
    assert measured(ink.roll((4, -6), (0, 1))) == pytest.approx(here)
    assert measured(0.8 * ink) == pytest.approx(here)
    assert measured(0 * ink) == dict.fromkeys(ATTRIBUTES, 0.0)
    haze = torch.full_like(ink, 0.02)
    assert measured(torch.maximum(ink, haze)) == pytest.approx(here)  # what a decoder leaves everywhere


@pytest.mark.parametrize("shear", [0, 1, -1, 2])
def test_no_stroke_is_narrower_than_a_pixel_nor_a_dash_less_high(shear):
    stroke = measured(bar(1, 9, shear))
    assert (stroke["width"], stroke["slant"]) == pytest.approx((1, shear))
    for size in (9, 1):  # a dash in one row leans nowhere; a dot is as wide as it is high
        assert measured(bar(size, 1)) == pytest.approx(
            {"thickness": measured(bar(size, 1))["thickness"], "slant": 0, "width": size, "height": 1}
        )
    dot = torch.zeros(9, 9)
    dot[4, 5] = 0.3  # however little ink there is
    assert measured(dot) == pytest.approx({"thickness": math.sqrt(0.5), "slant": 0, "width": 1, "height": 1})


def test_a_thicker_digit_measures_thicker():
    digits = data.load("digits")
    x = digits.take(slice(0, 9000, 90))
    grown = torch.nn.functional.max_pool2d(x, 3, 1, 1)  # each stroke a pixel more on either side
    before, after = attributes(x)[:, 0], attributes(grown)[:, 0]
    assert (after > before + 0.5).all()


def test_what_is_beyond_black_and_white_is_black_and_white():
    """In each channel, before their mean is taken."""
    x = 3 * torch.randn(4, 2, 9, 8)
    torch.testing.assert_close(attributes(x), attributes(x.clamp(-1, 1)))


def test_attributes_are_measured_where_the_pictures_are_and_each_of_its_own():
    assert attributes(torch.zeros(2, 3, 8, 6, device="meta")).device.type == "meta"
    inks = [bar(3, 16, 0.5)[5:35], bar(1, 5)[5:35], 0 * bar(2, 9)[5:35], bar(4, 17, -1.0)[5:35]]
    together = attributes(2 * torch.stack(inks)[:, None] - 1)
    for ink, one in zip(inks, together.tolist(), strict=True):  # 30 rows and 40 columns
        assert [*measured(ink).values()] == one


# --- regression ------------------------------------------------------------------------------


def codes_and_attribute() -> tuple[torch.Tensor, torch.Tensor]:
    z = torch.randn(300, 4) @ torch.randn(4, 4)
    return z, z @ torch.tensor([1.0, -2.0, 0.0, 0.5]) + 3 + 0.5 * torch.randn(300)


def test_regression_is_numpys_least_squares_and_r2_is_scikit_learns():
    z, a = codes_and_attribute()
    weights, r2, _ = regression(z, a)
    design = np.column_stack([z.numpy(), np.ones(300)])
    np.testing.assert_allclose(weights.numpy(), np.linalg.lstsq(design, a.numpy(), rcond=None)[0])
    assert r2.item() == pytest.approx(
        LinearRegression().fit(z.numpy(), a.numpy()).score(z.numpy(), a.numpy())
    )


def test_a_step_moves_the_prediction_by_one_standard_deviation_of_predictions_and_is_one_long():
    z, a = codes_and_attribute()
    weights, _, step = regression(z, a)
    predicted = z @ weights[:-1]
    assert (step @ weights[:-1]).item() == pytest.approx(predicted.std(correction=0).item())
    cov = torch.cov(z.T, correction=0)
    assert (step @ torch.linalg.solve(cov, step)).item() == pytest.approx(1)  # Mahalanobis
    covs = (z - z.mean(0)).T @ (a - a.mean()) / 300  # residuals have no covariance with z
    torch.testing.assert_close(step, covs / predicted.std(correction=0))


def test_a_dimension_that_is_asleep_is_not_stepped_along():
    z, a = codes_and_attribute()
    z = torch.cat([z, 1e-6 * torch.randn(300, 1)], 1)
    assert regression(z, a)[2][-1].abs() < 1e-5


def test_codes_that_are_all_alike_tell_nothing():
    _, a = codes_and_attribute()
    weights, r2, step = regression(torch.zeros(300, 2), a)
    assert weights.isfinite().all()
    assert r2.item() == pytest.approx(0, abs=1e-12)
    assert (step == 0).all()


def test_an_attribute_that_does_not_vary_is_explained_by_nothing_and_nothing_steps_towards_it():
    z, _ = codes_and_attribute()
    for constant in (0.0, 3.0):
        weights, r2, step = regression(z, torch.full((300,), constant))
        torch.testing.assert_close(weights, torch.tensor([0.0] * 4 + [constant]))
        assert r2.isnan()
        assert step.isfinite().all()
    assert not regression(z, torch.zeros(300))[2].any()
    for n in range(5, 300, 7):  # also where the mean of equal numbers is rounded
        assert regression(z[:n], torch.full((n,), 0.1))[1].isnan()


def test_correlations_are_numpys():
    z, a = codes_and_attribute()
    by_numpy = [np.corrcoef(z[:, j].numpy(), a.numpy())[0, 1] for j in range(4)]
    np.testing.assert_allclose(correlations(z, a).numpy(), by_numpy)
    assert correlations(torch.zeros(300, 1), a).item() == 0
