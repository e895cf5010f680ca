r"""Every formula that is shown about diffusion, computed from what is shown, against the engine.

Each is found by how it begins; what follows is read from the page or docstring. One that a page shows and
that nobody here computes fails `test_no_formula_is_passed_over`.
"""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
import torch

from engine.diffusion import schedule
from engine.diffusion.ddpm import DDPM
from engine.diffusion.exact import Exact
from engine.diffusion.flow_matching import FlowMatching
from engine.diffusion.samplers import SAMPLERS, Walk
from engine.space import Space
from tests.latex import formulas, prose, shown
from tests.laws.diffusion.test_exact import LOPSIDED, diffused

pytestmark = pytest.mark.usefixtures("double")

PAGE, STRAIGHT, SLIPS = "pages/ddpm.py", "pages/flow_matching.py", "lab/diffusion/noising_tab.py"
REMAKE = "lab/diffusion/remake_tab.py"
PLANE, T, t, s = Space.of((2,), 3), 20, 9, 4
Y, NONE, AT = torch.arange(5) % 3, torch.full((5,), 3), torch.tensor([t / T], dtype=torch.float64)


def state(family=DDPM, **knobs) -> SimpleNamespace:
    """A model, and what the letters stand for at level t."""
    torch.manual_seed(0)
    knobs = {"T": T, "width": 8, "conditional": True, "schedule": "cosine"} | knobs
    if family is FlowMatching:
        del knobs["schedule"]
    model = family(family.configure(PLANE, knobs), PLANE)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)
    n = SimpleNamespace(model=model, a=model.signal[t], b=model.noise[t])
    n.x0, n.eps, n.z = torch.randn(3, 5, 2)
    n.x = model.q(n.x0, t, n.eps)
    n.o = model.average(n.x, AT).detach()
    n.guess, n.x0_guess = model.both(n.x, t, n.o)
    n.ab = model.alpha_bar if family is DDPM else None
    n.beta = schedule.beta(n.ab) if family is DDPM else None
    return n


def both_of(mean, variance):
    return mean, variance


def letters(n) -> dict:
    """The symbols of all pages."""
    told = {
        "x_0": n.x0, r"\varepsilon": n.eps, "x_t": n.x, "z": n.z, r"\hat x_0": n.x0_guess, "u": n.o,
        r"\hat\varepsilon": n.guess, r"\mathbf I": 1.0, r"\mathcal N": both_of,
        "t": float(t), "T": float(T), r"\tau": t / T,
    }  # fmt: skip
    if n.ab is not None:
        told |= {r"\bar\alpha_t": n.ab[t], r"\bar\alpha_{t-1}": n.ab[t - 1], r"\bar\alpha_s": n.ab[s]}
        told |= {r"\alpha_t": n.ab[t] / n.ab[t - 1], r"\beta_t": n.beta[t], r"\varepsilon_\theta": n.guess}
        told |= {r"\varepsilon_\theta(x_t, t)": n.guess, r"\sigma_t": n.beta[t] ** 0.5}
    return told


def step(n, sampler, noise, to=t - 1, **knobs):
    """One step of a sampler from x_t with this noise, at the guess of the model."""
    signal, rest = n.ab.sqrt().tolist(), (1 - n.ab).sqrt().tolist()
    walk = Walk(lambda x, t: (n.guess, n.x0_guess), signal, rest, [t, to, 0], **knobs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "randn_like", lambda x: noise)
        return [*SAMPLERS[sampler](walk, n.x)][1].x


def added(n, sampler, to=t - 1, **knobs):
    """The deviation of the noise that a step adds."""
    push = step(n, sampler, torch.ones_like(n.z), to, **knobs) - step(n, sampler, 0 * n.z, to, **knobs)
    return push[0, 0]


def by_steps(n, of):
    """t steps of q(x_t | x_{t-1}) lead where the jump leads."""
    mean, variance = torch.tensor(1.0), 0.0
    for i in range(1, t + 1):
        mean, more = of({"x_{t-1}": mean, r"\beta_t": n.beta[i]})
        variance = (1 - n.beta[i]) * variance + more
    return torch.stack([mean, variance]), torch.stack([n.a, n.b**2])


def loss(n, of):
    """The square whose gradient is taken: the engine's term is its mean over numbers."""
    told, at = {r"\varepsilon_\theta": lambda x, at: n.model.net(x, AT)}, torch.full((5,), t)
    (term,) = n.model.terms(n.x0, at, n.eps).values()
    return of(told), term * n.eps.numel()


def tweedie(n):
    """x_t of a mixture whose density is known: the slope of log p_t, and E[eps | x_t] and E[x_0 | x_t]."""
    x = n.x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(diffused(LOPSIDED, n.a.item(), n.b.item()).log_prob(x).sum(), x)
    return slope, *Exact(LOPSIDED).predict(n.x, n.a, n.b)


def score(n, of):
    slope, eps, _ = tweedie(n)
    return of({r"\mathbb E[\varepsilon \mid x_t]": eps, r"\hat\varepsilon": eps}), slope


def mean_of_x0(n, of):
    slope, _, x0 = tweedie(n)
    return of({r"\nabla_x \log p_t(x_t)": slope}), x0


def speed(n, of):
    slope, eps, x0 = tweedie(n)
    return of({r"\nabla_x \log p_t(x_t)": slope}), eps - x0


def guided(n, of):
    told = {"s": 3.0}
    for name in (r"\varepsilon_\theta", r"\varepsilon"):
        told[f"{name}(x_t)"], told[f"{name}(x_t, y)"] = (n.model.average(n.x, AT, y) for y in (NONE, Y))
    return of(told), n.model.predict(n.x, t, Y, 3.0)[0]


def ddim(n, of):
    sigma = added(n, "DDIM", s, eta=0.6)
    return of({r"\sigma": sigma, r"\sigma^2": sigma**2}), step(n, "DDIM", n.z, s, eta=0.6)


def straight_loss(n, of):
    (term,) = n.model.terms(n.x0, torch.full((5,), t), n.eps).values()
    return of({r"u_\theta(x_t, t)": n.model.net(n.x, AT)}), term * n.eps.numel()


def jump(n, of):
    mean, variance = of()
    return torch.cat([mean, variance * torch.ones(1, 2)]), torch.cat([n.a * n.x0, n.b**2 * torch.ones(1, 2)])


SAME = [  # a place, how the formula begins, and what it says and should say
    (PAGE, r"\alpha_t =", lambda n, of: (of(), (n.model.signal[t] / n.model.signal[t - 1]) ** 2)),
    (PAGE, r"q(x_t \mid x_{t-1}) =", by_steps),
    (PAGE, r"q(x_t \mid x_0) =", jump),
    (PAGE, r"x_t =", lambda n, of: (of(), n.x)),
    (PAGE, r"\hat x_0 =", lambda n, of: (of(), n.x0_guess)),
    (PAGE, r"\nabla_x \log p_t(x_t) =", score),
    (PAGE, r"\mathbb E[x_0 \mid x_t] =", mean_of_x0),
    (PAGE, r"\nabla_\theta", loss),
    (PAGE, r"\sqrt{(1", lambda n, of: (of(), (n.model.both(n.x, t, n.o + 1)[1] - n.x0_guess).abs()[0, 0])),
    (PAGE, r"x_{t-1} =", lambda n, of: (of(), step(n, "DDPM", n.z))),
    (PAGE, r"\tilde\beta_t =", lambda n, of: (of(), added(n, "DDPM", posterior=True) ** 2)),
    (PAGE, r"x_{s} =", ddim),
    (PAGE, r"\sigma^2 =", lambda n, of: (of({r"\eta": 0.6}), added(n, "DDIM", s, eta=0.6) ** 2)),
    (PAGE, r"\varepsilon_\theta(x_t) + s", guided),
    (REMAKE, r"\varepsilon(x_t) + s", guided),
    (SLIPS, r"\bar\alpha / ", lambda n, of: (of({r"\bar\alpha": n.ab[t]}), (n.a / n.b) ** 2)),
    (SLIPS, r"\sqrt{1 - \bar\alpha_t}", lambda n, of: (of(), n.b)),
    (STRAIGHT, r"\hat x_0 = x_t", lambda n, of: (of(), n.x0_guess)),
    (STRAIGHT, r"\hat\varepsilon = x_t", lambda n, of: (of(), n.guess)),
    (STRAIGHT, r"x_t =", lambda n, of: (of(), n.x)),
    (STRAIGHT, r"\tau = t", lambda n, of: (of(), n.b)),
    (STRAIGHT, r"u = \hat", lambda n, of: (of(), n.o)),
    (STRAIGHT, r"\nabla_x \log p_t(x_t) =", score),
    (STRAIGHT, r"u = -", speed),
    (STRAIGHT, r"\min_\theta", straight_loss),
    (STRAIGHT, r"\sqrt{\bar\alpha_t}\, x_0", lambda n, of: (of(), n.model.q(n.x0, t, n.eps))),  # its table
    (STRAIGHT, r"(1 - \tau)\, x_0", lambda n, of: (of(), n.x)),
    (STRAIGHT, r"\varepsilon - x_0", lambda n, of: (of(), n.model.target(n.x0, t, n.eps))),
]  # fmt: skip
WORDS = re.compile(  # what is said and not computed: distributions, what letters stand for, ranges
    r".*\\sim .*|.*\\approx.*|.*\\dots.*|.*\\prod.*|dx / d\\tau = u_\\theta|\\bar\\alpha_T > 0|s = [0-9, ]+"
    r"|\\[a-z_{}]+|[,.] .*|.*\{\}.*|\\hat(?:\\varepsilon| x_0) = \\mathbb E.*|q\(.*\)"
    r"|\\varepsilon_\\theta\(x_t(?:, y)?\)|u_\\theta\(x, t\)|\\sigma_t\^2|\\mathcal N\(0, (?:1|\\mathbf I)\)"
    r"|.{1,8}|plus .*|\\nabla_x \\log p_t\(x\)|\\mathcal N|\\sqrt\{1 - \\alpha_t\}|.*= ?1 \\times.*"
)


def of_a_page(place: str, begins: str) -> str:
    (found,) = {one for one in formulas(prose(place)) if one.startswith(begins)}
    return found


@pytest.mark.parametrize(("place", "begins", "both"), SAME, ids=lambda v: v if isinstance(v, str) else "")
def test_a_formula_says_what_is_computed(place, begins, both):
    table = place == STRAIGHT and r"\bar\alpha" in begins
    n = state(DDPM if place != STRAIGHT or table else FlowMatching)
    formula = of_a_page(place, begins)
    text = formula[formula.index(r"\lVert") :] if r"\lVert" in formula else formula
    text = text.split("=", 1)[1] if "=" in begins else text

    def of(more=None):
        return shown(text, letters(n) | (more or {}))

    said, computed = both(n, of)
    torch.testing.assert_close(torch.as_tensor(said), torch.as_tensor(computed), atol=1e-9, rtol=1e-9)


def test_the_slips_are_shown_as_they_are_made_and_as_they_should_be():
    """In the order of the page: wrong, right."""
    n, texts = state(), prose(SLIPS).split("\n\n")
    steps = [shown(one.split("=", 1)[1], letters(n)) for one in texts if one.startswith("x_{t-1} =")]
    jumps = [shown(one.split("=", 1)[1], letters(n)) for one in texts if one.startswith("q(x_t")]
    for said, sampler in zip(steps, ("DDPM as on the slide", "DDPM"), strict=True):
        torch.testing.assert_close(said, step(n, sampler, n.z), atol=1e-9, rtol=1e-9)
    assert [variance.item() for _, variance in jumps] == pytest.approx([n.b.item(), n.b.item() ** 2])
    assert all(torch.equal(mean, jumps[1][0]) for mean, _ in jumps)


def test_no_formula_is_passed_over():
    for place in (PAGE, STRAIGHT, REMAKE, SLIPS, "lab/diffusion/films_tab.py", "lab/diffusion/steps_tab.py"):
        begins = [begin for at, begin, _ in SAME if at == place]
        for formula in formulas(prose(place)):
            assert WORDS.fullmatch(formula) or any(formula.startswith(b) for b in begins), (place, formula)


# --- docstrings ------------------------------------------------------------------------------------


def plain(n) -> dict:
    """The symbols of docstrings."""
    p, q = n.model.mixture(t)
    told = {"p": p, "q": q, "o": n.o, "signal": n.a, "noise": n.b, "signal_t": n.a, "noise_t": n.b}
    told |= {"x_t": n.x, "x_0": n.x0, "eps": n.eps, "t": t / T, "N": both_of, "I": 1.0}
    if n.ab is not None:
        beta = n.beta[t]
        told |= {"alpha_bar_t": n.ab[t], "alpha_t": 1 - beta, "beta_t": beta, "eps_theta(x_t, t)": n.guess}
        told |= {"sigma_t^2": beta, "SNR": n.ab[t] / (1 - n.ab[t]), "min": min}
    return told


def mixed(n, of):
    """The c and v of the exact denoiser, by Bayes' rule over the components."""
    sigma, centres = LOPSIDED.sigma, LOPSIDED.centres
    v = n.a**2 * sigma**2 + n.b**2
    r = (LOPSIDED.weights.log() - (n.x[:, None] - n.a * centres).square().sum(2) / (2 * v)).softmax(1)
    return of({"c": r @ centres, "v": v, "sigma": sigma})


def weighing(weighting):
    return lambda n, of: (of(), state(weighting=weighting).model.weight(torch.tensor([t]))[0])


def guided_output(n, of):
    told = {"o(x, t)": n.model.average(n.x, AT, NONE), "o(x, t, y)": n.model.average(n.x, AT, Y), "s": 3.0}
    eps, x0 = n.model.predict(n.x, t, Y, 3.0)
    return of(told), n.model.target(x0, t, eps)


BASE, OF_DDPM, EXACT, FLOW = (
    f"engine/diffusion/{name}.py" for name in ("base", "ddpm", "exact", "flow_matching")
)
DOCS = [
    (BASE, "o = ", lambda n, of: (of(), n.model.target(n.x0, t, n.eps))),
    (BASE, "x_t = signal", lambda n, of: (of(), n.x)),
    (BASE, "x_0 = (", lambda n, of: (of(), n.x0_guess)),
    (BASE, "eps = (", lambda n, of: (of(), n.guess)),
    (BASE, "o(x, t) + s", guided_output),
    (OF_DDPM, "q(x_t | x_{t-1}) = ", lambda n, of: by_steps(n, lambda m: of(m | {"beta_t": m[r"\beta_t"]}))),
    (OF_DDPM, "q(x_t | x_0) ", jump),
    (OF_DDPM, "mu = ", lambda n, of: (of(), step(n, "DDPM", 0 * n.z))),
    (OF_DDPM, "beta_t^2 / (2", weighing("bound")),
    (OF_DDPM, "min(SNR, 5) / SNR", weighing("min-SNR")),
    (EXACT, "v = signal", lambda n, of: (of({"sigma": LOPSIDED.sigma}), n.a**2 * LOPSIDED.sigma**2 + n.b**2)),
    (EXACT, "E[x_0 | x_t] = ", lambda n, of: (mixed(n, of), Exact(LOPSIDED).predict(n.x, n.a, n.b)[1])),
    (EXACT, "E[eps | x_t] = ", lambda n, of: (mixed(n, of), Exact(LOPSIDED).predict(n.x, n.a, n.b)[0])),
    (EXACT, "grad log p_t = ", lambda n, of: (mixed(n, of), Exact(LOPSIDED).score(n.x, n.a, n.b))),
    (FLOW, "x_t = (", lambda n, of: (of(), n.x)),
    (FLOW, "eps - x_0, ", lambda n, of: (of(), n.model.target(n.x0, t, n.eps))),
    ("engine/diffusion/samplers.py", "x_t = signal_t", lambda n, of: (of(), n.x)),
]  # fmt: skip


@pytest.mark.parametrize(("place", "begins", "both"), DOCS, ids=lambda v: v if isinstance(v, str) else "")
def test_a_formula_of_a_docstring_says_what_is_computed(place, begins, both):
    n = state(FlowMatching if place == FLOW else DDPM)
    text = prose(place)
    text = cut(re.sub(" +=", " =", text[text.index(begins) :].split("\n")[0]))
    text = text.split("= ", 1)[1] if "= " in text else text
    said, computed = both(n, lambda more=None: shown(text, plain(n) | (more or {})))
    torch.testing.assert_close(torch.as_tensor(said), torch.as_tensor(computed), atol=1e-9, rtol=1e-9)


def cut(line: str) -> str:
    """A formula at the beginning of a line, up to what follows it."""
    for end in re.finditer(r",|:|\. | {3,}| of an | = eps", line):
        if line.count("(", 0, end.start()) == line.count(")", 0, end.start()):
            return line[: end.start()]
    return line
