r"""A classifier of digits: which digit a picture shows, and how far generated digits are from real ones.

It is a small convolutional network, trained once on the real training digits and shipped in
assets/digit_classifier.safetensors (`python -m engine.metrics.digit_classifier` trains it again). Its 64
features take the place of Inception's in the Fréchet distance (Heusel et al. 2017,
https://arxiv.org/abs/1706.08500). A finite sample does not score 0. Each measure therefore has a floor: the
score of as many real test digits, which neither the classifier nor a model has seen.
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

from engine.adam import Adam
from engine.data import Dataset, batches, floats
from engine.data import load as load_data
from engine.data.builtin import ASSETS
from engine.device import precise
from engine.family import Batch, Terms
from engine.fit import fit
from engine.metrics.measure import Floor, Measure

FRECHET = Measure("Fréchet", says="Fréchet distance of digit features", better="lower")
ACCURACY = Measure("label accuracy", better="higher")
DIVERSITY = Measure("diversity", better="higher")
DIGIT_DATA = ("digits", "mnist")  # the data sets of pictures that it can classify
FILE = ASSETS / "digit_classifier.safetensors"
ROUNDS, SEED, BATCH, SHIFT = 2500, 0, 64, 2  # of its training, which shifts pictures by up to SHIFT pixels
CHUNK = 500  # pictures classified at a time
REPEATS = 64  # measurements of real digits that a floor rests on


class DigitClassifier(nn.Module):
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
        """The classifier itself, its only player."""
        return self

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        """Adam."""
        return Adam(self.parameters(), 1e-3)

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Cross entropy with dropout, on pictures shifted a little, so that position does not decide."""
        x = torch.roll(batch.x, torch.randint(-SHIFT, SHIFT + 1, (2,)).tolist(), (2, 3))
        h = nn.functional.dropout(self.look(x), 0.5)
        yield self, {"-log p(y|x)": cross_entropy(self.say(h), cast(Tensor, batch.y))}

    # --- what it measures ----------------------------------------------------------------------

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """The features (n, 64) of pictures x."""
        like = self.say.weight
        return torch.cat([self.look(part.to(like)) for part in x.split(CHUNK)])

    def label_accuracy(self, x: Tensor, y: Tensor) -> float:
        """The share of pictures x (n, 1, 28, 28) that show the digit y (n,)."""
        return self._accuracy(self.features(x), y)

    def frechet(self, x: Tensor, reference: Tensor) -> float:
        """The Fréchet distance between the features of two sets of pictures."""
        return frechet(moments(self.features(x)), moments(self.features(reference)))

    def diversity(self, x: Tensor, y: Tensor) -> float:
        """The mean distance between the features of pictures of one class y; for real digits it is 1."""
        return spread(self.features(x), y) / _real_digits()[1]

    def measure(self, x: Tensor, y: Tensor | None = None) -> dict[str, float]:
        """FRECHET, the distance of pictures x from the training digits; ACCURACY and DIVERSITY as well if the
        labels y are given that the pictures were asked to show."""
        return self._measure(self.features(x), y)

    def _measure(self, h: Tensor, y: Tensor | None) -> dict[str, float]:
        reference, usual = _real_digits()
        scores: dict[str, float] = {FRECHET: frechet(moments(h), reference)}
        if y is not None:
            scores |= {ACCURACY: self._accuracy(h, y), DIVERSITY: spread(h, y) / usual}
        return scores

    def _accuracy(self, h: Tensor, y: Tensor) -> float:
        return (self.say(h).argmax(1) == y.to(h.device)).double().mean().item()

    def floors(self, n: int) -> dict[str, Floor]:
        """The scores of n real test digits, their classes in turn; n must be at least 20."""
        return _floors(n)


Moments = tuple[Tensor, Tensor]
"""Mean (d,) and covariance (d, d), float64."""


def moments(h: Tensor) -> Moments:
    """Mean and covariance of a cloud (n, d), n > 1."""
    h = precise(h)
    return h.mean(0), torch.cov(h.T)


def frechet(a: Moments, b: Moments) -> float:
    """|mu - mu'|^2 + tr(S + S' - 2 (S S')^{1/2}) of two Gaussians. The trace of the root is the sum of the
    square roots of the eigenvalues of S^{1/2} S' S^{1/2}, which are real because this matrix is symmetric."""
    values, vectors = torch.linalg.eigh(a[1])
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ b[1] @ root).clamp(min=0).sqrt().sum()
    squared = (a[0] - b[0]).square().sum() + a[1].trace() + b[1].trace() - 2 * cross
    return squared.clamp(min=0).item()


def spread(h: Tensor, y: Tensor) -> float:
    """The mean distance of two rows of h (n, d) that have the same class y (n,)."""
    return torch.cat([torch.pdist(precise(h[y == k])) for k in y.unique()]).mean().item()


@cache
def digit_classifier() -> DigitClassifier:
    """The classifier that is shipped."""
    net = DigitClassifier()
    net.load_state_dict({name: t.float() for name, t in load(FILE.read_bytes()).items()})
    return net.float().requires_grad_(False).eval()


def classifier_for(data: Dataset) -> DigitClassifier | None:
    """The classifier if the data are digits (28 x 28 pixels, grey, ten classes), else None."""
    return digit_classifier() if data.name in DIGIT_DATA else None


@cache
def _real_digits() -> tuple[Moments, float]:
    """The moments of the training digits' features, and the mean distance of two test digits of a class."""
    data = load_data("digits")
    h, tests = (digit_classifier().features(floats(x)) for x in (data.x, data.test_x))
    return moments(h), spread(tests, cast(Tensor, data.test_y))


@cache
def _floors(n: int) -> dict[str, Floor]:
    values, N = _scores(n), len(load_data("digits").test_x)
    # m of N digits scatter around all N as m' fresh ones do around the truth, with 1/m' = 1/m - 1/N
    m = max(20, min(round(n * N / (n + N)), N // 8))
    fewer = (1 / n) / (1 / m - 1 / N)  # m' / n
    errors = {name: t.std().item() for name, t in _scores(m).items()}
    # means are off by the root of 1/n, and a squared distance near 0 by 1/n
    off = {name: error * fewer ** (1 if name == FRECHET else 1 / 2) for name, error in errors.items()}
    return {name: Floor(t.mean().item(), off[name]) for name, t in values.items()}


def _scores(n: int) -> dict[str, Tensor]:
    """The scores of n test digits, REPEATS times: each time others, as far as there are others."""
    data = load_data("digits")
    y = cast(Tensor, data.test_y)
    h = digit_classifier().features(floats(data.test_x))
    rng = np.random.default_rng(SEED)
    of_class = [np.flatnonzero(y.numpy() == k) for k in range(10)]
    rows: list[dict[str, float]] = []
    for _ in range(REPEATS):
        mixed = [rng.permutation(np.tile(of, -(-n // (10 * len(of))))) for of in of_class]
        index = np.array([mixed[i % 10][i // 10] for i in range(n)])
        rows.append(digit_classifier()._measure(h[index], torch.arange(n) % 10))
    return {name: torch.tensor([row[name] for row in rows], dtype=torch.float64) for name in rows[0]}


def train() -> DigitClassifier:
    """A new classifier, trained on the real training digits alone; it takes a minute on one core."""
    data: Any = load_data("digits")
    torch.manual_seed(SEED)
    net = DigitClassifier()
    for _turn in fit(net, islice(batches(data, lambda: BATCH, SEED), ROUNDS)):
        pass
    return net.eval()


def main() -> None:
    """Train the classifier again, write its weights, and say how good they are."""
    torch.set_num_threads(1)
    net = train()
    FILE.write_bytes(save({name: t.half().contiguous() for name, t in net.state_dict().items()}))
    data = load_data("digits")
    right = digit_classifier().label_accuracy(floats(data.test_x), cast(Tensor, data.test_y))
    print(f"{FILE.name}: {FILE.stat().st_size:,} bytes, right for {right:.1%} of the test digits")
    print(f"100 real digits score {digit_classifier().floors(100)}")


if __name__ == "__main__":
    main()
