"""Measures of codes, and the detector of families with codes: on made-up numbers whose answer is known."""

import pytest
import torch

from engine.codes.measures import holes, sharpness
from engine.codes.symptoms import HOLES, WINDOW, symptoms
from engine.metrics.ruler import DataFacts

ANY = DataFacts({}, [], "images", 1.0)
WELL = {"ELBO": -150.0, "KL": 6.0, "KL of each dimension": [3.0, 3.0], "holes": 1.1, "sharpness": 0.9}


def normal(n: int, d: int = 2) -> torch.Tensor:
    return torch.randn(n, d)


def test_codes_that_are_draws_of_the_prior_have_no_holes():
    torch.manual_seed(0)
    found = [holes(normal(3000), normal(1000), normal(3000)) for _ in range(10)]
    assert sum(found) / 10 == pytest.approx(1, abs=0.06)
    assert max(found) < 1.25 < HOLES


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


def names(found: list) -> list[str]:
    return [one.name for one in found]


def test_nothing_is_said_before_there_are_enough_measurements():
    assert symptoms(rows((WINDOW - 1, {"KL": 0.0})), ANY) == []
    assert symptoms([{"round": i, "-E[log p(x|z)]": 200.0} for i in range(99)], ANY) == []


def test_a_healthy_run_works_or_learns():
    (found,) = symptoms(rows((20, {})), ANY)
    assert (found.name, found.bad) == ("Working", False)
    better = [row | {"ELBO": -300 + 5.0 * i} for i, row in enumerate(rows((20, {})))]
    assert names(symptoms(better, ANY)) == ["Learning"]


def test_a_collapse_is_named_from_its_first_measurement_and_only_when_it_lasts():
    (found,) = symptoms(rows((9, {}), (WINDOW, {"KL": 0.02, "KL of each dimension": [0.01, 0.01]})), ANY)
    assert (found.name, found.since, found.bad) == ("Posterior collapse", 640, True)
    assert "beta" in found.cure
    assert names(symptoms(rows((9, {}), (WINDOW - 1, {"KL": 0.02})), ANY)) == ["Working"]


def test_sleeping_dimensions_are_counted_and_are_no_fault():
    found = symptoms(rows((9, {"KL of each dimension": [3.0, 3.0, 0.001, 0.0]})), ANY)
    assert names(found) == ["Sleeping dimensions", "Working"]
    assert "2 of 4" in found[0].sentence
    assert not found[0].bad


def test_holes_and_blur_are_seen_and_only_holes_are_a_fault():
    assert names(symptoms(rows((9, {"holes": 1.8})), ANY)) == ["Holes"]
    found = symptoms(rows((9, {"sharpness": 0.4})), ANY)
    assert names(found) == ["Blur", "Working"]
    assert "40%" in found[0].sentence


def test_overfitting_is_told_with_the_round_that_was_best():
    story = rows((4, {"ELBO": -160.0}), (1, {"ELBO": -140.0}), (9, {"ELBO": -155.0}))
    (found,) = symptoms(story, ANY)
    assert (found.name, found.since) == ("Overfitting", 320)
    rising = [row | {"ELBO": -200 + 4.0 * i} for i, row in enumerate(rows((12, {})))]
    assert names(symptoms(rising, ANY)) == ["Learning"]
    errors = [{"round": 64 * i, "test error": 100.0 + (i > 8) * 20, "holes": 1.0} for i in range(1, 20)]
    assert names(symptoms(errors, ANY)) == ["Overfitting"]
