"""What a page may ask a model of handwriting, and what it answers."""

import numpy as np
import pytest
import torch

from engine.autoregressive.mixture import Mixture
from engine.config import Refused
from engine.data import as_digit, load
from engine.families import find
from lab.probes import ask

ELL = [[[-0.8, 0.8], [-0.8, -0.4], [0.2, -0.4]]]  # a line of the length 2.2


def made(name="handwriting", data_name="pen-digits", **knobs):
    data, family = load(data_name), find(name)
    torch.manual_seed(0)
    model = family(family.configure(data.space, {"h": 16, "M": 3} | knobs), data.space)
    for weight in model.parameters():
        weight.data += 0.2 * torch.randn_like(weight)
    return model, data


@pytest.fixture(scope="module")
def digits():
    return made()


@pytest.fixture(scope="module")
def words():
    return made("handwriting-synthesis", "words")


def parts(model, data, **asked):
    return list(ask(model, data, "write", asked))


def whole(model, data, name, **asked):
    """An array of all steps (n, T, ...)."""
    return np.concatenate([part[name] for part in parts(model, data, **asked)], 1)


def test_a_page_knows_the_data(digits, words):
    told = ask(*digits, "hand", {})
    assert (told["kind"], told["T"], told["labels"]) == ("digits", 8, list("0123456789"))
    far = digits[1].x.diff(dim=1).norm(dim=-1).mean(1)
    np.testing.assert_allclose(told["paces"][3], far[digits[1].y == 3].mean(), rtol=1e-5)
    assert ask(*made(conditional=False), "hand", {})["labels"] == []
    told = ask(*words, "hand", {})
    assert (told["kind"], told["letters"], told["alphabet"][:3]) == ("words", 6, "abc")
    assert told["words"]
    assert told["box"][2] < 0 < told["box"][3], "letters go below the line, and above it"
    assert 0 < told["step"] < told["advance"]


def test_what_is_written_has_the_mixture_and_the_loss_of_each_step(digits):
    model, data = digits
    asked = {"seed": 3, "label": 4, "n": 3}
    steps, mixture, loss = (whole(model, data, name, **asked) for name in ("steps", "mixture", "loss"))
    assert steps.shape == (3, 8, 3)
    assert parts(model, data, **asked)[-1]["lengths"] == [8, 8, 8]
    x = torch.from_numpy(steps[..., :2]).cumsum(1)
    losses = model.losses(x, torch.full((3,), 4)).detach()
    np.testing.assert_allclose(loss, losses, atol=2e-3)
    pi, mu, sigma, rho = torch.from_numpy(mixture).split([1, 2, 2, 1], -1)
    p = Mixture(pi[..., 0], mu, sigma, rho[..., 0])
    np.testing.assert_allclose(-p.log_prob(torch.from_numpy(steps[..., :2])), losses, atol=2e-3)


def test_the_seed_the_label_and_the_bias_count(digits):
    model, data = digits
    first = whole(model, data, "steps", seed=1, label=0, n=2)
    assert np.array_equal(first, whole(model, data, "steps", seed=1, n=2)), "0 if none is chosen"
    assert not np.array_equal(first[0], first[1])
    for other in ({"seed": 2}, {"label": 5}, {"bias": 1.0}):
        assert not np.array_equal(first, whole(model, data, "steps", **{"seed": 1, "n": 2} | other))
    wide, narrow = (whole(model, data, "mixture", bias=b)[0, 0, :, 3:5] for b in (0, 2))
    np.testing.assert_allclose(narrow, wide * np.exp(-2), rtol=1e-5)


def test_a_word_has_a_window_and_ends_of_its_own(words):
    model, data = words
    told = parts(model, data, text="hello", n=3)
    phi, lift, steps = (np.concatenate([part[name] for part in told], 1) for name in ("phi", "lift", "steps"))
    assert phi.shape[::2] == (3, 7)
    assert ((lift > 0) & (lift < 1)).all()
    assert (told[0]["text"], told[0]["given"]) == ("hello", 0)
    assert [part["lengths"] for part in told[:-1]] == [[None] * 3] * (len(told) - 1)
    for length, way in zip(told[-1]["lengths"], steps, strict=True):
        assert (way[length:] == 0).all()
        assert way[length - 1].any()
    loss = np.concatenate([part["loss"] for part in told], 1)
    one = int(np.argmax(told[-1]["lengths"]))
    x, text = torch.from_numpy(steps[one : one + 1]), data.space.coded(["hello"])
    known = model.inked(x)[0].numpy()
    padded = torch.nn.functional.pad(x, (0, 0, 0, 94 - x.shape[1]))
    np.testing.assert_allclose(
        loss[one][known], model.losses(padded, text)[0, : len(known)].detach()[known], atol=5e-3
    )


def test_a_digit_goes_on_where_a_hand_stopped(digits):
    model, data = digits
    told = parts(model, data, label=4, strokes=ELL, n=4)
    pace = ask(model, data, "hand", {})["paces"][4]
    given = round(2.2 / pace) + 1
    assert told[0]["given"] == given
    steps = np.concatenate([part["steps"] for part in told], 1)
    places = steps[..., :2].cumsum(1)
    assert steps.shape == (4, 8, 3)
    assert np.ptp(places[:, :given], axis=0).max() < 1e-5, "all ways begin with the drawing"
    np.testing.assert_allclose(places[0, 0], ELL[0][0], atol=1e-5)
    np.testing.assert_allclose(places[0, given - 1], ELL[0][-1], atol=1e-5)
    assert np.ptp(places[:, given], axis=0).max() > 0.01
    long = [[[x, y] for x in (-1.0, 1.0) for y in np.linspace(-1, 1, 9)]]
    assert parts(model, data, label=4, strokes=long)[0]["given"] == 7, "something is left to the net"


def test_a_word_goes_on_in_the_hand_of_its_beginning(words):
    model, data = words
    strokes = [[[2.0, 1.0], [3.0, 4.0], [4.0, -1.0]], [[5.0, 0.0], [5.0, 3.0]]]
    told = parts(model, data, strokes=strokes, drawn="hi", text="lo", n=2)
    assert (told[0]["text"], told[0]["given"]) == ("hilo", 5)
    steps = np.concatenate([part["steps"] for part in told], 1)
    places = steps[0, :5, :2].cumsum(0)
    np.testing.assert_allclose(places - [-2, 0], [at for stroke in strokes for at in stroke], atol=1e-5)
    assert steps[0, :5, 2].tolist() == [0, 0, 1, 0, 1]
    assert not np.array_equal(steps[0, 5], steps[1, 5])


def test_the_limp_pen_goes_to_the_mean(digits, words):
    model, data = digits
    places = torch.from_numpy(ask(model, data, "limp", {"label": 7})["places"])[None, :, :2]
    steps = model.steps(places)
    before = torch.cat([model.start(1), steps[:, :-1]], 1)
    mean = model.said(before, torch.tensor([7])).p.mean()
    np.testing.assert_allclose(steps[..., :2], mean.detach(), atol=1e-5)
    given = ask(model, data, "limp", {"label": 7, "strokes": ELL})["places"]
    np.testing.assert_allclose(given[0, :2], ELL[0][0], atol=1e-5)
    limp = [ask(*words, "limp", {"text": text})["places"] for text in ("hello", "hello", "zebra")]
    assert np.array_equal(limp[0], limp[1]), "no random numbers"
    assert not np.array_equal(limp[0], limp[2])


def test_a_net_of_squared_error_writes_its_mean():
    model, data = made(output="squared error")
    assert ask(model, data, "hand", {})["output"] == "squared error"
    first, other = (whole(model, data, "steps", seed=seed) for seed in (1, 2))
    assert np.array_equal(first, other)
    np.testing.assert_allclose(
        first[0, :, :2].cumsum(0), ask(model, data, "limp", {})["places"][:, :2], atol=1e-6
    )


def test_a_drawing_is_judged_by_the_rule_of_bayes(digits):
    model, data = digits
    told = ask(model, data, "judge", {"strokes": ELL, "label": 6})
    x = as_digit(ELL)[None]
    losses = torch.cat([model.losses(x, torch.tensor([y])) for y in range(10)]).detach().double()
    np.testing.assert_allclose(told["losses"], losses[6], rtol=1e-4, atol=1e-5)
    joint = (-losses.cumsum(1)).exp() * torch.bincount(data.y)[:, None]
    np.testing.assert_allclose(told["bayes"], (joint / joint.sum(0)).T, atol=1e-4)
    six = data.test_x[data.test_y == 6][:100]
    usual = model.losses(six, torch.full((100,), 6)).sum(1).mean().item()
    assert told["usual"] == pytest.approx(usual, rel=1e-4)
    far = np.linalg.norm(np.diff(told["places"], axis=0), axis=1)
    assert len(far) == 7
    np.testing.assert_allclose(told["places"][[0, -1]], [ELL[0][0], ELL[0][-1]], atol=1e-6)
    model, data = made(conditional=False)
    told = ask(model, data, "judge", {"strokes": ELL})
    assert "bayes" not in told
    np.testing.assert_allclose(told["losses"], model.losses(x)[0].detach(), rtol=1e-4, atol=1e-5)


def test_writing_is_judged_step_by_step(words):
    model, data = words
    strokes = [[[2.0, 1.0], [3.0, 4.0], [4.0, -1.0]], [[5.0, 0.0], [5.0, 3.0]]]
    told = ask(model, data, "judge", {"strokes": strokes, "text": "hi"})
    np.testing.assert_allclose(told["places"], [at for stroke in strokes for at in stroke], atol=1e-5)
    steps = np.diff(told["places"] - [2, 0], axis=0, prepend=0)
    x = torch.zeros(1, 94, 3)
    x[0, :5] = torch.from_numpy(np.concatenate([steps, np.array([[0, 0, 1, 0, 1]]).T], 1))
    np.testing.assert_allclose(
        told["losses"], model.losses(x, data.space.coded(["hi"]))[0, :5].detach(), rtol=1e-4, atol=1e-4
    )
    assert not np.array_equal(
        told["losses"], ask(model, data, "judge", {"strokes": strokes, "text": "ha"})["losses"]
    )


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"n": 9}, "n is '9'"),
        ({"bias": -1}, "bias"),
        ({"seed": -1}, "seed"),
        ({"label": 10}, "label"),
        ({"strokes": "no"}, "list of strokes"),
        ({"strokes": [[[0.0, 0.0, 0.0]]]}, "places"),
        ({"strokes": [["ab"]]}, "places"),
        ({"strokes": [[["a", "b"]]]}, "list of strokes"),
        ({"strokes": []}, "at least two points"),
        ({"strokes": [[[0.3, 0.3]]]}, "at least two points"),
        ({"strokes": [[[0.0, 0.0], [float("inf"), 0.0]]]}, "no numbers"),
        ({"strokes": [[[0.0, i / 1e4] for i in range(5001)]]}, "5,000"),
    ],
)
def test_bad_questions_about_digits_are_refused(digits, asked, says):
    with pytest.raises(Refused, match=says):
        parts(*digits, **asked)
    if "strokes" in asked:
        with pytest.raises(Refused, match=says):
            ask(*digits, "judge", asked)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"text": "héllø"}, "letters 'éø'"),
        ({"text": ""}, "nothing to write"),
        ({"text": 7}, "is text"),
        ({"text": "toolong"}, "at most 6"),
        ({"text": "lo", "drawn": "hell", "strokes": ELL, "n": 0}, "n is '0'"),
        ({"text": "lo", "drawn": "hello", "strokes": ELL}, "at most 6"),
        ({"text": "lo", "strokes": ELL}, "Say what you wrote"),
        ({"text": "lo", "drawn": "h", "strokes": [[[i / 2, float(i % 2)] for i in range(99)]]}, "write less"),
    ],
)
def test_bad_questions_about_words_are_refused(words, asked, says):
    with pytest.raises(Refused, match=says):
        parts(*words, **asked)
