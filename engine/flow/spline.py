"""The monotone rational-quadratic spline: a curve through K + 1 knots with a slope at each.

Durkan et al. 2019, https://arxiv.org/abs/1906.04032, section 3.1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad, softmax, softplus

SMALLEST = 1e-3  # share of a bin in the width or height, and slope at a knot
ONE = 0.5413248546129181  # softplus(ONE) = 1


def knots(o: Tensor, bound: float) -> tuple[Tensor, Tensor, Tensor]:
    """Knots x and y (..., K + 1) in [-bound, bound] and slopes (..., K + 1) from free numbers o.

    o (..., 3 K - 1) holds widths, heights, and slopes of the inner knots. The slope is 1 at both ends, and
    o = 0 gives the identity.
    """
    K = (o.shape[-1] + 1) // 3
    steps = SMALLEST + (1 - SMALLEST * K) * shares(o[..., : 2 * K].unflatten(-1, (2, K)))
    xy = 2 * bound * pad(steps.cumsum(-1)[..., :-1], (1, 1)) - bound
    xy = torch.cat([xy[..., :-1], torch.full_like(xy[..., :1], bound)], -1)
    slopes = pad(SMALLEST + softplus(o[..., 2 * K :] + ONE) * (1 - SMALLEST), (1, 1), value=1.0)
    return xy[..., 0, :], xy[..., 1, :], slopes


def shares(v: Tensor) -> Tensor:
    """Softmax over the last dimension; if that is short, torch is ten times faster over the first."""
    return softmax(v.movedim(-1, 0).contiguous(), 0).movedim(0, -1)


def spline(b: Tensor, o: Tensor, inverse: bool, bound: float) -> tuple[Tensor, Tensor]:
    """The spline at b (n, d), or its inverse, and the logarithm of its slope there, both (n, d).

    The parameters are o (n, d, 3 K - 1). Outside [-bound, bound] it is the identity. Equations (4) to (8).
    """
    x, y, d = knots(o, bound)
    inside = b.abs() < bound
    at = torch.where(inside, b, 0.0)
    bin_ = torch.searchsorted((y if inverse else x)[..., 1:-1].contiguous(), at[..., None], right=True)
    left = lambda t: t.gather(-1, bin_)[..., 0]  # noqa: E731
    right = lambda t: t.gather(-1, bin_ + 1)[..., 0]  # noqa: E731
    x0, y0, d0, d1 = left(x), left(y), left(d), right(d)
    width, height = right(x) - x0, right(y) - y0
    s = height / width
    bend = d1 + d0 - 2 * s
    if inverse:  # the root of a quadratic in xi, in its stable form: eq. (6) to (8)
        rise = at - y0
        A = height * (s - d0) + rise * bend
        B = height * d0 - rise * bend
        C = -s * rise
        xi = 2 * C / (-B - (B.square() - 4 * A * C).clamp(min=0).sqrt())
    else:
        xi = (at - x0) / width
    cross = xi * (1 - xi)
    below = s + bend * cross
    slope = (
        s.square() * (d1 * xi.square() + 2 * s * cross + d0 * (1 - xi).square()) / below.square()
    )  # eq. (5)
    if inverse:
        out, log_slope = x0 + xi * width, -slope.log()
    else:
        out, log_slope = y0 + height * (s * xi.square() + d0 * cross) / below, slope.log()  # eq. (4)
    return torch.where(inside, out, b), torch.where(inside, log_slope, 0.0)
