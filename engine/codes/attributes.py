"""Attributes of a picture of one bright shape on black, such as a handwritten digit: stroke, slant, size.

The idea of measuring digits comes from Morpho-MNIST (Castro et al. 2019, https://arxiv.org/abs/1809.10780).
The formulas below need neither a skeleton nor a binary shape, so blurred pictures have attributes too.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

ATTRIBUTES = ("thickness", "slant", "width", "height")
DARK = 0.1  # greys below this count as black, or a decoder's faint haze would weigh like a stroke


def attributes(x: Tensor) -> Tensor:
    """The ATTRIBUTES of pictures (n, C, H, W) in [-1, 1], as (n, 4) in the order of their names.

    thickness: the mean width of the strokes in pixels, which is twice the area over the perimeter: w for a
        stroke much longer than wide, and about w l / (w + l) for a bar of w x l.
    slant: how far the shape leans, in pixels to the right per pixel upwards: the slope of the regression of
        column on height. Shearing a shape by s adds s to it.
    width, height: the sides, in pixels, of the bar whose ink has the same variances. The slant is removed
        before the width is measured, so that leaning makes no shape wider.

    All attributes of a black picture are 0.
    """
    ink = (x.clamp(-1, 1).mean(1) + 1) / 2  # nothing is brighter than white
    ink = ink.where(ink > DARK, 0)
    area = ink.sum((1, 2))
    high, wide = ink.shape[1:]
    up = -torch.arange(high, device=x.device, dtype=x.dtype)
    along = torch.arange(wide, device=x.device, dtype=x.dtype)
    row, column = ink.sum(2) / area[:, None], ink.sum(1) / area[:, None]  # shares of ink in each
    up, along = up - (row @ up)[:, None], along - (column @ along)[:, None]  # (n, H), (n, W)
    var_up, var_along = (row * up.square()).sum(1), (column * along.square()).sum(1)
    cov = torch.einsum("nhw,nh,nw->n", ink, up, along) / area
    slant = cov / var_up.clamp(min=1e-9)
    upright = (var_along - slant * cov).clamp(min=0)
    # n pixels in a row have the variance (n^2 - 1) / 12
    sides = [(12 * var + 1).sqrt() for var in (upright, var_up)]
    measured = torch.stack([2 * area / perimeter(ink), slant, *sides], 1)
    return measured.where((area > 0)[:, None], 0)  # of a black picture all are 0 / 0


def perimeter(ink: Tensor) -> Tensor:
    """The length (n,) of the outline of pictures (n, H, W) from 0 to 1: their total variation, which is the
    mean outline over all thresholds (coarea formula).

    The gradient is taken between four pixels, so that vertical, horizontal and diagonal edges have their true
    length. Each right angle loses (2 - sqrt(2)) / 2 pixels.
    """
    p = pad(ink, (1, 1, 1, 1))
    a, b, c, d = p[:, :-1, :-1], p[:, :-1, 1:], p[:, 1:, :-1], p[:, 1:, 1:]
    return torch.hypot(b + d - a - c, c + d - a - b).sum((1, 2)) / 2


def regression(z: Tensor, a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Least squares of an attribute a (n,) on codes z (n, d): weights (d + 1,), R^2, and a step (d,).

    The constant is the last weight. R^2 is the share of the attribute's variance that the codes explain, and
    nan if the attribute does not vary. The step is cov(z, prediction) / sd(prediction): how codes change on
    average as the predicted attribute grows by one standard deviation. The weights themselves would also
    point along dimensions that hardly vary, where no code lies (Haufe et al. 2014,
    https://doi.org/10.1016/j.neuroimage.2013.10.067).
    """
    design = torch.cat([z, torch.ones_like(z[:, :1])], 1)
    weights = torch.linalg.lstsq(design, a[:, None], driver="gelsd").solution[:, 0]
    predicted = design @ weights
    varies = (a - a.mean()).square().sum()
    r2 = 1 - (a - predicted).square().sum() / varies.where(varies > 1e-20 * a.square().sum(), math.nan)
    away = predicted - predicted.mean()
    step = away @ (z - z.mean(0)) / len(z) / away.square().mean().sqrt().clamp(min=1e-30)
    return weights, r2, step


def correlations(z: Tensor, a: Tensor) -> Tensor:
    """The correlation of each dimension of z (n, d) with a (n,), as (d,); 0 where either does not vary."""
    z, a = z - z.mean(0), a - a.mean()
    return (a @ z) / (a.norm() * z.norm(dim=0)).clamp(min=1e-30)
