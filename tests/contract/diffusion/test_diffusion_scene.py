"""What is drawn of a diffusion in training: samples on their way, the score, noisy pictures and guesses."""

import numpy as np
import pytest
import torch

from engine import data as datasets
from engine.device import seed
from engine.diffusion.ddpm import DDPM
from engine.diffusion.flow_matching import FlowMatching
from engine.metrics.observe import held_out, observe
from lab import scenes
from lab.diffusion import diffusion_scene as diffusion
from lab.scenes.arrays import halves, pictures

SMALL = {"width": 8, "depth": 1, "T": 40, "steps": 40}
BOTH = pytest.mark.parametrize("family", [DDPM, FlowMatching])


def drawn(family, name, full=True, pointer=None, **values):
    data = datasets.load(name)
    torch.manual_seed(0)
    model = family(family.configure(data.space, SMALL | values), data.space)
    for weight in model.average.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    return model, data, scenes.draw(model, data, full, pointer)


@BOTH
def test_samples_of_points_are_a_quick_walk_and_paths_lead_to_them(family):
    model, data, arrays = drawn(family, "ring")
    assert set(arrays) == {
        "points/fake", "points/real", "paths/reverse", "arrows/gradient", "number/t of the arrows"
    }  # fmt: skip
    paths = arrays["paths/reverse"]
    assert paths.shape == (40, diffusion.STEPS + 1, 2)
    assert np.array_equal(paths[:, -1], arrays["points/fake"][:40])
    seed(0)
    noise = model.p_T(500)
    assert np.array_equal(paths[:, 0], halves(noise[:40]))
    knobs = {"sampler": "DPM-Solver++"} if family is DDPM else {}
    with torch.no_grad():
        *_, last = model.walk_from(noise, steps=diffusion.STEPS, **knobs)
    assert np.array_equal(arrays["points/fake"], halves(last.x))
    again = scenes.draw(model, data, False)
    assert np.array_equal(again["points/fake"], arrays["points/fake"])
    assert "points/real" not in again


@pytest.mark.parametrize("knobs", [{"steps": 3}, {"sampler": "DDIM", "steps": 2, "eta": 1.0}, {"T": 4}])
def test_a_walk_that_is_set_short_is_drawn_as_it_is(knobs):
    """A preset with too few steps must look as bad as it is."""
    model, _, arrays = drawn(DDPM, "ring", **knobs)
    seed(0)
    with torch.no_grad():
        *_, last = model.walk_from(model.p_T(500))
    assert np.array_equal(arrays["points/fake"], halves(last.x))


@BOTH
@pytest.mark.parametrize(
    ("asked", "t"), [(None, 12), (7, 7), (40, 40), (0, 12), (41, 12), (float("nan"), 12)]
)
def test_the_arrows_are_the_score_at_the_level_that_is_asked_for(family, asked, t):
    model, _, arrays = drawn(family, "ring", pointer=None if asked is None else {"t": {"x": asked, "y": 0.0}})
    assert arrays["number/t of the arrows"].tolist() == [t]
    x, way = torch.from_numpy(arrays["arrows/gradient"].astype(np.float32)).split(2, 1)
    with torch.no_grad():
        score = model.score(x, t)
    ratio = (way * score).sum() / score.square().sum()
    assert ratio > 0
    torch.testing.assert_close(way, ratio * score, rtol=0.02, atol=0.01)
    longest = way.norm(dim=1).quantile(0.95).item()
    assert longest == pytest.approx(diffusion.LONGEST * 6 / (diffusion.SIDE - 1), rel=0.01)


@BOTH
def test_on_a_line_the_density_is_that_of_many_samples(family):
    model, _, arrays = drawn(family, "two-bumps")
    x, density = arrays["line/model density"].T
    with torch.no_grad():
        draws = diffusion.quick(model, model.p_T(20_000))[-1].flatten()
    inside = ((draws > x[0]) & (draws < x[-1])).float().mean().item()
    assert np.trapezoid(density, x) == pytest.approx(inside, abs=0.02)
    middle = (np.trapezoid(density * x, x), draws[(draws > x[0]) & (draws < x[-1])].mean().item() * inside)
    assert middle[0] == pytest.approx(middle[1], abs=0.03)


@BOTH
def test_pictures_stand_above_what_is_guessed_of_them(family):
    model, data, arrays = drawn(family, "digits", conditional=True)
    tiles = arrays["images/denoised"].reshape(3, 2, 6, 28, 28)
    x0, y = data.some(6, test=True)
    seed(0)
    with torch.no_grad():
        for share, (noisy, guess) in zip(diffusion.SHARES, tiles, strict=True):
            x = model.q(x0, round(40 * share), torch.randn_like(x0))
            assert (noisy == pictures(x)).all()
            assert (guess == pictures(model.predict(x, round(40 * share), y, 1.0)[1])).all()


def test_samples_are_pictures_of_the_labels_in_turn():
    model, data, _ = drawn(DDPM, "digits", conditional=True)
    seen = []
    predict = model.predict
    model.predict = lambda x, t, y=None, guidance=None: (seen.append(y), predict(x, t, y, guidance))[1]
    assert scenes.rarely(model, data)["images/samples"].shape == (25, 28, 28)
    assert len(seen) == diffusion.STEPS
    assert seen[0].tolist() == [i % 10 for i in range(25)]
    assert scenes.has_rare(model)
    assert scenes.rarely(*drawn(DDPM, "ring")[:2]) == {}


def test_what_is_measured_has_a_chart():
    model, data, _ = drawn(FlowMatching, "ring")
    rows = [{"round": round, "‖u − u_θ‖²": 1.0} | observe(model, data) for round in (64, 128)]
    arrays = scenes.more(model, data, rows, True)
    assert arrays["bars/loss by t"].tolist() == pytest.approx(rows[1]["loss by t"])
    curves = ("loss/‖u − u_θ‖²", "error of ε on test data/test loss", "error of the score/score error")
    assert {f"curve/{curve}" for curve in curves} <= set(arrays)


@BOTH
def test_the_error_at_each_level_is_that_of_the_noise(family):
    """A model that sees no noise errs by its mean square, 1; of pictures it takes every second one."""
    for name in ("ring", "digits"):
        model, data, _ = drawn(family, name)
        many = []
        model.predict = lambda x, t, y=None, guidance=None, many=many: (many.append(len(x)), 0 * x, x)[1:]
        measured = held_out(model, data)
        assert measured["loss by t"] == pytest.approx([1] * 10, abs=0.3)
        assert measured["test loss"] == pytest.approx(np.mean(measured["loss by t"]))
        assert sum(many) == (10 * 32 if name == "digits" else 10 * 64 * 4)
