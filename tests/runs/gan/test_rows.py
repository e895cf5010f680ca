"""The rows of a game: means over turns, however many turns a player has in a round."""

import pytest

from lab.runs import store
from lab.runs.run import Run


def trained(rounds: int, wall: dict | None = None, **knobs) -> Run:
    small = {"width_G": 8, "width_D": 8, "batch": 8} | knobs
    info = {"family": "gan", "data": "ring", "seed": 0, "config": small} | ({"wall": wall} if wall else {})
    run = Run(store.create(info))
    run.info.state = "training"
    run.train(rounds=rounds)
    return run


@pytest.mark.parametrize("wall", [None, {"seed": [0, 1]}])
def test_a_term_in_a_row_is_its_mean_over_the_turns_of_its_player(wall):
    """At a learning rate that changes nothing, D is near 1/2 and each term near log 2, for any k and k_G."""
    still = {"lr_D": 1e-5, "lr_G": 1e-5}
    for knobs in ({"k": 5}, {"k_G": 4}):
        row = trained(1, wall, **still, **knobs).history[-1]
        terms = [row[name] for name in ("-E[log D(x)]", "-E[log(1 - D(G(z)))]", "-E[log D(G(z))]")]
        for term in terms:
            assert term == pytest.approx([0.69] * 2 if wall else 0.69, abs=0.2)


def test_a_run_reopened_between_two_rows_counts_all_turns_of_its_row():
    whole, parts = trained(300, k=2), trained(261, k=2)
    parts.settle("paused")
    again = Run(parts.at)
    again.info.state = "training"
    again.train(rounds=39)
    assert again.history == whole.history
