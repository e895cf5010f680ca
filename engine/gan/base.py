"""What the adversarial families share: the discriminator's net, the knobs of two players, the game itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from engine.config import Config, knob
from engine.family import Family, Terms, adam
from engine.gan.losses import SLOPE_AT_REAL, SLOPE_BETWEEN, Score, gradient_penalty, r1
from engine.metrics.measure import Measure
from engine.nets.layers import SpectralLinear, mlp

D_REAL = Measure("D(x)", chart="what D believes", role="data")
D_FAKE = Measure("D(G(z))", chart="what D believes", role="model")
PULL = Measure("gradient", chart="gradient at a fake", role="gradient")


class Discriminator(nn.Module):
    """Scores examples of a shape: (..., m, *shape) to (..., m / pack).

    `pack` examples are judged together (PacGAN, Lin et al. 2018, section 3). `spread` appends the
    standard deviation of each number over the minibatch (Karras et al. 2018, section 3, who average
    them), so that D sees a batch that is all alike. `spectral` divides each weight matrix by its
    largest singular value (Miyato et al. 2018).
    """

    def __init__(
        self, shape: tuple[int, ...], width: int, depth: int, *, pack: int = 1, spread: bool = False,
        spectral: bool = False, labels: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.rank, self.pack, self.spread = len(shape), pack, spread
        inputs = pack * int(torch.Size(shape).numel())
        linear = SpectralLinear if spectral else nn.Linear
        self.net = mlp(inputs + (inputs if spread else 0) + labels, width, depth, 1, linear=linear)

    def forward(self, x: Tensor, beside: Tensor | None = None, y: Tensor | None = None) -> Tensor:
        """`beside` (n, *shape), where given, is the company in which each x is judged by itself; `y` are
        one-hot labels (m, labels)."""
        h = x.flatten(-self.rank)
        company = h if beside is None else beside.flatten(-self.rank)
        if self.pack > 1 and beside is None:
            h = company = h[..., : h.shape[-2] // self.pack * self.pack, :]
            h = company = h.unflatten(-2, (-1, self.pack)).flatten(-2)
        elif self.pack > 1:
            others = company[: len(company) // len(h) * len(h) or None]
            index = torch.arange(len(h) * (self.pack - 1), device=h.device) % len(others)
            h = torch.cat([h, others[index].reshape(len(h), -1)], -1)
        if self.spread:
            deviation = (company.var(-2, correction=0) + 1e-8).sqrt()[..., None, :]
            h = torch.cat([h, deviation.expand(*h.shape[:-1], company.shape[-1])], -1)
        if y is not None:
            h = torch.cat([h, y], -1)
        return self.net(h).squeeze(-1)


class TwoPlayers(Config):
    """The knobs of every game of D against G."""

    loss: Literal["non-saturating", "minimax", "least squares", "hinge", "Wasserstein"] = knob(
        "non-saturating", label="Loss", says="what the two players descend", live=True
    )
    penalty: Literal["none", "weight clipping", "gradient penalty", "R1"] = knob(
        "none", label="Bound on D's slope", live=True,
        says="cut D's weights (WGAN), slope 1 between real and fake (WGAN-GP), flat at real examples (R1)",
    )  # fmt: skip
    lr_D: float = knob(
        1e-3, 1e-5, 1, label="Learning rate of D", symbol=r"\eta_D", says="learning rate of D", log=True,
        live=True,
    )  # fmt: skip
    lr_G: float = knob(
        1e-3, 1e-5, 1, label="Learning rate of G", symbol=r"\eta_G", says="learning rate of G", log=True,
        live=True,
    )  # fmt: skip
    k: int = knob(1, 1, 10, label="D's turns a round", symbol="k", says="turns of D in a round", live=True)
    k_G: int = knob(
        1,
        0,
        10,
        label="G's turns a round",
        says="turns of G in a round; 0 freezes G",
        live=True,
        advanced=True,
    )
    weight: float = knob(
        1.0, 1e-3, 100, label="Weight of the penalty", symbol=r"\lambda", log=True, live=True, advanced=True,
        says="weight of the gradient penalty or of R1",
    )  # fmt: skip
    clip: float = knob(
        0.1, 1e-3, 10, label="Range of clipped weights", symbol="c", log=True, live=True, advanced=True,
        says="after each turn of D its weights are cut to [-c, c], where clipping is chosen",
    )  # fmt: skip
    smooth: float = knob(
        0.0, 0, 0.5, label="One-sided label smoothing", symbol="s", live=True, advanced=True,
        says="D is told that real examples are real with probability 1 - s; not for hinge and Wasserstein",
    )  # fmt: skip
    batch: int = knob(
        128, 2, 1024, label="Batch", symbol="m", says="examples in a minibatch", live=True, advanced=True
    )
    optimizer_D: Literal["Adam", "SGD"] = knob(
        "Adam", label="Optimizer of D", says="how D descends", advanced=True
    )
    optimizer_G: Literal["Adam", "SGD"] = knob(
        "Adam", label="Optimizer of G", says="how G descends", advanced=True
    )
    beta1: float = knob(
        0.5, 0, 0.99, label="Adam's memory of the gradient", symbol=r"\beta_1", live=True, advanced=True,
        says="how much of the old mean gradient each step keeps",
    )  # fmt: skip
    beta2: float = knob(
        0.999, 0, 0.9999, label="Adam's memory of its square", symbol=r"\beta_2", live=True, advanced=True,
        says="how much of the old mean squared gradient each step keeps",
    )  # fmt: skip
    spectral: bool = knob(
        False, label="Spectral normalization of D", advanced=True,
        says="divide each weight matrix of D by its largest singular value",
    )  # fmt: skip
    noise_x: float = knob(
        0.0, 0, 1, label="Instance noise", symbol=r"\sigma_x", live=True, advanced=True,
        says="spread of Gaussian noise added to all that D sees",
    )  # fmt: skip
    z: int = knob(
        2, 1, 256, label="Noise dimensions", symbol=r"\dim z", says="dimensions of the noise z", advanced=True
    )
    noise: Literal["Gaussian", "uniform"] = knob(
        "Gaussian", label="Noise", says="distribution of z: N(0, 1) or uniform on [-1, 1]", advanced=True
    )
    width_G: int = knob(64, 4, 512, label="Width of G", says="units in a hidden layer of G", advanced=True)
    depth_G: int = knob(3, 0, 5, label="Depth of G", says="hidden layers of G", advanced=True)
    width_D: int = knob(64, 4, 512, label="Width of D", says="units in a hidden layer of D", advanced=True)
    depth_D: int = knob(3, 0, 5, label="Depth of D", says="hidden layers of D", advanced=True)

    def optimizer(self, player: str, module: nn.Module) -> torch.optim.Optimizer:
        """What descends the terms of player "D" or "G"."""
        lr, rule = (self.lr_D, self.optimizer_D) if player == "D" else (self.lr_G, self.optimizer_G)
        if rule == "SGD":
            return torch.optim.SGD(module.parameters(), lr=lr)
        return adam(module, lr, (self.beta1, self.beta2))

    def penalties(self, D: Score, x: Tensor, fake: Tensor, eps: Tensor) -> Terms:
        """The term that the chosen penalty adds to what D descends."""
        if self.penalty == "gradient penalty":
            return {SLOPE_BETWEEN: self.weight * gradient_penalty(D, x, fake, eps)}
        if self.penalty == "R1":
            return {SLOPE_AT_REAL: self.weight * r1(D, x)}
        return {}

    @torch.no_grad()
    def bound(self, D: nn.Module) -> None:
        """After a turn of D: cut its weights where clipping is chosen; follow its singular values."""
        if self.penalty == "weight clipping":
            for weight in D.parameters():
                weight.clamp_(-self.clip, self.clip)
        for layer in D.modules():
            if isinstance(layer, SpectralLinear):
                layer.iterate()


class Game(Family):
    """What every family of D against G is: two players, their noise, their optimizers."""

    branch = "implicit"
    players = ("D", "G")
    algorithm = ("D_terms", "G_terms")
    stackable = ("lr_D", "lr_G", "beta1", "beta2", "weight", "smooth")
    draws = ("p_z", "p_eps", "p_noise")

    def p_z(self, n: int) -> Tensor:
        """n draws of the noise, shape (n, z)."""
        if self.config.noise == "uniform":
            return 2 * torch.rand(n, self.config.z, **self.like) - 1
        return torch.randn(n, self.config.z, **self.like)

    def p_eps(self, n: int) -> Tensor:
        """n uniform numbers, for points between real and fake ones."""
        return torch.rand(n, **self.like)

    def p_noise(self, n: int) -> Tensor:
        """Noise for n real and n fake examples, shape (2, n, *shape)."""
        return self.config.noise_x * torch.randn(2, n, *self.space.shape, **self.like)

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        return self.config.optimizer(player, self.player(player))


def unrolled(
    D: nn.Module,
    objective: Callable[[Score], Tensor],
    steps: int = 5,
    rate: float = 0.05,
) -> Score:
    """D after some steps of plain descent of `objective(D)`; as far as that depends on G, so does the
    result (Metz et al. 2017, eq. 9-11, who unroll Adam)."""

    def with_weights(w: dict[str, Tensor]) -> Score:
        return lambda x: functional_call(D, w, (x,))

    w: dict[str, Tensor] = dict(D.named_parameters())
    slope = grad(lambda w: objective(with_weights(w)))
    for _ in range(steps):
        w = {name: w[name] - rate * g for name, g in slope(w).items()}
    return with_weights(w)
