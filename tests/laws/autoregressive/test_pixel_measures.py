"""What rows say of models of pixels, by hand; and what the detector makes of rows."""

import math

import pytest
import torch

from engine.autoregressive.pixel_measures import (
    BAR,
    BITS,
    LEAKS,
    OUTPUTS,
    TEST,
    examples,
    independent,
    measure,
)
from engine.autoregressive.pixels import NATS
from engine.autoregressive.symptoms import symptoms
from engine.checks import measure as laws
from engine.data import floats, load
from engine.families import find
from engine.metrics.measure import at_once
from engine.metrics.ruler import about


def small(name="made", data_name="digits-7", **knobs):
    data, family = load(data_name), find(name)
    torch.manual_seed(0)
    return family(family.configure(data.space, knobs), data.space), data


def test_independent_pixels_are_counted():
    data = load("digits-7")
    p = independent(data, 2)
    white = ((floats(data.x) + 1) / 2).mean(0).flatten()
    torch.testing.assert_close(p[:, 1], (len(data.x) * white + 1) / (len(data.x) + 2))
    torch.testing.assert_close(p.sum(1), torch.ones(49))
    faces = load("pixel-faces")
    q = independent(faces, 16)
    k = faces.space.coded(floats(faces.x), 16)[:, 3, 7]
    by_hand = torch.tensor([((k == value).sum() + 1) / (len(k) + 16) for value in range(16)])
    torch.testing.assert_close(q[3 * 16 + 7], by_hand)
    levels = independent(data, 4)
    k = data.space.coded(floats(data.x), 4).flatten(1)
    torch.testing.assert_close(levels[30, 2], ((k[:, 30] == 2).sum() + 1) / (len(k) + 4))


def test_a_row_holds_the_loss_and_the_bar_of_the_same_pictures():
    model, data = small()
    row = at_once(measure(model, data))
    k, y = examples(model, data, 64)
    assert torch.equal(k, examples(model, data, 64)[0]), "always the same pictures"
    assert torch.equal(y, data.some(64, test=True)[1])
    assert row[TEST] == pytest.approx(-model.log_probs(k).sum(1).mean().item(), rel=1e-5)
    p = independent(data, 2)
    by_hand = -sum(p[i, k[n, i]].log().item() for n in range(64) for i in range(49)) / 64
    assert row[BAR] == pytest.approx(by_hand, rel=1e-4)
    assert row[BITS] == pytest.approx(row[TEST] / 49 / math.log(2))
    assert row[LEAKS] == [0, 0]


def test_labels_go_with_their_pictures():
    model, data = small("gated-pixelcnn", conditional=True, channels=4, layers=2)
    model.layers[0].V.weight.data *= 30
    k, y = examples(model, data, 64)
    row = at_once(measure(model, data))
    assert row[TEST] == pytest.approx(-model.log_probs(k, y).sum(1).mean().item(), rel=1e-4)
    assert row[TEST] != pytest.approx(-model.log_probs(k, y.flip(0)).sum(1).mean().item(), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "knobs", "name_of_leak"),
    [
        ("made", {"mask": ">="}, "Sees itself"),
        ("pixelcnn", {"mask": "B", "channels": 4, "layers": 1}, "Sees itself"),
        ("pixelrnn", {"shift": False, "h": 4}, "Sees the future"),
    ],
)
def test_a_leak_is_named(name, knobs, name_of_leak):
    model, data = small(name, **knobs)
    for weight in model.parameters():
        weight.data *= 3
    row = at_once(measure(model, data)) | {NATS: 3.0}
    assert sum(row[LEAKS]) > 0
    assert max(row[LEAKS]) <= OUTPUTS
    rows = [row | {"round": 64 * i} for i in range(1, 3)]
    (symptom,) = symptoms(type(model), rows, about(data))
    assert symptom.name == name_of_leak
    assert symptom.since == 64
    broken = [law for law in laws(model, data) if not law.holds]
    assert broken, "and the Check tab says so, too"


def rows_of(test: list[float], train: list[float], bar: float = 50.0) -> list[dict]:
    pairs = enumerate(zip(test, train, strict=True), 1)
    return [{"round": 64 * i, TEST: a, NATS: b, BAR: bar, LEAKS: [0, 0]} for i, (a, b) in pairs]


@pytest.mark.parametrize(
    ("test", "train", "name"),
    [
        ([40, 35, 31, 28, 26, 25], [40, 35, 31, 28, 26, 25], "Learning"),
        ([25.0] * 7, [25.0] * 7, "Working"),
        ([45.0] * 7, [45.0] * 7, "Not there yet"),
        ([30, 25, 24, 25, 26, 27, 28], [30, 25, 24, 22, 20, 18, 16], "Overfitting"),
        ([30, 25, 60, 70, 80, 90, 99], [30, 25, 60, 70, 80, 90, 99], "Diverging"),
    ],
)
def test_the_detector_tells_from_rows(test, train, name):
    rows = rows_of(test, train)
    data = about(load("digits-7"))
    (symptom,) = symptoms(find("made"), rows, data)
    assert symptom.name == name
    assert symptom.sentence.startswith(f"{name}: ")
    assert symptoms(find("made"), rows[:3], data) == []
    if name == "Overfitting":
        assert symptom.since == 3 * 64
        assert "24" in symptom.sentence
    assert (symptom.tone == "good") == (name == "Working")
    assert symptom.bad == (name in ("Overfitting", "Diverging"))


def test_the_laws_hold_on_every_net():
    for name, knobs in (("nade", {}), ("made", {"orders": 2}), ("gated-pixelcnn", {"conditional": True}),
                        ("pixelrnn", {"layer": "Row LSTM"})):  # fmt: skip
        model, data = small(name, **knobs)
        assert [law.law for law in laws(model, data) if not law.holds] == []
