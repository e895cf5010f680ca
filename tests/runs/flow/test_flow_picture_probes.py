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


def built(family: str = "real-nvp", data=DIGITS, **values):
    """A flow that has learned a little, so that no layer is the identity."""
    torch.manual_seed(1)
    kind = find(family)
    model = kind(kind.configure(data.space, SMALL | values), data.space)
    model.initialize(model.dequantized(data.some(64)[0]))
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.02 * torch.randn_like(weight)
    model.average.load_state_dict(model.f.state_dict())
    return model


def ask(name: str, model=None, data=DIGITS, **arguments):
    answer = probes.ask(model or built(), data, name, QUESTIONS.get(name, {}) | arguments)
    return answer if isinstance(answer, dict) else list(answer)


class Even(torch.nn.Module):
    """All 256 levels are equally likely."""

    space, unit = DIGITS.space, 1 / (784 * math.log(2))

    def dequantized(self, x):
        return (x + 1) * 127.5 + torch.rand_like(x)

    def log_prob(self, c):
        return torch.full((len(c),), -784 * math.log(256))


# --- likelihoods -------------------------------------------------------------------------------


def test_a_uniform_model_needs_8_bits_for_everything():
    answer = flow_pictures.likelihoods(Even(), DIGITS, n=5)
    assert [kind["mean"] for kind in answer["kinds"]] == pytest.approx([8] * 8, abs=1e-5)


@pytest.mark.parametrize("family", ["nice", "real-nvp", "maf", "glow"])
def test_bits_are_those_of_the_model_and_every_picture_is_counted(family):
    model = built(family)
    answer = ask("likelihoods", model, n=6)
    names = [kind["name"] for kind in answer["kinds"]]
    assert names == ["test", "training", "inverted", "shuffled", "noise", "black", "grey", "ellipses"]
    test = floats(DIGITS.test_x[[i * 1000 // 6 for i in range(6)]])
    with torch.no_grad():
        draws = [-model.log_prob(model.dequantized(test)) / (784 * math.log(2)) for _ in range(20)]
    mean, each = torch.stack(draws).mean(0), torch.stack(draws).std(0)
    assert np.abs(answer["bits/test"] - mean.numpy()).max() <= 5 * each.max()
    for kind in answer["kinds"]:
        name = kind["name"]
        assert answer[f"counts/{name}"].sum() == len(answer[f"bits/{name}"]) == 6
        assert kind["mean"] == pytest.approx(answer[f"bits/{name}"].mean(), rel=1e-4)
    place = (np.searchsorted(answer["edges"], answer["bits/noise"], side="right") - 1).clip(0, 39)
    assert answer["counts/noise"].nonzero()[0].tolist() == sorted(set(place.tolist()))


def test_the_kinds_are_what_they_are_called():
    answer = ask("likelihoods", n=9)
    seen = {
        name: answer[f"pictures/{name}"].astype(int) for name in ("test", "inverted", "shuffled", "noise")
    }
    assert (seen["inverted"] == 255 - seen["test"]).all()
    for one, other in zip(seen["test"], seen["shuffled"], strict=True):
        assert (np.sort(one.ravel()) == np.sort(other.ravel())).all()
        assert (one != other).any()
    assert (seen["test"][0] == DIGITS.test_x[0, 0].numpy()).all()
    assert (seen["noise"] > 200).mean() == pytest.approx(55 / 256, abs=0.02)
    assert not answer["pictures/black"].any()
    assert len(np.unique(answer["pictures/grey"])) == 1
    assert answer["bits/black"].shape == (9,)
    assert "Fashion-MNIST is not on this machine" in answer["lacking"]


def test_other_pictures_have_digits_as_strangers():
    ellipses = datasets.load("ellipses")
    answer = ask("likelihoods", built(data=ellipses), ellipses)
    assert [kind["name"] for kind in answer["kinds"]][-1] == "digits"
    assert answer["kinds"][0]["title"] == "test ellipses"


# --- one picture -------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["nice", "real-nvp", "maf", "glow"])
def test_a_drawing_goes_from_z_to_x_and_its_log_p_is_the_sum(family):
    model = built(family)
    parts = ask("of_picture", model)
    L = len(model.transforms)
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
        c = model.dequantized(floats(DIGITS.test_x[[7]]).repeat(50, 1, 1, 1))
        draws = model.log_prob(c)
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
    answer = ask("between", built(family), a=3, b=800)
    ends = DIGITS.test_x[[3, 800], 0].numpy().astype(int)
    for way in ("line", "arc", "pixels"):
        assert answer[way].shape == (11, 28, 28)
        assert np.abs(answer[way][[0, -1]].astype(int) - ends).max() <= 1  # rounding of the inverse
        assert len(answer[f"{way} bits"]) == 11
    assert np.abs(answer["pixels"][5] - ends.mean(0)).max() <= 1
    assert answer["line norm"][5] < answer["arc norm"][5]
    low, high = sorted((answer["line norm"][0], answer["line norm"][-1]))
    assert low * 0.999 <= min(answer["arc norm"])
    assert max(answer["arc norm"]) <= high * 1.001


@torch.no_grad()
def test_temperatures_share_their_draws_and_0_is_the_centre():
    model = built()
    answer = ask("temperatures", model, n=3, seed=5)
    T = answer["temperatures"]
    torch.manual_seed(5)
    z = torch.randn(3, 784)
    for t, row in zip(T, answer["pictures"], strict=True):
        by_hand = pictures(model.shown(model.inverse(t * z)[0])).astype(int)
        assert np.abs(by_hand - row).max() <= 1
    assert (answer["pictures"][0] == answer["pictures"][0][:1]).all()
    assert len(answer["bits"]) == len(T)


@pytest.mark.parametrize("name", QUESTIONS)
def test_points_are_refused(name):
    with pytest.raises(Refused, match="pictures only"):
        ask(name, built(data=MOONS), MOONS)


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
    model = built(family, MOONS, order=order, width=16)
    answer = ask("masks", model, MOONS)
    assert answer["layers"] == 2
    x = torch.randn(2)
    for number, layer in enumerate(model.transforms, 1):
        jacobian = torch.func.jacrev(lambda x, f=layer: f(x[None])[0][0])(x)
        assert ((answer[f"jacobian/{number}"] > 0) == (jacobian != 0).numpy()).all()
        assert (answer[f"mask/{number}"] > 0).sum() == 1
        x = layer(x[None])[0][0].detach()
    assert (answer["jacobian/all"] > 0).sum() == (3 if order == "none" else answer["jacobian/all"].size) or (
        order == "random"
    )


def test_a_pixel_sees_what_changes_its_mean():
    model = built("maf", width=900)
    answer = ask("masks", model, pixel=400)
    net = next(f for f in model.transforms if isinstance(f, Autoregressive)).net
    x = torch.randn(784)
    gradient = torch.func.grad(lambda x: net(x[None])[0, 400].sum())(x)
    assert ((gradient != 0).numpy() <= (answer["mask/1"].ravel() > 0)).all()
    assert ((gradient != 0).sum().item()) > 0.9 * (answer["mask/1"] > 0).sum()
    assert (answer["mask/1"].ravel() == 255 * net.mask()[400].numpy()).all()
    assert answer["order/1"].ravel().tolist() == list(range(784))
    with pytest.raises(Refused, match="whole number"):
        ask("masks", model, pixel=784)
    with pytest.raises(Refused, match="Only pictures have pixels"):
        ask("masks", built("maf", MOONS), MOONS, pixel=0)


def test_speeds_count_the_steps_that_wait():
    for family, (density, sampling) in {"maf": (2, 4), "iaf": (4, 2)}.items():
        parts = ask("speeds", built(family, MOONS), MOONS, n=3)
        assert (parts[0]["density"]["steps"], parts[0]["sampling"]["steps"]) == (density, sampling)
        curves = parts[-1]["curves"]
        assert curves["D"] == list(autoregressive.SIZES)
        assert {len(values) for values in curves.values()} == {len(curves["D"])}
        assert min(min(values) for values in curves.values()) > 0


def test_other_flows_are_not_asked_for_masks():
    with pytest.raises(Refused, match="cannot be asked 'masks'"):
        ask("masks", built("real-nvp", MOONS), MOONS)
    with pytest.raises(Refused, match="no autoregressive layer"):
        autoregressive.layers_of(built("glow"))


# --- a recording's weights ---------------------------------------------------------------------


@torch.no_grad()
def test_a_recording_keeps_the_average_in_half_precision_and_hardly_any_likelihood_is_lost(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(store, "is_recording", lambda at: True)
    model = built("glow", width=16)
    info = {"family": "glow", "data": "digits", "seed": 0, "config": model.config.model_dump()}
    at = store.create(info, tmp_path)
    half = halved(model)
    assert not any(name.startswith("model/f.") for name in half)
    store.write(store.weights(at), wire.pack_state(half, {"round": 5, "config": model.config.model_dump()}))
    round, again, _ = stored(at)
    assert round == 5
    for one, other in zip(again.f.parameters(), again.average.parameters(), strict=True):
        assert torch.equal(one, other)
    c = model.dequantized(DIGITS.some(50)[0])
    lost = (again.log_prob(c) - model.log_prob(c)) * model.unit
    assert lost.abs().max() < 0.01  # bits per dimension
