"""Which devices a machine has, what a process is prepared for, and the random numbers of a device."""

import itertools
import os
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from engine import device
from engine.config import Refused

CPU = torch.device("cpu")


@pytest.fixture
def machine(monkeypatch):
    """A machine with these kinds of accelerators, of which it has as many of CUDA's as told."""

    def has(*kinds: str, cards: int = 1) -> None:
        for kind, backend in (("cuda", torch.cuda), ("xpu", torch.xpu), ("mps", torch.backends.mps)):
            monkeypatch.setattr(backend, "is_available", lambda here=kind in kinds: here)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)

    monkeypatch.delenv("GENLAB_DEVICE")
    return has


SOME = [kinds for n in range(4) for kinds in itertools.combinations(device.KINDS, n)]


@pytest.mark.parametrize("kinds", SOME)
def test_a_run_may_use_the_first_accelerator_that_is_here_and_the_cpu(kinds, machine):
    machine(*kinds)
    assert [kind for kind in (*device.KINDS, "cpu") if device.is_here(kind)] == [*kinds, "cpu"]
    wanted = [*kinds[:1], "cpu"]
    assert [one.type for one in device.devices()] == wanted
    assert device.pick().type == wanted[0]


@pytest.mark.parametrize("backend", [None, SimpleNamespace()])
def test_what_this_torch_cannot_use_is_not_here(backend, machine, monkeypatch):
    machine("cuda", "xpu", "mps")
    monkeypatch.setattr(torch, "xpu", backend)
    assert not device.is_here("xpu")
    monkeypatch.delattr(torch, "xpu")
    assert not device.is_here("xpu")
    assert device.is_here("cuda")


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("cpu", True), ("cpu:0", True), ("cpu:1", False), ("cuda", True), ("cuda:0", True), ("cuda:1", True),
        ("cuda:2", False), ("mps", True), ("mps:0", True), ("mps:1", False), ("xpu", False), ("abc", False),
    ],
)  # fmt: skip
def test_the_device_that_is_named_is_the_only_one_and_refused_if_it_is_not_here(
    name, here, machine, monkeypatch
):
    machine("cuda", "mps", cards=2)
    monkeypatch.setenv("GENLAB_DEVICE", name)
    if here:
        assert device.devices() == [torch.device(name)]
        return
    with pytest.raises(Refused, match=rf"GENLAB_DEVICE={name}\b.* has cuda, mps, cpu\.$"):
        device.devices()


def test_a_process_is_prepared_for_one_thread_and_for_numbers_that_repeat(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    tiny = torch.full((8,), 1e-38)
    try:
        assert device.prepare(2) == CPU
        assert torch.get_num_threads() == 2
        assert device.prepare() == CPU
        assert torch.get_num_threads() == 1
        assert (tiny * 1e-3).eq(0).all(), "denormal numbers are zero"
    finally:
        torch.set_flush_denormal(False)
    assert torch.backends.cudnn.deterministic
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"  # without it cuBLAS repeats no numbers


@pytest.mark.parametrize(
    ("name", "used"), [("cuda:1", ["cuda:1"]), ("cuda", []), ("cpu:0", []), ("mps:0", [])]
)
def test_only_a_card_that_is_named_by_its_number_is_made_the_current_one(name, used, machine, monkeypatch):
    machine("cuda", "mps", cards=2)
    monkeypatch.setenv("GENLAB_DEVICE", name)
    asked = []
    monkeypatch.setattr(torch.cuda, "set_device", lambda one: asked.append(str(one)))
    try:
        assert device.prepare() == torch.device(name)
    finally:
        torch.set_flush_denormal(False)
    assert asked == used


# --- precision -----------------------------------------------------------------------------------


def test_what_is_precise_has_float64_or_goes_where_there_is_some():
    assert device.widest(torch.device("mps")) == torch.float32
    assert device.widest(CPU) == torch.float64
    assert device.precise(torch.ones(2)).dtype == torch.float64
    for kind, at in (("mps", "the CPU"), ("cuda", "cuda")):
        there = SimpleNamespace(double=lambda at=kind: at)
        part = SimpleNamespace(
            device=torch.device(kind),
            double=there.double,
            cpu=lambda: SimpleNamespace(double=lambda: "the CPU"),
        )
        assert device.precise(part) == at


@pytest.mark.parametrize("module", [nn.Linear(2, 2), nn.BatchNorm1d(2, affine=False)])
def test_a_module_is_copied_before_it_becomes_precise(module):
    copied = device.precise(module)
    for one, other in zip(module.state_dict().values(), copied.state_dict().values(), strict=True):
        assert other.dtype in (torch.float64, torch.int64)
        assert one.dtype in (torch.float32, torch.int64)
        assert torch.equal(one.double(), other.double())


# --- random numbers ------------------------------------------------------------------------------


@pytest.fixture
def other(monkeypatch):
    """The generator of another kind of device, which takes what a signed number of 64 bits holds."""
    state = {"seed": None, "state": torch.zeros(16, dtype=torch.uint8)}

    def manual_seed(number: int) -> None:
        assert 0 <= number < 2**63
        state["seed"] = number

    module = SimpleNamespace(
        manual_seed=manual_seed, get_rng_state=lambda: state["state"],
        set_rng_state=lambda given: state.update(state=given),
    )  # fmt: skip
    monkeypatch.setattr(torch, "get_device_module", lambda kind: module if kind == "xpu" else None)
    return state


def test_the_cpu_is_always_seeded_and_another_device_if_it_is_named(other):
    torch.manual_seed(5)
    wanted = torch.randn(3)
    for where in (None, CPU):
        device.seed(5, where)
        assert torch.equal(torch.randn(3), wanted)
        assert other["seed"] is None
    device.seed(5, torch.device("xpu"))
    assert torch.equal(torch.randn(3), wanted)
    assert other["seed"] == 5


def test_random_numbers_go_on_from_a_state_of_their_own_device(other):
    here, there = device.random_state(CPU), torch.arange(16, dtype=torch.uint8)
    assert torch.equal(here, torch.get_rng_state())
    wanted = torch.randn(3)
    device.set_random_state(here, CPU)
    assert torch.equal(torch.randn(3), wanted)
    before = device.random_state(CPU)
    device.set_random_state(there, torch.device("xpu"))
    assert torch.equal(device.random_state(torch.device("xpu")), there)
    assert other["seed"] is None
    assert torch.equal(device.random_state(CPU), before)


def test_a_state_of_another_device_becomes_a_seed_that_differs_with_the_state(other):
    def drawn(state: torch.Tensor) -> torch.Tensor:
        device.set_random_state(state, CPU)
        return torch.randn(3)

    cuda = torch.arange(16, dtype=torch.uint8)  # CUDA's states have 16 bytes
    assert torch.equal(drawn(cuda), drawn(cuda))
    assert not torch.equal(drawn(cuda), drawn(cuda.flip(0)))
    seeds = set()
    for number in range(32):
        torch.manual_seed(number)
        device.set_random_state(torch.get_rng_state(), torch.device("xpu"))
        seeds.add(other["seed"])
    for _ in range(32):  # and wherever a stream has come to: a twister turns its state every 624 numbers
        torch.rand(624)
        device.set_random_state(torch.get_rng_state(), torch.device("xpu"))
        seeds.add(other["seed"])
    assert len(seeds) == 64


def test_that_seed_is_the_same_in_every_process_and_release(other):
    """So that a run that moves goes on as it once did: SHA-256 (FIPS 180) of the bytes 0 ... 15."""
    device.set_random_state(torch.arange(16, dtype=torch.uint8), CPU)
    assert torch.initial_seed() == 0xBE45CB2605BF36
