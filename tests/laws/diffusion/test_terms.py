"""What a turn descends: the paper's loss, computed anew from what the net was told and what it said."""

from itertools import product

import pytest
import torch

from engine.diffusion.ddpm import DDPM
from engine.diffusion.flow_matching import FlowMatching
from engine.family import Batch
from engine.fit import fit
from engine.space import Space
from tests.laws.diffusion.papers import alpha_bar, path, target, weight

pytestmark = pytest.mark.usefixtures("double")

PLANE, LINE, PICTURE = Space.of((2,), 3), Space.of((1,), 2), Space.of((1, 8, 8), 3)
SCHEDULES = [("linear", True), ("linear", False), ("cosine", True), ("sigmoid", True)]
CHOICES = [
    (DDPM, {"schedule": schedule, "scaled": scaled, "predicts": predicts, "weighting": weighting})
    for (schedule, scaled), predicts, weighting in product(
        SCHEDULES, ("eps", "x0", "v"), ("simple", "bound", "min-SNR")
    )
]
CHOICES += [(FlowMatching, {}), (FlowMatching, {"T": 7}), (DDPM, {"T": 2}), (DDPM, {"T": 1000})]


def built(family, space=PLANE, **knobs):
    torch.manual_seed(0)
    model = family(family.configure(space, {"T": 20, "width": 8, "depth": 1} | knobs), space)
    for weight_ in model.parameters():
        torch.nn.init.normal_(weight_, 0, 0.4)
    return model


def batch(space: Space, n: int) -> Batch:
    x, y = 0.3 + torch.randn(n, *space.shape), torch.arange(n) % space.classes
    return Batch(0, x, y, lambda: batch(space, n))


def turned(model, given: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor, dict]:
    """One turn: x_t, t / T and y that the net was told, what it said, and the terms."""
    seen = []
    hook = model.net.register_forward_hook(lambda net, told, said: seen.append((*told, said)))
    ((player, terms),) = model.turns(given)
    hook.remove()
    ((x_t, at, y, said),) = seen
    assert player is model.net
    return x_t, at, y, said.detach(), terms


@pytest.mark.parametrize(
    ("family", "knobs"),
    CHOICES,
    ids=lambda k: "-".join(map(str, k.values())) if isinstance(k, dict) else k.name,
)
def test_the_terms_are_the_papers_for_every_choice(family, knobs):
    model, given = built(family, **knobs), batch(PLANE, 64)
    c = model.config
    x_t, at, y, said, terms = turned(model, given)
    assert y is None, "the net was not made to see labels"
    levels = [round(one) for one in (at * c.T).tolist()]
    torch.testing.assert_close(at * c.T, torch.tensor(levels).double(), atol=1e-9, rtol=0)
    assert set(levels) <= set(range(1, c.T + 1))
    name, scaled = ("straight", True) if family is FlowMatching else (c.schedule, c.scaled)
    kept = [] if name == "straight" else alpha_bar(name, c.T, scaled)
    (signal, noise), total, drawn = path(name, c.T, scaled), 0.0, []
    for i, t in enumerate(levels):
        for x0, x, o in zip(given.x[i].tolist(), x_t[i].tolist(), said[i].tolist(), strict=True):
            eps = (x - signal[t] * x0) / noise[t]
            error = (o - target(model.predicts, signal[t], noise[t], x0, eps)) ** 2
            total += error * (1 if name == "straight" else weight(c.weighting, c.predicts, kept, t))
            drawn.append(eps)
    ((term, value),) = terms.items()
    assert value.item() == pytest.approx(total / 128, rel=1e-9)
    assert term[:2] == "‖" + {"eps": "ε", "x0": "x", "v": "v", "u": "u"}[model.predicts]
    drawn = torch.tensor(drawn)
    assert abs(drawn.mean()) < 0.35
    assert 0.75 < drawn.std() < 1.25
    assert len(drawn.unique()) == 128, "each number of each example has noise of its own"


@pytest.mark.parametrize("family", [DDPM, FlowMatching])
@pytest.mark.parametrize("space", [LINE, PLANE, PICTURE], ids=lambda s: s.kind)
def test_each_number_of_any_kind_of_data_counts_alike(family, space):
    model, given = (
        built(family, space, schedule="cosine") if family is DDPM else built(family, space),
        batch(space, 6),
    )
    x_t, at, _y, said, terms = turned(model, given)
    signal, noise = (torch.tensor(v) for v in path("cosine" if family is DDPM else "straight", 20))
    t = (at * 20).round().long()
    a, b = (v[t].reshape(-1, *[1] * len(space.shape)) for v in (signal, noise))
    eps = (x_t - a * given.x) / b
    u = {"eps": eps, "u": eps - given.x, "v": a * eps - b * given.x, "x0": given.x}[model.predicts]
    (value,) = terms.values()
    assert value.item() == pytest.approx((said - u).square().mean().item(), rel=1e-9)


def test_a_turn_draws_its_own_levels_noise_and_hidden_labels():
    model, given = built(DDPM, conditional=True, drop=0.5), batch(PLANE, 400)
    one, two = turned(model, given), turned(model, given)
    for first, second in zip(one[:3], two[:3], strict=True):
        assert not torch.equal(first, second)
    assert len(one[1].unique()) > 10, "the examples have levels of their own"
    hidden = one[2] == PLANE.classes
    assert 0.35 < hidden.double().mean() < 0.65
    assert torch.equal(one[2][~hidden], given.y[~hidden])
    levels = one[1]
    assert abs(levels[hidden].mean() - levels[~hidden].mean()) < 0.1, "whatever the level"


@pytest.mark.parametrize(("drop", "seen"), [(0.0, [0, 1, 2]), (1.0, [3])])
def test_labels_are_told_where_the_model_knows_labels(drop, seen):
    *_, y, _said, _terms = turned(built(DDPM, conditional=True, drop=drop), batch(PLANE, 30))
    assert y.unique().tolist() == seen
    *_, y, _said, _terms = turned(built(DDPM, conditional=False, drop=drop), batch(PLANE, 30))
    assert y is None


@pytest.mark.parametrize("family", [DDPM, FlowMatching])
def test_the_learning_rate_is_the_first_step_of_adam_and_the_average_follows(family):
    for lr in (1e-5, 0.1):
        model = built(family, lr=lr, ema=0.0)
        before, average = (
            torch.nn.utils.parameters_to_vector(net.parameters()).detach().clone()
            for net in (model.net, model.average)
        )
        for _turn in fit(model, [batch(PLANE, 16)]):
            pass
        after = torch.nn.utils.parameters_to_vector(model.net.parameters()).detach()
        assert (after - before).abs().quantile(0.5).item() == pytest.approx(lr, rel=1e-3)
        now = torch.nn.utils.parameters_to_vector(model.average.parameters())
        assert not torch.equal(now, average)
        torch.testing.assert_close(now, after, atol=1e-15, rtol=0)  # ema 0: the weights after the step


def test_width_and_depth_are_those_of_the_net():
    for width, depth in ((8, 1), (16, 3)):
        points, pictures = (built(DDPM, space, width=width, depth=depth).net for space in (PLANE, PICTURE))
        assert [layer.out_features for layer in points.layers] == [width] * depth
        assert [len(points.told), points.first.out_features] == [depth, width]
        assert [len(pictures.down), len(pictures.low), len(pictures.look), len(pictures.up)] == [
            depth, 2 * depth, 2 * depth, depth
        ]  # fmt: skip
        assert pictures.shrink.weight.shape == (2 * width, width, 3, 3)
