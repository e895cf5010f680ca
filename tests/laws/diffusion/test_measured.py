"""What is reported of a diffusion: the test loss, its bars, the error of the score. Of whom, and where."""

import dataclasses
from itertools import pairwise, product

import pytest
import torch

from engine import data as datasets
from engine.diffusion import measures
from engine.diffusion.ddpm import DDPM
from engine.diffusion.exact import exact
from engine.diffusion.flow_matching import FlowMatching
from engine.diffusion.schedule import groups
from engine.metrics.observe import held_out
from engine.space import Space
from tests.laws.diffusion.papers import path

pytestmark = pytest.mark.usefixtures("double")

PLANE, PICTURE = Space.of((2,), 3), Space.of((1, 8, 8), 3)


def built(family=DDPM, space=PLANE, **knobs):
    torch.manual_seed(0)
    model = family(family.configure(space, {"T": 20, "width": 8, "depth": 1} | knobs), space)
    for weight in model.parameters():  # so that the average is another net
        torch.nn.init.normal_(weight, 0, 0.3)
    return model


def test_the_groups_hold_each_level_once_and_are_alike():
    for T in (2, 7, 10, 25, 99, 100, 1000):
        for n in (1, 3, 5, 10):
            made = groups(T, n)
            assert [t for group in made for t in group] == [*range(1, T + 1)]
            sizes = [len(group) for group in made]
            assert len(made) == min(n, T)
            assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("family", [DDPM, FlowMatching])
@pytest.mark.parametrize("T", [2, 7, 25, 100, 1000])
def test_a_bar_is_the_mean_over_the_levels_that_it_names_and_the_test_loss_that_over_all(
    family, T, monkeypatch
):
    """Of a net whose error in eps is 1 / t: the levels in the middle would say less."""
    model = built(family, T=T)
    wrong = 1 / torch.arange(1, T + 1)
    monkeypatch.setattr(torch, "randn", lambda *shape, **like: torch.ones(*shape, **like))
    model.predict = lambda x, t, y=None, guidance=None: (
        x / model.at(t, model.noise) + (1 / t)[:, None].expand_as(x), x
    )  # of x_0 = 0, x / noise is eps  # fmt: skip
    told = model.evaluate(torch.zeros(50, 2))
    n = min(10, T)
    edges = [round(i * T / n) for i in range(n + 1)]
    bars = [wrong[low:high].square().mean().item() for low, high in pairwise(edges)]
    exactly = {"rel": 1e-9} if T % n == 0 else {"rel": 0.01}  # where no level has a draw more
    assert told["loss by t"] == pytest.approx(bars, **exactly)
    assert told["test loss"] == pytest.approx(wrong.square().mean().item(), **exactly)


@pytest.mark.parametrize("space", [PLANE, PICTURE], ids=lambda s: s.kind)
@pytest.mark.parametrize(
    ("family", "knobs"), [(DDPM, {"predicts": "v", "schedule": "sigmoid"}), (FlowMatching, {})]
)
def test_the_test_loss_is_of_the_averaged_conditional_model(family, knobs, space):
    """With the labels of the examples, at guidance 1, whatever the guidance of the samples."""
    model = built(family, space, conditional=True, guidance=5.0, **knobs)
    x, y = 0.5 + torch.randn(40, *space.shape), torch.arange(40) % 3
    seen = []
    hook = model.average.register_forward_hook(lambda net, told, said: seen.append((*told, said)))
    told = model.evaluate(x, y)
    hook.remove()
    used, labels = (x[::2], y[::2]) if space is PICTURE else (x.repeat(4, 1), y.repeat(4))
    signal, noise = (torch.tensor(v) for v in path(knobs.get("schedule", "straight"), 20))
    bars, other, noises = [], {"last": [], "unconditional": [], "guided": []}, []
    for i, (x_t, at, given, o) in enumerate(seen):
        t = (at * 20).round().long()
        assert t.unique().tolist() == [2 * i + 1, 2 * i + 2]
        assert torch.equal(given, labels)
        a, b = (v[t].reshape(-1, *[1] * len(space.shape)) for v in (signal, noise))
        eps = (x_t - a * used) / b
        noises.append(eps)

        def error(o, a=a, b=b, eps=eps, x_t=x_t):
            # v = a eps - b x_0 and u = eps - x_0, with x_t = a x_0 + b eps
            guess = a * o + b * x_t if family is DDPM else a * o + x_t
            return (guess - eps).square().mean().item()

        bars.append(error(o))
        without = model.average(x_t, at, torch.full_like(given, 3))
        other["last"].append(error(model.net(x_t, at, given)))
        other["unconditional"].append(error(without))
        other["guided"].append(error(without + 5 * (o - without)))
    assert told["loss by t"] == pytest.approx(bars, rel=1e-9)
    assert told["test loss"] == pytest.approx(sum(bars) / 10, rel=1e-9)
    for wrong in other.values():
        assert abs(sum(wrong) / 10 - told["test loss"]) > 1e-4 * told["test loss"]
    drawn = torch.stack(noises).flatten()
    assert len(drawn.unique()) == len(drawn), "each draw has noise of its own"
    assert abs(drawn.mean()) < 0.1
    assert 0.9 < drawn.std() < 1.1


def test_without_labels_the_test_loss_is_of_the_net_that_sees_none():
    model, x = built(conditional=True), torch.randn(8, 2)
    seen = []
    model.average.register_forward_hook(lambda net, told, said: seen.append(told[2]))
    model.evaluate(x)
    assert seen == [None] * 10
    seen.clear()
    model = built(conditional=False)
    model.average.register_forward_hook(lambda net, told, said: seen.append(told[2]))
    model.evaluate(x, torch.zeros(8).long())
    assert seen == [None] * 10


def test_what_is_measured_is_measured_on_held_out_examples():
    data = datasets.load("ring")
    moved = dataclasses.replace(data, test_x=data.test_x + 100)
    model = built(space=data.space)
    seen = []
    jump = model.q
    model.q = lambda x0, t, eps: (seen.append(x0), jump(x0, t, eps))[1]
    held_out(model, moved)
    measures.measure(model, moved)
    assert len(seen) == 10 + 5
    assert all(x0.min() > 50 for x0 in seen)
    assert seen[-1].shape == (400, 2)


@pytest.mark.parametrize("family", [DDPM, FlowMatching])
@pytest.mark.parametrize(
    ("T", "levels"), [(100, [10, 30, 50, 70, 90]), (1000, [100, 300, 500, 700, 900]), (3, [1, 2, 3])]
)
def test_the_error_of_the_score_is_the_mean_at_the_middle_of_each_fifth(family, T, levels):
    """Of a model whose score is wrong by the share 1 / t; of the averaged model without labels."""
    data = datasets.load("ring")
    best, model = exact(data), built(family, data.space, T=T, conditional=True, guidance=3.0)
    asked = []

    def predict(x, t, y=None, guidance=None):
        asked.append((t, y))
        return (1 - 1 / t) * best.predict(x, model.signal[t], model.noise[t])[0], x

    model.predict = predict
    told = measures.measure(model, data)["score error"]
    assert asked == [(t, None) for t in levels]
    assert told == pytest.approx(sum(1 / t for t in levels) / len(levels), rel=1e-9)


def test_the_error_of_the_score_is_relative_to_the_exact_one_and_of_the_root_mean_square():
    data = datasets.load("two-gaussians")
    best, model = exact(data), built(space=data.space)
    x0 = data.some(50, test=True)[0]
    torch.manual_seed(4)
    eps = torch.randn_like(x0)
    torch.manual_seed(4)
    told = best.error(model, x0, 7)
    x = model.signal[7] * x0 + model.noise[7] * eps
    ours, truth = (
        -model.average(x, torch.tensor([7 / 20])) / model.noise[7],
        best.score(x, model.signal[7], model.noise[7]),
    )
    wanted = ((ours - truth).square().sum() / truth.square().sum()).sqrt()
    assert told == pytest.approx(wanted.item(), rel=1e-9)


def test_a_level_for_each_example_is_the_same_as_one_at_a_time():
    for family in (DDPM, FlowMatching):
        model = built(family, conditional=True)
        x, y, t = torch.randn(6, 2), torch.arange(6) % 3, torch.tensor([1, 5, 20, 3, 20, 1])
        for s in (0.0, 1.0, 3.0):
            together = model.predict(x, t, y, s)
            for i in range(6):
                alone = model.predict(x[i : i + 1], int(t[i]), y[i : i + 1], s)
                for one, other in zip(together, alone, strict=True):
                    torch.testing.assert_close(one[i : i + 1], other, atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("space", [PLANE, PICTURE], ids=lambda s: s.kind)
@pytest.mark.parametrize("s", [0.0, 1.0, 3.0])
def test_many_examples_go_through_the_net_a_part_at_a_time(space, s):
    model = built(space=space, conditional=True)
    x, y, t = torch.randn(7, *space.shape), torch.arange(7) % 3, torch.tensor([1, 5, 20, 3, 20, 1, 2])
    for level, most in product((4, t), (3, 5)):
        whole, seen = model.predict(x, level, y, s), []
        model.chunk = most
        hook = model.average.register_forward_hook(lambda net, told, said, seen=seen: seen.append(len(said)))
        parts = model.predict(x, level, y, s)
        hook.remove()
        del model.chunk
        model.chunk = 1000
        assert max(seen) == most
        assert sum(seen) == (14 if s == 3 else 7)
        for one, other in zip(whole, parts, strict=True):
            torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


def test_a_part_is_small_enough_to_hold_whatever_the_size_of_the_net():
    """A layer's numbers for all examples of a part: a quarter of the pixels, or one place, by its width."""
    for space, places in ((PLANE, 1), (PICTURE, 16), (Space.of((3, 32, 32)), 256)):
        for width in (8, 64):
            numbers = built(space=space, width=width).chunk * width * places
            assert 0 <= 2**21 - numbers < width * places  # and as large as that allows


def test_a_part_has_at_least_one_example(monkeypatch):
    monkeypatch.setattr("engine.diffusion.base.MOST", 1)
    assert [built(space=space).chunk for space in (PLANE, PICTURE)] == [1, 1]


def test_of_few_draws_among_many_levels_the_middles_are_taken():
    model, seen = built(space=PICTURE, T=1000), []
    model.predict = lambda x, t, y=None, guidance=None: (seen.append(t), (x, x))[1]
    model.evaluate(torch.zeros(8, 1, 8, 8))  # four pictures in each of ten groups of 100
    assert torch.cat(seen)[:5].tolist() == [13, 38, 63, 88, 113]
    assert torch.cat(seen).double().mean().item() == pytest.approx(500.5, abs=1)


def test_the_score_of_a_label_is_that_of_the_guided_model():
    model = built(conditional=True, guidance=3.0)
    x, y = torch.randn(6, 2), torch.arange(6) % 3
    told = model.score(x, 5, y)
    torch.testing.assert_close(told, -model.predict(x, 5, y, 3.0)[0] / model.noise[5], atol=1e-12, rtol=0)
    assert not torch.allclose(told, model.score(x, 5))
