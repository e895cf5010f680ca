"""The detector of denoisers: silent at first, right about made-up rows. What it says of real trainings
is in tests/trainings/test_stories.py."""

from functools import partial

import pytest

from engine.diffusion import symptoms as detector
from engine.diffusion.ddpm import DDPM
from engine.diffusion.symptoms import WINDOW
from engine.dispatch import serving
from engine.families import find
from engine.metrics.measure import Floor
from engine.metrics.ruler import DataFacts

symptoms = partial(detector.symptoms, DDPM)

POINTS = DataFacts({"sliced Wasserstein": Floor(0.03, 0.01)}, [1.0], "regions", 1.0)
DIGITS = DataFacts({}, [], "images", 1.0)
WELL = {"test loss": 0.2, "sliced Wasserstein": 0.05}
STRAY = [1.0, 1.05, 0.95, 1.02, 0.97, 1.04, 0.96, 1.01]  # measurements stray by 5 %


def rows(*stretches: tuple[int, dict]) -> list[dict]:
    """So many measurements of each kind, one every 64 rounds."""
    kinds = [WELL | kind for count, kind in stretches for _ in range(count)]
    made = [{"round": 64 * (i + 1)} | kind for i, kind in enumerate(kinds)]
    for i, row in enumerate(made):
        row["test loss"] *= STRAY[i % len(STRAY)]
    return made


def names(symptoms: list) -> list[str]:
    return [one.name for one in symptoms]


@pytest.mark.parametrize("family", ["ddpm", "flow-matching"])
def test_both_families_have_this_detector(family):
    assert serving("symptoms", "engine", "symptoms", find(family)) == [detector.symptoms]


def test_nothing_is_said_before_there_are_enough_measurements():
    assert symptoms([], POINTS) == []
    assert symptoms([{"round": i, "‖ε − ε_θ‖²": 1.0} for i in range(500)], POINTS) == []
    assert symptoms(rows((WINDOW - 1, {"sliced Wasserstein": 5.0})), POINTS) == []


def test_a_healthy_run_works_and_says_how_far_from_the_floor_it_is():
    (symptom,) = symptoms(rows((20, {})), POINTS)
    assert (symptom.name, symptom.bad) == ("Working", False)
    assert "distance 0.05, where real data have 0.030 ± 0.020" in symptom.sentence
    (symptom,) = symptoms([{k: v for k, v in row.items() if k[0] != "s"} for row in rows((20, {}))], DIGITS)
    assert (symptom.name, symptom.tone) == ("Settled", "")
    assert "distance" not in symptom.sentence


def test_one_that_gets_better_is_learning():
    falling = rows(*[(1, {"test loss": 0.9**i}) for i in range(12)])
    assert names(symptoms(falling, DIGITS)) == ["Learning"]
    closer = rows(*[(1, {"sliced Wasserstein": 2 * 0.9**i}) for i in range(12)])
    assert names(symptoms(closer, POINTS)) == ["Learning"]  # far away, but on their way


def test_samples_that_stay_far_though_the_net_has_learned_are_the_walks_fault():
    (symptom,) = symptoms(rows((10, {}), (8, {"sliced Wasserstein": 0.3})), POINTS)
    assert symptom.name == "Far from the data"
    assert symptom.since == 64 * 11
    assert "0.30, where real data have 0.030 ± 0.020" in symptom.sentence
    assert "more steps" in symptom.cure
    assert symptom.bad


def test_far_is_measured_in_spreads_and_in_errors():
    away = rows((20, {"sliced Wasserstein": 0.3}))
    assert names(symptoms(away, POINTS._replace(spread=3.0))) == ["Close"]
    wide = POINTS._replace(floors={"sliced Wasserstein": Floor(0.1, 0.05)})
    assert names(symptoms(away, wide)) == ["Working"]
    once_near = rows((10, {"sliced Wasserstein": 0.3}), (1, {}))
    assert names(symptoms(once_near, POINTS)) == ["Close"]


def test_a_test_loss_past_its_best_is_overfitting():
    past = [(1, {"test loss": 0.2 + 0.02 * i}) for i in range(8)]
    (symptom,) = symptoms(rows((8, {"test loss": 0.5}), (8, {}), *past), DIGITS)
    assert symptom.name == "Overfitting"
    assert 64 * 9 <= symptom.since <= 64 * 17
    assert "memorizes its training examples" in symptom.sentence
    assert "more data" in symptom.cure


def test_a_net_that_forgets_is_diverging():
    (symptom,) = symptoms(rows((10, {}), (8, {"test loss": 3.0})), POINTS)
    assert symptom.name == "Diverging"
    assert "learning rate" in symptom.cure
    assert names(symptoms(rows((10, {}), (8, {"test loss": float("nan")})), POINTS)) == ["Diverging"]
    hard = rows((20, {"test loss": 3.0}))  # it never was better
    assert names(symptoms(hard, DIGITS)) == ["Settled"]


def test_one_odd_measurement_changes_nothing():
    for kind in ({"test loss": 3.0}, {"sliced Wasserstein": 5.0}):
        assert not any(one.bad for one in symptoms(rows((12, {}), (1, kind), (2, {})), POINTS))


# --- where each claim begins: made-up rows on either side of it --------------------------------------


def plain(losses: list[float], distances: list[float] | None = None) -> list[dict]:
    """Rows that do not stray."""
    made = [{"round": 64 * (i + 1), "test loss": loss} for i, loss in enumerate(losses)]
    for row, distance in zip(made, distances or [], strict=False):
        row["sliced Wasserstein"] = distance
    return made


EDGES = [
    ("eight measurements", "Settled", [0.2] * 7, [0.2] * 8),
    ("worse than predicting no noise", "Diverging", [0.2] * 8 + [0.99] * 8, [0.2] * 8 + [1.0] * 8),
    ("twice the best if that is more", "Diverging", [0.8] * 8 + [1.59] * 8, [0.8] * 8 + [1.6] * 8),
    ("but for a quarter of the window", "Diverging",
     [0.2] * 8 + [3] * 5 + [0.2] * 3, [0.2] * 8 + [3] * 6 + [0.2] * 2),
    ("a fifth above the best", "Overfitting",
     [1, 1] + [0.2] * 4 + [0.239] * 4, [1, 1] + [0.2] * 4 + [0.24] * 4),
    ("long after the best", "Overfitting",
     [0.5] * 8 + [0.2] * 8 + [0.239] * 8, [0.5] * 8 + [0.2] * 8 + [0.25] * 8),
    ("and still now", "Overfitting",
     [1, 1] + [0.2] * 4 + [0.3] * 3 + [0.2] * 3, [1, 1] + [0.2] * 4 + [0.2] + [0.3] * 3),
    ("in most of the last four", "Overfitting",
     [1, 1] + [0.2] * 6 + [0.25] * 2, [1, 1] + [0.2] * 6 + [0.28] * 2),
    ("once the best is four behind", "Overfitting",
     [0.5] * 8 + [0.3, 0.2, 0.2, 0.19] + [0.3] * 2, [0.5] * 8 + [0.3, 0.2, 0.2, 0.19] + [0.3] * 3),
    ("below the four before", "Learning",
     [1.0] * 8 + [0.2] * 4 + [0.19] * 4, [1.0] * 8 + [0.2] * 4 + [0.189] * 4),
    ("a twentieth below before", "Learning", [0.2] * 4 + [0.19] * 4, [0.2] * 4 + [0.189] * 4),
    ("mostly below", "Learning", [0.2] * 4 + [0.2] * 3 + [0.1], [0.2] * 4 + [0.18] * 3 + [0.2]),
    ("below what was usual", "Learning", [0.18] * 3 + [0.3] + [0.18] * 4, [0.2] * 3 + [0.1] + [0.18] * 4),
]  # fmt: skip


@pytest.mark.parametrize(("where", "name", "not_yet", "then"), EDGES, ids=[edge[0] for edge in EDGES])
def test_a_claim_begins_where_it_says(where, name, not_yet, then):
    assert name not in names(symptoms(plain(not_yet), DIGITS))
    assert names(symptoms(plain(then), DIGITS)) == [name]


FLOORED = {"sliced Wasserstein": Floor(0.03, 0.01)}
DISTANCES = [
    ("a share of the spread", "Far from the data", 1.0, FLOORED, [0.149] * 8, [0.15] * 8),
    ("of a wider spread", "Far from the data", 2.0, FLOORED, [0.299] * 8, [0.3] * 8),
    ("five errors above the floor", "Far from the data", 0.1, FLOORED, [0.079] * 8, [0.08] * 8),
    ("unless it comes closer", "Far from the data", 1.0, FLOORED,
     [1.0] * 4 + [0.89] * 4, [1.0] * 4 + [0.9] * 4),
    ("than in the four before", "Far from the data", 1.0, FLOORED,
     [2.0] * 8 + [1.0] * 4 + [0.89] * 4, [2.0] * 8 + [1.0] * 4 + [0.9] * 4),
    ("closer than in the four before", "Learning", 9.0, FLOORED,
     [2.0] * 8 + [0.5] * 4 + [0.45] * 4, [2.0] * 8 + [0.5] * 4 + [0.449] * 4),
    ("mostly no closer", "Far from the data", 1.0, FLOORED,
     [1.0] * 4 + [0.8] * 3 + [2.0], [1.0] * 4 + [0.95] * 3 + [0.5]),
    ("mostly closer", "Learning", 9.0, FLOORED,
     [0.5] * 4 + [0.5] * 3 + [0.1], [0.5] * 4 + [0.4] * 3 + [0.6]),
    ("closer by a tenth", "Learning", 9.0, FLOORED, [0.5] * 4 + [0.45] * 4, [0.5] * 4 + [0.449] * 4),
    ("closer and not yet there", "Learning", 9.0, FLOORED, [0.1] * 4 + [0.05] * 4, [0.1] * 4 + [0.051] * 4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("where", "name", "spread", "floors", "not_yet", "then"), DISTANCES, ids=[d[0] for d in DISTANCES]
)
def test_a_claim_about_the_samples_begins_where_it_says(where, name, spread, floors, not_yet, then):
    data = DataFacts(floors, [1.0], "regions", spread)
    assert name not in names(symptoms(plain([0.2] * len(not_yet), not_yet), data))
    assert names(symptoms(plain([0.2] * len(then), then), data)) == [name]


def test_a_distance_that_was_not_measured_says_nothing():
    assert names(symptoms(plain([0.2] * 8), POINTS)) == ["Settled"]
    begun = plain([0.2] * 8, [0.3] * 8)
    for row in begun[:4]:
        del row["sliced Wasserstein"]
    assert names(symptoms(begun, POINTS)) == ["Close"]
    (symptom,) = symptoms(plain([0.2] * 8, [0.05] * 7 + [0.04]), POINTS)
    assert "distance 0.04, where" in symptom.sentence


def test_rounds_that_are_told_are_those_of_the_claim():
    losses = [0.5] * 4 + [0.2] + [0.5] * 3 + [3.0] * 8
    (symptom,) = symptoms(plain(losses), DIGITS)
    assert (symptom.name, symptom.since) == ("Diverging", 64 * 5)
    assert "was 0.20 around round 320 and is 3.00 now" in symptom.sentence
    (symptom,) = symptoms(plain([1.0] * 2 + [0.2] * 4 + [0.5] * 4), DIGITS)
    assert (symptom.name, symptom.since) == ("Overfitting", 64 * 4)
    assert "lowest around round 256, 0.20, and is 0.50 now" in symptom.sentence
    (symptom,) = symptoms(plain([0.2] * 12, [0.3] * 12), POINTS)
    assert (symptom.name, symptom.since) == ("Far from the data", 64 * 5)
    (symptom,) = symptoms(plain([0.2] * 12), DIGITS)
    assert (symptom.name, symptom.since, symptom.tone) == ("Settled", 64 * 12, "")
    (symptom,) = symptoms(plain([0.9**i for i in range(12)]), DIGITS)
    assert (symptom.since, symptom.tone) == (64, "")
