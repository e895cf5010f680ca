"""Laws of the metrics."""

import math

import torch

from engine.data import load
from engine.metrics import coverage, perfect


def test_the_data_themselves_cover_every_mode_and_score_the_floor():
    data = load("ring")
    found = coverage(data.x[:20_000], data.target.modes, data.target.sigma)
    floor = perfect(2)
    assert found.modes == 8
    assert math.isclose(floor, 1 - math.exp(-4.5), rel_tol=1e-6)  # P(|e| <= 3) in the plane
    error = math.sqrt(floor * (1 - floor) / 20_000)
    assert abs(found.high_quality - floor) < 4 * error


def test_a_collapsed_generator_covers_one_mode():
    target = load("ring").target
    at_one = target.modes[:1].float() + 0.01 * torch.randn(1000, 2)
    assert coverage(at_one, target.modes, target.sigma)[:2] == (1, 1.0)


def test_a_stray_point_does_not_cover_a_mode():
    target = load("ring").target
    samples = target.modes[0].float().repeat(1000, 1)
    samples[0] = target.modes[1]
    assert coverage(samples, target.modes, target.sigma).modes == 1


def test_points_between_the_modes_are_of_no_quality():
    target = load("ring").target
    assert coverage(torch.zeros(100, 2), target.modes, target.sigma)[:2] == (0, 0.0)
