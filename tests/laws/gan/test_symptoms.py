"""The detector: silent at first, steady, right about made-up rows. What it says of real
trainings is in tests/trainings/test_stories.py."""

from functools import partial

import pytest

from engine.gan import symptoms as detector
from engine.gan.gan import GAN
from engine.metrics.detector import OFF, ON, WINDOW, number
from engine.metrics.measure import Floor
from engine.metrics.ruler import DataFacts

symptoms = partial(detector.symptoms, GAN)

FLOORS = {"modes": Floor(8, 0), "JS": Floor(0.013, 0.0015)}
RING = DataFacts(FLOORS, [1 / 8] * 8, "modes", 1.41)
EVEN, ONE = [1 / 8] * 8, [1.0, 0, 0, 0, 0, 0, 0, 0]
WELL = {
    "modes": 8.0, "high-quality": 0.9, "sliced Wasserstein": 0.15, "JS": 0.3,
    "D(x)": 0.55, "D(G(z))": 0.45, "gradient": 0.6, "shares": EVEN, "-E[log D(x)]": 0.6,
}  # fmt: skip
LOST = {"modes": 1.0, "high-quality": 0.1, "sliced Wasserstein": 2.0, "JS": 0.9}


def rows(*stretches: tuple[int, dict]) -> list[dict]:
    """So many measurements of each kind, one every 64 rounds."""
    kinds = [WELL | kind for count, kind in stretches for _ in range(count)]
    return [{"round": 64 * (i + 1)} | kind for i, kind in enumerate(kinds)]


def names(symptoms: list) -> list[str]:
    return [symptom.name for symptom in symptoms]


def test_nothing_is_said_before_there_are_enough_measurements():
    assert symptoms([], RING) == []
    plain = [{"round": i, "-E[log D(x)]": 0.7} for i in range(500)]  # rows without a measurement
    assert symptoms(plain + rows((WINDOW - 1, LOST | {"shares": ONE})), RING) == []


def test_a_healthy_run_works_and_says_how_far_from_the_floor_it_is():
    (symptom,) = symptoms(rows((20, {})), RING)
    assert (symptom.name, symptom.since, symptom.cure, symptom.bad) == ("Working", 64, "", False)
    assert "8 of 8 modes covered; JS 0.30 bits, where real data have 0.013 ± 0.003" in symptom.sentence
    (symptom,) = symptoms(rows((20, {"JS": 0.015})), RING)
    assert "within the noise of real data" in symptom.sentence


def test_a_blurred_generator_is_still_learning():
    assert names(symptoms(rows((20, {"JS": 0.7, "modes": 5.0, "high-quality": 0.3})), RING)) == ["Learning"]


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        (LOST | {"shares": ONE, "D(x)": 0.92}, "Mode collapse",
         "at most 1 of 8 modes at a time since round 704"),
        ({"modes": 3.0}, "Mode collapse", "at most 3 of 8 modes"),
        ({"gradient": 2e-4, "D(G(z))": 3e-4}, "Vanishing gradient",
         "D(G(z)) = 3e−4: D is sure of the fakes, and the gradient at a fake is 2e−4, 0.03 % of what it was"),
        (LOST | {"D(x)": 0.99, "D(G(z))": 0.01}, "D too strong",
         "D(x) = 0.99 and D(G(z)) = 0.01 since round 704"),
        (LOST | {"D(x)": 0.5, "D(G(z))": 0.5}, "D too weak", "(JS 0.90 bits) since round 704"),
    ],
)  # fmt: skip
def test_a_failure_is_named_with_its_numbers_its_beginning_and_a_cure(kind, name, words):
    (symptom,) = symptoms(rows((10, {}), (20, kind)), RING)
    assert symptom.name == name
    assert words in symptom.sentence
    assert symptom.since == 704
    assert symptom.bad
    assert symptom.cure


def test_an_oscillation_counts_the_moves():
    there, here = {"shares": ONE}, {"shares": ONE[::-1]}
    told = {s.name: s for s in symptoms(rows(*[(1, there), (1, here)] * 8), RING)}
    assert "from mode to mode 15 times since round 128" in told["Oscillation"].sentence


def test_a_loss_without_bound_is_diverging():
    kinds = [(1, {"-E[log D(x)]": -(1.5**i)}) for i in range(30)]
    (symptom,) = symptoms(rows(*kinds), RING)
    assert symptom.name == "Diverging"
    assert "clipping" in symptom.cure
    assert names(symptoms(rows((30, {"-E[log D(x)]": 5000.0})), RING)) == ["Working"]  # large, and stays


def test_a_strong_discriminator_whose_fakes_come_closer_is_not_blamed():
    kinds = [(1, {"D(x)": 0.99, "D(G(z))": 0.01, "sliced Wasserstein": 2 * 0.9**i}) for i in range(20)]
    assert names(symptoms(rows(*kinds), RING)) == ["Working"]


def test_one_odd_measurement_changes_nothing_and_most_of_a_window_does():
    lost = LOST | {"shares": ONE, "D(x)": 0.8}
    assert names(symptoms(rows((20, {}), (ON - 1, lost)), RING)) == ["Working"]
    assert names(symptoms(rows((20, {}), (ON, lost)), RING)) == ["Mode collapse"]
    assert names(symptoms(rows((20, lost), (WINDOW - OFF, {})), RING)) == ["Mode collapse"]
    assert names(symptoms(rows((20, lost), (WINDOW, {})), RING)) == ["Working"]


def test_a_critic_has_no_beliefs_and_images_no_distance():
    assert names(symptoms(rows((20, {"D(x)": 7.0, "D(G(z))": -3.0})), RING)) == ["Working"]
    digits = [{"round": 64 * i, "D(x)": 0.97, "D(G(z))": 0.02, "gradient": 0.3} for i in range(1, 20)]
    assert symptoms(digits, DataFacts({}, [], "images", 1.0)) == []


def test_numbers_are_short_and_have_a_real_minus():
    told = [number(v) for v in (0.0, 0.5, -0.25, 3e-4, 1.234e-12, 42.0, 1234.5, 2.5e7)]
    assert told == ["0.00", "0.50", "−0.25", "3e−4", "1e−12", "42.00", "1,234", "2e7"]
