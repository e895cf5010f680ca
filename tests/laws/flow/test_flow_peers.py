"""Our flows against zuko: the same weights give the same log-likelihood, and the same way back.

zuko's layers are x e^s + t. The lecture's MAF, (x - mu) e^-s, is that map the other way round. Its spline has
other free numbers, so it is given those that lead to our knots.
"""

from __future__ import annotations

import math

import pytest
import torch
import zuko
from torch import Tensor
from zuko.distributions import DiagNormal
from zuko.flows import GeneralCouplingTransform, MaskedAutoregressiveTransform, UnconditionalDistribution
from zuko.transforms import MonotonicAffineTransform, MonotonicRQSTransform

from engine.flow.base import Flow
from engine.flow.spline import knots
from engine.flow.transforms import Autoregressive
from engine.nets.masked import MaskedLinear
from tests.laws.flow.flowing import FIVE, PLANE, flow

pytestmark = [
    pytest.mark.usefixtures("double"),
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning"),
]

SMALLEST = 1e-300  # slope that zuko bends its numbers to: as good as not at all


def lecture(mu: Tensor, s: Tensor) -> torch.distributions.Transform:
    """(x - mu) e^-s."""
    return MonotonicAffineTransform(mu, s).inv


def real_nvp(s: Tensor, t: Tensor) -> torch.distributions.Transform:
    """x e^s + t, in our order of the two."""
    return MonotonicAffineTransform(t, s)


def curve(o: Tensor) -> torch.distributions.Transform:
    """zuko's spline through our knots; it says v as v / (1 + |c v|), which is undone."""
    x, y, slopes = knots(o, 4.0)
    free = [x.diff().log(), y.diff().log(), slopes[..., 1:-1].log()]
    for i, c in enumerate((2, 2, 1)):
        v = free[i] - (free[i].mean(-1, keepdim=True) if i < 2 else 0)  # softmax does not see a shift
        free[i] = v / (1 - (c * v / math.log(SMALLEST)).abs())
    return MonotonicRQSTransform(*free, bound=4.0, slope=SMALLEST)


def theirs(model: Flow, univariate: object, shapes: list[tuple[int, ...]]) -> zuko.flows.Flow:
    """The same flow, of zuko's layers, with our weights."""
    D, c, layers = model.space.size, model.config, []
    for f in model.transforms:
        knobs = {"univariate": univariate, "shapes": shapes, "hidden_features": [c.width] * c.depth}
        if isinstance(f, Autoregressive):
            layer = MaskedAutoregressiveTransform(D, order=f.net.rank, **knobs)
            ours = [*f.net.hidden, f.net.out]
        else:
            layer = GeneralCouplingTransform(D, mask=torch.isin(torch.arange(D), f.a), **knobs)
            ours = list(f.net[::2])
        for mine, its in zip(ours, list(layer.hyper)[::2], strict=True):
            its.weight.data, its.bias.data = mine.weight.data, mine.bias.data
            if isinstance(mine, MaskedLinear):
                its.mask = mine.mask.bool()  # ours gives its hidden units other degrees
        layers.append(layer)
    base = UnconditionalDistribution(DiagNormal, loc=torch.zeros(D), scale=torch.ones(D), buffer=True)
    return zuko.flows.Flow(layers, base)


@pytest.mark.parametrize("space", [PLANE, FIVE], ids=["2", "5"])
@pytest.mark.parametrize(
    ("name", "knobs", "univariate", "shapes"),
    [
        ("real-nvp", {"layers": 8}, real_nvp, [(), ()]),
        ("real-nvp", {"order": "random"}, real_nvp, [(), ()]),
        ("maf", {"layers": 5}, lecture, [(), ()]),
        ("maf", {"order": "random"}, lecture, [(), ()]),
        ("spline-flow", {"bins": 8}, curve, [(23,)]),
        ("spline-flow", {"bins": 5, "kind": "autoregressive", "order": "random"}, curve, [(14,)]),
    ],
    ids=["real-nvp", "real-nvp-random", "maf", "maf-random", "coupling", "autoregressive"],
)
@torch.no_grad()
def test_the_same_weights_have_the_same_log_likelihood_in_zuko(name, knobs, univariate, shapes, space):
    model = flow(name, space, by=0.1, depth=2, **knobs)
    peer = theirs(model, univariate, shapes)()
    x = 1.5 * torch.randn(200, space.size)
    ours = model.log_prob(x)
    assert ours.std() > 0.3
    torch.testing.assert_close(ours, peer.log_prob(x), atol=1e-9, rtol=0)
    z = model.forward(x)[0]
    torch.testing.assert_close(z, peer.transform(x), atol=1e-10, rtol=0)
    torch.testing.assert_close(model.inverse(z)[0], peer.transform.inv(z), atol=1e-8, rtol=0)
