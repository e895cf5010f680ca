"""A model of x given its label y, turned around: which label an example has, by the rule of Bayes."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.autoregressive.base import Ordered


@torch.no_grad()
def posterior(model: Ordered, k: Tensor, prior: Tensor) -> Tensor:
    """p(y | the first j numbers of k) for j = 0, 1, ..., D, of whole numbers k (n, D) in the model's order:
    (n, D + 1, classes). The first row is the prior, and the last is p(y | x). The model must be told labels.
    `prior` (classes,) is p(y), or how often each label occurs."""
    each = []
    for y in range(model.space.classes):
        log_p = model.log_probs(k, torch.full((len(k),), y, device=k.device))[:, model.order]
        each.append(torch.cat([log_p.new_zeros(len(k), 1), log_p.cumsum(1)], 1))
    return (torch.stack(each, 2) + prior.to(log_p).log()).softmax(2)
