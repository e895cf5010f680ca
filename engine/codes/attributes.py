"""Attributes of a picture of one bright shape on black, such as a handwritten digit: stroke, slant, size.

The idea to measure digits is that of Morpho-MNIST (Castro et al. 2019, https://arxiv.org/abs/1809.10780);
the formulas below need no skeleton and no threshold of shape, so blurred pictures have attributes too.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

ATTRIBUTES = ("thickness", "slant", "width", "height")
DARK = 0.1  # greys below this count as black: a decoder's faint haze would weigh like a stroke


def attributes(x: Tensor) -> Tensor:
    """ATTRIBUTES of pictures (n, C, H, W) in [-1, 1], as (n, 4) in the order of their names.

    thickness: mean width of the strokes in pixels: twice the area over the perimeter. That is w for a
        stroke much longer than wide, and about w l / (w + l) for a bar of w x l.
    slant: how far the shape leans, in pixels to the right for each pixel upwards: the slope of the regression
        of column on height. A shape that is sheared by s has s more of it.
    width, height: sides of the bar, in pixels, whose ink is spread as widely; the width after the slant is
        taken out, so that leaning makes nothing wider.

    A black picture has 0 of all.
    """
    ink = (x.clamp(-1, 1).mean(1) + 1) / 2  # what is seen: nothing is brighter than white
    ink = ink.where(ink > DARK, 0)
    area = ink.sum((1, 2))
    some = area.clamp(min=1e-9)
    high, wide = ink.shape[1:]
    up = -torch.arange(high, device=x.device, dtype=x.dtype)
    along = torch.arange(wide, device=x.device, dtype=x.dtype)
    row, column = ink.sum(2) / some[:, None], ink.sum(1) / some[:, None]  # shares of ink in each
    up, along = up - (row @ up)[:, None], along - (column @ along)[:, None]  # (n, H), (n, W)
    var_up, var_along = (row * up.square()).sum(1), (column * along.square()).sum(1)
    cov = torch.einsum("nhw,nh,nw->n", ink, up, along) / some
    slant = cov / var_up.clamp(min=1e-9)
    upright = (var_along - slant * cov).clamp(min=0)
    # n pixels in a row have the variance (n^2 - 1) / 12
    sides = [(12 * var + 1).sqrt() for var in (upright, var_up)]
    found = torch.stack([2 * area / perimeter(ink).clamp(min=1e-9), slant, *sides], 1)
    return found.where((area > 0)[:, None], 0)


def perimeter(ink: Tensor) -> Tensor:
    """Length (n,) of the outline of pictures (n, H, W) from 0 to 1: the total variation, which is the mean
    outline over all thresholds (coarea formula).

    The gradient is taken between four pixels, so that upright, level and diagonal edges have their true
    length; each right angle is cut by 2 - sqrt(2) halves of a pixel.
    """
    p = pad(ink, (1, 1, 1, 1))
    a, b, c, d = p[:, :-1, :-1], p[:, :-1, 1:], p[:, 1:, :-1], p[:, 1:, 1:]
    return torch.hypot(b + d - a - c, c + d - a - b).sum((1, 2)) / 2


def regression(z: Tensor, a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Least squares of an attribute a (n,) on codes z (n, d): the weights (d + 1,) with the constant last;
    R^2, the share of the attribute's variance that the codes tell; and a step (d,) along the attribute.

    The step is cov(z, prediction) / sd(prediction): how codes change, on the whole, as the predicted
    attribute grows by one standard deviation. (The weights themselves would also point along dimensions that
    hardly vary, where no code ever lies: Haufe et al. 2014, https://doi.org/10.1016/j.neuroimage.2013.10.067.)
    """
    design = torch.cat([z, torch.ones_like(z[:, :1])], 1)
    weights = torch.linalg.lstsq(design, a[:, None], driver="gelsd").solution[:, 0]
    predicted = design @ weights
    total = (a - a.mean()).square().sum()
    r2 = 1 - (a - predicted).square().sum() / total.clamp(min=1e-30)
    away = predicted - predicted.mean()
    step = away @ (z - z.mean(0)) / len(z) / away.square().mean().sqrt().clamp(min=1e-30)
    return weights, r2, step


def correlations(z: Tensor, a: Tensor) -> Tensor:
    """The correlation of each dimension of z (n, d) with a (n,), shape (d,); 0 where one does not vary."""
    z, a = z - z.mean(0), a - a.mean()
    return (a @ z) / (a.norm() * z.norm(dim=0)).clamp(min=1e-30)
