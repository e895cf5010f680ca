"""The defaults work, and the failure that the GAN's page shows is one."""

from itertools import islice

import pytest
import torch

from engine.data import batches, load
from engine.families.gan import GAN
from engine.fit import fit
from engine.metrics import quality


def trained(seed: int, rounds: int, **knobs) -> dict[str, float]:
    data = load("ring")
    torch.manual_seed(seed)
    model = GAN(GAN.configure(data.space, knobs), data.space)
    for _turn in fit(model, islice(batches(data, lambda: model.config.batch, seed), rounds)):
        pass
    return quality(model, data, 5000)


def test_the_default_gan_learns_the_ring_for_four_of_five_seeds():
    found = [trained(seed, 3000) for seed in range(5)]
    good = [f for f in found if f["modes"] >= 7 and f["high-quality"] >= 0.8]
    assert len(good) >= 4, found


@pytest.mark.parametrize("seed", [0, 1])
def test_with_a_discriminator_ten_times_slower_the_generator_collapses(seed):
    assert trained(seed, 1500, lr_D=1e-4)["modes"] <= 3
