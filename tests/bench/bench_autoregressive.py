"""Autoregressive models beside plain references and bars: `python -m tests.bench.bench_autoregressive`.

First nats per picture on the 1,000 test digits, after as many updates with the same batches, size of net and
learning rate, by our loop and by a plain reference (tests/bench/plain_pixels.py). Pixels are drawn black or
white with the probability of their brightness, those of the test digits once with a noise of their own. All
digits are 28 x 28, for PixelRNN 14 x 14.

Then each model with its defaults after some time on one core, on all test data, beside the bar that it must
pass. At last sampling: with what our models keep of earlier numbers, and by a pass for each number.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine import data as our_data
from engine.autoregressive.bars import entropies, ngram_bits
from engine.autoregressive.base import Ordered
from engine.autoregressive.handwriting import bits as bits_of_pens
from engine.autoregressive.pen_bars import bars, noisy
from engine.autoregressive.pixel_measures import examples, independent
from engine.autoregressive.pixels import Pixels
from engine.device import prepare
from engine.families import find
from engine.fit import fit
from engine.space import Wave
from tests.bench import plain_pixels as plain
from tests.bench.benching import seconds, settings

LR = 2e-3
CASES: list[tuple[str, str, dict[str, Any], Callable[[int], nn.Module]]] = [
    ("nade", "digits", {"H": 128, "batch": 32}, lambda D: plain.PlainNADE(D, 128)),
    ("made", "digits", {"width": 500, "batch": 100}, lambda D: plain.PlainMADE(D, 500)),
    ("pixelcnn", "digits", {"channels": 32, "layers": 6, "batch": 16}, lambda D: plain.PlainPixelCNN(32, 6)),
    (
        "gated-pixelcnn",
        "digits",
        {"channels": 16, "layers": 6, "batch": 16},
        lambda D: plain.PlainGated(16, 6),
    ),
    (
        "pixelrnn",
        "digits-14",
        {"layer": "Row LSTM", "h": 24, "batch": 16},
        lambda D: plain.PlainRow(24),
    ),
    (
        "pixelrnn",
        "digits-14",
        {"layer": "Diagonal BiLSTM", "h": 24, "batch": 16},
        lambda D: plain.PlainDiagonal(24),
    ),
]


def trained(model: Pixels, data: our_data.Dataset, updates: int) -> Pixels:
    """By our loop."""
    for _turn in fit(model, islice(our_data.batches(data, lambda: model.config.batch, 0), updates)):
        pass
    return model


def plainly_trained(net: nn.Module, data: our_data.Dataset, size: int, updates: int) -> nn.Module:
    """With batches of the same examples, in the same order."""
    optimizer = torch.optim.Adam(net.parameters(), lr=LR)
    for batch in islice(our_data.batches(data, lambda: size, 0), updates):
        x = torch.bernoulli((batch.x + 1) / 2)
        loss = F.binary_cross_entropy_with_logits(net(x), x, reduction="sum") / len(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


@torch.no_grad()
def nats(model: Pixels, k: Tensor) -> float:
    return -torch.cat([model.log_probs(part).sum(1) for part in k.split(50)]).mean().item()


@torch.no_grad()
def plain_nats(net: nn.Module, k: Tensor, shape: tuple[int, ...]) -> float:
    """The same, in bits of its own."""
    total = 0.0
    for part in k.split(50):
        x = part.view(-1, *shape).float()
        total += F.binary_cross_entropy_with_logits(net(x), x, reduction="sum").item()
    return total / len(k)


def likelihoods(updates: int, tests: int) -> None:
    print(f"nats per test picture after {updates:,} updates")
    print(f"{'':<36}{'independent':>12}{'reference':>11}{'ours':>9}{'difference':>12}{'s':>7}{'ours, s':>9}")
    for name, data_name, knobs, reference in CASES:
        data, family = our_data.load(data_name), find(name)
        torch.manual_seed(0)
        model = family(family.configure(data.space, knobs | {"lr": LR}), data.space)
        assert isinstance(model, Pixels)
        k, _ = examples(model, data, tests)
        alone = -independent(data, 2).log()[torch.arange(model.D), k].sum(1).mean().item()
        start = time.process_time()
        ours = nats(trained(model, data, updates), k)
        between = time.process_time()
        torch.manual_seed(0)
        net = plainly_trained(reference(model.D), data, model.config.batch, updates)
        theirs, end = plain_nats(net, k, data.space.shape), time.process_time()
        title = f"{name} {data_name} {knobs.get('layer', '')}"
        print(
            f"{title:<36}{alone:>12.1f}{theirs:>11.2f}{ours:>9.2f}{ours - theirs:>+12.2f}"
            f"{end - between:>7.0f}{between - start:>9.0f}",
            flush=True,
        )


@torch.no_grad()
def in_parts(model: Any, data: our_data.Dataset, losses: Callable[[Tensor, Tensor | None], Tensor]) -> Tensor:
    """The losses of all test examples, which go through the net in parts."""
    x, y = our_data.floats(data.test_x), data.test_y
    parts = range(0, len(x), 50)
    return torch.cat([losses(x[i : i + 50], None if y is None else y[i : i + 50]) for i in parts])


def of_digits(model: Any, data: our_data.Dataset) -> float:
    return nats(model, examples(model, data, len(data.test_x))[0])


def of_letters(model: Any, data: our_data.Dataset) -> float:
    bits = -in_parts(model, data, model.log_prob).sum() / math.log(2)
    return bits.item() / model.counted(model.coded(data.test_x)).sum().item()


def of_sounds(model: Any, data: our_data.Dataset) -> float:
    bits = -in_parts(model, data, lambda x, y: model.log_probs(model.coded(x), model.told(y))) / math.log(2)
    return bits[model.space.sounding(data.test_x)].mean().item()


def of_pens(model: Any, data: our_data.Dataset) -> float:
    x = noisy(data.test_x, data).float()
    return bits_of_pens(model.losses(x, data.test_y), data.space).item()


class Goal(NamedTuple):
    """What a model with its defaults must be below after so many seconds of one core."""

    family: str
    data: str
    unit: str
    seconds: float
    value: Callable[[Any, our_data.Dataset], float]
    bar: Callable[[our_data.Dataset], float]


GOALS = [
    Goal("pixelcnn", "digits", "nats", 300, of_digits, lambda _: 98.0),
    Goal("letters", "villages", "bits per character", 120, of_letters, lambda data: ngram_bits(data, 5)),
    Goal("wavenet", "voices", "bits per sample", 60, of_sounds, lambda data: entropies(data, 64)[1] - 1),
    Goal("handwriting", "pen-digits", "bits per coordinate", 40, of_pens, lambda data: bars(data).given),
]


def goals(share: float) -> None:
    """Each model after so much of its time."""
    print(f"{'with defaults, on one core':<44}{'s':>6}{'updates':>9}{'test':>9}{'goal':>9}")
    for goal in GOALS:
        data, family = our_data.load(goal.data), find(goal.family)
        torch.manual_seed(0)
        model: Any = family(family.configure(data.space), data.space)
        start, updates = time.process_time(), 0
        for _turn in fit(model, our_data.batches(data, lambda m=model: m.config.batch, 0)):
            updates += 1
            if time.process_time() - start > share * goal.seconds:
                break
        print(
            f"{f'{goal.family} {goal.data}, {goal.unit}':<44}{share * goal.seconds:>6.0f}{updates:>9,}"
            f"{goal.value(model, data):>9.3f}{goal.bar(data):>9.3f}",
            flush=True,
        )


def sampling(data_name: str, n: int, samples: int) -> None:
    """With what is kept of earlier numbers, and by a whole pass for each."""
    digits = our_data.load(data_name).space
    print(f"seconds for {n} pictures of {digits.shape}, and as many sounds of {samples} samples")
    spaces = dict.fromkeys(("nade", "made", "pixelcnn", "gated-pixelcnn", "pixelrnn"), digits)
    spaces["wavenet"] = Wave((samples,))
    for name, space in spaces.items():
        family = find(name)
        model: Any = family(family.configure(space), space)
        times = []
        for one_by_one in (model.one_by_one, lambda n, y=None, m=model: Ordered.one_by_one(m, n, y)):
            model.one_by_one = one_by_one
            times.append(seconds(lambda m=model: m.sample(n)))
        ours, naive = times
        print(f"  {name:<34}{naive:>12.2f}{ours:>9.2f}{naive / ours:>9.1f} times   >= 5", flush=True)


def main() -> None:
    given = settings(
        __doc__, updates=(1500, 3), tests=(1000, 20), share=(1.0, 0.01), pictures=(64, 4), samples=(512, 64),
        data=("digits", "digits-7"),
    )  # fmt: skip
    prepare(1)
    likelihoods(given.updates, given.tests)
    goals(given.share)
    sampling(given.data, given.pictures, given.samples)


if __name__ == "__main__":
    main()
