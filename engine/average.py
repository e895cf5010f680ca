"""Moving averages of weights: the averaged model does not jitter as the trained one does."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from engine.family import Family


class Averaged(Family):
    """A family that trains one net and uses the moving average of its weights. Its config has `ema`."""

    rounds: Tensor

    def watch(self, net: nn.Module) -> None:
        """Start `average`, the average of this net. Call it once, when the net is made."""
        self.average: Any = deepcopy(net).requires_grad_(False)
        self.register_buffer("rounds", torch.zeros(()))

    @torch.no_grad()
    def follow(self, net: nn.Module) -> None:
        """Update the average after a round of the net: it decays by `ema`, and faster at first."""
        rounds = self.rounds.add_(1).item()
        kept = min(self.config.ema, (1 + rounds) / (10 + rounds))
        torch._foreach_lerp_([*self.average.parameters()], [*net.parameters()], 1 - kept)
