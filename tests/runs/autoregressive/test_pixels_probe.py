"""What a page may ask a model of pixels, and what it answers."""

import base64

import numpy as np
import pytest
import torch

from engine.config import Refused
from engine.data import floats, load
from engine.families import find
from lab import scenes
from lab.probes import ask


def made(name="pixelcnn", data_name="digits-7", **knobs):
    data, family = load(data_name), find(name)
    small = {"channels": 6, "layers": 2, "h": 6, "H": 8, "width": 20}
    small = {k: v for k, v in small.items() if k in family.Config.model_fields}
    torch.manual_seed(0)
    model = family(family.configure(data.space, small | knobs), data.space)
    for weight in model.parameters():
        weight.data += 0.3 * torch.randn_like(weight)
    return model, data


def parts(model, data, name, **asked):
    return list(ask(model, data, name, asked))


def coded(values) -> str:
    return base64.b64encode(np.asarray(values, np.uint8).tobytes()).decode()


def test_the_desk_knows_sizes_colours_and_order():
    model, data = made("nade", order="spiral")
    desk = ask(model, data, "desk", {})
    assert (desk["H"], desk["W"], desk["K"], desk["labels"], desk["examples"]) == (7, 7, 2, 0, 1000)
    assert desk["palette"].tolist() == [[0, 0, 0], [255, 255, 255]]
    assert desk["rank"].tolist() == model.rank.tolist()
    model, data = made("gated-pixelcnn", "pixel-faces")
    desk = ask(model, data, "desk", {})
    assert desk["palette"].tolist() == [list(colour) for colour in data.space.palette]
    assert desk["labels"] == 4


def test_an_example_is_the_test_picture_in_values():
    model, data = made("pixelcnn", "pixel-faces")
    told = ask(model, data, "example", {"number": 5})
    assert torch.equal(model.shown(torch.from_numpy(told["picture"]).long().flatten()[None])[0],
                       floats(data.test_x[5]))  # fmt: skip
    assert told["label"] == data.test_y[5]
    with pytest.raises(Refused, match="number"):
        ask(model, data, "example", {"number": 1000})


@pytest.mark.parametrize(("name", "knobs"), [("pixelcnn", {}), ("nade", {"order": "spiral"}), ("made", {})])
def test_a_picture_is_written_in_order_and_its_log_p_is_that_of_one_pass(name, knobs):
    model, data = made(name, **knobs)
    told = parts(model, data, "write", seed=4, n=3)
    places = np.concatenate([part["places"] for part in told]).astype(int)
    assert places.tolist() == model.order
    assert [part["done"] for part in told][-1] == 49
    known = [(part["picture"][0] != 255).sum() for part in told]
    assert known == [part["done"] for part in told]
    k = torch.from_numpy(told[-1]["picture"]).long().flatten(1)
    log_p = model.log_probs(k)
    np.testing.assert_allclose(told[-1]["log_p"], log_p.sum(1).detach(), rtol=1e-4)
    np.testing.assert_allclose(told[-1]["log_rest"], told[-1]["log_p"], rtol=1e-5)
    p = np.concatenate([part["p"] for part in told])
    np.testing.assert_allclose(
        p[:, 1], model.logits(model.seen(k[:1])).softmax(-1)[0, places, 1].detach(), atol=1e-4
    )
    again = parts(model, data, "write", seed=4, n=3)[-1]["picture"]
    assert np.array_equal(again, told[-1]["picture"]), "a seed is a picture"
    assert not np.array_equal(parts(model, data, "write", seed=5, n=3)[-1]["picture"], again)
    assert not np.array_equal(again[0], again[1]), "each picture has a noise of its own"


def test_what_is_given_stands_and_only_the_rest_is_in_log_rest():
    model, data = made()
    values = np.full(49, 255)
    values[:20] = np.arange(20) % 2
    told = parts(model, data, "write", values=coded(values), n=4)[-1]
    k = torch.from_numpy(told["picture"]).long().flatten(1)
    assert (k[:, :20] == torch.arange(20) % 2).all()
    log_p = model.log_probs(k).detach()
    np.testing.assert_allclose(told["log_p"], log_p.sum(1), rtol=1e-4)
    np.testing.assert_allclose(told["log_rest"], log_p[:, 20:].sum(1), rtol=1e-4)


def test_the_temperature_and_the_label_count():
    model, data = made("gated-pixelcnn", conditional=True)
    model.layers[0].V.weight.data *= 20
    ends = [parts(model, data, "write", label=label, n=8)[-1]["picture"] for label in (0, 7)]
    assert not np.array_equal(*ends)
    cold = parts(model, data, "write", temperature=0, n=3)[-1]["picture"]
    assert np.array_equal(cold[0], cold[1])
    assert np.array_equal(parts(model, data, "write", n=2)[-1]["picture"],
                          parts(model, data, "write", label=0, n=2)[-1]["picture"])  # fmt: skip


def test_looking_tells_the_distribution_and_what_it_depends_on():
    model, data = made(first="3")
    k = ask(model, data, "example", {"number": 2})["picture"]
    first, whole = parts(model, data, "look", pixel=25, values=coded(k))
    assert np.array_equal(first["heat"], whole["heat"])
    p = model.logits(model.seen(torch.from_numpy(k).long().flatten()[None]))[0, 25].softmax(0)
    np.testing.assert_allclose(whole["p"], p.detach(), atol=1e-5)
    assert whole["past"] == 25
    assert whole["seen"] + whole["blind"] == 25
    assert whole["blind"] > 0
    assert (whole["itself"], whole["ahead"]) == (False, 0)
    assert (whole["heat"].flatten()[25:] == 0).all()
    assert (whole["heat"].flatten()[:25][whole["can"].flatten()[:25] == 0] == 0).all()


def test_looking_finds_the_leaks():
    model, data = made(mask="B", layers=1)
    whole = parts(model, data, "look", pixel=25)[-1]
    assert whole["itself"]
    model, data = made("pixelrnn", shift=False)
    whole = parts(model, data, "look", pixel=22)[-1]
    assert whole["ahead"] == 4, "those to its right, but for the last, which no state of this row knows"


def test_each_kind_of_net_sees_its_field():
    model, data = made()
    *_, last = parts(model, data, "fields", pixel=31)
    fields = {name.removeprefix("field/"): field > 0 for name, field in last.items() if "/" in name}
    assert set(fields) == {"PixelCNN", "Gated PixelCNN", "Row LSTM", "Diagonal BiLSTM"}
    assert not any(field.flatten()[31:].any() for field in fields.values())
    assert fields["Gated PixelCNN"].sum() == 31
    assert fields["Row LSTM"][3].sum() == 5, "a triangle"
    assert fields["PixelCNN"].sum() < 31


def test_ancestors_of_an_output_of_made():
    model, data = made("made", width=60, depth=2, orders=2)
    for which in (0, 1):
        told = ask(model, data, "ancestors", {"pixel": 30, "which": which})
        rank, before = model.ranks[which], model.ranks[which][30]
        lit = torch.from_numpy(told["inputs"]).flatten() > 0
        assert (rank[lit] < before).all()
        assert told["ancestors"] == int(lit.sum())
        for layer in (1, 2):
            m = model.m[which][layer - 1].sort().values
            units = torch.from_numpy(told[f"hidden/{layer}"]) > 0
            assert told[f"degree/{layer}"].tolist() == m.tolist()
            assert (m[units] < before).all()
        assert units.sum() == (m < before).sum(), "all units of the last layer that may be seen are"
        staircase = told["mask/1"]
        assert (np.diff(staircase.astype(int).sum(1)) >= 0).all(), "sorted by degree"
    assert told["orders"] == 2


@pytest.mark.parametrize(
    ("name", "asked", "says"),
    [
        ("write", {"n": 99}, "n is '99'"),
        ("write", {"values": "no"}, "49 bytes"),
        ("write", {"values": coded([3] * 49)}, "below 2"),
        ("write", {"values": coded([0] * 48)}, "49 bytes"),
        ("write", {"values": 7}, "49 bytes"),
        ("write", {"temperature": -1}, "temperature"),
        ("write", {"temperature": True}, "temperature"),
        ("write", {"seed": -1}, "seed"),
        ("look", {"pixel": 49}, "pixel"),
        ("fields", {"pixel": "x"}, "pixel"),
        ("ancestors", {"pixel": 3}, "cannot be asked"),
    ],
)
def test_bad_questions_are_refused(name, asked, says):
    model, data = made()
    with pytest.raises(Refused, match=says):
        parts(model, data, name, **asked)


def test_a_label_that_does_not_exist_is_refused():
    model, data = made("gated-pixelcnn", conditional=True)
    with pytest.raises(Refused, match="label"):
        parts(model, data, "write", label=10)


def test_samples_are_drawn_rarely_a_step_for_each_pixel():
    model, data = made()
    assert "images/samples" not in scenes.draw(model, data)
    steps = list(scenes.rarely_in_steps(model, data))
    assert len(steps) == 50
    assert steps[-1]["images/samples"].shape == (36, 7, 7)
    assert set(np.unique(steps[-1]["images/samples"])) <= {0, 255}
    model, data = made("gated-pixelcnn", "pixel-faces", conditional=True)
    assert scenes.rarely(model, data)["images/samples"].shape == (40, 16, 16, 3)
