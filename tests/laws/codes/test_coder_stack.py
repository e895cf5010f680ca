"""Autoencoders and VAEs trained as one are those that single runs would train (see test_stack.py)."""

import pytest
import torch

from engine.codes.ae import AE
from engine.codes.cvae import CVAE
from engine.codes.vae import VAE
from engine.data import floats, load
from engine.fit import fit
from engine.stack import batch_of, stack
from tests.laws.test_stack import apart, tensors

pytestmark = pytest.mark.usefixtures("double")

SMALL = {"width": 8, "batch": 12}
ROUNDS = 30
SETTINGS = {
    "beta": (VAE, "ring", {}, [{"beta": 0.0}, {"beta": 1.0}, {"beta": 8.0}], [0, 0, 0]),
    "beta of pictures": (VAE, "digits", {"z": 3}, [{"beta": 0.5}, {"beta": 4.0}], [0, 1]),
    "warm-up, free bits": (VAE, "ring", {"warm_up": 20}, [{"free_bits": 0.0}, {"free_bits": 0.5}], [2, 2]),
    "spread, learning rate": (
        VAE, "ring", {"likelihood": "Gaussian"}, [{"sigma": 0.1}, {"lr": 0.01}, {}], [3, 3, 3],
    ),
    "convolutional": (
        VAE, "digits", {"network": "convolutional", "width": 4, "upsampling": "transposed"},
        [{"beta": 1.0}, {"beta": 4.0}], [0, 0],
    ),
    "labels": (CVAE, "ring", {}, [{"beta": 0.5}, {"beta": 4.0, "lr": 0.01}], [0, 1]),
    "labels, spread": (CVAE, "ring", {"likelihood": "Gaussian"}, [{"sigma": 0.1}, {"sigma": 2.0}], [0, 0]),
    "learning rates": (AE, "ring", {}, [{"lr": 1e-3}, {"lr": 1e-2}], [0, 1]),
    "noise": (AE, "ring", {"noise": "Gaussian"}, [{"amount": 0.0}, {"amount": 0.5}], [0, 0]),
    "masking": (AE, "digits", {"noise": "masking", "z": 3}, [{"amount": 0.2}, {"amount": 0.8}], [0, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_a_stack_trains_each_member_as_a_run_of_its_own_would(name):
    family, data_name, base, own, seeds = SETTINGS[name]
    data, rounds = load(data_name), ROUNDS if data_name == "ring" else 6
    configs = [family.configure(data.space, SMALL | base | values) for values in own]
    stacked = stack(family, configs, data.space, seeds)
    batches = [batch_of(data, configs[0].batch, seeds, round) for round in range(rounds)]
    terms = [turn.terms for turn in fit(stacked, batches)]
    ends = []
    for i, (config, seed) in enumerate(zip(configs, seeds, strict=True)):
        torch.manual_seed(seed)
        alone = family(config, data.space)
        single = [data.batch(config.batch, seed, round) for round in range(rounds)]
        for ours, turn in zip(terms, fit(alone, single), strict=True):
            assert apart({k: t[i] for k, t in ours.items()}, turn.terms) < 1e-8
        ends.append({k: t[i] for k, t in tensors(stacked).items()})
        assert apart(ends[-1], tensors(alone)) < 1e-9
    assert apart(ends[0], ends[1]) > 1e-5  # so that this cannot hold because nothing moved


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(
    ("family", "data_name", "knobs"),
    [(VAE, "ring", {}), (VAE, "digits", {"z": 3}), (CVAE, "digits", {"z": 3}),
     (AE, "ring", {"noise": "Gaussian"}), (AE, "digits", {"noise": "masking"})],
    ids=["points", "pictures", "labels", "noise", "masking"],
)  # fmt: skip
def test_what_is_measured_of_a_stack_is_what_each_member_measures(family, data_name, knobs, members):
    """One number a member, also where there is only one."""
    data = load(data_name)
    knob = "amount" if family is AE else "beta"
    own = [{knob: 0.5 / (i + 1), "lr": 0.01 * (i + 1)} for i in range(members)]
    configs = [family.configure(data.space, SMALL | knobs | values) for values in own]
    stacked = stack(family, configs, data.space, range(members))
    x, y = floats(data.test_x[:20]), data.test_y[:20]
    draws = {} if family is AE else {"k": 8}
    before = stacked.get_extra_state().clone()
    torch.manual_seed(5)
    together = stacked.evaluate(x, y, **draws)
    assert all(len(value) == members for value in together.values())
    assert torch.equal(stacked.get_extra_state(), before)  # measuring leaves the noise to come as it was
    for i, config in enumerate(configs):
        torch.manual_seed(i)
        alone = family(config, data.space)
        torch.manual_seed(5)
        for name, value in alone.evaluate(x, y, **draws).items():
            assert together[name][i] == pytest.approx(value, rel=1e-9)
