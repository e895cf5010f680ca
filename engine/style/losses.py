"""The losses of style transfer, as functions of features, Gram matrices and pixels."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate


def gram(F: Tensor, mask: Tensor | None = None) -> Tensor:
    """G_ij = mean over places of F_i F_j, (N, N), of features (1, N, h, w): which channels respond
    together, and not where. The mask (1, 1, H, W) weights the places."""
    f = F[0].flatten(1)
    if mask is None:
        return f @ f.T / f.shape[1]
    m = interpolate(mask, F.shape[-2:], mode="area").flatten()
    return (f * m) @ f.T / m.sum().clamp_min(1e-6)


def style_loss(G: Tensor, A: Tensor) -> Tensor:
    """E_l of two Gram matrices (N, N)."""
    return (G - A).square().sum() / (4 * G.shape[0] ** 2)


def content_loss(F: Tensor, P: Tensor) -> Tensor:
    """Half the mean squared difference of two feature maps."""
    return (F - P).square().mean() / 2


def roughness(x: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels of x (1, 3, H, W), across and down."""
    return x.diff(dim=-1).square().mean() + x.diff(dim=-2).square().mean()
