"""Models of pixels beside plain references: `python -m tests.bench.bench_pixels [--updates 1500]`.

First the likelihood: nats per picture on the 1,000 test digits, after as many updates with the same
batches, size of net and learning rate, by our loop and by a plain reference (tests/bench/plain_pixels.py).
Pixels are drawn black or white with the probability of their brightness, those of the test digits once with a
noise of their own. All digits are 28 x 28, for PixelRNN 14 x 14. Then PixelCNN trains for five minutes of one
core. At last sampling: 64 digits with what our models keep of earlier pixels, and by a pass for each pixel.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine import data as our_data
from engine.autoregressive.base import Ordered
from engine.autoregressive.pixel_measures import examples, independent
from engine.autoregressive.pixels import Pixels
from engine.device import prepare
from engine.families import find
from engine.fit import fit
from tests.bench import plain_pixels as plain
from tests.bench.benching import settings

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


def five_minutes(seconds: float, tests: int) -> None:
    """PixelCNN with its defaults."""
    data, family = our_data.load("digits"), find("pixelcnn")
    torch.manual_seed(0)
    model = family(family.configure(data.space), data.space)
    assert isinstance(model, Pixels)
    start, rounds = time.process_time(), 0
    for _turn in fit(model, our_data.batches(data, lambda: model.config.batch, 0)):
        rounds += 1
        if time.process_time() - start > seconds:
            break
    k, _ = examples(model, data, tests)
    print(
        f"PixelCNN after {seconds:.0f} s of one core, {rounds:,} updates: {nats(model, k):.2f} nats   <= 98"
    )


def sampling(data_name: str, n: int) -> None:
    """With what is kept of earlier pixels, and by a whole pass for each."""
    print(f"seconds for {n} samples of {data_name}")
    for name in ("nade", "made", "pixelcnn", "gated-pixelcnn", "pixelrnn"):
        data, family = our_data.load(data_name), find(name)
        model = family(family.configure(data.space), data.space)
        assert isinstance(model, Pixels)
        times = []
        for one_by_one in (model.one_by_one, lambda n, y=None, m=model: Ordered.one_by_one(m, n, y)):
            model.one_by_one = one_by_one  # type: ignore[method-assign]
            start = time.process_time()
            model.sample(n)
            times.append(time.process_time() - start)
        ours, naive = times
        print(f"  {name:<34}{naive:>12.2f}{ours:>9.2f}{naive / ours:>9.1f} times   >= 5", flush=True)


def main() -> None:
    given = settings(
        __doc__, updates=(1500, 3), tests=(1000, 20), seconds=(300.0, 1.0), samples=(64, 4),
        data=("digits", "digits-7"),
    )  # fmt: skip
    prepare(1)
    likelihoods(given.updates, given.tests)
    five_minutes(given.seconds, given.tests)
    sampling(given.data, given.samples)


if __name__ == "__main__":
    main()
