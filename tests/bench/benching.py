"""What the benches share: arguments, turns and medians, our loop, and digits as torchvision has them."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from torchvision import datasets, transforms

from engine import data as our_data
from engine.family import Family
from engine.fit import fit, optimizers_of


def settings(about: str | None, **sizes: tuple[Any, Any]) -> argparse.Namespace:
    """The command line: `--quick`, and a flag for each size, of which are given (in full, with --quick)."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--quick", action="store_true", help="all of it, but small: does it still run?")
    for name, (full, quick) in sizes.items():
        parser.add_argument(f"--{name}", type=type(full), help=f"{full}, or {quick} with --quick")
    given = parser.parse_args()
    for name, pair in sizes.items():
        if getattr(given, name) is None:
            setattr(given, name, pair[given.quick])
    return given


def seconds(work: Callable[[], object]) -> float:
    """Of the processor, so that what else the machine does counts little."""
    start = time.process_time()
    work()
    return time.process_time() - start


def family_of(pid: int) -> list[int]:
    """A process and all its children."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def processor(pids: Iterable[int]) -> dict[int, float]:
    """Seconds of the processor that each process has had; those that are gone are left out."""
    had = {}
    for pid in pids:
        with suppress(psutil.Error):
            took = psutil.Process(pid).cpu_times()
            had[pid] = took.user + took.system
    return had


def memory(pids: Iterable[int], kind: str = "pss") -> float:
    """Megabytes; what processes share is counted once (pss), or not at all (uss)."""
    total = 0.0
    for pid in pids:
        with suppress(psutil.Error):
            total += getattr(psutil.Process(pid).memory_full_info(), kind) / 1e6
    return total


def heading(what: str, peer: str = "peer", ours: str = "ours") -> None:
    print(f"{what:<48}{peer:>12}{ours:>12}{'ratio':>8}   target", flush=True)


def compare(
    name: str, peer: Callable[[], float], ours: Callable[[], float], times: int, target: str = ""
) -> float:
    """Print a row of a table. Both return how much they make a second. They take turns, since the machine's
    speed drifts; the medians count, and that of ours is returned."""
    peer()
    ours()
    pairs = [(peer(), ours()) for _ in range(times)]
    theirs, us = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{name:<48}{theirs:>12,.1f}{us:>12,.1f}{ratio:>8.2f}   {target}".rstrip(), flush=True)
    return us


class Loop:
    """Our loop on a model that lives on."""

    def __init__(self, model: Family, data: our_data.Dataset) -> None:
        self.model, self.data = model, data
        self.optimizers, self.round = optimizers_of(model), 0

    def train(self, limit: float) -> float:
        """Examples a second, in so many seconds of the processor."""
        size, first, start = self.model.config.batch, self.round, time.process_time()
        for _turn in fit(self.model, our_data.batches(self.data, lambda: size, 0, first), self.optimizers):
            self.round += 1
            if time.process_time() - start >= limit:
                break
        return (self.round - first) * size / (time.process_time() - start)


def mnist_in(folder: Path, transform: Callable | None = None) -> datasets.MNIST:
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
    return datasets.MNIST(str(folder), train=True, transform=transform or transforms.ToTensor())
