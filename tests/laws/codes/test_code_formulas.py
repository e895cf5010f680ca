r"""Every formula that is shown about codes, computed from what is shown, against the engine.

One that a page shows and that nobody here computes fails `test_no_formula_is_passed_over`.
"""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from engine import lectures
from engine.codes import attributes, base, pca
from engine.codes.ae import AE
from engine.codes.base import ELBO, KL, RECONSTRUCTION
from engine.codes.cvae import CVAE
from engine.codes.pca import PCA
from engine.codes.vae import VAE
from engine.data import floats, load
from engine.space import Space
from lab.codes import slips_tab, trick_tab, words
from lab.codes.codes_probe import greyness
from lab.codes.trick_probe import estimates
from tests.latex import formulas, prose, shown

pytestmark = pytest.mark.usefixtures("double")

PAGES = ["pages/vae.py", "pages/cvae.py", "pages/ae.py", "pages/pca.py", "pages/planes.py",
         "lab/codes/trick_tab.py", "lab/codes/bound_tab.py", "lab/codes/words.py"]  # fmt: skip
MATHS = {"log": torch.log, "exp": torch.exp, r"\log": torch.log, r"\exp": torch.exp}


def plain(formula: str) -> str:
    """A formula without what only looks: braces below, sizes, halves in short."""
    formula = re.sub(r"\\underbrace\{(.*?)\}_\{\\text\{.*?\}\}", r"\1", formula)
    formula = re.sub(r"\|\|(.*?)\|\|", r"\\lVert\1\\rVert", formula)
    formula = re.sub(r"\\(?:bigl|bigr|,|;)(?![a-z])", "", formula)
    formula = formula.replace(r"\tfrac12", r"\tfrac{1}{2}").replace("−", "-").replace("·", " ")
    return re.sub(r"\\(log|exp) (\\hat \w+_j|\\?\w+?_\w(?:\^2)?)(?= |$|\))", r"\\\1(\2)", formula)


def all_of(formula: str, sign: str) -> str:
    """A sum that goes to the end of its formula, in parentheses."""
    before, after = formula.split(sign)
    return f"{before}{sign}({after})"


def told(page: str, begins: str) -> str:
    """The formula of a page that begins like this."""
    (formula,) = {one for one in formulas(prose(page)) if one.startswith(begins)}
    return plain(formula)


@pytest.fixture(params=[VAE, CVAE])
def n(request) -> SimpleNamespace:
    """A model with a bound, and what the letters stand for."""
    torch.manual_seed(0)
    space = Space.of((5,), 3)
    model = request.param(request.param.configure(space, {"width": 8, "z": 2}), space)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, 0, 0.4)
    n = SimpleNamespace(model=model, x=torch.randn(6, 5), eps=torch.randn(7, 6, 2))
    n.y = torch.arange(6) % 3 if model.labelled else None
    n.q = model.q(n.x, n.y)
    n.row = model.bounds(n.x, n.eps, None, n.y)
    n.given = ", c" if model.labelled else ""
    return n


def parts_of(n) -> dict[str, Tensor]:
    """The two terms of the bound, however a page names them."""
    kl, log_p, given = n.row[KL], n.row[RECONSTRUCTION], n.given
    prior = r"p(z \mid c)" if given else "p(z)"
    of_x = rf"[\log p(x \mid z{given})]"
    return {
        rf"\mathrm{{KL}}[q(z \mid x{given}) \Vert {prior}]": kl,
        rf"\mathrm{{KL}}[q(z \mid x{given}) \| {prior}]": kl,
        rf"\mathbb{{E}}_{{q(z \mid x)}}{of_x}": log_p,
        rf"\mathbb{{E}}_q{of_x}": log_p,
        r"\beta": 1.0,
    }


def tidy(formula: str) -> str:
    return re.sub(r"\s+", " ", formula)


def test_the_bound_of_the_page_is_the_one_that_is_measured(n):
    if n.model.labelled:
        side = told("pages/cvae.py", r"\log p(x \mid c) -").partition("=")[2]
    else:
        side = told("pages/vae.py", r"\log p(x) \ge").partition(r"\ge")[2].partition("=")[0]
        tab = told("lab/codes/bound_tab.py", r"\mathbb{E}_q")
        torch.testing.assert_close(shown(tidy(tab), parts_of(n)), n.row[ELBO])
        now = told("lab/codes/words.py", r"-\mathbb{E}_q").partition("=")[0]
        torch.testing.assert_close(shown(tidy(now), parts_of(n)), -n.row[ELBO])
    torch.testing.assert_close(shown(tidy(side), parts_of(n)), n.row[ELBO])
    assert n.row[ELBO] <= n.row[base.LOG_P]


def test_the_names_of_the_terms_are_their_formulas(n):
    restore, diverge = n.model.terms(n.x, *(() if n.y is None else (n.y,)), n.eps[0])
    one = n.model.bounds(n.x, n.eps[:1], None, n.y)
    letters = {f"E[log p(x|z{n.given.replace(' ', '')})]": 2.0, "β": 3.0}
    letters |= {"KL[q(z|x,c) || p(z|c)]" if n.given else "KL[q(z|x) || p(z)]": 5.0}
    assert shown(str(restore), letters) == -2
    assert shown(str(diverge), letters) == 15
    terms = n.model.terms(n.x, *(() if n.y is None else (n.y,)), n.eps[0])
    torch.testing.assert_close(terms[diverge], one[KL])


@pytest.mark.parametrize("page", ["pages/vae.py", "lab/codes/trick_tab.py"])
def test_z_is_drawn_as_the_page_says(n, page, monkeypatch):
    seen, p = [], n.model.p
    monkeypatch.setattr(n.model, "p", lambda z, y=None: seen.append(z) or p(z, y))
    n.model.terms(n.x, *(() if n.y is None else (n.y,)), n.eps[0])
    formula = told(page, r"z = \mu").partition("=")[2]
    letters = {r"\mu": n.q.mean, r"\sigma": n.q.stddev, r"\varepsilon": n.eps[0]}
    torch.testing.assert_close(seen[0], shown(formula, letters))
    seen.clear()
    n.model.log_w(n.x, n.eps, None, n.y)
    letters[r"\varepsilon"] = n.eps
    torch.testing.assert_close(seen[0].unflatten(0, (7, 6)), shown(formula, letters))


def test_the_kl_of_the_page_is_the_one_that_trains(n):
    formula = told("pages/vae.py", r"\mathrm{KL} =").partition("=")[2]
    letters = MATHS | {r"\mu_j": n.q.mean, r"\sigma_j": n.q.stddev, r"\sum_j": lambda v: v.sum(1)}
    torch.testing.assert_close(shown(formula, letters), base.kl(n.q).sum(1))


def test_the_weights_of_the_tab_are_those_of_the_bound(n):
    formula = told("lab/codes/bound_tab.py", "w =").partition("=")[2]
    z = (n.q.mean + n.q.stddev * n.eps).flatten(0, 1)
    p = n.model.p(z, None if n.y is None else n.y.repeat(7)).log_prob(n.x.repeat(7, 1)).sum(1)
    joint = p + torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    density = n.q.log_prob(z.unflatten(0, (7, 6))).sum(-1)
    letters = {"p(x, z)": joint.unflatten(0, (7, 6)).exp(), r"q(z \mid x)": density.exp()}
    torch.testing.assert_close(shown(formula, letters), n.model.log_w(n.x, n.eps, None, n.y).exp())
    docs = base.bound.__doc__.split("log 1/k")[0] and "1/k sum_i w_i"
    w = shown(formula, letters)
    mean = shown(docs, {"sum_i w_i": w.sum(0), "k": 7.0})
    torch.testing.assert_close(mean.log(), base.bound(w.log()))


def test_the_loss_of_the_autoencoder_is_all_three_of_its_formulas():
    torch.manual_seed(0)
    space = Space.of((5,))
    model = AE(AE.configure(space, {"width": 8, "z": 2}), space)
    x = torch.randn(1, 5)
    z = model.e(x)
    letters = {"x": x, r"\hat x": model.d(z), "z": z, "d": model.d, "e": model.e}
    (loss,) = model.terms(x, x).values()
    _, *sides = told("pages/ae.py", r"\text{loss}").split("=")
    assert len(sides) == 3
    for side in (
        *sides,
        told("lab/codes/words.py", r"\lVert x - d(e(x))").partition("=")[0],
        str(base.ERROR),
    ):
        torch.testing.assert_close(shown(plain(side.replace("²", "^2")), letters), loss)
    in_the_docstring = re.search(r"loss = (.*?) {3}", prose("engine/codes/ae.py"))[1]
    torch.testing.assert_close(shown(plain(in_the_docstring), letters), loss)


class Matrix:
    """A matrix whose products are those of matrices; a number beside it stands for that number times I."""

    def __init__(self, values: Tensor) -> None:
        self.values = values

    def of(self, other) -> Tensor:
        return other.values if isinstance(other, Matrix) else other * torch.eye(len(self.values))

    def __sub__(self, other):
        return Matrix(self.values - self.of(other))

    def __add__(self, other):
        return Matrix(self.values + self.of(other))

    def __mul__(self, other):
        return Matrix(self.values @ other.values if isinstance(other, Matrix) else self.values * other)

    __rmul__ = __mul__

    def __pow__(self, power):
        return Matrix(self.values.diagonal().pow(power).diag())


def test_the_formulas_of_pca_are_what_it_computes():
    torch.manual_seed(0)
    space = Space.of((5,))
    model = PCA(PCA.configure(space, {"z": 2}), space)
    x = torch.randn(60, 5) @ torch.randn(5, 5) + 3
    for _ in range(300):
        model.learn(x)
    V, m, S = model.V.detach(), model.m, model.S
    along, rest = (t.detach() for t in model.spread())
    least, kept = told("pages/pca.py", r"\min_").partition(r"\mathbb{E}")[2].split("=")
    error = [shown(least, {"x": one, "m": m, r"V V^\top": lambda v: v @ V @ V.T}) for one in x]
    lost = torch.stack(error).mean()
    (term,) = next(model.turns(SimpleNamespace(x=x)))[1].values()
    torch.testing.assert_close(lost, term.detach())
    assert kept.strip() == r"\sum_{i > \dim z} \lambda_i"
    torch.testing.assert_close(lost, torch.linalg.eigvalsh(S)[: 5 - 2].sum())
    text = " ".join(pca.__doc__.split())
    code = re.search(r"z = (L.*?),", text)[1]
    letters = {"L": Matrix(along.diag()), "V^T": Matrix(V.T), "x": Matrix(x.T), "m": Matrix(m[:, None]),
               "V": Matrix(V), "s": rest.item() ** 0.5, "I": Matrix(torch.eye(5))}  # fmt: skip
    torch.testing.assert_close(shown(code, letters).values.T, model.e(x).detach())
    covariance = re.search(r"N\(m, (V.*?I)\)", text)[1]
    density = torch.distributions.MultivariateNormal(m, shown(covariance, letters).values)
    torch.testing.assert_close(density.log_prob(x), model.log_prob(x))


# --- slips -------------------------------------------------------------------------------------------

MU, S = torch.tensor([0.7, -0.4]), torch.tensor([0.3, -1.1])
SIGMA = (S / 2).exp()
SLIPPED = MATHS | {
    r"\mu_i": MU, r"\sigma_i": SIGMA, r"\mu_k": MU, r"\Sigma_k": SIGMA**2, "s_k": S, r"\mu": MU, "s": S,
    "e": math.e, "1": 1.0, r"\varepsilon": torch.tensor(1.0),
    r"\sum_i": torch.sum, r"\sum_k": torch.sum, r"\sum": torch.sum,
}  # fmt: skip


def value(formula: str, sign: str = "", **more) -> Tensor:
    first = re.split(r", \\q?quad|\\quad|\\text", formula)[0]
    return shown(all_of(plain(first), sign) if sign else plain(first), SLIPPED | more)


def test_the_kls_of_the_slides_are_the_forms_that_the_lab_measures():
    first, second, *_ = slips_tab.slips_of_vae()
    torch.testing.assert_close(value(first.written, r"\sum_i"), lectures.without_half(MU, S).sum())
    torch.testing.assert_close(value(first.right), lectures.true_kl(MU, S).sum())
    torch.testing.assert_close(value(second.written), lectures.one_letter(MU, SIGMA.log() * 2).sum())
    torch.testing.assert_close(value(second.right), lectures.true_kl(MU, S).sum())
    assert second.right.endswith(r"s = \log \Sigma")


def test_the_sample_codes_draw_and_charge_as_their_slips_say():
    *_, drawn, tenth, _, _ = slips_tab.slips_of_vae()
    z, kl = drawn.written.split(r"\qquad")
    spread = value(z.partition("=")[2].rstrip(", ")) - MU
    torch.testing.assert_close(spread, S.exp())
    torch.testing.assert_close(value(kl.partition("=")[2]), lectures.true_kl(MU, S).sum())
    for s, one in zip(S.tolist(), spread.tolist(), strict=True):
        costs = base.kl(torch.distributions.Normal(torch.tensor(0.0), torch.tensor(one)))
        assert lectures.kl_of_draws(s) == pytest.approx(costs.item())
    right = value(drawn.right.partition("=")[2].partition(r"\quad")[0])
    torch.testing.assert_close(right - MU, SIGMA)
    variances = [shown(re.search(r"N\(0, (.*)\)", text)[1], {}) for text in (tenth.written, tenth.right)]
    assert variances == pytest.approx([0.01, 1])
    costs = base.kl(torch.distributions.Normal(torch.tensor(0.0), torch.tensor(variances[0] ** 0.5)))
    assert lectures.kl_of_draws(0, 0.1) == pytest.approx(costs.item())
    assert f"{lectures.kl_of_draws(0, 0.1):.2f}" in tenth.effect


def test_grey_pixels_and_squared_errors_cost_what_their_formulas_say():
    *_, grey, square = slips_tab.slips_of_vae()
    digits = load("digits")
    x = (floats(digits.test_x).flatten(1).double() + 1) / 2
    x = x.clamp(1e-12, 1 - 1e-12)
    letters = {"x_j": x, r"\hat x_j": x, r"\sum_j": lambda v: v.sum(1)}
    cost = value(grey.written, r"\sum_j", **letters).mean().item()
    assert cost == pytest.approx(lectures.grey_floor(digits), rel=1e-4)
    assert f"{cost:.1f}" in grey.effect
    a, b = torch.randn(2, 5)
    letters = {"x": a, r"\hat x": b, r"\mathrm{KL}": 0.0, r"\sigma_x": lectures.sigma_of(1.0)}
    torch.testing.assert_close(
        value(square.right.rpartition("+")[0], **letters), value(square.written, **letters)
    )
    letters[r"\sigma_x"] = lectures.sigma_of(3.0)
    torch.testing.assert_close(
        value(square.right.rpartition("+")[0], **letters), 3 * value(square.written, **letters)
    )


# --- tools -------------------------------------------------------------------------------------------


@torch.no_grad()
def test_the_estimators_of_the_trick_are_their_formulas(n):
    q, y = n.model.q(n.x[:1], None if n.y is None else n.y[:1]), None if n.y is None else n.y[:1]
    eps = n.eps[:, 0]
    answer = estimates(n.model, q, n.x[:1], eps, y)
    others = torch.stack([answer.f[torch.arange(7) != i].mean() for i in range(7)])[:, None]
    letters = {
        "log p(x|z)": answer.f[:, None], "mean of the other draws": others, "ε": eps, "σ": q.stddev,
        "μ": q.mean,
    }  # fmt: skip
    said = {name: plain(formula).partition(":")[0] for name, (_, formula) in trick_tab.METHODS.items()}
    torch.testing.assert_close(shown(said["score"], letters), answer.score)
    torch.testing.assert_close(shown(said["baseline"], letters), answer.baseline)
    z = shown(said["pathwise"].partition("=")[2], letters)
    f = base.log_prob(n.model.p(z, None if y is None else y.expand(7)), n.x[:1].expand(7, -1))
    torch.testing.assert_close(f, answer.f)


def test_thickness_and_greyness_are_as_the_captions_say():
    text = prose("lab/codes/attributes_tab.py")
    formula = plain(re.search(r"Thickness is (.*?)\.", " ".join(text.split()))[1])
    ink = torch.zeros(1, 12, 12)
    ink[:, 2:9, 4:7] = 0.7
    letters = {"area": ink.sum(), "outline": attributes.perimeter(ink)[0]}
    torch.testing.assert_close(attributes.attributes(2 * ink[:, None] - 1)[0, 0], shown(formula, letters))
    g = torch.rand(3, 1, 4, 4)
    formula = re.search(r"the sum of\s+(.*?) over the sum of g", greyness.__doc__)[1]
    wanted = shown(formula, {"g": g}).flatten(1).sum(1) / g.flatten(1).sum(1)
    torch.testing.assert_close(greyness(2 * g - 1), wanted)


def test_the_bernoulli_density_is_that_of_its_docstring():
    a, x = torch.randn(2, 50)
    x = (x > 0).double()
    formula = base.Pixels.log_prob.__doc__.partition(": ")[2].rstrip(".")
    letters = MATHS | {"x": x, "a": a, "e": math.e}
    torch.testing.assert_close(
        shown(formula, letters), base.Pixels(logits=a, validate_args=False).log_prob(x)
    )


# --- none is forgotten -------------------------------------------------------------------------------

DENSITIES = (  # which distribution a letter has: checked by test_code_terms.py, or said beside a formula
    r"p(z) = \mathcal N(0, I)", r"q(z \mid x) = \mathcal N(\mu(x), \sigma^2(x))", r"\mathcal N(0, I)",
    r"\varepsilon \sim \mathcal N(0, I)", r"z \sim \mathcal N(0, I)", r"\varepsilon \sim N(0, I)",
    r"p(z \mid c) = \mathcal N(0, I)", r"p(x) = \int p(x \mid z)\, p(z)\, dz", r"f(z) = \log p(x \mid z)",
)  # fmt: skip
NAMES = ("z = e(x)", "x = d(e(x))", r"\sqrt{\lambda_i}", "[x, c]", "[z, c]", r"\tilde x", "= {} - {}")
COMPUTED = (
    r"\log p(x) \ge", r"z = \mu + \sigma \varepsilon", r"\mathrm{KL} =", r"\log p(x \mid c) -",
    r"\text{loss}", r"\min_{V^\top V = I}", r"w = p(x, z)", r"\mathbb{E}_q[\log p", r"\lVert x - d(e(x))",
    r"-\mathbb{E}_q[\log",
    r"\nabla_\mu \mathbb{E}_q[f(z)] =",  # test_code_probes.py holds the estimates against the derivative
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_no_formula_is_passed_over(page):
    for one in formulas(prose(page)):
        is_letter = re.fullmatch(r"\\?\w|\\log p\(x\)|\\\w+|\\mathrm\{KL\}\[q\(z \\mid x\)[^=+]*\]", one)
        assert is_letter or one in DENSITIES or one in NAMES or one.startswith(COMPUTED), one


def test_every_slip_is_computed_here():
    assert len(slips_tab.slips_of_vae()) == 6
    assert set(words.BOUNDS) == {"-E[log p(x|z)]", "-E[log p(x|z,c)]"}
