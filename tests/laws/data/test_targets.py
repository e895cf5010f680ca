"""Each target's density is normalized, is what its samples follow, and agrees with an oracle."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from engine.data import load
from engine.data.builtin import TARGETS
from engine.data.curves import Circles, Line
from engine.data.points import keep_points
from engine.data.targets import Mixture

torch.set_num_threads(1)
NAMES = [*TARGETS]
BINS, WITHIN = 12, 40  # bins along an axis, and cells of quadrature along a bin


def target(name):
    return load(name).target


@cache
def masses(name):
    """The probability of each bin of the box, by quadrature of exp(log_prob)."""
    t = target(name)
    x, cell = t.grid(BINS * WITHIN)
    p = t.log_prob(x).exp().reshape((BINS, WITHIN) * t.d) * cell
    return p.sum(tuple(range(1, 2 * t.d, 2))).flatten().numpy()


def points_of(name, n=400):
    """Places near the samples, and places anywhere in the box, float64."""
    t, rng = target(name), np.random.default_rng(1)
    x0, x1, y0, y1 = t.box
    low, high = ([x0], [x1]) if t.d == 1 else ([x0, y0], [x1, y1])
    return torch.cat([t.sample(n, rng), torch.as_tensor(rng.uniform(low, high, (n, t.d)))])


@pytest.mark.parametrize("name", ["two-bumps", "aside"])
def test_a_grid_has_the_middles_of_equal_cells_x_fastest(name):
    t, n = target(name), 4
    x0, x1, y0, y1 = t.box
    across, up = (
        (np.linspace(a, b, n + 1)[1:] + np.linspace(a, b, n + 1)[:-1]) / 2 for a, b in ((x0, x1), (y0, y1))
    )
    wanted = [[x] for x in across] if t.d == 1 else [[x, y] for y in up for x in across]
    middles, cell = t.grid(n)
    assert np.allclose(middles, wanted, atol=1e-12)
    assert cell == pytest.approx((x1 - x0) / n * (1 if t.d == 1 else (y1 - y0) / n))


@pytest.mark.parametrize("name", NAMES)
def test_the_density_integrates_to_one(name):
    assert masses(name).sum() == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_samples_follow_the_density(name):
    t, n = target(name), 50_000
    x = t.sample(n, np.random.default_rng(7)).numpy()
    x0, x1, y0, y1 = t.box
    edges = [np.linspace(x0, x1, BINS + 1), np.linspace(y0, y1, BINS + 1)][: t.d]
    seen = np.histogramdd(x, edges)[0].T.flatten()  # T: x is the faster coordinate of the grid
    expected = n * masses(name)
    often = expected >= 5
    seen = np.append(seen[often], n - seen[often].sum())  # the last bin is everywhere else
    expected = np.append(expected[often], n - expected[often].sum())
    chi2 = ((seen - expected) ** 2 / np.maximum(expected, 1)).sum()
    assert stats.chi2.sf(chi2, df=len(seen) - 1) > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_a_draw_is_of_n_points_and_the_piece_of_each(name):
    t, draws = target(name), [target(name).draw(7, np.random.default_rng(seed)) for seed in (2, 2, 3)]
    for x, k in draws:
        assert (x.shape, x.dtype) == ((7, t.d), torch.float64)
        assert (k.shape, k.dtype) == ((7,), torch.int64)
        assert 0 <= k.min() <= k.max() < t.pieces
    (x, k), (again, same), (other, _) = draws
    assert torch.equal(x, again)
    assert torch.equal(k, same)
    assert not (x == other).any()
    assert torch.equal(t.sample(7, np.random.default_rng(2)), x)


@pytest.mark.parametrize("name", NAMES)
def test_the_entropy_is_the_mean_surprise_of_samples(name):
    t = target(name)
    surprise = -t.log_prob(t.sample(50_000, np.random.default_rng(3)))
    assert abs(t.entropy() - surprise.mean()) < 4 * surprise.std() / math.sqrt(50_000) + 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_float32_agrees_with_float64(name):
    x = points_of(name).float()
    exact = target(name).log_prob(x.double())
    assert torch.allclose(target(name).log_prob(x).double(), exact, rtol=1e-4, atol=2e-3)
    assert target(name).log_prob(x).dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_points_may_come_in_any_shape(name):
    t, x = target(name), points_of(name, 6)
    flat = t.log_prob(x)
    torch.testing.assert_close(t.log_prob(x.reshape(3, 4, t.d)), flat.reshape(3, 4))
    torch.testing.assert_close(t.log_prob(x[0]), flat[0])


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"checkerboard"}))
def test_autograd_gives_the_score(name):
    x = points_of(name, 20).requires_grad_()
    assert torch.autograd.gradcheck(target(name).log_prob, x, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "weights", "sigma"),
    [
        ("two-bumps", [2, 1], 0.4),
        ("three-bumps", [5, 3, 2], 0.3),
        ("ring", [1] * 8, 0.1),
        ("grid", [1] * 25, 0.05),
        ("two-gaussians", [1, 1], 0.5),
        ("aside", [1, 1], 0.5),
    ],
)
def test_mixtures_agree_with_torch_distributions(name, weights, sigma):
    t = target(name)
    normal = MultivariateNormal(t.modes, sigma**2 * torch.eye(t.d, dtype=torch.float64))
    oracle = MixtureSameFamily(Categorical(torch.tensor(weights, dtype=torch.float64)), normal)
    x = points_of(name)
    assert torch.allclose(t.log_prob(x), oracle.log_prob(x), rtol=1e-12, atol=1e-10)
    assert t.sigma == sigma
    assert torch.allclose(t.weights, oracle.mixture_distribution.probs)


def test_modes_lie_where_their_descriptions_say():
    for name in ("two-bumps", "three-bumps"):
        t = target(name)
        assert torch.equal(t.modes, -t.modes.flip(0))  # about 0
        assert len(t.modes.diff(dim=0).unique()) == 1
        assert t.modes.diff(dim=0).min() > 4 * t.sigma  # so that each is a bump of its own
        x0, x1, y0, y1 = t.box
        assert (x0, y0) == (-x1, 0)
        assert y1 / 2 < t.log_prob(t.modes).exp().max() < y1
    ring = torch.view_as_complex(target("ring").modes)
    assert torch.allclose(ring, 2 * torch.exp(2j * math.pi * torch.arange(8, dtype=torch.float64) / 8))
    lattice = {(float(i), float(j)) for i in range(-2, 3) for j in range(-2, 3)}
    assert set(map(tuple, target("grid").modes.tolist())) == lattice
    two, aside = target("two-gaussians"), target("aside")
    assert two.modes.mean(0).tolist() == [0, 0]
    away = aside.modes.mean(0)
    assert away[0] > 4 * aside.sigma  # from noise around 0
    assert away[1] == 0
    # the same, turned by a quarter and moved
    assert torch.equal(aside.modes - away, two.modes @ torch.tensor([[0.0, 1.0], [1.0, 0.0]]).double())


def moon(k, t):
    x, y = math.cos(math.pi * t), math.sin(math.pi * t)
    return (x, y) if k == 0 else (1 - x, 0.5 - y)


def arm(k, t):
    r = math.sqrt(0.3**2 + t * (2.4**2 - 0.3**2))
    angle = 4.5 * math.pi * (r - 0.3) / 2.1
    return r * math.cos(angle), r * math.sin(angle)


def circle(k, t):
    return (k + 1) * math.cos(2 * math.pi * t), (k + 1) * math.sin(2 * math.pi * t)


def segment(k, t):
    return (4 * t - 2) * math.cos(math.pi / 6), (4 * t - 2) * math.sin(math.pi / 6)


@pytest.mark.parametrize(
    ("name", "curve", "pieces"),
    [("moons", moon, 2), ("spiral", arm, 1), ("circles", circle, 2), ("line", segment, 1)],
)
def test_thickened_curves_agree_with_adaptive_quadrature(name, curve, pieces):
    t = target(name)
    for place in points_of(name, 8):
        log_p = t.log_prob(place).item()

        def density(s, place=place, log_p=log_p):
            squares = [math.dist(curve(k, s), place) ** 2 for k in range(pieces)]
            return sum(math.exp(-d / 0.02 - log_p) for d in squares) / (2 * math.pi * 0.01 * pieces)

        knots = np.linspace(0, 1, 40)[1:-1]
        assert integrate.quad(density, 0, 1, points=knots, limit=500, epsabs=1e-11)[0] == pytest.approx(
            1, abs=1e-9
        )


HALF, ANGLE, RADII = 0.15, 2.2, [0.05, 0.3, 0.9]


def short(kind, sigma, box=(-3.0, 3.0, -3.0, 3.0)):
    """A segment or circles as wide as their noise, so that no part of a formula vanishes."""
    return Line(HALF, ANGLE, sigma, box) if kind == "segment" else Circles(RADII, sigma, box)


@pytest.mark.parametrize("sigma", [0.1, 0.4])
@pytest.mark.parametrize("kind", ["segment", "circles"])
def test_samples_have_the_moments_of_the_density_however_wide_the_noise_is(kind, sigma):
    t = short(kind, sigma)
    at, cell = t.grid(200)
    p = t.log_prob(at).exp() * cell
    x = t.sample(200_000, np.random.default_rng(5))
    assert p.sum().item() == pytest.approx(1, abs=1e-6)
    assert (x.mean(0) - p @ at).abs().max() < 0.01
    torch.testing.assert_close(x.T.cov(), at.T @ (p[:, None] * at), rtol=0.02, atol=0.002)
    surprise = -t.log_prob(x)
    assert surprise.mean().item() == pytest.approx(t.entropy(), abs=5 * surprise.std().item() / 200_000**0.5)


@pytest.mark.parametrize("sigma", [0.1, 0.4])
@pytest.mark.parametrize("kind", ["segment", "circles"])
def test_closed_forms_hold_for_short_lines_and_small_circles(kind, sigma):
    t = short(kind, sigma)
    places = torch.as_tensor(np.random.default_rng(0).normal(0, 0.6, (12, 2)))

    def curve(s):
        if kind == "segment":
            return [HALF * (2 * s - 1) * np.exp(1j * ANGLE)]
        return [radius * np.exp(2j * np.pi * s) for radius in RADII]

    for (x, y), log_p in zip(places.tolist(), t.log_prob(places).tolist(), strict=True):

        def density(s, z=x + 1j * y, log_p=log_p):
            return np.mean([np.exp(-(abs(z - c) ** 2) / 2 / sigma**2 - log_p) for c in curve(s)])

        p = integrate.quad(density, 0, 1, points=[0.25, 0.5, 0.75], limit=200)[0]
        assert p / (2 * math.pi * sigma**2) == pytest.approx(1, abs=1e-8)


def test_every_place_that_a_checkerboard_can_draw_is_on_it():
    """The lower and left edge of a square belong to it: a uniform number can be 0 and is less than 1."""
    t = target("checkerboard")
    for share in (0.0, 0.5):

        class Stream:
            def integers(self, most, size):
                return np.arange(size) % most

            def random(self, shape, share=share):
                return np.full(shape, share)

        x, k = t.draw(8, Stream())
        assert (t.log_prob(x) == -math.log(32)).all()
        assert ((x + 4) // 2).unique(dim=0).shape == (8, 2)
        assert k.tolist() == list(range(8))
    for place in ((4.0, 3.0), (3.0, 4.0), (-4.1, -3.0), (-3.0, -4.1), (-1.0, -3.0)):
        assert t.log_prob(torch.tensor(place)) == -math.inf


def test_the_pinwheel_is_a_mixture_seen_through_a_map_that_preserves_area():
    x = points_of("pinwheel")

    def untwist(x):
        z = torch.view_as_complex(x.contiguous())
        return torch.view_as_real(z * torch.exp(-0.35j * z.abs() ** 2))

    volume = torch.linalg.det(torch.func.vmap(torch.func.jacrev(untwist))(x))
    assert torch.allclose(volume, torch.ones_like(volume), atol=1e-10)
    angle = 2 * math.pi * torch.arange(5, dtype=torch.float64) / 5
    R = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).reshape(5, 2, 2)
    shape = torch.diag(torch.tensor([0.3**2, 0.12**2], dtype=torch.float64))
    normal = MultivariateNormal(1.6 * R[:, :, 0], R @ shape @ R.mT)
    oracle = MixtureSameFamily(Categorical(torch.ones(5, dtype=torch.float64)), normal)
    assert torch.allclose(target("pinwheel").log_prob(x), oracle.log_prob(untwist(x)), atol=1e-10)


def test_entropies_agree_with_closed_forms():
    gaussian = math.log(2 * math.pi * math.e)  # of a plane Gaussian with sigma = 1
    assert target("checkerboard").entropy() == pytest.approx(math.log(32), abs=1e-12)
    # The components are 15 and 20 sigma apart, so the entropy is the label's plus the Gaussian's.
    assert target("ring").entropy() == pytest.approx(math.log(8) + gaussian + 2 * math.log(0.1), abs=1e-9)
    assert target("grid").entropy() == pytest.approx(math.log(25) + gaussian + 2 * math.log(0.05), abs=1e-9)


def test_the_entropy_of_two_moons_agrees_with_a_sum_over_a_fine_mixture():
    t = (np.arange(4000) + 0.5) / 4000
    c = np.concatenate([np.stack(np.vectorize(moon)(k, t), -1) for k in (0, 1)])
    x, y = np.linspace(-2, 3, 500), np.linspace(-1.5, 2, 500)
    gx, gy = (np.exp(-50 * (a[:, None] - b) ** 2) for a, b in ((x, c[:, 0]), (y, c[:, 1])))
    p = np.maximum(gx @ gy.T / len(c) / (2 * math.pi * 0.01), 1e-300)
    entropy = -(p * np.log(p)).sum() * (x[1] - x[0]) * (y[1] - y[0])
    assert target("moons").entropy() == pytest.approx(entropy, abs=1e-5)
    assert entropy == pytest.approx(1.0076, abs=1e-4)


def test_a_drawing_becomes_an_equal_mixture_on_its_points(tmp_path):
    drawn = np.random.default_rng(0).uniform(-3, 3, (30, 2))
    data = load(keep_points(drawn, "drawn", tmp_path), tmp_path)
    x = points_of("ring")
    normal = MultivariateNormal(torch.as_tensor(drawn), 0.05**2 * torch.eye(2, dtype=torch.float64))
    oracle = MixtureSameFamily(Categorical(torch.ones(30, dtype=torch.float64)), normal)
    assert torch.allclose(data.target.log_prob(x), oracle.log_prob(x), rtol=1e-10)
    assert isinstance(data.target, Mixture)
    assert data.target.modes is None
    assert data.y is None
    p, cell = data.target.grid(300)
    assert (data.target.log_prob(p).exp() * cell).sum().item() == pytest.approx(1, abs=1e-8)
    spread = torch.cdist(data.x[:2000], torch.as_tensor(drawn).float()).amin(1)
    assert spread.square().mean().sqrt().item() == pytest.approx(0.05 * math.sqrt(2), rel=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_is_the_piece_that_a_sample_came_from(name):
    data = load(name)
    pieces = data.target.pieces
    assert data.space.classes == (pieces if pieces > 1 else 0)
    if pieces == 1:
        assert data.y is None
    else:
        assert data.y.unique().tolist() == list(range(pieces))
    if data.target.modes is not None:
        away = (data.x - data.target.modes[data.y]).norm(dim=1) / data.target.sigma
        assert away.max() < 6
