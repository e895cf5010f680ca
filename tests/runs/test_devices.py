"""What differs from device to device: a machine without an accelerator stands for one that has one of mps's
kind, by a device that is as strict (tests/fake_device.py). An accelerator that is here is tried, too."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from engine import checks, device
from engine.config import Refused
from engine.data import load
from engine.families import families
from engine.metrics.measure import LEFT_OUT
from engine.metrics.observe import held_out
from engine.space import Plane
from lab import cli
from lab.runs import place, store, wire
from lab.runs.run import Run
from tests.fake_device import strange_device

EXAMPLES = {"line": "two-bumps", "points": "ring", "image": "digits", "transfer": "flower.cat"}
EXAMPLES |= {"wave": "voices", "text": "villages", "pen": "pen-digits", "script": "words"}
SMALL = {"width": 8, "width_G": 8, "width_D": 8, "depth": 1, "layers": 1, "batch": 16, "size": 64, "T": 20}
SMALL |= {"channels": 8, "dilations": 1, "h": 8}


@contextmanager
def accelerator() -> Iterator[torch.device]:
    """Within, runs use the accelerator of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GENLAB_DEVICE")
        here = device.pick()
        patch.setenv("GENLAB_DEVICE", here.type)
        yield here


DEVICES = [strange_device, *([accelerator] if any(map(device.is_here, device.KINDS)) else [])]


def setting(family, kind, **more):
    config = {k: v for k, v in SMALL.items() if k in family.Config.model_fields}
    return {"family": family.name, "data": EXAMPLES[kind.kind], "seed": 0, "config": config} | more


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("family", "kind"),
    [pytest.param(f, k, id=f"{f.name}-{k.kind}") for f in families().values() for k in f.kinds],
)
@pytest.mark.parametrize("other_device", DEVICES)
def test_every_family_lives_on_another_device_and_moves(family, kind, other_device):
    at = store.create(setting(family, kind))
    Run(at)
    with other_device() as here:
        run = Run(at)
        assert run.device.type == here.type
        assert {t.device.type for t in run.model.state_dict().values()} <= {here.type}
        run.settle("training")
        run.train(rounds=2)
        quality = run.quality()
        assert LEFT_OUT not in quality, quality[LEFT_OUT]
        held_out(run.model, run.data)
        about = json.loads(wire.header(run.frame())["frame"])
        assert "trouble" not in about, about["trouble"]
        wrong = [c for c in checks.measure(run.model, run.data) if c.why]
        assert not wrong, wrong
        assert run.model.sample(3).device.type == here.type
        run.settle("paused")
    # back on the CPU it goes on where it was
    again = Run(at)
    assert (again.round, again.device.type) == (2, "cpu")
    for name, tensor in again.model.state_dict().items():
        assert tensor.device.type == "cpu", name
    again.play()
    again.train(rounds=2)
    assert again.round == 4


@pytest.mark.parametrize("other_device", DEVICES)
def test_noise_of_the_device_is_the_runs_own_and_goes_on_after_a_restart(other_device):
    """Its stream is stored: a run that is opened again makes the numbers of one that was not interrupted."""
    gan = families()["gan"]
    with other_device() as here:
        straight, stopped = (Run(store.create(setting(gan, Plane))) for _ in range(2))
        for run in (straight, stopped):
            run.settle("training")
            run.train(rounds=2)
        stopped.settle("paused")
        device.seed(99, here)  # what others draw meanwhile
        torch.randn(5, device=here)
        again = Run(stopped.at)
        again.play()
        for run in (straight, again):
            run.train(rounds=3)
        weights = zip(straight.model.state_dict().values(), again.model.state_dict().values(), strict=True)
        assert all(torch.equal(a.cpu(), b.cpu()) for a, b in weights)
        assert straight.round == again.round == 5


def test_the_sums_since_the_last_row_are_on_the_device_again():
    with strange_device():
        run = Run(store.create(setting(families()["gan"], Plane)))
        tensors, about = wire.unpack_state(store.checkpoint(run.at).read_bytes())
        about |= {"sums": {"a": 1.5}, "counts": {"a": 1}}
        store.write(store.checkpoint(run.at), wire.pack_state(tensors, about))
        assert Run(run.at)._sums["a"].device.type == "lazy"


@pytest.mark.parametrize("other_device", DEVICES)
def test_a_wall_trains_on_the_device_and_moves_to_the_cpu(other_device):
    gan = families()["gan"]
    with other_device():
        run = Run(store.create(setting(gan, Plane) | {"wall": {"lr_G": [1e-3, 1e-4], "seed": [0, 1]}}))
        run.settle("training")
        run.train(rounds=2)
        assert LEFT_OUT not in run.quality()
        run.settle("paused")
    again = Run(run.at)
    again.play()
    again.train(rounds=1)
    assert again.round == 3


def test_states_of_other_devices_become_seeds_that_differ_with_the_state():
    def drawn(state):
        device.set_random_state(state, torch.device("cpu"))
        return torch.randn(3)

    cuda = torch.arange(16, dtype=torch.uint8)  # CUDA's states have 16 bytes
    assert torch.equal(drawn(cuda), drawn(cuda))
    assert not torch.equal(drawn(cuda), drawn(cuda.flip(0)))
    own = torch.get_rng_state()
    assert torch.equal(drawn(own), drawn(own))
    with strange_device() as here:
        device.seed(1, here)
        first = torch.randn(3, device=here).cpu()
        assert not torch.equal(first, torch.randn(3))
        device.seed(1, here)
        assert torch.equal(first, torch.randn(3, device=here).cpu())


@pytest.mark.parametrize("name", ["cuda", "cuda:7", "mps", "xpu", "nonsense", "cpu:x", "meta", "vulkan"])
def test_a_device_that_is_not_here_is_refused_everywhere_with_those_that_are(name, monkeypatch, capsys):
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine has an accelerator")
    monkeypatch.setenv("GENLAB_DEVICE", name)
    with pytest.raises(Refused, match="has cpu"):
        device.pick()
    assert cli.main(["train", "gan", "--data", "ring", "--rounds", "1"]) != 0
    assert name in capsys.readouterr().err
    assert cli.main(["doctor"]) == 1
    assert f"BAD device        GENLAB_DEVICE={name}" in capsys.readouterr().out


class TestTheFasterDevice:
    """With made-up times, because this machine may have one device only."""

    @pytest.fixture
    def asked(self, monkeypatch):
        """The devices whose rounds were timed, while a GPU is at hand; `times` says what they took."""
        asked, times = [], {"cuda": 0.004, "cpu": 0.002}
        monkeypatch.setattr(place, "devices", lambda: [torch.device("cuda"), torch.device("cpu")])
        monkeypatch.setattr(place, "_name", lambda one: one.type)
        monkeypatch.setattr(
            place,
            "seconds",
            lambda family, config, data, info, one: asked.append(one.type) or times[one.type],
        )
        return asked, times

    def chosen(self, tmp_path, name="gan", **values):
        family, data = families()[name], load("ring")
        info = store.Info(format=1, id="0" * 12, family=name, data="ring", seed=0, config={})
        return place.device_of(family, family.configure(data.space, values), data, info, tmp_path).type

    def test_is_measured_once_for_a_family_and_size(self, asked, tmp_path):
        seen, times = asked
        assert self.chosen(tmp_path) == "cpu"
        assert seen == ["cuda", "cpu"]
        times["cuda"] = 0.001  # what was measured holds
        assert self.chosen(tmp_path, lr_G=1e-4) == "cpu"
        assert seen == ["cuda", "cpu"]
        assert self.chosen(tmp_path, width_G=512) == "cuda"
        assert self.chosen(tmp_path, "vae") == "cuda"
        assert len(seen) == 6
        assert [self.chosen(tmp_path), self.chosen(tmp_path, width_G=512)] == ["cpu", "cuda"]
        assert len(seen) == 6, "all that was measured is kept"

    def test_is_the_cpu_where_the_other_one_fails(self, asked, tmp_path):
        asked[1]["cuda"] = math.inf
        assert self.chosen(tmp_path) == "cpu"
        asked[1]["cuda"] = 0.001  # it had no memory, and has some now
        assert self.chosen(tmp_path) == "cuda"

    @pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"x": 3}', b"\x00\xff", b'{"x": {"cuda": "y"}}'])
    def test_is_measured_again_where_the_file_is_damaged(self, asked, tmp_path, damaged):
        (tmp_path / "devices.json").write_bytes(damaged)
        assert self.chosen(tmp_path) == "cpu"
        assert self.chosen(tmp_path) == "cpu"
        assert asked[0] == ["cuda", "cpu"]

    def test_is_not_asked_for_where_there_is_one(self, tmp_path):
        assert self.chosen(tmp_path) == "cpu"
        assert not (tmp_path / "devices.json").exists()

    def test_is_measured_for_each_number_of_members(self, asked, tmp_path):
        family, data = families()["gan"], load("ring")
        config = family.configure(data.space, {})
        for wall in ({}, {"seed": [1, 2]}, {"seed": [1, 2, 3]}, {"lr_D": [0.1, 0.01]}):
            info = store.Info(family="gan", data="ring", seed=0, config={}, wall=wall)
            place.device_of(family, config, data, info, tmp_path)
        assert len(asked[0]) == 2 * 3  # two members are two members

    def test_is_measured_for_each_shape_of_the_data_and_version_of_torch(self, monkeypatch):
        family = families()["gan"]
        info = store.Info(family="gan", data="x", seed=0, config={})
        config = family.configure(load("ring").space, {})

        def key(*shape):
            return place._key(family, config, SimpleNamespace(space=SimpleNamespace(shape=shape)), info)

        keys = [key(2), key(1, 8, 8), key(1, 28, 28), key(3, 28, 28), key(3, 28, 32)]
        monkeypatch.setattr(torch, "__version__", "3.0")
        assert len({*keys, key(2)}) == 6

    def test_is_written_down_and_nobody_waits_for_the_disk(self, asked, tmp_path, monkeypatch):
        monkeypatch.setattr("os.fsync", lambda file: pytest.fail("it was waited for"))
        assert self.chosen(tmp_path) == "cpu"
        (told,) = json.loads((tmp_path / "devices.json").read_bytes()).values()
        assert told == {"cuda": 0.004, "cpu": 0.002}

    def test_is_known_by_its_model(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device.index}")
        assert [place._name(torch.device(name)) for name in ("cuda:1", "cpu", "mps")] == [
            "card 1",
            "cpu",
            "mps",
        ]

    @pytest.mark.parametrize(("round", "turns"), [(0.001, 1), (0.1, 2), (0.4, 3)])
    def test_is_timed_when_it_is_warm_until_its_work_is_done_and_not_for_long(
        self, monkeypatch, round, turns
    ):
        """With a device whose rounds take exactly so long, the first ones a thousand times as long; a term
        that is looked at waits for the work of its turn."""
        clock, rounds, waited = SimpleNamespace(now=5.0), [], []

        def fit(model, batches, optimizers):
            rounds.append(1)
            clock.now += round if len(rounds) > place.WARM else 1000 * round
            return [SimpleNamespace(terms={"loss": Term(turn)}) for turn in range(turns)]

        class Term(int):
            def sum(self):
                return self

            def item(self):
                waited.append(int(self))

        monkeypatch.setattr(place, "time", SimpleNamespace(perf_counter=lambda: clock.now))
        monkeypatch.setattr(place, "fit", fit)
        family, data = families()["gan"], load("ring")
        info = store.Info(family="gan", data="ring", seed=0, config={})
        config = family.configure(data.space, {"width_G": 8, "width_D": 8})
        took = place.seconds(family, config, data, info, one=torch.device("cpu"))
        assert took == pytest.approx(round)
        timed = len(rounds) - place.WARM
        assert timed == min(place.ROUNDS, math.floor(place.SECONDS / round + 1e-9) + 1)
        assert waited == [turns - 1] * len(rounds)

    def test_rounds_are_timed_where_they_shall_be_and_failures_are_infinite(self, tmp_path, monkeypatch):
        family, data = families()["gan"], load("ring")
        info = store.Info(format=1, id="0" * 12, family="gan", data="ring", seed=0, config={})
        config = family.configure(data.space, {"width_G": 8, "width_D": 8, "batch": 8})
        before = torch.get_rng_state()
        with strange_device() as here:
            devices: list[str] = []
            right = place.fit

            def fit(model, *rest):
                devices.append(next(model.parameters()).device.type)
                return right(model, *rest)

            monkeypatch.setattr(place, "fit", fit)
            for one in (here, torch.device("cpu")):
                assert 0 < place.seconds(family, config, data, info, one=one) < math.inf
            assert list(dict.fromkeys(devices)) == ["lazy", "cpu"]
            monkeypatch.setattr(family, "turns", lambda *_: (_ for _ in ()).throw(TypeError("no float64")))
            assert place.seconds(family, config, data, info, one=here) == math.inf
        torch.set_rng_state(before)
