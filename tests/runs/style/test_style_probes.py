"""What a picture in training shows of itself: the probes' numbers are those of the engine, in float64."""

import numpy as np
import pytest
import torch

from engine import data as datasets
from engine.config import Refused
from engine.style.style import StyleTransfer
from lab import probes
from lab.scenes.arrays import pictures
from lab.style import style_probe as style


def model(name: str = "china.brushstrokes", **knobs):
    data = datasets.load(name)
    torch.manual_seed(1)
    return StyleTransfer(
        StyleTransfer.configure(data.space, {"size": 64, "levels": 1} | knobs), data.space
    ), data


@pytest.mark.parametrize("name", ["china.brushstrokes", "cat.glass.brick", "china.glass.mask-left"])
@torch.no_grad()
def test_the_distances_of_gram_matrices_are_the_terms_of_the_loss(double, name):
    transfer, data = model(name, init="noise", blend=0.3, w2=0.0, w4=2.5, beta=7.0)
    answer = probes.ask(transfer, data, "grams", {"layer": 2})
    terms = transfer.losses(transfer.image[0])
    weighted = [w * e for w, e in zip(answer["weight"], answer["E"], strict=True)]
    assert weighted == pytest.approx([terms[f"style {i}"].item() for i in range(1, 6)], rel=1e-9)
    assert answer["E"][1] > 0  # also where it weighs nothing


@torch.no_grad()
def test_gram_matrices_are_shown_in_the_order_of_the_style_and_alike_when_they_are(double):
    transfer, data = model("glass.glass", init="content")
    answer = probes.ask(transfer, data, "grams", {"layer": 4})
    diagonal = answer["target"].diagonal().astype(int)
    assert (np.diff(diagonal) <= 0).all()
    assert diagonal[0] > diagonal[-1]
    assert (answer["channels"], answer["target"].shape) == (512, (64, 64))
    other, _ = model("glass.glass", init="noise")
    far = probes.ask(other, data, "grams", {"layer": 4})
    assert far["E"][3] > 100 * answer["E"][3]  # the style has another size than the content
    white = lambda answer: (255 - answer["difference"].astype(int)).mean()  # noqa: E731
    assert white(far) > 3 * white(answer)


def test_too_much_is_orange_and_too_little_blue():
    less, none, more = style.diverging(torch.tensor([-1.0, 0.0, 1.0]))
    assert less.tolist() == [0, 114, 178]
    assert none.tolist() == [255, 255, 255]
    assert more.tolist() == [213, 94, 0]
    assert style.grey(torch.tensor([0.0, 0.25, 1.0, 7.0])).tolist() == [0, 128, 255, 255]


@torch.no_grad()
def test_the_channels_shown_answer_most_to_the_picture_that_is_asked_for(double):
    transfer, data = model()
    answer = probes.ask(transfer, data, "inside", {"of": "style", "layer": "relu2_1"})
    F = transfer.canvas.network(transfer.canvas.styles[0], ["relu2_1"])["relu2_1"][0]
    means = F.mean((1, 2)) / F.mean()
    assert answer["mean"] == pytest.approx(sorted(means.tolist(), reverse=True)[:24], rel=1e-9)
    assert means[answer["channel"]].tolist() == pytest.approx(answer["mean"])
    assert answer["maps"].shape == (24, *F.shape[1:])
    assert answer["maps"].max(axis=(1, 2)).tolist() == [255] * 24
    at = np.unravel_index(answer["maps"][0].argmax(), answer["maps"][0].shape)
    assert F[answer["channel"][0]][at] == F[answer["channel"][0]].max()


@torch.no_grad()
def test_the_result_is_the_picture_and_one_pass_at_strength_0_is_not_the_style():
    transfer, data = model("cat.glass.mask-left", init="noise")
    now = pictures(transfer.picture())[0]
    assert (probes.ask(transfer, data, "result", {})["picture"] == now).all()
    none, full = (probes.ask(transfer, data, "quick", {"strength": s})["quick"] for s in (0.0, 1.0))
    assert none.shape == full.shape == now.shape
    half = now.shape[1] // 2
    assert np.abs(none.astype(int) - full)[:, :half].mean() > 5
    right = slice(half + 8, None)  # where the mask is black the content stays, pixel for pixel
    assert (full[:, right] == pictures(transfer.canvas.content)[0][:, right]).all()


def test_ten_pictures_come_layer_by_layer_and_the_run_is_left_as_it_is():
    transfer, data = model("cat.glass.brick.mask-left", colour="luminance")
    before = transfer.image[0].detach().clone()
    parts = list(probes.ask(transfer, data, "keeps", {"steps": 6}))
    assert [(p["row"], p["layer"], p["step"]) for p in parts] == [
        (row, layer, step) for row in ("content", "style") for layer in range(1, 6) for step in (5, 6)
    ]
    assert torch.equal(transfer.image[0], before)
    again = next(probes.ask(transfer, data, "keeps", {"steps": 6}))
    assert (again["picture"] == parts[0]["picture"]).all()


@pytest.mark.exhaustive
def test_an_early_layer_keeps_more_of_the_content_than_a_deep_one():
    transfer, data = model("cat.glass")
    last = {}
    for part in probes.ask(transfer, data, "keeps", {"steps": 30}):
        if part["row"] == "style":
            break
        last[part["layer"]] = part["picture"].astype(float)
    content = pictures(transfer.canvas.content)[0]
    off = [np.abs(last[layer] - content).mean() for layer in (1, 3, 5)]
    assert off[0] < 12 < off[2]
    assert off[0] < off[1] < off[2]


@pytest.mark.parametrize(
    ("probe", "asked"),
    [
        ("grams", {"layer": 0}),
        ("grams", {"layer": 6}),
        ("grams", {"layer": "2"}),
        ("inside", {"of": "mask"}),
        ("inside", {"layer": "relu9"}),
        ("inside", {"layer": "fc100_1"}),
        ("inside", {"layer": ["relu3_1"]}),
        ("quick", {"strength": 1.5}),
        ("quick", {"strength": "all"}),
        ("quick", {"how": "magic"}),
        ("keeps", {"steps": 0}),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(probe, asked):
    transfer, data = model()
    with pytest.raises(Refused, match=r"choose|must be|has no layer"):
        dict(enumerate(probes.ask(transfer, data, probe, asked)))
