"""A wall against single runs, as ratios measured in one run: `python -m tests.bench.bench_stack`.

The peer is a plain loop of single models, one after the other: it makes as many rounds of members a second
with one as with many. The two take turns, since the machine's speed drifts; medians count.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from engine import data
from engine.device import prepare
from engine.fit import fit, optimizers_of
from engine.gan.gan import GAN
from engine.stack import batch_of, stack
from tests.bench.benching import compare, heading, settings

SMALL = {"width_G": 32, "width_D": 32, "depth_G": 2, "depth_D": 2, "batch": 64}
RING = data.load("ring")


def rate(round: Callable[[int], Any], device: torch.device, seconds: float) -> float:
    """Rounds a second."""
    for i in range(5):
        round(i)
    made, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        round(made)
        made += 1
    if device.type == "cuda":
        torch.cuda.synchronize()
    return made / (time.perf_counter() - start)


def single(config: Any, device: torch.device) -> Callable[[int], Any]:
    model, ring = GAN(config, RING.space).to(device), RING.to(device)
    optimizers = optimizers_of(model)
    return lambda i: list(fit(model, [ring.batch(config.batch, 0, i)], optimizers))


def wall(config: Any, n: int, device: torch.device) -> Callable[[int], Any]:
    configs = [config.change({"lr_D": 1e-4 * (1 + i)}) for i in range(n)]
    model, ring = stack(GAN, configs, RING.space, [0] * n).to(device), RING.to(device)
    optimizers = optimizers_of(model)
    return lambda i: list(fit(model, [batch_of(ring, config.batch, model.seeds, i)], optimizers))


def main() -> None:
    given = settings(__doc__, seconds=(1.5, 0.1), times=(3, 1))
    prepare(1)
    devices = [torch.device("cpu"), *([torch.device("cuda")] if torch.cuda.is_available() else [])]
    for device in devices:
        for title, knobs in (("wall's nets", SMALL), ("default nets", {})):
            config = GAN.configure(RING.space, knobs)
            heading(f"{device.type}, {title}: rounds/s x members", "single", "wall")
            for n in (1, 4, 16, 64):
                one, many = single(config, device), wall(config, n, device)
                compare(
                    f"  {n} members",
                    lambda one=one: rate(one, device, given.seconds),  # noqa: B023
                    lambda many=many, n=n: n * rate(many, device, given.seconds),  # noqa: B023
                    given.times,
                )
    if len(devices) == 1:
        print("cuda: skipped, there is none")


if __name__ == "__main__":
    main()
