"""What is measured of codes and samples is measured on the right examples; the limits of the detector."""

import dataclasses
import itertools

import pytest
import torch

from engine.codes import base
from engine.codes.ae import AE
from engine.codes.attributes import attributes
from engine.codes.base import ELBO, KL, KL_EACH, RESTORED
from engine.codes.cvae import CVAE
from engine.codes.measures import DRAWS, EXAMPLES, HOLES, SHARPNESS, holes, measure, sharpness
from engine.codes.pca import PCA
from engine.codes.symptoms import ASLEEP, BETTER, BLURRED, GAPS, SILENT, WINDOW, WORSE, symptoms
from engine.codes.vae import VAE
from engine.data import load
from engine.metrics.ruler import DataFacts

DIGITS = load("digits")


def made(family, data=DIGITS, **values):
    torch.manual_seed(0)
    return family(family.configure(data.space, {"width": 8, "z": 2} | values), data.space)


def blurred(x):
    return torch.nn.functional.avg_pool2d(x.float(), 5, 1, 2).byte()


def test_sharpness_is_relative_to_the_test_pictures_and_holes_to_the_training_codes(monkeypatch):
    """Sharp pictures to train on and blurred ones to test on: each measure must take its own."""
    data = dataclasses.replace(DIGITS, x=DIGITS.x[:900], y=DIGITS.y[:900], test_x=blurred(DIGITS.test_x))
    model = made(AE, data)
    real = [data.x[:300, :1].float() / 127.5 - 1, data.test_x[:300].float() / 127.5 - 1]
    asked, coded, drawn = [], [], []
    monkeypatch.setattr(model, "sample", lambda n: asked.append(n) or real[0][:n])
    monkeypatch.setattr(
        model, "codes", lambda x, y: coded.append(x) or (torch.zeros(len(x), 2), torch.ones(len(x), 2))
    )
    prior = model.p_z
    monkeypatch.setattr(model, "p_z", lambda n: drawn.append(n) or prior(n))
    row = measure(model, data)
    assert asked == [256]
    assert row[SHARPNESS] == pytest.approx(sharpness(real[0][:256]) / sharpness(data.some(256, test=True)[0]))
    assert row[SHARPNESS] > 1.5
    assert torch.equal(coded[0], data.some(EXAMPLES)[0])
    assert drawn == [DRAWS, 900]
    assert row[HOLES] == pytest.approx(1, abs=0.15)  # codes drawn with their deviation fill the prior
    monkeypatch.setattr(model, "codes", lambda x, y: (torch.zeros(len(x), 2), torch.zeros(len(x), 2)))
    assert measure(model, data)[HOLES] > 3  # all at their mean they do not
    points = load("ring")
    assert set(measure(made(AE, points), points)) == {HOLES}


def test_a_conditional_model_is_coded_with_the_labels_of_its_examples(monkeypatch):
    model, given = made(CVAE), []
    codes = model.codes
    monkeypatch.setattr(model, "codes", lambda x, y: given.append(y) or codes(x, y))
    measure(model, DIGITS)
    assert torch.equal(given[0], DIGITS.some(EXAMPLES)[1])


def test_holes_are_ratios_of_quantiles_of_distances_to_the_nearest():
    z = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 4.0]])
    codes, others = torch.tensor([[0.0, 1.0], [5.0, 0.0]]), torch.tensor([[0.0, 0.5], [9.0, 9.0]])
    far = torch.tensor([1.0, 2**0.5, 3.0]).quantile(0.9)
    usual = torch.tensor([0.5, 1.25**0.5, 3.5]).quantile(0.9)
    assert holes(codes, z, others) == pytest.approx((far / usual).item())


def test_sharpness_counts_each_picture_about_its_own_mean_and_the_steps_both_ways():
    x = torch.rand(3, 2, 5, 4)
    steps = [(x[..., i, j] - x[..., i, j + 1]).square().mean() for i in range(5) for j in range(3)]
    downs = [(x[..., i, j] - x[..., i + 1, j]).square().mean() for i in range(4) for j in range(4)]
    spread = torch.stack([one.var(correction=0) for picture in x for one in picture]).mean()
    wanted = (torch.stack(steps).mean() + torch.stack(downs).mean()) / spread
    assert sharpness(x) == pytest.approx(wanted.item(), rel=1e-5)
    lifted = x + torch.tensor([0.0, 5.0, -5.0])[:, None, None, None]
    assert sharpness(lifted) == pytest.approx(wanted.item(), rel=1e-4)


def test_pictures_without_edges_have_no_sharpness():
    assert sharpness(torch.full((2, 1, 4, 4), 0.3)) == 0


# --- the detector ----------------------------------------------------------------------------------

WELL = {ELBO: -150.0, KL: 6.0, KL_EACH: [3.0, 3.0], HOLES: 1.0, SHARPNESS: 0.9}
ANY = DataFacts({}, [], "images", 1.0)


def names(*stretches, family=VAE):
    rows = [WELL | change for count, change in stretches for _ in range(count)]
    seen = symptoms(family, [{"round": 64 * i} | row for i, row in enumerate(rows)], ANY)
    return [one.name for one in seen]


@pytest.mark.parametrize(
    ("name", "just", "hardly"),
    [
        ("Posterior collapse", {KL: 0.999 * SILENT}, {KL: 1.001 * SILENT}),
        ("Holes", {HOLES: 1.001 * GAPS}, {HOLES: 0.999 * GAPS}),
        ("Blur", {SHARPNESS: 0.999 * BLURRED}, {SHARPNESS: 1.001 * BLURRED}),
        ("Sleeping dimensions", {KL_EACH: [3.0, 0.999 * ASLEEP]}, {KL_EACH: [3.0, 1.001 * ASLEEP]}),
    ],
)  # fmt: skip
def test_each_symptom_begins_at_its_limit(name, just, hardly):
    assert name in names((WINDOW, just))
    assert name not in names((WINDOW, hardly))
    if name != "Sleeping dimensions":
        assert name not in names((9, {}), (WINDOW - 1, hardly | just), (1, {}))


def test_the_limits_are_those_of_the_text():
    assert (SILENT, ASLEEP, GAPS, BLURRED, WORSE, BETTER, WINDOW) == (0.1, 0.01, 1.6, 0.6, 0.03, 0.005, 4)


@pytest.mark.parametrize(("key", "sign"), [(ELBO, 1), (RESTORED, -1)])
def test_falling_behind_the_best_by_three_in_a_hundred_is_overfitting(key, sign):
    def story(best: float, end: float):
        base = {k: v for k, v in WELL.items() if k in (HOLES,)}
        rows = [base | {key: best, "round": 10 * i} for i in range(3)]
        return rows + [base | {key: end, "round": 100 + 10 * i} for i in range(6)]

    for worse, overfits in ((0.031, True), (0.029, False)):
        end = -100 - 100 * worse if sign > 0 else 100 + 100 * worse
        (seen,) = symptoms(AE, story(-100.0 if sign > 0 else 100.0, end), ANY)
        assert (seen.name == "Overfitting") == overfits
        if overfits:
            assert seen.since == 0
            assert seen.bad
            assert "stop" in seen.cure


@pytest.mark.parametrize("key", [ELBO, RESTORED])
def test_a_gain_of_half_a_percent_over_the_last_measurements_is_still_learning(key):
    sign = 1 if key is ELBO else -1
    for gain, name in ((0.006, "Learning"), (0.004, "Settled")):
        rows = [{key: -sign * 100.0 * (1 + gain), "round": i} for i in range(4)]
        rows += [{key: -sign * 100.0, "round": i} for i in range(4, 8)]
        (seen,) = symptoms(AE, rows, ANY)
        assert seen.name == name
        assert f"is {-sign * 100.0:.1f}".replace("-", "−") in seen.sentence


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({KL: SILENT}, "Working"), ({HOLES: GAPS}, "Holes"), ({SHARPNESS: BLURRED}, "Working"),
        ({KL_EACH: [3.0, ASLEEP]}, "Working"),
    ],
)  # fmt: skip
def test_only_gaps_begin_at_their_limit_itself(change, seen):
    assert names((WINDOW, change)) == [seen]


@pytest.mark.parametrize(
    ("before", "name"), [(-300.0, "Learning"), (-151.0, "Learning"), (-150.0, "Working")]
)
def test_learning_is_a_gain_over_the_last_measurements_and_not_since_the_start(before, name):
    """The last four beside the four before them; what came earlier says nothing."""
    assert names((9, {ELBO: -300.0}), (4, {ELBO: before}), (4, {})) == [name]
    assert names((9, {ELBO: before}), (8, {})) == ["Working"]


def test_exactly_three_in_a_hundred_is_no_overfitting_and_exactly_half_a_percent_no_learning():
    assert names((4, {ELBO: -100.0}), (WINDOW, {ELBO: -100.0 - 100 * WORSE})) == ["Working"]
    assert names((4, {ELBO: -200.0 - 200 * BETTER}), (WINDOW, {ELBO: -200.0})) == ["Working"]


def test_a_symptom_is_told_from_the_round_in_which_it_began():
    def first(*stretches):
        rows = [WELL | change for count, change in stretches for _ in range(count)]
        told = symptoms(VAE, [{"round": 64 * i} | row for i, row in enumerate(rows)], ANY)[0]
        return told.name, told.since, told.tone

    assert first((9, {})) == ("Working", 64 * 8, "good")
    assert first((5, {ELBO: -200.0}), (4, {})) == ("Learning", 0, "")
    assert first((6, {}), (5, {KL: 0.0})) == ("Posterior collapse", 64 * 6, "bad")
    assert first((6, {}), (5, {SHARPNESS: 0.1})) == ("Blur", 64 * 6, "")
    assert first((6, {}), (1, {KL_EACH: [3.0, 0.0]})) == ("Sleeping dimensions", 64 * 6, "")
    assert first((6, {KL_EACH: [3.0, 0.0]}), (1, {})) == ("Working", 64 * 6, "good")
    assert first((6, {}), (5, {HOLES: 3.0})) == ("Holes", 64 * 7, "bad")  # of the last WINDOW
    assert first((7, {}), (1, {ELBO: -100.0}), (9, {})) == ("Overfitting", 64 * 7, "bad")


def test_a_single_good_measurement_among_the_last_is_no_best_that_was_lost():
    for late in range(1, WINDOW):
        assert "Overfitting" not in names((9, {}), (1, {ELBO: -120.0}), (late - 1, {}))
    assert "Overfitting" in names((9, {}), (1, {ELBO: -120.0}), (WINDOW - 1, {}))


def test_what_a_row_does_not_hold_shows_nothing():
    bare = [{"round": i, ELBO: -150.0} for i in range(8)]
    assert [one.name for one in symptoms(VAE, bare, ANY)] == ["Settled"]
    gaps = [row | ({HOLES: 1.2 * GAPS} if i % WINDOW else {}) for i, row in enumerate(bare)]
    assert [one.name for one in symptoms(VAE, gaps, ANY)] == ["Settled"]  # on average fewer than GAPS
    gaps = [row | ({HOLES: 1.4 * GAPS} if i % WINDOW else {}) for i, row in enumerate(bare)]
    assert [one.name for one in symptoms(VAE, gaps, ANY)] == ["Holes"]  # and more, though one has none


def test_the_gravest_comes_first_and_each_sentence_tells_the_numbers_of_the_last_measurement():
    """Those of the last one, as the charts do."""
    early = [WELL | {ELBO: elbo} for elbo in (-120.0, -110.0, -99.0, -105.0, -130.0)]
    late = [
        {ELBO: elbo, KL: kl, HOLES: gaps, SHARPNESS: sharp, KL_EACH: [0.02, 0.001, kl / 10, 0.0, 0.03]}
        for elbo, kl, gaps, sharp in zip(
            (-200.0, -201.0, -203.0, -204.0), (0.01, 0.02, 0.03, 0.05), (2.0, 2.0, 2.0, 2.4),
            (0.1, 0.2, 0.3, 0.42), strict=True,
        )
    ]  # fmt: skip
    told = symptoms(VAE, [{"round": 1000 * i} | row for i, row in enumerate(early + late)], ANY)
    wanted = {
        "Posterior collapse": "the KL term is 0.050 nats",
        "Holes": "lie 2.4 times as far from the nearest code",
        "Overfitting": "the test ELBO was best around round 2,000, −99.0, and is −204.0 now",
        "Blur": "samples are 42% as sharp as real pictures",
        "Sleeping dimensions": "3 of 5 say nothing about x",
    }
    assert [one.name for one in told] == [*wanted]
    for one, words in zip(told, wanted.values(), strict=True):
        assert one.sentence.startswith(f"{one.name}: ")
        assert words in one.sentence
    assert symptoms(VAE, [{"round": i} | row for i, row in enumerate(early)], ANY)[0].sentence.startswith(
        "Working: the test ELBO is −130.0"
    )


def test_one_dimension_that_sleeps_among_sleepers_is_no_news():
    assert names((WINDOW, {KL_EACH: [0.001, 0.001]})) == ["Working"]
    for each in itertools.permutations([3.0, 2.0, 0.001]):
        assert names((WINDOW, {KL_EACH: [*each]})) == ["Sleeping dimensions", "Working"]


# --- what is left of knobs and limits ----------------------------------------------------------------


def test_the_learning_rate_is_that_of_the_optimizer_and_pca_has_none():
    for family in (AE, VAE, CVAE):
        model = made(family, lr=0.0123)
        (group,) = model.optimizer("model").param_groups
        assert group["lr"] == 0.0123
        assert {id(w) for w in group["params"]} == {id(w) for w in model.parameters()}
    assert PCA(PCA.configure(DIGITS.space), DIGITS.space).optimizer("model") is None


def test_a_part_has_at_least_one_example_and_no_layer_of_more_than_forty_megabytes(monkeypatch):
    for family, values in ((PCA, {}), (AE, {}), (VAE, {"network": "convolutional", "width": 512})):
        known = {k: v for k, v in values.items() if k in family.Config.model_fields}
        config = family.configure(DIGITS.space, known)
        assert 1 <= 4 * config.numbers(DIGITS.space) * (base.NUMBERS // config.numbers(DIGITS.space)) <= 40e6
    model = made(AE)
    monkeypatch.setattr(base, "NUMBERS", 1)
    assert model.at_once == 1
    assert model.sample(3).shape == (3, 1, 28, 28)


def test_dark_greys_are_no_ink_and_nothing_is_brighter_than_white():
    bar = torch.full((1, 1, 20, 20), -1.0)
    bar[..., 4:16, 8:11] = 1
    plain = attributes(bar)
    for grey, counts in ((0.09, False), (0.12, True)):
        dirty = bar.clone()
        dirty[..., 0, 0] = 2 * grey - 1
        assert bool((attributes(dirty) != plain).any()) == counts
        dim = torch.where(bar > 0, -0.4, -1.0)  # however dim the shape itself is
        dirty = dim.clone()
        dirty[..., 0, 0] = 2 * grey - 1
        assert bool((attributes(dirty) != attributes(dim)).any()) == counts
    torch.testing.assert_close(attributes(3 * bar), plain)
    colours = torch.cat([bar, bar, bar], 1)
    torch.testing.assert_close(attributes(colours), plain)
    one = torch.cat([bar, -torch.ones_like(bar), -torch.ones_like(bar)], 1)  # a third as bright
    torch.testing.assert_close(attributes(one), plain, rtol=1e-4, atol=1e-4)
