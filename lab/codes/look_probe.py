"""One picture on its way through a model with codes: its code, its reconstruction, its bound."""

from __future__ import annotations

import torch

from engine.codes.base import Coder, Variational, kl, log_prob
from engine.config import Refused
from engine.data import Dataset, floats
from engine.device import seed as reseed
from lab.probes import Answer, only_pictures, seed_of, whole
from lab.probes.brought import finite, shown
from lab.scenes.arrays import halves, pictures, single

__all__ = ["look", "offer"]

SPREAD = 8  # further draws of eps
OFFERED = 20  # test pictures on a page


def offer(model: Coder, data: Dataset, page: int = 0) -> Answer:
    """A page of OFFERED test pictures to choose from, equally many of each class, with their indices and any
    labels. Pages 0, 1, ... offer different ones."""
    only_pictures(data)
    page = whole(page, "page", 0, 10**6)
    y, n = data.test_y, len(data.test_x)
    if y is None:
        index = [(page * OFFERED + i) % n for i in range(min(OFFERED, n))]
    else:
        of_class = [(y == c).nonzero()[:, 0].tolist() for c in y.unique()]
        each = max(1, OFFERED // len(of_class))
        index = [kind[(page * each + i) % len(kind)] for kind in of_class[:OFFERED] for i in range(each)]
    answer: Answer = {"pictures": pictures(floats(data.test_x[index])), "index": index}
    return answer | ({} if y is None else {"labels": y[index].tolist()})


def look(
    model: Coder,
    data: Dataset,
    picture: str | None = None,
    test: int | None = None,
    centre: bool = False,
    label: int | None = None,
    seed: int | None = None,
) -> Answer:
    """What the model makes of one picture, given by its bytes (`picture`, base64) or its `test` index.

    With `centre`, the ink is first moved to where MNIST's digits have it. `seed` decides eps; without one,
    eps = 0 and z = mu. A Bernoulli model sees the picture in black and white, as in training.

    The arrays are x and its reconstruction (H, W[, 3]) in bytes; `error`, their signed difference on the
    scale of -1 to 1; and z. A model with a spread adds mu, sigma and eps, (z,), the `kl` of each dimension,
    and the `spread` of SPREAD further draws. `numbers` are in nats (log_p is -log p(x | z)), with the
    `square` of the error; a number that is not finite is None.
    """
    only_pictures(data)
    x = shown(data, picture, test, centre)
    y = torch.tensor([labelled(model, data, label)], device=x.device) if model.labelled else None
    if isinstance(model, Variational):
        x, target = model.target(x, torch.zeros_like(x))
    mu, sigma = model.encode(x, y)
    reseed(seed_of(0 if seed is None else seed), model.device)
    eps = model.p_eps(1 + SPREAD)
    if seed is None:
        eps[0] = 0
    z = mu + sigma * eps
    many = None if y is None else y.expand(len(z))
    decoded = model.decode(z, many)
    error = decoded[:1] - x
    numbers = {"square": error.square().sum()}
    answer: Answer = {"x": pictures(x)[0], "reconstruction": pictures(decoded)[0]}
    answer |= {"error": halves(error[0].mean(0)), "z": single(z[0])}
    if isinstance(model, Variational):
        log_p = log_prob(model.p(z, many), target.expand(len(z), *target.shape[1:]))
        each = kl(model.q(x, y))[0]
        elbo = log_p - each.sum()  # eq. 10 of Kingma and Welling, for each eps
        numbers |= {"log_p": -log_p[0], "kl": each.sum(), "elbo": elbo[0], "elbo_mean": elbo[1:].mean()}
        answer["kl"] = single(each)
    if sigma.any():
        answer |= {"mu": single(mu[0]), "sigma": single(sigma[0]), "eps": single(eps[0])}
        answer["spread"] = pictures(decoded)[1:]
    return answer | {"numbers": {name: finite(value.item()) for name, value in numbers.items()}}


def labelled(model: Coder, data: Dataset, label: object) -> int:
    """The label of the picture. Raises `Refused`."""
    if label is None:
        raise Refused(f"{model.title} needs the label of the picture: choose one.")
    return whole(label, "label", 0, data.space.classes - 1)
