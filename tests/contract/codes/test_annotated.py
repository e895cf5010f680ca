"""Beside the graph of "Draw a digit" stands the code that computes it: every box has its line."""

import pytest

from engine.families import find
from lab.codes.draw_tab import annotated

BOUND = {"log_p", "kl", "elbo", "elbo_mean"}
DRAWN = {"encoder", "mu", "sigma", "eps", "z", "decoder"}
BOXES = {
    "vae": {"x", "reconstruction"} | DRAWN | BOUND,
    "cvae": {"x", "reconstruction"} | DRAWN | BOUND,
    "vae-gan": DRAWN | {"kl"},
    "ae": {"x", "encoder", "z", "decoder", "reconstruction", "error", "square"},
    "pca": {"encoder", "z", "decoder", "reconstruction"},
}


@pytest.mark.parametrize("name", BOXES)
def test_every_box_has_a_line_of_the_code_that_runs(name):
    code, links = annotated(find(name))
    assert set(links) == BOXES[name]
    for listing in code:
        assert listing["text"].startswith("def ")
    for lines in links.values():
        for block, line in lines:
            assert code[block]["text"].splitlines()[line].strip()


def test_the_lines_are_those_of_the_formula():
    code, links = annotated(find("vae"))

    def says(box: str) -> list[str]:
        return [code[block]["text"].splitlines()[line].strip() for block, line in links[box]]

    assert says("z") == ["z = q.mean + q.stddev * eps"]
    assert says("eps") == ["return torch.randn(n, self.config.z, **self.like)"]
    assert any("q.loc.square() + variance - variance.log() - 1" in line for line in says("kl"))
