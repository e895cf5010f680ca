"""What a page may ask a game with labels: each answer held against one-hot labels put in by hand."""

import math

import numpy as np
import pytest
import torch

from engine import data as datasets
from engine.config import Refused
from engine.data import floats
from engine.gan.cgan import CGAN
from engine.gan.gan import GAN
from engine.gan.losses import BELIEVING
from lab import probes
from lab.gan import gan_probe
from lab.runs import store
from lab.runs.run import Run
from lab.scenes.arrays import pictures

DIGITS = datasets.load("digits")
SMALL = {"width_G": 16, "width_D": 16, "batch": 16}


def cgan(**values) -> CGAN:
    torch.manual_seed(1)
    return CGAN(CGAN.configure(DIGITS.space, SMALL | values), DIGITS.space)


def ask(name: str, game=None, **arguments):
    return probes.ask(game or cgan(), DIGITS, name, arguments)


def noise(game: CGAN, seed: int, n: int = 1) -> torch.Tensor:
    torch.manual_seed(seed)
    return game.p_z(n)


@torch.no_grad()
def drawn(game: CGAN, z: torch.Tensor, y) -> np.ndarray:
    """G(z | y) by hand."""
    return pictures(game.net(torch.cat([z, torch.eye(10)[torch.as_tensor(y)]], 1)))


@torch.no_grad()
def believed(game: CGAN, x: torch.Tensor, y) -> torch.Tensor:
    """D(x | y) by hand."""
    return game.D.net(torch.cat([x.flatten(1), torch.eye(10)[torch.as_tensor(y)]], 1))[:, 0].sigmoid()


@pytest.mark.parametrize("label", [None, 0, 3, 9])
def test_the_way_between_two_z_is_of_one_label(label):
    game, chosen = cgan(), {} if label is None else {"label": label}
    answer = ask("interpolate", game, a=3, b=8, **chosen)
    first, last = noise(game, 3), noise(game, 8)
    z = torch.lerp(first, last, torch.linspace(0, 1, 11)[:, None])
    assert (answer["linear"] == drawn(game, z, [label or 0] * 11)).all()
    assert (answer["spherical"][[0, -1]] == drawn(game, torch.cat([first, last]), [label or 0] * 2)).all()


def test_a_sheet_and_its_sums_are_of_one_label():
    game = cgan()
    sheet = ask("sheet", game, seed=4, label=7)
    z = noise(game, 4, gan_probe.SHEET)
    assert (sheet["pictures"] == drawn(game, z, [7] * gan_probe.SHEET)).all()
    ink = sheet["pictures"].mean((1, 2))
    assert ink[sheet["A"]].min() > ink[sheet["B"]].max()
    assert ink[sheet["A"]].min() > ink[sheet["C"]].max()
    assert len({*sheet["A"], *sheet["B"], *sheet["C"]}) == 9
    answer = ask("arithmetic", game, seed=4, label=7, A=[0, 5, 9], B=[1, 2], C=[39])
    by_hand = (z[0] + z[5] + z[9]) / 3 - (z[1] + z[2]) / 2 + z[39]
    assert (answer["result"] == drawn(game, by_hand[None], [7])[0]).all()
    assert (answer["mean C"] == sheet["pictures"][39]).all()


def test_the_nearest_pictures_are_those_of_all_labels_in_turn():
    game = cgan()
    answer = ask("nearest", game, seed=5)
    assert answer["labels"] == [*range(10)]
    assert (answer["samples"] == drawn(game, noise(game, 5, 10), range(10))).all()
    x = torch.from_numpy(answer["samples"]).flatten(1) / 255.0
    far = torch.cdist(x, DIGITS.x.flatten(1) / 255.0)
    np.testing.assert_allclose(answer["distance"], far.min(1).values, atol=0.03)
    assert ask("nearest", GAN(GAN.configure(DIGITS.space, SMALL), DIGITS.space), seed=5)["labels"] is None


def test_the_fake_has_the_label_of_the_test_picture_that_it_competes_with():
    game, kinds = cgan(), set()
    for turn in range(24):
        real, index, seed = gan_probe.coin(DIGITS, 3, turn)
        label = int(DIGITS.test_y[index])
        answer = ask("jury", game, seed=3, turn=turn)
        assert {*answer} == {"picture", "label"}, "nothing tells which"
        assert answer["label"] == label
        expected = DIGITS.test_x[index, 0].numpy() if real else drawn(game, noise(game, seed), [label])[0]
        assert (answer["picture"] == expected).all()
        told = ask("verdict", game, seed=3, turn=turn, picture=answer["picture"])
        x = floats(torch.from_numpy(answer["picture"])[None, None])
        assert told["real"] is real
        assert math.isclose(told["belief"], believed(game, x, [label]).item(), rel_tol=1e-5)
        kinds.add((real, label))
    assert len(kinds) > 8


def test_the_present_batch_has_all_labels_in_turn_and_d_is_told_them():
    game = cgan()
    answer = ask("present", game)
    y = torch.arange(16) % 10
    with torch.no_grad():
        x = game.net(torch.cat([noise(game, 0, 16), torch.eye(10)[y]], 1))
    np.testing.assert_allclose(answer["belief"], believed(game, x, y), rtol=1e-5)
    assert answer["slopes"].keys() == {*BELIEVING}


def test_no_slope_of_d_exceeds_the_product_of_the_largest_values_for_any_label():
    game = cgan()
    answer = ask("spectrum", game)
    assert len(answer["values"][0]) == 16
    for label in range(10):
        x = DIGITS.take(slice(0, 9000, 300)).requires_grad_()
        hot = torch.eye(10)[[label] * len(x)]
        game.D.net(torch.cat([x.flatten(1), hot], 1)).sum().backward()
        assert x.grad.flatten(1).norm(dim=1).max() <= answer["steepest"]


QUESTIONS = {
    "interpolate": {"a": 1, "b": 2, "label": 4},
    "sheet": {"seed": 0, "label": 4},
    "arithmetic": {"seed": 0, "A": [0], "B": [1], "C": [2], "label": 4},
    "nearest": {"seed": 0},
    "jury": {"seed": 0, "turn": 0},
    "verdict": {"seed": 0, "turn": 0, "picture": np.zeros((28, 28), np.uint8)},
    "spectrum": {},
    "present": {},
    "mixture": {"a": 3, "b": 8, "share": 0.5},
}
OF_A_LABEL = [name for name, arguments in QUESTIONS.items() if "label" in arguments]


def test_every_question_is_in_these_tests_and_a_game_with_labels_answers_all():
    assert {*QUESTIONS} == {*probes.questions(CGAN)}
    assert {*QUESTIONS} == {*probes.questions(GAN)} | {"mixture"}


@pytest.mark.parametrize("name", OF_A_LABEL)
@pytest.mark.parametrize("label", [-1, 10, 2.5, True, "3", [3]])
def test_a_label_that_is_none_is_refused(name, label):
    with pytest.raises(Refused, match=r"label is .* from 0 to 9"):
        ask(name, **QUESTIONS[name] | {"label": label})


@pytest.mark.parametrize("name", OF_A_LABEL)
def test_a_game_without_labels_refuses_one(name):
    game = GAN(GAN.configure(DIGITS.space, SMALL), DIGITS.space)
    with pytest.raises(Refused, match="knows no labels"):
        ask(name, game, **QUESTIONS[name])


@pytest.mark.parametrize("name", OF_A_LABEL)
def test_another_label_is_another_answer(name):
    game, key = cgan(), {"interpolate": "linear", "sheet": "pictures", "arithmetic": "result"}[name]
    answers = [ask(name, game, **QUESTIONS[name] | {"label": label})[key].tobytes() for label in range(10)]
    assert len({*answers}) == 10


def test_asking_does_not_change_a_number_of_the_run():
    def trained(questions: dict) -> bytes:
        setting = {"family": "cgan", "data": "digits", "seed": 5, "config": SMALL | {"spectral": True}}
        run = Run(store.create(setting))
        run.play()
        for _ in range(2):
            run.train(rounds=3)
            for name, arguments in questions.items():
                assert probes.ask(run.model, run.data, name, arguments)
        return run._state()

    assert trained(QUESTIONS) == trained({})
