"""A game on a line: the figure of the 2014 paper, and the values of the game, which are integrals here."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from engine.data import Dataset
from engine.device import precise
from engine.gan.base import Game
from lab.scenes import family_scene
from lab.scenes.arrays import NODES, Arrays, graph, halves, number
from lab.scenes.grid import nodes

DRAWS = 4096
LINKS = 31
SMALLEST = 1e-7  # of a probability in float32, so that no logarithm is infinite


def line(model: Game, data: Dataset, full: bool) -> Arrays:
    """Densities, D and, where a formula gives it, the best D as graphs, links from z to x = G(z), 2 JSD and,
    in a game for it, V(D, G). A game with labels shows only densities: its D has one graph for each label."""
    assert data.box
    draws = model.fakes(spread(model))[:, 0]
    scene = family_scene.line(draws, data, full)
    if model.labelled:
        return scene
    x = torch.linspace(data.box[0], data.box[1], NODES, device=data.x.device)
    D = model.belief(x[:, None])
    # D is a probability and the axis shows densities: D = 1 is drawn at the top of the box
    scene["line/discriminator"] = graph(x, D * data.box[3])
    scene["links/generator"] = links(model)
    if data.target is None:
        return scene
    x, D = precise(x), precise(D)
    p = data.target.log_prob(x[:, None]).exp()
    p_g = torch.from_numpy(scene["line/model density"][:, 1]).to(p)
    best = model.best_belief(p, p_g)
    if best is not None:
        scene["line/best discriminator"] = graph(x, best * data.box[3])
    if model.for_value:
        outside = draws[(draws < data.box[0]) | (draws > data.box[1])]
        missed = (1 - model.belief(outside[:, None])).clamp(min=SMALLEST).log().sum().item() / DRAWS
        value = game(x, p, p_g, D.clamp(SMALLEST, 1 - SMALLEST)) + missed
        scene |= number("V(D, G)", value) | number("above −log 4", value + math.log(4))
    best = (p / (p + p_g).clamp(min=1e-300)).clamp(max=1 - 1e-12)  # of the paper's game
    return scene | number("2 JSD(p, p_g)", game(x, p, p_g, best) + math.log(4))


def game(x: Tensor, p: Tensor, p_g: Tensor, D: Tensor) -> Tensor:
    """V(D, G) = int p log D + p_g log(1 - D) dx by the trapezium rule, with 0 log 0 = 0. With D* this is
    2 JSD - log 4, to which fakes outside the box add nothing, because D* = 0 there."""
    return torch.trapezoid(torch.xlogy(p, D) + torch.xlogy(p_g, 1 - D), x)


def spread(model: Game) -> Tensor:
    """Noise (DRAWS, z) that fills its space evenly: 4,096 of Sobol's points are as good as 20,000 draws."""
    c = model.config
    u = torch.quasirandom.SobolEngine(c.z, scramble=True, seed=0).draw(DRAWS).to(model.p_z(1))
    return 2 * u - 1 if c.noise == "uniform" else torch.special.ndtri(u.clamp(SMALLEST, 1 - SMALLEST))


def links(model: Game) -> np.ndarray:
    """Pairs (z, G(z)), equal shares of the noise apart. If z is longer, its first coordinate moves."""
    first = nodes(LINKS, model.config.noise, model.p_z(1).device)[:, None]
    x = model.fakes(torch.nn.functional.pad(first, (0, model.config.z - 1)))
    return halves(torch.cat([first, x], 1))
