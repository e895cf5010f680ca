"""Pictures as numbers in an order: the levels of grey, or the colours of a palette, of their pixels."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor

from engine.autoregressive.base import Ordered, OrderedConfig
from engine.config import Refused, Where, knob
from engine.family import Terms
from engine.metrics.measure import term
from engine.space import Picture, Space

NATS = term("nats per picture", "model", chart="−log p(x), nats per picture", label="training")
"""The loss."""


class PixelsConfig(OrderedConfig):
    """Knobs of all models of pixels."""

    levels: Literal["2", "4", "16"] = knob(
        "2", label="Levels of grey", symbol="K",
        says="2 draws each pixel black or white, white as often as it is bright; 4 and 16 round its grey",
        where=Where("only with grey pictures", lambda _, space: not getattr(space, "palette", ())),
    )  # fmt: skip


class OrderConfig(PixelsConfig):
    """Knobs of models that can write pixels in any order."""

    order: Literal["raster", "spiral", "random"] = knob(
        "raster", label="Order of the pixels", says="row by row, from the centre outwards, or random"
    )


class Pixels(Ordered):
    """A model of the pixels of a picture, one after another."""

    kinds = (Picture,)
    space: Picture

    def __init__(self, config: Any, space: Space) -> None:
        super().__init__(config, space)
        assert isinstance(space, Picture)
        if space.shape[0] > 1 and not space.palette:
            raise Refused(
                f"{self.title} needs pixels of few values; choose grey pictures, or faces in 16 colours."
            )
        self.K = len(space.palette) or int(config.levels)
        self.C, self.H, self.W = space.shape
        self.register_buffer("rank", torch.arange(self.H * self.W))

    def coded(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Pictures (n, C, H, W) as whole numbers (n, H W). For two levels a pixel is drawn: it is 1 with the
        probability of its brightness (dynamic binarization), from the generator or else from the run's
        noise."""
        if self.K == 2 and not self.space.palette:
            place = "cpu" if generator else x.device
            u = torch.rand(x.shape, generator=generator, dtype=x.dtype, device=place).to(x.device)
            return (u < (x + 1) / 2).long().flatten(1)
        return self.space.coded(x, self.K).flatten(1)

    def shown(self, k: Tensor) -> Tensor:
        """The pictures (n, C, H, W) that whole numbers (n, H W) stand for."""
        return self.space.decoded(k.unflatten(1, (self.H, self.W)), self.K).to(**self.like)

    def seen(self, k: Tensor) -> Tensor:
        """The pixels (n, C, H W) in [-1, 1]."""
        return self.shown(k).flatten(2)

    @property
    def values(self) -> Tensor:
        """What the net is given of a pixel of each value, (K, C)."""
        return self.seen(torch.arange(self.K, device=self.device)[:, None].expand(-1, self.D))[:, :, 0]

    def loss(self, log_probs: Tensor, x: Tensor) -> Terms:
        """The mean of -log p(x), summed over pixels, in nats."""
        return {NATS: -log_probs.sum(1).mean()}  #: loss

    def bits(self, nats: float) -> float:
        """Nats per picture in bits per pixel."""
        return nats / self.D / math.log(2)


def ranks(order: str, H: int, W: int, seed: int = 0) -> Tensor:
    """The position of each pixel (H W,) in the order: row by row; from the centre outwards along a spiral;
    or random, as the seed says."""
    if order == "raster":
        return torch.arange(H * W)
    if order == "random":
        return torch.randperm(H * W, generator=torch.Generator().manual_seed(seed))
    # a spiral around the centre leaves the picture where it is not square, and comes back
    r, c, steps, way = (H - 1) // 2, (W - 1) // 2, 1, 0
    places: list[int] = []
    while len(places) < H * W:
        for _ in range(2):
            dr, dc = ((0, 1), (1, 0), (0, -1), (-1, 0))[way % 4]
            for _ in range(steps):
                if 0 <= r < H and 0 <= c < W:
                    places.append(r * W + c)
                r, c = r + dr, c + dc
            way += 1
        steps += 1
    return torch.tensor(places).argsort()
