"""What a page may ask a variational model about its bound: the test ELBO, and how tight it is."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.codes.base import ELBO, KL, KL_EACH, RECONSTRUCTION, Coder, Variational, bound
from engine.config import Refused
from engine.data import Dataset, floats
from engine.device import seed
from lab.probes import Answer

__all__ = ["test_bound", "tightness"]

DRAWS = (1, 5, 50, 500)  # k of the IWAE bound
EXAMPLES = 100  # test examples: 500 draws for each are 50,000 pictures to decode
AT_ONCE = 5000  # pictures decoded in one batch


def test_bound(model: Coder, data: Dataset) -> Answer:
    """The mean ELBO of all test examples and its parts, in nats, with one draw of eps and of the pixels.

    "error" is the standard error of the mean over the examples.
    """
    variational = _variational(model)
    x, y = floats(data.test_x), data.test_y
    row = variational.evaluate(x, y, k=1)
    error = _log_w(variational, x, y, 1).std().item() / len(x) ** 0.5
    parts = {str(name): row[name] for name in (ELBO, RECONSTRUCTION, KL)}
    return parts | {"error": error, "among": len(x), "each": row[KL_EACH]}


def tightness(model: Coder, data: Dataset) -> Answer:
    """The IWAE bound for each k of DRAWS on the same test examples; it rises to log p(x) as k grows.

    The answer has its mean, and the standard error of its gain over the ELBO.
    """
    variational = _variational(model)
    x, y = data.some(EXAMPLES, test=True)
    log_w = _log_w(variational, x, y, DRAWS[-1])
    bounds = []
    for k in DRAWS:
        estimates = torch.stack([bound(part) for part in log_w.split(k)])  # DRAWS[-1] / k of each
        bounds.append(estimates.mean(0))
    gains = [(one - bounds[0]).std().item() / len(x) ** 0.5 for one in bounds]
    return {"k": list(DRAWS), "bound": [one.mean().item() for one in bounds], "error": gains, "among": len(x)}


def _variational(model: Coder) -> Variational:
    """The model itself. Raises `Refused` if it has no bound."""
    if not isinstance(model, Variational):
        raise Refused(f"A {model.title} has no bound on log p(x); ask a VAE.")
    return model


def _log_w(model: Variational, x: Tensor, y: Tensor | None, k: int) -> Tensor:
    """The log weights (k, n) of k draws for each x, all for the same black and white pixels."""
    seed(0, x.device)
    u = model.p_u(len(x))
    parts = []
    for size in _shares(k, max(1, AT_ONCE // len(x))):
        eps = torch.randn(size, len(x), model.config.z, **model.like)
        parts.append(model.log_w(x, eps, u, y))
    return torch.cat(parts)


def _shares(total: int, most: int) -> list[int]:
    """`total` in parts of at most `most`."""
    return [min(most, total - done) for done in range(0, total, most)]
