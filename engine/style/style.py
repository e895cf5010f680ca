"""Neural style transfer: a picture with the content of one and the style of another.

Gatys, Ecker and Bethge 2015, A Neural Algorithm of Artistic Style, https://arxiv.org/abs/1508.06576. The
player is the picture x. In a layer of a frozen network, x has the features F, the content P and the style A,
each (N, M) for N channels at M places. The picture descends

    L = alpha L_content + beta sum_l w_l E_l + tv V,   G = F F^T / M (Gram matrix),
    L_content = 1/2 mean (F - P)^2,   E_l = 1/(4 N^2) sum_ij (G_ij(x) - G_ij(style))^2,   V = mean |grad x|^2.

This departs from the paper in three ways: it takes means over places instead of sums, so that weights mean
the same at every size; it divides each layer's features by their root mean square over the target, where the
paper rescaled the network; and it goes from coarse to fine, so that the losses first see x at a fraction of
its size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from engine.adam import Adam
from engine.config import Config as BaseConfig
from engine.data.transfer import Transfer
from engine.device import pick
from engine.family import Batch, Family, Terms
from engine.metrics.measure import term
from engine.nets.backbone import backbone
from engine.space import Space
from engine.style.canvas import LAYERS, Canvas, StyleConfig
from engine.style.lbfgs import LBFGS
from engine.style.losses import content_loss, gram, roughness, style_loss

_SPLIT: Any = {"chart": "loss, split by term", "draw": "stack"}
CONTENT, SMOOTH = term("content", "data", **_SPLIT), term("roughness", "critic", **_SPLIT)
STYLES = [term(f"style {i}", f"style-{i}", **_SPLIT) for i in range(1, LAYERS + 1)]
TERMS = (CONTENT, *STYLES, SMOOTH)


class Targets(NamedTuple):
    """What x is compared with at one level of the pyramid."""

    P: Tensor  # the content's features
    grams: list[list[Tensor]]  # of each style, layer by layer
    units: dict[str, Tensor]  # of each layer: the root mean square of its features
    mask: Tensor | None  # where x counts, if it does not count everywhere


class StyleTransfer(Family):
    """A picture that descends a content loss and style losses in the features of a frozen network."""

    name = "style"
    title = "Neural style transfer"
    source = "Gatys, Ecker and Bethge 2015, https://arxiv.org/abs/1508.06576"
    branch = "beside"
    Config = StyleConfig
    players = ("image",)
    kinds = (Transfer,)
    heavy = True
    algorithm = ("losses",)
    level: Tensor

    def __init__(self, config: BaseConfig, space: Space) -> None:
        super().__init__(config, space)
        self.canvas = Canvas(self.config, space)
        self.image = nn.ParameterList([self.canvas.first()])
        self.register_buffer("level", torch.tensor(0))  # of the pyramid, in the last round
        self._targets: dict[int, Targets] = {}

    @classmethod
    def prepare(cls) -> None:
        """Load VGG-19."""
        c = StyleConfig()
        backbone(c.backbone, c.pooling, pick(), torch.get_default_dtype())

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """One step of the picture, at the level of this round."""
        self.level.fill_(min(batch.round // self.config.coarse, len(self.canvas.shapes) - 1))
        yield self.image, self.losses(self.image[0])

    def losses(self, x: Tensor) -> Terms:
        """The weighted terms of the loss of a player x (1, 3, H, W)."""
        c, canvas, level = self.config, self.canvas, int(self.level)
        t, x = self.targets(level), canvas.level(canvas.seen(x), level)
        w, layers, content = c.weights, canvas.styles_at, canvas.content_at
        used = [layer for layer, weight in zip(layers, w, strict=True) if weight]
        F = canvas.features(x, [*used, content] if c.alpha else used, t.units)
        nothing = 0 * x.sum()
        terms = [c.alpha * content_loss(F[content], t.P) if c.alpha else nothing]
        for i, (layer, weight) in enumerate(zip(layers, w, strict=True)):
            E = style_loss(gram(F[layer], t.mask), self.wanted(t, i)) if weight else nothing
            terms.append(c.beta * weight * E)
        terms.append(c.tv * roughness(x))
        return dict(zip(TERMS, terms, strict=True))

    def wanted(self, t: Targets, layer: int) -> Tensor:
        """The Gram matrix to be reached: the style's, or the weighted mean of those of two styles, which has
        the same gradient as the weighted sum of the two losses."""
        one, *other = [grams[layer] for grams in t.grams]
        return torch.lerp(one, other[0], self.config.blend) if other else one

    def targets(self, level: int) -> Targets:
        """The targets at a level, computed once."""
        if level not in self._targets:
            with torch.no_grad():
                self._targets[level] = self._aim(level)
        return self._targets[level]

    def _aim(self, level: int) -> Targets:
        canvas, share = self.canvas, self.canvas.shapes[level][0] / self.canvas.shapes[-1][0]
        P = canvas.features(canvas.level(canvas.seen(canvas.content), level), [canvas.content_at])
        styles = [interpolate(s, scale_factor=share, mode="bicubic", antialias=True) for s in canvas.styles]
        A = [canvas.features(style, canvas.styles_at) for style in styles]
        units = {layer: f.square().mean().sqrt().clamp_min(1e-6) for layer, f in (P | A[0]).items()}
        grams = [[gram(a[layer] / units[layer]) for layer in canvas.styles_at] for a in A]
        mask = canvas.level(canvas.mask, level) if canvas.masked else None
        return Targets(P[canvas.content_at] / units[canvas.content_at], grams, units, mask)

    def objective(self) -> list[float]:
        """The numbers that determine the present loss."""
        c = self.config
        return [int(self.level), c.alpha, c.beta, c.tv, c.blend * (self.canvas.number > 1), *c.weights]

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        """L-BFGS as in the paper, or Adam."""
        if self.config.optimizer == "Adam":
            return Adam(self.image.parameters(), self.config.lr)
        return LBFGS(self.image.parameters(), self.objective)

    def picture(self) -> Tensor:
        """The present picture, (1, 3, H, W) in [-1, 1]."""
        return self.canvas.shown(self.image[0])

    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        """The picture, n times: there is only one."""
        return self.picture().detach().expand(n, -1, -1, -1)
