"""Averages of weights over the last rounds: what is shown of a model does not jitter as what is trained
does."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from engine.family import Family


class Averaged(Family):
    """A family that trains one net and is looked at through the average of its weights. Its config has
    `ema`."""

    rounds: Tensor

    def watch(self, net: nn.Module) -> None:
        """Begin an average of this net, `average`. It is called once, when the net is made."""
        self.average: Any = deepcopy(net).requires_grad_(False)
        self.register_buffer("rounds", torch.zeros(()))

    @torch.no_grad()
    def follow(self, net: nn.Module) -> None:
        """After a round of the net, its average follows: at first closely, for it began with nothing learned;
        in the end it keeps the share `ema` of itself."""
        self.rounds += 1
        rounds = self.rounds.item()
        kept = min(self.config.ema, (1 + rounds) / (10 + rounds))
        torch._foreach_lerp_([*self.average.parameters()], [*net.parameters()], 1 - kept)
