"""Laws of what diffusions share: the jump, what a net may put out, the loss and its weights, guidance."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from engine.diffusion import schedule
from engine.diffusion.ddpm import DDPM
from engine.diffusion.flow_matching import FlowMatching
from engine.family import Batch
from engine.fit import fit
from engine.space import Space

pytestmark = pytest.mark.usefixtures("double")

PLANE = Space.of((2,), given=3)
FLOW = pytest.param(FlowMatching, {}, id="u")
OUTPUTS = [pytest.param(DDPM, {"predicts": p}, id=p) for p in ("eps", "x0", "v")] + [FLOW]
outputs = pytest.mark.parametrize(("family", "knobs"), OUTPUTS)
weightings = pytest.mark.parametrize("weighting", ["simple", "bound", "min-SNR"])
predictions = pytest.mark.parametrize("predicts", ["eps", "x0", "v"])
T = 50


def built(family=DDPM, space=PLANE, **knobs):
    torch.manual_seed(0)
    model = family(family.configure(space, {"T": T, "width": 8} | knobs), space)
    for weight in model.parameters():
        nn.init.normal_(weight, 0, 0.4)
    model.average.load_state_dict(model.net.state_dict())
    return model


class Says(nn.Module):
    """A net that puts out what it is told to, whatever it sees."""

    def __init__(self, o: torch.Tensor) -> None:
        super().__init__()
        self.o = nn.Parameter(o)

    def forward(self, x, t, y=None):
        return self.o


# --- one jump, and what the net puts out ----------------------------------------------------------


@outputs
def test_the_jump_has_the_mean_and_variance_of_q(family, knobs):
    """The jump is linear in eps: its mean is where eps = 0 leads, its deviation what eps = 1 adds."""
    model, x0 = built(family, **knobs), torch.randn(T + 1, 2)
    t = torch.arange(T + 1)
    mean = model.q(x0, t, torch.zeros_like(x0))
    deviation = model.q(x0, t, torch.ones_like(x0)) - mean
    torch.testing.assert_close(mean, model.signal[:, None] * x0, atol=1e-15, rtol=0)
    torch.testing.assert_close(deviation, model.noise[:, None].expand(-1, 2), atol=1e-14, rtol=0)
    eps = torch.randn_like(x0)
    each = torch.stack([model.q(x0[i], i, eps[i]) for i in range(T + 1)])
    torch.testing.assert_close(each, model.q(x0, t, eps), atol=1e-15, rtol=0)
    if family is DDPM:
        torch.testing.assert_close(model.signal**2 + model.noise**2, torch.ones(T + 1), atol=1e-15, rtol=0)


def test_of_pictures_all_pixels_have_the_same_noise_level():
    model = built(space=Space.of((1, 8, 8)))
    x0, eps, t = torch.randn(3, 1, 8, 8), torch.randn(3, 1, 8, 8), torch.tensor([1, 7, T])
    for i in range(3):
        expected = model.signal[t[i]] * x0[i] + model.noise[t[i]] * eps[i]
        torch.testing.assert_close(model.q(x0, t, eps)[i], expected, atol=1e-15, rtol=0)


@outputs
@pytest.mark.parametrize("size", [2, 50, 1000])
def test_what_the_net_should_put_out_gives_back_eps_and_x0(family, knobs, size):
    """At both ends too, where dividing by a small signal or noise loses some digits."""
    model = built(family, T=size, **knobs)
    x0, eps = torch.randn(5, 2), torch.randn(5, 2)
    for t in (1, 2, size // 2, size - 1, size):
        x = model.q(x0, t, eps)
        values = model.both(x, t, model.target(x0, t, eps))
        torch.testing.assert_close(values[0], eps, atol=2e-13, rtol=0)
        torch.testing.assert_close(values[1], x0, atol=2e-13, rtol=0)


@outputs
def test_any_output_gives_a_pair_that_makes_x_t(family, knobs):
    """Two linear equations with two unknowns: x_t = signal x_0 + noise eps, o = p eps + q x_0."""
    model = built(family, **knobs)
    x, o = torch.randn(2, 5, 2)
    for t in range(1, T + 1):
        eps, x0 = model.both(x, t, o)
        torch.testing.assert_close(model.q(x0, t, eps), x, atol=1e-11, rtol=0)
        torch.testing.assert_close(model.target(x0, t, eps), o, atol=1e-11, rtol=0)


def test_v_is_the_speed_along_the_circle():
    """Salimans and Ho 2022 (https://arxiv.org/abs/2202.00512), appendix D: with signal = cos a and
    noise = sin a, v = dx / da."""
    model, x0, eps = built(predicts="v"), torch.randn(4, 2), torch.randn(4, 2)
    for t in (1, 20, T):
        angle = torch.atan2(model.noise[t], model.signal[t])
        v = torch.func.jacrev(lambda a: a.cos() * x0 + a.sin() * eps)(angle)
        torch.testing.assert_close(model.target(x0, t, eps), v, atol=1e-14, rtol=0)


def test_the_score_is_the_slope_of_log_p():
    """Of data N(m, s^2), where p_t is a Gaussian too: by autograd of its log p_t."""
    model, m, s = built(), 0.8, 0.5
    for t in (1, 20, T):
        a, b = model.signal[t], model.noise[t]
        p = Normal(a * m, (a**2 * s**2 + b**2).sqrt())
        x = torch.randn(6, 2)
        x0 = m + a * s**2 / p.variance * (x - p.mean)
        model.average = Says((x - a * x0) / b)
        slope = torch.func.grad(lambda x, p=p: p.log_prob(x).sum())(x)
        torch.testing.assert_close(model.score(x, t), slope, atol=1e-9, rtol=1e-9)


# --- the loss and its weights ---------------------------------------------------------------------


def test_bound_weighs_as_the_kl_terms_of_the_variational_bound_do():
    """Eq. (8) and (12): the KL from q(x_{t-1} | x_t, x_0), eq. (7), to p(x_{t-1} | x_t), both of
    variance beta_t, is weight x squared error of eps, at each t."""
    model = built(weighting="bound")
    ab, beta = model.alpha_bar, schedule.beta(model.alpha_bar)
    for t in (1, 2, 25, T):
        x0, eps, wrong = torch.randn(3, 4, 2)
        x = model.q(x0, t, eps)

        def mean(x0, t=t, x=x):
            of_x0 = ab[t - 1].sqrt() * beta[t] / (1 - ab[t])
            return of_x0 * x0 + (1 - beta[t]).sqrt() * (1 - ab[t - 1]) / (1 - ab[t]) * x

        guess = (x - model.noise[t] * wrong) / model.signal[t]
        kl = kl_divergence(Normal(mean(x0), beta[t].sqrt()), Normal(mean(guess), beta[t].sqrt()))
        weight = model.weight(torch.tensor([t]))
        torch.testing.assert_close(weight * (wrong - eps).square(), kl, rtol=1e-9, atol=1e-12)


@predictions
def test_min_snr_is_as_defined(predicts):
    """Hang et al. 2023, section 3.4, gamma = 5: min(SNR, 5) of x_0, over SNR of eps, over SNR + 1 of v."""
    model = built(predicts=predicts, weighting="min-SNR")
    for t in range(1, T + 1):
        snr = (model.signal[t] / model.noise[t]).item() ** 2
        expected = min(snr, 5) / {"eps": snr, "x0": 1, "v": snr + 1}[predicts]
        assert model.weight(torch.tensor([t])).item() == pytest.approx(expected, rel=1e-9)


@predictions
def test_simple_weighs_all_alike(predicts):
    weight = built(predicts=predicts).weight(torch.arange(1, T + 1))
    assert torch.equal(weight, torch.ones(T))
    assert weight.dtype == torch.float64


@pytest.mark.parametrize("weighting", ["bound", "min-SNR"])
def test_the_same_guess_costs_the_same_whatever_the_net_puts_out(weighting):
    x0, eps, wrong = torch.randn(3, T, 2)
    t, costs = torch.arange(1, T + 1), []
    for predicts in ("eps", "x0", "v"):
        model = built(predicts=predicts, weighting=weighting)
        x = model.q(x0, t, eps)
        guess = (x - model.at(t, model.noise) * wrong) / model.at(t, model.signal)
        model.net = Says(model.target(guess, t, wrong))
        (cost,) = model.terms(x0, t, eps).values()
        costs.append(cost.item())
    assert costs == pytest.approx([costs[0]] * 3, rel=1e-9)


@weightings
@predictions
def test_the_loss_is_the_weighted_mean_of_squares(weighting, predicts):
    model = built(predicts=predicts, weighting=weighting)
    x0, eps, o = torch.randn(3, 6, 2)
    t = torch.tensor([1, 2, 10, 30, T - 1, T])
    model.net = Says(o)
    ((name, loss),) = model.terms(x0, t, eps).items()
    each = [
        model.weight(t[i : i + 1]).item() * (o[i] - model.target(x0, t, eps)[i]).square().mean().item()
        for i in range(6)
    ]
    assert loss.item() == pytest.approx(sum(each) / 6, rel=1e-12)
    assert name.startswith("‖" + {"eps": "ε", "x0": "x₀", "v": "v"}[predicts])


@outputs
def test_every_level_is_trained_and_no_other(family, knobs):
    model, seen = built(family, T=7, **knobs), []
    terms = model.terms
    model.terms = lambda x0, t, eps, y: (seen.append((t, eps)), terms(x0, t, eps, y))[1]
    for _turn in model.turns(batch(torch.randn(20_000, 2))):
        pass
    ((t, eps),) = seen
    share = t.bincount(minlength=8) / 20_000
    assert share[0] == 0
    torch.testing.assert_close(share[1:], torch.full((7,), 1 / 7), atol=0.015, rtol=0)
    assert eps.mean().abs() < 0.03
    assert (eps.std() - 1).abs() < 0.03


def batch(x, y=None) -> Batch:
    return Batch(0, x, y, lambda: batch(x, y))


def test_the_least_loss_is_at_the_mean_of_eps_given_x_t():
    """Descent finds E[eps | x_t]: of N(0, 1) data it is noise_t x_t, and the loss signal_t^2."""
    model, t = built(), 20
    x0, eps = torch.randn(2, 200_000, 2)
    x, level = model.q(x0, t, eps), torch.full((200_000,), t)
    losses = []
    for factor in (0.9, 1.0, 1.1):
        model.net = Says(factor * model.noise[t] * x)
        losses.append(sum(model.terms(x0, level, eps).values()).item())
    assert losses[1] == pytest.approx(model.signal[t].item() ** 2, abs=0.01)
    assert losses[1] == min(losses)


@pytest.mark.parametrize("ema", [0.0, 0.9, 0.9999])
def test_the_average_after_k_rounds_is_the_weighted_sum_of_all_weights(ema):
    """average_k = kept_k average_{k-1} + (1 - kept_k) weights_k, kept_k = min(ema, (1 + k) / (10 + k)),
    written out as a sum over the rounds."""
    model = built(ema=ema, lr=0.1)
    seen = [nn.utils.parameters_to_vector(model.average.parameters()).clone()]
    data = [batch(torch.randn(16, 2), torch.arange(16) % 3) for _ in range(12)]
    for _turn in fit(model, iter(data)):
        seen.append(nn.utils.parameters_to_vector(model.net.parameters()).detach().clone())
    kept = [min(ema, (1 + k) / (10 + k)) for k in range(1, 13)]
    share = [(1 if j == 0 else 1 - kept[j - 1]) * math.prod(kept[j:]) for j in range(13)]
    assert sum(share) == pytest.approx(1)
    expected = sum(a * w for a, w in zip(share, seen, strict=True))
    average = nn.utils.parameters_to_vector(model.average.parameters())
    torch.testing.assert_close(average, expected, atol=1e-12, rtol=0)
    assert not any(p.requires_grad for p in model.average.parameters())


# --- labels and guidance ----------------------------------------------------------------------------


@outputs
def test_guidance_runs_from_unconditional_to_conditional_and_on_in_a_line(family, knobs):
    model = built(family, conditional=True, **knobs)
    x, y = torch.randn(6, 2), torch.arange(6) % 3
    none = torch.full_like(y, 3)
    for t in (1, 20, T):
        at = torch.tensor([t / T])
        ends = [model.both(x, t, model.average(x, at, label)) for label in (none, y)]
        for s in (0.0, 1.0, 2.5, 10.0):
            values = model.predict(x, t, y, s)
            for got, without, told in zip(values, *ends, strict=True):
                expected = {0.0: without, 1.0: told}.get(s, without + s * (told - without))
                torch.testing.assert_close(got, expected, atol=1e-11, rtol=1e-11)
        unconditional = model.predict(x, t, None, 5.0)[0]
        torch.testing.assert_close(unconditional, ends[0][0], atol=1e-11, rtol=1e-11)
        assert torch.equal(unconditional, model.predict(x, t, y, 0.0)[0])
        assert not torch.allclose(ends[0][1], ends[1][1])


def test_the_models_own_guidance_counts_where_none_is_given():
    model = built(conditional=True, guidance=3.0)
    x, y = torch.randn(6, 2), torch.arange(6) % 3
    assert torch.equal(model.predict(x, 5, y)[0], model.predict(x, 5, y, 3.0)[0])
    walks = [[*model.walk_from(x, y, steps=4, sampler="DDIM", **k)][-1].x for k in ({}, {"guidance": 3.0})]
    assert torch.equal(*walks)
    unguided = [*model.walk_from(x, y, steps=4, sampler="DDIM", guidance=1.0)][-1].x
    assert not torch.allclose(walks[0], unguided)


def test_labels_are_hidden_as_often_as_said():
    y = torch.arange(30_000) % 3
    for drop in (0.0, 0.15, 1.0):
        hidden = built(conditional=True, drop=drop).hidden(y)
        assert ((hidden == y) | (hidden == 3)).all()
        assert (hidden == 3).double().mean().item() == pytest.approx(drop, abs=0.01)
    assert built(conditional=False).hidden(y) is None
    assert built(conditional=True).hidden(None) is None


def test_no_label_is_hidden_by_a_share_of_0_whatever_chance_says(monkeypatch):
    model, y = built(conditional=True, drop=0.0), torch.arange(6) % 3
    monkeypatch.setattr(torch, "rand", lambda n, **like: torch.zeros(n))
    assert torch.equal(model.hidden(y), y)


def test_what_is_kept_of_a_model_is_its_nets_alone():
    """And how many rounds it had; the schedule follows from the knobs."""
    assert {name.split(".")[0] for name in built().state_dict()} == {"net", "average", "rounds"}


def test_the_net_says_of_a_hidden_label_what_it_says_of_none():
    model, x, at = built(conditional=True), torch.randn(4, 2), torch.tensor([0.3])
    torch.testing.assert_close(model.net(x, at), model.net(x, at, torch.full((4,), 3)), atol=1e-12, rtol=0)
    assert built(conditional=True, space=Space.of((2,))).conditional is False
    assert built(conditional=True, space=Space.of((2,), 1)).conditional
    assert not [name for name in built().net.state_dict() if "label" in name]  # nothing to learn of labels
    assert [name for name in model.net.state_dict() if "label" in name]
