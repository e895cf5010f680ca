"""Every number of engine/metrics beside an oracle, and beside what a wrong population or weight gives."""

import math
from collections import OrderedDict

import numpy as np
import pytest
import scipy.linalg
import torch
from scipy.stats import wasserstein_distance_nd

from engine.data import floats, load
from engine.data.dataset import Dataset
from engine.metrics import digit_classifier as classifying
from engine.metrics import distance
from engine.metrics import ruler as rulers
from engine.metrics.coverage import coverage
from engine.metrics.digit_classifier import ACCURACY, DIVERSITY, FRECHET, digit_classifier
from engine.metrics.ruler import DISTANCE, FAR, HIGH_QUALITY, JS, MODES, SAMPLES, Ruler, about, floors, ruler
from engine.space import Space

RING = load("ring")


# --- modes -----------------------------------------------------------------------------------------


def by_hand(samples: np.ndarray, modes: np.ndarray, sigma: float, share: float) -> tuple[int, float, list]:
    """Coverage, one sample at a time."""
    good, nearest = [0] * len(modes), [0] * len(modes)
    for x in samples:
        far = [math.dist(x, mode) for mode in modes]
        nearest[far.index(min(far))] += 1
        good[far.index(min(far))] += min(far) <= 3 * sigma
    enough = [count for count in good if count >= 1 and count >= share * len(samples) / len(modes)]
    return len(enough), sum(good) / len(samples), [count / len(samples) for count in nearest]


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("sigma", [0.05, 0.3])
def test_coverage_is_what_counting_by_hand_gives(sigma, share):
    rng = np.random.default_rng(0)
    modes = rng.normal(size=(7, 2)) * 2
    samples = modes[rng.choice(7, size=300, p=[0.5, 0.3, 0.1, 0.05, 0.03, 0.02, 0])]
    samples = samples + 0.5 * rng.normal(size=samples.shape)
    told = coverage(*map(torch.from_numpy, (samples, modes)), sigma, share)
    modes_found, quality, shares = by_hand(samples, modes, sigma, share)
    assert told.modes == modes_found
    assert told.high_quality == pytest.approx(quality, abs=1e-12)
    assert told.shares.tolist() == pytest.approx(shares, abs=1e-12)
    assert 0 < quality < 1, "near and far samples are both there"


def test_a_mode_needs_exactly_its_part_of_a_fair_share():
    modes = torch.tensor([[0.0, 0.0], [9.0, 9.0]])
    samples = modes[0].repeat(1000, 1)
    samples[:50] = modes[1]  # 0.1 * 1000 / 2
    assert coverage(samples, modes, 0.1).modes == 2
    samples[0] = modes[0]
    assert coverage(samples, modes, 0.1).modes == 1


def test_few_samples_need_one_each():
    modes = torch.eye(3).double()
    assert coverage(modes[:2], modes, 0.1)[:2] == (2, 1.0)


def test_three_sigma_is_the_edge_of_quality():
    modes = torch.zeros(1, 2, dtype=torch.float64)
    samples = torch.tensor([[0.3, 0.0], [0.3001, 0.0], [0.0, -0.2999], [5.0, 5.0]], dtype=torch.float64)
    assert coverage(samples, modes, 0.1).high_quality == 0.5
    assert coverage(torch.full((1, 2), 0.375) * torch.tensor([1, 0]), modes.float(), 0.125).high_quality == 1


# --- distances ---------------------------------------------------------------------------------------


def test_directions_are_equally_spaced_over_half_a_turn():
    along = distance.directions(2)
    angles = np.arctan2(*along.numpy().T[::-1])
    assert along.shape == (128, 2)
    assert np.allclose(np.diff(angles), math.pi / 128)
    assert angles[0] == 0
    assert distance.directions(1).tolist() == [[1.0]]


def test_shadows_are_sorted_projections():
    x = torch.randn(9, 2, dtype=torch.float64)
    along = distance.directions(2)
    for direction, shadow in zip(along, distance.shadows(x, along), strict=True):
        assert torch.allclose(shadow, (x @ direction).sort().values, atol=1e-12)


def test_sliced_wasserstein_is_the_root_of_the_mean_square_over_directions():
    """W2 of sorted projections of equally many points, and not the mean of W2 or the sum of squares."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(50, 2)), rng.gamma(2.0, size=(50, 2))
    squares = []
    for i in range(128):
        v = np.array([math.cos(math.pi * i / 128), math.sin(math.pi * i / 128)])
        squares.append(np.mean((np.sort(x @ v) - np.sort(y @ v)) ** 2))
    along = distance.directions(2)
    reference = distance.quantiles(distance.shadows(torch.from_numpy(y), along), 50)
    ours = distance.sliced_wasserstein(torch.from_numpy(x), reference, along)
    assert ours == pytest.approx(math.sqrt(np.mean(squares)), rel=1e-12)
    assert ours < wasserstein_distance_nd(x, y), "no projection is further apart than the points"


def test_a_reference_within_its_quantiles_counts_its_spread():
    """Of 4 points and a reference of 8, half a quantile's width remains: its variance is divided by n."""
    reference = torch.arange(8.0, dtype=torch.float64)[None]
    means, spread = distance.quantiles(reference, 4)
    assert means.tolist() == [[0.5, 2.5, 4.5, 6.5]]
    assert spread == pytest.approx(0.25, abs=1e-12)


@pytest.mark.parametrize(("m", "n"), [(7, 4), (101, 3), (5, 30), (1001, 64)])
def test_a_reference_seen_in_a_mirror_has_its_quantiles_in_a_mirror(m, n):
    """Also where its points do not divide evenly: neither low nor high values are preferred."""
    reference = torch.randn(3, m, dtype=torch.float64).sort().values
    means, spread = distance.quantiles(reference, n)
    mirrored = distance.quantiles(-reference.flip(1), n)
    torch.testing.assert_close(mirrored.means, -means.flip(1))
    assert mirrored.spread == pytest.approx(spread)


def test_a_histogram_counts_its_lower_edges_and_what_is_outside_last():
    x = torch.tensor([[-1.0], [0.999], [1.0], [0.0], [-1.001], [math.pi]], dtype=torch.float64)
    shares = distance.histogram(x, (-1, 1, 0, 5), 4)
    assert shares.tolist() == [1 / 6, 0, 1 / 6, 1 / 6, 3 / 6]
    edges = torch.tensor([[-0.1], [0.1]], dtype=torch.float64)  # which float32 rounds outwards
    assert distance.histogram(edges, (-0.1, 0.1, 0, 1), 2).tolist() == [0.5, 0, 0.5]


def test_js_is_the_mean_of_two_divergences_from_the_middle():
    p, q = np.array([0.5, 0.25, 0.25, 0.0]), np.array([0.1, 0.2, 0.3, 0.4])
    m = (p + q) / 2
    wanted = 0.5 * sum(a * math.log2(a / b) for a, b in zip(p, m, strict=True) if a)
    wanted += 0.5 * sum(a * math.log2(a / b) for a, b in zip(q, m, strict=True))
    assert distance.jensen_shannon(torch.tensor(p), torch.tensor(q)) == pytest.approx(wanted, abs=1e-12)


# --- the ruler -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ring", "two-bumps"])
def test_the_scores_of_points_are_those_of_a_large_independent_cloud(name):
    """The ruler's scores against another reference of 400,000 points, so against the truth."""
    data = load(name)
    d = data.space.size
    rng = np.random.default_rng(77)
    x = (1.2 * data.target.sample(500, rng) + 0.1).float()
    told = Ruler(data, 500).measure(x)
    reference = data.target.sample(400_000, rng).float()
    along = distance.directions(d)
    far = distance.sliced_wasserstein(x, distance.quantiles(distance.shadows(reference, along), 500), along)
    cells = {1: 64, 2: 32}[d]
    js = distance.jensen_shannon(*(distance.histogram(cloud, data.box, cells) for cloud in (x, reference)))
    assert told[DISTANCE] == pytest.approx(far, rel=0.03)
    assert told[JS] == pytest.approx(js, abs=0.02)
    near = coverage(x, data.target.modes, data.target.sigma)
    assert (told[MODES], told[HIGH_QUALITY]) == near[:2]


@pytest.mark.parametrize("name", ["two-bumps", "moons"])
def test_a_floor_is_the_mean_score_of_points_that_are_not_the_references_own(name):
    """Points of the reference itself would score an eighth less in JS."""
    data = load(name)
    one = Ruler(data, 500)
    rng = np.random.default_rng(5)
    fresh = [one.measure(data.target.sample(500, rng).float()) for _ in range(200)]
    for metric, floor in one.floors.items():
        scores = np.array([score[metric] for score in fresh])
        error = scores.std() * math.sqrt(1 / 200 + 1 / {1: 1024, 2: 256}[data.space.size])
        assert abs(floor.value - scores.mean()) <= 4 * error, metric
        assert floor.error >= 0.8 * scores.std(), metric
        assert floor.error <= 1.6 * scores.std() + 1e-9, metric
        assert floor.says == "real data"


def table(rows: torch.Tensor, tests: torch.Tensor) -> Dataset:
    return Dataset(
        name=f"table {rows.sum().item()}", title="", x=rows, test_x=tests, space=Space.of((2,)),
        box=(-3.0, 3.0, -3.0, 3.0),
    )  # fmt: skip


def test_a_table_is_compared_with_its_test_rows_and_its_floor_is_of_the_others():
    """Training and test rows that lie apart: then every exchange of the two gives another number."""
    rows = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    data = table(rows - 1, rows[:300] + 1)
    held = Ruler(data, 300)
    far = held.measure(data.x[:300])[DISTANCE]
    assert held.measure(data.test_x)[DISTANCE] == pytest.approx(0, abs=1e-6)
    assert far == pytest.approx(2.0, rel=0.1)
    assert held.floors[DISTANCE].value == pytest.approx(far, rel=0.1)
    assert held.about.shares != pytest.approx(held.look(data.test_x)[1].tolist(), abs=0.05)
    inside = held.look(data.x[:300])[1].tolist()
    assert held.about.shares == pytest.approx(inside, abs=0.06)


def test_the_floor_of_a_table_is_the_mean_score_of_many_draws_of_its_rows():
    rows = torch.randn(800, 2, generator=torch.Generator().manual_seed(3))
    held = Ruler(table(rows[:500], rows[500:]), 300)
    rng = np.random.default_rng(4)
    draws = [held.measure(rows[rng.permutation(500)[:300]]) for _ in range(200)]
    for metric, floor in held.floors.items():
        scores = np.array([draw[metric] for draw in draws])
        assert abs(floor.value - scores.mean()) <= 3 * scores.std() * math.sqrt(1 / 200 + 1 / 64), metric


def test_the_error_of_a_table_knows_that_its_rows_are_few():
    """The mean of 40 rows is off by 1 / sqrt(40); of 300 draws from them, alone, by less than half of it."""
    rows = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    held = Ruler(table(rows, rows), 300)
    alone = held._scores(held._subsets(64))[DISTANCE].std().item()
    assert held.floors[DISTANCE].error > 1.5 * alone


def test_an_error_holds_95_scores_of_100_also_if_they_are_skewed():
    scores = torch.randn(100_001, dtype=torch.float64)
    assert rulers._error(3 + scores) == pytest.approx(1, rel=0.01)
    rare = torch.cat([torch.zeros(94), torch.full((6,), 100.0)]).double()
    wrong = (rare - rare.mean()).abs().quantile(0.955).item()  # what two standard deviations do not reach
    assert rulers._error(rare) == pytest.approx(wrong / 2)
    assert wrong > 2 * rare.std().item() * 0.9
    assert rulers._error(-rare) == pytest.approx(wrong / 2), "low scores are as wrong as high ones"


def test_the_last_rulers_are_kept_and_each_is_for_one_set_one_size_and_one_precision(monkeypatch):
    monkeypatch.setattr(rulers, "_rulers", OrderedDict())
    monkeypatch.setattr(rulers, "Ruler", lambda data, n: [data.name, n])
    first = ruler(RING, 1)
    kept = [ruler(RING, n) for n in range(2, 33)]
    assert ruler(RING, 1) is first
    assert ruler(load("moons"), 1) == ["moons", 1]  # the 33rd: the one that was asked for longest ago goes
    assert ruler(RING, 1) is first
    assert ruler(RING, 3) is kept[1]
    assert ruler(RING, 2) is not kept[0]
    torch.set_default_dtype(torch.float64)
    try:
        assert ruler(RING, 1) is not first
    finally:
        torch.set_default_dtype(torch.float32)


def test_what_a_detector_knows_of_data():
    told = about(RING)
    rows = RING.target.sample(100_000, np.random.default_rng(1))
    assert told.groups == "modes"
    assert told.shares == pytest.approx([1 / 8] * 8, abs=0.01)
    assert told.spread == pytest.approx(math.sqrt(rows.var(0).mean()), rel=0.03)  # sqrt(2 + 0.01)
    assert told.entropy == pytest.approx(-RING.target.log_prob(rows).mean().item(), abs=0.01)
    assert told.floors == floors(RING)
    moons = about(load("moons"))
    assert (moons.groups, len(moons.shares)) == ("regions", 16)
    assert sum(moons.shares) == pytest.approx(1, abs=1e-3)
    assert about(load("digits")) == ({}, [], "images", 1.0, None)


def test_the_spread_of_data_is_the_root_of_their_mean_variance():
    rows = torch.randn(3000, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.1, 0.7]) + 1
    assert Ruler(table(rows, rows), 2000).about.spread == pytest.approx(
        math.sqrt((0.01 + 0.49) / 2), rel=0.05
    )


def test_regions_of_a_line_are_its_quarters():
    rows = torch.tensor([-0.9, -0.8, -0.1, 0.7])[:, None]
    line = Dataset(
        name="four", title="", x=rows, test_x=rows, space=Space.of((1,)), box=(-1.0, 1.0, 0.0, 1.0)
    )
    held = Ruler(line, 4)
    assert held.look(rows)[1].tolist() == [0.5, 0.25, 0, 0.25]
    assert held.about.groups == "regions"


def test_regions_are_squares_of_the_box_with_x_fastest():
    data = load("moons")
    _, x1, y0, _ = data.box
    low_right = torch.tensor([[x1 - 0.01, y0 + 0.01]]).repeat(SAMPLES, 1)
    shares = ruler(data).look(low_right)[1]
    assert shares.tolist() == [0, 0, 0, 1] + 12 * [0]
    assert ruler(data).look(low_right + 9)[1].sum() == 0, "what is outside is in no region"


def test_what_is_no_number_counts_as_far_away():
    x = torch.zeros(500, 2)
    x[0] = math.nan
    x[1] = math.inf
    told = Ruler(RING, 500).measure(x)
    assert told[DISTANCE] == pytest.approx(math.sqrt(2 / 500) * FAR, rel=0.01)


# --- digits ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    """Features of training and of test digits, and the labels of the latter."""
    data, net = load("digits"), digit_classifier()
    return net.features(floats(data.x)), net.features(floats(data.test_x)), data.test_y


def scipys(a: torch.Tensor, b: torch.Tensor) -> float:
    """The Fréchet distance of two clouds by scipy's eigenvalues."""
    a, b = a.double().numpy(), b.double().numpy()
    S, T = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    # the roots of the eigenvalues of S T, which are those of a product of two covariances: not negative
    root = np.sqrt(scipy.linalg.eigvals(S @ T).real.clip(0)).sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(S + T) - 2 * root


def test_frechet_compares_with_the_training_digits_and_accuracy_with_what_was_asked(digits):
    train, test, y = digits
    data, net = load("digits"), digit_classifier()
    x = floats(data.test_x[:200]) * 0.9
    told = net.measure(x, y[:200])
    h = net.features(x)
    assert told[FRECHET] == pytest.approx(scipys(h, train), rel=1e-6)
    assert told[FRECHET] != pytest.approx(scipys(h, test), rel=0.01)
    right = [int(net.say(one).argmax()) == int(label) for one, label in zip(h, y, strict=False)]
    assert told[ACCURACY] == pytest.approx(sum(right) / 200)
    usual, spread = (
        np.mean(np.concatenate([scipy.spatial.distance.pdist(g[of == k].double()) for k in range(10)]))
        for g, of in ((test, y), (h, y[:200]))
    )
    assert told[DIVERSITY] == pytest.approx(spread / usual, rel=1e-6)
    assert net.measure(x) == {FRECHET: told[FRECHET]}


@pytest.mark.parametrize(("n", "frechets"), [(200, 2.15), (1000, 0.47)])
def test_the_floor_of_digits_is_of_test_digits_and_its_error_that_of_fresh_ones(n, frechets, digits):
    """Also where n is all test digits: the same digits in another order would have no error. Their Fréchet
    distance was found to vary by 2.15 and 0.47, from thousands of draws of many sizes."""
    train, test, y = digits
    floor = digit_classifier().floors(n)
    fine = digit_classifier().label_accuracy(floats(load("digits").test_x), y)
    assert floor[FRECHET].error == pytest.approx(frechets, rel=0.25)
    assert floor[ACCURACY].error == pytest.approx(math.sqrt(fine * (1 - fine) / n), rel=0.35)
    assert floor[ACCURACY].value == pytest.approx(fine, abs=0.004)  # the training digits' is 1
    assert floor[DIVERSITY].value == pytest.approx(1, abs=0.02)
    others = test[[one for k in range(10) for one in (y == k).nonzero()[: n // 10, 0]]]
    distance = classifying.frechet(classifying.moments(others), classifying.moments(train))
    assert floor[FRECHET].value == pytest.approx(distance, abs=4 * floor[FRECHET].error)


def test_features_do_not_depend_on_how_many_are_looked_at_together():
    data, net = load("digits"), digit_classifier()
    x = floats(data.test_x[: classifying.CHUNK + 7])
    assert torch.allclose(net.features(x)[-7:], net.features(x[-7:]), atol=1e-4)
    assert net.features(x).shape == (classifying.CHUNK + 7, 64)


def rows_of(x: torch.Tensor) -> set[tuple[float, ...]]:
    return set(map(tuple, x.tolist()))


def test_no_point_of_the_reference_measures_its_own_floor(monkeypatch):
    drawn: list[torch.Tensor] = []
    seeds: list[int] = []
    points = Ruler._points

    def spied(self, n, seed):
        seeds.append(seed)
        drawn.append(points(self, n, seed))
        return drawn[-1]

    monkeypatch.setattr(Ruler, "_points", spied)
    one = Ruler(RING, 50)
    clouds = one._fresh(40)
    assert [len(x) for x in drawn] == [distance.FINE * 50, 40 * 50]
    assert len(rows_of(torch.cat(clouds))) == 40 * 50  # and no cloud meets another
    assert not rows_of(drawn[0]) & rows_of(drawn[1])
    assert len(set(seeds)) == 2  # one seed would give some densities the same points


def test_the_clouds_of_a_table_are_of_its_training_rows():
    rows = torch.randn(600, 2, generator=torch.Generator().manual_seed(0))
    plain = table(rows[:500], rows[500:])
    one, training, tests = Ruler(plain, 30), rows_of(plain.x), rows_of(plain.test_x)
    assert not training & tests
    for clouds in (one._subsets(5), one._resampled(5)):
        seen = [rows_of(x) for x in clouds]
        assert all(rows <= training for rows in seen)
        assert len(set(map(frozenset, seen))) == 5  # drawn anew each time
    assert all(len(rows_of(x)) == 30 for x in one._subsets(5))
    for n in (29, 30):  # as many rows as are asked for, and one fewer
        (cloud,) = Ruler(table(rows[:n], rows[500:]), 30)._subsets(1)
        assert (len(cloud), len(rows_of(cloud)) == 30) == (30, n == 30)
    small = Ruler(table(rows[:20], rows[500:]), 200)
    assert max(len(rows_of(x)) for x in small._resampled(20)) < 20  # of 20 rows drawn again, some are missing
