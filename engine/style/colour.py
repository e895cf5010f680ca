"""Pictures (n, 3, H, W) in [-1, 1]: their sizes and their colours."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from engine.config import Refused

Y = (0.299, 0.587, 0.114)  # luminance of red, green and blue (ITU-R BT.601), as in YIQ
SHORTEST = 32  # pixels of a side, of which two remain in the fifth block of a network


def shape_of(height: int, width: int, size: int) -> tuple[int, int]:
    """Height and width with a longest side of `size`. Raises `Refused` if the picture is too narrow."""
    scale = size / max(height, width)
    h, w = max(1, round(height * scale)), max(1, round(width * scale))
    if min(h, w) < SHORTEST:
        needed = math.ceil(SHORTEST / min(height, width) * max(height, width))
        raise Refused(
            f"At size {size} this picture is {w} x {h} pixels, and both sides need {SHORTEST}; "
            f"choose a size of {needed} or more, or a picture that is less narrow."
        )
    return h, w


def resized(x: Tensor, shape: tuple[int, int]) -> Tensor:
    """The picture at another size, smoothed first if it becomes smaller.

    It is written as products of matrices because these have the same gradient each time. That of
    `interpolate` adds in another order each time on CUDA.
    """
    if x.shape[-2:] == torch.Size(shape):
        return x
    down, across = (_resizing(before, after, x) for before, after in zip(x.shape[-2:], shape, strict=True))
    return down @ x @ across.T


def _resizing(before: int, after: int, like: Tensor) -> Tensor:
    """The matrix (after, before) that takes a column of pixels to another size."""
    unit = torch.eye(before, device=like.device, dtype=like.dtype)[None, None]
    return interpolate(unit, (after, before), mode="bicubic", antialias=True, align_corners=False)[0, 0]


def of_area(x: Tensor, pixels: float) -> Tensor:
    """The picture with about so many pixels, but no side shorter than SHORTEST."""
    h, w = x.shape[-2:]
    scale = max(math.sqrt(pixels / (h * w)), SHORTEST / min(h, w))
    return resized(x, (round(h * scale), round(w * scale)))


def luminance(x: Tensor) -> Tensor:
    """The grey picture, in three equal channels."""
    y = (x * x.new_tensor(Y)[:, None, None]).sum(1, keepdim=True)
    return y.expand_as(x)


def with_colours(x: Tensor, of: Tensor) -> Tensor:
    """The Y (luminance) of x with the I and Q (chroma) of another picture."""
    return of + luminance(x) - luminance(of)


def matched(x: Tensor, to: Tensor) -> Tensor:
    """x with its colours shifted and mixed so that their mean and covariance are those of `to`.

    Gatys et al. 2016, Preserving Color in Neural Artistic Style Transfer, https://arxiv.org/abs/1606.05897,
    equations 1 to 5, with symmetric square roots: x' = C_to^(1/2) C_x^(-1/2) (x - m_x) + m_to.
    """
    (m, root, _), (m_x, _, inverse) = moments(to), moments(x)
    flat = root @ inverse @ (x.flatten(2)[0] - m_x) + m
    return flat.reshape(x.shape)


def matched_luminance(x: Tensor, to: Tensor) -> Tensor:
    """A grey picture with the mean and standard deviation of another: equation 10 there."""
    spread = to.std() / x.std().clamp_min(1e-3)
    return (x - x.mean()) * spread + to.mean()


def moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The mean colour (3, 1) of one picture (1, 3, H, W), and the symmetric square root of the covariance of
    its colours and the inverse of that root, each (3, 3)."""
    flat = x.flatten(2)[0]
    mean = flat.mean(1, keepdim=True)
    # the colours of a grey picture lie on a line: a little noise gives their covariance full rank
    floor = 1e-5 * torch.eye(3, dtype=x.dtype, device=x.device)
    values, vectors = torch.linalg.eigh((flat - mean) @ (flat - mean).T / flat.shape[1] + floor)
    roots = values.sqrt()
    return mean, vectors * roots @ vectors.T, vectors / roots @ vectors.T
