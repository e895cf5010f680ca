"""torchvision's data sets, which are downloaded once and then kept."""

from __future__ import annotations

import socket
import tempfile
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.config import Refused
from engine.data.dataset import Dataset
from engine.space import Space

PATIENCE = 5.0  # seconds to wait for a first answer; twice as long for each pause within a download


@dataclass(frozen=True)
class Set:
    """One of torchvision's data sets."""

    name: str
    title: str
    torchvision: str  # class and folder there
    folder: str  # that torchvision puts it in
    url: str  # is asked first, to see whether there is a network
    says: str


_SETS = (
    Set("mnist", "MNIST", "MNIST", "MNIST", "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "70,000 handwritten digits."),
    Set("fashion", "Fashion-MNIST", "FashionMNIST", "FashionMNIST",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", "70,000 pictures of clothes."),
    Set("kmnist", "KMNIST", "KMNIST", "KMNIST", "http://codh.rois.ac.jp/kmnist/",
        "70,000 cursive Japanese characters."),
    Set("cifar10", "CIFAR-10", "CIFAR10", "cifar-10-batches-py", "https://www.cs.toronto.edu/",
        "60,000 small colour photographs of ten things."),
)  # fmt: skip
SETS = {each.name: each for each in _SETS}


def download(name: str, home: Path) -> Dataset:
    """A torchvision data set, kept in home/data/torchvision. Raises `Refused` if it cannot be downloaded."""
    wanted, root = SETS[name], Path(home) / "data" / "torchvision"
    if not (root / wanted.folder).is_dir():
        _fetch(wanted, root)
    parts: dict[str, Any] = {}
    for split in ("", "test_"):
        held = _torchvision(wanted, root, train=not split, download=False)
        x = torch.as_tensor(held.data)
        parts[f"{split}x"] = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2).contiguous()
        parts[f"{split}y"] = torch.as_tensor(held.targets, dtype=torch.int64)
    n, *shape = parts["x"].shape
    note = f"{n:,} training and {len(parts['test_x']):,} test images, as published."
    return Dataset(name=name, title=wanted.title, **parts, space=Space.of(tuple(shape), 10), note=note)


def _torchvision(wanted: Set, root: Path, **how: bool) -> Any:
    from torchvision import datasets  # late: it takes a second to import

    return getattr(datasets, wanted.torchvision)(str(root), **how)


def _fetch(wanted: Set, root: Path) -> None:
    """Download into a temporary folder and move it into `root` when complete."""
    if not online(wanted.url):
        raise Refused(f"{wanted.title} needs a network the first time; choose digits, which works offline.")
    root.mkdir(parents=True, exist_ok=True)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(2 * PATIENCE)  # torchvision gives no timeout of its own
    try:
        with tempfile.TemporaryDirectory(dir=root) as part:
            for train in (True, False):
                _torchvision(wanted, Path(part), train=train, download=True)
            if not (root / wanted.folder).is_dir():
                (Path(part) / wanted.folder).rename(root / wanted.folder)
    except (OSError, RuntimeError) as error:
        why = f"{wanted.title} could not be downloaded ({type(error).__name__})"
        raise Refused(f"{why}; try again later, or choose digits.") from error
    finally:
        socket.setdefaulttimeout(before)


def online(url: str) -> bool:
    """Whether anything answers at `url` within PATIENCE seconds."""
    answered = threading.Event()

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE).close()
            answered.set()
        except urllib.error.HTTPError:
            answered.set()  # it refuses, but it answers
        except OSError:
            pass

    thread = threading.Thread(target=ask, daemon=True)  # the look-up of a name has no timeout
    thread.start()
    thread.join(PATIENCE)
    return answered.is_set()
