"""The numbers in answers about flows, where another population, weighting or direction would give others."""

from __future__ import annotations

import base64
import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine import data as datasets
from engine.data import floats
from engine.families import find
from engine.flow.transforms import Inverse
from lab import probes
from lab.flow import autoregressive_probe as autoregressive
from lab.flow import layers_probe as layers
from lab.flow import pictures_probe as pictures

DIGITS, MOONS = datasets.load("digits"), datasets.load("moons")


def built(name, data, by=0.1, **values):
    torch.manual_seed(1)
    family = find(name)
    model = family(family.configure(data.space, {"layers": 2, "width": 8} | values), data.space)
    with torch.no_grad():
        for weight in model.parameters():
            weight += by * torch.randn_like(weight)
    model.settled.fill_(True)
    return model


# --- pictures -----------------------------------------------------------------------------------------


class Inky(torch.nn.Module):
    """A picture has 1 bit per dimension and one more for each part of it that is ink; every other draw of
    the noise, which `draws` counts, gives one more."""

    space, unit = DIGITS.space, 1 / (784 * math.log(2))

    def dequantized(self, x):
        self.n = len(x)
        return x

    def log_prob(self, x):
        ink = ((x + 1) / 2).flatten(1).double().mean(1)
        noise = torch.arange(self.n) >= self.n // 2
        return -(1 + ink + noise.double()) / self.unit


def test_bits_are_means_over_two_draws_and_each_kind_is_measured_on_its_own_pictures():
    n = 6
    answer = pictures.likelihoods(Inky(), DIGITS, n=n)
    means = {kind["name"]: kind["mean"] for kind in answer["kinds"]}
    test, train = ((DIGITS.some(n, test=which)[0] + 1) / 2 for which in (True, False))
    ink = test.double().mean().item()
    assert means["test"] == pytest.approx(1.5 + ink, abs=1e-6)
    assert means["training"] == pytest.approx(1.5 + train.double().mean().item(), abs=1e-6)
    assert means["training"] != pytest.approx(means["test"], abs=1e-4)
    assert means["inverted"] == pytest.approx(2.5 - ink, abs=1e-6)
    assert means["shuffled"] == pytest.approx(1.5 + ink, abs=1e-6)
    assert means["noise"] == pytest.approx(2, abs=0.02)
    assert (means["black"], means["grey"]) == pytest.approx((1.5, 1.5 + 127 / 255), abs=1e-6)
    assert [kind["title"] for kind in answer["kinds"][:3]] == [
        "test digits",
        "training digits",
        "test digits, inverted",
    ]
    edges = answer["edges"]
    assert (len(edges), edges[0]) == (41, pytest.approx(1.5, rel=1e-6))
    assert np.diff(np.log(edges)) == pytest.approx(np.full(40, np.log(edges[-1] / edges[0]) / 40))
    for kind in answer["kinds"]:
        own, counts = answer[f"bits/{kind['name']}"].astype(float), np.zeros(40)
        for b in own:
            counts[max(i for i in range(40) if edges[i] <= b * (1 + 1e-7))] += 1
        assert answer[f"counts/{kind['name']}"].sum() == n
        assert np.abs(np.cumsum(answer[f"counts/{kind['name']}"] - counts)).max() <= 1  # of one on an edge


@pytest.mark.parametrize(("bits", "end"), [(1e5, -1), (1e-5, 0)])
def test_what_is_beyond_the_histogram_stands_in_its_last_bars(bits, end, monkeypatch):
    kinds = {"a": ("a", torch.zeros(3, 1, 28, 28)), "b": ("b", torch.zeros(3, 1, 28, 28))}
    monkeypatch.setattr(pictures, "kinds", lambda data, title, n: kinds)
    monkeypatch.setattr(pictures, "bits", lambda model, x: torch.tensor([0.5, 2.0, bits]))
    answer = pictures.likelihoods(Inky(), DIGITS)
    counts = answer["counts/a"]
    assert counts.sum() == 3
    assert counts[end] >= 1
    low, high = (0.5, 64.0) if end else (0.01, 2.0)
    assert answer["edges"][[0, -1]] == pytest.approx([low, 1.01 * high], rel=1e-5)


def test_less_probable_are_the_test_pictures_with_more_bits(monkeypatch):
    asked = []

    def bits(model, x, draws=2):
        asked.append((len(x), draws))
        return torch.arange(100) / 10 if len(x) == 100 else torch.tensor([6.95])

    monkeypatch.setattr(pictures, "bits", bits)
    drawing = base64.b64encode(DIGITS.test_x[7].numpy().tobytes()).decode()
    *_, last = pictures.of_picture(built("nice", DIGITS, 0.02), DIGITS, drawing)
    assert last["numbers"]["less probable"] == pytest.approx(0.30)
    assert last["numbers"]["bits per dimension"] == pytest.approx(6.95)
    assert last["numbers"]["log p"] == pytest.approx(-6.95 * 784 * math.log(2))
    assert asked == [(100, 1), (1, 8)]


@torch.no_grad()
def test_log_p_on_the_way_is_that_of_the_layers_that_follow():
    model = built("real-nvp", DIGITS, 0.02)
    drawing = base64.b64encode(DIGITS.test_x[7].numpy().tobytes()).decode()
    torch.manual_seed(9)
    parts = list(pictures.of_picture(model, DIGITS, drawing))
    L = len(model.transforms)
    exact = model.exact()
    torch.manual_seed(9)
    (
        pictures.bits(model, DIGITS.some(100, test=True)[0], 1),
        pictures.bits(model, floats(DIGITS.test_x[[7]]), 8),
    )
    h = model.dequantized(floats(DIGITS.test_x[[7]])).double()
    way, volumes = [h], []
    for f in exact.transforms:
        h, log_det = f(h)
        way.append(h)
        volumes.append(log_det.item())
    total = exact.base.log_prob(h).item()
    for part in parts[:-1]:
        t = part["t"]
        expected = total + sum(volumes[t:])
        assert part["numbers"]["log p"] == pytest.approx(expected, abs=1e-6)
        assert t == L or part["numbers"]["log |det|"] == pytest.approx(volumes[t], abs=1e-6)


def test_the_bits_of_a_temperature_are_the_mean_of_its_row(monkeypatch):
    monkeypatch.setattr(pictures, "bits", lambda model, x: torch.arange(len(x)).double())
    answer = pictures.temperatures(built("nice", DIGITS, 0.02), DIGITS, n=3)
    assert answer["temperatures"] == [0, 0.3, 0.5, 0.7, 0.85, 1, 1.2]
    assert answer["bits"] == [1 + 3 * i for i in range(7)]


@torch.no_grad()
def test_between_two_pictures_are_evenly_spaced_steps_in_z_and_in_pixels():
    model = built("nice", DIGITS, 0.02)
    torch.manual_seed(4)
    answer = pictures.between(model, DIGITS, 3, 8)
    torch.manual_seed(4)
    z = model(model.dequantized(floats(DIGITS.test_x[[3, 8]])))[0]
    share = torch.linspace(0, 1, 11)
    line = [((1 - t) * z[0] + t * z[1]).norm().item() for t in share]
    lengths = [((1 - t) * z[0].norm() + t * z[1].norm()).item() for t in share]
    assert answer["line norm"] == pytest.approx(line, rel=1e-4)
    assert answer["arc norm"] == pytest.approx(lengths, rel=1e-4)
    first, last = DIGITS.test_x[[3, 8], 0].numpy().astype(float)
    assert np.abs(answer["pixels"][3] - (0.7 * first + 0.3 * last)).max() <= 1


# --- points -------------------------------------------------------------------------------------------


def test_a_film_of_layers_that_change_no_volume_has_the_least_scale_and_no_colour():
    model = built("nice", MOONS, 0.0)
    for part in probes.ask(model, MOONS, "layers", {"n": 5}):
        assert part["numbers"]["scale of the colours"] == 0.05
        assert (part["stretch/field/stretch"] == 128).all()


def test_the_strongest_is_what_99_of_100_do_not_exceed():
    values = torch.cat([torch.linspace(-2, 2, 401), torch.tensor([math.nan, math.inf, -math.inf])])
    expected = np.quantile(np.abs(np.linspace(-2, 2, 401)), 0.99)
    assert layers.strongest(values) == pytest.approx(expected)
    assert layers.strongest(torch.tensor([math.nan])) == 0


def test_shades_are_relative_to_the_largest_and_logarithmic_down_to_e_to_the_minus_12():
    log_p = torch.tensor([1.0, 1 - math.log(2), math.nan, -math.inf])
    assert layers.relative(log_p).tolist() == pytest.approx([1, 0.5, 0, 0])
    assert layers.tones(torch.tensor([3.0, -3.0, -9.0, -1e9])).ravel().tolist() == [255, 128, 0, 0]
    assert layers.tones(torch.tensor([-3.0, -9.0, -9.0, -9.0]), top=torch.tensor(3.0)).max() == 128


def test_the_box_holds_98_of_100_points_and_a_little_more():
    points = torch.stack([torch.linspace(-30, 10, 1001), torch.zeros(1001)], 1)
    data = SimpleNamespace(box=(-1.0, 1.0, -1.0, 1.0))
    x0, x1, y0, y1 = layers.around([points, torch.full((1, 2), math.nan)], data)
    low, high = np.quantile(points[:, 0].numpy(), [0.01, 0.99])
    margin = 0.05 * (high - low)
    assert x0 <= low - margin + 1e-3
    assert x1 >= high + margin - 1e-3
    assert x1 - x0 == pytest.approx(y1 - y0)
    assert x1 - x0 < 1.5 * (high - low + 2 * margin)


def test_the_mass_of_half_a_density_is_half(monkeypatch):
    model = built("real-nvp", MOONS, 0.02)
    right = type(model).log_prob
    monkeypatch.setattr(type(model), "log_prob", lambda self, x: right(self, x) - math.log(2))
    assert probes.ask(model, MOONS, "plane", {})["mass"] == pytest.approx(0.5, abs=0.01)


def test_samples_and_densities_in_answers_are_of_the_averaged_weights():
    model = built("real-nvp", MOONS, 0.2)
    before = probes.ask(model, MOONS, "point", {"x": 0.3, "y": 0.1})["numbers"]["log_px"]
    with torch.no_grad():
        for weight in model.f.parameters():
            weight += 1.0
    assert probes.ask(model, MOONS, "point", {"x": 0.3, "y": 0.1})["numbers"]["log_px"] == before


# --- autoregressive layers ----------------------------------------------------------------------------


def test_by_default_the_middle_pixel_is_asked_for():
    answer = probes.ask(built("maf", DIGITS, width=900), DIGITS, "masks", {})
    assert answer["pixel"] == 14 * 28 + 14
    assert answer["D"] == 784
    assert (answer["mask/1"] > 0).sum() == 14 * 28 + 14  # all before it
    assert answer["order/2"].ravel().tolist() == list(range(783, -1, -1))


@pytest.mark.parametrize("order", ["alternate", "none", "random"])
def test_what_all_layers_may_do_together_is_the_product_of_what_each_may(order):
    model = built("maf", MOONS, order=order)
    answer = probes.ask(model, MOONS, "masks", {})
    together = np.eye(2, dtype=bool)
    for number, f in enumerate(model.transforms, 1):
        rank = f.net.rank
        each = (rank[:, None] >= rank).numpy()
        assert ((answer[f"jacobian/{number}"] > 0) == each).all()
        assert answer[f"order/{number}"].tolist() == rank.tolist()
        together = each.astype(int) @ together.astype(int) > 0
    assert ((answer["jacobian/all"] > 0) == together).all()


@torch.no_grad()
@pytest.mark.parametrize(("name", "slow"), [("maf", "sampling"), ("iaf", "density")])
def test_each_direction_is_timed_under_its_own_name(name, slow, monkeypatch):
    timed = []

    def seconds(do: partial) -> float:
        do()
        timed.append((do.func, len(do.args[0]), do.args[0].shape[-1]))
        return float(len(timed))

    monkeypatch.setattr(autoregressive, "seconds", seconds)
    model = built(name, MOONS, layers=3)
    *_, answer = autoregressive.speeds(model, MOONS, 4)
    assert timed[:2] == [(model, 4, 2), (model.inverse, 4, 2)]
    assert {way: answer[way] for way in ("density", "sampling")} == {
        way: {"steps": 6 if way == slow else 3, "seconds": i} for i, way in ((1, "density"), (2, "sampling"))
    }
    assert (answer["n"], answer["D"], answer["layers"]) == (4, 2, 3)
    for i, D in enumerate((2, 4, 16, 64, 256)):
        plain, back, inverted, again = timed[2 + 4 * i : 6 + 4 * i]
        assert plain[1:] == (4, D)
        assert back[0] == plain[0].inverse
        assert isinstance(inverted[0], Inverse)
        assert inverted[0].of is plain[0]
        assert again[0] == inverted[0].inverse
        numbers = [
            answer["curves"][f"{kind} {way}"][i] for kind in ("MAF", "IAF") for way in ("density", "sampling")
        ]
        assert numbers == [3 + 4 * i, 4 + 4 * i, 5 + 4 * i, 6 + 4 * i]


def test_a_time_is_the_median_of_five_and_what_is_slow_is_timed_once(monkeypatch):
    def clock(*times):
        now = iter([moment for t in times for moment in (0.0, t)])
        monkeypatch.setattr(autoregressive.time, "perf_counter", lambda: next(now))
        return autoregressive.seconds(lambda: None)

    assert clock(0.05, 0.01, 9.0, 0.02, 0.03) == pytest.approx(0.03)
    assert clock(0.1) == pytest.approx(0.1)
