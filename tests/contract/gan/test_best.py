"""The best possible D: of the chosen game, or none, and then the page says why."""

import itertools
import math

import pytest
import torch

from engine import data as datasets
from engine.gan.base import TwoPlayers
from engine.gan.gan import GAN
from engine.gan.losses import LOSSES, belief, best_belief
from lab import scenes
from lab.gan.words import best_now, game_now, losses_now
from lab.runs import store

BUMPS = datasets.load("two-bumps")
CHOICES = {
    "loss": TwoPlayers.knobs()["loss"].choices,
    "penalty": TwoPlayers.knobs()["penalty"].choices,
    "diversity": ("none", "minibatch std", "packing", "unrolling"),
    "spectral": (False, True),
    "noise_x": (0.0, 0.3),
    "smooth": (0.0, 0.2),
}
PLAIN = {name: values[0] for name, values in CHOICES.items()}
ONE_OTHER = [PLAIN | {name: value} for name, values in CHOICES.items() for value in values]


def gan(**knobs) -> GAN:
    torch.manual_seed(0)
    return GAN(GAN.configure(BUMPS.space, {"width_G": 8, "width_D": 8} | knobs), BUMPS.space)


@pytest.mark.parametrize("s", [0.0, 0.2])
@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "Wasserstein"])
def test_no_score_is_better_than_the_best_one(loss, s):
    """At places with the densities p and g: the least of p L_real(a) + g L_fake(a), on a fine grid of a."""
    p, g = (
        torch.tensor([0.9, 0.5, 0.1, 0.6, 1e-3]).double(),
        torch.tensor([0.1, 0.2, 0.4, 0.61, 2.0]).double(),
    )
    a = torch.linspace(-9, 9, 36_001, dtype=torch.float64)
    game = LOSSES[loss]
    at = (p[:, None] * game.real(a, s) + g[:, None] * game.fake(a)).argmin(1)
    torch.testing.assert_close(best_belief(p, g, loss, s), belief(a[at], loss), atol=3e-4, rtol=0)


def test_where_nothing_is_or_all_is_alike_the_best_d_is_finite():
    p = torch.tensor([0.0, 0.3]).double()
    assert best_belief(p, p, "minimax").tolist() == [0, 0.5]
    assert best_belief(p, p, "hinge").tolist() == [0.5, 0.5]
    assert best_belief(p, p, "Wasserstein") is None


@pytest.mark.parametrize("knobs", ONE_OTHER, ids=lambda knobs: "-".join(map(str, knobs.values())))
def test_what_has_no_formula_is_not_drawn_and_the_page_says_why(knobs):
    model = gan(**knobs)
    scene = scenes.draw(model, BUMPS)
    why = best_now(model.config.model_dump())
    assert ("line/best discriminator" in scene) == (not why)
    other = {name: value for name, value in knobs.items() if value != PLAIN[name]}
    known = (
        not other
        or "smooth" in other
        or {*other.values()} <= {"unrolling", "minimax", "least squares", "hinge"}
    )
    assert ("line/best discriminator" in scene) == known
    # V is the value of the paper's game, and so is its distance from the equilibrium
    of_paper = {*other} <= {"penalty", "spectral"} or {*other.values()} <= {"unrolling", "minimax"}
    assert ("number/V(D, G)" in scene) == ("number/above −log 4" in scene) == of_paper
    assert "number/2 JSD(p, p_g)" in scene
    if known:
        x, drawn = torch.from_numpy(scene["line/best discriminator"]).double().unbind(1)
        p = BUMPS.target.log_prob(x[:, None]).exp()
        p_g = torch.from_numpy(scene["line/model density"])[:, 1].double()
        D = drawn / BUMPS.box[3]
        if knobs["loss"] == "hinge":
            expected = torch.where(p > p_g, 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1)))
        else:
            expected = (1 - knobs["smooth"]) * p / (p + p_g)
        assert (D - expected).abs().max() < 2e-3


def test_the_reasons_are_all_told():
    told = best_now(PLAIN | {"loss": "Wasserstein", "penalty": "R1", "noise_x": 0.1, "diversity": "packing"})
    for words in ("a critic", "slope of D is bounded", "sees noise", "several examples"):
        assert words in told
    assert best_now({name: value for name, value in PLAIN.items() if name != "diversity"}) == ""


@pytest.mark.parametrize(
    "knobs", [{}, {"smooth": 0.1}, {"loss": "hinge"}, {"loss": "least squares", "smooth": 0.1}]
)
def test_the_sentence_has_the_numbers_of_the_row_and_log_4_only_in_the_papers_game(knobs):
    model = gan(**knobs)
    turns = model.turns(BUMPS.batch(8, 0, 0))
    row = {"round": 7} | {name: term.item() for _, terms in turns for name, term in terms.items()}
    said = losses_now(row)
    real, fake, of_G = list(row.values())[1:]
    assert said.startswith("Around round 7: $")
    assert (r"-\log 4" in said) == (not knobs)
    if knobs:
        assert all(f" = {value:.3f}$" in said for value in (real, fake, of_G))
    else:
        assert f"= {-real:.3f} {-fake:+.3f} = {-real - fake:.3f}$" in said
    assert (r"(1 - s) \log D(x)" in said) == (knobs == {"smooth": 0.1})
    assert ("+ s)^2" in said) == (len(knobs) == 2)


def test_the_sentence_about_the_best_d_stands_only_beside_a_line():
    row = {"round": 1, "-E[D(x)]": 0.5}
    for name, (loss, says) in itertools.product(
        ("two-bumps", "ring"), {"Wasserstein": True, "hinge": False}.items()
    ):
        config = GAN.configure(datasets.load(name).space, {"loss": loss}).model_dump()
        run = store.create({"family": "gan", "data": name, "seed": 0, "config": config}).name
        assert ("No formula" in game_now(run, row)) == (says and name == "two-bumps")
        assert game_now(run, row).startswith(r"Around round 1: $-\mathbb{E}[D(x)] = 0.500$.")


@pytest.mark.parametrize("diversity", CHOICES["diversity"])
def test_a_line_whose_fakes_are_all_in_its_box_is_drawn(diversity):
    """No example is outside: D is asked about none."""
    model = gan(diversity=diversity)
    with torch.no_grad():
        for weight in model.G.parameters():
            weight.mul_(0.1)
    assert scenes.draw(model, BUMPS)["line/discriminator"].shape == (241, 2)
