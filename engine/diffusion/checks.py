"""Laws of diffusions: what noise, net and samplers must obey whatever the net has learned."""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import Tensor

from engine.checks import Check, gap, slope_gap
from engine.data import Dataset
from engine.device import seed
from engine.diffusion.base import Denoiser
from engine.diffusion.ddpm import DDPM
from engine.diffusion.samplers import SAMPLERS, Walk
from engine.diffusion.schedule import by_steps, levels

EXAMPLES = 4  # on which a law is measured
STOPS = 6  # levels of a walk


def measure(model: Denoiser, data: Dataset) -> list[Check]:
    """The laws, on a copy in float64. Signal and noise keep the rounding of float32: 1e-7, and more after
    division by a small signal."""
    model = copy.deepcopy(model).cpu().double()
    x = data.take(slice(EXAMPLES)).cpu().double()
    y = data.y[:EXAMPLES].cpu() if model.conditional and data.y is not None else None
    seed(0)
    checks = [
        Check("The net's target gives back the noise and the data.", pair_gap(model, x), 1e-9),
        Check("The gradient of the loss agrees with central differences.",
              slope_gap(model, x, y), 1e-3),
        Check("The loss of training is that of the predictions from which samples are made.",
              loss_gap(model, x, y), 1e-5),
        Check("A walk without added noise, interrupted and resumed, ends in the same place.",
              resumed_gap(model, y), 1e-9),
    ]  # fmt: skip
    if deterministic(model):
        law = "If the net knew x_0, every stop of the sampler of this run would be x_t of the same noise."
        checks.append(Check(law, known_gap(model, x), 1e-5))
    if isinstance(model, DDPM):
        checks += [
            Check("x_t in one jump has the same mean and variance as after t steps.", jump_gap(model), 1e-5),
            Check("A step has the mean and variance of q(x_s | x_t, x_0) by Bayes' rule.",
                  bayes_gap(model), 1e-5),
            Check("DDIM with η = 1 equals DDPM with the posterior's variance, given the same noise.",
                  eta_gap(model, y), 1e-4),
        ]  # fmt: skip
    else:
        checks += [
            Check("The path is a straight line with velocity u.", line_gap(model, x), 1e-5),
            Check("An Euler step along u equals a DDIM step.", euler_gap(model, y), 1e-5),
        ]
    if y is not None:
        law = "Guidance 0 ignores the label, 1 uses it, and 2 goes the same distance further."
        checks.append(Check(law, guidance_gap(model, x, y), 1e-9))
    return checks


def some(model: Denoiser) -> list[int]:
    """A few noise levels from T to 1, both ends included."""
    return sorted({1, *levels(model.config.T, STOPS)[:-1]}, reverse=True)


def jump_gap(model: DDPM) -> float:
    """Mean and variance of x_t for x_0 = 1 after t single steps, against one jump."""
    one, zero = torch.ones(model.space.shape, **model.like), torch.zeros(model.space.shape, **model.like)
    worst = 0.0
    for t, (mean, variance) in enumerate(by_steps(model.alpha_bar)):
        jumped, spread = model.q(one, t, zero), model.q(zero, t, one).square()
        worst = max(worst, gap(jumped, one.new_tensor(mean)), gap(spread, one.new_tensor(variance)))
    return worst


def line_gap(model: Denoiser, x0: Tensor) -> float:
    """x_t against x_0 + t u, with x_0 (n, *shape) and u = eps - x_0, the net's target."""
    eps = torch.randn_like(x0)
    lines = [(t, x0 + t / model.config.T * model.target(x0, t, eps)) for t in some(model)]
    return max(gap(model.q(x0, t, eps), x) for t, x in lines)


def euler_gap(model: Denoiser, y: Tensor | None) -> float:
    """Every stop of Euler's walk against that of DDIM's, from the same noise."""
    stops, start = levels(model.config.T, STOPS), model.p_T(EXAMPLES)
    walk = Walk(lambda x, t: model.predict(x, t, y), model.signal.tolist(), model.noise.tolist(), stops)
    ours = model.walk_from(start, y, stops, sampler="Euler")
    with torch.no_grad():
        return max(gap(a.x, b.x) for a, b in zip(ours, SAMPLERS["DDIM"](walk, start), strict=True))


def pair_gap(model: Denoiser, x0: Tensor) -> float:
    """The eps and x_0 (n, *shape) against their values recovered from x_t and the output."""
    eps, worst = torch.randn_like(x0), 0.0
    for t in some(model):
        if model.signal[t] > 0:  # otherwise x_t holds nothing of x_0
            eps_again, x0_again = model.both(model.q(x0, t, eps), t, model.target(x0, t, eps))
            worst = max(worst, gap(eps_again, eps), gap(x0_again, x0))
    return worst


def loss_gap(model: Denoiser, x0: Tensor, y: Tensor | None) -> float:
    """The loss at examples x0 (n, *shape) against that of `predict`, with the same weights, t, noise and
    labels: the net is told in training what it is told in sampling."""
    model = copy.deepcopy(model)
    model.average = model.net
    eps, worst = torch.randn_like(x0), 0.0
    for t in some(model):
        level = torch.full((len(x0),), t)
        told = model.target(x0, t, eps)
        with torch.no_grad():
            (loss,) = model.terms(x0, level, eps, y).values()
            guess, x0_guess = model.predict(model.q(x0, t, eps), t, y, 1.0)
        error = (model.target(x0_guess, t, guess) - told).square().flatten(1).mean(1)
        worst = max(worst, gap(loss, (model.weight(level) * error).mean()))
    return worst


def deterministic(model: Denoiser) -> bool:
    """Whether the sampler of this run adds no noise, and follows straight lines of x_0 and eps exactly."""
    if not isinstance(model, DDPM):
        return True
    c = model.config
    return c.sampler in ("Heun", "DPM-Solver++") or (c.sampler == "DDIM" and c.eta == 0)


def known_gap(model: Denoiser, x0: Tensor) -> float:
    """Stops of the sampler of this run, asking a net that knows x0 (n, *shape), against x_t in one jump."""
    eps, stops = torch.randn_like(x0), levels(model.config.T, STOPS)

    def knows(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
        return (x - model.signal[t] * x0) / model.noise[t], x0

    way = model.way(model.config, knows, model.q(x0, stops[0], eps), stops)
    return max(gap(step.x, model.q(x0, step.t, eps)) for step in way)


def resumed_gap(model: Denoiser, y: Tensor | None) -> float:
    """A walk by DDIM or Euler against the same walk in two parts."""
    knobs = {"sampler": "DDIM", "eta": 0.0} if isinstance(model, DDPM) else {"sampler": "Euler"}
    stops = levels(model.config.T, STOPS)
    way = list(model.walk_from(model.p_T(EXAMPLES), y, stops, **knobs))
    half = len(way) // 2
    *_, last = model.walk_from(way[half].x, y, stops[half:], **knobs)
    return gap(last.x, way[-1].x)


def bayes_gap(model: DDPM) -> float:
    """One step of Algorithm 2 from t to s, given the true x_0, against q(x_t | x_s) q(x_s | x_0), where
    precisions add up, and each mean is weighted by its precision. It is as on the slide if this run's
    sampler is."""
    a, b = model.alpha_bar.sqrt().tolist(), (1 - model.alpha_bar).sqrt().tolist()
    x0, x, worst = torch.tensor([[0.8]]).double(), torch.tensor([[-0.3]]).double(), 0.0
    sampler = model.config.sampler if model.config.sampler.startswith("DDPM") else "DDPM"
    knobs = model.config.change({"sampler": sampler, "variance": "posterior"})
    for t, s in pairwise(some(model)):
        seed(t)
        noise = torch.randn_like(x)
        seed(t)
        *_, reached, _ = model.way(knobs, lambda x, t: ((x - a[t] * x0) / b[t], x0), x, [t, s, 0])
        alpha = (a[t] / a[s]) ** 2
        precision = 1 / b[s] ** 2 + alpha / (1 - alpha)
        mean = (a[s] * x0 / b[s] ** 2 + alpha**0.5 * x / (1 - alpha)) / precision
        worst = max(worst, gap(reached.x, mean + noise / precision**0.5))
    return worst


def eta_gap(model: DDPM, y: Tensor | None) -> float:
    """Every stop of a walk by DDIM with eta 1 and of one by DDPM, with the same noise."""

    def way(**knobs: object) -> list[Tensor]:
        seed(0)
        stops = levels(model.config.T, STOPS)
        return [step.x for step in model.walk_from(model.p_T(EXAMPLES), y, stops, **knobs)]

    pairs = zip(way(sampler="DDIM", eta=1.0), way(sampler="DDPM", variance="posterior"), strict=True)
    return max(gap(a, b) for a, b in pairs)


@torch.no_grad()
def guidance_gap(model: Denoiser, x: Tensor, y: Tensor) -> float:
    """Predictions from x (n, *shape) under guidance 0, 1 and 2, against outputs without and with y."""
    worst = 0.0
    for t in some(model):
        at = torch.full((len(x),), t / model.config.T, **model.like)
        without, with_y = model.average(x, at), model.average(x, at, y)
        outputs = {0.0: without, 1.0: with_y, 2.0: 2 * with_y - without}
        for s, o in outputs.items():
            for got, expected in zip(model.predict(x, t, y, s), model.both(x, t, o), strict=True):
                worst = max(worst, gap(got, expected))
    return worst
