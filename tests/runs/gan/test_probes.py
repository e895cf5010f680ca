"""What a page may ask a model: the answers held against computations by hand; asking changes nothing."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from engine import data as datasets
from engine.config import Refused
from engine.gan import losses
from engine.gan.gan import GAN
from engine.gan.losses import LOSSES, belief
from lab import probes
from lab.gan import gan_probe as gan
from lab.gan.losses_tab import _says
from lab.probes.ways import arc
from lab.runs import store
from lab.runs.run import Run
from lab.scenes.arrays import pictures

DIGITS = datasets.load("digits")
SMALL = {"width_G": 16, "width_D": 16, "batch": 16}


def model(data=DIGITS, **values) -> GAN:
    torch.manual_seed(1)
    return GAN(GAN.configure(data.space, SMALL | values), data.space)


class Reciter(torch.nn.Module):
    """A generator that says training pictures by heart."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(1))  # tells the device

    def forward(self, z):
        return DIGITS.take(slice(0, 199 * len(z), 199))  # they are stored by class


def ask(name: str, game: GAN | None = None, data=DIGITS, **arguments):
    return probes.ask(game or model(data), data, name, arguments)


def z_of(game: GAN, seed: int, n: int = 1) -> torch.Tensor:
    torch.manual_seed(seed)
    return game.p_z(n)


@torch.no_grad()
def drawn(game: GAN, z: torch.Tensor) -> np.ndarray:
    return pictures(game.G(z))


# --- between two z ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["linear", "spherical"])
def test_both_ways_begin_at_g_of_a_and_end_at_g_of_b(way):
    game = model()
    answer = ask("interpolate", game, a=3, b=8)
    assert answer[way].shape == (11, 28, 28)
    assert (answer[way][[0, -1]] == drawn(game, torch.cat([z_of(game, 3), z_of(game, 8)]))).all()
    ends = [z_of(game, seed).norm().item() for seed in (3, 8)]
    np.testing.assert_allclose(answer[f"{way} norm"][[0, -1]], ends, rtol=1e-5)


def test_the_arc_keeps_the_norm_between_the_ends_and_the_line_does_not():
    for a in range(0, 20, 2):
        answer = ask("interpolate", a=a, b=a + 1)
        low, high = sorted(answer["spherical norm"][[0, -1]])
        assert answer["spherical norm"].min() >= low * (1 - 1e-5)
        assert answer["spherical norm"].max() <= high * (1 + 1e-5)
        assert answer["linear norm"].min() < 0.9 * low
        assert answer["usual"][0] < low < answer["usual"][1]


def test_the_arc_turns_evenly_and_keeps_equal_norms_exactly():
    t = torch.linspace(0, 1, 9, dtype=torch.float64)[:, None]
    a, b = torch.randn(2, 5, dtype=torch.float64)
    a, b = 2 * a / a.norm(), 2 * b / b.norm()
    way = arc(a, b, t)
    torch.testing.assert_close(way.norm(dim=1), torch.full((9,), 2.0, dtype=torch.float64))
    steps = (way[1:] - way[:-1]).norm(dim=1)
    torch.testing.assert_close(steps, steps[:1].expand(8))
    omega = torch.acos(a @ b / 4)  # Shoemake's formula, for vectors of one length
    slerp = (torch.sin((1 - t) * omega) * a + torch.sin(t * omega) * b) / torch.sin(omega)
    torch.testing.assert_close(way, slerp)


@pytest.mark.parametrize("b", [[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0]])
def test_between_vectors_on_one_line_the_way_is_straight(b):
    a, b, t = torch.tensor([1.0, 2.0]), torch.tensor(b), torch.linspace(0, 1, 5)[:, None]
    torch.testing.assert_close(arc(a, b, t), torch.lerp(a, b, t))


def test_one_noise_dimension_has_no_arc_and_still_answers():
    answer = ask("interpolate", model(z=1), a=0, b=1)
    assert (answer["linear"] == answer["spherical"]).all()


# --- arithmetic ------------------------------------------------------------------------------


def test_arithmetic_is_g_of_the_combination_by_hand():
    game = model()
    A, B, C = [0, 5, 9], [1, 2], [39]
    answer = ask("arithmetic", game, seed=4, A=A, B=B, C=C)
    z = z_of(game, 4, gan.SHEET)
    by_hand = (z[0] + z[5] + z[9]) / 3 - (z[1] + z[2]) / 2 + z[39]
    assert (answer["result"] == drawn(game, by_hand[None])[0]).all()
    assert math.isclose(answer["norm result"], by_hand.norm().item(), rel_tol=1e-5)
    assert (answer["mean C"] == drawn(game, z)[39]).all()


@torch.no_grad()
def test_the_first_groups_are_two_of_one_class_that_differ_in_ink_and_one_of_another():
    game = model()
    game.G = Reciter()  # whose classes are known
    answer = ask("sheet", game, seed=2)
    label, ink = DIGITS.y[: 199 * gan.SHEET : 199], answer["pictures"].mean((1, 2))
    A, B, C = ({*label[answer[name]].tolist()} for name in "ABC")
    assert len(A) == 1
    assert A == B != C
    assert len(C) == 1
    assert ink[answer["A"]].min() > ink[answer["B"]].max()
    assert ink[answer["C"]].max() == sorted(ink[label == C.pop()])[2]


def test_without_labels_there_are_groups_to_begin_with_too():
    answer = ask("sheet", data=dataclasses.replace(DIGITS, y=None), seed=2)
    assert len(answer["pictures"]) == gan.SHEET
    assert len({*answer["A"], *answer["B"], *answer["C"]}) == 9


# --- is it memorizing? -----------------------------------------------------------------------


def few(n: int):
    """Some digits only, under a name of their own."""
    return dataclasses.replace(DIGITS, x=DIGITS.x[:n], name=f"few-{n}")


def test_the_nearest_training_picture_is_that_of_a_search_through_all(monkeypatch):
    monkeypatch.setattr(gan, "CHUNK", 77)
    game, data = model(), few(300)
    answer = ask("nearest", game, data, seed=5)
    with torch.no_grad():
        x = game.G(z_of(game, 5, 8))
    far = (((x[:, None] - data.take(slice(None))[None]) / 2) ** 2).sum((2, 3, 4)).sqrt()
    assert answer["index"] == far.argmin(1).tolist()
    np.testing.assert_allclose(answer["distance"], far.min(1).values, rtol=1e-4)
    assert (answer["nearest"] == data.x[answer["index"], 0].numpy()).all()
    assert answer["among"] == 300


def test_the_usual_distance_is_that_to_the_nearest_other(monkeypatch):
    monkeypatch.setattr(gan, "CHUNK", 64)
    data = few(200)
    usual = gan.neighbours(data)
    x = data.take(slice(None)).flatten(1) / 2
    far = (x[:, None] - x[None]).norm(dim=2)
    far.fill_diagonal_(torch.inf)
    assert usual.measured == 200
    assert math.isclose(usual.median, far.min(1).values.quantile(0.5).item(), rel_tol=1e-4)


def test_a_generator_that_recites_training_pictures_is_caught_and_noise_is_not_called_a_copy():
    game = model()
    game.G = Reciter()
    answer = ask("nearest", game, seed=0)
    assert answer["copies"] == 8
    assert max(answer["distance"]) < 0.02
    untrained = ask("nearest", seed=0)
    assert (untrained["copies"], untrained["strangers"]) == (0, 8)


# --- be the discriminator --------------------------------------------------------------------


def truth(seed: int, turn: int) -> bool:
    return gan.coin(DIGITS, seed, turn)[0]


def test_half_of_the_pictures_are_real_in_every_sequence():
    for seed in range(5):
        real = sum(truth(seed, turn) for turn in range(1000))
        assert abs(real - 500) < 4 * math.sqrt(250)


def test_a_sequence_is_repeatable_and_another_seed_is_another_one():
    game = model()

    def sequence(seed):
        return [ask("jury", game, seed=seed, turn=turn)["picture"].tobytes() for turn in range(20)]

    assert sequence(1) == sequence(1)
    assert sequence(1) != sequence(2)
    assert [truth(1, t) for t in range(50)] != [truth(2, t) for t in range(50)]


def test_the_jury_never_reveals_what_it_shows():
    game = model()
    shown = [ask("jury", game, seed=3, turn=turn) for turn in range(40)]
    assert {tuple(answer) for answer in shown} == {("picture",)}
    forms = {(p.shape, p.dtype.str, p.strides) for p in (answer["picture"] for answer in shown)}
    assert forms == {((28, 28), "|u1", (28, 1))}
    test = {x.tobytes() for x in DIGITS.test_x[:, 0].numpy()}
    for turn, answer in enumerate(shown):
        assert (answer["picture"].tobytes() in test) == truth(3, turn)


def test_the_verdict_is_the_truth_and_d_of_the_very_picture_that_was_shown():
    game = model()
    for turn in range(10):
        picture = ask("jury", game, seed=3, turn=turn)["picture"]
        answer = ask("verdict", game, seed=3, turn=turn, picture=picture)
        x = datasets.dataset.floats(torch.from_numpy(picture)[None, None])
        assert answer["real"] is truth(3, turn)
        assert math.isclose(answer["belief"], game.belief(x).item(), rel_tol=1e-6)


def test_pictures_in_colour_are_judged_too():
    x = torch.randint(0, 256, (30, 3, 32, 32), dtype=torch.uint8)
    space = dataclasses.replace(DIGITS.space, shape=(3, 32, 32))
    data = dataclasses.replace(DIGITS, x=x, test_x=x[:3], name="colour", space=space)
    game = model(data)
    for turn in range(6):
        picture = ask("jury", game, data, seed=0, turn=turn)["picture"]
        assert picture.shape == (32, 32, 3)
        answer = ask("verdict", game, data, seed=0, turn=turn, picture=picture)
        x = datasets.dataset.floats(torch.from_numpy(picture.transpose(2, 0, 1).copy())[None])
        assert math.isclose(answer["belief"], game.belief(x).item(), rel_tol=1e-5)


# --- D's weights, and its beliefs ------------------------------------------------------------


@pytest.mark.parametrize("spectral", [False, True])
def test_the_spectrum_is_that_of_torchs_linalg(spectral):
    game = model(spectral=spectral)
    answer = ask("spectrum", game)
    weights = [layer.weight for layer in game.D.net if hasattr(layer, "weight")]
    assert len(answer["values"]) == len(weights) == 3
    for i, weight in enumerate(weights):
        largest = torch.linalg.matrix_norm(weight, 2).item()
        assert math.isclose(answer["trained"][i], largest, rel_tol=1e-5)
        used = weight / game.D.net[2 * i].sigma() if spectral else weight
        np.testing.assert_allclose(
            answer["values"][i], torch.linalg.svdvals(used).detach(), rtol=1e-4, atol=1e-5
        )
        if spectral:
            assert abs(answer["values"][i][0] - 1) < 0.02
            assert math.isclose(answer["estimate"][i], largest, rel_tol=0.02)
        else:
            assert answer["estimate"][i] is None


def test_no_slope_of_d_exceeds_the_product_of_the_largest_values():
    game = model()
    x = DIGITS.take(slice(64)).requires_grad_()
    game.D(x).sum().backward()
    assert x.grad.flatten(1).norm(dim=1).max() <= ask("spectrum", game)["steepest"]
    assert ask("spectrum", model(diversity="minibatch std"))["steepest"] is None


@pytest.mark.parametrize("loss", losses.BELIEVING)
def test_a_loss_is_drawn_over_the_belief_that_d_has_at_that_score(loss):
    D, value, slope = (torch.from_numpy(row) for row in losses.curves()[loss])
    a = losses.score_of(D, loss).requires_grad_()
    torch.testing.assert_close(belief(a, loss), D)
    torch.testing.assert_close(LOSSES[loss].G(a), value)
    (by_autograd,) = torch.autograd.grad(LOSSES[loss].G(a).sum(), a)
    torch.testing.assert_close(by_autograd.abs(), slope)
    known = {"minimax": D, "non-saturating": 1 - D, "least squares": 1 - D, "hinge": torch.ones_like(D)}
    torch.testing.assert_close(slope, known[loss])


@pytest.mark.parametrize("loss", losses.BELIEVING)
def test_the_present_batch_is_a_batch_and_its_gradients_are_means(loss):
    game = model(loss=loss)
    answer = ask("present", game)
    assert answer["belief"].shape == (16,)
    assert math.isclose(answer["mean"], answer["belief"].mean(), rel_tol=1e-5)
    assert math.isclose(answer["slopes"]["minimax"], answer["mean"], rel_tol=1e-3, abs_tol=1e-5)
    assert math.isclose(answer["slopes"]["non-saturating"], 1 - answer["mean"], rel_tol=1e-3, abs_tol=1e-5)
    said = _says(loss, answer)
    assert f"D(G(z)) is {answer['mean']:.2f} on average" in said
    assert f"the non-saturating one {1 - answer['mean']:.2f}" in said


def test_a_critic_has_no_place_on_the_axis():
    with pytest.raises(Refused, match="Wasserstein critic"):
        ask("present", model(loss="Wasserstein"))


# --- asking ----------------------------------------------------------------------------------


QUESTIONS = {
    "interpolate": {"a": 1, "b": 2},
    "sheet": {"seed": 0},
    "arithmetic": {"seed": 0, "A": [0], "B": [1], "C": [2]},
    "nearest": {"seed": 0},
    "jury": {"seed": 0, "turn": 0},
    "verdict": {"seed": 0, "turn": 0, "picture": np.zeros((28, 28), np.uint8)},
    "spectrum": {},
    "present": {},
}


def test_every_question_is_in_these_tests():
    assert set(QUESTIONS) == set(probes.questions(GAN))


def test_asking_does_not_change_a_number_of_the_run():
    setting = {"family": "gan", "data": "digits", "seed": 5}

    def trained(questions: dict) -> bytes:
        config = SMALL | {"spectral": True, "diversity": "packing"}
        run = Run(store.create(setting | {"config": config}))
        run.play()
        for _ in range(3):
            run.train(rounds=4)
            for name, arguments in questions.items():
                assert probes.ask(run.model, run.data, name, arguments)
        return run._state()

    assert trained(QUESTIONS) == trained({})


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("sample", {}, "cannot be asked 'sample'; it knows arithmetic"),
        ("Refused", {}, "cannot be asked"),
        ("__init__", {}, "cannot be asked"),
        ("interpolate", {"a": 1}, "asked wrongly; it takes a, b"),
        ("interpolate", {"a": 1, "b": 2, "c": 3}, "asked wrongly"),
        ("interpolate", {"a": -1, "b": 2}, "a is '-1'; it must be a whole number from 0 to 4,294,967,295"),
        ("interpolate", {"a": 1, "b": 2.5}, "b is '2.5'"),
        ("interpolate", {"a": 1, "b": 2, "steps": 1}, "steps is '1'"),
        ("interpolate", {"a": 1, "b": 2, "steps": 10**6}, "steps"),
        ("sheet", {"seed": "x" * 1000}, "seed is 'xxx"),
        ("arithmetic", {"seed": 0, "A": [], "B": [1], "C": [2]}, "Group A needs at least one sample"),
        ("arithmetic", {"seed": 0, "A": [0, 0], "B": [1], "C": [2]}, "each only once"),
        ("arithmetic", {"seed": 0, "A": [0], "B": [40], "C": [2]}, "A sample of group B is '40'"),
        ("arithmetic", {"seed": 0, "A": [0], "B": [1], "C": 2}, "Group C"),
        ("nearest", {"seed": True}, "seed is 'True'"),
        ("jury", {"seed": 0, "turn": -1}, "turn is '-1'"),
        ("verdict", {"seed": 0, "turn": 0, "picture": None}, "not one of those shown"),
        ("verdict", {"seed": 0, "turn": 0, "picture": np.zeros((9, 9), np.uint8)}, "not one of those shown"),
        ("verdict", {"seed": 0, "turn": 0, "picture": np.zeros((28, 28))}, "not one of those shown"),
    ],
)  # fmt: skip
def test_a_bad_question_is_refused(name, arguments, says):
    with pytest.raises(Refused) as refusal:
        ask(name, **arguments)
    assert says in str(refusal.value)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize("name", ["interpolate", "sheet", "arithmetic", "nearest", "jury", "verdict"])
def test_points_are_no_pictures(name):
    with pytest.raises(Refused, match="pictures only"):
        ask(name, data=datasets.load("ring"), **QUESTIONS[name])


def test_a_model_that_has_diverged_says_so():
    game = model()
    next(game.G.parameters()).data.fill_(math.nan)
    with pytest.raises(Refused, match="diverged"):
        ask("sheet", game, seed=0)


@pytest.mark.exhaustive
def test_the_supervisor_asks_any_run_and_a_recording(supervised):
    setting = {"family": "gan", "data": "digits", "seed": 0, "config": SMALL}
    run_id = supervised.create("ann", **setting)
    answer = supervised.probe(run_id, "interpolate", a=1, b=2)
    assert answer["round"] >= 0
    assert answer["linear"].shape == (11, 28, 28)
    with pytest.raises(Refused, match="whole number"):
        supervised.probe(run_id, "sheet", seed=-1)
    with pytest.raises(Refused, match="cannot be asked"):
        supervised.probe(run_id, "wrong")
    assert supervised.probe("gan-digits", "sheet", seed=0)["round"] == 15_000
