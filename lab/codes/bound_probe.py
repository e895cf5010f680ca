"""What a page may ask a variational model of its bound: the test ELBO, and how tight it is."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.codes.base import Coder, Variational, bound
from engine.config import Refused
from engine.data import Dataset, floats
from engine.device import seed
from lab.probes import Answer

__all__ = ["test_bound", "tightness"]

DRAWS = (1, 5, 50, 500)  # k of the IWAE bound
EXAMPLES = 100  # on which it is measured: 500 draws of each are 50,000 pictures to decode
AT_ONCE = 5000  # of these


def test_bound(model: Coder, data: Dataset) -> Answer:
    """The mean ELBO of all test examples and its parts, in nats, with one draw of eps and of the pixels;
    "error" is the standard error of the mean over the examples."""
    _check(model)
    x, y = floats(data.test_x), data.test_y
    found = model.evaluate(x, y, k=1)  # type: ignore[call-arg]
    log_w = _log_w(model, x, y, 1)  # type: ignore[arg-type]
    error = log_w.std().item() / len(x) ** 0.5
    return {name: found[name] for name in ("ELBO", "reconstruction", "KL")} | {
        "error": error, "among": len(x), "each": found["KL of each dimension"],
    }  # fmt: skip


def tightness(model: Coder, data: Dataset) -> Answer:
    """The IWAE bound for each k of DRAWS on the same test examples: its mean and the standard error of
    its gain over the ELBO. As k grows it rises to log p(x)."""
    _check(model)
    x, y = data.some(EXAMPLES, test=True)
    log_w = _log_w(model, x, y, DRAWS[-1])  # type: ignore[arg-type]
    found = []
    for k in DRAWS:
        groups = torch.stack([bound(part) for part in log_w.split(k)])  # DRAWS[-1] / k estimates of each
        found.append(groups.mean(0))
    gains = [(one - found[0]).std().item() / len(x) ** 0.5 for one in found]
    return {"k": list(DRAWS), "bound": [one.mean().item() for one in found], "error": gains, "among": len(x)}


def _check(model: Coder) -> None:
    if not isinstance(model, Variational):
        raise Refused(f"A {model.title} has no bound on log p(x); ask a VAE.")


def _log_w(model: Variational, x: Tensor, y: Tensor | None, k: int) -> Tensor:
    """log w (k, n) of k draws for each x, all of them of the same black and white pixels."""
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
