"""The classifier of digits: it recognizes real ones, and its distances are those of the textbooks."""

import re

import numpy as np
import pytest
import scipy.linalg
import torch
from safetensors.torch import load as load_weights

from engine.data import floats, load
from engine.data.builtin import ASSETS
from engine.family import Batch
from engine.metrics import digit_classifier as classifying
from engine.metrics.digit_classifier import classifier_for, digit_classifier, frechet, moments, spread


def random_moments(seed: int, d: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(d, d, generator=generator, dtype=torch.float64)
    return torch.randn(d, generator=generator, dtype=torch.float64), root @ root.T


@pytest.fixture(scope="module")
def tests():
    data = load("digits")
    return floats(data.test_x), data.test_y


def test_the_classifier_recognises_digits_that_it_has_not_seen(tests):
    assert digit_classifier().label_accuracy(*tests) > 0.985  # 99.2 % was measured


def test_there_is_a_classifier_for_digits_and_for_nothing_else():
    assert classifier_for(load("digits")) is digit_classifier()
    assert classifier_for(load("ellipses")) is None
    assert classifier_for(load("moons")) is None


@pytest.mark.parametrize("seed", range(5))
def test_frechet_is_what_a_matrix_square_root_gives(seed):
    (m, S), (m2, S2) = random_moments(seed), random_moments(seed + 100)
    root = scipy.linalg.sqrtm((S @ S2).numpy()).real
    wanted = ((m - m2) ** 2).sum() + np.trace((S + S2).numpy() - 2 * root)
    assert frechet((m, S), (m2, S2)) == pytest.approx(wanted.item(), rel=1e-10)
    assert frechet((m2, S2), (m, S)) == pytest.approx(wanted.item(), rel=1e-10)


def test_frechet_of_gaussians_with_diagonal_covariances_is_the_distance_of_means_and_deviations():
    m, m2, s, s2 = torch.rand(4, 8, dtype=torch.float64)
    wanted = (m - m2).square().sum() + (s - s2).square().sum()
    distance = frechet((m, s.square().diag()), (m2, s2.square().diag()))
    assert distance == pytest.approx(wanted.item(), rel=1e-10)


def test_frechet_of_a_flat_cloud_is_real(tests):
    h = torch.randn(5, 64, dtype=torch.float64)  # its covariance has rank 4
    assert frechet(moments(h), moments(h)) == pytest.approx(0, abs=1e-6)
    far = h + 2
    assert frechet(moments(h), moments(far)) == pytest.approx(4 * 64, rel=1e-6)


def test_moments_are_those_of_numpy():
    h = torch.randn(50, 7)
    mean, cov = moments(h)
    assert np.allclose(mean, h.double().numpy().mean(0))
    assert np.allclose(cov, np.cov(h.double().numpy(), rowvar=False))


def test_no_distance_is_negative():
    clouds = torch.randn(200, 12, 4)
    assert all(0 <= frechet(moments(h), moments(h)) < 1e-9 for h in clouds)


def test_equal_sets_are_at_no_distance_in_any_order(tests):
    x = tests[0][:200]
    assert digit_classifier().frechet(x, x[torch.randperm(200)]) == pytest.approx(0, abs=1e-4)
    assert digit_classifier().frechet(x, -x) > 100


def test_spread_is_the_mean_over_the_pairs_of_a_class():
    h, y = torch.randn(30, 4, dtype=torch.float64), torch.arange(30) % 3
    pairs = [(h[i] - h[j]).norm() for i in range(30) for j in range(i) if y[i] == y[j]]
    assert spread(h, y) == pytest.approx(torch.stack(pairs).mean().item())


def test_real_digits_have_a_diversity_of_one_and_copies_have_none(tests):
    x, y = tests
    assert digit_classifier().diversity(x, y) == pytest.approx(1)
    first = torch.stack([x[y == k][0] for k in range(10)])
    assert digit_classifier().diversity(first.repeat(3, 1, 1, 1), torch.arange(30) % 10) == pytest.approx(
        0, abs=1e-5
    )


def test_the_floor_is_that_of_real_digits_and_falls_with_more_of_them(tests):
    few, more = digit_classifier().floors(50), digit_classifier().floors(200)
    assert more["Fréchet"].value < few["Fréchet"].value / 2  # the bias goes like 1 / n
    assert more["diversity"].value == pytest.approx(1, abs=0.02)
    assert more["diversity"].error < few["diversity"].error
    x, y = tests
    index = torch.cat([(y == k).nonzero()[:20, 0] for k in range(10)])
    scores = digit_classifier().measure(x[index], y[index])
    for name, floor in more.items():
        assert abs(scores[name] - floor.value) < 4 * floor.error, name


@pytest.mark.parametrize("n", [20, 45, 1010])
def test_a_floor_is_of_test_digits_one_class_after_the_other_and_as_many_as_there_are(n, tests, monkeypatch):
    seen = []
    monkeypatch.setattr(classifying, "REPEATS", 2)
    monkeypatch.setattr(
        classifying.DigitClassifier, "_measure", lambda self, h, y: seen.append((h, y)) or {"a": len(seen)}
    )
    assert classifying._scores(n)["a"].tolist() == [1, 2]
    x, labels = tests
    features = digit_classifier().features(x)
    of = {tuple(one): i for i, one in enumerate(features.tolist())}
    for h, y in seen:
        assert y.tolist() == [i % 10 for i in range(n)]
        rows = torch.tensor([of[tuple(one)] for one in h.tolist()])
        assert torch.equal(labels[rows], y)
        each = rows.bincount(minlength=len(x))
        for digit in range(10):  # none twice before all were there
            few, all_of = int((y == digit).sum()), int((labels == digit).sum())
            assert each[labels == digit].max() == -(-few // all_of)
    assert not torch.equal(seen[0][0], seen[1][0])


@pytest.mark.parametrize("n", [20, 100, 1000, 5000])
def test_the_error_of_a_floor_follows_from_that_of_fewer_digits(n, monkeypatch):
    """m of N digits vary around all N as m' fresh ones do around the truth, 1/m' = 1/m - 1/N."""
    asked = []

    def scores(many):
        asked.append(many)
        values = {"Fréchet": 3.0, "label accuracy": 0.3}
        return {k: v + v * torch.tensor([-1.0, 0, 1]).double() for k, v in values.items()}

    monkeypatch.setattr(classifying, "_scores", scores)
    floor = classifying._floors.__wrapped__(n)
    first, m = asked
    assert first == n
    assert 20 <= m <= min(n, 125)  # so few of 1,000 that they differ from draw to draw
    fresh = 1 / (1 / m - 1 / 1000)
    assert floor["Fréchet"][:2] == pytest.approx((3, 3 * fresh / n))
    assert floor["label accuracy"][:2] == pytest.approx((0.3, 0.3 * (fresh / n) ** 0.5))


def test_wrong_labels_and_noise_are_seen(tests):
    x, y = tests
    assert digit_classifier().label_accuracy(x[:300], (y[:300] + 1) % 10) < 0.02
    noise = torch.randn(100, 1, 28, 28).clamp(-1, 1)
    floor = digit_classifier().floors(100)["Fréchet"]
    assert (
        digit_classifier().measure(noise, torch.arange(100) % 10)["Fréchet"] > floor.value + 20 * floor.error
    )


def test_a_turn_is_the_cross_entropy_of_a_shifted_batch_with_half_of_the_features():
    """All pictures of a batch are shifted alike, by up to two pixels both ways."""
    net = classifying.DigitClassifier()
    x, y = load("digits").some(4)
    seen, kept = [], []
    net.look.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    net.say.register_forward_pre_hook(lambda _, given: kept.append(given[0]))
    rolled = {(i, j): x.roll((i, j), (2, 3)) for i in range(-2, 3) for j in range(-2, 3)}
    shifts, shares = set(), []
    for _ in range(200):
        ((player, terms),) = net.turns(Batch(0, x, y, lambda: None))
        (shift,) = [shift for shift, moved in rolled.items() if torch.equal(moved, seen[-1])]
        shifts.add(shift)
        h, left = net.features(seen[-1]), kept[-1]
        seen.pop()
        torch.testing.assert_close(left, torch.where(left == 0, 0, 2 * h))
        shares.append((left[h > 0] > 0).double().mean().item())
        loss = -net.say(left).log_softmax(1)[torch.arange(4), y].mean()
        torch.testing.assert_close([*terms.values()], [loss])
    assert shifts == set(rolled)
    assert player is net
    assert sum(shares) / 200 == pytest.approx(0.5, abs=0.02)


def test_the_shipped_weights_come_from_the_training_that_their_licence_tells_of():
    text = " ".join((ASSETS / "README.md").read_text(encoding="utf-8").split())
    told = re.search(
        r"on the ([\d,]+) training digits.*?seed (\d+), ([\d,]+) rounds of (\d+) pictures shifted by up to "
        r"two pixels, Adam (\S+), dropout 0.5\. It is right for ([\d.]+) % of the 1,000 test digits",
        text,
    )
    digits, seed, rounds, batch, rate, right = (float(word.replace(",", "")) for word in told.groups())
    assert (seed, rounds, batch) == (classifying.SEED, classifying.ROUNDS, classifying.BATCH)
    data, net = load("digits"), classifying.DigitClassifier()
    assert len(data.x) == digits
    (group,) = net.optimizer("model").param_groups
    assert (group["lr"], {*map(id, group["params"])}) == (rate, {*map(id, net.parameters())})
    accuracy = digit_classifier().label_accuracy(floats(data.test_x), data.test_y)
    assert accuracy == pytest.approx(right / 100)


def test_the_command_writes_the_weights_in_16_bits_and_says_how_good_they_are(monkeypatch, tmp_path, capsys):
    net, _ = classifying.DigitClassifier(), digit_classifier()  # which is loaded before FILE is another
    monkeypatch.setattr(classifying, "train", lambda: net)
    monkeypatch.setattr(classifying, "FILE", file := tmp_path / "weights")
    monkeypatch.setattr(classifying, "_floors", lambda n: f"the floor of {n}")
    torch.set_num_threads(2)
    classifying.main()
    assert torch.get_num_threads() == 1
    written = load_weights(file.read_bytes())
    assert written.keys() == net.state_dict().keys()
    for name, weights in net.state_dict().items():
        assert torch.equal(written[name], weights.half())
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"weights: {file.stat().st_size:,} bytes, right for 99.2% of the test digits"
    assert second == "100 real digits score the floor of 100"


def test_the_shipped_classifier_is_for_measuring_alone():
    assert not digit_classifier().training
    assert not any(weight.requires_grad for weight in digit_classifier().parameters())


def test_training_begins_with_the_weights_of_the_seed_and_meets_its_batches(monkeypatch):
    seen = []
    monkeypatch.setattr(classifying, "fit", lambda model, given: seen.extend([model, *given]) or [])
    monkeypatch.setattr(classifying, "ROUNDS", 3)
    trained = classifying.train()
    torch.manual_seed(classifying.SEED)
    weights = classifying.DigitClassifier().parameters()
    assert all(map(torch.equal, trained.parameters(), weights))
    model, *given = seen
    assert model is trained
    assert not trained.training
    wanted = [load("digits").batch(classifying.BATCH, classifying.SEED, round).x for round in range(3)]
    assert all(torch.equal(one.x, x) for one, x in zip(given, wanted, strict=True))


def test_training_descends(monkeypatch):
    monkeypatch.setattr(classifying, "ROUNDS", 150)
    data = load("digits")
    assert classifying.train().label_accuracy(floats(data.test_x[:300]), data.test_y[:300]) > 0.8
