"""A run of style transfer is exact across pause, kill and rewind, with all that L-BFGS remembers."""

from io import BytesIO

import pytest
import torch
from PIL import Image

from engine import data as datasets
from engine.config import Refused
from engine.data import pictures
from lab.runs import store
from lab.runs.run import Run
from tests.runs.test_run import same, trained, weights

# two levels, 32 and 64 pixels high; an untrained network without its last block, which would take a third
KNOBS = {"size": 96, "levels": 2, "coarse": 6, "backbone": "untrained VGG-19", "w5": 0.0}
SETTING = {"family": "style", "data": "flower.brick", "seed": 5, "config": KNOBS}
CHANGE = {"do": "set", "values": {"beta": 100.0, "w2": 0.5}}


def new(**more) -> Run:
    return Run(store.create(SETTING | more))


def course(run: Run, cuts: tuple[int, ...] = ()) -> Run:
    """18 rounds: a finer level from round 6 on, other weights from round 11 on; reopened at each cut."""
    for stop in sorted({*cuts, 11, 18}):
        trained(run, stop - run.round)
        if stop in cuts:
            run.settle("paused")
            run = Run(run.at)
        if stop == 11:
            run.do(CHANGE)
    return run


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Run:
    """A run that was never interrupted."""
    torch.set_num_threads(1)  # as in the tests: two threads add up in another order
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENLAB_HOME", str(tmp_path_factory.mktemp("whole")))
        return course(new())


def test_the_course_has_a_change_of_level_and_of_weights(whole):
    assert whole.model.canvas.shapes == [(32, 48), (64, 96)]
    assert int(whole.model.level) == 1
    assert whole.model.config.beta == 100.0
    assert whole.optimizers["image"].state[whole.model.image[0]]["n_iter"] == 7  # anew since round 11
    losses = [sum(v for k, v in row.items() if k.startswith(("content", "style"))) for row in whole.history]
    assert losses[5] < losses[0]


@pytest.mark.parametrize("cuts", [(1, 6, 12), (5, 11), (7, 17)])
@pytest.mark.exhaustive
def test_a_paused_and_reopened_run_goes_on_bit_for_bit(whole, cuts):
    """Cut before, at and behind the change of level and that of the weights."""
    same(whole, course(new(), cuts))


def test_a_killed_run_catches_up_and_meets_its_changes_again(whole):
    run = new()
    trained(run, 9)
    run.checkpoint()
    trained(run, 2)
    run.do(CHANGE)
    trained(run, 3).close()  # the process is gone here
    again = Run(run.at)
    assert again.round == 9
    same(whole, trained(again, 9))


def test_every_keyframe_has_a_picture_and_one_with_weights_is_returned_to_exactly(whole):
    run = course(new())
    rounds = sorted(run.keyframes)
    assert rounds[:3] == [0, 1, 2]
    assert all(store.keyframe(run.at, r).stat().st_size > 1000 for r in rounds)
    stored = [r for r in rounds if run._has_state(r)]
    assert 0 in stored
    back = max(r for r in stored if r < 11)
    assert back > 0
    run.do({"do": "rewind", "round": back})
    assert run.round == back
    assert run.model.config.beta == 100.0  # a rewind keeps the knobs of now
    other = trained(new(), back)
    assert weights(run).equal(weights(other))
    run.do({"do": "set", "values": {"beta": other.model.config.beta, "w2": 1.0}})
    assert weights(trained(run, 11 - back)).equal(weights(trained(other, 11 - back)))


def test_a_reset_gives_the_content_back():
    run = trained(new(), 3)
    assert not run.model.image[0].equal(run.model.canvas.content)
    run.do({"do": "rewind", "round": 0})
    assert run.model.image[0].equal(run.model.canvas.content)
    assert not run.optimizers["image"].state[run.model.image[0]]


def test_an_uploaded_picture_that_is_gone_is_missed_with_a_sentence():
    file = BytesIO()
    Image.effect_mandelbrot((80, 60), (-2, -1, 1, 1), 50).convert("RGB").save(file, "PNG")
    name = pictures.keep_picture(file.getvalue())
    run = trained(new(data=f"{name}.brick"), 2)
    run.settle("paused")
    assert Run(run.at).round == 2
    next(store.home().glob(f"data/{name}*")).unlink()
    datasets._load.cache_clear()  # another process has not read it yet
    pictures._stored.cache_clear()
    with pytest.raises(Refused, match=f"The data {name} are not on this machine; bring them again"):
        Run(run.at)
    with pytest.raises(Refused, match="not on this machine"):
        new(data=f"{name}.brick")
