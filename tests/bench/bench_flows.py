"""Flows against zuko, nflows and normflows at equal architecture: `python -m tests.bench.bench_flows`.

In the plane: rounds/s of training with minibatches of 256, ours as a run trains (`fit` and its batches), the
peers as their users do (Adam, zero_grad, backward, step); and the time of the density on a grid of n x n
places. Then the way back of one MAF layer of 784 numbers, for 64 pictures. Ours and the peers take turns,
since the machine's speed drifts; seconds are the processor's, of one thread; medians count, and the ratio is
that to the fastest peer. nflows and normflows are looked at where they are installed
(`pip install nflows==0.14 normflows==1.7.3`); they are no longer maintained.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import warnings
from collections.abc import Callable
from itertools import islice
from typing import Any
from unittest.mock import Mock

import torch
import zuko
from torch import Tensor, nn
from zuko.transforms import MonotonicRQSTransform

from engine.data import batches, load
from engine.device import prepare
from engine.families import find
from engine.fit import fit, optimizers_of
from engine.flow.base import Flow
from engine.flow.transforms import Autoregressive, standardize
from engine.nets.masked import MADE
from tests.bench.benching import seconds, settings

warnings.filterwarnings("ignore")
MOONS = load("moons")
WIDTH, BATCH, BINS, REACH = 64, 256, 8, 4.0
KINDS = {
    "real-nvp": ("Real-NVP", 8),
    "maf": ("MAF", 5),
    "spline-flow": ("spline", 4),
}
MASKS = [torch.tensor([1, 0]), torch.tensor([0, 1])]
TWO = {"num_blocks": 1, "use_residual_blocks": False}  # two hidden layers, as nflows and normflows count


# --- the same architectures, by their hands ------------------------------------------------------------


def of_zuko(kind: str, layers: int) -> nn.Module:
    hidden = [WIDTH, WIDTH]
    if kind == "maf":
        return zuko.flows.MAF(2, transforms=layers, hidden_features=hidden)
    if kind == "real-nvp":
        return zuko.flows.NICE(2, transforms=layers, hidden_features=hidden)
    shapes = [(BINS,), (BINS,), (BINS - 1,)]
    return zuko.flows.NICE(
        2, transforms=layers, hidden_features=hidden, univariate=MonotonicRQSTransform, shapes=shapes
    )


def of_nflows(kind: str, layers: int) -> nn.Module:
    from nflows import distributions, flows, transforms
    from nflows.nn.nets import MLP
    from nflows.transforms.coupling import PiecewiseRationalQuadraticCouplingTransform

    class Net(MLP):
        def forward(self, x: Tensor, context: None = None) -> Tensor:
            return super().forward(x)

    def net(inputs: int, outputs: int) -> nn.Module:
        return Net((inputs,), (outputs,), [WIDTH, WIDTH])

    chain: list[nn.Module] = []
    for i in range(layers):
        if kind == "maf":
            chain += [transforms.ReversePermutation(2)] if i else []
            chain.append(
                transforms.MaskedAffineAutoregressiveTransform(
                    2, WIDTH, num_blocks=1, use_residual_blocks=False
                )
            )
        elif kind == "real-nvp":
            chain.append(transforms.AffineCouplingTransform(MASKS[i % 2], net))
        else:
            chain.append(
                PiecewiseRationalQuadraticCouplingTransform(
                    MASKS[i % 2], net, num_bins=BINS, tails="linear", tail_bound=REACH
                )
            )
    return flows.Flow(transforms.CompositeTransform(chain), distributions.StandardNormal([2]))


def of_normflows(kind: str, layers: int) -> nn.Module:
    import normflows as nf
    from normflows.flows.neural_spline.coupling import PiecewiseRationalQuadraticCoupling

    class Net(nf.nets.MLP):
        def forward(self, x: Tensor, context: None = None) -> Tensor:
            return super().forward(x)

    def net(inputs: int, outputs: int) -> nn.Module:
        return Net([inputs, WIDTH, WIDTH, outputs])

    class Backwards(nf.flows.Flow):
        """A layer the other way round: its quick way is theirs from z to x, and ours from x to z."""

        def __init__(self, of: nn.Module) -> None:
            super().__init__()
            self.of = of

        def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
            return self.of.inverse(z)

        def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
            return self.of(z)

    chain: list[nn.Module] = []
    for i in range(layers):
        if kind == "spline-flow":
            knobs = {"num_bins": BINS, "tails": "linear", "tail_bound": REACH}
            chain.append(Backwards(PiecewiseRationalQuadraticCoupling(MASKS[i % 2], net, **knobs)))
        elif kind == "maf":
            layer = nf.flows.MaskedAffineAutoregressive(2, WIDTH, **TWO)
            chain += [Backwards(layer), nf.flows.Permute(2, mode="swap")]
        else:
            chain += [nf.flows.AffineCouplingBlock(net(1, 2)), nf.flows.Permute(2, mode="swap")]
    return nf.NormalizingFlow(nf.distributions.DiagGaussian(2, trainable=False), chain)


def density(model: nn.Module, x: Tensor) -> Tensor:
    """log p(x) of any of them."""
    return model().log_prob(x) if isinstance(model, zuko.flows.Flow) else model.log_prob(x)


if not importlib.util.find_spec("matplotlib"):  # nflows imports it, and draws nothing here
    sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = Mock()

PEERS: dict[str, Callable[[str, int], nn.Module]] = {"zuko": of_zuko}
for _name, _build in (("nflows", of_nflows), ("normflows", of_normflows)):
    if importlib.util.find_spec(_name):
        PEERS[_name] = _build
    else:
        print(f"{_name} is not installed; it is left out.")


# --- what is timed -------------------------------------------------------------------------------------


def ours(kind: str, layers: int) -> Any:
    family = find(kind)
    knobs = {"layers": layers, "width": WIDTH, "depth": 2, "batch": BATCH}
    return family(family.configure(MOONS.space, knobs), MOONS.space)


def our_rounds(model: Any) -> Callable[[int], None]:
    optimizers, stream = optimizers_of(model), batches(MOONS, lambda: BATCH, 0)

    def rounds(n: int) -> None:
        for _turn in fit(model, islice(stream, n), optimizers):
            pass

    return rounds


def their_rounds(model: nn.Module) -> Callable[[int], None]:
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def rounds(n: int) -> None:
        for _ in range(n):
            x = MOONS.x[torch.randint(len(MOONS.x), (BATCH,))]
            optimizer.zero_grad()
            loss = -density(model, x).mean()
            loss.backward()
            optimizer.step()

    return rounds


def grid(model: nn.Module, n: int) -> Callable[[int], None]:
    line = torch.linspace(-3, 3, n)
    x = torch.cartesian_prod(line, line)

    @torch.no_grad()
    def times(k: int) -> None:
        for _ in range(k):
            model.log_density(x) if isinstance(model, Flow) else density(model, x)

    return times


def turns(jobs: dict[str, Callable[[int], None]], n: int, times: int) -> dict[str, float]:
    """Median seconds of one of n repetitions, for each job; they take turns."""
    took: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        job(1)
    for _ in range(times):
        for name, job in jobs.items():
            took[name].append(seconds(lambda job=job: job(n)) / n)
    return {name: statistics.median(timings) for name, timings in took.items()}


def show(title: str, medians: dict[str, float], per_second: bool = False) -> None:
    numbers = {k: 1 / v if per_second else 1000 * v for k, v in medians.items()}
    cells = "".join(f"{numbers[name]:>11.1f}" if name in numbers else f"{'-':>11}" for name in NAMES)
    best = min(v for k, v in medians.items() if k != "ours")
    print(f"{title:<34}{cells}{best / medians['ours']:>9.2f}", flush=True)


NAMES = ["ours", "zuko", "nflows", "normflows"]


def main() -> None:
    given = settings(__doc__, times=(7, 1), rounds=(40, 2), units=(512, 16))
    prepare(1)
    torch.manual_seed(0)
    print(f"{'':<34}{''.join(f'{name:>11}' for name in NAMES)}{'ratio':>9}   target: > 1")
    for kind, (title, layers) in KINDS.items():
        models = {"ours": ours(kind, layers)} | {name: build(kind, layers) for name, build in PEERS.items()}
        jobs = {k: our_rounds(m) if k == "ours" else their_rounds(m) for k, m in models.items()}
        show(f"{title}, {layers} layers: rounds/s", turns(jobs, given.rounds, given.times), per_second=True)
        for n in (64, 128):
            show(
                f"  density on {n} x {n}: ms",
                turns({k: grid(m, n) for k, m in models.items()}, 5, given.times),
            )
    show("one MAF layer of 784 back: ms", turns(ways_back(given.units), 1, 1))


def ways_back(units: int) -> dict[str, Callable[[int], None]]:
    """x of 64 z of 784 numbers through one MAF layer with so many units, of one hidden layer, or of two where
    a library has no fewer."""
    z, peer = torch.randn(64, 784), zuko.flows.MAF(784, transforms=1, hidden_features=[units])
    backs: dict[str, Callable[[Tensor], Any]] = {
        "ours": Autoregressive(MADE(torch.arange(784), units, 1, 2), standardize).inverse,
        "zuko": lambda z: peer().transform.inv(z),
    }
    if "nflows" in PEERS:
        from nflows.transforms import MaskedAffineAutoregressiveTransform

        backs["nflows"] = MaskedAffineAutoregressiveTransform(784, units, **TWO).inverse
    if "normflows" in PEERS:
        from normflows.flows import MaskedAffineAutoregressive

        backs["normflows"] = MaskedAffineAutoregressive(784, units, **TWO).inverse

    def job(back: Callable[[Tensor], Any]) -> Callable[[int], None]:
        @torch.no_grad()
        def run(n: int) -> None:
            for _ in range(n):
                back(z)

        return run

    return {name: job(back) for name, back in backs.items()}


if __name__ == "__main__":
    main()
