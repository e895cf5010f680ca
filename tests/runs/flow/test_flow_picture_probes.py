"""What a page may ask a flow of pictures, or one with autoregressive layers: held against the model."""

import base64
import math

import numpy as np
import pytest
import torch

from engine import data as datasets
from engine.config import Refused
from engine.data import floats
from engine.families import find
from engine.flow.transforms import Autoregressive
from lab import probes
from lab.flow import autoregressive_probe as autoregressive
from lab.flow import pictures_probe as flow_pictures
from lab.makers.recordings import halved
from lab.runs import store, wire
from lab.runs.questions import stored
from lab.scenes.arrays import pictures

DIGITS = datasets.load("digits")
MOONS = datasets.load("moons")
SMALL = {"layers": 2, "width": 8}
QUESTIONS = {
    "likelihoods": {"n": 4},
    "of_picture": {"picture": base64.b64encode(DIGITS.test_x[7].numpy().tobytes()).decode()},
    "between": {"a": 1, "b": 2},
    "temperatures": {"n": 2},
}


def model(family: str = "real-nvp", data=DIGITS, **values):
    """A flow that has learned a little, so that no layer is the identity."""
    torch.manual_seed(1)
    it = find(family)
    it = it(it.configure(data.space, SMALL | values), data.space)
    it.initialise(it.dequantised(data.some(64)[0]))
    with torch.no_grad():
        for weight in it.parameters():
            weight += 0.02 * torch.randn_like(weight)
    it.average.load_state_dict(it.f.state_dict())
    return it


def ask(name: str, it=None, data=DIGITS, **arguments):
    found = probes.ask(it or model(), data, name, QUESTIONS.get(name, {}) | arguments)
    return found if isinstance(found, dict) else list(found)


class Even(torch.nn.Module):
    """All 256 levels are equally likely."""

    space, unit = DIGITS.space, 1 / (784 * math.log(2))

    def dequantised(self, x):
        return (x + 1) * 127.5 + torch.rand_like(x)

    def log_prob(self, c):
        return torch.full((len(c),), -784 * math.log(256))


# --- likelihoods -------------------------------------------------------------------------------


def test_a_uniform_model_needs_8_bits_for_everything():
    found = flow_pictures.likelihoods(Even(), DIGITS, n=5)
    assert [kind["mean"] for kind in found["kinds"]] == pytest.approx([8] * 8, abs=1e-5)


@pytest.mark.parametrize("family", ["nice", "real-nvp", "maf", "glow"])
def test_bits_are_those_of_the_model_and_every_picture_is_counted(family):
    it = model(family)
    found = ask("likelihoods", it, n=6)
    names = [kind["name"] for kind in found["kinds"]]
    assert names == ["test", "training", "inverted", "shuffled", "noise", "black", "grey", "ellipses"]
    test = floats(DIGITS.test_x[[i * 1000 // 6 for i in range(6)]])
    with torch.no_grad():
        draws = [-it.log_prob(it.dequantised(test)) / (784 * math.log(2)) for _ in range(20)]
    mean, each = torch.stack(draws).mean(0), torch.stack(draws).std(0)
    assert np.abs(found["bits/test"] - mean.numpy()).max() <= 5 * each.max()
    for kind in found["kinds"]:
        name = kind["name"]
        assert found[f"counts/{name}"].sum() == len(found[f"bits/{name}"]) == 6
        assert kind["mean"] == pytest.approx(found[f"bits/{name}"].mean(), rel=1e-4)
    place = (np.searchsorted(found["edges"], found["bits/noise"], side="right") - 1).clip(0, 39)
    assert found["counts/noise"].nonzero()[0].tolist() == sorted(set(place.tolist()))


def test_the_kinds_are_what_they_are_called():
    found = ask("likelihoods", n=9)
    seen = {name: found[f"pictures/{name}"].astype(int) for name in ("test", "inverted", "shuffled", "noise")}
    assert (seen["inverted"] == 255 - seen["test"]).all()
    for one, other in zip(seen["test"], seen["shuffled"], strict=True):
        assert (np.sort(one.ravel()) == np.sort(other.ravel())).all()
        assert (one != other).any()
    assert (seen["test"][0] == DIGITS.test_x[0, 0].numpy()).all()
    assert (seen["noise"] > 200).mean() == pytest.approx(55 / 256, abs=0.02)
    assert not found["pictures/black"].any()
    assert len(np.unique(found["pictures/grey"])) == 1
    assert found["bits/black"].shape == (9,)
    assert "Fashion-MNIST is not on this machine" in found["lacking"]


def test_other_pictures_have_digits_as_strangers():
    ellipses = datasets.load("ellipses")
    found = ask("likelihoods", model(data=ellipses), ellipses)
    assert [kind["name"] for kind in found["kinds"]][-1] == "digits"
    assert found["kinds"][0]["title"] == "test ellipses"


# --- one picture -------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["nice", "real-nvp", "maf", "glow"])
def test_a_drawing_goes_from_z_to_x_and_its_log_p_is_the_sum(family):
    it = model(family)
    parts = ask("of_picture", it)
    L = len(it.transforms)
    assert [part["t"] for part in parts] == list(range(L, -1, -1))
    assert {part["T"] for part in parts} == {L}
    assert (parts[-1]["h/images/samples"][0] == DIGITS.test_x[7, 0].numpy()).all()
    assert all(part["h/images/samples"].shape == (1, 28, 28) for part in parts)
    so_far = parts[0]["numbers"]["log p"]
    for part in parts[1:-1]:
        so_far += part["numbers"]["log |det|"]
        assert part["numbers"]["log p"] == pytest.approx(so_far, abs=0.05)
    last = parts[-1]["numbers"]
    assert last["log p"] == pytest.approx(-last["bits per dimension"] * 784 * math.log(2))
    with torch.no_grad():
        c = it.dequantised(floats(DIGITS.test_x[[7]]).repeat(50, 1, 1, 1))
        draws = it.log_prob(c)
    assert abs(last["log p"] - draws.mean().item()) <= 3 * draws.std().item()
    assert 0 <= last["less probable"] <= 1


def test_a_constant_picture_is_answered_with_a_note_and_a_digit_without():
    for grey in (0, 100, 255):
        plain = base64.b64encode(bytes([grey] * 784)).decode()
        last = ask("of_picture", picture=plain)[-1]
        assert "All pixels of this picture are the same" in last["note"]
        assert math.isfinite(last["numbers"]["log p"])
    assert ask("of_picture")[-1]["note"] == ""


@pytest.mark.parametrize("picture", ["", "%%", base64.b64encode(bytes(783)).decode(), None, 3])
def test_what_is_no_drawing_is_refused(picture):
    with pytest.raises(Refused, match="28 x 28 bytes"):
        ask("of_picture", picture=picture)


# --- in z --------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["nice", "real-nvp", "maf", "glow"])
def test_between_begins_and_ends_at_the_digits(family):
    found = ask("between", model(family), a=3, b=800)
    ends = DIGITS.test_x[[3, 800], 0].numpy().astype(int)
    for way in ("line", "arc", "pixels"):
        assert found[way].shape == (11, 28, 28)
        assert np.abs(found[way][[0, -1]].astype(int) - ends).max() <= 1  # rounding of the inverse
        assert len(found[f"{way} bits"]) == 11
    assert np.abs(found["pixels"][5] - ends.mean(0)).max() <= 1
    assert found["line norm"][5] < found["arc norm"][5]
    low, high = sorted((found["line norm"][0], found["line norm"][-1]))
    assert low * 0.999 <= min(found["arc norm"])
    assert max(found["arc norm"]) <= high * 1.001


@torch.no_grad()
def test_temperatures_share_their_draws_and_0_is_the_centre():
    it = model()
    found = ask("temperatures", it, n=3, seed=5)
    T = found["temperatures"]
    torch.manual_seed(5)
    z = torch.randn(3, 784)
    for t, row in zip(T, found["pictures"], strict=True):
        by_hand = pictures(it.shown(it.inverse(t * z)[0])).astype(int)
        assert np.abs(by_hand - row).max() <= 1
    assert (found["pictures"][0] == found["pictures"][0][:1]).all()
    assert len(found["bits"]) == len(T)


@pytest.mark.parametrize("name", QUESTIONS)
def test_points_are_refused(name):
    with pytest.raises(Refused, match="pictures only"):
        ask(name, model(data=MOONS), MOONS)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("likelihoods", {"n": 1}),
        ("likelihoods", {"seed": -1}),
        ("between", {"a": 1000}),
        ("temperatures", {"n": 17}),
    ],
)
def test_what_cannot_be_asked_is_refused(name, wrong):
    with pytest.raises(Refused, match="must be a whole number"):
        ask(name, **wrong)


# --- autoregressive layers ---------------------------------------------------------------------


@pytest.mark.parametrize("order", ["alternate", "random", "none"])
@pytest.mark.parametrize("family", ["maf", "iaf"])
def test_masks_are_where_the_jacobian_is_not_0(family, order):
    it = model(family, MOONS, order=order, width=16)
    found = ask("masks", it, MOONS)
    assert found["layers"] == 2
    x = torch.randn(2)
    for number, layer in enumerate(it.transforms, 1):
        jacobian = torch.func.jacrev(lambda x, f=layer: f(x[None])[0][0])(x)
        assert ((found[f"jacobian/{number}"] > 0) == (jacobian != 0).numpy()).all()
        assert (found[f"mask/{number}"] > 0).sum() == 1
        x = layer(x[None])[0][0].detach()
    assert (found["jacobian/all"] > 0).sum() == (3 if order == "none" else found["jacobian/all"].size) or (
        order == "random"
    )


def test_a_pixel_sees_what_changes_its_mean():
    it = model("maf", width=900)
    found = ask("masks", it, pixel=400)
    net = next(f for f in it.transforms if isinstance(f, Autoregressive)).net
    x = torch.randn(784)
    gradient = torch.func.grad(lambda x: net(x[None])[0, 400].sum())(x)
    assert ((gradient != 0).numpy() <= (found["mask/1"].ravel() > 0)).all()
    assert ((gradient != 0).sum().item()) > 0.9 * (found["mask/1"] > 0).sum()
    assert (found["mask/1"].ravel() == 255 * net.mask()[400].numpy()).all()
    assert found["order/1"].ravel().tolist() == list(range(784))
    with pytest.raises(Refused, match="whole number"):
        ask("masks", it, pixel=784)
    with pytest.raises(Refused, match="Only pictures have pixels"):
        ask("masks", model("maf", MOONS), MOONS, pixel=0)


def test_speeds_count_the_steps_that_wait():
    for family, (density, sampling) in {"maf": (2, 4), "iaf": (4, 2)}.items():
        parts = ask("speeds", model(family, MOONS), MOONS, n=3)
        assert (parts[0]["density"]["steps"], parts[0]["sampling"]["steps"]) == (density, sampling)
        curves = parts[-1]["curves"]
        assert curves["D"] == list(autoregressive.SIZES)
        assert {len(values) for values in curves.values()} == {len(curves["D"])}
        assert min(min(values) for values in curves.values()) > 0


def test_other_flows_are_not_asked_for_masks():
    with pytest.raises(Refused, match="cannot be asked 'masks'"):
        ask("masks", model("real-nvp", MOONS), MOONS)
    with pytest.raises(Refused, match="no autoregressive layer"):
        autoregressive.layers_of(model("glow"))


# --- a recording's weights ---------------------------------------------------------------------


@torch.no_grad()
def test_a_recording_keeps_the_average_in_half_precision_and_hardly_any_likelihood_is_lost(tmp_path):
    it = model("glow", width=16)
    info = {"family": "glow", "data": "digits", "seed": 0, "config": it.config.model_dump()}
    at = store.create(info, tmp_path)
    half = halved(it)
    assert not any(name.startswith("model/f.") for name in half)
    store.write(store.weights(at), wire.pack_state(half, {"round": 5, "config": it.config.model_dump()}))
    round, again, _ = stored(at)
    assert round == 5
    for one, other in zip(again.f.parameters(), again.average.parameters(), strict=True):
        assert torch.equal(one, other)
    c = it.dequantised(DIGITS.some(50)[0])
    lost = (again.log_prob(c) - it.log_prob(c)) * it.unit
    assert lost.abs().max() < 0.01  # bits per dimension
