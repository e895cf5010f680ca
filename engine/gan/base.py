"""What the adversarial families share: the net of the discriminator, the knobs of both players, the game."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from engine.adam import Adam
from engine.config import Config, Where, knob
from engine.family import Family, Terms
from engine.gan.losses import (
    LOGARITHMIC,
    LOSSES,
    SLOPE_AT_REAL,
    SLOPE_BETWEEN,
    Score,
    belief,
    best_belief,
    gradient_penalty,
    r1,
    slopes,
)
from engine.metrics.measure import Measure
from engine.nets.layers import SpectralLinear, mlp

D_REAL = Measure("D(x)", chart="what D believes", role="data")
D_FAKE = Measure("D(G(z))", chart="what D believes", role="model")
PULL = Measure("gradient", chart="gradient at a fake", role="gradient")


class Discriminator(nn.Module):
    """Scores examples of one shape: (..., m, *shape) to (..., m / pack).

    Args:
        depth: hidden layers, each of `width` units.
        pack: how many examples are judged together (PacGAN, Lin et al. 2018, section 3).
        spread: whether D also sees the standard deviation of each number over the minibatch (Karras et al.
            2018, section 3, who average them), so that it notices a batch that is all alike.
        spectral: whether each weight matrix is divided by its largest singular value, as power iteration
            estimates it (Miyato et al. 2018).
        labels: how many labels D is told; 0 for none.
    """

    def __init__(
        self, shape: tuple[int, ...], width: int, depth: int, *, pack: int = 1, spread: bool = False,
        spectral: bool = False, labels: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.rank, self.pack, self.spread = len(shape), pack, spread
        inputs = (pack + spread) * math.prod(shape) + labels
        self.net = mlp(inputs, width, depth, 1, linear=SpectralLinear if spectral else nn.Linear)

    @property
    def in_company(self) -> bool:
        """Whether it judges examples together: a score depends on more than one x."""
        return self.pack > 1 or self.spread

    def forward(self, x: Tensor, beside: Tensor | None = None, y: Tensor | None = None) -> Tensor:
        """The score of each x, or of each pack; with `beside` (n, *shape), of each x alone in that company.
        `y` holds one-hot labels (..., m, labels)."""
        h = x.flatten(-self.rank)
        company = h if beside is None else beside.flatten(-self.rank)
        if self.pack > 1 and beside is None:
            h = h[..., : h.shape[-2] // self.pack * self.pack, :]
            h = h.unflatten(-2, (-1, self.pack)).flatten(-2)
        elif self.pack > 1:
            index = torch.arange(len(h) * (self.pack - 1), device=h.device) % len(company)
            h = torch.cat([h, company[index].reshape(len(h), (self.pack - 1) * h.shape[1])], 1)
        if self.spread:
            deviation = (company.var(-2, correction=0) + 1e-8).sqrt()[..., None, :]
            h = torch.cat([h, deviation.expand(*h.shape[:-1], company.shape[-1])], -1)
        if y is not None:
            h = torch.cat([h, y], -1)
        return self.net(h).squeeze(-1)


Rule = Literal["Adam", "SGD"]
advanced = partial(knob, advanced=True)
rate = partial(knob, 1e-3, 1e-5, 1, log=True, live=True)
ADAM = Where("only with Adam", lambda c, _: "Adam" in (c.optimizer_D, c.optimizer_G))
FOR_PICTURES = {
    "width_G": 192, "depth_G": 2, "width_D": 192, "depth_D": 2, "batch": 64, "lr_D": 4e-4, "lr_G": 4e-4,
}  # fmt: skip
"""What every game's recipe for pictures has."""


class TwoPlayers(Config):
    """The knobs of every game of D against G."""

    loss: Literal["non-saturating", "minimax", "least squares", "hinge", "Wasserstein"] = knob(
        "non-saturating", label="Loss", says="what the two players descend", live=True
    )
    penalty: Literal["none", "weight clipping", "gradient penalty", "R1"] = knob(
        "none", label="Bound on D's slope", live=True,
        says="cut D's weights (WGAN), slope 1 between real and fake (WGAN-GP), flat at real examples (R1)",
    )  # fmt: skip
    lr_D: float = rate(label="Learning rate of D", symbol=r"\eta_D", says="learning rate of D")
    lr_G: float = rate(
        label="Learning rate of G", symbol=r"\eta_G", says="learning rate of G",
        where=Where("only if G has turns", lambda c, _: c.k_G > 0),
    )  # fmt: skip
    k: int = knob(1, 1, 10, label="D's turns a round", symbol="k", says="turns of D in a round", live=True)
    k_G: int = advanced(
        1, 0, 10, label="G's turns a round", says="turns of G in a round; 0 freezes G", live=True
    )
    weight: float = advanced(
        1.0, 1e-3, 100, label="Weight of the penalty", symbol=r"\lambda", log=True, live=True,
        says="weight of the gradient penalty or of R1",
        where=Where("only with a penalty on the slope", lambda c, _: c.penalty in ("gradient penalty", "R1")),
    )  # fmt: skip
    clip: float = advanced(
        0.1, 1e-3, 10, label="Range of clipped weights", symbol="c", log=True, live=True,
        says="after each turn of D its weights are cut to [-c, c], where clipping is chosen",
        where=Where("only with weight clipping", lambda c, _: c.penalty == "weight clipping"),
    )  # fmt: skip
    smooth: float = advanced(
        0.0, 0, 0.5, label="One-sided label smoothing", symbol="s", live=True,
        says="D is told that real examples are real with probability 1 - s; not for hinge and Wasserstein",
        where=Where("not with hinge and Wasserstein", lambda c, _: c.loss not in ("hinge", "Wasserstein")),
    )  # fmt: skip
    batch: int = advanced(128, 2, 1024, label="Batch", symbol="m", says="examples in a minibatch", live=True)
    optimizer_D: Rule = advanced("Adam", label="Optimizer of D", says="how D descends")
    optimizer_G: Rule = advanced("Adam", label="Optimizer of G", says="how G descends")
    beta1: float = advanced(
        0.5, 0, 0.99, label="Adam's memory of the gradient", symbol=r"\beta_1", live=True,
        says="how much of the old mean gradient each step keeps", where=ADAM,
    )  # fmt: skip
    beta2: float = advanced(
        0.999, 0, 0.9999, label="Adam's memory of its square", symbol=r"\beta_2", live=True,
        says="how much of the old mean squared gradient each step keeps", where=ADAM,
    )  # fmt: skip
    spectral: bool = advanced(
        False, label="Spectral normalization of D",
        says="divide each weight matrix of D by its largest singular value, as power iteration estimates it",
    )  # fmt: skip
    noise_x: float = advanced(
        0.0, 0, 1, label="Instance noise", symbol=r"\sigma_x", live=True,
        says="spread of Gaussian noise added to all that D sees",
    )  # fmt: skip
    z: int = advanced(2, 1, 256, label="Noise dimensions", symbol=r"\dim z", says="dimensions of the noise z")
    noise: Literal["Gaussian", "uniform"] = advanced(
        "Gaussian", label="Noise", says="distribution of z: N(0, 1) or uniform on [-1, 1]"
    )
    width_G: int = advanced(64, 4, 512, label="Width of G", says="units in a hidden layer of G")
    depth_G: int = advanced(3, 0, 5, label="Depth of G", says="hidden layers of G")
    width_D: int = advanced(64, 4, 512, label="Width of D", says="units in a hidden layer of D")
    depth_D: int = advanced(3, 0, 5, label="Depth of D", says="hidden layers of D")

    def optimizer(self, player: str, module: nn.Module) -> torch.optim.Optimizer:
        """The optimizer of player "D" or "G"."""
        lr, rule = (self.lr_D, self.optimizer_D) if player == "D" else (self.lr_G, self.optimizer_G)
        if rule == "SGD":
            return torch.optim.SGD(module.parameters(), lr=lr)
        return Adam(module.parameters(), lr, (self.beta1, self.beta2))

    def penalties(self, D: Score, x: Tensor, fake: Tensor, eps: Tensor) -> Terms:
        """The term that the chosen penalty adds to what D descends."""
        if self.penalty == "gradient penalty":
            return {SLOPE_BETWEEN: self.weight * gradient_penalty(D, x, fake, eps)}
        if self.penalty == "R1":
            return {SLOPE_AT_REAL: self.weight * r1(D, x)}
        return {}

    @torch.no_grad()
    def bound(self, D: nn.Module) -> None:
        """What follows a turn of D: cut its weights, where that is chosen, and estimate its norms anew."""
        if self.penalty == "weight clipping":
            for weight in D.parameters():
                weight.clamp_(-self.clip, self.clip)
        for layer in D.modules():
            if isinstance(layer, SpectralLinear):
                layer.iterate()


class Game(Family):
    """A game of D against G: both players, their noise and optimizers, and what they make of examples.

    The tools of the lab know a game by the methods below alone. A subclass has a discriminator `D`, a
    generator `G(z)`, and `turns`. A `labelled` one has `G(z, y)`, and its D is told y; the others ignore y.
    Labels y are one for each example, (n,), or one for all, ().
    """

    branch = "implicit"
    players = ("D", "G")
    algorithm = ("D_terms", "G_terms")
    stackable = ("lr_D", "lr_G", "beta1", "beta2", "weight", "smooth")
    draws = ("p_z", "p_eps", "p_noise")
    D: Discriminator
    G: Any

    def generator(self, inputs: int) -> nn.Sequential:
        """A net for G: (n, inputs) to (n, *shape), in the range of the data."""
        c, space = self.config, self.space
        net = mlp(inputs, c.width_G, c.depth_G, space.size)
        shaped = [nn.Unflatten(1, space.shape)] if len(space.shape) > 1 else []
        return nn.Sequential(net, *space.ends(), *shaped)

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        """The optimizer of player "D" or "G"."""
        return self.config.optimizer(player, self.player(player))

    def p_z(self, n: int) -> Tensor:
        """n draws of the noise, shape (n, z)."""
        if self.config.noise == "uniform":
            return 2 * torch.rand(n, self.config.z, **self.like) - 1
        return torch.randn(n, self.config.z, **self.like)

    def p_eps(self, n: int) -> Tensor | None:
        """n uniform numbers, for points between real and fake ones; None where no penalty asks for them."""
        return torch.rand(n, **self.like) if self.config.penalty == "gradient penalty" else None

    def p_noise(self, n: int) -> Tensor | None:
        """Instance noise for n real and n fake examples, (2, n, *shape); None where there is none."""
        spread = self.config.noise_x
        return spread * torch.randn(2, n, *self.space.shape, **self.like) if spread else None

    def asked(self, n: int, y: Tensor | None = None) -> Tensor | None:
        """The labels that n fakes are asked for: y, or all labels in turn; None where there are no labels."""
        if not self.labelled:
            return None
        return self.labels(n) if y is None else y

    def fakes(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """What G draws from noise z (n, dim z), (n, *shape): of labels y, or of all labels in turn."""
        y = self.asked(len(z), y)
        return self.G(z) if y is None else self.G(z, y)

    @torch.no_grad()
    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        """n fakes, of labels y or of all labels in turn."""
        return self.fakes(self.p_z(n), y)

    def score(self, x: Tensor, y: Tensor | None = None, beside: Tensor | None = None) -> Tensor:
        """D's score of each x (..., n, *shape) as an example of label y: (..., n), or one for each pack. With
        `beside` (m, *shape), each x is judged alone in that company. Raises `Refused` if y is missing."""
        if not self.labelled:
            return self.D(x, beside)
        hot = self.hot(self.known(y))
        return self.D(x, beside, hot.expand(*x.shape[: -len(self.space.shape)], hot.shape[-1]))

    def belief(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """D(x), or D(x | y), in [0, 1] for each of x (n, *shape) alone. A D that judges batches sees each x
        beside fakes. The score of a critic is measured from its mean over fakes."""
        critic, in_company = self.config.loss == "Wasserstein", self.D.in_company
        fakes = self.sample(512) if in_company or critic else None
        middle = self.score(fakes, self.asked(512)).mean() if critic else 0.0  # type: ignore[arg-type]
        return belief(self.score(x, y, fakes if in_company else None), self.config.loss, middle)

    def best_belief(self, p: Tensor, p_g: Tensor) -> Tensor | None:
        """The belief of the best possible D where real examples have the density p and fakes p_g. None where
        no formula gives it: D is a critic, has a bounded slope, judges several at once, or sees noise."""
        c = self.config
        free = c.penalty == "none" and not (c.spectral or c.noise_x or self.D.in_company)
        return best_belief(p, p_g, c.loss, c.smooth) if free else None

    @property
    def for_value(self) -> bool:
        """Whether D raises the V(D, G) of the 2014 paper, one example at a time."""
        c = self.config
        return c.loss in LOGARITHMIC and not (c.smooth or c.noise_x or self.D.in_company)

    def value_to_descend(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """G's loss at each x of label y, (n,), or at each pack."""
        return LOSSES[self.config.loss].G(self.score(x, y))

    def signs(self, x: Tensor, y: Tensor | None = None) -> dict[str, float]:
        """D's mean beliefs about real x and about fakes of the same labels y, and the slope |dL_G / dx|."""
        fake = self.sample(-(-len(x) // self.D.pack) * self.D.pack, y)  # whole packs
        told = {PULL: slopes(lambda x: self.value_to_descend(x, y), fake)}
        if self.config.loss != "Wasserstein":  # a critic believes nothing
            told = {D_REAL: self.belief(x, y), D_FAKE: self.belief(fake, y)} | told
        return {name: value.mean().item() for name, value in told.items()}


def unrolled(D: nn.Module, objective: Callable[[Score], Tensor], steps: int = 5, rate: float = 0.05) -> Score:
    """D after some steps of plain gradient descent on `objective(D)` (Metz et al. 2017, eq. 9-11, who unroll
    Adam). Where the objective depends on G, so does the result."""

    def with_weights(w: dict[str, Tensor]) -> Score:
        return lambda x: functional_call(D, w, (x,))

    w: dict[str, Tensor] = dict(D.named_parameters())
    slope = grad(lambda w: objective(with_weights(w)))
    for _ in range(steps):
        w = {name: w[name] - rate * g for name, g in slope(w).items()}
    return with_weights(w)
