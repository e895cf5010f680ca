"""The detector: silent at first, steady, right about made-up rows. What it says of real
trainings is in tests/trainings/test_stories.py."""

import math
from functools import partial

import pytest
import torch

from engine.gan import symptoms as detector
from engine.gan.gan import GAN
from engine.metrics.coverage import coverage
from engine.metrics.detector import MOST, OFF, ON, WINDOW, number
from engine.metrics.measure import Floor
from engine.metrics.ruler import DataFacts

symptoms = partial(detector.symptoms, GAN)

FLOORS = {"modes": Floor(8, 0), "JS": Floor(0.013, 0.0015)}
RING = DataFacts(FLOORS, [1 / 8] * 8, "modes", 1.41)
EVEN, ONE = [1 / 8] * 8, [1.0, 0, 0, 0, 0, 0, 0, 0]
WELL = {
    "modes": 8.0, "high-quality": 0.9, "sliced Wasserstein": 0.15, "JS": 0.03,
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
    assert "8 of 8 modes covered; JS 0.03 bits, near that of real data, 0.013 ± 0.003" in symptom.sentence
    (symptom,) = symptoms(rows((20, {"JS": 0.015})), RING)
    assert "within the noise of real data" in symptom.sentence


def test_a_blurred_generator_is_still_learning():
    assert names(symptoms(rows((20, {"JS": 0.7, "modes": 5.0, "high-quality": 0.3})), RING)) == [
        "Not there yet"
    ]
    closer = [(1, {"JS": 0.9 * 0.97**i}) for i in range(20)]
    assert names(symptoms(rows(*closer), RING)) == ["Learning"]


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
    assert names(symptoms(rows((20, {}), (WINDOW - MOST, lost)), RING)) == ["Working"]
    for few in range(WINDOW - MOST + 1, ON):  # too many for praise, and too few for an accusation
        assert names(symptoms(rows((20, {}), (few, lost)), RING)) == ["Not there yet"]
    assert names(symptoms(rows((20, {}), (ON, lost)), RING)) == ["Mode collapse"]
    assert names(symptoms(rows((20, lost), (WINDOW - OFF, {})), RING)) == ["Mode collapse"]
    assert names(symptoms(rows((20, lost), (WINDOW, {})), RING)) == ["Working"]


def test_a_critic_has_no_beliefs_and_images_no_distance():
    assert names(symptoms(rows((20, {"D(x)": 7.0, "D(G(z))": -3.0})), RING)) == ["Working"]
    digits = [{"round": 64 * i, "D(x)": 0.97, "D(G(z))": 0.02, "gradient": 0.3} for i in range(1, 20)]
    assert symptoms(digits, DataFacts({}, [], "images", 1.0)) == []


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ({"D(x)": 0.5, "D(G(z))": 0.5}, []),  # how far the fakes are nobody knows
        ({"D(x)": 0.99, "D(G(z))": 0.01}, []),
        ({"D(x)": 0.99, "D(G(z))": 0.01, "gradient": 2e-4}, ["Vanishing gradient"]),
        ({"-E[log D(x)]": 5000.0}, ["Diverging"]),
    ],
)
def test_of_images_is_told_what_needs_no_distance_and_no_groups(kind, named):
    usual = {"D(x)": 0.6, "D(G(z))": 0.4, "gradient": 0.3, "-E[log D(x)]": 0.6}
    run = [{"round": 64 * i} | usual | (kind if i > 4 else {}) for i in range(11)]
    assert names(symptoms(run, DataFacts({}, [], "images", 1.0))) == named


def test_numbers_are_short_and_have_a_real_minus():
    told = [number(v) for v in (0.0, 0.5, -0.25, 3e-4, 1.234e-12, 42.0, 1234.5, 2.5e7)]
    assert told == ["0.00", "0.50", "−0.25", "3e−4", "1e−12", "42.00", "1,234", "2e7"]


# --- at the edge of each rule ---------------------------------------------------------------------

WIDE = RING._replace(spread=2.0)
GRID = DataFacts(FLOORS, [1 / 25] * 25, "modes", 2.0)
HALF = [1 / 4] * 4 + [0.0] * 4
SHARP, FLAT = {"D(x)": 0.96, "D(G(z))": 0.04}, {"D(x)": 0.54, "D(G(z))": 0.46}


def story(kind: dict, data: DataFacts = RING) -> detector.Story:
    return detector.Story([WELL | kind], data)


@pytest.mark.parametrize(
    ("believed", "known"),
    [((0.0, 1.0), True), ((1.0, 0.0), True), ((0.5, 0.5), True), ((1.5, 0.5), False), ((-0.5, 0.5), False),
     ((0.5, 1.5), False), ((0.5, -0.5), False), ((None, 0.5), False), ((0.5, None), False)],
)  # fmt: skip
def test_beliefs_are_numbers_from_0_to_1_and_both_are_known_or_none(believed, known):
    row = {
        name: value for name, value in zip(("D(x)", "D(G(z))"), believed, strict=True) if value is not None
    }
    told = detector.Story([row], RING).beliefs(0)
    assert told == believed if known else all(math.isnan(value) for value in told)


def test_a_group_is_reached_as_coverage_says_and_need_not_be_where_few_real_points_are():
    modes = torch.arange(8.0)[:, None]
    for few in range(30):  # of 800 samples at the modes; a tenth of the fair share is 10
        x = modes.repeat_interleave(torch.tensor([few, *[114] * 6, 116 - few]), 0)
        near = coverage(x, modes, 0.1)
        assert story({"shares": near.shares.tolist()}).reached(0) == near.modes == 8 - (few < 10)
    few = DataFacts(FLOORS, [0.5, 0.461, 0.02, 0.019], "regions", 1.0)
    assert story({}, few).asked() == 3
    assert story({"shares": [0.5, 0.4, 0.05, 0.05]}, few).reached(0) == 3
    assert story({"shares": [1, 0, 0, 0]}, few).reached(0) == 1
    for group, real in enumerate(few.shares[:3]):  # a tenth of its own share, be it large or small
        for part, reached in ((0.09, 0), (0.11, 1)):
            shares = [part * real if i == group else 0.0 for i in range(4)]
            assert story({"shares": shares}, few).reached(0) == reached


def test_covered_modes_count_once_half_of_the_fakes_are_near_one():
    for near, held in ((0.49, 8), (0.5, 2), (0.8, 2)):
        assert story({"modes": 2.0, "high-quality": near}).held(0) == held
    assert story({"modes": 8.0, "shares": HALF}).held(0) == 4, "good fakes are few, and near four modes"
    no_modes = {key: value for key, value in WELL.items() if key not in ("modes", "high-quality")}
    assert detector.Story([no_modes], RING).held(0) == detector.Story([no_modes], RING).covered(0) == 8


MIXED = [  # each what the others are not
    WELL, LOST | {"shares": ONE, "D(x)": 0.98, "D(G(z))": 0.01, "gradient": 1e-4}, LOST | FLAT,
    {"modes": 5.0, "shares": HALF}, {"high-quality": 0.1, "modes": 3.0}, {"JS": 0.2, "modes": 2.0},
    {"D(x)": 7.0, "gradient": 2e-4},
]  # fmt: skip


@pytest.mark.parametrize("last", range(len(MIXED)))
def test_each_measurement_is_judged_by_its_own_numbers(last):
    """What is asked of a measurement is asked of its row, wherever in the run it stands."""
    kinds = rows(*((1, kind) for kind in MIXED[last:] + MIXED[:last]))
    whole = detector.Story(kinds, RING)
    looks = {look.name: look.holds for look in detector.LOOKS}
    alone = ("Vanishing gradient", "Mode collapse", "D too weak", "Working", "Close")
    for i, row in enumerate(kinds):
        one = detector.Story([row], RING)
        for name in ("distance", "reached", "covered", "held", "loss"):
            assert getattr(whole, name)(i) == getattr(one, name)(0), name
        assert whole.beliefs(i) == pytest.approx(one.beliefs(0), nan_ok=True)
        for name in alone:
            assert looks[name](whole, i) == looks[name](one, 0), name


def test_most_of_the_fakes_have_moved_if_three_quarters_are_elsewhere():
    there = [0.75, 0.25, 0, 0, 0, 0, 0, 0]
    for now, moved in (
        ([0, 0.25, 0.75, 0, 0, 0, 0, 0], True),
        ([0.02, 0.25, 0.73, 0, 0, 0, 0, 0], False),
        ([0.75, 0, 0, 0.25, 0, 0, 0, 0], False),
    ):
        pair = [WELL | {"shares": shares} for shares in (there, now)]
        assert detector.Story(pair, RING).moved(1) == moved
        assert not detector.Story(pair[::-1], RING).moved(0), "before the first nothing was"
    assert not detector.Story([{"D(x)": 0.5}] * 2, RING).moved(1), "pictures have no groups"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ({"modes": 4.0}, "Mode collapse"),
        ({"modes": 5.0}, "Not there yet"),
        ({"modes": 6.0}, "Not there yet"),
        ({"modes": 7.0}, "Close"),
        ({"JS": 0.052}, "Working"),  # four floors
        ({"JS": 0.053}, "Close"),
        ({"JS": 0.313}, "Close"),  # 0.3 bits above the floor
        ({"JS": 0.314}, "Not there yet"),
        ({"D(G(z))": 0.04, "gradient": 9e-4}, "Vanishing gradient"),
        ({"D(G(z))": 0.04, "gradient": 1e-3}, "Working"),
        ({"D(G(z))": 0.04, "gradient": 0.01}, "Working"),  # as healthy runs have
        ({"D(G(z))": 0.05, "gradient": 1e-4}, "Working"),
        ({"D(G(z))": 0.06, "gradient": 1e-4}, "Working"),
        (SHARP, "D too strong"),
        (SHARP | {"D(x)": 0.95}, "Working"),
        (SHARP | {"D(x)": 0.94}, "Working"),
        (SHARP | {"D(G(z))": 0.05}, "Working"),
        (SHARP | {"D(G(z))": 0.06}, "Working"),
        (FLAT | {"sliced Wasserstein": 1.01}, "D too weak"),
        (FLAT | {"sliced Wasserstein": 1.0}, "Working"),  # half of a spread
        (FLAT | {"sliced Wasserstein": 0.7}, "Working"),  # 0.35 of a spread, as healthy runs have
        ({"D(x)": 0.56, "D(G(z))": 0.5, "sliced Wasserstein": 1.01}, "Working"),
        ({"D(x)": 0.5, "D(G(z))": 0.44, "sliced Wasserstein": 1.01}, "Working"),
        ({"D(x)": 0.75, "D(G(z))": 0.25, "sliced Wasserstein": 1.01}, "Working"),
    ],
)  # fmt: skip
def test_each_symptom_begins_where_its_threshold_says(kind, name):
    assert names(symptoms(rows((20, kind)), WIDE)) == [name]


@pytest.mark.parametrize(
    ("modes", "name"),
    [(12.0, "Mode collapse"), (13.0, "Not there yet"), (21.0, "Not there yet"), (22.0, "Close"),
     (25.0, "Working")],
)  # fmt: skip
def test_half_of_the_modes_are_a_collapse_and_seven_eighths_are_enough(modes, name):
    assert names(symptoms(rows((20, {"modes": modes, "shares": [1 / 25] * 25})), GRID)) == [name]


@pytest.mark.parametrize(("reached", "name"), [(2, "Mode collapse"), (3, "Not there yet"), (4, "Working")])
def test_regions_with_few_real_points_count_neither_for_nor_against_a_run(reached, name):
    """Four of sixteen regions hold the data: two of the four are a collapse, and all four are enough."""
    few = DataFacts(FLOORS, [0.24] * 4 + [0.04 / 12] * 12, "regions", 1.0)
    shares = [1 / reached] * reached + [0.0] * (16 - reached)
    no_modes = {key: value for key, value in WELL.items() if key not in ("modes", "high-quality")}
    run = [{"round": 64 * i} | no_modes | {"shares": shares} for i in range(20)]
    (told,) = symptoms(run, few)
    assert told.name == name
    assert f"{reached} of 4 regions" in told.sentence


@pytest.mark.parametrize(("now", "name"), [(0.91, "D too strong"), (0.9, "Working"), (0.89, "Working")])
def test_fakes_come_closer_if_they_lose_a_tenth_of_their_distance_in_a_window(now, name):
    steps = [SHARP | {"sliced Wasserstein": 2 * now ** (i / WINDOW)} for i in range(30)]
    assert names(symptoms(rows(*((1, step) for step in steps)), RING._replace(spread=1.0))) == [name]


def test_the_first_distance_is_that_of_the_first_measurement():
    far = [SHARP | {"sliced Wasserstein": distance} for distance in (4.0, *[2.0] * 7)]
    assert names(symptoms(rows(*((1, kind) for kind in far)), RING)) == ["Working"]


def test_an_oscillation_begins_with_three_moves_in_a_window_and_ends_with_none():
    there, here = {"shares": HALF}, {"shares": HALF[::-1]}

    def after(moves: int, rest: int) -> bool:
        run = [(10, there), *((1, (here, there)[i % 2]) for i in range(moves))]
        return "Oscillation" in names(symptoms(rows(*run, (rest, (there, here)[moves % 2])), RING))

    assert [after(moves, 0) for moves in (1, 2, 3)] == [False, False, True]
    assert [after(3, rest) for rest in (WINDOW - 1, WINDOW)] == [True, False]


FAR = {"sliced Wasserstein": 2.0}


@pytest.mark.parametrize(
    ("before", "last", "words"),
    [
        (SHARP | FAR, {"D(x)": 0.99, "D(G(z))": 0.01}, "D(x) = 0.99 and D(G(z)) = 0.01 since round 704"),
        (FLAT | FAR, {"D(x)": 0.51, "D(G(z))": 0.48, "JS": 0.7},
         "D(x) = 0.51 and D(G(z)) = 0.48 while the fakes are far from the data (JS 0.70 bits)"),
        ({"D(G(z))": 0.04, "gradient": 9e-4}, {"D(G(z))": 0.01, "gradient": 3e-4},
         "D(G(z)) = 0.01: D is sure of the fakes, and the gradient at a fake is 3e−4, 0.05 % of what it was"),
        ({"JS": 0.4}, {"JS": 0.2, "modes": 7.0}, "7 of 8 modes covered; JS 0.20 bits"),
    ],
)  # fmt: skip
def test_what_is_told_is_told_of_the_last_measurement(before, last, words):
    (symptom,) = symptoms(rows((10, {}), (19, before), (1, before | last)), RING)
    assert words in symptom.sentence


@pytest.mark.parametrize(
    ("was", "now", "share"),
    [(0.005, 4e-4, "4e−4, 8.00 % of what it was."), (0.005, 5e-4, "5e−4."), (0.005, 9e-4, "9e−4."),
     (2.0, 5e-4, "5e−4, 0.03 % of what it was.")],
)  # fmt: skip
def test_a_gradient_is_compared_with_the_largest_if_it_is_less_than_a_tenth(was, now, share):
    still = {"D(G(z))": 0.01, "gradient": now}
    run = rows((1, {}), (2, {"gradient": was}), (10, still))
    del run[0]["gradient"]  # it was not measured
    (symptom,) = symptoms(run, RING)
    assert f"the gradient at a fake is {share} G has nothing" in symptom.sentence
    run = rows((3, still), (1, {"gradient": was}), (3, still))  # also if it was large only for a moment since
    (symptom,) = symptoms(run, RING)
    assert f"the gradient at a fake is {share} G has nothing" in symptom.sentence


def test_a_collapse_tells_the_most_groups_of_those_measurements_in_the_window_that_show_it():
    run = rows((10, {"modes": 4.0}), (3, {"modes": 1.0}), (1, {}), (2, {"modes": 2.0}))
    assert "at most 2 of 8 modes at a time since round 64" in symptoms(run, RING)[0].sentence


@pytest.mark.parametrize(
    ("x", "wins"), [(0.69, False), (0.7, False), (0.71, True), (0.9, True), (1.5, False)]
)
def test_the_cure_of_a_collapse_is_no_more_of_a_d_that_wins(x, wins):
    (symptom,) = symptoms(rows((9, {"modes": 1.0}), (1, {"modes": 1.0, "D(x)": x})), RING)
    assert ("Bring the two learning rates closer" in symptom.cure) == wins
    assert ("Give D more turns" in symptom.cure) == (not wins)


def test_groups_are_called_modes_or_regions():
    there, here = {"shares": ONE}, {"shares": ONE[::-1]}
    for groups, one in (("modes", "mode"), ("regions", "region")):
        told = symptoms(rows(*[(1, there), (1, here)] * 8), RING._replace(groups=groups))
        assert any(f"from {one} to {one} 15 times" in symptom.sentence for symptom in told)
        (told,) = symptoms(rows((10, {})), RING._replace(groups=groups))
        assert f"8 of 8 {groups} covered" in told.sentence


def test_a_critic_is_looked_at_without_beliefs():
    critic = [{k: v for k, v in row.items() if k not in ("D(x)", "D(G(z))")} for row in rows((20, {}))]
    assert names(symptoms(critic, RING)) == ["Working"]
    lost = [row | LOST | {"shares": ONE} for row in critic]
    assert names(symptoms(lost, RING)) == ["Mode collapse"]


def test_a_fault_or_what_explains_it_is_named_alone():
    """Good numbers beside a fault are not praised; a still gradient explains a strong D and a collapse."""
    assert names(symptoms(rows((20, SHARP)), RING)) == ["D too strong"]
    still = SHARP | LOST | {"shares": ONE, "gradient": 1e-4}
    assert names(symptoms(rows((20, still)), RING)) == ["Vanishing gradient"]
    assert names(symptoms(rows((20, still | {"gradient": 0.3})), RING)) == ["D too strong"]
    (learning,) = symptoms(rows((20, {"JS": 0.9})), RING)
    assert (learning.name, learning.tone) == ("Not there yet", "")
    assert learning.cure.startswith("Lower both learning rates")


def test_faults_of_which_none_explains_the_other_are_all_named_the_gravest_first():
    lost = LOST | {"shares": ONE}
    assert names(symptoms(rows((20, lost | FLAT)), RING)) == ["Mode collapse", "D too weak"]
    moving = [(1, FLAT | LOST | {"shares": shares}) for shares in (ONE, ONE[::-1]) * 8]
    assert names(symptoms(rows(*moving), RING)) == ["Mode collapse", "Oscillation", "D too weak"]
    wild = [(1, lost | {"-E[log D(x)]": 5.0**i}) for i in range(16)]
    assert names(symptoms(rows(*wild), RING)) == ["Diverging", "Mode collapse"]
    still = [(1, kind | SHARP | {"gradient": 1e-4}) for _, kind in wild]
    assert names(symptoms(rows(*still), RING)) == ["Diverging", "Vanishing gradient"]
    strong = [(1, kind | SHARP) for _, kind in moving]
    assert names(symptoms(rows(*strong), RING)) == ["D too strong", "Oscillation"]
