"""Averages of weights over the last rounds, whose samples do not jitter as those of the trained net do."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from engine.family import Family


class Averaged(Family):
    """A family that trains one net and shows the average of its weights. Its config has `ema`."""

    rounds: Tensor

    def watch(self, net: nn.Module) -> None:
        """Begin the `average` of this net; to be called once, when the net is made."""
        self.average: Any = deepcopy(net).requires_grad_(False)
        self.register_buffer("rounds", torch.zeros(()))

    @torch.no_grad()
    def follow(self, net: nn.Module) -> None:
        """Let the average follow after a round of the net: at first closely, because it began with nothing
        learned; later it keeps the share `ema` of itself."""
        self.rounds += 1
        rounds = self.rounds.item()
        kept = min(self.config.ema, (1 + rounds) / (10 + rounds))
        torch._foreach_lerp_([*self.average.parameters()], [*net.parameters()], 1 - kept)
