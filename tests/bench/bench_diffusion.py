"""Diffusions against what others would run: `python -m tests.bench.bench_diffusion`.

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
from tests.bench.benching import Loop, compare, heading, mnist_in, seconds, settings

RING, DIGITS = our_data.load("ring"), our_data.load("digits")


# --- sampling ------------------------------------------------------------------------------------


@torch.inference_mode()
def theirs(kind: type, model: DDPM, x: Tensor, steps: int, **options: bool) -> Tensor:
    T = model.config.T
    scheduler = kind(
        num_train_timesteps=T, trained_betas=beta(model.alpha_bar)[1:].tolist(), timestep_spacing="trailing",
        clip_sample=model.space.kind == "image",
    )  # fmt: skip
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        eps = model.average(x, (t.reshape(1) + 1) / T)
        x = scheduler.step(eps, t, x, **options).prev_sample
    return x


def sampling(times: int, digits: int) -> None:
    heading("samples/s", "diffusers")
    points = DDPM(DDPM.configure(RING.space), RING.space)
    pictures = DDPM(DDPM.configure(DIGITS.space, {"T": 100}), DIGITS.space)
    cut = {"use_clipped_model_output": True}
    for model, what, n in ((points, "points", 1000), (pictures, "digits", digits)):
        for kind, sampler, steps, options in (
            (DDPMScheduler, "DDPM", 100, {}),
            (DDIMScheduler, "DDIM", 20, cut if model is pictures else {}),
        ):
            start = model.p_T(n)

            def peer(kind=kind, steps=steps, options=options, model=model, n=n, start=start) -> float:  # type: ignore[no-untyped-def]
                return n / seconds(lambda: theirs(kind, model, start, steps, **options))

            def ours(sampler=sampler, steps=steps, model=model, n=n, start=start) -> float:  # type: ignore[no-untyped-def]
                return n / seconds(lambda: list(model.walk_from(start, sampler=sampler, steps=steps)))

            compare(f"{sampler}, {steps} steps, {n:,} {what}", peer, ours, times, ">= 1")
    took = statistics.median(
        seconds(lambda: points.sample(1000, sampler="DDPM", steps=100)) for _ in range(times)
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

    def train(self, limit: float) -> float:
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
        value = loss.item()
        self.optimizer.step()
        return value


class WithAverage(Peer):
    """As the other repository has it."""

    def __init__(self, model: DDPM, loader: DataLoader) -> None:
        super().__init__(model, loader)
        self.average, self.round = copy.deepcopy(self.net), 0

    def adam(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.net.parameters(), lr=1e-4, betas=(0.9, 0.99))

    def step(self, x: Tensor, y: Tensor) -> float:
        loss = self.loss(2 * x - 1, y)
        value = loss.item()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.round += 1
        if self.round % 10 == 0:
            with torch.no_grad():
                for old, new in zip(self.average.parameters(), self.net.parameters(), strict=True):
                    old.copy_(old * 0.995 + new * 0.005)
        return value


def training(limit: float, times: int) -> None:
    heading("images/s, the U-Net of our digits, 64 a batch")
    augment = transforms.Compose(
        [transforms.Resize(28), transforms.RandomHorizontalFlip(), transforms.CenterCrop(28),
         transforms.ToTensor()]
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        mnist = mnist_in(Path(folder))
        torch.manual_seed(0)
        model = DDPM(DDPM.configure(DIGITS.space), DIGITS.space)
        for name, of, transform in (
            ("the shortest loop", Peer, mnist.transform),
            ("with an average of the weights", WithAverage, augment),
        ):
            mnist.transform = transform
            peer, ours = of(model, DataLoader(mnist, batch_size=64, shuffle=True)), Loop(model, DIGITS)
            compare(
                name,
                lambda peer=peer: peer.train(limit),
                lambda ours=ours: ours.train(limit),
                times,
                ">= 1.3",
            )


def main() -> None:
    given = settings(__doc__, times=(7, 1), seconds=(3.0, 0.1), digits=(16, 2))
    prepare(1)
    sampling(given.times, given.digits)
    training(given.seconds, given.times)


if __name__ == "__main__":
    main()
