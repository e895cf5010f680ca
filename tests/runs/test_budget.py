"""What a setting may cost: counted before there is a run, measured before its first round, refused."""

from __future__ import annotations

import io
import re

import pytest
import torch

from engine.config import Refused
from engine.families import find
from engine.fit import fit
from lab.runs import budget, store
from lab.runs.jobs import MOVING
from lab.runs.pipe import Channel
from lab.runs.run import Run
from lab.runs.state import KEYFRAME_BYTES, keyframe_rounds
from lab.runs.supervisor import Supervisor
from lab.runs.worker import Worker

GAN = {"family": "gan", "data": "ring", "seed": 0, "config": {}}
STYLE = {"family": "style", "data": "flower.cat", "config": {"size": 64, "backbone": "untrained VGG-19"}}
VAE = {"family": "vae", "data": "digits", "config": {"width": 512, "depth": 2}}


def params(setting) -> int:
    run = Run(store.create(setting | {"seed": 0}))
    return sum(p.numel() for p in run.model.parameters())


def test_what_a_checkpoint_would_take_is_what_it_takes():
    run = Run(store.create(VAE | {"seed": 0}))
    run.play()
    run.train(rounds=1)
    run.settle("paused")
    size = budget._state("vae", "digits", '{"depth": 2, "width": 512}')
    assert store.checkpoint(run.at).stat().st_size == pytest.approx(size, rel=0.02)


def test_a_wall_is_counted_with_all_its_members_and_the_refusal_says_what_to_change():
    one = budget._state("vae", "digits", "{}")
    most = int(budget.MOST_STATE / one)
    budget.check("vae", "digits", {}, {"seed": list(range(most))})
    budget.check("vae", "digits", {}, {"seed": [1, 2], "lr": [0.1] * (most // 2)})
    with pytest.raises(Refused, match=f"{most + 1} models.* MB is the most. Take members away"):
        budget.check("vae", "digits", {}, {"seed": list(range(most + 1))})
    with pytest.raises(Refused, match="models"):
        budget.check("vae", "digits", {}, {"seed": [1, 2], "lr": [0.1] * (most // 2 + 1)})


def test_a_model_of_its_own_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(budget, "MOST_STATE", 1e5)
    budget._state.cache_clear()
    with pytest.raises(Refused, match=r"This model holds .* 0 MB is the most\. Lower its width or depth"):
        budget.check("gan", "ring", {}, {})


@pytest.mark.parametrize("way", ["create", "ready"])
def test_no_run_is_made_of_what_is_too_large(monkeypatch, way):
    monkeypatch.setattr(budget, "MOST_STATE", 1e5)
    monkeypatch.setattr(Supervisor, "_start", lambda self, **how: None)
    monkeypatch.setattr("atexit.register", lambda call: None)
    with pytest.raises(Refused, match="the most"):
        getattr(Supervisor(), way)("me", family="gan", data="ring", seed=0, config={})
    assert not [at for at in store.home().glob("*/run.json")]


def test_a_large_model_keeps_fewer_states_to_go_back_to():
    class Sized(torch.nn.Module):
        def __init__(self, size):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(int(size / 4), device="meta"))

    counts = []
    for size in (1e5, 4e6, 1e7, 2e8):
        pictures, states = keyframe_rounds(Sized(size), {})
        counts.append(len(states))
        assert states <= pictures | {0}
        assert size * len(states) < 1.5 * KEYFRAME_BYTES or len(states) < 9
    assert counts == sorted(set(counts), reverse=True)


# --- time ----------------------------------------------------------------------------------------


class Clock:
    """The processor's time: each turn takes what a machine would take for it."""

    def __init__(self, fixed: float, each: float) -> None:
        self.now, self.fixed, self.each, self.sizes = 0.0, fixed, each, []

    def process_time(self) -> float:
        return self.now


@pytest.mark.parametrize(("fixed", "each"), [(0.001, 0.0001), (0.01, 0.01), (1.0, 0.5)])
def test_the_time_of_a_round_is_estimated_from_small_batches(monkeypatch, fixed, each):
    clock, run = (
        Clock(fixed, each),
        Run(store.create({"family": "gan", "data": "ring", "seed": 0, "config": {}})),
    )
    size = run.model.config.batch

    def turns(model, batches, optimizers):
        (batch,) = batches
        clock.sizes.append(len(batch.x))
        clock.now += fixed + each * len(batch.x)
        yield next(iter(fit(model, [batch], optimizers)))

    monkeypatch.setattr(budget, "time", clock)
    monkeypatch.setattr(budget, "fit", turns)
    told, true = budget.seconds_of(run), fixed + each * size
    assert max(clock.sizes) <= 4 * budget.FEW
    if true > budget.HEAVY:
        assert told == pytest.approx(true)
    else:
        assert true <= told <= budget.HEAVY or told == pytest.approx(true)


@pytest.mark.parametrize("disturbed", range(8))
def test_what_disturbs_one_small_batch_makes_no_run_costly(monkeypatch, disturbed):
    clock, run = Clock(0.002, 0.0), Run(store.create(GAN))

    def turns(model, batches, optimizers):
        (batch,) = batches
        clock.now += 0.002 + 0.05 * (len(clock.sizes) == disturbed)
        clock.sizes.append(len(batch.x))
        yield next(iter(fit(model, [batch], optimizers)))

    monkeypatch.setattr(budget, "time", clock)
    monkeypatch.setattr(budget, "fit", turns)
    assert budget.seconds_of(run) < budget.HEAVY


def test_an_estimate_changes_nothing_in_the_run():
    run, other = (Run(store.create({"family": "gan", "data": "ring", "seed": 0, "config": {}})) for _ in "ab")
    torch.manual_seed(5)
    budget.seconds_of(run)
    for one in (run, other):
        one.play()
        one.train(rounds=3)
    for mine, theirs in zip(run.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("family", ["gan", "vae-gan", "pca", "ae"])
@pytest.mark.parametrize("axes", [{}, {"seed": [1, 2]}])
def test_every_kind_of_run_can_be_estimated(family, axes):
    if axes and not find(family).stackable:
        pytest.skip("no walls of it")
    run = Run(store.create({"family": family, "data": "digits", "seed": 0, "config": {}, "wall": axes}))
    assert 0 < budget.seconds_of(run) < 60


class Hosted:
    """A worker without its process, with one run that its owner has just set going."""

    def __init__(self, **more):
        self.sink = io.BytesIO()
        self.worker = Worker(Channel(io.BytesIO(), self.sink))
        info = {"family": "gan", "data": "ring", "seed": 0, "config": {"batch": 8}, "owner": "me"} | more
        self.id = store.create(info).name
        self.worker.on_do(self.id, {"do": "play"})
        self.seat = self.worker.seats[self.id]

    def job(self) -> str:
        job = self.worker.scheduler.next(self.worker.survey())
        if job:
            self.worker.work(job)
        return job.kind if job else ""


def test_a_round_that_would_take_minutes_is_not_begun_and_its_owner_is_told(monkeypatch):
    at = Hosted()
    monkeypatch.setattr(budget, "seconds_of", lambda run: 61.4)
    at.job()
    info = store.read_info(store.folder(at.id))
    assert (info.state, at.seat.run.round) == ("failed", 0)
    assert re.search(r"about 61 s .* 20 s is the most. Lower the width", info.why)
    assert not info.diverged


def test_a_costly_run_is_told_of_and_waits_a_moment_for_another_worker(monkeypatch):
    at = Hosted()
    told = []
    monkeypatch.setattr(budget, "seconds_of", lambda run: 3.0)
    monkeypatch.setattr(at.worker, "tell", lambda *message: told.append(message))
    now = at.worker.scheduler.clock()
    monkeypatch.setattr(at.worker.scheduler, "clock", lambda: now)
    at.job()
    (load,) = [one[2] for one in told if one[0] == "load"]
    assert load[at.id]["a_round"] == 3.0
    assert at.job() == ""
    now += MOVING + 0.01
    assert at.job() == "train"
    assert at.seat.run.round > 0, "nobody took it: it trains here"


@pytest.mark.parametrize(
    "more",
    [{}, {"family": "style", "data": "flower.cat", "config": {"size": 64, "backbone": "untrained VGG-19"}}],
)
def test_only_the_first_round_of_a_run_is_estimated_and_not_of_heavy_families(monkeypatch, more):
    at = Hosted(**more)
    asked = []
    monkeypatch.setattr(budget, "seconds_of", lambda run: asked.append(run) or 0.001)
    for _ in range(3):
        at.job()
    assert len(asked) == (0 if more else 1)
    at.worker.on_do(at.id, {"do": "pause"})
    again = Hosted()
    again.seat.run.round = 5
    again.job()
    assert len(asked) == (0 if more else 1)
