"""Laws of the rational-quadratic spline: it rises, has no kink, ends as the identity, and has an inverse."""

from __future__ import annotations

import pytest
import torch

from engine.flow.spline import knots, spline

pytestmark = pytest.mark.usefixtures("double")


def slope(b: torch.Tensor, o: torch.Tensor, inverse: bool, bound: float) -> torch.Tensor:
    """The derivative by autograd, through torch.func."""
    with torch.enable_grad():
        return torch.func.grad(lambda b: spline(b, o, inverse, bound)[0].sum())(b)


@pytest.mark.parametrize(
    ("K", "bound", "steep"), [(2, 1.0, 1.0), (8, 4.0, 2.0), (32, 10.0, 3.0), (5, 3.0, 4.0)]
)
@torch.no_grad()
def test_the_curve_rises_through_its_knots_with_their_slopes_and_back(K, bound, steep):
    o = steep * torch.randn(6, 3 * K - 1)
    x, y, d = knots(o, bound)
    assert x.shape == y.shape == d.shape == (6, K + 1)
    for ends in (x, y):
        assert (ends.diff() > 0).all()
        assert (ends[:, 0] == -bound).all()
        assert (ends[:, -1] == bound).all()
    assert (d > 0).all()
    assert (d[:, [0, -1]] == 1).all()
    inner = o[:, None].expand(-1, K - 1, -1)
    image, log_slope = spline(x[:, 1:-1], inner, False, bound)
    torch.testing.assert_close(image, y[:, 1:-1], atol=1e-12, rtol=0)
    torch.testing.assert_close(log_slope, d[:, 1:-1].log(), atol=1e-9, rtol=0)
    eps = 1e-9 * bound  # C1: from both sides of a knot the slope is the knot's
    for side in (-eps, eps):
        beside = spline(x + side, o[:, None].expand(-1, K + 1, -1), False, bound)[1]
        torch.testing.assert_close(beside.exp(), d, atol=1e-3, rtol=1e-3)

    b = torch.linspace(-1.2 * bound, 1.2 * bound, 301).expand(6, -1)
    each = o[:, None].expand(-1, 301, -1)
    z, up = spline(b, each, False, bound)
    assert (z.diff() > 0).all()
    again, down = spline(z, each, True, bound)
    torch.testing.assert_close(again, b, atol=1e-9 if steep <= 3 else 1e-8, rtol=0)
    torch.testing.assert_close(down, -up, atol=1e-7, rtol=0)
    torch.testing.assert_close(slope(b, each, False, bound).log(), up, atol=1e-9, rtol=0)
    torch.testing.assert_close(slope(z, each, True, bound).log(), down, atol=1e-7, rtol=0)
    outside = b.abs() >= bound
    assert torch.equal(z[outside], b[outside])
    assert (up[outside] == 0).all()


@torch.no_grad()
def test_zeros_are_the_identity():
    b = torch.linspace(-3, 3, 61)[None]
    for inverse in (False, True):
        image, log_slope = spline(b, torch.zeros(1, 61, 23), inverse, 2.0)
        torch.testing.assert_close(image, b, atol=1e-12, rtol=0)
        torch.testing.assert_close(log_slope, torch.zeros_like(b), atol=1e-12, rtol=0)
