"""What a suspected model of sound is asked: its influence before and after a sample."""

import numpy as np
import pytest
import torch

from engine.config import Refused
from engine.data import load
from engine.families import find
from lab.probes import ask


def heard(padding, sample=900):
    data, family = load("voices"), find("wavenet")
    torch.manual_seed(0)
    knobs = {"padding": padding, "channels": 4, "dilations": 3}
    knobs = {k: v for k, v in knobs.items() if k in family.Config.model_fields}
    model = family(family.configure(data.space, knobs), data.space)
    return model, ask(model, data, "both_ways", {"sample": sample})


def test_a_causal_net_sees_only_the_past():
    model, told = heard("causal")
    middle = model.field
    assert told["heat"].shape == told["wave"].shape == (2 * middle + 1,)
    assert (told["itself"], told["ahead"]) == (0, 0)
    assert not told["heat"][middle:].any()
    assert told["before"] == np.count_nonzero(told["heat"][:middle]) > 0
    assert (told["past"], told["future"]) == (900, model.D - 901)


def test_a_net_with_padding_on_both_sides_sees_the_future():
    model, told = heard("same")
    middle = model.field
    assert told["ahead"] == np.count_nonzero(told["heat"][middle + 1 :]) > 0


def test_at_the_ends_of_a_sound_nothing_lies_beyond():
    model, told = heard("same", sample=1)
    assert not told["heat"][: model.field - 1].any()
    assert not told["wave"][: model.field - 1].any()
    with pytest.raises(Refused, match="sample"):
        heard("same", sample=10**6)
