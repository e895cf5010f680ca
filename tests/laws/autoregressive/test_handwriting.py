"""Models of handwriting against autograd, loops written from the paper, and each knob's effect."""

import math
from functools import partial

import pytest
import torch
from scipy import stats
from torch.nn.functional import one_hot

from engine.autoregressive.handwriting import bits, dequantized
from engine.autoregressive.handwriting_synthesis import SLOWLY, STEP
from engine.autoregressive.pen_checks import ahead, measure, total, written_gap
from engine.autoregressive.writer import places
from engine.checks import slope_gap
from engine.config import Refused
from engine.data import load
from engine.family import Batch
from engine.space import Pen, Script, Text
from tests.laws.autoregressive.writing import model

pytestmark = pytest.mark.usefixtures("float64")

PEN = Pen((5, 2), 3, "pen")
SCRIPT = Script((9, 3), Text((5,), alphabet="abc"), "script", words=("ab", "c", "bca"))
DIGITS = [
    {"h": 6, "M": 3}, {"h": 6, "M": 1}, {"h": 5, "M": 2, "conditional": False},
    {"h": 6, "output": "squared error"},
]  # fmt: skip
WORDS = [{"h": 6, "M": 3, "K": 2}, {"h": 5, "M": 1, "K": 1}, {"h": 6, "output": "squared error"}]
ALL = [("handwriting", PEN, k) for k in DIGITS] + [("handwriting-synthesis", SCRIPT, k) for k in WORDS]
EACH = pytest.mark.parametrize(
    ("name", "space", "knobs"), ALL, ids=[f"{name} {' '.join(map(str, k.values()))}" for name, _, k in ALL]
)


def net(name, space, knobs, **how):
    return model(name, knobs, space, **how)


def digits(n=3, T=5, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(101, (n, T, 2), generator=g) / 50.0 - 1


def script(n=3, T=9, seed=0):
    """Steps of words that end after 9, 6, 4 ... steps."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, T, 3, generator=g)
    x[..., 2] = (torch.rand(n, T, generator=g) < 0.3).to(x)
    for i, end in zip(range(n), (9, 6, 4, 7, 3), strict=False):
        x[i, end - 1, 2] = 1
        x[i, end:] = 0
    return x


def data(name, n=3, seed=0):
    """Examples, and their labels or texts."""
    if name == "handwriting":
        return digits(n, seed=seed), torch.arange(n) % 3
    words = [("ab", "c", "bcab", "a", "cc")[i] for i in range(n)]
    return script(n, seed=seed), SCRIPT.coded(words).double()


def drawn(made, n, y=None, seed=0, **how):
    torch.manual_seed(seed)
    return list(made.written(n, y, **how))


# --- the density -----------------------------------------------------------------------------------------


@EACH
def test_no_step_is_told_itself_or_the_future(name, space, knobs):
    """The Jacobian of all that is said of a step, exactly 0 from its own step on."""
    made, (x, y) = net(name, space, knobs), data(name, 1)
    steps, told = made.steps(x).requires_grad_(), made.told(y)
    said = made.said(torch.cat([made.start(1), steps[:, :-1]], 1), told)
    parts = [part for part in (*said.p, said.lift, said.phi) if part is not None and part.requires_grad]
    before = 0.0
    for t in range(space.shape[0]):
        for part in parts:
            (slope,) = torch.autograd.grad(
                part[0, t].square().sum(), steps, retain_graph=True, allow_unused=True
            )
            if slope is not None:
                assert slope[0, t:].abs().max() == 0
                before = max(before, slope[0, :t].abs().max().item()) if t else before
    assert before > 1e-3
    assert ahead(made, steps.detach(), told) == 0


def test_a_leak_is_seen():
    made, (x, y) = net("handwriting", PEN, DIGITS[0]), data("handwriting", 1)
    said = made.said

    def leaky(before, y, state=None):
        return said(torch.cat([before[:, 1:], before[:, :1]], 1), y, state)

    made.said = leaky
    assert ahead(made, made.steps(x), y) > 1e-3


@EACH
@torch.no_grad()
def test_what_is_written_has_the_density_that_one_pass_gives_it(name, space, knobs):
    made, (_, y) = net(name, space, knobs, size=0.4), data(name)
    told = made.told(y)
    steps = drawn(made, 3, told)
    last = made.padded(steps[-1].steps)
    whole = made.said(torch.cat([made.start(3), last[:, :-1]], 1), told)
    for t, now in enumerate(steps):
        for part, wanted in zip(now.p, whole.p, strict=True):
            torch.testing.assert_close(part, wanted[:, t])
        if now.phi is not None:
            torch.testing.assert_close(now.phi, whole.phi[:, t])
            torch.testing.assert_close(now.e, whole.lift[:, t].sigmoid())
        assert torch.equal(now.steps, last[:, : t + 1])
    assert written_gap(made, told) < 1e-12


@EACH
@torch.no_grad()
def test_losses_sum_to_the_density_and_end_with_the_writing(name, space, knobs):
    made, (x, y) = net(name, space, knobs), data(name)
    losses = made.losses(x, y)
    assert losses.shape == x.shape[:2]
    torch.testing.assert_close(made.log_prob(x, y), -losses.sum(1))
    steps, told = made.steps(x), made.told(y)
    said = made.said(torch.cat([made.start(3), steps[:, :-1]], 1), told)
    for i in range(3):
        end = x.shape[1] if name == "handwriting" else int(steps[i, :, 2].nonzero().max()) + 1
        assert (losses[i, end:] == 0).all()
        for t in range(end):
            log_p = said.p.at(t).log_prob(steps[:, t, :2])[i].item()
            if name != "handwriting":
                e = said.lift[i, t].sigmoid().item()
                log_p += math.log(e if steps[i, t, 2] > 0.5 else 1 - e)
            assert losses[i, t].item() == pytest.approx(-log_p)


@EACH
def test_the_gradient_of_the_loss_agrees_with_central_differences(name, space, knobs):
    assert slope_gap(net(name, space, knobs), *data(name)) < 1e-5


@EACH
def test_the_laws_of_the_check_tab_hold_on_random_nets(name, space, knobs):
    from engine.data import Dataset

    x, y = data(name)
    held = Dataset(name="d", title="", x=x, y=y, test_x=x, test_y=y, space=space)
    assert [check.law for check in measure(net(name, space, knobs, size=0.3), held) if not check.holds] == []


def test_a_density_that_is_no_density_is_seen():
    made, (_, y) = net("handwriting", PEN, DIGITS[0]), data("handwriting")
    p = made.said(made.start(3), y).p.at(0)
    assert total(p, 1) == pytest.approx(1, abs=1e-6)
    assert total(p._replace(pi=0.9 * p.pi), 1) == pytest.approx(0.9, abs=1e-6)


# --- one step after another -----------------------------------------------------------------------------


@EACH
@torch.no_grad()
def test_a_walk_is_what_is_written_and_ends_in_a_sample(name, space, knobs):
    made, (_, y) = net(name, space, knobs, size=0.4), data(name)
    torch.manual_seed(4)
    *_, last = made.walk(3, made.told(y))
    torch.manual_seed(4)
    x = made.sample(3, made.told(y))
    assert torch.equal(last.x, x)
    assert last.t == 0
    assert x.shape == (3, *space.shape)
    *_, written = drawn(made, 3, made.told(y), 4)
    torch.testing.assert_close(x, made.shown(made.padded(written.steps)))


@EACH
@torch.no_grad()
def test_what_is_given_stands_and_changes_what_follows(name, space, knobs):
    made, (x, y) = net(name, space, knobs, size=0.4), data(name)
    told, given = made.told(y), made.steps(x)[:, :3]
    steps = drawn(made, 3, told, given=given)
    assert torch.equal(steps[-1].steps[:, :3], given)
    assert len(steps) > 3
    other = drawn(made, 3, told, given=-given)
    assert not torch.allclose(steps[3].p.mu, other[3].p.mu)
    assert torch.equal(steps[0].p.mu, other[0].p.mu)


@torch.no_grad()
def test_a_pen_that_is_lifted_in_what_is_given_does_not_end_the_writing():
    made = net("handwriting-synthesis", SCRIPT, WORDS[0])
    made.ended = lambda steps, phi, y: steps[:, -1, 2] > 0.5
    given = script()[:, :4]
    given[:, 1, 2] = 1
    given[:, 3, 2] = 0
    assert torch.equal(drawn(made, 3, given=given)[3].steps, given)


@EACH
@torch.no_grad()
def test_the_bias_makes_writing_neater(name, space, knobs):
    made, (_, y) = net(name, space, knobs), data(name, 1)
    told = made.told(y)
    many = None if told is None else told.expand(300, *told.shape[1:])
    first = [next(iter(drawn(made, 300, many, b=b))) for b in (0.0, 1.0, 4.0)]
    spread = [now.steps[:, 0, :2].std(0).sum().item() for now in first]
    if knobs.get("output") == "squared error":
        assert spread == [0.0, 0.0, 0.0], "the mean is written"
        return
    assert spread[0] > 1.2 * spread[2]
    torch.testing.assert_close(first[1].p.sigma, first[0].p.sigma * math.exp(-1))
    torch.testing.assert_close(first[0].p.biased(1.0).pi, first[1].p.pi)


@torch.no_grad()
def test_a_net_of_squared_error_writes_its_mean_and_nothing_is_drawn():
    for name, space, knobs in (ALL[3], ALL[-1]):
        made, (_, y) = net(name, space, knobs), data(name)
        one, other = (drawn(made, 3, made.told(y), seed) for seed in (0, 1))
        assert torch.equal(one[-1].steps, other[-1].steps)
        for t, now in enumerate(one):
            going = (now.steps[:, t] != 0).any(1)
            torch.testing.assert_close(now.steps[going, t, :2], now.p.mean()[going])
            assert torch.equal(now.steps[going, t, 2], (now.e[going] > 0.5).to(now.e))


@torch.no_grad()
def test_samples_follow_the_density_of_one_pass():
    """The probability integral of the first coordinate of the second place, given the first, is uniform."""
    made = net("handwriting", PEN, {"h": 6, "M": 2}, size=0.5)
    y = torch.full((3000,), 1)
    for now in drawn(made, 3000, y):
        if now.steps.shape[1] == 2:
            break
    x = now.steps[:, 1, 0]
    below = torch.distributions.Normal(now.p.mu[..., 0], now.p.sigma[..., 0]).cdf(x[:, None])
    assert stats.kstest((now.p.pi * below).sum(1).numpy(), "uniform").pvalue > 1e-3


@torch.no_grad()
def test_the_pen_is_lifted_as_often_as_e_says():
    made = net("handwriting-synthesis", SCRIPT, WORDS[0])
    y = SCRIPT.coded(["ab"]).expand(4000, -1)
    now = next(iter(drawn(made, 4000, y)))
    lifted, e = now.steps[:, 0, 2], now.e[0].item()
    assert set(lifted.tolist()) <= {0.0, 1.0}
    assert 0.02 < e < 0.98
    assert stats.binomtest(int(lifted.sum()), 4000, e).pvalue > 1e-3


# --- digits ---------------------------------------------------------------------------------------------


def test_steps_lead_from_0_to_the_places_and_back():
    made, x = net("handwriting", PEN, DIGITS[0]), digits()
    steps = made.steps(x)
    assert torch.equal(steps[:, 0, :2], x[:, 0])
    torch.testing.assert_close(steps[:, 1:, :2], x[:, 1:] - x[:, :-1])
    assert (steps[..., 2] == 0).all()
    torch.testing.assert_close(places(steps)[..., :2], x)
    torch.testing.assert_close(made.shown(steps), x, atol=1e-7, rtol=0)
    moved = steps.clone()
    moved[:, 0, :2] += 0.004
    torch.testing.assert_close(made.shown(moved).clamp(-0.99, 0.99), x.clamp(-0.99, 0.99), atol=1e-7, rtol=0)


@torch.no_grad()
def test_samples_of_digits_lie_on_the_levels():
    made = net("handwriting", PEN, DIGITS[0], size=2.0)
    x = made.sample(50)
    torch.testing.assert_close(50 * x, (50 * x).round(), atol=1e-9, rtol=0)
    assert x.abs().max() == 1


def test_the_noise_is_uniform_as_wide_as_a_level_and_anew_each_time():
    x = digits(200)
    torch.manual_seed(0)
    one, other = (dequantized(x, PEN) for _ in range(2))
    u = (one - x) * 50
    assert u.min() > -0.5
    assert u.max() < 0.5
    assert stats.kstest(u.flatten().numpy() + 0.5, "uniform").pvalue > 1e-3
    assert abs(torch.corrcoef(torch.stack([(one - x).flatten(), (other - x).flatten()]))[0, 1]) < 0.1


@pytest.mark.parametrize("dequantize", [True, False])
@torch.no_grad()
def test_noise_is_added_in_training_alone_and_only_if_asked_for(dequantize):
    made, (x, y) = net("handwriting", PEN, DIGITS[0] | {"dequantize": dequantize}), data("handwriting")
    batch = Batch(0, x, y, lambda: batch)
    torch.manual_seed(0)
    first, second = (sum(next(iter(made.turns(batch)))[1].values()).item() for _ in range(2))
    assert (first == second) != dequantize
    torch.manual_seed(0)
    noisy = dequantized(x, PEN) if dequantize else x
    assert first == pytest.approx(bits(made.losses(noisy, y), PEN).item())
    assert torch.equal(made.losses(x, y), made.losses(x, y))


def test_bits_are_those_of_a_density_in_units_of_a_level():
    """A uniform density over all levels, each with its noise, has log2 101 bits."""
    log_p = -2 * math.log(2 * 101 / 100)  # of a place, over [-1.01, 1.01]
    assert bits(torch.full((4, 5), -log_p), PEN).item() == pytest.approx(math.log2(101))


@torch.no_grad()
def test_the_label_says_what_is_written():
    made, x = net("handwriting", PEN, DIGITS[0]), digits(1)
    each = [made.losses(x, torch.tensor([k])) for k in range(3)]
    assert (each[0] - each[1]).abs().min() > 1e-6
    assert (each[1] - each[2]).abs().min() > 1e-6
    plain = net("handwriting", PEN, DIGITS[2])
    assert torch.equal(plain.losses(x), plain.losses(x, torch.tensor([2])))
    assert plain.asked(4, torch.tensor([1])) is None
    assert made.asked(4, None).tolist() == [0, 1, 2, 0]
    assert made.asked(1, torch.tensor([2])).tolist() == [2]
    assert not net("handwriting", Pen((5, 2)), {"h": 4}).conditional
    with pytest.raises(Refused, match="labels"):
        made.losses(x)


@torch.no_grad()
def test_the_net_is_told_the_step_the_place_and_the_label():
    """By a loop with the equations of an LSTM."""
    made, (x, y) = net("handwriting", PEN, DIGITS[0]), data("handwriting")
    steps, h, c = made.steps(x), torch.zeros(3, 6), torch.zeros(3, 6)
    w = dict(made.lstm.named_parameters())
    for t in range(5):
        before = steps[:, t - 1] if t else torch.tensor([[0.0, 0, 1]]).expand(3, 3)
        place = x[:, t - 1] if t else torch.zeros(3, 2)
        seen = torch.cat([before, place, one_hot(y, 3)], 1)
        gates = seen @ w["weight_ih_l0"].T + w["bias_ih_l0"] + h @ w["weight_hh_l0"].T + w["bias_hh_l0"]
        i, f, g, o = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        p = made.density(made.out(h))  # of the place that follows
        p = p._replace(mu=p.mu.tanh())
        torch.testing.assert_close(-p.log_prob(x[:, t]), made.losses(x, y)[:, t])


# --- words ------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_the_window_is_that_of_the_equations():
    """All of it, by loops over steps, examples, bells and letters."""
    made, (x, y) = net("handwriting-synthesis", SCRIPT, WORDS[0], size=0.5), data("handwriting-synthesis")
    said = made.said(torch.cat([made.start(3), x[:, :-1]], 1), y)
    w = {k: v for k, v in made.cell.named_parameters()}
    for i in range(3):
        letters = [[float(k == int(code)) for k in range(4)] for code in y[i]]
        h, c, kappa, shown = torch.zeros(6), torch.zeros(6), [0.0, 0.0], torch.tensor(letters[0])
        for t in range(9):
            before = x[i, t - 1] if t else torch.tensor([0.0, 0, 1])
            gates = (
                w["weight_ih"] @ torch.cat([before, shown]) + w["bias_ih"] + w["weight_hh"] @ h + w["bias_hh"]
            )
            a, f, g, o = gates.chunk(4)
            c = f.sigmoid() * c + a.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            hat = made.window(h).tolist()
            alpha, beta, further = ([math.exp(v) for v in hat[2 * j : 2 * j + 2]] for j in range(3))
            kappa = [k + more for k, more in zip(kappa, further, strict=True)]
            phi = [
                sum(alpha[k] * math.exp(-beta[k] * (kappa[k] - u) ** 2) for k in range(2))
                for u in range(1, 6)
            ]
            assert said.phi[i, t].tolist() == pytest.approx(phi)
            shown = sum(p * torch.tensor(letter) for p, letter in zip(phi, letters, strict=True))
            out = made.out(torch.cat([h, shown]))
            assert said.lift[i, t].item() == pytest.approx(out[0].item())
            torch.testing.assert_close(said.p.at(t).mu[i], out[4:10].view(3, 2))


@torch.no_grad()
def test_the_window_only_moves_on_and_begins_slowly():
    made = net("handwriting-synthesis", SCRIPT, WORDS[0])
    _, y = data("handwriting-synthesis")
    before, state, last = made.start(3), None, torch.zeros(3, 2)
    for _ in range(9):
        state = made.said(before, y, state).state
        assert (state[1] > last).all()
        last = state[1]
    torch.manual_seed(0)
    new = type(made)(made.config, SCRIPT)
    assert (new.window.bias[4:] == SLOWLY).all()
    moved = new.said(before, y).state[1]
    assert (moved < 0.2).all()


@torch.no_grad()
def test_each_letter_of_the_text_says_what_is_written():
    made, x = net("handwriting-synthesis", SCRIPT, WORDS[0], size=0.4), script(1)
    made.window.bias.data[2:4] -= 2  # wide bells
    losses = partial(made.losses, x)
    one = losses(SCRIPT.coded(["abca"]))
    for other in ("bbca", "aaca", "abba", "abcb", "abc"):
        assert (losses(SCRIPT.coded([other])) - one).abs().max() > 1e-6
    with pytest.raises(Refused, match="labels"):
        made.losses(x)


def test_writing_ends_when_the_pen_is_lifted_past_the_last_letter():
    made = net("handwriting-synthesis", SCRIPT, WORDS[0])
    y = SCRIPT.coded(["ab", "ab", "ab", "abca", "a", "a"])
    phi = torch.tensor([
        [0.1, 0.2, 0.3, 0.0, 0.0], [0.1, 0.4, 0.3, 0.0, 0.0], [0.1, 0.2, 0.3, 0.0, 0.0],
        [0.0, 0.0, 0.3, 0.4, 0.5], [0.1, 0.0, 0.0, 0.0, 0.2], [0.2, 0.0, 0.1, 0.15, 0.1],
    ])  # fmt: skip
    steps = torch.zeros(6, 4, 3)
    steps[:, -1, 2] = torch.tensor([1.0, 1, 0, 1, 1, 1])
    steps[:, 0, 2] = 1
    assert made.ended(steps, phi, y).tolist() == [True, False, False, True, True, False]


@torch.no_grad()
def test_who_has_ended_waits_for_the_others():
    made = net("handwriting-synthesis", SCRIPT, WORDS[0])
    ends = torch.tensor([2, 5, 3])
    made.ended = lambda steps, phi, y: steps.shape[1] >= ends
    steps = drawn(made, 3)
    assert [now.left for now in steps] == [8, 7, 6, 5, 0]
    last = steps[-1].steps
    for i, end in enumerate(ends.tolist()):
        assert (last[i, :end, :2] != 0).all()
        assert (last[i, end:] == 0).all()
    assert made.sample(3).shape == (3, 9, 3)


@torch.no_grad()
def test_the_words_of_the_space_are_written_where_none_is_asked_for():
    made = net("handwriting-synthesis", SCRIPT, WORDS[0])
    assert SCRIPT.texts.words(made.labels(4)) == ["ab", "c", "bca", "ab"]
    bare = Script((9, 3), Text((5,), alphabet="abc"))
    assert SCRIPT.texts.words(net("handwriting-synthesis", bare, WORDS[0]).labels(4)) == ["a", "b", "c", "a"]
    assert made.asked(2, None).tolist() == made.labels(2).tolist()


@torch.no_grad()
def test_the_loss_of_words_is_the_mean_over_their_steps():
    made, (x, y) = net("handwriting-synthesis", SCRIPT, WORDS[0]), data("handwriting-synthesis")
    losses = made.losses(x, y)
    mean = sum(losses[i, :end].sum().item() for i, end in enumerate((9, 6, 4))) / 19
    assert made.loss(losses, x)[STEP].item() == pytest.approx(mean)
    batch = Batch(0, x, y, lambda: batch)
    ((player, terms),) = made.turns(batch)
    assert player is made
    assert terms[STEP].item() == pytest.approx(mean)


@pytest.mark.parametrize("name", ["words", "words-ukrainian"])
def test_a_new_net_writes_the_data_of_the_lab(name):
    made = net("handwriting-synthesis", load(name).space, {"h": 8})
    assert made.sample(2).shape == (2, *load(name).space.shape)
