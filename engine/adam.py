"""Adam, in one operation for all weights of a player."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class Adam(torch.optim.Adam):
    """Adam (Kingma and Ba 2015, algorithm 1, https://arxiv.org/abs/1412.6980): bit for bit PyTorch's fused
    one, with the same state.

    What PyTorch does around that operation (grouping by device, profiling, scaled gradients) takes five times
    as long as the operation itself for a small network, so `step` calls the operation directly.
    """

    def __init__(
        self, weights: Iterable[Tensor], lr: float, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        super().__init__(weights, lr=lr, betas=betas, fused=True)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """A step of all weights that have a gradient. `closure` is not called."""
        for group in self.param_groups:
            moved = [weight for weight in group["params"] if weight.grad is not None]
            if not moved:
                continue
            states = [self.state[weight] or self._begun(weight) for weight in moved]
            steps = [state["step"] for state in states]
            beta1, beta2 = group["betas"]
            torch._foreach_add_(steps, 1)
            torch._fused_adam_(
                moved, [weight.grad for weight in moved], [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states], [], steps, lr=group["lr"], beta1=beta1,
                beta2=beta2, weight_decay=group["weight_decay"], eps=group["eps"], amsgrad=False,
                maximize=False,
            )  # fmt: skip

    step.hooked = True  # type: ignore[attr-defined]  # or PyTorch wraps it for its profiler

    def _begun(self, weight: Tensor) -> dict[str, Tensor]:
        """The state of a weight before its first step."""
        self.state[weight] = {
            "step": torch.zeros((), dtype=torch.float32, device=weight.device),
            "exp_avg": torch.zeros_like(weight),
            "exp_avg_sq": torch.zeros_like(weight),
        }
        return self.state[weight]
