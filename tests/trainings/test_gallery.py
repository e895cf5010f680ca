"""Every link of the galleries shows its failure and every cure cures; of GANs for four seeds of five."""

import json

import pytest

from engine.autoregressive.pen_measures import ON_LEVELS, TEST_COORDINATE
from engine.autoregressive.pixel_measures import TEST as TEST_PIXELS
from engine.autoregressive.sequence_measures import TEST_SOUND
from engine.data import load
from engine.families import find
from engine.flow.measures import KL
from engine.metrics.detector import diagnose
from engine.metrics.measure import looked_at
from engine.metrics.ruler import about
from lab.autoregressive.failures import HANDS, LEAKS
from lab.codes.failures import AE_FAILURES, VAE_FAILURES
from lab.diffusion.failures import FAR
from lab.flow.failures import FLOW_FAILURES, GREY
from lab.gan.failures import FAILURES, FAILURES_WITH_LABELS
from lab.kit.gallery import in_place
from lab.kit.subject import Cure, Failure, subjects
from lab.runs import store
from lab.runs.run import Run
from tests.trainings.training import MOST, SEEDS, training

EVERY = 64  # rounds between two measurements, as in a run


def observed(family: str, data_name: str, knobs: dict, rounds: int) -> list[list[dict]]:
    """The measured rows of each seed; more rarely later, as in a run."""
    at = [r for r in range(EVERY, rounds + 1, EVERY) if r < 512 or r % (2 * EVERY) == 0]
    return training(family, data_name, knobs, SEEDS).rows(at)


@pytest.mark.budget(40)
def test_the_default_gan_learns_the_ring_for_four_of_five_seeds():
    last = [rows[-1] for rows in observed("gan", "ring", {}, 3000)]
    good = [row for row in last if row["modes"] >= 7 and row["high-quality"] >= 0.8]
    assert len(good) >= MOST, last


def ends(failure: Failure, cure: Cure | None = None) -> list[tuple[bool, bool]]:
    """For each seed whether the failure is seen in the end, and whether nearly every mode has its fakes;
    after a cure that promises less, as many as it says."""
    family, knobs = failure.of(cure)
    data, share = load(failure.data), cure.share if cure else 7 / 8
    known, enough = about(data), share * len(data.target.modes)
    runs = observed(family, failure.data, knobs, failure.rounds)
    names = [{symptom.name for symptom in diagnose(find(family), rows, known)} for rows in runs]
    return [
        (failure.symptom in seen, rows[-1]["modes"] >= enough) for seen, rows in zip(names, runs, strict=True)
    ]


GAMES = [*FAILURES, *FAILURES_WITH_LABELS]
SHOWN = [pytest.param(f, id=f"{f.family}: {f.title}") for f in GAMES]
CURES = [pytest.param(f, c, id=f"{f.family}: {f.title}-{c.change}") for f in GAMES for c in f.cures]


@pytest.mark.budget(40)
@pytest.mark.parametrize("failure", SHOWN)
def test_the_failure_shows(failure):
    told = ends(failure)
    assert sum(shown for shown, _ in told) >= MOST, told
    assert sum(all_there and not shown for shown, all_there in told) <= 1, told


@pytest.mark.budget(40)
@pytest.mark.parametrize(("failure", "cure"), CURES)
def test_what_is_said_to_cure_cures_and_what_is_said_not_to_does_not(failure, cure):
    told = ends(failure, cure)
    good = sum(all_there and not shown for shown, all_there in told)
    assert good >= MOST if cure.cures else good <= 1, told


IN_PLACE = {
    (f.family, f.title, c.change): (f, c)
    for one, _ in subjects().values()
    for f in one.failures
    for c in f.cures
    if c.cures and f.symptom and f.of(c)[0] == f.family and in_place(c, find(f.family))
}


@pytest.mark.budget(40)
@pytest.mark.parametrize(("failure", "cure"), IN_PLACE.values(), ids=[": ".join(names) for names in IN_PLACE])
def test_a_cure_in_place_heals_the_run_that_has_failed(failure, cure, tmp_path):
    """It goes on with the cure for as long as it took to fail."""
    config = find(failure.family).configure(load(failure.data).space, failure.knobs).model_dump()
    setting = {"family": failure.family, "data": failure.data, "seed": 0, "config": config, "threads": 1}
    run = Run(store.create(setting, tmp_path))
    run.play()
    sick = trained(run, failure.rounds)
    run.do({"do": "set", "values": dict(cure.knobs)})
    treated = trained(run, 2 * failure.rounds)
    symptom = failure.symptom
    assert symptom in sick or symptom == FAR, sick
    ill = {symptom} | ({"Learning"} if symptom == FAR else set())  # far, or almost near
    assert ill.isdisjoint(treated), (sick, treated)


def trained(run: Run, rounds: int) -> set[str]:
    """What the detector says of a run at this round."""
    while run.round < rounds:
        run.train(rounds=rounds - run.round)
    judging = [json.dumps(str(name)).encode() for name in looked_at()]
    rows = store.rows(run.at / "metrics.jsonl", having=judging)
    return {one.name for one in diagnose(find(run.info.family), rows, about(load(run.info.data)))}


CODED = [*VAE_FAILURES, *AE_FAILURES]


def ending(failure, cure, seed: int, rounds: int, every: int = EVERY, last: int = 5) -> list[dict]:
    """The last measured rows."""
    family, knobs = failure.of(cure)
    at = range(every, rounds + 1, every)[-last:]
    (rows,) = training(family, failure.data, knobs, [seed]).rows(at)
    return rows


def told(failure, cure, rows: list[dict]) -> set[str]:
    """What the detector says of it in the end."""
    family = find(failure.of(cure)[0])
    return {one.name for one in diagnose(family, rows, about(load(failure.data)))}


def told_of_codes(failure, cure, seed: int) -> set[str]:
    return told(failure, cure, ending(failure, cure, seed, failure.rounds))


@pytest.mark.budget(20)
@pytest.mark.parametrize("failure", CODED, ids=lambda f: f.title)
def test_a_failure_of_codes_shows(failure):
    seen_by_seed = [told_of_codes(failure, None, seed) for seed in range(2)]
    assert all(failure.symptom in names for names in seen_by_seed), seen_by_seed


CODED_CURES = [pytest.param(f, c, id=f"{f.title}-{c.change}") for f in CODED for c in f.cures]


@pytest.mark.budget(20)
@pytest.mark.parametrize(("failure", "cure"), CODED_CURES)
def test_what_is_said_to_cure_codes_cures_them(failure, cure):
    told = told_of_codes(failure, cure, 0)
    assert (failure.symptom not in told) == cure.cures, told


def flow_rows(failure, cure) -> list[dict]:
    """Measured twice as often as a run is, so that half of the rounds are enough to be told."""
    return ending(failure, cure, 0, failure.rounds // 2, EVERY // 2, 8)


@pytest.mark.budget(20)
@pytest.mark.parametrize("failure", [f for f in [*FLOW_FAILURES, GREY] if f.symptom], ids=lambda f: f.title)
def test_a_failure_of_flows_shows(failure):
    assert told(failure, None, flow_rows(failure, None)) == {failure.symptom}


FLOW_CURES = [
    pytest.param(f, c, id=f"{f.title}-{c.change}")
    for f in [*FLOW_FAILURES, GREY]
    if f.symptom
    for c in f.cures
]


@pytest.mark.budget(20)
@pytest.mark.parametrize(("failure", "cure"), FLOW_CURES)
def test_what_is_said_to_cure_flows_cures_them(failure, cure):
    assert (failure.symptom not in told(failure, cure, flow_rows(failure, cure))) == cure.cures


@pytest.mark.budget(20)
def test_splines_learn_the_checkerboard_twice_as_well():
    *_, board = FLOW_FAILURES
    affine, curves = (ending(board, cure, 0, 192, last=1)[-1][KL] for cure in (None, board.cures[0]))
    assert curves < 0.55 * affine


LEAKY = [pytest.param(f, id=f"{f.family}: {f.title}") for f in LEAKS]


def written_rows(failure, cure) -> list[dict]:
    return ending(failure, cure, 0, failure.rounds, 32, 6)


@pytest.mark.budget(30)
@pytest.mark.parametrize("failure", LEAKY)
def test_a_leak_is_detected_by_name_and_its_loss_is_too_good_to_be_true(failure):
    rows = written_rows(failure, None)
    assert told(failure, None, rows) == {failure.symptom}
    (cure,) = failure.cures
    honest = written_rows(failure, cure)
    assert failure.symptom not in told(failure, cure, honest)
    test = {"wavenet": TEST_SOUND}.get(failure.family, TEST_PIXELS)
    assert rows[-1][test] < 0.8 * honest[-1][test]


HELD = [pytest.param(f, id=f"{f.family}: {f.title}") for f in HANDS]


@pytest.mark.budget(30)
@pytest.mark.parametrize("failure", HELD)
def test_a_failure_of_handwriting_shows_and_its_cure_cures(failure):
    every = max(16, failure.rounds // 6)
    rows = ending(failure, None, 0, failure.rounds, every, 4)
    assert told(failure, None, rows) == {failure.symptom}
    (cure,) = failure.cures
    cured = ending(failure, cure, 0, failure.rounds, every, 4)
    assert failure.symptom not in told(failure, cure, cured)
    if failure.symptom == "Spikes":
        assert rows[-1][ON_LEVELS] < 0.9 * cured[-1][ON_LEVELS], "too good to be true"
        assert rows[-1][TEST_COORDINATE] > cured[-1][TEST_COORDINATE]
