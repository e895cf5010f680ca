"""The VAE against what others would write: `python -m tests.bench.bench_vae [--updates 6000] [--batch 100]`.

First its speed, as ratios measured in one run: ours against the set-up of pytorch/examples' VAE (a DataLoader
over torchvision's MNIST with ToTensor, 784-400-20-400-784, sigmoid and binary cross entropy, Adam, the loss
read after every batch). The two take turns, since the machine's speed drifts; the medians count. Seconds are
the processor's, of one thread each, so that what else the machine does counts little.
Then its quality: nets of the IWAE paper's size, trained on the same digits for the same number of updates by
our loop and by a plain reference, each measured by its own code on the same held-out black and white digits.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from engine import data as our_data
from engine.codes.base import bound
from engine.codes.vae import VAE
from engine.device import prepare
from engine.fit import fit
from tests.bench.benching import Loop, compare, heading, mnist_in, settings

DIGITS = our_data.load("digits")
EXAMPLE = {"z": 20, "width": 400, "depth": 1, "activation": "ReLU", "likelihood": "Bernoulli", "batch": 128}
PAPER = {"z": 50, "width": 200, "depth": 2, "activation": "tanh", "likelihood": "Bernoulli", "lr": 1e-3}


# --- speed ---------------------------------------------------------------------------------------


class Example(nn.Module):
    """One hidden layer of 400 each way, 20 numbers between: returns what the loss needs."""

    def __init__(self) -> None:
        super().__init__()
        self.inwards, self.outwards = nn.Linear(784, 400), nn.Linear(20, 400)
        self.to_mean, self.to_log_var, self.to_x = nn.Linear(400, 20), nn.Linear(400, 20), nn.Linear(400, 784)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = F.relu(self.inwards(x.view(-1, 784)))
        mean, log_var = self.to_mean(h), self.to_log_var(h)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_var)
        return torch.sigmoid(self.to_x(F.relu(self.outwards(z)))), mean, log_var


def example(loader: DataLoader, seconds: float) -> float:
    """Images a second of the plain set-up; epochs follow one another."""
    model = Example()
    optimizer, seen, total, start = torch.optim.Adam(model.parameters(), lr=1e-3), 0, 0.0, time.process_time()
    while True:
        for x, _ in loader:
            optimizer.zero_grad()
            again, mean, log_var = model(x)
            loss = F.binary_cross_entropy(again, x.view(-1, 784), reduction="sum")
            loss = loss - 0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())
            loss.backward()
            total += loss.item()
            optimizer.step()
            seen += len(x)
            if time.process_time() - start >= seconds:
                return seen / (time.process_time() - start)


def speed(seconds: float, times: int) -> None:
    ours = Loop(VAE(VAE.configure(DIGITS.space, EXAMPLE), DIGITS.space), DIGITS)
    heading("784-400-20-400-784, images/s")
    with tempfile.TemporaryDirectory() as folder:
        loader = DataLoader(mnist_in(Path(folder)), batch_size=128, shuffle=True)
        compare(
            "  one thread, batches of 128", lambda: example(loader, seconds), lambda: ours.train(seconds),
            times, ">= 2",
        )  # fmt: skip


# --- quality -------------------------------------------------------------------------------------


class Plain(nn.Module):
    """The reference: 784-200-200-50 and back, tanh, written without anything of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(784, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh(), nn.Linear(200, 100)
        )
        self.decoder = nn.Sequential(
            nn.Linear(50, 200), nn.Tanh(), nn.Linear(200, 200), nn.Tanh(), nn.Linear(200, 784)
        )

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """log p(x, z) - log q(z | x) for k draws (k, n), x (n, 784) of 0 and 1 seen as -1 and 1."""
        mean, log_var = self.encoder(2 * x - 1).split(50, 1)
        noise = torch.randn(k, *mean.shape)
        z = mean + noise * torch.exp(log_var / 2)
        log_p_x = -F.binary_cross_entropy_with_logits(
            self.decoder(z), x.expand(k, *x.shape), reduction="none"
        ).sum(-1)
        log_ratio = 0.5 * (noise.square() + log_var - z.square()).sum(-1)  # the log 2 pi cancel
        return log_p_x + log_ratio

    def loss(self, x: Tensor) -> Tensor:
        """Minus the ELBO of one draw, with the KL in closed form."""
        mean, log_var = self.encoder(2 * x - 1).split(50, 1)
        z = mean + torch.randn_like(mean) * torch.exp(log_var / 2)
        nll = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        return (nll + 0.5 * (mean.square() + log_var.exp() - log_var - 1).sum()) / len(x)


def epochs(grey: Tensor, size: int) -> Iterator[Tensor]:
    """Batches of black and white digits, drawn anew each time; every digit once an epoch."""
    for _epoch in count():
        for index in torch.randperm(len(grey)).split(size):
            yield torch.bernoulli(grey[index])


def reference(updates: int, size: int) -> Plain:
    model = Plain()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for x in islice(epochs(DIGITS.x.flatten(1) / 255, size), updates):
        optimizer.zero_grad()
        model.loss(x).backward()
        optimizer.step()
    return model


def ours_of_the_paper(updates: int, size: int, seed: int) -> VAE:
    model = VAE(VAE.configure(DIGITS.space, PAPER | {"batch": size}), DIGITS.space)
    for _turn in fit(model, islice(our_data.batches(DIGITS, lambda: size, seed), updates)):
        pass
    return model


@torch.no_grad()
def measured(model: Plain | VAE, k: int, among: int) -> tuple[float, float, float]:
    """ELBO of all test digits (10 draws), ELBO and IWAE bound of k draws of `among` of them, in nats."""
    x = torch.bernoulli(DIGITS.test_x.flatten(1) / 255, generator=torch.Generator().manual_seed(0))
    parts = [log_weights(model, part, k) for part in x[:: len(x) // among].split(20)]
    some = torch.cat(parts, 1)
    if isinstance(model, VAE):
        tight = bound(some).mean().item()
    else:
        tight = (torch.logsumexp(some, 0) - math.log(k)).mean().item()
    return log_weights(model, x, 10).mean().item(), some.mean().item(), tight


def log_weights(model: Plain | VAE, x: Tensor, k: int) -> Tensor:
    if isinstance(model, Plain):
        return model.log_weights(x, k)
    picture = 2 * x.view(-1, 1, 28, 28) - 1  # black and white already: u does not matter
    return model.log_w(picture, torch.randn(k, len(x), model.config.z), torch.full_like(picture, 0.5))


def quality(updates: int, size: int, k: int, among: int, seeds: int) -> None:
    print(f"\n784-200-200-50, tanh, {updates:,} updates of {size}, black and white drawn anew; nats")
    print(f"{'':<16}{'test ELBO':>12}{f'of {among}: ELBO':>16}{f'k = {k}':>12}{'seconds':>10}")
    gaps = []
    for seed in range(seeds):
        rows = {}
        for name in ("reference", "ours"):
            torch.manual_seed(seed)
            start = time.process_time()
            model = (
                reference(updates, size) if name == "reference" else ours_of_the_paper(updates, size, seed)
            )
            seconds = time.process_time() - start
            rows[name] = measured(model, k, among)
            elbo, part, tight = rows[name]
            print(f"{f'{name}, seed {seed}':<16}{elbo:>12.2f}{part:>16.2f}{tight:>12.2f}{seconds:>10.0f}")
        gaps.append([ours - theirs for ours, theirs in zip(rows["ours"], rows["reference"], strict=True)])
    elbo, part, tight = (statistics.mean(column) for column in zip(*gaps, strict=True))
    print(f"{'ours - theirs':<16}{elbo:>12.2f}{part:>16.2f}{tight:>12.2f}   target: >= -2")


def main() -> None:
    given = settings(
        __doc__, updates=(6000, 20), batch=(100, 100), k=(500, 5), among=(200, 20), seeds=(2, 1),
        seconds=(4.0, 0.2), times=(5, 1),
    )  # fmt: skip
    prepare(1)
    speed(given.seconds, given.times)
    quality(given.updates, given.batch, given.k, given.among, given.seeds)


if __name__ == "__main__":
    main()
