"""Measures of codes and of what is decoded: holes in the latent space, and how sharp pictures are."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.data import Dataset, floats
from engine.latent import Coder

EXAMPLES = 1000
USUAL = 0.95  # of the codes have another code within the distance that counts as near


def measure(model: Coder, data: Dataset) -> dict[str, float]:
    """The "holes" of this model on these data; for pictures also "sharpness"."""
    n = min(EXAMPLES, len(data.x))
    x, y = data.take(slice(n)), None if data.y is None or not model.labelled else data.y[:n]
    mu, sigma = model.encode(x, y)
    codes = mu + sigma * torch.randn_like(mu)
    found = {"holes": holes(codes, model.p_z(n))}
    if data.space.kind == "image":
        made = model.sample(256)
        found["sharpness"] = sharpness(made) / sharpness(floats(data.test_x[:256]))
    return found


def holes(codes: Tensor, z: Tensor) -> float:
    """The share of draws z (m, d) of the prior that fall where no code (n, d) is near: farther from all
    codes than 95 % of the codes are from their nearest neighbour. 0.05 if codes and prior are alike."""
    among = torch.cdist(codes, codes)
    among.fill_diagonal_(torch.inf)
    near = among.amin(1).quantile(USUAL)
    return (torch.cdist(z, codes).amin(1) > near).float().mean().item()


def sharpness(x: Tensor) -> float:
    """The mean squared difference of neighbouring pixels of pictures (n, C, H, W), over their variance about
    their own mean: a blurred edge is a small difference."""
    steps = x.diff(dim=-1).square().mean() + x.diff(dim=-2).square().mean()
    return (steps / (x - x.mean((-1, -2), keepdim=True)).square().mean().clamp(min=1e-12)).item()
