"""Laws of the metrics: against oracles, and real points score the floor."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.special import gammainc
from scipy.stats import wasserstein_distance

from engine.data import keep_points, load
from engine.gan.gan import GAN
from engine.metrics import distance
from engine.metrics.coverage import coverage
from engine.metrics.observe import observe
from engine.metrics.ruler import SAMPLES, Ruler, about, floors, quality, ruler

SETS = ["ring", "grid", "two-gaussians", "moons", "two-bumps"]
SEEDS = 40


class Copies:
    """A stand-in for a model: it samples from a cloud of points."""

    def __init__(self, draw):
        self.sample = draw


def generator(data, seed: int) -> Copies:
    rng = np.random.default_rng(seed)
    return Copies(lambda n: data.target.sample(n, rng).float())


def collapsed(data, width: float) -> Copies:
    """On one mode, or one piece of a curve, as wide as it is; or, with width 0, on one point."""
    centre = data.x[:1] if data.target.modes is None else data.target.modes[:1].float()
    return Copies(lambda n: centre + width * data.target.sigma * torch.randn(n, data.space.size))


# --- coverage ------------------------------------------------------------------------------------


def test_a_collapsed_generator_covers_one_mode():
    target = load("ring").target
    at_one = target.modes[:1].float() + 0.01 * torch.randn(1000, 2)
    reached = coverage(at_one, target.modes, target.sigma)
    assert reached[:2] == (1, 1.0)
    assert reached.shares.tolist() == [1, 0, 0, 0, 0, 0, 0, 0]


def test_a_stray_point_does_not_cover_a_mode():
    target = load("ring").target
    samples = target.modes[0].float().repeat(1000, 1)
    samples[0] = target.modes[1]
    assert coverage(samples, target.modes, target.sigma).modes == 1


def test_points_between_the_modes_are_of_no_quality():
    target = load("ring").target
    assert coverage(torch.zeros(100, 2), target.modes, target.sigma)[:2] == (0, 0.0)


def test_the_floors_of_coverage_are_those_of_the_closed_form():
    floor = floors(load("ring"))
    assert floor["modes"][:2] == (8, 0)
    share = gammainc(1, 4.5)  # P(|e| <= 3) in the plane: the ring's modes lie far apart
    error = math.sqrt(share * (1 - share) / SAMPLES)
    assert abs(floor["high-quality"].value - share) < 4 * error / math.sqrt(256)
    assert error < floor["high-quality"].error < 1.2 * error


# --- sliced Wasserstein --------------------------------------------------------------------------


def sw2(x: torch.Tensor, y: torch.Tensor) -> float:
    along = distance.directions(x.shape[1])
    return distance.sliced_wasserstein(x, distance.quantiles(distance.shadows(y, along), len(x)), along)


@pytest.mark.parametrize("m", [40, 80, 32, 640])  # as many, more, fewer
def test_on_a_line_it_is_the_integral_over_quantiles(m):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=40), rng.gamma(2.0, size=m)
    at = (np.arange(64_000) + 0.5) / 64_000  # 64,000 is a multiple of 40 and of m: exact
    inverse = [np.sort(v)[(at * len(v)).astype(int)] for v in (x, y)]
    oracle = math.sqrt(np.mean((inverse[0] - inverse[1]) ** 2))
    ours = sw2(torch.from_numpy(x)[:, None], torch.from_numpy(y)[:, None])
    assert ours == pytest.approx(oracle, abs=1e-12)


def test_on_a_line_it_is_scipys_distance_where_all_points_move_alike():
    x = np.random.default_rng(1).normal(size=400)
    y = x + 0.7
    ours = sw2(torch.from_numpy(x)[:, None], torch.from_numpy(y)[:, None])
    assert ours == pytest.approx(wasserstein_distance(x, y), abs=1e-12)


def test_a_shift_by_v_is_v_over_the_root_of_the_dimension():
    x, v = torch.randn(500, 2, dtype=torch.float64), torch.tensor([0.3, -1.1], dtype=torch.float64)
    assert sw2(x + v, x) == pytest.approx(v.norm().item() / math.sqrt(2), abs=1e-12)


def test_two_gaussians_of_one_centre_are_as_far_as_their_deviations():
    x = 2 * torch.randn(2000, 2, dtype=torch.float64)
    assert sw2(x / 2, x) == pytest.approx(1.0, rel=0.05)  # |2 - 1| in every direction


# --- JS ------------------------------------------------------------------------------------------


def test_js_is_scipys_in_bits_and_symmetric():
    p, q = torch.rand(2, 50, dtype=torch.float64).softmax(1)
    p[:5], q[3:9] = 0, 0
    p, q = p / p.sum(), q / q.sum()
    js = distance.jensen_shannon(p, q)
    assert js == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-12)
    assert js == pytest.approx(distance.jensen_shannon(q, p), abs=1e-15)


def test_js_is_0_for_equals_and_1_bit_for_what_has_nothing_in_common():
    p = torch.tensor([0.5, 0.5, 0, 0], dtype=torch.float64)
    assert distance.jensen_shannon(p, p) == 0
    assert distance.jensen_shannon(p, p.flip(0)) == pytest.approx(1, abs=1e-12)


def test_the_histogram_is_numpys_and_counts_what_is_outside():
    x = 2 * torch.randn(1000, 2, dtype=torch.float64)
    shares = distance.histogram(x, (-3, 2, -1, 4), 8)
    oracle, _, _ = np.histogram2d(x[:, 1], x[:, 0], bins=8, range=[(-1, 4), (-3, 2)])
    assert torch.equal(shares[:-1].reshape(8, 8), torch.from_numpy(oracle) / 1000)
    assert shares.sum().item() == pytest.approx(1, abs=1e-12)


# --- floors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS)
def test_a_perfect_generator_is_on_the_floor_and_a_collapsed_one_far_from_it(name):
    data = load(name)
    floor = floors(data)
    perfect = [quality(generator(data, seed), data) for seed in range(SEEDS)]
    on_mode, on_point = (quality(collapsed(data, width), data) for width in (1.0, 0.0))
    for metric, (value, error, _says) in floor.items():
        held = sum(abs(score[metric] - value) <= 2 * error for score in perfect)
        assert held >= 0.9 * SEEDS, (metric, held)
        if metric != "high-quality":  # which says how good samples are, not how many kinds there are
            assert abs(on_mode[metric] - value) >= 10 * error, metric
            assert abs(on_point[metric] - value) >= 10 * error, metric


def test_fresh_rows_of_a_table_are_on_its_floor(tmp_path):
    """Also where the table is so small that its own luck is half of the error."""
    target, held = load("ring").target, {"sliced Wasserstein": 0, "JS": 0}
    for seed in range(3):
        rng = np.random.default_rng(seed)
        data = load(keep_points(target.sample(1000, rng).numpy(), "csv", tmp_path), tmp_path)
        shift, unit = data.center, data.unit
        fresh = Copies(lambda n, rng=rng, a=shift, b=unit: (target.sample(n, rng).float() - a) / b)
        far = quality(Copies(lambda n, x=data.x: x[:1].repeat(n, 1)), data)
        scores = [quality(fresh, data) for _ in range(SEEDS)]
        for metric, (value, error, _says) in floors(data).items():
            held[metric] += sum(abs(score[metric] - value) <= 2 * error for score in scores)
            assert abs(far[metric] - value) >= 10 * error
    assert all(count >= 0.9 * 3 * SEEDS for count in held.values()), held


def test_the_smallest_table_has_a_floor(tmp_path):
    points = np.random.default_rng(0).normal(size=(10, 2))
    data = load(keep_points(points, "csv", tmp_path), tmp_path)
    assert all(math.isfinite(v) and error >= 0 for v, error, _says in floors(data).values())


def test_a_ruler_made_in_float64_changes_no_score_in_float32():
    data, x = load("ring"), torch.randn(500, 2)
    scores = Ruler(data, len(x)).measure(x)  # which no cache keeps
    torch.set_default_dtype(torch.float64)
    try:
        ruler(data, len(x))
    finally:
        torch.set_default_dtype(torch.float32)
    assert ruler(data, len(x)).measure(x) == scores


def test_images_have_no_floor_yet():
    assert floors(load("digits")) == {}
    assert about(load("digits")).groups == "images"


def test_a_diverged_model_still_has_a_finite_score():
    data = load("ring")
    scores = quality(Copies(lambda n: torch.tensor([[math.nan, math.inf]]).repeat(n, 1)), data)
    assert scores["JS"] == 1
    assert scores["high-quality"] == scores["modes"] == 0
    assert math.isfinite(scores["sliced Wasserstein"])


# --- what a row tells ----------------------------------------------------------------------------


def test_a_row_tells_quality_signs_and_shares():
    data = load("ring")
    model = GAN(GAN.configure(data.space), data.space)
    torch.manual_seed(0)
    row = observe(model, data)
    assert set(row) == {*floors(data), "D(x)", "D(G(z))", "gradient", "shares"}
    assert len(row["shares"]) == 8
    assert sum(row["shares"]) == pytest.approx(1, abs=1e-3)
    assert not any(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("loss", ["non-saturating", "minimax"])
def test_the_gradient_at_a_fake_is_that_of_its_own_loss(loss):
    data = load("ring")
    model = GAN(GAN.configure(data.space, {"loss": loss}), data.space).double()
    torch.manual_seed(1)
    told = model.signs(data.x[:64].double())
    torch.manual_seed(1)
    fake = model.sample(64).requires_grad_()
    belief = model.D(fake).sigmoid()
    one = (1 - belief).log() if loss == "minimax" else -belief.log()
    (gradient,) = torch.autograd.grad(one.sum(), fake)
    assert told["gradient"] == pytest.approx(gradient.norm(dim=1).mean().item(), rel=1e-9)
    assert told["D(G(z))"] == pytest.approx(belief.mean().item(), rel=1e-9)
