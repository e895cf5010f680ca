"""What the style room shows and answers is what the engine computes, for every choice; on small networks."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from engine.fit import fit
from engine.style.onepass import one_pass
from engine.style.style import StyleTransfer
from lab.scenes.arrays import pictures as shown
from lab.style import style_probe, style_scene
from tests.laws.style.conftest import network
from tests.laws.style.styling import half, pictures


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("engine.style.canvas.backbone", network)


def transfer(styles=2, mask=None, **knobs):
    data = pictures(styles, mask, 96, 128)
    torch.manual_seed(0)
    config = StyleTransfer.configure(data.space, {"size": 128, "levels": 2, "init": "noise"} | knobs)
    return StyleTransfer(config, data.space), data


def opened(held):
    return np.asarray(Image.open(io.BytesIO(held.tobytes())).convert("RGB")).astype(float)


def apart(held, x):
    """The mean difference of a WebP and a picture."""
    return np.abs(opened(held) - shown(x)[0]).mean()


@torch.no_grad()
def test_the_scene_is_the_result_and_the_side_that_the_losses_see():
    model, data = transfer()
    for level, side in ((0, 64), (1, 128)):
        model.level.fill_(level)
        frame = style_scene.draw(model, data, True, None)
        assert set(frame) == {"photo/result", "number/pixels seen"}
        assert frame["number/pixels seen"] == [side]
        assert opened(frame["photo/result"]).shape == (96, 128, 3)
        assert apart(frame["photo/result"], model.picture()) < 12  # WebP halves the colours
        assert apart(frame["photo/result"], model.canvas.content) > 30


@torch.no_grad()
def test_the_pictures_beside_it_are_those_that_it_is_made_from():
    model, data = transfer(mask=half(), colour="luminance")
    inputs = style_scene.once(model, data)
    assert set(inputs) == {"photo/content", "photo/style", "photo/second", "photo/mask"}
    assert apart(inputs["photo/content"], model.canvas.content) < 12
    assert apart(inputs["photo/style"], model.canvas.styles[0]) < 4
    assert apart(inputs["photo/second"], model.canvas.styles[1]) < 4
    mask = opened(inputs["photo/mask"])
    assert mask[:, :56].min() > 240
    assert mask[:, 72:].max() < 15
    alone, data = transfer(styles=1)
    assert set(style_scene.once(alone, data)) == {"photo/content", "photo/style"}


@pytest.mark.parametrize("how", ["AdaIN", "whitening"])
@pytest.mark.parametrize("strength", [0.3, 1])
@pytest.mark.parametrize("colour", ["style", "luminance"])
@torch.no_grad()
def test_the_quick_answer_is_one_pass_over_the_same_pictures(how, strength, colour):
    model, data = transfer(mask=half(96, 128), colour=colour, blend=0.3)
    answer = style_probe.quick(model, data, strength, how)
    content = model.canvas.seen(model.canvas.content)
    asked = {"blend": 0.3, "strength": strength, "how": how, "mask": model.canvas.mask}
    wanted = model.canvas.shown(one_pass(content, model.canvas.styles, **asked))
    assert np.array_equal(answer["quick"], shown(wanted)[0])
    assert np.array_equal(answer["picture"], shown(model.picture())[0])


def test_the_quick_answer_is_whitening_at_full_strength_unless_asked():
    model, data = transfer()
    with torch.no_grad():
        usual = style_probe.quick(model, data)["quick"]
        assert np.array_equal(usual, style_probe.quick(model, data, 1.0, "whitening")["quick"])
        assert not np.array_equal(usual, style_probe.quick(model, data, 1.0, "AdaIN")["quick"])
        assert not np.array_equal(usual, style_probe.quick(model, data, 0.9)["quick"])


@torch.no_grad()
def test_gram_matrices_are_those_of_the_present_level_and_too_much_is_orange():
    model, data = transfer(blend=0.4, mask=half(96, 128))
    model.level.fill_(1)
    answer = style_probe.grams(model, data, 3)
    t, canvas = model.targets(1), model.canvas
    f = canvas.network(canvas.seen(model.image[0]), ["relu3_1"])["relu3_1"][0] / t.units["relu3_1"]
    m = torch.nn.functional.interpolate(t.mask, f.shape[1:], mode="area")[0]
    G = torch.einsum("ahw,bhw->ab", f * m, f) / m.sum()
    A = 0.6 * t.grams[0][2] + 0.4 * t.grams[1][2]
    order = A.diagonal().argsort(descending=True)
    G, A = G[order][:, order], A[order][:, order]
    scale = A.abs().max()
    for name, matrix in (("result", G), ("target", A)):
        grey = (matrix / scale).abs().clamp(0, 1).sqrt() * 255
        assert np.abs(answer[name] - grey.numpy()).max() <= 1
    red, blue = answer["difference"][..., 0].astype(int), answer["difference"][..., 2].astype(int)
    clear = ((G - A).abs() > 0.01 * scale).numpy()
    assert ((red > blue) == (G > A).numpy())[clear].all()
    assert answer["E"][2] == pytest.approx(((G - A) ** 2).sum().item() / (4 * 6**2), rel=1e-4)
    assert (answer["channels"], answer["layers"]) == (6, [f"relu{i}_1" for i in range(1, 6)])


def test_what_each_layer_keeps_is_trained_with_these_knobs(monkeypatch):
    made = []

    class Noted(StyleTransfer):
        def __init__(self, config, space):
            made.append((config, space))
            super().__init__(config, space)

    model, data = transfer(mask=half(), colour="luminance", pooling="max", at="conv", content_layer="relu1_2")
    monkeypatch.setattr(style_probe, "StyleTransfer", Noted)
    parts = list(style_probe.keeps(model, data, 7))
    assert [(p["row"], p["layer"], p["step"]) for p in parts] == [
        (row, layer, step) for row in ("content", "style") for layer in range(1, 6) for step in (5, 7)
    ]
    assert len(made) == 10
    for i, (config, space) in enumerate(made):
        assert (config.size, config.init, config.colour, config.levels, config.coarse) == (
            128,
            "noise",
            "style",
            2,
            3,
        )
        assert (config.pooling, config.at) == ("max", "conv")
        assert len(space.styles) == 1
        assert torch.equal(space.styles[0], data.space.styles[0])
        assert space.mask is None
        if i < 5:
            assert (config.alpha, config.content_layer, config.optimizer) == (10, f"relu{i + 1}_2", "L-BFGS")
            assert config.weights == [0.0] * 5
        else:
            assert (config.alpha, config.beta, config.optimizer, config.lr) == (0, 100, "Adam", 0.1)
            assert config.weights == [1.0] * (i - 4) + [0.0] * (9 - i)


def test_it_trains_as_many_steps_as_it_says(monkeypatch):
    steps = []

    def counted(model, batches):
        for turn in fit(model, batches):
            steps.append(turn.round)
            yield turn

    model, data = transfer()
    monkeypatch.setattr(style_probe, "fit", counted)
    dict(enumerate(style_probe.keeps(model, data, 4)))
    assert steps == [0, 1, 2, 3] * 10
