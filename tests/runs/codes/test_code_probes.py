"""What a page may ask a model with codes: each answer held against the model itself, by hand."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from engine import data as datasets
from engine.codes.base import log_prob
from engine.config import Refused
from engine.data import floats
from engine.families import find
from lab import probes
from lab.codes import ae_probe as autoencoder
from lab.codes import codes_probe as tools
from lab.codes import trick_probe as trick
from lab.codes import uses_probe as uses
from lab.codes.digits_probe import within_budget
from lab.scenes.arrays import pictures

DIGITS = datasets.load("digits")
MOONS = datasets.load("moons")
FAMILIES = ["pca", "ae", "vae", "cvae", "vae-gan"]
QUESTIONS = {
    "interpolate": {"a": 1, "b": 2},
    "sheet": {"seed": 0},
    "arithmetic": {"seed": 0, "A": [1], "B": [2], "C": [3]},
    "directions": {"index": 1, "attribute": "slant"},
    "manifold": {"n": 5},
    "upsampling": {"index": 1},
}


def model(family: str = "vae", data=DIGITS, **values):
    torch.manual_seed(1)
    kind = find(family)
    small = {"batch": 16} | ({} if family == "pca" else {"width": 8})
    return kind(kind.configure(data.space, small | values), data.space)


def ask(name: str, coder=None, data=DIGITS, **arguments):
    return probes.ask(coder or model(), data, name, QUESTIONS.get(name, {}) | arguments)


@torch.no_grad()
def restored(coder, index: list[int]) -> np.ndarray:
    x, y = floats(DIGITS.test_x[index]), DIGITS.test_y[index] if coder.labelled else None
    return pictures(coder.decode(coder.encode(x, y)[0], y))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", QUESTIONS)
def test_every_model_with_codes_answers_and_asking_changes_nothing(family, name):
    coder = model(family, z=3)
    before = [w.clone() for w in coder.state_dict().values()]
    one, other = ask(name, coder), ask(name, coder)
    assert all((a == b).all() for a, b in zip(coder.state_dict().values(), before, strict=True))
    for key, value in one.items():
        np.testing.assert_equal(other[key], value)


@pytest.mark.parametrize("name", QUESTIONS)
def test_points_are_refused(name):
    coder = model("vae", MOONS)
    with pytest.raises(Refused, match="pictures only"):
        ask(name, coder, MOONS)


# --- between two digits, arithmetic -----------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("z", [1, 2, 5])
def test_both_ways_begin_and_end_at_the_restored_digits_and_the_mix_at_the_pictures(family, z):
    coder = model(family, z=z)
    answer = ask("interpolate", coder, a=3, b=800, steps=7)
    for way in ("linear", "spherical"):
        # a batch of other size may be rounded otherwise
        assert np.abs(answer[way][[0, -1]].astype(int) - restored(coder, [3, 800])).max() <= 1
    assert (answer["mixed"][[0, -1]] == answer["ends"]).all()
    assert (answer["ends"] == DIGITS.test_x[[3, 800], 0].numpy()).all()
    middle = DIGITS.test_x[[3, 800], 0].float().mean(0).numpy()
    assert np.abs(answer["mixed"][3] - middle).max() <= 1
    assert answer["labels"] == DIGITS.test_y[[3, 800]].tolist()


def test_the_arc_keeps_norms_between_the_ends_and_the_line_does_not():
    answer = ask("interpolate", model(z=8), a=3, b=800)
    low, high = sorted(answer["spherical norm"][[0, -1]])
    assert low * (1 - 1e-5) <= answer["spherical norm"].min()
    assert answer["spherical norm"].max() <= high * (1 + 1e-5)
    assert answer["linear norm"].min() < low


def test_greyness_is_0_for_black_and_white_and_greatest_for_half_grey():
    x = torch.tensor([[-1.0, 1, 1, -1], [0, 0, 0, 0], [-1, -1, -1, -1]])[:, None, None]
    assert tools.greyness(x).tolist() == pytest.approx([0, 2, 0])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_minus_a_plus_c_is_c(family):
    coder = model(family, z=4)
    answer = ask("arithmetic", coder, A=[4, 7], B=[7, 4], C=[9])
    index = ask("sheet", coder)["index"][9]
    assert np.abs(answer["result"].astype(int) - restored(coder, [index])[0]).max() <= 1
    assert answer["norm result"] == pytest.approx(answer["norm mean C"], rel=1e-4)


@torch.no_grad()
def test_arithmetic_decodes_the_combination_by_hand():
    coder = model("ae", z=4)
    index = ask("sheet", coder, seed=5)["index"]
    z = coder.encode(floats(DIGITS.test_x[index]))[0]
    by_hand = (z[0] + z[5] + z[9]) / 3 - (z[1] + z[2]) / 2 + z[39]
    answer = ask("arithmetic", coder, seed=5, A=[0, 5, 9], B=[1, 2], C=[39])
    assert np.abs(answer["result"].astype(int) - pictures(coder.decode(by_hand[None]))[0]).max() <= 1


def test_the_first_groups_are_one_class_with_more_and_less_ink_and_another():
    answer = ask("sheet")
    labels = DIGITS.test_y[answer["index"]].numpy()
    ink = answer["pictures"].mean((1, 2))
    one, two, three = (answer[name] for name in "ABC")
    assert len({*labels[one], *labels[two]}) == 1
    assert len(set(labels[three])) == 1
    assert labels[one[0]] != labels[three[0]]
    assert ink[one].min() >= ink[two].max()
    assert not set(one) & set(two)


# --- the manifold ------------------------------------------------------------------------------


@torch.no_grad()
def test_the_manifold_has_each_code_in_its_place():
    coder = model(z=3)
    answer = ask("manifold", coder, n=6, u=2, v=0)
    at = torch.tensor(answer["at"], dtype=torch.float32)
    torch.testing.assert_close(torch.special.ndtr(at), (torch.arange(6) + 0.5) / 6)
    for row, column in ((0, 0), (1, 4), (5, 2)):
        z = torch.tensor([[at[5 - row], 0, at[column]]])  # v grows upwards
        tile = answer["picture"][28 * row : 28 * (row + 1), 28 * column : 28 * (column + 1)]
        assert np.abs(tile.astype(int) - pictures(coder.decode(z))[0]).max() <= 1


def test_the_manifold_of_one_dimension_is_a_row_and_evenly_means_evenly():
    answer = ask("manifold", model(z=1), n=7, spread="even", r=3)
    assert answer["picture"].shape == (28, 7 * 28)
    np.testing.assert_allclose(answer["at"], [-3, -2, -1, 0, 1, 2, 3])


def test_a_mosaic_of_colours_lies_in_rows():
    tiles = np.arange(6)[:, None, None, None] * np.ones((1, 2, 3, 3), int)
    joined = tools.mosaic(tiles, 3)
    assert joined.shape == (4, 9, 3)
    assert joined[::2, ::3, 0].tolist() == [[0, 1, 2], [3, 4, 5]]


# --- attributes, few labels ----------------------------------------------------------------------


def test_directions_move_the_code_and_measure_what_is_decoded():
    from engine.codes.attributes import attributes

    coder = model("pca", z=16)
    coder.learn(DIGITS.take(slice(None)).flatten(1))
    for _ in range(20):
        coder.learn(DIGITS.take(slice(0, None, 9)).flatten(1))
    for number, name in enumerate(("thickness", "slant")):
        answer = ask("directions", coder, index=500, attribute=name)
        middle = len(answer["t"]) // 2
        assert answer["t"][middle] == 0
        assert np.abs(answer["pictures"][middle].astype(int) - restored(coder, [500])[0]).max() <= 1
        original = attributes(floats(DIGITS.test_x[[500]]))[0, number].item()
        assert answer["own"] == pytest.approx(original)
        shown = attributes(floats(torch.from_numpy(answer["pictures"])[:, None]))[:, number]
        np.testing.assert_allclose(shown, answer["measured"], atol=0.05)
        row = answer["table"][number]
        assert row["attribute"] == name
        assert 0.3 < row["R²"] < 1
        assert answer["measured"][middle + 6] > answer["measured"][middle - 6]


def test_few_labels_is_deterministic_and_fair_and_codes_that_are_pixels_score_like_pixels(monkeypatch):
    monkeypatch.setattr(uses, "SIZES", (10, 50))
    monkeypatch.setattr(uses, "TESTED", 200)
    coder = model("pca", z=64)
    for _ in range(3):
        coder.learn(DIGITS.take(slice(0, None, 3)).flatten(1))
    answer, again = ask("few_labels", coder, draws=3), ask("few_labels", coder, draws=3)
    assert answer == again
    assert answer["sizes"] == [10, 50]
    assert (answer["tested"], answer["chance"]) == (200, 0.1)
    assert all(len(scores) == 3 for of in answer["accuracy"].values() for scores in of)
    assert np.mean(answer["accuracy"]["pixels"][1]) > np.mean(answer["accuracy"]["pixels"][0]) > 0.2
    # the very pixels, in another basis: least squares with a penalty on length is blind to it
    turned = model("pca", z=64)
    monkeypatch.setattr(uses, "codes", lambda _, x: x.flatten(1).flip(1) / 2 + 0.5)
    same = ask("few_labels", turned, draws=3)
    np.testing.assert_allclose(same["accuracy"]["codes"], same["accuracy"]["pixels"], atol=0.011)


def test_labelled_sets_are_balanced_and_none_twice():
    y = np.repeat(np.arange(5), 30)
    sets = uses.labelled_sets(y, 4)
    assert list(sets) == [10, 50, 100]  # 1000 would need 200 of each
    for size, chosen in sets.items():
        for places in chosen:
            assert len(set(places.tolist())) == size
            assert np.bincount(y[places]).tolist() == [size // 5] * 5


def test_few_labels_refuses_a_model_that_is_told_the_label():
    with pytest.raises(Refused, match="is told the label"):
        ask("few_labels", model("cvae"))


# --- the reparameterization trick -----------------------------------------------------------------


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("family", ["vae", "cvae"])
@pytest.mark.parametrize("likelihood", ["Bernoulli", "Gaussian, learned variance"])
def test_all_estimates_have_the_mean_of_the_expectations_own_derivative(family, likelihood):
    coder = model(family, z=1, activation="tanh", likelihood=likelihood)
    x, y = floats(DIGITS.test_x[[500]]), DIGITS.test_y[[500]] if coder.labelled else None
    with torch.no_grad():
        q = coder.q(x, y)
        q = Normal(q.mean, 0.5 * q.stddev)
        target = coder.target(x, coder.p_u(1))[1]

        def expectation(mu):  # Gauss-Hermite quadrature: exact for smooth f
            nodes, weights = np.polynomial.hermite_e.hermegauss(80)
            z = mu + q.stddev * torch.from_numpy(nodes)[:, None]
            p = coder.p(z, None if y is None else y.expand(80))
            f = log_prob(p, target.expand(80, *target.shape[1:]))
            return (torch.from_numpy(weights) @ f / weights.sum()).item()

        h = 1e-4
        slope = (expectation(q.mean + h) - expectation(q.mean - h)) / (2 * h)
        n = 10_000
        answer = trick.estimates(coder, q, target, torch.randn(n, 1), y)
    for name in ("pathwise", "baseline", "score"):
        estimate = getattr(answer, name)[:, 0]
        error = estimate.std().item() / n**0.5
        assert estimate.mean().item() == pytest.approx(slope, abs=4 * error), name
    assert answer.pathwise.var() < answer.baseline.var() < answer.score.var()


@pytest.mark.usefixtures("double")
def test_the_pathwise_gradient_is_autograds_and_the_score_that_of_log_q():
    coder = model(z=3)
    q = coder.q(floats(DIGITS.test_x[[7]]))
    target, eps = coder.target(floats(DIGITS.test_x[[7]]), coder.p_u(1))[1], torch.randn(5, 3)
    with torch.no_grad():
        answer = trick.estimates(coder, q, target, eps)
    mu = q.mean.detach().requires_grad_()
    for i in range(5):
        z = mu + q.stddev.detach() * eps[i]
        value = log_prob(coder.p(z), target)
        torch.testing.assert_close(answer.pathwise[i], torch.autograd.grad(value.sum(), mu)[0][0])
        density = Normal(mu, q.stddev.detach()).log_prob(z.detach()).sum()
        score = torch.autograd.grad(density, mu)[0][0]
        torch.testing.assert_close(answer.score[i], value.detach() * score)
        others = answer.f[torch.arange(5) != i].mean()
        torch.testing.assert_close(answer.baseline[i], (value.detach() - others) * score)


def test_the_answer_about_the_trick_adds_up():
    answer = ask("trick", model(z=2), index=500, dimension=1)
    for name in ("pathwise", "score", "baseline"):
        one = answer[name]
        assert one["histogram"].sum() == answer["draws"] == trick.DRAWS
        assert one["error"] == pytest.approx(one["sd"] / trick.DRAWS**0.5)
        assert one["total"] >= one["sd"] ** 2 * 0.99
    assert len(answer["edges"]) == trick.BINS + 1


def test_a_model_without_draws_has_no_gradient_to_estimate():
    for family in ("ae", "pca", "vae-gan"):
        with pytest.raises(Refused, match="draws no z"):
            ask("trick", model(family), index=0)
    assert "picture" in ask("trick", model("vae", MOONS), MOONS, index=0)


# --- the conditional VAE, up-sampling --------------------------------------------------------------


@torch.no_grad()
def test_styles_decode_one_z_with_every_label():
    coder = model("cvae", z=3)
    for weight in (*coder.E.parameters(), *coder.D.parameters()):
        weight.mul_(3)  # so that codes matter in an untrained net
    answer = ask("styles", coder, index=[3, 800])
    assert np.abs(answer["pictures"][0].astype(int) - answer["pictures"][1]).max() > 10
    assert answer["pictures"].shape == (2, 10, 28, 28)
    y = DIGITS.test_y[[3, 800]]
    z = coder.encode(floats(DIGITS.test_x[[3, 800]]), y)[0]
    np.testing.assert_allclose(answer["z"], z, rtol=1e-4, atol=1e-5)
    for row in (0, 1):
        own = answer["pictures"][row, y[row]]
        assert np.abs(own.astype(int) - restored(coder, [3, 800])[row]).max() <= 1
        six = pictures(coder.decode(z[[row]], torch.tensor([6])))[0]
        assert np.abs(answer["pictures"][row, 6].astype(int) - six).max() <= 1
    other = ask("manifold", coder, label=4)["picture"]
    assert (other != ask("manifold", coder, label=5)["picture"]).any()


def test_doubled_maps_place_numbers_as_their_names_say():
    coder = model("ae", network="convolutional", upsampling="transposed")
    answer = ask("upsampling", coder, index=500, channel=2)
    assert (answer["of"], answer["channel"], answer["channels"]) == ("encoder", 2, 8)
    x = floats(DIGITS.test_x[[500]])
    with torch.no_grad():
        before = coder.E.before[1](coder.E.before[0](x))[0, 2]
    grid = before.unflatten(0, (14, 2)).unflatten(2, (14, 2))
    pooled = grid.amax((1, 3))
    row, column = autoencoder.corner(pooled)
    squares = {name: np.array(one["square"]) for name, one in answer["maps"].items()}
    assert squares["pooled"].shape == (2, 2)
    np.testing.assert_allclose(squares["pooled"], pooled[row : row + 2, column : column + 2], atol=0.006)
    np.testing.assert_allclose(
        squares["before"], before[2 * row : 2 * row + 4, 2 * column : 2 * column + 4], atol=0.006
    )
    many = squares["pooled"].repeat(2, 0).repeat(2, 1)
    np.testing.assert_allclose(squares["nearest"], many)
    np.testing.assert_allclose(squares["spread"][::2, ::2], squares["pooled"])
    assert np.count_nonzero(squares["spread"]) <= 4
    kept = squares["remembered"]
    at = kept != 0
    np.testing.assert_allclose(kept[at], squares["before"][at])  # at the kept places, what was there
    assert at.sum() <= 4
    assert {"own", "transposed"} <= set(answer["maps"])


@pytest.mark.parametrize("family", ["pca", "vae"])
def test_a_net_without_convolutions_doubles_the_picture_itself(family):
    answer = ask("upsampling", model(family), index=500)
    assert answer["of"] == "picture"
    assert "own" not in answer["maps"]
    assert (answer["maps"]["before"]["picture"] == DIGITS.test_x[500, 0].numpy()).all()


# --- bad questions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("interpolate", {"a": -1}, "whole number"),
        ("interpolate", {"b": 10**9}, "whole number"),
        ("interpolate", {"a": "3"}, "whole number"),
        ("interpolate", {"steps": 1}, "whole number"),
        ("arithmetic", {"A": []}, "at least one"),
        ("arithmetic", {"B": [1, 1]}, "only once"),
        ("arithmetic", {"C": [40]}, "whole number"),
        ("manifold", {"n": 31}, "whole number"),
        ("manifold", {"u": 1, "v": 1}, "same"),
        ("manifold", {"u": 2}, "whole number"),
        ("manifold", {"spread": "random"}, "quantiles"),
        ("manifold", {"spread": "even", "r": float("nan")}, "standard deviations"),
        ("directions", {"attribute": "beauty"}, "no attribute"),
        ("few_labels", {"draws": 1}, "whole number"),
        ("trick", {"index": 0, "dimension": 2}, "whole number"),
        ("upsampling", {"channel": 1}, "whole number"),
    ],
)
def test_a_bad_question_is_refused_in_a_sentence(name, arguments, says):
    with pytest.raises(Refused, match=says):
        ask(name, **arguments)


@pytest.mark.parametrize("index", [[], [0] * 13, 3, ["x"], [10**6]])
def test_styles_refuses_what_is_no_list_of_test_pictures(index):
    with pytest.raises(Refused):
        ask("styles", model("cvae"), index=index)


def test_wide_convolutions_are_asked_less():
    assert within_budget(model("ae"), 3000) == 3000
    wide, narrow = (model("ae", network="convolutional", width=w) for w in (128, 8))
    assert 100 <= within_budget(wide, 3000) < within_budget(narrow, 3000) == 3000
