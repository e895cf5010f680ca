r"""Handwriting synthesis: a net that writes a given text (Graves, 2013, https://arxiv.org/abs/1308.0850).

A window slides along the letters c_1, ..., c_U of the text while the pen moves. It is a sum of K bells:

    phi(t, u) = sum_k alpha_t^k exp(-beta_t^k (kappa_t^k - u)^2)                                eq. (46)
    w_t = sum_u phi(t, u) c_u                                                                   eq. (47)
    kappa_t = kappa_{t-1} + exp(...)                                                            eq. (51)

The net itself says how wide the bells are and how far they move, and they only move on. So it learns, without
being told, which letter it is writing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from engine.autoregressive.writer import Said, Writer, WriterConfig
from engine.config import knob
from engine.family import Terms
from engine.metrics.measure import term
from engine.space import Script, Space

STEP = term("nats per step", "model", chart="nats per step", label="training")
"""The loss: -log p of a step and of whether the pen is lifted after it."""
SLOWLY = -2.5
"""Where the logarithm of the step of kappa begins: some twelve steps of the pen for each letter."""


class HandwritingSynthesisConfig(WriterConfig):
    """Knobs of handwriting synthesis."""

    K: int = knob(3, 1, 10, label="Bells of the window", symbol="K", says="bells, which sum up to the window")
    batch: int = knob(
        32, 2, 512, label="Batch", symbol="m", live=True, advanced=True, says="words in a minibatch"
    )


class HandwritingSynthesis(Writer):
    """An LSTM over the steps of a pen, with a window over the letters of the text."""

    name = "handwriting-synthesis"
    title = "Handwriting synthesis"
    source = "Graves, 2013, https://arxiv.org/abs/1308.0850"
    Config = HandwritingSynthesisConfig
    kinds = (Script,)
    conditional = True
    space: Script

    def __init__(self, config: HandwritingSynthesisConfig, space: Space) -> None:
        super().__init__(config, space)
        assert isinstance(space, Script)
        self.letters = 1 + len(space.alphabet)
        self.cell = nn.LSTMCell(3 + self.letters, config.h)
        self.window = nn.Linear(config.h, 3 * config.K)
        nn.init.constant_(self.window.bias[2 * config.K :], SLOWLY)
        self.out = nn.Linear(config.h + self.letters, 1 + self.sizes())

    def labels(self, n: int) -> Tensor:
        """n texts: the words of the space in turn."""
        words = self.space.words or tuple(self.space.alphabet)
        return self.space.coded([words[i % len(words)] for i in range(n)]).to(self.device)

    def steps(self, x: Tensor) -> Tensor:
        """The data, which are steps."""
        return x

    def shown(self, steps: Tensor) -> Tensor:
        """The steps."""
        return steps

    def told(self, y: Tensor | None) -> Tensor:
        """The texts (n, U)."""
        return self.known(y)

    def said(self, before: Tensor, y: Tensor | None, state: Any = None) -> Said:
        """The LSTM is told the step before and what the window showed then, and moves the window. The next
        step is said from its state and from what the window shows now."""
        c, zero = self.seen(self.known(y)), before.new_zeros
        n, u = len(before), torch.arange(1, c.shape[1] + 1, device=before.device)
        if state is None:
            state = (zero(n, self.config.h), zero(n, self.config.h)), zero(n, self.config.K), c[:, 0]
        carried, kappa, w = state
        seen, phis = [], []
        for x in before.unbind(1):
            carried = self.cell(torch.cat([x, w], 1), carried)  #: net
            phi, kappa = self.looked(carried[0], kappa, u)  #: net
            w = (phi[:, None] @ c)[:, 0]  #: eq. (47)
            seen.append(torch.cat([carried[0], w], 1))
            phis.append(phi)
        lift, out = self.out(torch.stack(seen, 1)).split([1, self.sizes()], -1)  #: p
        return Said(self.density(out), lift[..., 0], torch.stack(phis, 1), (carried, kappa, w))

    def looked(self, h: Tensor, kappa: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """The window phi (n, U) that a state h (n, h) opens over the places u (U,), and where its bells are
        now, (n, K)."""
        alpha, beta, further = self.window(h).exp().chunk(3, -1)  #: eq. (48)-(50)
        kappa = kappa + further  #: eq. (51)
        bells = alpha[..., None] * (-beta[..., None] * (kappa[..., None] - u).square()).exp()
        return bells.sum(1), kappa  #: eq. (46)

    def seen(self, y: Tensor) -> Tensor:
        """Texts (n, U) as one-hot vectors (n, U, letters)."""
        return one_hot(y.round().long(), self.letters).to(**self.like)

    def inked(self, steps: Tensor) -> Tensor:
        """All steps up to the last lift of the pen."""
        return self.space.inked(steps)

    def ended(self, steps: Tensor, phi: Tensor | None, y: Tensor | None) -> Tensor:
        """The pen is lifted while the window looks most at what follows the last letter."""
        assert phi is not None
        assert y is not None
        past = torch.where(y.round() == 0, phi, 0).amax(1) > torch.where(y.round() == 0, 0, phi).amax(1)
        return past & (steps[:, -1, 2] > 0.5)

    def loss(self, losses: Tensor, steps: Tensor) -> Terms:
        """Nats per step."""
        return {STEP: losses.sum() / self.inked(steps).sum().clamp(min=1)}  #: loss
