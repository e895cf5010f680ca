"""One picture through a coder: the probe's numbers are those of the engine, in float64."""

import base64
import dataclasses
import math

import numpy as np
import pytest
import torch

from engine import data as datasets
from engine.brought.drawn import centred
from engine.config import Refused
from engine.families import find
from engine.space import Space
from lab import probes
from lab.codes.look_probe import SPREAD
from lab.scenes.arrays import pictures

DIGITS = datasets.load("digits")
SMALL = {"z": 3, "width": 16}
CODERS = ["pca", "ae", "vae", "cvae", "vae-gan"]


def model(name: str, data=DIGITS, **values):
    torch.manual_seed(1)
    family = find(name)
    config = family.configure(
        data.space, {k: v for k, v in SMALL.items() if k in family.Config.knobs()} | values
    )
    coder = family(config, data.space)
    for p in coder.parameters():
        p.data *= 1.5  # far from N(0, I), where a wrong KL would be right
    return coder


def look(coder, data=DIGITS, **arguments):
    label = {"label": 7} if coder.labelled else {}
    return probes.ask(coder, data, "look", label | arguments)


def bytes_of(picture: np.ndarray) -> str:
    return base64.b64encode(picture.tobytes()).decode()


BLACK, FAINT = (bytes_of(np.full((28, 28), grey, np.uint8)) for grey in (0, 5))


def draws(coder, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return coder.p_eps(1 + SPREAD)


@pytest.mark.parametrize("likelihood", ["Bernoulli", "Gaussian", "Gaussian, learned variance"])
@pytest.mark.parametrize("name", ["vae", "cvae"])
@torch.no_grad()
def test_the_numbers_are_the_terms_that_the_model_trains_on(double, name, likelihood):
    coder = model(name, likelihood=likelihood)
    answer = look(coder, test=3, seed=5)["numbers"]
    x = DIGITS.test_x[3:4].double() / 127.5 - 1
    y = (torch.tensor([7]),) if coder.labelled else ()
    half = torch.zeros_like(x) if likelihood == "Bernoulli" else None  # white above half
    eps = draws(coder, 5)
    log_p, kl = (t.item() for t in coder.terms(x, *y, eps[:1], half).values())
    assert math.isclose(answer["log_p"], log_p, rel_tol=1e-12)
    assert math.isclose(answer["kl"], kl, rel_tol=1e-12)
    assert math.isclose(answer["elbo"], -log_p - kl, rel_tol=1e-12)
    others = [-sum(t.item() for t in coder.terms(x, *y, e[None], half).values()) for e in eps[1:]]
    assert math.isclose(answer["elbo_mean"], np.mean(others), rel_tol=1e-12)


@torch.no_grad()
def test_the_elbo_is_below_the_estimate_of_log_p_and_its_mean_is_that_of_the_bound(double):
    """Over many eps: against `log_w`, whose KL is sampled and not in closed form."""
    coder = model("vae", likelihood="Gaussian", sigma=1.0)
    x = DIGITS.test_x[3:4].double() / 127.5 - 1
    log_w = coder.log_w(x, torch.randn(20_000, 1, 3))
    mine = np.array([look(coder, test=3, seed=seed)["numbers"]["elbo_mean"] for seed in range(100)])
    error = math.hypot(mine.std() / math.sqrt(len(mine)), log_w.std().item() / math.sqrt(len(log_w)))
    assert abs(mine.mean() - log_w.mean().item()) < 4 * error
    assert mine.mean() < (log_w.logsumexp(0) - math.log(len(log_w))).item()


def test_kl_of_each_dimension_is_the_integral(double):
    """sum of q log(q / p) over a fine grid."""
    coder = model("vae")
    answer = look(coder, test=3)
    z = torch.linspace(-40, 40, 400_001)
    for mu, sigma, kl in zip(answer["mu"], answer["sigma"], answer["kl"], strict=True):
        log_q = -((z - float(mu)) ** 2) / (2 * float(sigma) ** 2) - math.log(float(sigma))
        log_p = -(z**2) / 2
        q = log_q.exp() / math.sqrt(2 * math.pi)
        assert math.isclose(torch.trapezoid(q * (log_q - log_p), z).item(), kl, rel_tol=1e-4, abs_tol=1e-5)
    assert math.isclose(answer["kl"].sum(), answer["numbers"]["kl"], rel_tol=1e-5)


@pytest.mark.parametrize("name", CODERS)
@torch.no_grad()
def test_what_is_shown_is_what_the_model_decodes_from_that_code(name):
    coder = model(name)
    answer = look(coder, test=8, seed=2)
    y = torch.tensor([7]) if coder.labelled else None
    x = DIGITS.test_x[8:9] / 127.5 - 1
    if getattr(coder.config, "likelihood", "") == "Bernoulli":
        x = torch.where(x > 0, 1.0, -1.0)
    mu, sigma = coder.encode(x, y)
    eps = draws(coder, 2)
    z = mu + sigma * eps
    decoded = coder.decode(z, None if y is None else y.expand(len(z)))
    np.testing.assert_allclose(answer["z"], z[0], rtol=1e-5, atol=1e-6)
    assert (answer["reconstruction"] == pictures(decoded[:1])[0]).all()
    assert (answer["x"] == pictures(x)[0]).all()
    error = (decoded[0] - x[0])[0]
    np.testing.assert_allclose(answer["error"], error, atol=2e-3)
    assert math.isclose(answer["numbers"]["square"], error.square().sum().item(), rel_tol=1e-5)
    if name in ("ae", "pca"):
        assert not {"mu", "sigma", "eps", "spread", "kl"} & set(answer)
        assert set(answer["numbers"]) == {"square"}
    else:
        np.testing.assert_allclose(
            answer["mu"] + answer["sigma"] * answer["eps"], answer["z"], rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(answer["eps"], eps[0], rtol=1e-5)
        assert answer["spread"].shape == (SPREAD, 28, 28)
        assert (answer["spread"] == pictures(decoded[1:])).all()


def test_the_squared_error_of_an_autoencoder_is_the_loss_that_it_trains_on(double):
    coder = model("ae")
    x = DIGITS.test_x[3:4].double() / 127.5 - 1
    (loss,) = coder.terms(x, torch.zeros_like(x)).values()
    assert math.isclose(look(coder, test=3)["numbers"]["square"], loss.item(), rel_tol=1e-12)


def test_without_a_seed_z_is_the_mean_and_the_spread_stays():
    coder = model("vae")
    mean, drawn = look(coder, test=3), look(coder, test=3, seed=0)
    assert not mean["eps"].any()
    assert (mean["z"] == mean["mu"]).all()
    assert drawn["eps"].all()
    assert (mean["spread"] == drawn["spread"]).all()
    assert (look(coder, test=3, seed=1)["spread"] != drawn["spread"]).any()


def test_a_label_changes_what_a_conditional_model_makes_of_a_picture():
    coder = model("cvae")
    assert (
        look(coder, test=3, label=1)["reconstruction"] != look(coder, test=3, label=2)["reconstruction"]
    ).any()


def test_a_drawing_is_centred_only_when_asked_and_a_test_picture_may_be_brought_as_a_drawing():
    coder = model("ae")
    x = DIGITS.test_x[3, 0].numpy()
    moved = np.roll(x, (3, -2), (0, 1))
    assert (look(coder, picture=bytes_of(moved))["x"] == moved).all()
    assert (look(coder, picture=bytes_of(moved), centre=True)["x"] == centred(moved)).all()
    assert (look(coder, picture=bytes_of(x))["reconstruction"] == look(coder, test=3)["reconstruction"]).all()


def test_twenty_test_pictures_are_offered_two_of_each_digit_and_others_on_the_next_page():
    coder, data = model("ae"), DIGITS
    first, second = (probes.ask(coder, data, "offer", {"page": page}) for page in (0, 1))
    for answer in (first, second, probes.ask(coder, data, "offer", {"page": 10**6})):
        assert answer["labels"] == [label for label in range(10) for _ in range(2)]
        assert answer["labels"] == data.test_y[answer["index"]].tolist()
        assert (answer["pictures"] == data.test_x[answer["index"], 0].numpy()).all()
    assert not set(first["index"]) & set(second["index"])


def test_pictures_in_colour_or_without_labels_can_be_chosen_too():
    x = torch.randint(0, 256, (30, 3, 32, 32), dtype=torch.uint8)
    space = Space.of((3, 32, 32))
    data = dataclasses.replace(DIGITS, x=x, y=None, test_x=x[:7], test_y=None, name="colour", space=space)
    coder = model("ae", data)
    answer = probes.ask(coder, data, "offer", {"page": 1})
    assert answer["index"] == [20 % 7 + i if 20 % 7 + i < 7 else i - 1 for i in range(7)]
    seen = look(coder, data, test=4)
    assert (seen["x"] == x[4].permute(1, 2, 0).numpy()).all()
    assert seen["error"].shape == (32, 32)
    with pytest.raises(Refused, match="choose a test picture"):
        look(coder, data, picture=bytes_of(np.full((28, 28), 200, np.uint8)))


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("vae", {}, "not 28 x 28"),
        ("vae", {"picture": 7}, "not 28 x 28"),
        ("vae", {"picture": ["x"]}, "not 28 x 28"),
        ("vae", {"picture": "ä"}, "not 28 x 28"),
        ("vae", {"picture": "AAAA"}, "not 28 x 28"),
        ("vae", {"picture": BLACK}, "Draw something first"),
        ("vae", {"picture": FAINT, "centre": True}, "Draw something first"),
        ("vae", {"test": -1}, "test is '-1'"),
        ("vae", {"test": 1000}, "whole number from 0 to 999"),
        ("vae", {"test": 1.5}, "test is"),
        ("vae", {"test": 1, "seed": -1}, "seed is"),
        ("vae", {"test": 1, "seed": "1"}, "seed is"),
        ("cvae", {"test": 1, "label": None}, "needs the label"),
        ("cvae", {"test": 1, "label": 10}, "label is '10'"),
        ("vae", {"test": 1, "model": 1}, "asked wrongly"),
    ],
)  # fmt: skip
def test_a_bad_question_is_refused_in_a_sentence(name, arguments, says):
    with pytest.raises(Refused) as refusal:
        look(model(name), **arguments)
    assert says in str(refusal.value)


def test_a_number_that_is_not_finite_is_none():
    coder = model("ae", activation="linear")
    list(coder.D.parameters())[-1].data.fill_(1e30)  # whose square float32 does not hold
    assert look(coder, test=3)["numbers"] == {"square": None}


def test_points_have_no_pictures():
    data = datasets.load("ring")
    for name in ("look", "offer"):
        with pytest.raises(Refused, match="pictures only"):
            probes.ask(model("vae", data), data, name, {})
