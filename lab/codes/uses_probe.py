"""What a page may ask any model with codes: whether its codes help a classifier that has few labels."""

from __future__ import annotations

import warnings
from collections import OrderedDict

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from engine.codes.base import Coder
from engine.config import Refused
from engine.data import Dataset, floats
from lab.codes.digits_probe import codes, within_budget
from lab.probes import Answer, only_pictures, whole

__all__ = ["few_labels"]

SIZES = (10, 50, 100, 1000)
POOL, TESTED = 4000, 1000  # training pictures that may be labelled; test pictures
Scores = dict[int, list[float]]  # the accuracy of each draw, from 0 to 1, for each number of labels


def few_labels(model: Coder, data: Dataset, draws: int = 10) -> Answer:
    """The test accuracy of logistic regression on mean codes and on pixels, from the same few labelled
    pictures, equally many of each class, for `draws` choices of these."""
    only_pictures(data)
    draws = whole(draws, "draws", 2, 20)
    if data.y is None or data.test_y is None or data.space.classes < 2:
        raise Refused("This needs pictures with labels; choose Digits as the data.")
    if model.labelled:
        raise Refused(f"{model.title} is told the label when it encodes, so its codes prove nothing here.")
    pool = spread(len(data), within_budget(model, POOL))
    tested = spread(len(data.test_x), within_budget(model, TESTED))
    x, test_x = data.take(pool), floats(data.test_x[tested])
    y, test_y = data.y[pool].cpu().numpy(), data.test_y[tested].cpu().numpy()
    sets = labelled_sets(y, draws)
    grey, test_grey = flat(x), flat(test_x)
    key = data.name, len(pool), len(tested), draws
    if key not in _pixels:  # the scores of pixels depend on no model
        _pixels[key] = scores(grey, y, test_grey, test_y, sets)
        while len(_pixels) > 8:
            _pixels.popitem(last=False)
    z, test_z = (codes(model, part).cpu().double().numpy() for part in (x, test_x))
    # give both the same spread, so that the classifier's penalty on large weights means the same for both
    unit = np.sqrt(grey.var(0).sum() / max(z.var(0).sum(), 1e-30))
    accuracy = {"codes": scores(unit * z, y, unit * test_z, test_y, sets), "pixels": _pixels[key]}
    return {
        "sizes": list(sets), "draws": draws, "tested": len(tested), "chance": 1 / data.space.classes,
        "accuracy": {name: list(scored.values()) for name, scored in accuracy.items()},
    }  # fmt: skip


_pixels: OrderedDict[tuple[str, int, int, int], Scores] = OrderedDict()


def spread(total: int, n: int) -> torch.Tensor:
    """Places (n,) spread over `total`, because data may be stored by class."""
    return torch.linspace(0, total - 1, min(n, total)).long()


def flat(x: torch.Tensor) -> np.ndarray:
    """Pictures as rows of greys from 0 to 1."""
    return ((x + 1) / 2).flatten(1).cpu().double().numpy()


def labelled_sets(y: np.ndarray, draws: int) -> dict[int, list[np.ndarray]]:
    """For each of SIZES that the labels y allow, `draws` sets of places, equally many of each class."""
    rng = np.random.default_rng(0)
    of_class = [np.flatnonzero(y == c) for c in np.unique(y)]

    def drawn(each: int) -> np.ndarray:
        return np.concatenate([rng.choice(places, each, replace=False) for places in of_class])

    shares = [max(1, size // len(of_class)) for size in SIZES]
    least = min(map(len, of_class))
    return {each * len(of_class): [drawn(each) for _ in range(draws)] for each in shares if each <= least}


def scores(x: np.ndarray, y: np.ndarray, test_x: np.ndarray, test_y: np.ndarray, sets: dict) -> Scores:
    """The test accuracy of a classifier that learns from each set of labelled rows of x."""

    def score(places: np.ndarray) -> float:
        classifier = LogisticRegression(max_iter=300).fit(x[places], y[places])
        return float(classifier.score(test_x, test_y))

    with warnings.catch_warnings():  # for codes that hardly differ; the last iterations change no accuracy
        warnings.simplefilter("ignore", ConvergenceWarning)
        return {size: [score(places) for places in chosen] for size, chosen in sets.items()}
