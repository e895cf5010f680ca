"""L-BFGS is torch's own, forgets what no longer holds, and lowers the loss of a transfer."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from engine.fit import optimizers_of, retune
from engine.style import lbfgs
from engine.style.lbfgs import LBFGS
from engine.style.style import StyleTransfer
from tests.laws.style.styling import built, noise, pictures, total, trained

SHALLOW = {
    "backbone": "VGG-19",
    "content_layer": "relu2_2",
    "w4": 0.0,
    "w5": 0.0,
}  # the deep layers take most of the time


class Bowl(nn.Module):
    """1/2 (x - b)^T A (x - b), with curvatures from 1 to 30."""

    def __init__(self) -> None:
        super().__init__()
        self.A = torch.diag(torch.logspace(0, 1.5, 12))
        self.b = torch.randn(12)
        self.x = nn.Parameter(torch.zeros(12))

    def loss(self, scale: float = 1.0) -> Tensor:
        d = self.x - self.b
        return scale * (d @ self.A @ d) / 2

    def descend(self, optimizer: torch.optim.Optimizer, steps: int, scale: float = 1.0) -> list[Tensor]:
        seen = []
        for _ in range(steps):
            loss = self.loss(scale)
            (self.x.grad,) = torch.autograd.grad(loss, [self.x])
            optimizer.step(loss.detach)
            seen.append(self.x.detach().clone())
        return seen


def bowl() -> Bowl:
    torch.manual_seed(1)
    return Bowl()


def test_lbfgs_is_torchs_with_one_iteration_a_step(double, monkeypatch):
    """The same steps wherever torch's are within the bounds, and its first step as long as ours."""
    monkeypatch.setattr(lbfgs, "FURTHEST", 1e9)
    ours, theirs = bowl(), bowl()
    monkeypatch.setattr(lbfgs, "FIRST", (theirs.A @ theirs.b).abs().max() / (theirs.A @ theirs.b).abs().sum())
    own = torch.optim.LBFGS(
        [theirs.x], lr=1, max_iter=1, history_size=10, tolerance_grad=0, tolerance_change=0
    )
    pairs = zip(ours.descend(LBFGS([ours.x], lambda: [1.0]), 25), theirs.descend(own, 25), strict=True)
    assert max((a - b).abs().max() for a, b in pairs) < 1e-9


def test_a_picture_is_descended_as_torch_would_the_amplitudes_of_its_waves(double, monkeypatch):
    """x = T z with T written out as a matrix, and torch's own on z."""
    torch.manual_seed(1)
    shape, n = (1, 2, 7, 10), 140
    T = torch.stack([lbfgs.waves(e.view(shape)).flatten() for e in torch.eye(n)])
    assert (T - T.T).abs().max() < 1e-12
    assert torch.linalg.eigvalsh(T).min() > 0
    curvature, b = torch.logspace(0, 1, n), torch.randn(n)
    z, x = nn.Parameter(torch.zeros(n)), nn.Parameter(torch.zeros(shape))
    own = torch.optim.LBFGS([z], lr=1, max_iter=1, history_size=10, tolerance_grad=0, tolerance_change=0)
    ours = LBFGS([x], lambda: [1.0])
    monkeypatch.setattr(lbfgs, "FURTHEST", 1e9)

    def descend(optimizer: torch.optim.Optimizer, weight: Tensor, picture: Tensor) -> Tensor:
        loss = (curvature * (picture.flatten() - b).square()).sum()
        (weight.grad,) = torch.autograd.grad(loss, [weight])
        optimizer.step(loss.detach)
        return weight.detach().flatten()

    for step in range(20):
        theirs = T @ descend(own, z, T @ z)
        if step == 0:
            monkeypatch.setattr(lbfgs, "FIRST", theirs.abs().max())
        assert (descend(ours, x, x) - theirs).abs().max() < 1e-8


@pytest.mark.parametrize(("h", "w"), [(16, 24), (24, 16), (24, 24), (21, 15)])
def test_coarse_waves_grow_most(double, h, w):
    """A wave is an eigenvector: it keeps its form, and grows by a function of its periods along the longest
    side, whichever way it runs."""
    side, (i, j) = max(h, w), torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    for down, across in ((0, 0), (0, 1), (1, 0), (3, 0), (0, 6), (2, 5), (4, -3), (7, 7)):
        wave = torch.cos(2 * torch.pi * (down * i / h + across * j / w) + 0.3)
        wave = torch.stack([wave, 2 * wave, 1 - wave])[None]
        f, mean = math.hypot(down * side / h, across * side / w), wave.mean((2, 3), keepdim=True)
        grown = (side / lbfgs.COARSE) ** 0.5 * mean + (side / (f + lbfgs.COARSE)) ** 0.5 * (wave - mean)
        torch.testing.assert_close(lbfgs.waves(wave), grown)


def test_no_step_is_longer_than_the_curvature_is_known(double):
    """The first goes down the gradient by FIRST; a longer one than FURTHEST becomes shorter, and what is
    learned of the curvature is learned of the step that was taken."""
    model = bowl()
    optimizer = LBFGS([model.x], lambda: [1.0])
    slope = model.A @ model.b
    (first,) = model.descend(optimizer, 1)
    assert (first - lbfgs.FIRST * slope / slope.abs().max()).abs().max() < 1e-12
    path = [torch.zeros(12), first, *model.descend(optimizer, 12)]
    steps = [b - a for a, b in pairwise(path)]
    assert max(step.abs().max() for step in steps) <= lbfgs.FURTHEST * (1 + 1e-12)
    assert any(step.abs().max() > 0.99 * lbfgs.FURTHEST for step in steps)
    state = optimizer.state[model.x]
    for kept, step in zip(state["old_stps"], steps[-11:-1], strict=True):
        assert (kept - step).abs().max() < 1e-12
    for y, step in zip(state["old_dirs"], state["old_stps"], strict=True):
        assert (y - model.A @ step).abs().max() < 1e-9  # the bowl's curvature


def test_at_the_bottom_it_stays_and_begins_anew_when_there_is_a_slope_again(double):
    model = bowl()
    model.x.data.copy_(model.b)
    optimizer = LBFGS([model.x], lambda: [1.0])
    model.descend(optimizer, 3)
    assert torch.equal(model.x, model.b)
    model.x.data[0] += 1
    model.descend(optimizer, 40)
    assert (model.x - model.b).abs().max() < 1e-6


def test_a_memory_that_shows_no_way_down_is_forgotten(double):
    model = bowl()
    optimizer = LBFGS([model.x], lambda: [1.0])
    model.descend(optimizer, 3)
    state = optimizer.state[model.x]
    state["old_dirs"], state["old_stps"], state["ro"], state["d"] = [], [], [], 0 * state["d"]
    state["H_diag"] = -1.0  # uphill, as rounding may have it
    before, stuck, after = model.x.detach().clone(), *model.descend(optimizer, 2)
    assert torch.equal(stuck, before)
    assert not torch.equal(after, before)


def test_lbfgs_reaches_the_bottom_of_a_bowl(double):
    model = bowl()
    model.descend(LBFGS([model.x], lambda: [1.0]), 60)
    assert (model.x - model.b).abs().max() < 1e-6


@pytest.mark.parametrize("to", [50.0, 1.0001])
def test_lbfgs_forgets_the_curvature_of_a_loss_that_has_changed(double, to):
    """From a changed loss on it is a new optimizer at that place; an unchanged loss is not forgotten."""
    changed, fresh, kept = bowl(), bowl(), bowl()
    scale = [1.0]
    optimizer = LBFGS([changed.x], lambda: scale)
    changed.descend(optimizer, 8)
    fresh.x.data.copy_(changed.x)
    scale[0] = to
    after = changed.descend(optimizer, 6, to)
    anew = fresh.descend(LBFGS([fresh.x], lambda: [to]), 6, to)
    assert all(torch.equal(a, b) for a, b in zip(after, anew, strict=True))
    optimizer = LBFGS([kept.x], lambda: [1.0])
    first, then = kept.descend(optimizer, 8), kept.descend(optimizer, 6)
    whole = bowl()
    assert torch.equal(whole.descend(LBFGS([whole.x], lambda: [1.0]), 14)[-1], then[-1])
    assert optimizer.state[kept.x]["n_iter"] == 14
    assert len(first) == 8


def test_every_number_that_shapes_the_loss_is_in_its_objective():
    """Whatever live knob changes the loss of a picture must make L-BFGS begin anew."""
    data = pictures(styles=2)
    model = built(data, blend=0.5, tv=1.0)
    x = noise(model)
    for name, knob in StyleTransfer.Config.knobs().items():
        if not knob.live:
            continue
        before, now = model.config, model.objective()
        loss = total(model, x).item()
        model.config = before.change({name: knob.high})
        if total(model, x).item() != loss:
            assert model.objective() != now, name
        model.config = before
    model.level.fill_(1)
    assert model.objective() != now
    # each on its own, so that no two changes can cancel
    live = [name for name, knob in StyleTransfer.Config.knobs().items() if knob.live and name != "lr"]
    model.config = model.config.change({name: 0.5 + i / 32 for i, name in enumerate(live)})
    assert {getattr(model.config, name) for name in live} <= set(model.objective())


def test_lbfgs_lowers_the_loss_of_a_transfer():
    losses = trained(built(backbone="VGG-19"), 16)
    assert losses[-1] < 0.3 * losses[0]
    assert sum(b > a for a, b in pairwise(losses)) <= 2


def test_adam_lowers_it_too_and_its_step_is_the_learning_rate():
    model = built(optimizer="Adam", lr=0.03, **SHALLOW)
    first = model.image[0].detach().clone()
    losses = trained(model, 1)
    step = (model.image[0] - first).abs()
    assert step.max().item() == pytest.approx(0.03, rel=1e-3)
    losses += trained(model, 8, start=1)
    assert losses[-1] < losses[0]


def test_a_live_weight_changes_the_loss_without_a_jump_of_the_picture():
    data = pictures()
    model = built(data, **SHALLOW)
    using = optimizers_of(model)
    trained(model, 8, using=using)
    before = model.image[0].detach().clone()
    retune(model, using, model.config.change({"beta": 300.0}))
    losses = trained(model, 8, start=8, using=using)
    assert losses[-1] < losses[0]
    assert (model.image[0] - before).abs().max() < 4


def test_the_first_step_at_a_level_is_no_jump():
    model = built(pictures(h=96, w=128), size=128, levels=2, coarse=6, **SHALLOW)
    data = pictures(h=96, w=128)
    losses = trained(model, 12, data=data)
    assert losses[6] < 20 * losses[5] + losses[0]
    assert losses[11] < losses[6]
