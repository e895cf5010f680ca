"""The detector of flows: what it measures, against a second way; and that it is right about made-up rows."""

from functools import partial

import pytest
import torch

from engine.data import batches, keep_points, load
from engine.dispatch import serving
from engine.families import find
from engine.fit import fit
from engine.flow import symptoms as detector
from engine.flow.base import BITS, NLL, TEST
from engine.flow.measures import KL, SAME, SPIKES, alike, measure
from engine.flow.real_nvp import RealNVP
from engine.flow.symptoms import WINDOW
from engine.metrics.measure import Floor
from engine.metrics.ruler import REPEATS, DataFacts, about

symptoms = partial(detector.symptoms, RealNVP)

FLOOR = {"sliced Wasserstein": Floor(0.03, 0.01)}
MOONS = DataFacts(FLOOR, [1.0], "regions", 1.0, 1.0)
RING = DataFacts(FLOOR, [1 / 8] * 8, "modes", 1.0, 0.3)
TABLE = DataFacts(FLOOR, [1.0], "regions", 1.0)
DIGITS = DataFacts({}, [], "images", 1.0)


def rows(*above: float, entropy: float = 1.0, **more) -> list[dict]:
    """A measurement of each distance from the entropy, one every 64 rounds."""
    return [
        {"round": 64 * (i + 1), NLL: entropy + v, f"test {NLL}": entropy + v, KL: v} | more
        for i, v in enumerate(above)
    ]


def pictures(test: list[float], training: list[float]) -> list[dict]:
    pairs = zip(test, training, strict=True)
    return [{"round": 64 * (i + 1), f"test {BITS}": t, BITS: s} for i, (t, s) in enumerate(pairs)]


def name(symptoms: list) -> str:
    (one,) = symptoms
    assert one.sentence.startswith(f"{one.name}: ")
    return one.name


# --- what is measured ------------------------------------------------------------------------------


def trained(family: str, data_name: str, rounds: int, **knobs):
    data, kind = load(data_name), find(family)
    torch.manual_seed(0)
    model = kind(kind.configure(data.space, {"width": 16, "depth": 1, "layers": 3} | knobs), data.space)
    for _, batch in zip(range(rounds), batches(data, lambda: 64, 0), strict=False):
        for _turn in fit(model, [batch]):
            pass
    return model, data


def test_what_is_above_the_entropy_is_the_divergence(double):
    model, data = trained("real-nvp", "two-gaussians", 40)
    measured = measure(model, data)
    x, cell = data.target.grid(120)
    log_p = data.target.log_prob(x)
    exact = (log_p.exp() * (log_p - model.log_prob(x))).sum().item() * cell
    assert exact > 0.01
    assert measured[KL] == pytest.approx(exact, rel=0.1, abs=0.01)
    assert measured[f"test {NLL}"] == pytest.approx(data.target.entropy() + exact, abs=0.02)
    plain = model.evaluate(data.test_x.double())[f"test {NLL}"]  # which strays as a sample's entropy does
    assert measured[f"test {NLL}"] == pytest.approx(plain, abs=0.05)


@pytest.mark.parametrize("family", ["real-nvp", "nice", "maf", "iaf"])
def test_without_an_order_one_number_is_frozen_and_with_one_none(family, double):
    for order, frozen in (("none", 1.0), ("alternate", None)):
        model, data = trained(family, "moons", 5, order=order)
        assert measure(model, data).get("frozen") == frozen


def test_a_line_is_frozen_and_a_bend_is_not(double):
    x = torch.randn(500, 3)
    z = torch.stack([x[:, 0], 3 - 2 * x[:, 1], x[:, 2] + 1e-3 * x[:, 2].square()], 1)
    assert (alike(x, z) < SAME).tolist() == [True, True, False]


def test_a_table_has_no_divergence_and_pictures_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(REPEATS, 2, 8)
    points = torch.randn(40, 2).clamp(-2, 2).numpy()
    table, drawing = (load(keep_points(points, kind, tmp_path), tmp_path) for kind in ("csv", "drawn"))
    kind = find("real-nvp")
    assert KL not in measure(kind(kind.configure(table.space), table.space), table)
    assert about(table).entropy is None
    assert about(drawing).entropy == drawing.target.entropy()
    digits, nice = load("digits"), find("nice")
    small = nice.configure(digits.space, {"width": 8, "layers": 2})
    assert measure(nice(small, digits.space), digits).keys() == {SPIKES}


# --- what is said ----------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["planar", "glow", "continuous-flow"])
def test_all_flows_have_this_detector(family):
    assert serving("symptoms", "engine", "symptoms", find(family)) == [detector.symptoms]


def test_nothing_is_said_before_there_are_enough_measurements():
    assert symptoms([], MOONS) == []
    assert symptoms([{"round": i, NLL: 1.0} for i in range(500)], MOONS) == []
    assert symptoms(rows(*[2.0] * (WINDOW - 1)), MOONS) == []


def test_within_a_tenth_of_the_entropy_it_works_and_says_how_far_it_is():
    (symptom,) = symptoms(rows(*[0.05] * 12), MOONS)
    assert (symptom.name, symptom.bad) == ("Working", False)
    assert "is 1.05, 0.050 nat above the data's entropy" in symptom.sentence


def test_one_that_comes_closer_is_learning():
    assert name(symptoms(rows(*[2 * 0.9**i for i in range(12)]), MOONS)) == "Learning"
    assert name(symptoms(rows(*[2 * 0.9**i for i in range(12)], **{"high-quality": 0.5}), RING)) == "Learning"


def test_bridges_are_seen_where_modes_are_known_and_samples_lie_between():
    between = rows(*[0.6 * 0.97**i for i in range(12)], **{"high-quality": 0.7})
    (symptom,) = symptoms(between, RING)
    assert (symptom.name, symptom.bad) == ("Bridges", True)
    assert "30% of the samples lie between the groups" in symptom.sentence
    assert "mixture" in symptom.cure
    assert name(symptoms(between, MOONS)) == "Too stiff"
    assert name(symptoms(rows(*[0.6] * 12, **{"high-quality": 0.98}), RING)) == "Too stiff"
    assert name(symptoms(rows(*[0.25] * 12, **{"high-quality": 0.7}), RING)) == "Close"


def test_a_frozen_half_is_told_and_not_where_nothing_is_missing():
    (symptom,) = symptoms(rows(*[0.6] * 12, frozen=1.0), MOONS)
    assert symptom.name == "Frozen half"
    assert "only scale and shift one number of x, so its density" in symptom.sentence
    (of_two,) = symptoms(rows(*[0.6] * 12, frozen=2.0), MOONS)
    assert "only scale and shift 2 numbers of x, so their density" in of_two.sentence
    assert (
        name(symptoms(rows(*[0.02] * 12, frozen=1.0), MOONS)) == "Working"
    )  # the data are a bell themselves


def test_diverging_is_a_loss_that_was_much_better_and_no_single_spike():
    assert name(symptoms(rows(*[0.1] * 8, *[3.0] * 4), MOONS)) == "Diverging"
    assert name(symptoms(rows(*[0.1] * 8, *[float("nan")] * 4), MOONS)) == "Diverging"
    assert name(symptoms(rows(*[0.1] * 10, 9.0, 0.1), MOONS)) == "Working"


def test_pictures_learned_by_heart_are_overfitting_and_a_slip_of_both_losses_is_not():
    wild = pictures([2.0] * 8 + [99.0] * 4, [2.0] * 8 + [1.5] * 4)
    assert name(symptoms(wild, DIGITS)) == "Overfitting"
    worse, better = [2.0] * 8 + [2.1] * 4, [2.0] * 8 + [1.5] * 4
    assert name(symptoms(pictures(worse, better), DIGITS)) == "Overfitting"
    assert name(symptoms(pictures(worse, worse), DIGITS)) == "Settled"
    assert name(symptoms(pictures(better, better), DIGITS)) == "Learning"


def test_a_table_is_judged_by_its_test_loss_alone():
    table = [{k: v for k, v in row.items() if k != KL} for row in rows(*[0.6] * 12)]
    (symptom,) = symptoms(table, TABLE)
    assert (symptom.name, symptom.tone) == ("Settled", "")  # nobody knows how low it can get
    assert "entropy" not in symptom.sentence


@pytest.mark.parametrize(("above", "claim"), [([0.1] * 8 + [3.0] * 4, "Diverging"), ([0.1] * 12, "Working")])
def test_a_model_that_somebody_only_measures_has_no_training_loss_and_is_judged_by_the_test_loss(
    above, claim
):
    measured = [{k: v for k, v in row.items() if k != NLL} for row in rows(*above)]
    assert name(symptoms(measured, MOONS)) == claim


@pytest.mark.parametrize("loss", [-2.0, 2.0])  # a density above 1 has a negative one
@pytest.mark.parametrize("without", [slice(8), slice(8, 12), slice(12)])
def test_a_training_loss_that_some_rows_lack_has_not_fallen(loss, without):
    measured = told([loss] * 8 + [loss + 1.5] * 4, [loss] * 8 + [loss - 1] * 4)
    assert name(symptoms(measured, TABLE)) == "Overfitting"
    for row in measured[without]:
        del row[NLL]
    assert name(symptoms(measured, TABLE)) == "Diverging"


# --- where each claim begins: made-up rows on either side of it --------------------------------------


def told(test: list[float], training: list[float] | None = None, loss=NLL, **more: float) -> list[dict]:
    """Rows of these test losses and training losses, one every 64 rounds; no KL unless `more` has one."""
    pairs = zip(test, training or test, strict=True)
    return [{"round": 64 * (i + 1), TEST[loss]: t, loss: s} | more for i, (t, s) in enumerate(pairs)]


def held(first: int, frozen: int = 4) -> list[dict]:
    """Rows far from the entropy, of which those from the first of `frozen` have a frozen number."""
    made = rows(*[0.6] * 12)
    return [row | ({"frozen": 1.0} if first <= i < first + frozen else {}) for i, row in enumerate(made)]


FALLS, BETWEEN, NEARLY = [2.0] * 8 + [1.5] * 4, {"high-quality": 0.5}, {"high-quality": 0.899}
CLAIMS = [
    ("six measurements", "Settled", TABLE, told([1.0] * 5), told([1.0] * 6)),
    ("overfitting by 0.15 nats", "Overfitting", TABLE,
     told([1.0] * 8 + [1.149] * 4, FALLS), told([1.0] * 8 + [1.15] * 4, FALLS)),
    ("overfitting by 0.04 bits", "Overfitting", DIGITS,
     told([1.0] * 8 + [1.039] * 4, FALLS, BITS), told([1.0] * 8 + [1.04] * 4, FALLS, BITS)),
    ("or the training loss as it is", "Overfitting", TABLE,
     told([1.0] * 8 + [1.5] * 4, [2.0] * 12), told([1.0] * 8 + [1.5] * 4, [2.0] * 8 + [1.999] * 4)),
    ("mostly below that of the best round", "Overfitting", TABLE,
     told([1.0] * 8 + [1.5] * 4, [2.0] * 8 + [1.0, 1.0, 3.1, 9.0]),
     told([1.0] * 8 + [1.5] * 4, [2.0] * 8 + [1.0, 1.0, 2.9, 9.0])),
    ("and that is the round of the best test loss", "Overfitting", TABLE,
     told([1.2] * 4 + [1.0] + [1.5] * 7, [3.0] * 4 + [1.9] + [2.0] * 7),
     told([1.2] * 4 + [1.0] + [1.5] * 7, [3.0] * 4 + [2.1] + [2.0] * 7)),
    ("diverging by 1 nat", "Diverging", TABLE, told([1.0] * 8 + [1.999] * 4), told([1.0] * 8 + [2.0] * 4)),
    ("diverging by 1 bit", "Diverging", DIGITS,
     told([1.0] * 8 + [1.999] * 4, None, BITS), told([1.0] * 8 + [2.0] * 4, None, BITS)),
    ("each of the last four", "Diverging", TABLE, told([1.0] * 9 + [3.0] * 3), told([1.0] * 8 + [3.0] * 4)),
    ("a frozen number far from the entropy", "Frozen half", MOONS,
     rows(*[0.099] * 12, frozen=1.0), rows(*[0.1] * 12, frozen=1.0)),
    ("in each of the last four", "Frozen half", MOONS, held(9), held(8)),
    ("and in the best of them", "Frozen half", MOONS,
     rows(*[0.6] * 8, 0.6, 0.099, 0.6, 0.6, frozen=1.0), rows(*[0.6] * 7, 0.099, *[0.6] * 4, frozen=1.0)),
    ("or where no entropy is known", "Frozen half", TABLE, told([1.0] * 12), told([1.0] * 12, frozen=1.0)),
    ("0.3 nats above the entropy", "Too stiff", MOONS, rows(*[0.299] * 12), rows(*[0.3] * 12)),
    ("nearer by a seventh", "Too stiff", MOONS,
     rows(*[1.0] * 8, *[0.849] * 4), rows(*[1.0] * 8, *[0.851] * 4)),
    ("nearer at the best", "Too stiff", MOONS,
     rows(*[1.0] * 8, 0.9, 0.849, 0.9, 0.9), rows(*[1.0] * 7, 0.9, *[0.9] * 4)),
    ("a tenth of the samples between the groups", "Bridges", RING,
     rows(*[0.6] * 12, **{"high-quality": 0.9}), rows(*[0.6] * 12, **NEARLY)),
    ("thinner by a quarter", "Bridges", RING,
     rows(*[1.0] * 8, *[0.75] * 4, **BETWEEN), rows(*[1.0] * 8, *[0.751] * 4, **BETWEEN)),
    ("where it is known where they are", "Bridges", RING, rows(*[0.6] * 12), rows(*[0.6] * 12, **BETWEEN)),
    ("better by 0.01 nats", "Learning", TABLE,
     told([1.0] * 8 + [0.99] * 4), told([1.0] * 8 + [0.989] * 4)),
    ("better by 0.005 bits", "Learning", DIGITS,
     told([1.0] * 8 + [0.995] * 4, None, BITS), told([1.0] * 8 + [0.9949] * 4, None, BITS)),
    ("better than any before", "Learning", TABLE,
     told([1.0] * 7 + [0.9] + [0.9] * 4), told([1.0] * 8 + [1.0, 0.9, 1.0, 1.0])),
    ("nearer to the entropy by a seventh", "Learning", MOONS,
     rows(*[0.2] * 8, *[0.17] * 4), rows(*[0.2] * 8, *[0.169] * 4)),
    ("than at any time before", "Learning", MOONS,
     rows(*[0.2] * 7, -0.01, *[0.169] * 4), rows(*[0.2] * 8, 0.25, 0.169, 0.25, 0.25)),
    ("and mostly not there yet", "Learning", MOONS,
     rows(*[0.2] * 8, 0.05, 0.1, 0.1, 0.2), rows(*[0.2] * 8, 0.05, 0.1, 0.101, 0.2)),
]  # fmt: skip


@pytest.mark.parametrize(("where", "claim", "data", "not_yet", "then"), CLAIMS, ids=[c[0] for c in CLAIMS])
def test_a_claim_begins_where_it_says(where, claim, data, not_yet, then):
    assert claim not in [one.name for one in symptoms(not_yet, data)]
    assert name(symptoms(then, data)) == claim


def test_what_is_told_is_of_these_measurements_and_rounds():
    def about_it(rows, data) -> tuple:
        (one,) = symptoms(rows, data)
        return one.name, one.since, one.tone, one.sentence, one.cure

    best = [1.2] * 4 + [1.0] + [3.5, 3.0, 2.5, 2.75, 2.5, 3.0, 3.5]
    kind, since, tone, says, cure = about_it(told(best, [2.0] * 5 + [1.0] * 7), TABLE)
    assert (kind, since, tone) == ("Overfitting", 320, "bad")
    assert "was best around round 320, 1.00, and is 3.50 now" in says
    assert "more data" in cure
    kind, since, tone, says, cure = about_it(told(best), TABLE)
    assert (kind, since, tone) == ("Diverging", 320, "bad")
    assert "was 1.00 around round 320 and is 3.50 now" in says
    assert "learning rate" in cure
    still = [*rows(*[0.6] * 11, frozen=2.0), rows(*[0.6] * 12, frozen=1.0)[-1]]
    kind, since, tone, says, _ = about_it(still, MOONS)
    assert (kind, since, tone) == ("Frozen half", 64 * 9, "bad")
    assert "one number of x" in says
    between = rows(*[0.5] * 8, 0.7, 0.55, 0.7, 0.7, **{"high-quality": 0.95})
    between[-1] |= BETWEEN
    kind, since, tone, says, _ = about_it(between, RING)
    assert (kind, since, tone) == ("Bridges", 64 * 9, "bad")
    assert "still 0.700 nat above the entropy, and 50% of the samples" in says
    kind, since, tone, says, _ = about_it(rows(*[0.5] * 8, 0.7, 0.55, 0.7, 0.7), MOONS)
    assert (kind, since, tone) == ("Too stiff", 64 * 9, "bad")
    assert "still 0.700 nat above the entropy" in says
    kind, since, tone, says, _ = about_it(rows(*[0.5] * 8, 0.2, 0.21, 0.23, 0.4), MOONS)
    assert (kind, since, tone) == ("Learning", 64, "")
    assert "is 1.40, 0.400 nat above the data's entropy, and still improving" in says
    kind, since, tone, says, _ = about_it(rows(*[0.01] * 8, *[-0.003] * 4), MOONS)
    assert (kind, since, tone) == ("Working", 64 * 12, "good")
    assert "1.00, −0.003 nat above" in says  # by chance of the test examples
