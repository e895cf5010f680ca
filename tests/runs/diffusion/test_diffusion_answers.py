"""What films of a diffusion show, beside the model's own walks: populations, labels, levels, numbers."""

import numpy as np
import pytest
import torch

from engine.device import seed as reseed
from engine.diffusion.ddpm import DDPM
from engine.diffusion.exact import exact
from engine.diffusion.flow_matching import FlowMatching
from engine.diffusion.schedule import levels
from engine.metrics.digit_classifier import spread
from engine.metrics.ruler import ruler
from lab.diffusion import denoising_probe as denoising
from lab.diffusion import diffusion_scene as scene
from lab.diffusion import edits_probe as edits
from lab.diffusion import noising_probe as noising
from lab.diffusion import remake_tab
from lab.diffusion import scores_probe as scores
from lab.diffusion import tradeoff_probe as tradeoff
from lab.scenes.arrays import halves, pictures
from lab.scenes.grid import lattice
from tests.latex import prose
from tests.runs.diffusion.test_diffusion_probes import DIGITS, RING, ask, built, drawing

NOISY = {"sampler": "DDPM", "eta": 0.8}  # knobs of a model whose own walks add noise


@torch.no_grad()
def walked(model, x, y=None, **knobs):
    return [*model.walk_from(x, y, **knobs)]


def told(model):
    """A list that comes to hold the labels that this model is told."""
    seen, predict = [], model.predict
    model.predict = lambda x, t, y=None, s=None: (seen.append(y), predict(x, t, y, s))[1]
    return seen


# --- what all films have ---------------------------------------------------------------------------


def test_behind_points_on_their_way_are_training_examples():
    real = halves(RING.some(400)[0])
    for name in ("forward", "reverse"):
        assert np.array_equal(ask(name, built(DDPM, RING))[0]["still/x_t/points/real"], real)


def test_of_a_straight_path_signal_and_noise_are_told():
    numbers = ask("forward", built(FlowMatching, RING))[5]["numbers"]
    assert numbers["signal"] == pytest.approx(0.75)
    assert numbers["noise"] == pytest.approx(0.25)
    assert numbers["SNR"] == pytest.approx(9)


@pytest.mark.parametrize("T", [2, 1000])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "sigmoid"])
def test_the_numbers_of_the_first_and_last_level_keep_their_digits(schedule, T):
    parts = ask("forward", built(DDPM, RING, T=T, schedule=schedule))
    model = built(DDPM, RING, T=T, schedule=schedule)
    kept = model.alpha_bar
    for part in parts[1], parts[-1]:
        t, numbers = part["t"], part["numbers"]
        assert numbers["β"] == pytest.approx((1 - kept[t] / kept[t - 1]).item(), rel=1e-9)
        assert numbers["SNR"] == pytest.approx((kept[t] / (1 - kept[t])).item(), rel=1e-9)
        assert numbers["ᾱ"] == pytest.approx(kept[t].item(), rel=1e-12)


@pytest.mark.parametrize("data", [RING, DIGITS], ids=["points", "pictures"])
def test_a_film_shows_the_steps_of_its_walk(data):
    model = built(DDPM, data, sampler="DDIM", conditional=data is DIGITS)
    parts = ask("reverse", model, data, seed=4)
    reseed(4)
    n = 64 if data is DIGITS else 400
    steps = walked(model, model.p_T(n), model.labels(n) if data is DIGITS else None)
    for part, step in zip(parts, steps, strict=True):
        assert part["numbers"]["variance of x_t"] == pytest.approx(
            step.x.var(unbiased=False).item(), rel=1e-5
        )
        if data is DIGITS:
            for screen, x in {"x_t": step.x, "x0": step.x0, "eps": step.eps}.items():
                assert (part[f"{screen}/images/samples"] == pictures(x)).all()
        else:
            assert np.array_equal(part["x0/points/fake"], halves(step.x0))


def test_all_of_a_few_steps_among_many_levels_are_shown():
    model = built(DDPM, RING, T=300)
    assert [p["t"] for p in ask("reverse", model, sampler="DDIM", steps=60)] == levels(300, 60)


def test_histograms_count_the_numbers_of_each_way():
    model = built(DDPM, RING)
    for part in ask("forward", model)[::5]:
        for name in ("x_t", "chain"):
            x = part[f"{name}/points/fake"].astype(float)
            counted = np.histogram(x, 48, (-4, 4))[0]
            assert abs(np.cumsum(counted) - np.cumsum(part[f"hist/{name}"])).max() <= 6  # halves are rounded
        assert (part["hist/x_t"] != part["hist/chain"]).any() or part["t"] == 0


# --- the reverse process, between, guided --------------------------------------------------------------


def test_the_mesh_has_the_label_that_was_asked_for_and_is_not_shown_for_all():
    model = built(DDPM, RING, conditional=True, sampler="DDIM")
    assert "x_t/mesh/generator" not in ask("reverse", model)[0]
    parts = ask("reverse", model, label=3)
    grid = torch.from_numpy(parts[0]["x_t/mesh/generator"].astype(np.float32)).reshape(-1, 2)
    last = walked(model, grid, torch.full((len(grid),), 3))[-1].x
    shown = parts[-1]["x_t/mesh/generator"].reshape(-1, 2).astype(float)
    assert (abs(shown - last.numpy()) < 0.02 * (1 + abs(last.numpy()))).all()


def test_between_two_noises_no_noise_is_added_and_a_row_has_one_label():
    model = built(DDPM, DIGITS, conditional=True, **NOISY)
    parts = ask("between", model, seed_a=1, seed_b=2)
    reseed(1)
    first = model.p_T(8)
    steps = walked(model, first, model.labels(8), sampler="DDIM", eta=0.0)
    assert (parts[-1]["x_t/images/samples"][::8] == pictures(steps[-1].x)).all()
    assert (parts[-1]["x0/images/samples"][::8] == pictures(steps[-1].x0)).all()
    same = ask("between", model, seed_a=1, seed_b=2, label=6)
    alone = walked(model, first, torch.full((8,), 6), sampler="DDIM", eta=0.0)[-1].x
    assert (same[-1]["x_t/images/samples"][::8] == pictures(alone)).all()


def test_guided_pictures_differ_by_label_and_scale_alone():
    model = built(conditional=True, **NOISY)
    parts = ask("guided", model, seed=2)
    reseed(2)
    noise = model.p_T(1).expand(10, 1, 28, 28)
    for row, scale in enumerate((0.0, 1.0, 2.0, 4.0, 8.0)):
        steps = walked(model, noise, torch.arange(10), guidance=scale, sampler="DDIM", eta=0.0)
        for screen, x in {"x_t": steps[-2].x, "x0": steps[-2].x0, "eps": steps[-2].eps}.items():
            shown = parts[-2][f"{screen}/images/samples"][0, 30 * row : 30 * row + 28]
            for column, tile in enumerate(pictures(x)):
                assert abs(shown[:, 30 * column : 30 * column + 28].astype(int) - tile).max() <= 1
    assert "s = 0, 1, 2, 4, 8" in prose(f"lab/diffusion/{remake_tab.__name__.split('.')[-1]}.py")
    assert denoising.SCALES == (0.0, 1.0, 2.0, 4.0, 8.0)


# --- filling in, and drawings --------------------------------------------------------------------------


def test_each_mask_hides_what_its_name_says():
    across, down = torch.arange(28).expand(28, 28), torch.arange(28)[:, None].expand(28, 28)
    middle = (across >= 7) & (across < 21) & (down >= 7) & (down < 21)
    hides = {
        "left": across < 14,
        "right": across >= 14,
        "top": down < 14,
        "bottom": down >= 14,
        "middle": middle,
    }
    for name, hidden in hides.items():
        assert torch.equal(edits.masked(name, torch.zeros(1, 1, 28, 28)), hidden)
    assert set(remake_tab.MASKS) == set(hides)


def test_a_digit_is_filled_in_with_its_own_label_by_the_posteriors_steps(monkeypatch):
    monkeypatch.setattr(edits, "STEPS", 4)
    model, used = built(conditional=True), []
    seen, walk = told(model), model.walk_from
    model.walk_from = lambda x, y=None, stops=None, **k: (used.append((stops, k)), walk(x, y, stops, **k))[1]
    parts = [*edits.inpaint(model, DIGITS, 500, "left", 1)]
    label = int(DIGITS.test_y[500])
    assert label != int(DIGITS.y[500])
    assert all(y.tolist() == [label] * 16 for y in seen)
    assert len(seen) == 2 * 4, "each step is made twice"
    assert {tuple(k.items()) for _, k in used} == {(("sampler", "DDPM"), ("variance", "posterior"))}
    digit = DIGITS.test_x[500, 0].numpy()
    assert (parts[0]["still/whole/images/real"][0] == digit).all()
    first = parts[0]["x_t/images/samples"][:, :, 14:].reshape(16, -1)
    assert len(np.unique(first, axis=0)) == 16, "the known part has noise of its own in each"
    told_none = told(other := built(conditional=False))
    next(edits.inpaint(other, DIGITS, 500, "left", 1))
    assert set(told_none) == {None}


def test_a_drawing_is_noised_to_the_level_and_goes_back_without_noise():
    model = built(conditional=True, **NOISY)
    parts = ask("redraw", model, picture=drawing(), t=10, seed=3, label=4)
    ink = torch.full((1, 1, 28, 28), -1.0)
    ink[..., 6:22, 12:16] = 1
    reseed(3)
    start = model.q(ink, 10, model.p_T(16))
    stops = levels(10, 5)
    steps = walked(model, start, torch.full((16,), 4), stops=stops, sampler="DDIM", eta=0.0)
    assert [part["t"] for part in parts] == stops
    for part, step in zip(parts, steps, strict=True):
        assert (part["x_t/images/samples"] == pictures(step.x)).all()


# --- the score -----------------------------------------------------------------------------------------


def test_the_film_of_the_score_is_of_test_examples_with_the_noise_of_the_level():
    model, best = built(DDPM, RING), exact(RING)
    parts = ask("score", model, seed=6)
    x0 = RING.some(2000, test=True)[0]
    reseed(6)
    eps = torch.randn_like(x0)
    for part in parts:
        t = part["t"]
        signal, noise = float(model.signal[t]), float(model.noise[t])
        assert np.array_equal(part["model/points/real"], halves(model.q(x0, t, eps)[:200]))
        with torch.no_grad():
            assert part["numbers"]["relative error"] == pytest.approx(best.error(model, x0, t), rel=1e-5)
            grid = lattice(parts[0]["box"], scores.COARSE)
            for name, guess in {
                "model": model.predict(grid, t),
                "truth": best.predict(grid, signal, noise),
            }.items():
                assert np.array_equal(part[f"x0/arrows/{name}"][:, 2:], halves(guess[1] - grid))
        long = np.linalg.norm(part["exact/arrows/score"][:, 2:].astype(float), axis=1)
        space = (parts[0]["box"][1] - parts[0]["box"][0]) / (scores.SIDE - 1)
        assert np.quantile(long, 0.95) == pytest.approx(scores.LONGEST * space, rel=0.02)
    assert any(not np.array_equal(a["model/points/real"], b["model/points/real"])
               for a, b in zip(parts, ask("score", model, seed=7), strict=True))  # fmt: skip


# --- the scene -----------------------------------------------------------------------------------------


def test_the_scene_shows_training_examples_and_any_level_that_is_asked_for():
    model = built(DDPM, RING)
    drawn = scene.draw(model, RING, True, {"t": {"x": 1.0, "y": 0.0}})
    assert np.array_equal(drawn["points/real"], halves(RING.take(slice(500))))
    assert drawn["number/t of the arrows"] == 1
    assert [scene.at(built(DDPM, RING, T=2), share) for share in scene.SHARES] == [1, 1, 1]
    assert [scene.at(built(DDPM, RING, T=9), share) for share in scene.SHARES] == [1, 3, 5]


# --- quality against cost --------------------------------------------------------------------------------


def test_guided_points_are_measured_as_they_are_guided():
    model = built(DDPM, RING, conditional=True)
    answer = tradeoff.tradeoff(model, RING, "DDIM", 4, guidance=3.0, n=300, seed=2)
    y = RING.some(300)[1]
    reseed(2)
    x = model.sample(300, y, sampler="DDIM", steps=4, guidance=3.0)
    held = ruler(RING, 300)
    assert answer["quality"]["sliced Wasserstein"] == held.measure(x)["sliced Wasserstein"]
    assert answer["quality"]["diversity"] == pytest.approx(spread(x, y) / spread(RING.some(300)[0], y))
    floor = held.floors["sliced Wasserstein"]
    assert answer["floors"] == {"sliced Wasserstein": [floor.value, floor.error]}
    assert (answer["evaluations"], answer["among"]) == (4, 300)
    assert 0 <= answer["seconds"] < 600


def test_points_without_guidance_are_of_the_model_that_is_told_no_label():
    model = built(DDPM, RING, conditional=True)
    seen = told(model)
    answer = tradeoff.tradeoff(model, RING, "DDIM", 2, n=50)
    assert set(seen) == {None}
    assert set(answer["quality"]) == {"sliced Wasserstein"}


@pytest.mark.parametrize(("guidance", "fits"), [(0.0, True), (1.0, True), (2.0, False)])
def test_a_guided_picture_costs_two(guidance, fits, monkeypatch):
    model = built(DDPM, DIGITS, T=100, conditional=True)
    monkeypatch.setattr(model, "sample", lambda n, y, **knobs: DIGITS.some(n)[0])
    question = lambda: tradeoff.tradeoff(model, DIGITS, "DDIM", 100, guidance=guidance, n=100)  # noqa: E731
    if fits:
        assert question()["evaluations"] == 100
    else:
        with pytest.raises(tradeoff.Refused, match="fewer of either"):
            question()


def test_a_step_of_the_chain_adds_what_the_schedule_says(double):
    """Of the variance of x_t, what the step before had shrinks by alpha."""
    model = built(DDPM, RING).double()
    torch.manual_seed(0)
    for s, t in ((0, 1), (3, 4), (5, 12)):
        x = noising.further(model, torch.ones(40_000, 1, dtype=torch.float64), s, t)
        alpha = (model.alpha_bar[t] / model.alpha_bar[s]).item()
        assert x.mean().item() == pytest.approx(alpha**0.5, abs=0.02)
        assert x.var().item() == pytest.approx(1 - alpha, rel=0.04)
