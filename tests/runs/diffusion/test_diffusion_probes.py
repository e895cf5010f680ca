"""Films of a diffusion: each is held against the engine, or against what is known of its ends."""

import base64
import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from engine import data as datasets
from engine.config import Refused
from engine.device import seed as reseed
from engine.diffusion.ddpm import DDPM
from engine.diffusion.exact import exact
from engine.diffusion.flow_matching import FlowMatching
from engine.diffusion.schedule import levels
from engine.space import Picture
from lab import probes
from lab.diffusion import denoising_probe as denoising
from lab.diffusion import edits_probe as edits
from lab.diffusion import films_probe as films
from lab.diffusion import noising_probe as noising
from lab.diffusion import scores_probe as scores
from lab.scenes.arrays import halves, pictures

RING, DIGITS = datasets.load("ring"), datasets.load("digits")
BOTH = pytest.mark.parametrize("family", [DDPM, FlowMatching])
SMALL = {"width": 8, "depth": 1, "T": 20, "steps": 5}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Filling in is slow and is the same in fewer steps."""
    monkeypatch.setattr(edits, "STEPS", 4)


def built(family=DDPM, data=DIGITS, **values):
    torch.manual_seed(1)
    model = family(family.configure(data.space, SMALL | values), data.space)
    for weight in model.average.parameters():  # what it says has no zeros, and is not that of the net
        torch.nn.init.normal_(weight, std=0.2)
    return model


def ask(name, model=None, data=None, **arguments):
    model = model or built(data=data or DIGITS)
    data = data or (DIGITS if isinstance(model.space, Picture) else RING)
    return list(probes.ask(model, data, name, arguments))


def perfect(family, data, **values):
    """A model that says what the exact denoiser says."""
    model, right = built(family, data, **{"T": 50, "steps": 50} | values), exact(data)
    model.predict = lambda x, t, y=None, guidance=None: right.predict(x, model.signal[t], model.noise[t])
    return model


def drawing(ink=255):
    """A thick stroke."""
    picture = np.zeros((28, 28), np.uint8)
    picture[6:22, 12:16] = ink
    return base64.b64encode(picture.tobytes()).decode()


QUESTIONS = {
    "forward": {}, "reverse": {}, "between": {"seed_a": 1, "seed_b": 2}, "inpaint": {"index": 3},
    "redraw": {"picture": drawing(), "t": 10}, "guided": {},
}  # fmt: skip


def test_every_question_is_in_these_tests():
    assert {*QUESTIONS, "score"} == set(probes.questions(DDPM)) - {"tradeoff"}  # which has tests of its own


# --- what all films have -------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_film_of_pictures_goes_from_one_end_to_the_other_and_twice_the_same_way(family, name):
    model = built(family, conditional=True)
    parts, again = (
        ask(name, model, **QUESTIONS[name], **{} if name == "between" else {"seed": 7}) for _ in "ab"
    )
    t = [part["t"] for part in parts]
    assert t == sorted(set(t), reverse=name != "forward")
    assert (min(t), max(t)) == (0, 10 if name == "redraw" else 20)
    assert parts[0]["T"] == 20
    for part, same in zip(parts, again, strict=True):
        assert part.keys() == same.keys()
        for key, value in part.items():
            assert np.array_equal(value, same[key])
            if isinstance(value, np.ndarray) and "images" in key:
                assert value.dtype == np.uint8
                assert value.ndim == 3
        json.dumps(part["numbers"], allow_nan=False)
        assert any(key.startswith("still/") for key in part) <= (part is parts[0])
    if name != "between":
        other = ask(name, model, **QUESTIONS[name], seed=8)
        assert not np.array_equal(other[1]["x_t/images/samples"], parts[1]["x_t/images/samples"])


@BOTH
@pytest.mark.parametrize("name", ["forward", "reverse", "between", "score"])
def test_a_film_of_points_has_a_box_that_holds_data_and_noise(family, name):
    parts = ask(name, built(family, RING), **QUESTIONS.get(name, {}))
    assert parts[0]["box"] == [-films.NOISY, films.NOISY, -films.NOISY, films.NOISY]
    wide = ask(
        name, built(family, RING), dataclasses.replace(RING, box=(-8, 2, 0, 9)), **QUESTIONS.get(name, {})
    )
    assert wide[0]["box"] == [-8, films.NOISY, -films.NOISY, 9]
    for part in parts:
        json.dumps(part["numbers"], allow_nan=False)
        moving = [array for key, array in part.items() if "/points/" in key or "/arrows/" in key]
        assert all(array.dtype == np.float16 for array in moving)


@pytest.mark.parametrize(("n", "most"), [(1, 5), (2, 5), (5, 5), (6, 5), (201, 51), (1001, 101)])
def test_a_long_film_is_thinned_evenly_and_keeps_its_ends(n, most):
    kept = sorted(films.evenly(n, most))
    assert kept[0] == 0
    assert kept[-1] == n - 1
    assert len(kept) == min(n, most)
    gaps = np.diff(kept)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


# --- the forward process -------------------------------------------------------------------------


@BOTH
def test_in_one_jump_and_step_by_step_mean_and_variance_are_what_the_schedule_says(family):
    """Of 400 points within 5 standard errors, at each of 51 levels, for each coordinate's mean and for the
    variance."""
    model = built(family, RING, T=50)
    x0, _ = RING.some(400, test=True)
    for part in ask("forward", model, seed=3):
        signal, noise = float(model.signal[part["t"]]), float(model.noise[part["t"]])
        variance = signal**2 * x0.var().item() + noise**2
        for screen, name in {"x_t": "one jump", "chain": "step by step"}.items():
            x = part[f"{screen}/points/fake"].astype(np.float64)
            away = x.mean(0) - signal * x0.mean(0).numpy()
            assert abs(away).max() < 5 * noise / 20 + 2e-3
            assert abs(x.var() - variance) < 5 * variance / 20 + 2e-3
            assert part["numbers"][f"mean, {name}"] == pytest.approx(x.mean(), abs=2e-3)
            assert part["numbers"][f"variance, {name}"] == pytest.approx(x.var(), rel=1e-2)


@BOTH
def test_steps_of_the_chain_leave_the_same_distribution_as_a_jump(family, double):
    """Kolmogorov and Smirnov's distance of 5,000 draws from each; its 99.9 % point is 1.95 sqrt(2 / n)."""
    model, n = built(family, RING, T=4), 5000
    x0 = RING.take(slice(n))
    x = x0
    for t in range(1, 5):
        x = noising.further(model, x, t - 1, t)
        jump = model.q(x0, t, torch.randn_like(x0))
        for a, b in zip(x.T, jump.T, strict=True):
            both = torch.cat([a, b]).sort().values
            far = (
                torch.searchsorted(a.sort().values, both) - torch.searchsorted(b.sort().values, both)
            ).abs()
            assert far.max() / n < 1.95 * math.sqrt(2 / n)
    torch.testing.assert_close(noising.further(model, x0, 3, 3), x0)


def test_the_jump_has_one_noise_at_all_t_and_the_chain_new_noise_at_each():
    model = built(DDPM, RING)
    parts = ask("forward", model)
    x0 = RING.some(400, test=True)[0].numpy()

    def noise(part, screen):
        signal, sigma = float(model.signal[part["t"]]), float(model.noise[part["t"]])
        return (part[f"{screen}/points/fake"].astype(float) - signal * x0) / sigma

    assert abs(noise(parts[9], "x_t") - noise(parts[20], "x_t")).max() < 0.02
    assert abs(noise(parts[9], "chain") - noise(parts[20], "chain")).mean() > 0.1


def test_the_forward_process_begins_with_test_examples():
    x, y = DIGITS.some(64, test=True)
    first = ask("forward")[0]
    assert (first["x_t/images/samples"] == pictures(x)).all()
    assert (first["chain/images/samples"] == pictures(x)).all()
    assert (first["still/x_t/label"] == y.numpy()).all()
    assert first["hist/x_t"].sum() == 64 * 784
    assert first["numbers"]["ᾱ"] == 1
    assert "SNR" not in first["numbers"]


def test_the_numbers_of_a_level_are_those_of_the_schedule():
    model = built(DDPM, RING)
    numbers = ask("forward", model)[9]["numbers"]
    alpha_bar = model.alpha_bar.double()
    assert numbers["ᾱ"] == pytest.approx(alpha_bar[9].item(), rel=1e-5)
    assert numbers["SNR"] == pytest.approx((alpha_bar[9] / (1 - alpha_bar[9])).item(), rel=1e-4)
    assert numbers["β"] == pytest.approx((1 - alpha_bar[9] / alpha_bar[8]).item(), rel=1e-4)
    assert "ᾱ" not in ask("forward", built(FlowMatching, RING))[9]["numbers"]


# --- the reverse process -------------------------------------------------------------------------


KNOBS = [
    (DDPM, {}), (DDPM, {"sampler": "DDPM", "variance": "posterior"}), (DDPM, {"sampler": "DDIM", "eta": 0.5}),
    (DDPM, {"sampler": "Heun", "steps": 3}), (DDPM, {"sampler": "DPM-Solver++"}),
    (FlowMatching, {}), (FlowMatching, {"sampler": "Heun", "steps": 20}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "knobs"), KNOBS)
@pytest.mark.parametrize("data", [RING, DIGITS], ids=["points", "pictures"])
@pytest.mark.exhaustive
def test_the_last_part_is_a_sample_of_the_same_noise(family, knobs, data):
    model = built(family, data, conditional=True, guidance=1.5)
    parts, n = ask("reverse", model, data, seed=5, label=3, **knobs), films.SHOWN[data.space.kind]
    reseed(5)
    with torch.no_grad():
        x = model.sample(n, torch.full((n,), 3), **knobs)
    last = parts[-1]
    if data is DIGITS:
        assert (last["x_t/images/samples"] == pictures(x)).all()
    else:
        assert np.array_equal(last["x_t/points/fake"], halves(x))
    assert [part["t"] for part in parts] == levels(20, knobs.get("steps", 5))


def test_two_samplers_start_from_the_same_noise():
    model = built(DDPM, RING)
    one, other = ask("reverse", model, sampler="DDIM"), ask("reverse", model, sampler="DDPM", steps=10)
    assert np.array_equal(one[0]["x_t/points/fake"], other[0]["x_t/points/fake"])
    assert not np.array_equal(one[-1]["x_t/points/fake"], other[-1]["x_t/points/fake"])


def test_the_guesses_make_up_x_t():
    """x_t = signal x_0 + noise eps, and the arrow of the noise leads from signal x_0 to x_t."""
    model = built(DDPM, RING, sampler="DDIM")
    for part in ask("reverse", model)[:-1]:
        start, push = np.split(part["eps/arrows/noise"].astype(float), 2, 1)
        x0, x = (part[f"{screen}/points/fake"].astype(float)[:150] for screen in ("x0", "x_t"))
        scale = 1 + abs(x0)  # halves have 11 bits
        assert (abs(start - float(model.signal[part["t"]]) * x0) / scale).max() < 5e-3
        assert (abs(start + push - x) / scale).max() < 5e-3


def test_the_mesh_begins_as_quantiles_of_noise_and_goes_the_way_of_the_points():
    model = built(DDPM, RING)
    parts = ask("reverse", model, sampler="DDIM")
    mesh = parts[0]["x_t/mesh/generator"].astype(float)
    assert mesh.shape == (21, 21, 2)
    corner = torch.distributions.Normal(0, 1).icdf(torch.tensor(0.5 / 21)).item()
    assert mesh[0, 0] == pytest.approx([corner, corner], abs=2e-3)
    assert mesh[0, -1] == pytest.approx([-corner, corner], abs=2e-3)
    assert mesh[10, 10] == pytest.approx([0, 0], abs=1e-6)
    with torch.no_grad():
        walk = model.walk_from(torch.tensor([[-corner, corner]]), sampler="DDIM")
        for step, part in zip(walk, parts, strict=True):
            far = abs(step.x[0].numpy() - part["x_t/mesh/generator"][0, -1])
            assert (far < 5e-3 * (1 + abs(step.x[0].numpy()))).all()
    for knobs in ({"sampler": "DDPM"}, {"sampler": "DDIM", "eta": 0.1}, {"sampler": "DDPM as on the slide"}):
        assert "x_t/mesh/generator" not in ask("reverse", model, **knobs)[0]


def test_with_the_exact_denoiser_the_film_ends_at_the_data():
    for family in (DDPM, FlowMatching):
        last = ask("reverse", perfect(family, RING))[-1]["x_t/points/fake"].astype(float)
        nearest = np.linalg.norm(last[:, None] - RING.target.centres.numpy(), axis=2).min(1)
        assert np.median(nearest) < 0.2


def test_labels_come_in_turn_or_as_asked_and_only_where_they_mean_anything():
    model = built(conditional=True)
    parts = ask("reverse", model)
    assert parts[0]["still/x_t/label"][:12].tolist() == [*range(10), 0, 1]
    assert {*ask("reverse", model, label=4)[0]["still/x_t/label"].tolist()} == {4}
    assert "still/x_t/label" not in ask("reverse", built(conditional=False))[0]
    with pytest.raises(Refused, match="trained without labels"):
        ask("reverse", built(conditional=False), label=4)


def test_of_three_hundred_steps_of_points_a_hundred_and_one_are_shown():
    assert len(ask("reverse", built(DDPM, RING, T=300), steps=300, sampler="DDIM")) == 101


# --- the score -----------------------------------------------------------------------------------


@BOTH
def test_the_exact_denoiser_has_no_error_and_its_arrows_are_the_exact_ones(family):
    parts = ask("score", perfect(family, RING, T=100))
    assert [part["t"] for part in parts] == sorted({part["t"] for part in parts}, reverse=True)
    assert (parts[0]["t"], parts[-1]["t"], len(parts)) == (100, 1, 25)
    for part in parts:
        assert not part["error/field/error"].any()
        assert part["numbers"]["relative error"] < 1e-5
        far = abs(part["model/arrows/score"].astype(float) - part["exact/arrows/score"])
        assert far.max() < 4e-3  # halves have 11 bits
        assert np.array_equal(part["x0/arrows/model"], part["x0/arrows/truth"])


def test_an_arrow_times_its_scale_is_the_score_and_the_error_is_that_of_eps(monkeypatch):
    monkeypatch.setattr(scores, "WORST", 9.0)  # so that no error is cut
    model = built(DDPM, RING)
    right = exact(RING)
    for part in ask("score", model)[::8]:
        t, scale = part["t"], part["numbers"]["score of an arrow of length 1"]
        for screen, score in (
            ("model", lambda x, t=t: model.score(x, t)),
            ("exact", lambda x, t=t: right.score(x, model.signal[t], model.noise[t])),
        ):
            x, way = torch.from_numpy(part[f"{screen}/arrows/score"].astype(np.float32)).split(2, 1)
            with torch.no_grad():
                torch.testing.assert_close(way * scale, score(x), rtol=0.03, atol=0.03 * scale)
        worst = films.NOISY
        corner = torch.tensor([[worst, -worst]])
        with torch.no_grad():
            away = model.predict(corner, t)[0] - right.predict(corner, model.signal[t], model.noise[t])[0]
        shown = part["error/field/error"][0, -1]
        assert 0 < shown < 255
        assert abs(shown - min(1, away.norm().item() / 9) * 255) <= 1


def test_where_the_exact_score_is_not_known_only_the_models_is_shown():
    data = datasets.load("circles")
    for part in ask("score", built(DDPM, data), data):
        assert "model/arrows/score" in part
        assert not any(key.startswith(("exact", "error", "x0")) for key in part)


# --- between two noises, guidance -------------------------------------------------------------------


@BOTH
def test_between_two_noises_lie_both_ends_and_the_length_stays(family):
    model = built(family, DIGITS)
    reseed(4)
    first = pictures(model.p_T(8))
    parts = ask("between", model, seed_a=4, seed_b=9)
    assert (parts[0]["x_t/images/samples"][::8] == first).all()
    reseed(9)
    assert (parts[0]["x_t/images/samples"][7::8] == pictures(model.p_T(8))).all()
    points = ask("between", built(family, RING), seed_a=4, seed_b=9)
    assert np.array_equal(points[-1]["x_t/paths/between"][0], points[-1]["x_t/points/fake"])
    length = np.linalg.norm(points[0]["x_t/points/fake"].astype(float), axis=1)
    assert length.min() >= min(length[0], length[-1]) - 2e-3


def test_guidance_is_a_row_each_and_0_ignores_the_label(monkeypatch):
    monkeypatch.setattr(denoising, "SCALES", (0.0, 1.0))
    model = built(conditional=True)
    last = ask("guided", model, seed=2)[-1]["x_t/images/samples"]
    assert last.shape == (1, 2 * 30 - 2, 10 * 30 - 2)
    rows = [[last[0, 30 * r : 30 * r + 28, 30 * c : 30 * c + 28] for c in range(10)] for r in range(2)]
    assert all((tile == rows[0][0]).all() for tile in rows[0])
    assert not (rows[1][1] == rows[1][2]).all()
    reseed(2)
    with torch.no_grad():
        noise = model.p_T(1).expand(10, 1, 28, 28)
        *_, step = model.walk_from(noise, model.labels(10), guidance=1.0, sampler="DDIM")
    assert (np.stack(rows[1]) == pictures(step.x)).all()


# --- filling in, and drawings ------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("mask", ["left", "right", "top", "bottom", "middle"])
def test_what_was_known_is_kept_exactly_and_what_was_hidden_is_made(family, mask):
    parts = ask("inpaint", built(family, conditional=True), index=500, mask=mask, seed=1)
    hidden = edits.masked(mask, torch.zeros(1, 1, 28, 28)).numpy()
    digit, last = DIGITS.test_x[500, 0].numpy(), parts[-1]["x_t/images/samples"]
    assert hidden.mean() == (0.25 if mask == "middle" else 0.5)
    assert (last[:, ~hidden] == digit[~hidden]).all()
    assert len({tile[hidden].tobytes() for tile in last}) == len(last)
    known = parts[0]["still/known/images/known"][0]
    assert (known[~hidden] == digit[~hidden]).all()
    assert len({*known[hidden].tolist()}) == 1


@BOTH
def test_at_every_level_the_known_pixels_have_the_noise_of_that_level(family):
    model = built(family)
    known = datasets.dataset.floats(DIGITS.test_x[[8]])
    hidden = edits.masked("left", known)
    with torch.no_grad():
        for t, x, _, _ in edits.filled(model, known, hidden, None, [20, 12, 5, 0]):
            noise = (x - model.signal[t] * known)[..., ~hidden]
            spread = float(model.noise[t])
            assert noise.std().item() == pytest.approx(spread, rel=0.05, abs=1e-7)
            assert abs(noise.mean().item()) <= 5 * spread / math.sqrt(noise.numel())


def test_hidden_pixels_come_to_fit_the_known_ones(monkeypatch):
    """Pairs of correlated Gaussian pixels, filled in by their exact denoiser, against E[x_2 | x_1]: each step
    that is made again brings them nearer."""
    rho, T = 0.9, 40
    model = built(DDPM, DIGITS, T=T, clip=False)
    model.p_T = lambda n: torch.randn(2000, 1, 1, 2)
    cov = torch.tensor([[1.0, rho], [rho, 1.0]])

    def right(x, t, y=None, guidance=None):
        signal, noise = model.signal[t], model.noise[t]
        mean = signal * x @ torch.linalg.inv(signal**2 * cov + noise**2 * torch.eye(2)) @ cov
        return (x - signal * mean) / noise, mean

    model.predict = right
    known, hidden = torch.full((1, 1, 1, 2), 1.5), torch.tensor([[False, True]])

    def error(again):
        monkeypatch.setattr(edits, "AGAIN", again)
        with torch.no_grad():
            *_, step = edits.filled(model, known, hidden, None, levels(T, T))
        return abs(step.x[..., 1].mean().item() - 1.5 * rho)

    once, twice, often = error(1), error(2), error(20)
    assert once > twice + 0.05
    assert often < 0.05


@BOTH
def test_a_little_noise_keeps_the_drawing_and_all_of_it_forgets_it(family):
    """The right denoiser of pictures that are Gaussian noise, N(0, s^2), moves a drawing as little as its
    noise."""
    model = built(family, conditional=True, T=50, steps=50)
    model.predict = lambda x, t, y=None, guidance=None: (
        model.noise[t] * x / (model.signal[t] ** 2 + model.noise[t] ** 2),
        model.signal[t] * x / (model.signal[t] ** 2 + model.noise[t] ** 2),
    )
    picture = np.frombuffer(base64.b64decode(drawing()), np.uint8).reshape(28, 28).astype(float)

    def likeness(t):
        last = ask("redraw", model, picture=drawing(), t=t)[-1]["x_t/images/samples"]
        return np.mean([np.corrcoef(tile.ravel(), picture.ravel())[0, 1] for tile in last])

    assert likeness(1) > 0.9
    assert likeness(1) > likeness(25) > likeness(50)
    assert abs(likeness(50)) < 0.05


def test_a_drawing_without_a_label_is_told_none():
    model, seen = built(conditional=True), []
    predict = model.predict
    model.predict = lambda x, t, y=None, guidance=None: (seen.append(y), predict(x, t, y, guidance))[1]
    with torch.no_grad():
        list(edits.redraw(model, DIGITS, drawing(), 10))
        assert all(y is None for y in seen)
        seen.clear()
        list(edits.redraw(model, DIGITS, drawing(), 10, label=6))
    assert all((y == 6).all() for y in seen)


# --- asking --------------------------------------------------------------------------------------


LINE = datasets.load("two-bumps")
WRONG = [
    ("forward", DIGITS, {"seed": -1}, "seed is '-1'"),
    ("reverse", DIGITS, {"seed": 0.5}, "seed is '0.5'; it must be a whole number from 0 to"),
    ("forward", LINE, {}, "choose other data than numbers on a line"),
    ("reverse", LINE, {}, "choose other data than numbers on a line"),
    ("reverse", DIGITS, {"steps": 0}, "steps .* is 0; it must be in"),
    ("reverse", DIGITS, {"sampler": "magic"}, "sampler .* is 'magic'; it must be one of DDPM, DDIM"),
    ("reverse", DIGITS, {"width": 9}, "A film cannot change 'width'; it can change sampler, steps"),
    ("reverse", DIGITS, {"stops": [3, 0]}, "A film cannot change 'stops'"),
    ("reverse", DIGITS, {"label": 10}, "label is '10'; it must be a whole number from 0 to 9"),
    ("score", DIGITS, {}, "choose points"),
    ("between", DIGITS, {"seed_a": 1, "seed_b": "x"}, "seed_b is 'x'"),
    ("guided", RING, {}, "pictures only"),
    ("reverse", DIGITS, {"guidance": 99}, "guidance .* is 99"),
    ("inpaint", RING, {"index": 0}, "pictures only"),
    ("inpaint", DIGITS, {"index": -1}, "number of the test picture is '-1'"),
    ("inpaint", DIGITS, {"index": 0, "mask": "all"}, "mask is 'all'; it must be one of left, right"),
    ("inpaint", DIGITS, {"index": 0, "mask": []}, "mask is"),
    ("redraw", DIGITS, {"picture": "no", "t": 10}, "not 28 x 28 bytes"),
    ("redraw", DIGITS, {"picture": drawing(0), "t": 10}, "Draw something first"),
    ("redraw", DIGITS, {"picture": drawing(), "t": 0}, "t is '0'; it must be a whole number from 1 to 20"),
    ("redraw", DIGITS, {"picture": drawing(), "t": 21}, "t is '21'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "arguments", "says"), WRONG)
def test_a_wrong_question_is_refused_in_a_sentence(name, data, arguments, says):
    with pytest.raises(Refused, match=says):
        ask(name, built(data=data, conditional=True), data, **arguments)


def test_guidance_needs_labels():
    with pytest.raises(Refused, match="trained with labels"):
        ask("guided", built(conditional=False))
