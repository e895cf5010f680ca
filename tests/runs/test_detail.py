"""Coarse pictures, for a class of which every run is to move: fewer points, and their parts in turn."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load as load_arrays

from lab.runs import store
from lab.runs.run import Run
from lab.scenes import arrays
from lab.scenes.arrays import POINTS, drawn_in, per_side, some, turn

RUNS = [
    ("gan", "ring"), ("cgan", "moons"), ("gan", "digits"), ("real-nvp", "moons"), ("maf", "moons"),
    ("ddpm", "moons"), ("ddpm", "digits"), ("vae", "digits"), ("vae", "moons"), ("gan", "two-bumps"),
]  # fmt: skip


@pytest.fixture(scope="module", params=RUNS, ids=" on ".join)
def run(request, tmp_path_factory):
    family, data = request.param
    at = store.create({"family": family, "data": data, "seed": 0, "config": {}}, tmp_path_factory.mktemp("r"))
    one = Run(at)
    one.play()
    one.train(rounds=2)
    yield one
    one.close()


def drawn(run, detail, number=0, full=True):
    return load_arrays(run.frame(full=full, rare=False, once=False, detail=detail, number=number))


def test_the_parts_of_coarse_pictures_together_are_a_whole_one(run):
    whole = drawn(run, 1.0)
    coarse = [drawn(run, 0.25, number) for number in range(4)]
    assert set().union(*coarse) == set(whole)
    for part in coarse:
        for name, array in part.items():
            assert len(array) <= len(whole[name]) + 1, name
    assert sum(len(part) for part in coarse) <= 4 * len(whole)


def test_a_fine_picture_has_all_of_its_parts_whatever_its_number(run):
    for number in range(4):
        one, other = drawn(run, 1.0, number), drawn(run, 1.0)
        assert set(one) == set(other)
        for name in one:
            assert np.array_equal(one[name], other[name], equal_nan=True), name


def test_what_belongs_to_a_point_comes_for_each_point(run):
    for number in range(4):
        picture = drawn(run, 0.5, number)
        fakes = picture.get("points/fake")
        if fakes is None:
            continue
        assert len(fakes) in (POINTS, POINTS // 2)
        for name in ("belief/fake", "latent/fake"):
            if name in picture:
                assert len(picture[name]) >= len(fakes), name


def test_a_coarse_picture_of_any_number_has_the_labels_of_codes_if_it_is_full():
    one = Run(store.create({"family": "vae", "data": "digits", "seed": 0, "config": {}}))
    for number in range(2):
        assert len(drawn(one, 0.25, number)["codes/label"]) == len(drawn(one, 0.25, number)["codes/test"])
        assert "codes/label" not in drawn(one, 0.25, number, full=False)
    assert "codes/test" not in drawn(one, 0.25, 1, full=False), "samples alone encode nothing"


def test_the_points_of_a_coarse_picture_are_the_first_of_a_fine_one_so_that_none_jumps():
    one = Run(store.create({"family": "gan", "data": "ring", "seed": 0, "config": {}}))
    fine, coarse = (drawn(one, detail)["points/fake"] for detail in (1.0, 0.25))
    assert len(coarse) == POINTS // 4
    np.testing.assert_allclose(coarse, fine[: len(coarse)], atol=1e-2)


def test_detail_counts_within_and_not_after_whatever_happens():
    with drawn_in(0.25, number=6):
        assert (some(500), per_side(48)) == (125, 24)
        assert [turn(part, 4) for part in range(4)] == [False, False, True, False]
        with drawn_in(1.0):
            assert (some(500), per_side(48)) == (500, 48)
            assert all(turn(part, 4) for part in range(4))
        assert some(500) == 125
    with pytest.raises(ZeroDivisionError), drawn_in(0.5):
        raise ZeroDivisionError
    assert (arrays._detail, arrays._number) == (1.0, 0)
    with drawn_in(0.001):
        assert (some(10), per_side(10)) == (1, 2)
