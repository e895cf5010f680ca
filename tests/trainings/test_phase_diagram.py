"""The claim of the wall's page, on its corners."""

import pytest

from lab.runs import store
from lab.runs.run import Run


@pytest.mark.budget(30)
def test_a_slow_d_against_a_quick_g_loses_modes_and_equal_ones_do_not():
    small = {"width_G": 32, "width_D": 32, "depth_G": 2, "depth_D": 2, "batch": 64}
    axes = {"lr_D": [1e-4, 1e-3], "lr_G": [1e-3, 3e-3]}
    run = Run(store.create({"family": "gan", "data": "ring", "seed": 0, "config": small, "wall": axes}))
    run.play()
    run.train(rounds=2048)
    measured = [row["modes"] for row in store.rows(run.at / "metrics.jsonl") if "modes" in row][-6:]
    slow, equal = ([modes[i] for modes in measured] for i in (0, 2))
    assert max(slow) <= 4
    assert min(equal) >= 6
