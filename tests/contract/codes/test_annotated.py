"""Lines of the engine are marked with what they compute: boxes of "Draw a digit", and nodes of the graph."""

import pytest

from engine.families import find
from lab.codes.draw_tab import BOXES, annotated
from lab.kit.subject import words_of
from lab.runs.listing import listed
from lab.runs.slow import functions_of

BOUND = {"log_p", "kl", "elbo", "elbo_mean"}
DRAWN = {"encoder", "mu", "sigma", "eps", "z", "decoder"}
PICTURES = {"x", "reconstruction"}
OF_FAMILY = {
    "vae": PICTURES | DRAWN | BOUND,
    "cvae": PICTURES | DRAWN | BOUND,
    "vae-gan": PICTURES | DRAWN | {"kl"},
    "ae": PICTURES | {"encoder", "z", "decoder", "error", "square"},
    "pca": PICTURES | {"encoder", "z", "decoder"},
}


@pytest.mark.parametrize("name", OF_FAMILY)
def test_every_box_has_a_line_of_the_code_that_runs(name):
    code, links = annotated(find(name))
    assert set(links) == OF_FAMILY[name]
    for listing in code:
        assert listing["text"].startswith(("def ", "@torch"))
        assert "#:" not in listing["text"]
    for lines in links.values():
        for block, line in lines:
            assert code[block]["text"].splitlines()[line].strip()


@pytest.mark.parametrize("name", ["vae", "cvae"])
def test_the_lines_are_those_of_the_formula(name):
    code, links = annotated(find(name))

    def says(box: str) -> list[str]:
        return [code[block]["text"].splitlines()[line].strip() for block, line in links[box]]

    assert says("z") == ["z = q.mean + q.stddev * eps"]
    assert says("eps") == ["return torch.randn(n, self.config.z, **self.like)"]
    assert any("q.loc.square() + variance - variance.log() - 1" in line for line in says("kl"))


@pytest.mark.parametrize("name", OF_FAMILY)
def test_every_mark_is_a_node_or_a_box_and_every_node_lights_up(name):
    family = find(name)
    nodes = {node["id"] for node in words_of(family).graph["nodes"]}
    marks = {m for f in functions_of(family) for line in listed(f).marks.values() for m in line}
    assert marks <= nodes | set(BOXES)
    lit_by_the_step = {"gradient", *family.players} & nodes  # lab/runs/slow.py marks the step itself
    assert nodes == (marks & nodes) | lit_by_the_step


@pytest.mark.parametrize("name", OF_FAMILY)
def test_the_edges_of_a_graph_join_its_nodes(name):
    graph = words_of(find(name)).graph
    nodes = {node["id"] for node in graph["nodes"]}
    assert {end for edge in graph["edges"] for end in edge[:2]} == nodes
    assert len({tuple(node["at"]) for node in graph["nodes"]}) == len(nodes)
