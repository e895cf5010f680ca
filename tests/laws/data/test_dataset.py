"""Examples come with what belongs to them: labels, factors, another picture; whoever asks."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

from engine.data import Dataset, floats, keep_images, load, network
from engine.data.builtin import TARGETS, divided
from engine.data.keep import keep
from engine.space import Picture, Plane


def numbered(n=50, classes=7):
    """Points (i, 2i), the label i % classes, and other numbers for testing."""
    x = torch.arange(float(n))[:, None] * torch.tensor([1.0, 2.0])
    test = 1000 + x[: n // 5]
    y, test_y = torch.arange(n) % classes, (torch.arange(n // 5) + 3) % classes
    space = Plane((2,), classes)
    return Dataset(name="n", title="", x=x, y=y, test_x=test, test_y=test_y, space=space)


@pytest.mark.parametrize("n", [1, 3, 7, 10, 49, 50, 51, 1000])
def test_some_are_spread_evenly_over_all_with_their_labels(n):
    data = numbered()
    for test, length, begin in ((False, 50, 0), (True, 10, 1000)):
        x, y = data.some(n, test=test)
        at = [i * length // min(n, length) for i in range(min(n, length))]
        assert (x[:, 0] - begin).tolist() == at
        assert torch.equal(x[:, 1] - begin, 2 * torch.tensor(at))
        assert y.tolist() == [(i + 3 * test) % 7 for i in at]


def test_a_batch_has_the_labels_of_its_examples_and_never_a_test_example():
    data = numbered()
    seen = set()
    for round in range(20):
        batch = data.batch(33, 5, round)
        assert batch.x.shape == (33, 2)
        assert torch.equal(batch.y, batch.x[:, 0].long() % 7)
        seen |= set(batch.x[:, 0].tolist())
    assert seen == set(map(float, range(50)))


def test_a_batch_is_philox_at_this_round_and_draw():
    """The stream that recordings and claims rest on, once more by numpy's own words."""
    data = numbered()
    rounds = [(3, round, 0) for round in range(40)]
    for seed, round, draw in ((0, 0, 0), *rounds, (3, 7, 2), (2**32 - 1, 10**6, 1)):
        philox = np.random.Philox(counter=draw * 2**64 + round * 2**128, key=seed)
        index = np.random.Generator(philox).integers(50, size=16)
        batch = data.batch(16, seed, round, draw)
        assert batch.x[:, 0].tolist() == index.tolist()
        assert batch.round == round


def pairs(paired):
    """Pictures of one level i, beside others of the level 100 + i."""
    level = torch.arange(60, dtype=torch.uint8)[:, None, None, None]
    space = Picture((1, 2, 2), Picture((3, 2, 2)), paired=paired)
    x, y = level.expand(60, 1, 2, 2), 100 + level.expand(60, 3, 2, 2)
    return Dataset(name="p", title="", x=x, y=y, test_x=x, test_y=y, space=space)


def test_a_picture_beside_a_picture_is_of_the_same_pair_and_as_a_model_sees_it():
    for batch in (pairs(True).batch(40, 0, round) for round in range(3)):
        assert batch.y.shape == (40, 3, 2, 2)
        levels = ((batch.x[:, 0, 0, 0] + 1) * 127.5).round(), ((batch.y[:, 0, 0, 0] + 1) * 127.5).round()
        assert torch.equal(levels[0] + 100, levels[1])


@pytest.mark.parametrize("test", [False, True])
def test_some_pictures_beside_pictures_are_of_the_same_pairs_and_as_a_model_sees_them(test):
    x, y = pairs(True).some(7, test=test)
    assert x.dtype == y.dtype == torch.get_default_dtype()
    assert ((x[:, 0, 0, 0] + 1) * 127.5).round().tolist() == [i * 60 // 7 for i in range(7)]
    assert ((y[:, 0, 0, 0] + 1) * 127.5).round().tolist() == [100 + i * 60 // 7 for i in range(7)]


def test_unpaired_pictures_come_independently_of_each_other():
    data, both = pairs(False), []
    for round in range(100):
        batch = data.batch(60, 1, round)
        again = data.batch(60, 1, round)
        assert torch.equal(batch.y, again.y)
        both.append(torch.stack([((t[:, 0, 0, 0] + 1) * 127.5).round() for t in (batch.x, batch.y)], 1))
    x, y = torch.cat(both).long().T
    assert stats.chisquare((y - 100).bincount(minlength=60)).pvalue > 1e-4
    table = (x // 10 * 6 + (y - 100) // 10).bincount(minlength=36).reshape(6, 6)
    assert stats.chi2_contingency(table).pvalue > 1e-4
    assert torch.equal(data.batch(60, 1, 0).x, pairs(True).batch(60, 1, 0).x)


def test_pixels_are_floats_from_minus_one_to_one_and_points_are_as_they_are():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.allclose(floats(levels), torch.linspace(-1, 1, 256), atol=1e-6)
    x = torch.randn(5, 2)
    assert torch.equal(floats(x), x)


@pytest.mark.parametrize("n", [10, 11, 19, 20, 101])
def test_every_tenth_example_is_for_testing_with_all_that_belongs_to_it(n):
    x, y, factors = torch.arange(n), torch.arange(n) + 1000, torch.arange(n) + 2000
    data = divided(x, y, factors, name="", title="", space=Plane((2,)))
    test = [i for i in range(n) if i % 10 == 9]
    train = [i for i in range(n) if i % 10 != 9]
    for parts, index in (
        ((data.x, data.y, data.factors), train),
        ((data.test_x, data.test_y, data.test_factors), test),
    ):
        for begin, part in zip((0, 1000, 2000), parts, strict=True):
            assert (part - begin).tolist() == index


# --- built-in distributions ----------------------------------------------------------------------


@pytest.mark.parametrize("name", TARGETS)
def test_examples_are_the_first_draws_of_their_target(name):
    data = load(name)
    x, k = data.target.draw(60_000, np.random.default_rng(0))
    assert torch.equal(data.x, x[:50_000].float())
    assert torch.equal(data.test_x, x[50_000:].float())
    if data.space.classes:
        assert torch.equal(data.y, k[:50_000])
        assert torch.equal(data.test_y, k[50_000:])
    assert data.box == data.target.box
    assert (data.center.tolist(), data.unit.tolist()) == ([0.0] * data.target.d, [1.0] * data.target.d)


# the first example and the last one for testing, with their labels: recordings were made with these
FIRST_AND_LAST = {
    "two-bumps": ([-1.4358], [-1.6931], (0, 0)),
    "three-bumps": ([-0.3268], [-2.5198], (1, 0)),
    "ring": ([-1.5232, -1.4736], [2.0313, 0.0084], (5, 0)),
    "grid": ([-2.0545, 0.9703], [-1.9843, -1.9958], (15, 0)),
    "two-gaussians": ([0.4553, -0.2967], [-0.8433, 0.0419], (1, 0)),
    "aside": ([2.4553, 0.7033], [3.1567, -0.9581], (1, 0)),
    "line": ([1.5964, 0.9064], [0.2803, -0.0138], None),
    "moons": ([0.9947, -0.4952], [-0.4394, 0.7754], (1, 0)),
    "spiral": ([-0.2304, -1.9794], [-0.0458, 0.5571], None),
    "pinwheel": ([1.2467, -0.8292], [-1.1709, 1.2407], (4, 1)),
    "checkerboard": ([-0.9192, 3.1879], [1.0833, -2.869], (6, 1)),
    "circles": ([-2.0678, -0.5056], [-0.4856, -0.947], (1, 0)),
}


@pytest.mark.parametrize("name", TARGETS)
def test_examples_are_always_the_same(name):
    data, (first, last, labels) = load(name), FIRST_AND_LAST[name]
    assert data.x[0].tolist() == pytest.approx(first, abs=1e-4)
    assert data.test_x[-1].tolist() == pytest.approx(last, abs=1e-4)
    assert labels == (None if data.y is None else (data.y[0], data.test_y[-1]))


def piece(name, x):
    """The class of each point that is nearest, (n,), and how far the nearest piece is."""
    t = torch.linspace(0, 1, 2000, dtype=torch.float64)
    if name == "moons":
        c, s = (math.pi * t).cos(), (math.pi * t).sin()
        curves = [torch.stack([c, s], 1), torch.stack([1 - c, 0.5 - s], 1)]
        far = torch.stack([torch.cdist(x, curve).amin(1) for curve in curves], 1)
    elif name == "circles":
        far = (x.norm(dim=1)[:, None] - torch.tensor([1.0, 2.0])).abs()
    elif name == "pinwheel":
        z = torch.view_as_complex(x.contiguous())
        z = z * torch.exp(-0.35j * z.abs() ** 2)
        arms = [
            torch.view_as_real(z * np.exp(-2j * np.pi * k / 5)) - torch.tensor([1.6, 0.0]) for k in range(5)
        ]
        far = torch.stack([(a / torch.tensor([0.3, 0.12])).norm(dim=1) for a in arms], 1)
    else:  # the squares of a checkerboard, row by row from below
        corners = [(c, r) for r in range(4) for c in range(4) if (c + r) % 2 == 0]
        centres = torch.tensor([(2.0 * c - 3, 2.0 * r - 3) for c, r in corners], dtype=torch.float64)
        far = (x[:, None] - centres).abs().amax(2)
    return far.argmin(1), far.amin(1)


@pytest.mark.parametrize(
    ("name", "within"), [("moons", 0.5), ("circles", 0.5), ("pinwheel", 6), ("checkerboard", 1)]
)
def test_a_class_is_the_piece_on_which_an_example_lies(name, within):
    data = load(name)
    for x, y in ((data.x[:4000], data.y[:4000]), (data.test_x[:1000], data.test_y[:1000])):
        nearest, far = piece(name, x.double())
        assert far.max() <= within
        assert (nearest == y).double().mean() > {"moons": 0.97, "pinwheel": 0.99}.get(name, 0.9999)
        assert stats.chisquare(y.bincount()).pvalue > 1e-4


@pytest.mark.parametrize("name", ["two-bumps", "three-bumps", "ring", "grid", "two-gaussians", "aside"])
def test_test_examples_have_the_labels_of_their_modes(name):
    data = load(name)
    away = (data.test_x - data.target.modes[data.test_y]).norm(dim=1) / data.target.sigma
    assert away.max() < 6
    share = data.test_y.bincount().double() / len(data.test_y)
    assert (share - data.target.weights).abs().max() < 0.02


# --- what users bring, and what the network has --------------------------------------------------


@pytest.mark.parametrize(("apart", "channels"), [(0, 1), (8, 1), (9, 3), (200, 3)])
def test_pictures_have_colour_if_any_two_channels_are_more_than_8_levels_apart(apart, channels, tmp_path):
    for i in range(10):
        pixels = np.full((40, 40, 3), 30, np.uint8)
        pixels[..., i % 3] += apart if i == 4 else 0
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    data = load(keep_images(tmp_path, tmp_path), tmp_path)
    assert data.x.shape[1] == channels
    assert ("colour" in data.note) == (channels == 3)


def test_grey_is_the_luminance(tmp_path):
    for i in range(10):
        Image.new("RGB", (30, 30), (108, 100, 104)).save(tmp_path / f"{i}.png")
    wanted = round(0.299 * 108 + 0.587 * 100 + 0.114 * 104)
    assert load(keep_images(tmp_path, tmp_path), tmp_path).x.unique().tolist() == [wanted]


def test_a_set_of_the_network_is_downloaded_once_and_divided_as_published(tmp_path, monkeypatch):
    made = []

    def torchvision(wanted, root, *, train, download):
        made.append((wanted.torchvision, train, download))
        if download:
            (root / wanted.folder).mkdir(exist_ok=True)
        n, shape = (6, 4)[not train], (32, 32, 3) if wanted.name == "cifar10" else (28, 28)
        data = np.arange(n * math.prod(shape)).reshape(n, *shape).astype(np.uint8) + (0 if train else 1)
        return SimpleNamespace(data=data, targets=[i + 3 * train for i in range(n)])

    monkeypatch.setattr(network, "online", lambda url: True)
    monkeypatch.setattr(network, "_torchvision", torchvision)
    for name, title in (("mnist", "MNIST"), ("cifar10", "CIFAR10")):
        made.clear()
        data = network.download(name, tmp_path)
        assert made == [
            (title, True, True),
            (title, False, True),
            (title, True, False),
            (title, False, False),
        ]
        made.clear()
        network.download(name, tmp_path)
        assert made == [(title, True, False), (title, False, False)]
        assert (len(data.x), len(data.test_x)) == (6, 4)
        assert (data.y.tolist(), data.test_y.tolist()) == ([3, 4, 5, 6, 7, 8], [0, 1, 2, 3])
        assert data.space == Picture((3, 32, 32) if name == "cifar10" else (1, 28, 28), 10)
        x = np.arange(6 * math.prod(data.space.shape)).astype(np.uint8)
        whole = (
            x.reshape(6, 32, 32, 3).transpose(0, 3, 1, 2) if name == "cifar10" else x.reshape(6, 1, 28, 28)
        )
        assert np.array_equal(data.x, whole)
        assert np.array_equal(data.test_x, whole[:4] + 1)
        assert data.note == "6 training and 4 test images, as published."


def test_what_is_kept_is_read_from_where_it_was_kept(tmp_path):
    name = keep("csv", {"points": np.random.default_rng(1).normal(size=(20, 2))}, tmp_path / "one")
    other = keep("csv", {"points": np.random.default_rng(2).normal(size=(20, 2))}, tmp_path / "two")
    assert name != other
    assert len(load(name, tmp_path / "one").x) == 18
