"""Diffusions against what others would run: `python tests/bench/bench_diffusion.py`.

Ratios measured in one run; peer and ours take turns, since the machine's speed drifts, and the medians count.
Seconds are the processor's, of one thread each, so that what else the machine does counts little.
Sampling: the loop that diffusers' documentation shows, with the very same net. Training: the loops of two
popular small repositories, written anew, with the very same net: digits one by one out of torchvision's
MNIST, Adam, and the loss read after every batch; the second also clips gradients and averages weights, every
tenth time. (Both would read digits in other processes if there were cores to spare.) Nearly all the time is
the net's convolutions, which both have alike.
"""

from __future__ import annotations

import copy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import torch
from diffusers import DDIMScheduler, DDPMScheduler
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import transforms
from tqdm import tqdm

from engine import data as our_data
from engine.device import prepare
from engine.diffusion.ddpm import DDPM
from engine.diffusion.schedule import beta
from engine.fit import fit, optimizers_of
from engine.space import Picture

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.bench_training import mnist_in

TIMES, SECONDS = 7, 3.0
RING, DIGITS = our_data.load("ring"), our_data.load("digits")


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def compare(name: str, peer: Callable[[], float], ours: Callable[[], float], goal: str) -> None:
    """Both return how much there is of what is better more of: samples or images a second."""
    peer()
    ours()
    pairs = [(peer(), ours()) for _ in range(TIMES)]
    theirs, us = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{name:<48}{theirs:>10,.1f}{us:>10,.1f}{ratio:>8.2f}   {goal}", flush=True)


# --- sampling ------------------------------------------------------------------------------------


@torch.inference_mode()
def theirs(kind: type, model: DDPM, x: Tensor, steps: int, **options: bool) -> Tensor:
    T = model.config.T
    scheduler = kind(
        num_train_timesteps=T, trained_betas=beta(model.alpha_bar)[1:].tolist(), timestep_spacing="trailing",
        clip_sample=isinstance(model.space, Picture),
    )  # fmt: skip
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        eps = model.average(x, (t.reshape(1) + 1) / T)
        x = scheduler.step(eps, t, x, **options).prev_sample
    return x


def sampling() -> None:
    print(f"{'samples/s':<48}{'diffusers':>10}{'ours':>10}{'ratio':>8}   target")
    points = DDPM(DDPM.configure(RING.space), RING.space)
    pictures = DDPM(DDPM.configure(DIGITS.space, {"T": 100}), DIGITS.space)
    cut = {"use_clipped_model_output": True}
    for model, what, n in ((points, "points", 1000), (pictures, "digits", 16)):
        for kind, sampler, steps, options in (
            (DDPMScheduler, "DDPM", 100, {}),
            (DDIMScheduler, "DDIM", 20, cut if model is pictures else {}),
        ):
            start = model.p_T(n)

            def peer(kind=kind, steps=steps, options=options, model=model, n=n, start=start) -> float:  # type: ignore[no-untyped-def]
                return n / seconds(lambda: theirs(kind, model, start, steps, **options))

            def ours(sampler=sampler, steps=steps, model=model, n=n, start=start) -> float:  # type: ignore[no-untyped-def]
                return n / seconds(lambda: list(model.walk_from(start, sampler=sampler, steps=steps)))

            compare(f"{sampler}, {steps} steps, {n:,} {what}", peer, ours, ">= 1")
    took = statistics.median(
        seconds(lambda: points.sample(1000, sampler="DDPM", steps=100)) for _ in range(TIMES)
    )
    print(f"\n1,000 points through 100 steps: {took:.2f} s   < 0.5\n")


# --- training ------------------------------------------------------------------------------------


class Peer:
    """The loop of a small repository, with the net and the noise levels of `model`."""

    def __init__(self, model: DDPM, loader: DataLoader) -> None:
        self.net, self.loader, self.T = copy.deepcopy(model.net), loader, model.config.T
        self.drop, self.classes = model.config.drop, model.space.classes
        alpha_bar = model.alpha_bar.float()[1:]
        self.signal, self.noise = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        self.optimizer = self.adam()

    def adam(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.net.parameters(), lr=1e-4)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        t, eps = torch.randint(0, self.T, (len(x),)), torch.randn_like(x)
        x_t = self.signal[t, None, None, None] * x + self.noise[t, None, None, None] * eps
        hidden = torch.bernoulli(torch.full(y.shape, self.drop)).bool()
        return F.mse_loss(self.net(x_t, (t + 1) / self.T, torch.where(hidden, self.classes, y)), eps)

    def train(self, limit: float = SECONDS) -> float:
        """Images a second."""
        seen, smooth, start = 0, None, time.process_time()
        while True:
            bar = tqdm(self.loader, file=sys.stderr, disable=None, mininterval=1)
            for x, y in bar:
                loss = self.step(x, y)
                smooth = loss if smooth is None else 0.95 * smooth + 0.05 * loss
                bar.set_description(f"loss: {smooth:.4f}")
                seen += len(x)
                if time.process_time() - start >= limit:
                    return seen / (time.process_time() - start)

    def step(self, x: Tensor, y: Tensor) -> float:
        self.optimizer.zero_grad()
        loss = self.loss(x, y)
        loss.backward()
        found = loss.item()
        self.optimizer.step()
        return found


class WithAverage(Peer):
    """As the other repository has it."""

    def __init__(self, model: DDPM, loader: DataLoader) -> None:
        super().__init__(model, loader)
        self.average, self.round = copy.deepcopy(self.net), 0

    def adam(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.net.parameters(), lr=1e-4, betas=(0.9, 0.99))

    def step(self, x: Tensor, y: Tensor) -> float:
        loss = self.loss(2 * x - 1, y)
        found = loss.item()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.round += 1
        if self.round % 10 == 0:
            with torch.no_grad():
                for old, new in zip(self.average.parameters(), self.net.parameters(), strict=True):
                    old.copy_(old * 0.995 + new * 0.005)
        return found


class Ours:
    """Our loop, whose average follows every round."""

    def __init__(self, model: DDPM) -> None:
        self.model, self.optimizers, self.round = model, optimizers_of(model), count()

    def train(self, limit: float = SECONDS) -> float:
        """Images a second."""
        size, first, start = self.model.config.batch, next(self.round), time.process_time()
        for turn in fit(self.model, our_data.batches(DIGITS, lambda: size, 0, first), self.optimizers):
            last = turn.round
            if time.process_time() - start >= limit:
                break
        self.round = count(last + 1)
        return (last + 1 - first) * size / (time.process_time() - start)


def training() -> None:
    print(
        f"{'images/s, the U-Net of our digits, 64 a batch':<48}{'peer':>10}{'ours':>10}{'ratio':>8}   target"
    )
    with tempfile.TemporaryDirectory() as folder:
        mnist = mnist_in(Path(folder))
        torch.manual_seed(0)
        model = DDPM(DDPM.configure(DIGITS.space), DIGITS.space)
        mnist.transform = transforms.ToTensor()
        peer = Peer(model, DataLoader(mnist, batch_size=64, shuffle=True))
        compare("the shortest loop", peer.train, Ours(model).train, ">= 1.3")
        mnist.transform = transforms.Compose(
            [transforms.Resize(28), transforms.RandomHorizontalFlip(), transforms.CenterCrop(28),
             transforms.ToTensor()]
        )  # fmt: skip
        peer = WithAverage(model, DataLoader(mnist, batch_size=64, shuffle=True))
        compare("with an average of the weights", peer.train, Ours(model).train, ">= 1.3")


def main() -> None:
    prepare(1)
    sampling()
    training()


if __name__ == "__main__":
    main()
