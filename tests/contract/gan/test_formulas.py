"""The formulas that pages show are evaluated: each gives the number that the engine computes."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.codes.vae_gan import VAEGAN
from engine.family import Batch
from engine.gan.gan import GAN
from engine.gan.losses import (
    BELIEVING,
    LOSSES,
    curves,
    discriminator_terms,
    generator_terms,
    gradient_penalty,
    r1,
    total,
)
from engine.space import Space
from lab.gan.formulas import latex, summed
from lab.gan.losses_tab import GAMES, table
from tests.latex import unbroken

PAGES = Path(__file__).parents[3] / "pages"
ROWS = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table("/gan").splitlines()[2:9]]
REAL, FAKE, S = torch.tensor([0.5, -2.0, 1.5, 0.2]), torch.tensor([-1.5, 0.3, 2.0, -0.1]), 0.2
PLAIN = [
    (r"\\nabla\s+", "nabla"),
    (r"\\(?:mathrm|mathbb|mathcal)\s*\{?(\w+)\}?", r"\1"),
    (r"\\log\s+(\w+\(\w+(?:\(\w+\))?\))", r"\\log(\1)"),
    (r"E_\{(?:[^{}]|\{\w+\})*\}", "E"),
    (r"\\tfrac12", "0.5 *"), (r"\\tfrac\{\\lambda\}\{2\}", "0.5 * lam *"),
    (r"\\lambda", "lam *"), (r"\\beta", "beta *"), (r"\\gamma", "gamma *"),
    (r"\\lVert|\\rVert", "|"), (r"\\(?:hat|tilde) x", lambda m: m[0][1:].replace(" ", "_")),
    (r"\\mid|\\Vert", ","), (r"\\,|\\(?=[a-z])", ""), (r"\[", "("), (r"\]", ")"),
    (r"\^2", "**2"), (r"(?<=\))\s+(?=log)|(?<=\bs)\s+(?=log)", " * "), (r"\|([^|]+)\|", r"norm(\1)"),
]  # fmt: skip


def value(formula: str, **names) -> torch.Tensor:
    """The value of a formula in LaTeX, from the values and functions that its names stand for."""
    for pattern, plain in PLAIN:
        formula = re.sub(pattern, plain, formula)
    known = {"E": torch.mean, "log": torch.log, "max": lambda a, b: torch.maximum(torch.tensor(a), b)}
    return eval(formula.replace("\n", " "), known | names)


def of_scores(loss: str) -> dict:
    """What the names in the formulas of a game stand for: D(x) and D(G(z)) on a batch."""
    D = torch.sigmoid if loss in ("minimax", "non-saturating") else lambda a: a
    return {
        "D": lambda x: D(REAL if x == "real" else FAKE),
        "x": "real",
        "G": lambda z: z,
        "z": "fake",
        "s": S,
    }


@pytest.mark.parametrize("row", range(7), ids=[row[0] for row in ROWS])
def test_a_row_of_the_table_shows_what_its_players_descend(row):
    title, of_D, of_G, _bound, link = ROWS[row]
    _, loss, penalty, *_ = GAMES[row]
    names = of_scores(loss)
    assert title == GAMES[row][0]
    torch.testing.assert_close(value(of_D.strip("$"), **names), total(discriminator_terms(REAL, FAKE, loss)))
    torch.testing.assert_close(value(of_G.strip("$"), **names), total(generator_terms(FAKE, loss)))
    address = dict(re.findall(r"(\w+)=([\w%-]+)", link))
    assert [address[name].replace("%20", " ") for name in ("loss", "penalty")] == [loss, penalty]
    GAN.configure(Space.of((2,)), {name: text.replace("%20", " ") for name, text in address.items()})


@pytest.mark.parametrize("loss", [loss for loss, game in LOSSES.items() if game.smoothed])
def test_the_name_of_a_smoothed_term_is_its_formula(loss):
    (name, term), _ = discriminator_terms(REAL, FAKE, loss, S).items()
    torch.testing.assert_close(value(latex(name), **of_scores(loss)), term)
    assert name not in discriminator_terms(REAL, FAKE, loss)
    assert discriminator_terms(REAL, FAKE, loss, torch.tensor(S)).keys() == {name, LOSSES[loss].terms[1]}
    assert latex(name) in table("/gan")


def test_what_smoothing_does_not_touch_keeps_its_name():
    for loss in ("hinge", "Wasserstein"):
        assert discriminator_terms(REAL, FAKE, loss, S) == discriminator_terms(REAL, FAKE, loss)


def test_the_bounds_are_those_of_the_formulas():
    D = torch.nn.Sequential(
        torch.nn.Linear(2, 5), torch.nn.Softplus(), torch.nn.Linear(5, 1), torch.nn.Flatten(0)
    )
    x, fake, eps = torch.randn(6, 2), torch.randn(6, 2), torch.rand(6)
    between = eps[:, None] * x + (1 - eps[:, None]) * fake

    def slope(at: torch.Tensor) -> torch.Tensor:
        at = at.clone().requires_grad_()
        return torch.autograd.grad(D(at).sum(), at)[0].norm(dim=1)

    names = {"norm": lambda slope: slope, "nablaD": slope, "x": x, "hat_x": between, "lam": 3.0}
    for row, expected in ((5, gradient_penalty(D, x, fake, eps)), (6, r1(D, x))):
        shown = value(ROWS[row][3].strip("$"), **names)
        torch.testing.assert_close(shown, 3 * expected)


def test_a_sum_has_one_sign_between_two_terms():
    assert summed(["-E[D(x)]", "E[D(G(z))]"]) == r"-\mathbb{E}[D(x)] + \mathbb{E}[D(G(z))]"
    assert summed(["E[D(x)]", "-E[D(x)]"]) == r"\mathbb{E}[D(x)] - \mathbb{E}[D(x)]"


@pytest.mark.parametrize("page", ["gan", "cgan"])
def test_the_value_of_the_game_on_the_page_is_what_d_raises(page):
    text = unbroken((PAGES / f"{page}.py").read_text())
    shown = re.search(r"(\\mathbb\{E\}_.*?\)\])\s*\$\$", text, re.DOTALL)[1]
    shown = re.sub(r"\s*\\mid y", "", shown)  # the label is told to both, and its place is tested elsewhere
    V = value(shown, **of_scores("minimax"))
    torch.testing.assert_close(V, -total(discriminator_terms(REAL, FAKE, "minimax")))


def test_the_formulas_of_the_vae_gan_are_what_its_players_descend():
    text = (PAGES / "vae_gan.py").read_text()
    shown = {
        name: re.search(rf"\\mathcal L_{{{name}}} = (.*?)(?: \\qquad)?\n", text)[1]
        for name in ("prior", "like", "GAN")
    }
    space = Space.of((2,))
    model = VAEGAN(VAEGAN.configure(space, {"beta": 0.3, "gamma": 4.0, "weight": 2.0, "width": 8}), space)
    x = torch.randn(6, 2)
    torch.manual_seed(1)
    Enc, Dec, Dis = (sum(terms.values()) for _, terms in model.turns(Batch(0, x, None, lambda: None)))
    torch.manual_seed(1)
    q = model.q(x)
    restored, sampled = model.Dec(q.mean + q.stddev * model.p_eps(6)), model.Dec(model.p_eps(6))
    at = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model.Dis(at).sum(), at)

    def D(of: torch.Tensor) -> torch.Tensor:
        return model.Dis(of).sigmoid()

    names = {
        "x": x, "hat_x": restored, "tilde_x": torch.cat([restored, sampled]), "z": q, "p": lambda z: z,
        "Dis": D, "Dis_l": model.Dis.features, "log": lambda of: of.log().mean(),
        "norm": lambda apart: apart.square().sum(1).mean().sqrt(), "q": lambda z, x: z,
        "beta": 0.3, "lam": 2.0,
        "KL": lambda q, p: ((q.mean**2 + q.variance - q.variance.log() - 1) / 2).sum(1).mean(),
        "nablaDis": lambda x: slope,
    }  # fmt: skip
    prior, like, game = (value(formula, **names) for formula in shown.values())
    fooled = -D(names["tilde_x"]).log().mean()
    for line in (
        r"The encoder descends $\mathcal L_{prior} + \mathcal L_{like}$",
        r"the decoder $\gamma \mathcal L_{like} - \mathcal L_{GAN}$",
        r"the decoder descends $-\log \mathrm{Dis}(\tilde x)$ in place of",
    ):
        assert line in text
    torch.testing.assert_close(Enc, prior + like)
    torch.testing.assert_close(Dec, 4 * like + fooled)
    bound = value(re.search(r"\(R1\), \$([^$]+)\$", text)[1], **names)
    torch.testing.assert_close(Dis, -game + bound)


def test_the_curves_of_the_losses_are_drawn_in_float64():
    assert {loss: (rows.dtype, rows.shape) for loss, rows in curves(5).items()} == dict.fromkeys(
        BELIEVING, (np.float64, (3, 5))
    )


def test_each_term_has_the_colour_of_the_player_that_descends_it():
    for game in LOSSES.values():
        assert [term.role for term in game.terms] == ["critic", "critic", "model"]
        assert game.smoothed is None or game.smoothed.role == "critic"
