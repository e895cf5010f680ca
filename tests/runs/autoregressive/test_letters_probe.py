"""What a page may ask a model of letters, and what it answers."""

import numpy as np
import pytest
import torch

from engine.config import Refused
from engine.data import chief_towns, load
from engine.families import find
from lab.probes import ask


def made(data_name="villages-by-region", **knobs):
    data, family = load(data_name), find("letters")
    torch.manual_seed(0)
    model = family(family.configure(data.space, {"h": 16} | knobs), data.space)
    for weight in model.parameters():
        weight.data *= 3
    return model, data


@pytest.fixture(scope="module")
def net():
    return made()


def bars(net, **asked):
    told = ask(*net, "next_letters", {"start": "Кам"} | asked)
    return dict(zip(told["letter"], told["p"], strict=True)), told["log2_p"]


def test_the_temperature_divides_the_logits_of_the_next_letter(net):
    model, _ = net
    k = model.space.coded(["Кам"])
    logits = model.logits(model.seen(k), torch.tensor([2]))[0, 3].detach()
    names = ["∎", *model.space.alphabet]
    for temperature in (0.5, 1.0, 2.0):
        whole = dict(zip(names, (logits / temperature).softmax(-1).tolist(), strict=True))
        p, _ = bars(net, label=2, temperature=temperature)
        assert p == pytest.approx({letter: whole[letter] for letter in p})
    p, _ = bars(net, label=2, temperature=0.0)
    assert p[names[int(logits.argmax())]] == 1.0
    assert sum(p.values()) == 1.0


def test_the_bits_so_far_are_those_of_the_letters_at_temperature_1(net):
    model, _ = net
    k = model.space.coded(["Кам"])
    want = model.log_probs(k, torch.tensor([0]))[0, :3].sum().item() / np.log(2)
    assert [bars(net, temperature=t)[1] for t in (0.0, 1.0, 2.0)] == pytest.approx([want] * 3)


def test_the_next_letter_hangs_on_the_text_and_on_the_region(net):
    assert bars(net)[0] != bars(net, start="Ка")[0]
    assert bars(net)[0] != bars(net, label=4)[0]


def test_regions_have_their_probability_after_each_letter_and_their_towns(net):
    _, data = net
    told = ask(*net, "where_from", {"text": "Лука"})
    assert told["p"].shape == (6, 25)  # before the first letter, after each, and after the end
    assert told["p"].sum(1) == pytest.approx(np.ones(6), abs=1e-5)
    assert told["p"][0] == pytest.approx(data.y.bincount().numpy() / len(data.y), abs=1e-6)
    assert told["labels"] == list(data.labels)
    assert told["towns"].tolist() == chief_towns().tolist()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Киыв", "the letter 'ы', which this model has never seen"),
        ("Кiев", "i in 'Кiев': Latin letters"),
        ("Ab1", "A, b in 'Ab1': Latin letters"),
        ("Лука9?", "the letters '9?'"),
        ("Л" * 27, "has 27 letters; write at most 26"),
        ("", "Write a name first"),
        (7, "A name is text"),
    ],
)
def test_a_name_that_cannot_be_read_is_refused_with_the_reason(net, text, said):
    with pytest.raises(Refused) as refusal:
        ask(*net, "where_from", {"text": text})
    assert said in str(refusal.value)


def test_a_model_without_regions_is_not_asked_for_them():
    with pytest.raises(Refused, match="is told no regions"):
        ask(*made("villages"), "where_from", {"text": "Лука"})


def test_invented_names_begin_as_asked_and_novelty_is_by_the_whole_register(net):
    model, data = net
    told = ask(*net, "made_up", {"start": "Лу", "n": 30, "label": 3})
    assert all(name.startswith("Лу") for name in told["names"])
    register = {*model.space.words(data.x), *model.space.words(data.test_x)}
    assert told["known"] == [name in register for name in told["names"]]
