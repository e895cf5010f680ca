"""What a page may ask a variational model about its bound: the test ELBO, and how tight it is."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.codes.base import ELBO, KL, KL_EACH, RECONSTRUCTION, Coder, Variational, bound, parts
from engine.config import Refused
from engine.data import Dataset, floats
from engine.device import seed
from lab.probes import Answer

__all__ = ["test_bound", "tightness"]

DRAWS = (1, 5, 50, 500)  # k of the IWAE bound
EXAMPLES = 100  # test examples: 500 draws for each are 50,000 pictures to decode


def test_bound(model: Coder, data: Dataset) -> Answer:
    """The mean ELBO of all test examples, its standard `error` (None if there is one example), and its parts,
    in nats, with one draw of eps and of the pixels."""
    variational = _variational(model)
    x, y = floats(data.test_x), data.test_y
    row = variational.evaluate(x, y, k=1)
    error = standard_error(_log_w(variational, x, y, 1)[0])
    told = {str(name): row[name] for name in (ELBO, RECONSTRUCTION, KL)}
    return told | {"error": error, "among": len(x), "each": row[KL_EACH]}


def tightness(model: Coder, data: Dataset) -> Answer:
    """The mean IWAE bound for each k of DRAWS on the same test examples, and the standard error of its gain
    over the ELBO; it rises to log p(x) as k grows."""
    x, y = data.some(EXAMPLES, test=True)
    log_w = _log_w(_variational(model), x, y, DRAWS[-1])
    # there are DRAWS[-1] / k estimates of each
    bounds = [torch.stack([bound(part) for part in log_w.split(k)]).mean(0) for k in DRAWS]
    gains = [standard_error(one - bounds[0]) for one in bounds]
    return {"k": list(DRAWS), "bound": [one.mean().item() for one in bounds], "error": gains, "among": len(x)}


def standard_error(values: Tensor) -> float | None:
    """The standard error of the mean of these values (n,); None for one, which tells of none."""
    return values.std().item() / len(values) ** 0.5 if len(values) > 1 else None


def _variational(model: Coder) -> Variational:
    """The model itself. Raises `Refused` if it has no bound."""
    if not isinstance(model, Variational):
        raise Refused(f"{model.title} has no bound on log p(x); ask a VAE.")
    return model


def _log_w(model: Variational, x: Tensor, y: Tensor | None, k: int) -> Tensor:
    """The log weights (k, n) of k draws for each x, all for the same black and white pixels."""
    seed(0, x.device)
    u, size, rows = model.p_u(len(x)), model.at_once, []
    for done in range(0, k, max(1, size // len(x))):
        eps = torch.randn(min(max(1, size // len(x)), k - done), len(x), model.config.z, **model.like)
        given = parts(size, (x, 0), (eps, 1), (u, 0), (y, 0))
        rows.append(torch.cat([model.log_w(*part) for part in given], 1))
    return torch.cat(rows)
