"""Training speed, as ratios measured in one run: `python tests/bench/bench_training.py`.

Ours is a run of the app: named terms, rows, keyframes, checkpoints, TensorBoard events, and a frame
twenty times a second. The peers are what a user would write: the plainest PyTorch loop for the same
networks, and for digits the same fed by torchvision's MNIST through a DataLoader.
Peer and ours take turns, since the machine's speed drifts; the medians of the ratios count.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from engine import data as our_data
from engine.device import prepare
from engine.gan.gan import GAN
from lab.runs import store
from lab.runs.run import Run

SECONDS, TIMES, FRAMES = 4.0, 5, 20


def ours(run: Run, seconds: float = SECONDS) -> float:
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
        ones, zeros = torch.ones(len(x), 1), torch.zeros(len(x), 1)
        self.of_d.zero_grad()
        fake = self.G(torch.randn(len(x), self.z))
        loss_d = self.bce(self.D(x), ones) + self.bce(self.D(fake.detach()), zeros)
        loss_d.backward()
        self.of_d.step()
        self.of_g.zero_grad()
        loss_g = self.bce(self.D(fake), ones)
        loss_g.backward()
        self.of_g.step()
        self.log.append((loss_d.item(), loss_g.item()))


def plain_points(config: Any, data: our_data.Dataset, seconds: float = SECONDS) -> float:
    loop, rounds, start = Plain(config, data.space), 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        loop.round(data.x[torch.randint(len(data.x), (config.batch,))])
        rounds += 1
    return rounds / (time.perf_counter() - start)


def plain_digits(config: Any, loader: DataLoader, space: Any, seconds: float = SECONDS) -> float:
    loop, rounds, start = Plain(config, space), 0, time.perf_counter()
    while True:
        for x, _ in loader:
            loop.round(x)
            rounds += 1
            if time.perf_counter() - start >= seconds:
                return rounds / (time.perf_counter() - start)


def mnist_in(folder: Path) -> datasets.MNIST:
    """torchvision's MNIST over our embedded digits, in its own file format, so that it needs no network."""
    data = our_data.load("digits")
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    assert data.y is not None
    for part in ("train", "t10k"):
        images, labels = data.x[:, 0].numpy(), data.y.numpy().astype(np.uint8)
        head = b"".join(n.to_bytes(4, "big") for n in (2051, *images.shape))
        (raw / f"{part}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        head = b"".join(n.to_bytes(4, "big") for n in (2049, len(labels)))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(head + labels.tobytes())
    normal = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    found = datasets.MNIST(str(folder), train=True, transform=normal)
    assert isinstance(found[0][0], torch.Tensor)
    assert isinstance(Image.fromarray(found.data[0].numpy()), Image.Image)
    return found


def compare(name: str, peer: Any, run: Run, batch: int, target: str) -> None:
    run.play()
    run.train(seconds=1)
    pairs = [(peer(), ours(run)) for _ in range(TIMES)]
    theirs, us = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{name:<44}{theirs:>8.0f}{us:>8.0f}{us * batch:>12,.0f}{ratio:>8.2f}   {target}")


def main() -> None:
    device_threads = 1
    prepare(device_threads)
    print(f"{'':<44}{'peer':>8}{'ours':>8}{'examples/s':>12}{'ratio':>8}   target")
    ring, digits = our_data.load("ring"), our_data.load("digits")
    with tempfile.TemporaryDirectory() as home:

        def run(data: str, config: dict[str, Any]) -> Run:
            setting = {"family": "gan", "data": data, "seed": 0, "config": config}
            return Run(store.create(setting, Path(home)))

        small = {"width_G": 32, "width_D": 32, "depth_G": 2, "depth_D": 2, "batch": 150}
        for title, knobs in (("default", {}), ("two hidden layers of 32, batch 150", small)):
            config = GAN.configure(ring.space, knobs)
            name = f"ring, {title}: rounds/s"
            compare(
                name,
                lambda c=config: plain_points(c, ring),
                run("ring", knobs),
                config.batch,
                ">= 1, >= 300/s",
            )
        config = GAN.configure(digits.space)
        loader = DataLoader(mnist_in(Path(home)), batch_size=config.batch, shuffle=True)
        name = "digits, DataLoader peer: rounds/s"
        compare(
            name, lambda: plain_digits(config, loader, digits.space), run("digits", {}), config.batch, ">= 2"
        )

        print("\nThreads, digits GAN of ours: images/s (median of 3)")
        for threads in (1, 2):
            torch.set_num_threads(threads)
            one = run("digits", {})
            one.play()
            one.train(seconds=0.5)
            rate = statistics.median(ours(one, 2.0) for _ in range(3)) * config.batch
            print(f"  {threads} thread{'s' if threads > 1 else ''}: {rate:>10,.0f}")


if __name__ == "__main__":
    main()
