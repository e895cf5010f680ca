"""What a page may ask a game: what lies between two z, sums of z, nearest examples, a jury, D's weights; and
with labels, mixtures of these."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from engine.config import Refused
from engine.data import Dataset, floats
from engine.device import seed as reseed
from engine.gan.base import Game
from engine.gan.cgan import CGAN
from engine.gan.losses import BELIEVING, pull
from engine.nets.layers import SpectralLinear
from lab.probes import Answer, only_pictures, seed_of, whole
from lab.probes.ways import along, chosen, summed, ways
from lab.scenes.arrays import pictures

__all__ = [
    "arithmetic", "interpolate", "jury", "mixture", "nearest", "present", "sheet", "spectrum", "verdict"
]  # fmt: skip

SHEET = 40  # numbered samples
JUDGED, MOST_JUDGED = 8, 16  # samples whose nearest example is sought
REFERENCE = 500  # training examples whose own nearest neighbour is sought
WORK = 5e9  # multiplications that this may take, about a third of a second
CHUNK = 4096  # examples that are floats at a time


def noise(model: Game, n: int, seed: int) -> Tensor:
    """The n noise vectors of this seed, (n, dim z)."""
    reseed(seed, model.device)
    return model.p_z(n)


def of_label(model: Game, z: Tensor, label: int | None) -> Tensor:
    """What G draws from z (n, dim z) with this label, 0 if none is named. Raises `Refused` for a wrong label,
    or for any in a game without labels."""
    if model.labelled:
        label = whole(0 if label is None else label, "label", 0, model.space.classes - 1)
        return model.fakes(z, torch.tensor(label, device=z.device))
    if label is not None:
        raise Refused(f"{model.title} knows no labels; ask without one.")
    return model.fakes(z)


# --- interpolation ---------------------------------------------------------------------------


def interpolate(
    model: Game, data: Dataset, a: int, b: int, steps: int = 11, label: int | None = None
) -> Answer:
    """G and |z| along the straight line and along the arc from the z of seed a to that of seed b, and the
    range of |z| of 99 % of the noise."""
    only_pictures(data)
    steps = whole(steps, "steps", 2, 64)
    first, last = noise(model, 1, seed_of(a, "a"))[0], noise(model, 1, seed_of(b, "b"))[0]
    t = torch.linspace(0, 1, steps, device=model.device)[:, None]
    answer = along(ways(first, last, t), lambda z: of_label(model, z, label))
    ends_of_99 = torch.tensor([0.005, 0.995], device=model.device)
    return answer | {"usual": noise(model, 10_000, 0).norm(dim=1).quantile(ends_of_99).tolist()}


# --- arithmetic ------------------------------------------------------------------------------


def sheet(model: Game, data: Dataset, seed: int, label: int | None = None) -> Answer:
    """SHEET samples, and three groups (indices) to begin with, so that A - B + C should put ink on C. A and
    B look like one class, A with more ink; C like another one, unless all have one label, with little ink."""
    only_pictures(data)
    x = of_label(model, noise(model, SHEET, seed_of(seed)), label)
    by_ink = x.flatten(1).mean(1).argsort().tolist()
    one, other = (by_ink[::2], by_ink[1::2]) if model.labelled else alike(x, by_ink, data)
    few = min(3, len(one) // 2)
    return {"pictures": pictures(x), "A": one[-few:], "B": one[:few], "C": other[:3]}


def alike(x: Tensor, order: list[int], data: Dataset) -> tuple[list[int], list[int]]:
    """The samples of the two commonest classes, each in this order, by the labels of the nearest training
    pictures. Without labels, or where all look alike: every second sample."""
    labels = [] if data.y is None else data.y[closest(x, data)[1]][order].tolist()
    common = [label for label, _ in Counter(labels).most_common(2)]
    if len(common) < 2:
        return order[::2], order[1::2]
    one, other = ([i for i, label in zip(order, labels, strict=True) if label == own] for own in common)
    return one, other


def arithmetic(
    model: Game, data: Dataset, seed: int, A: list[int], B: list[int], C: list[int], label: int | None = None
) -> Answer:
    """G(mean A - mean B + mean C), each a group of samples of the sheet (Radford et al. 2016, figure 7)."""
    only_pictures(data)
    z = noise(model, SHEET, seed_of(seed))
    return summed(z, chosen([A, B, C], "sample", SHEET), lambda z: of_label(model, z, label))


# --- nearest training examples ---------------------------------------------------------------


class Neighbours(NamedTuple):
    """How far training examples are from the nearest other one: median, 1st and 99th percentile."""

    median: float
    near: float
    far: float
    measured: int


_neighbours: OrderedDict[str, Neighbours] = OrderedDict()


def nearest(model: Game, data: Dataset, seed: int) -> Answer:
    """Samples, of all labels in turn, the training example nearest to each, and its distance; and such
    distances between training examples. They are Euclidean, of pixels from 0 (black) to 1 (white)."""
    only_pictures(data)
    n = min(max(JUDGED, data.space.classes), MOST_JUDGED) if model.labelled else JUDGED
    y = model.asked(n)
    x = model.fakes(noise(model, n, seed_of(seed)), y)
    distance, index = closest(x, data)
    usual = neighbours(data)
    return {
        "samples": pictures(x), "nearest": pictures(data.take(index)), "index": index.tolist(),
        "distance": distance.tolist(), "among": len(data), "usual": usual._asdict(),
        "copies": int((distance < usual.near).sum()), "strangers": int((distance > usual.far).sum()),
        "labels": None if y is None else y.tolist(),
    }  # fmt: skip


def closest(x: Tensor, data: Dataset, itself: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The distance from each of x to the nearest training example, and its index, (n,) each. If x are
    training examples, `itself` holds their indices, and each is compared with the others only."""
    best = torch.full((len(x),), torch.inf, device=x.device, dtype=x.dtype)
    index = torch.zeros(len(x), dtype=torch.long, device=x.device)
    for start in range(0, len(data), CHUNK):
        far = torch.cdist(x.flatten(1), data.take(slice(start, start + CHUNK)).flatten(1)) / 2
        if itself is not None:
            rows = ((itself >= start) & (itself < start + CHUNK)).nonzero()[:, 0]
            far[rows, itself[rows] - start] = torch.inf
        nearer, at = far.min(1)
        index = torch.where(nearer < best, start + at, index)
        best = torch.minimum(nearer, best)
    return best, index


def neighbours(data: Dataset) -> Neighbours:
    """The distances between training examples, measured on REFERENCE of them, or fewer if the data are large;
    kept for the next call."""
    if data.name not in _neighbours:
        count = min(REFERENCE, len(data), max(32, int(WORK / data.x.numel())))
        index = torch.linspace(0, len(data) - 1, count, device=data.x.device).long()
        distance, _ = closest(data.take(index), data, itself=index)
        near, median, far = distance.quantile(distance.new_tensor([0.01, 0.5, 0.99])).tolist()
        _neighbours[data.name] = Neighbours(median, near, far, count)
        if len(_neighbours) > 32:
            _neighbours.popitem(last=False)
    return _neighbours[data.name]


# --- be the discriminator --------------------------------------------------------------------


def coin(data: Dataset, seed: int, turn: int) -> tuple[bool, int, int]:
    """What chance decides for this turn: whether the picture is real, its test picture, the fake's seed."""
    rng = np.random.default_rng([seed_of(seed), whole(turn, "turn", 0, 10**6)])
    return bool(rng.integers(2)), int(rng.integers(len(data.test_x))), int(rng.integers(2**32))


def label_of(model: Game, data: Dataset, index: int) -> Tensor | None:
    """The label () of this test picture; None in a game without labels."""
    return model.known(data.test_y)[index] if model.labelled else None


def jury(model: Game, data: Dataset, seed: int, turn: int) -> Answer:
    """A picture to be judged, real or fake with equal odds, and the label that it claims, if there is one.
    Nothing tells which it is: both are made, in the same time, and both are of the same label."""
    only_pictures(data)
    real, index, seed_z = coin(data, seed, turn)
    y = label_of(model, data, index)
    both = torch.cat([model.fakes(noise(model, 1, seed_z), y), floats(data.test_x[index : index + 1])])
    claimed = {} if y is None else {"label": int(y)}
    return {"picture": pictures(both)[int(real)]} | claimed


def verdict(model: Game, data: Dataset, seed: int, turn: int, picture: np.ndarray) -> Answer:
    """Whether the picture of this turn was real, and D's belief about the very bytes that were shown."""
    only_pictures(data)
    shape = pictures(floats(data.test_x[:1])).shape[1:]
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.shape != shape:
        raise Refused("The picture to be judged is not one of those shown; start again.")
    pixels = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
    x = floats(torch.from_numpy(np.ascontiguousarray(pixels))[None].to(model.device))
    real, index, _ = coin(data, seed, turn)
    return {"real": real, "belief": model.belief(x, label_of(model, data, index)).item()}


# --- D's weights, and its beliefs now --------------------------------------------------------


def spectrum(model: Game, data: Dataset) -> Answer:
    """The singular values of each weight matrix that D uses, the largest of the matrix that is trained, and
    the estimate that divides it. "steepest" bounds |grad D|, because LeakyReLU is nowhere steeper than 1."""
    values, trained, estimates = [], [], []
    for layer in model.D.modules():
        if isinstance(layer, nn.Linear):
            sigma = layer.sigma() if isinstance(layer, SpectralLinear) else None
            used = layer.weight if sigma is None else layer.weight / sigma
            values.append(torch.linalg.svdvals(used).cpu().numpy())
            trained.append(torch.linalg.svdvals(layer.weight)[0].item())
            estimates.append(None if sigma is None else sigma.item())
    # the spread of a minibatch is another way from x to the score, which the matrices do not bound
    bound = None if model.D.spread else float(np.prod([sigmas[0] for sigmas in values]))
    return {"values": values, "trained": trained, "estimate": estimates, "steepest": bound}


def present(model: Game, data: Dataset) -> Answer:
    """D(G(z)) for a batch of fakes, of all labels in turn, and the mean |dL_G / da| of each loss there."""
    if model.config.loss == "Wasserstein":
        raise Refused("A Wasserstein critic scores without bounds: it has no D(G(z)) between 0 and 1.")
    n = model.config.batch
    belief = model.belief(model.sample(n), model.asked(n))
    means = {loss: pull(belief, loss).mean().item() for loss in BELIEVING}
    return {"belief": belief.cpu().numpy(), "mean": belief.mean().item(), "slopes": means}


# --- mixtures of labels ----------------------------------------------------------------------


def mixture(model: CGAN, data: Dataset, a: int, b: int, share: float, n: int = 16) -> Answer:
    """G of n noise vectors with the label vector (1 - share) e_a + share e_b."""
    only_pictures(data)
    last = data.space.classes - 1
    labels = torch.tensor([whole(a, "a", 0, last), whole(b, "b", 0, last)], device=model.device)
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise Refused("share is the second label's part, a number from 0 to 1.")
    z = noise(model, whole(n, "n", 1, 64), 0)
    one, other = model.hot(labels)
    label = (1 - share) * one + share * other
    return {"pictures": pictures(model.net(torch.cat([z, label.expand(len(z), -1)], -1)))}
