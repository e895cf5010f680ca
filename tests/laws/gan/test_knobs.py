"""The knobs of a game: what they are called and where they end."""

import pytest

from engine.config import Refused
from engine.gan.base import TwoPlayers
from engine.gan.cgan import CGAN
from engine.gan.gan import GAN, GANConfig

KNOBS = GANConfig.knobs()
LETTERS = {  # of Goodfellow et al. 2014; Kingma and Ba 2015; Arjovsky et al. 2017; Gulrajani et al. 2017
    "k": "k", "batch": "m", "z": r"\dim z", "beta1": r"\beta_1", "beta2": r"\beta_2", "clip": "c",
    "weight": r"\lambda", "smooth": "s", "lr_D": r"\eta_D", "lr_G": r"\eta_G", "noise_x": r"\sigma_x",
}  # fmt: skip


@pytest.mark.parametrize("config", [TwoPlayers, GANConfig])
def test_every_knob_has_words_of_its_own_and_the_letter_of_its_paper(config):
    knobs = config.knobs().values()
    assert not [knob.name for knob in knobs if knob.label == knob.name]
    assert len({knob.label for knob in knobs}) == len({knob.says for knob in knobs}) == len(knobs)
    assert {knob.name: knob.symbol for knob in knobs if knob.symbol} == LETTERS


def test_what_spans_three_powers_of_ten_is_spread_evenly_in_the_logarithm():
    spans = {name for name, knob in KNOBS.items() if knob.low and knob.high / knob.low >= 1e3}
    assert {name for name, knob in KNOBS.items() if knob.log} == spans


def test_a_batch_may_be_one_pair_and_a_net_as_small_as_no_layer_of_four_units():
    least = {"batch": 2, "z": 1, "k": 1, "width_G": 4, "width_D": 4, "depth_G": 0, "depth_D": 0}
    GANConfig.of(least | {"k_G": 0, "smooth": 0, "noise_x": 0, "beta1": 0, "beta2": 0})


def test_a_mean_that_adam_keeps_forgets():
    assert KNOBS["beta1"].high < 1
    assert KNOBS["beta2"].high < 1


def test_a_real_example_is_never_told_to_be_rather_a_fake():
    GANConfig.of({"smooth": 0.5})
    with pytest.raises(Refused, match="smooth"):
        GANConfig.of({"smooth": 0.51})


def test_the_grid_is_learned_with_the_same_bound_in_both_games():
    assert CGAN.recipes["grid"] == GAN.recipes["grid"]
