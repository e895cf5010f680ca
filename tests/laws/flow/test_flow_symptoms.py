"""The detector of flows: what it measures, against a second way; and that it is right about made-up rows."""

from functools import partial

import pytest
import torch

from engine.data import batches, keep_points, load
from engine.dispatch import serving
from engine.families import find
from engine.fit import fit
from engine.flow import symptoms as detector
from engine.flow.base import BITS, NLL
from engine.flow.measures import KL, SAME, alike, measure
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
    assert measure(nice(small, digits.space), digits) == {}


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
    assert name(symptoms(rows(*[0.25] * 12, **{"high-quality": 0.7}), RING)) == "Working"


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
    assert name(symptoms(pictures(worse, worse), DIGITS)) == "Working"
    assert name(symptoms(pictures(better, better), DIGITS)) == "Learning"


def test_a_table_is_judged_by_its_test_loss_alone():
    table = [{k: v for k, v in row.items() if k != KL} for row in rows(*[0.6] * 12)]
    (symptom,) = symptoms(table, TABLE)
    assert symptom.name == "Working"
    assert "entropy" not in symptom.sentence
