"""The map of regions: each point of a cell is nearest to its own town, and the tint follows p."""

import numpy as np
import pytest

from engine.data import chief_towns
from lab.autoregressive.region_map import FLAT, REACH, SHOWN, bars, cells, region_map

TOWNS = chief_towns().numpy()
PLACES = TOWNS * [FLAT, 1.0]


def inside(polygon, points):
    """Whether points (n, 2) lie in a convex polygon, by the signs of its edges."""
    edges = np.diff(polygon, axis=0)
    away = points[:, None] - polygon[None, :-1]
    return (edges[:, 0] * away[..., 1] - edges[:, 1] * away[..., 0] >= 0).all(1)


def test_a_cell_is_what_lies_nearest_to_its_town():
    rng = np.random.default_rng(0)
    points = rng.uniform(PLACES.min(0) - 1, PLACES.max(0) + 1, (4000, 2))
    away = np.linalg.norm(points[:, None] - PLACES, axis=2)
    near = np.sort(away, axis=1)
    clear = (near[:, 1] - near[:, 0] > 1e-6) & (abs(near[:, 0] - REACH) > 0.01)  # a circle has corners here
    for region, cell in enumerate(cells(PLACES)):
        mine = (away.argmin(1) == region) & (near[:, 0] < REACH)
        assert (inside(cell, points) == mine)[clear].all()


def test_tints_and_ranks_follow_p():
    p = np.arange(1, 26) / 325
    *regions, ranks = region_map(p, [f"r{i}" for i in range(25)], TOWNS).data
    tints = [float(one.fillcolor.split(",")[3][:-1]) for one in regions]
    assert tints == sorted(tints)
    assert regions[24].text == f"r24: {p[24]:.3f}"
    assert [ranks.text[24 - n] for n in range(SHOWN)] == [f"<b>{n + 1}</b>" for n in range(SHOWN)]
    assert not any(ranks.text[: 25 - SHOWN])


def test_bars_are_the_likeliest_beside_what_they_were():
    p, before = np.arange(25) / 300, np.full(25, 0.04)
    now, then = bars(p, before, [f"r{i}" for i in range(25)]).data
    assert list(now.x) == pytest.approx(p[:-9:-1])
    assert now.y[0] == "r24 <b>1</b>"
    assert list(then.x) == [0.04] * SHOWN
