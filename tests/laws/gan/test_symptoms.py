"""The detector: silent at first, steady, right about made-up rows and about real trainings."""

from functools import partial
from itertools import islice

import pytest
import torch

from engine.data import batches, load
from engine.fit import fit
from engine.gan import symptoms as detector
from engine.gan.gan import GAN
from engine.metrics.detector import OFF, ON, WINDOW, number
from engine.metrics.measure import Floor
from engine.metrics.observe import observe
from engine.metrics.ruler import About, about

symptoms = partial(detector.symptoms, GAN)

FLOORS = {"modes": Floor(8, 0), "JS": Floor(0.013, 0.0015)}
RING = About(FLOORS, [1 / 8] * 8, "modes", 1.41)
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
    assert symptoms(digits, About({}, [], "images", 1.0)) == []


def test_numbers_are_short_and_have_a_real_minus():
    told = [number(v) for v in (0.0, 0.5, -0.25, 3e-4, 1.234e-12, 42.0, 1234.5, 2.5e7)]
    assert told == ["0.00", "0.50", "−0.25", "3e−4", "1e−12", "42.00", "1,234", "2e7"]


# --- real trainings ------------------------------------------------------------------------------


def story(name: str, seed: int, rounds: int, **knobs) -> list[list]:
    """What the detector says at each measurement of a run."""
    data = load(name)
    torch.manual_seed(seed)
    model = GAN(GAN.configure(data.space, knobs), data.space)
    known, history, told = about(data), [], []
    for turn in fit(model, islice(batches(data, lambda: model.config.batch, seed), rounds)):
        if turn.player == "G" and (turn.round + 1) % 64 == 0:
            row = {"round": turn.round + 1} | {k: v.item() for k, v in turn.terms.items()}
            history.append(row | observe(model, data))
            told.append(symptoms(history, known))
    return told


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ["ring", "grid", "moons", "two-bumps"])
def test_a_default_run_is_never_accused(name, seed):
    told = story(name, seed, 1536)
    assert {symptom.name for each in told for symptom in each} <= {"Working", "Learning"}
    if name != "grid":
        assert names(told[-1]) == ["Working"]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_slow_discriminator_loses_modes_and_the_fakes_run(seed):
    told = story("ring", seed, 768, lr_D=1e-4)[-1]
    assert {"Mode collapse", "Oscillation"} <= {*names(told)}
    assert "packing" in told[0].cure


def test_under_minimax_a_discriminator_that_has_won_teaches_nothing():
    told = story("ring", 0, 448, loss="minimax", k=10, lr_G=1e-4, lr_D=3e-3)
    assert names(told[-1]) == ["Vanishing gradient"]


def test_a_discriminator_far_ahead_is_too_strong():
    assert names(story("ring", 0, 512, k=5, lr_G=1e-5, lr_D=3e-3)[-1]) == ["D too strong"]
