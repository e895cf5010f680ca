"""Training speed, as ratios measured in one run: `python -m tests.bench.bench_training`.

Ours is a run of the app: named terms, rows, keyframes, checkpoints, TensorBoard events, and a frame
twenty times a second. The peers are what a user would write: the plainest PyTorch loop for the same
networks, and for digits the same fed by torchvision's MNIST through a DataLoader.
Peer and ours take turns, since the machine's speed drifts; the medians of the ratios count.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms

from engine import data as our_data
from engine.device import prepare
from engine.gan.gan import GAN
from lab.runs import store
from lab.runs.run import Run
from tests.bench.benching import compare, heading, mnist_in, settings

FRAMES = 20  # a second


def ours(run: Run, seconds: float) -> float:
    """Rounds a second of a run with twenty frames a second."""
    first, start = run.round, time.perf_counter()
    frames = 0
    while (now := time.perf_counter() - start) < seconds:
        run.train(seconds=max(0.001, (frames + 1) / FRAMES - now))
        run.frame(full=frames % 8 == 0)
        frames += 1
    return (run.round - first) / (time.perf_counter() - start)


class Plain:
    """The plainest loop: two optimizers, BCE on logits, loss.item() for the log."""

    def __init__(self, config: Any, space: Any) -> None:
        model = GAN(config, space)
        self.G, self.D, self.z, self.batch = model.G, model.D, config.z, config.batch
        self.of_g = torch.optim.Adam(self.G.parameters(), lr=config.lr_G, betas=(0.5, 0.999))
        self.of_d = torch.optim.Adam(self.D.parameters(), lr=config.lr_D, betas=(0.5, 0.999))
        self.bce = nn.BCEWithLogitsLoss()
        self.log: list[tuple[float, float]] = []

    def round(self, x: torch.Tensor) -> None:
        self.of_d.zero_grad()
        fake = self.G(torch.randn(len(x), self.z))
        real_score, fake_score = self.D(x), self.D(fake.detach())
        ones, zeros = torch.ones_like(real_score), torch.zeros_like(fake_score)
        loss_d = self.bce(real_score, ones) + self.bce(fake_score, zeros)
        loss_d.backward()
        self.of_d.step()
        self.of_g.zero_grad()
        loss_g = self.bce(self.D(fake), ones)
        loss_g.backward()
        self.of_g.step()
        self.log.append((loss_d.item(), loss_g.item()))


def plain_points(config: Any, data: our_data.Dataset, seconds: float) -> float:
    loop, rounds, start = Plain(config, data.space), 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        loop.round(data.x[torch.randint(len(data.x), (config.batch,))])
        rounds += 1
    return rounds / (time.perf_counter() - start)


def plain_digits(config: Any, loader: DataLoader, space: Any, seconds: float) -> float:
    loop, rounds, start = Plain(config, space), 0, time.perf_counter()
    while True:
        for x, _ in loader:
            loop.round(x)
            rounds += 1
            if time.perf_counter() - start >= seconds:
                return rounds / (time.perf_counter() - start)


def main() -> None:
    given = settings(__doc__, seconds=(4.0, 0.2), times=(5, 1))
    prepare(1)
    ring, digits = our_data.load("ring"), our_data.load("digits")
    heading("rounds/s")
    with tempfile.TemporaryDirectory() as home:

        def run(data: str, config: dict[str, Any]) -> Run:
            setting = {"family": "gan", "data": data, "seed": 0, "config": config}
            trained = Run(store.create(setting, Path(home)))
            trained.play()
            trained.train(seconds=given.seconds / 4)
            return trained

        def race(name: str, peer: Callable[[], float], one: Run, target: str) -> None:
            us = compare(name, peer, lambda: ours(one, given.seconds), given.times, target)
            print(f"  ours: {us * one.model.config.batch:,.0f} examples/s")

        small = {"width_G": 32, "width_D": 32, "depth_G": 2, "depth_D": 2, "batch": 150}
        for title, knobs in (("default", {}), ("two hidden layers of 32, batch 150", small)):
            config = GAN.configure(ring.space, knobs)
            peer = lambda config=config: plain_points(config, ring, given.seconds)  # noqa: E731
            race(f"ring, {title}", peer, run("ring", knobs), ">= 1.05, >= 300/s")
        plain = {"penalty": "none"}  # as the peer's
        config = GAN.configure(digits.space, plain)
        normal = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
        loader = DataLoader(mnist_in(Path(home), normal), batch_size=config.batch, shuffle=True)
        peer = lambda: plain_digits(config, loader, digits.space, given.seconds)  # noqa: E731
        race("digits, DataLoader peer", peer, run("digits", plain), ">= 2.2")

        print("\nThreads, digits GAN of ours: images/s (median of 3)")
        for threads in (1, 2):
            torch.set_num_threads(threads)
            one = run("digits", {})
            rate = statistics.median(ours(one, given.seconds / 2) for _ in range(3)) * config.batch
            print(f"  {threads} thread{'s' if threads > 1 else ''}: {rate:>10,.0f}")


if __name__ == "__main__":
    main()
