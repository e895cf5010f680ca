r"""A judge of digits: which digit a picture shows, and how samples differ from real ones in what it looks at.

A small convolutional net, trained once on the real training digits and shipped in assets/judge.safetensors
(`python -m engine.metrics.digit_classifier` makes it again). Its 64 features stand where Inception's stand in
the usual Fréchet distance (Heusel et al. 2017, https://arxiv.org/abs/1706.08500): of Gaussians fitted to both
clouds

    |mu - mu'|^2 + tr(S + S' - 2 (S S')^{1/2})

A finite sample does not score 0, so each number has its floor: what as many real test digits score, which
neither the judge nor a model has seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.data import Dataset, batches, floats
from engine.data import load as load_data
from engine.data.builtin import ASSETS
from engine.family import Batch, Terms, adam
from engine.fit import fit
from engine.metrics.measure import Floor, Measure

FRECHET = Measure("Fréchet", says="Fréchet distance of digit features", better="lower")
ACCURACY = Measure("label accuracy", better="higher")
DIVERSITY = Measure("diversity", better="higher")
JUDGED = ("digits", "mnist")  # data
FILE = ASSETS / "judge.safetensors"
ROUNDS, SEED, BATCH, SHIFT = 2500, 0, 64, 2  # of its training; pictures are moved by up to SHIFT pixels
CHUNK = 500  # pictures looked at together
REPEATS = 32  # measurements of real digits that a floor rests on


class Judge(nn.Module):
    """Pictures (n, 1, 28, 28) in [-1, 1] to 64 features, and those to the logits of ten digits."""

    players = ("model",)

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(),
        )  # fmt: skip
        self.say = nn.Linear(64, 10)

    # --- training, as `fit` wants it ---------------------------------------------------------

    def player(self, name: str) -> nn.Module:
        """The judge itself."""
        return self

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        """Adam."""
        return adam(self, 1e-3)

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Cross entropy on pictures that are moved a little, so that it is not where a stroke lies that
        decides; with half of the features hidden."""
        x = torch.roll(batch.x, torch.randint(-SHIFT, SHIFT + 1, (2,)).tolist(), (2, 3))
        h = nn.functional.dropout(self.look(x), 0.5)
        yield self, {"-log p(y|x)": cross_entropy(self.say(h), cast(Tensor, batch.y))}

    # --- what it measures ----------------------------------------------------------------------

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """(n, 64) of pictures x."""
        like = self.say.weight
        return torch.cat([self.look(part.to(like)) for part in x.split(CHUNK)])

    def label_accuracy(self, x: Tensor, y: Tensor) -> float:
        """The share of pictures x (n, 1, 28, 28) that show the digit y (n,)."""
        return self._right(self.features(x), y)

    def frechet(self, x: Tensor, reference: Tensor) -> float:
        """The Fréchet distance of the features of two sets of pictures."""
        return frechet(moments(self.features(x)), moments(self.features(reference)))

    def diversity(self, x: Tensor, y: Tensor) -> float:
        """How far apart pictures of the same class y lie, in features; of real digits it is 1."""
        return spread(self.features(x), y) / _of_real()[1]

    def measure(self, x: Tensor, y: Tensor | None = None) -> dict[str, float]:
        """ "Fréchet", the distance of pictures x from the training digits; with the labels y that were asked
        for also "label accuracy" and "diversity"."""
        return self._measure(self.features(x), y)

    def _measure(self, h: Tensor, y: Tensor | None) -> dict[str, float]:
        reference, usual = _of_real()
        found: dict[str, float] = {FRECHET: frechet(moments(h), reference)}
        if y is not None:
            found |= {ACCURACY: self._right(h, y), DIVERSITY: spread(h, y) / usual}
        return found

    @torch.no_grad()
    def _right(self, h: Tensor, y: Tensor) -> float:
        return (self.say(h).argmax(1) == y.to(h.device)).double().mean().item()

    def floors(self, n: int) -> dict[str, Floor]:
        """What n real test digits score, with their classes in turn; of at least two a class."""
        return _floors(n)


Moments = tuple[Tensor, Tensor]
"""Mean (d,) and covariance (d, d), float64."""


def moments(h: Tensor) -> Moments:
    """Of a cloud (n, d), n > 1."""
    h = h.double()
    return h.mean(0), torch.cov(h.T)


def frechet(a: Moments, b: Moments) -> float:
    """|mu - mu'|^2 + tr(S + S' - 2 (S S')^{1/2}) of two Gaussians. The trace of the root is the sum of the
    roots of the eigenvalues of S^{1/2} S' S^{1/2}, which is symmetric, and so has real ones."""
    values, vectors = torch.linalg.eigh(a[1])
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ b[1] @ root).clamp(min=0).sqrt().sum()
    far = (a[0] - b[0]).square().sum() + a[1].trace() + b[1].trace() - 2 * cross
    return far.clamp(min=0).item()


def spread(h: Tensor, y: Tensor) -> float:
    """The mean distance of two members of h (n, d) that have the same class y (n,)."""
    found = [torch.pdist(h[y == k].double()) for k in y.unique()]
    return torch.cat(found).mean().item()


@cache
def judge() -> Judge:
    """The judge that is shipped."""
    net = Judge()
    net.load_state_dict({name: t.float() for name, t in load(FILE.read_bytes()).items()})
    return net.float().requires_grad_(False).eval()


def judge_for(data: Dataset) -> Judge | None:
    """The judge, where the data are digits: 28 x 28 pixels, grey, of ten classes."""
    return judge() if data.name in JUDGED else None


@cache
def _of_real() -> tuple[Moments, float]:
    """Moments of the training digits' features, and the mean distance of two test digits of a class."""
    data = load_data("digits")
    with torch.no_grad():
        h = judge().features(floats(data.x))
        tests = judge().features(floats(data.test_x))
    return moments(h), spread(tests, cast(Tensor, data.test_y))


@cache
def _floors(n: int) -> dict[str, Floor]:
    data = load_data("digits")
    y = cast(Tensor, data.test_y)
    h = judge().features(floats(data.test_x))
    rng = np.random.default_rng(SEED)
    of = [np.flatnonzero(y.numpy() == k) for k in range(10)]
    asked = torch.arange(n) % 10
    rows: list[dict[str, float]] = []
    for _ in range(REPEATS):
        few = [rng.permutation(np.tile(of[k], -(-n // (10 * len(of[k]))))) for k in range(10)]
        index = np.array([few[i % 10][i // 10] for i in range(n)])
        rows.append(judge()._measure(h[index], asked))
    table = {name: torch.tensor([row[name] for row in rows], dtype=torch.float64) for name in rows[0]}
    return {name: Floor(t.mean().item(), t.std().item()) for name, t in table.items()}


def train() -> Judge:
    """A new judge, from the real training digits alone; half a minute on one core."""
    data: Any = load_data("digits")
    torch.manual_seed(SEED)
    net = Judge()
    for _turn in fit(net, islice(batches(data, lambda: BATCH, SEED), ROUNDS)):
        pass
    return net.eval()


if __name__ == "__main__":
    torch.set_num_threads(1)
    net = train()
    FILE.write_bytes(save({name: t.half().contiguous() for name, t in net.state_dict().items()}))
    data = load_data("digits")
    right = judge().label_accuracy(floats(data.test_x), cast(Tensor, data.test_y))
    print(f"{FILE.name}: {FILE.stat().st_size:,} bytes, right for {right:.1%} of the test digits")
    print(f"100 real digits score {judge().floors(100)}")
