"""Measures of codes, and the detector of families with codes: on made-up numbers whose answer is known."""

import pytest
import torch

from engine.codes.ae import AE
from engine.codes.base import ELBO, KL, KL_EACH, RESTORED
from engine.codes.measures import HOLES, SHARPNESS, holes, sharpness
from engine.codes.symptoms import GAPS, WINDOW, symptoms
from engine.metrics.detector import Symptom
from engine.metrics.ruler import DataFacts

ANY = DataFacts({}, [], "images", 1.0)
WELL = {ELBO: -150.0, KL: 6.0, KL_EACH: [3.0, 3.0], HOLES: 1.1, SHARPNESS: 0.9}


def normal(n: int, d: int = 2) -> torch.Tensor:
    return torch.randn(n, d)


def test_codes_that_are_draws_of_the_prior_have_no_holes():
    torch.manual_seed(0)
    ratios = [holes(normal(3000), normal(1000), normal(3000)) for _ in range(10)]
    assert sum(ratios) / 10 == pytest.approx(1, abs=0.06)
    assert max(ratios) < 1.25 < GAPS


def test_a_half_plane_without_codes_is_a_hole():
    torch.manual_seed(0)
    codes = normal(3000)
    codes[:, 0] = codes[:, 0].abs()
    # nine tenths of the draws lie nearer than x = -1.28, which is 1.28 away from the nearest code
    others = normal(3000)
    usual = torch.cdist(z := normal(1000), others).amin(1).quantile(0.9)
    assert holes(codes, z, others) == pytest.approx((z[:, 0].quantile(0.1).abs() / usual).item(), rel=0.1)


def test_sharpness_is_that_of_the_steps_between_pixels():
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 1, 16, 16)
    assert sharpness(stripes) == pytest.approx(4)  # every step across is 2, every step down 0, variance 1
    ramp = torch.linspace(-1, 1, 16).expand(1, 1, 16, 16)
    assert sharpness(ramp) == pytest.approx((2 / 15) ** 2 / ramp.var(unbiased=False).item())
    edge = torch.ones(1, 1, 16, 16)
    edge[..., :8] = -1
    blurred = torch.nn.functional.avg_pool1d(edge[0, 0], 5, 1, 2, count_include_pad=False)[None, None]
    assert sharpness(blurred) < 0.5 * sharpness(edge)
    assert sharpness(3 * edge) == pytest.approx(sharpness(edge))  # contrast is not sharpness


def rows(*stretches: tuple[int, dict]) -> list[dict]:
    kinds = [WELL | kind for count, kind in stretches for _ in range(count)]
    return [{"round": 64 * (i + 1)} | kind for i, kind in enumerate(kinds)]


def seen_in(story: list[dict]) -> list[Symptom]:
    return symptoms(AE, story, ANY)


def names(seen: list) -> list[str]:
    return [one.name for one in seen]


def test_nothing_is_said_before_there_are_enough_measurements():
    assert seen_in(rows((WINDOW - 1, {KL: 0.0}))) == []
    assert seen_in([{"round": i, "-E[log p(x|z)]": 200.0} for i in range(99)]) == []


def test_a_healthy_run_works_or_learns():
    (seen,) = seen_in(rows((20, {})))
    assert (seen.name, seen.bad) == ("Working", False)
    better = [row | {ELBO: -300 + 5.0 * i} for i, row in enumerate(rows((20, {})))]
    assert names(seen_in(better)) == ["Learning"]


def test_a_collapse_is_named_from_its_first_measurement_and_only_when_it_lasts():
    (seen,) = seen_in(rows((9, {}), (WINDOW, {KL: 0.02, KL_EACH: [0.01, 0.01]})))
    assert (seen.name, seen.since, seen.bad) == ("Posterior collapse", 640, True)
    assert "beta" in seen.cure
    assert names(seen_in(rows((9, {}), (WINDOW - 1, {KL: 0.02})))) == ["Working"]


def test_sleeping_dimensions_are_counted_and_are_no_fault():
    seen = seen_in(rows((9, {KL_EACH: [3.0, 3.0, 0.001, 0.0]})))
    assert names(seen) == ["Sleeping dimensions", "Working"]
    assert "2 of 4" in seen[0].sentence
    assert not seen[0].bad


def test_holes_and_blur_are_seen_and_only_holes_are_a_fault():
    assert names(seen_in(rows((9, {HOLES: 1.8})))) == ["Holes"]
    seen = seen_in(rows((9, {SHARPNESS: 0.4})))
    assert names(seen) == ["Blur", "Settled"]
    assert "40%" in seen[0].sentence


def test_overfitting_is_told_with_the_round_that_was_best():
    story = rows((4, {ELBO: -160.0}), (1, {ELBO: -140.0}), (9, {ELBO: -155.0}))
    (seen,) = seen_in(story)
    assert (seen.name, seen.since) == ("Overfitting", 320)
    rising = [row | {ELBO: -200 + 4.0 * i} for i, row in enumerate(rows((12, {})))]
    assert names(seen_in(rising)) == ["Learning"]
    errors = [{"round": 64 * i, RESTORED: 100.0 + (i > 8) * 20, HOLES: 1.0} for i in range(1, 20)]
    assert names(seen_in(errors)) == ["Overfitting"]
