"""Samples in parts: as many as asked for, with labels in turn, all of them new, and in the data's units."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine import family as contract
from engine.config import Refused
from engine.data import load
from engine.families import families, find
from engine.space import Line, Picture, Plane, Space, Vectors, known
from lab.cli import main
from lab.terminal import figures, save
from tests.contract.test_families import EXAMPLES, FAMILIES, built

LABELLED = [family for family in FAMILIES if family.labelled] + [find("ddpm"), find("flow-matching")]


@pytest.mark.parametrize("family", families().values(), ids=lambda f: f.name)
def test_n_samples_in_parts_are_n_samples_that_all_differ(family, monkeypatch):
    model, data = built(family, EXAMPLES[family.kinds[0].kind])
    monkeypatch.setattr(contract, "AT_ONCE", 3 * data.space.size)
    torch.manual_seed(1)
    parts = [*model.in_parts(7)]
    assert [len(part) for part in parts] == [3, 3, 1]
    if family.branch != "beside":  # a style has one picture
        assert len(torch.cat(parts).flatten(1).unique(dim=0)) == 7


@pytest.mark.parametrize("family", LABELLED, ids=lambda f: f.name)
@pytest.mark.parametrize("n", [1, 4, 11])
def test_the_labels_go_on_from_part_to_part(family, n, monkeypatch):
    """Three at a time of eight labels: no part begins at label 0 again."""
    more = {"conditional": True} if "conditional" in family.Config.model_fields else {}
    model, data = built(family, "ring", **more)
    asked = []
    monkeypatch.setattr(
        model, "sample", lambda n, y=None: asked.append(y if y is None else y.tolist()) or torch.zeros(n, 2)
    )
    monkeypatch.setattr(contract, "AT_ONCE", 3 * data.space.size)
    assert sum(map(len, model.in_parts(n))) == n
    assert [y for part in asked for y in part] == [i % data.space.classes for i in range(n)]
    asked.clear()
    given = torch.tensor([5, 1, 7, 2])
    assert sum(map(len, model.in_parts(4, given))) == 4
    assert asked == [[5, 1, 7], [2]]


def test_a_family_that_knows_no_labels_is_told_none(monkeypatch):
    model, _data = built(find("gan"), "ring")
    monkeypatch.setattr(model, "sample", lambda n, y=None: torch.full((n, 2), float(y is None)))
    assert torch.cat([*model.in_parts(4)]).eq(1).all()


def test_one_part_is_the_sample_of_the_same_noise():
    model, _data = built(find("vae"), "ring")
    torch.manual_seed(2)
    (part,) = model.in_parts(50)
    torch.manual_seed(2)
    assert torch.equal(part, model.sample(50))


def test_an_example_is_never_parted(monkeypatch):
    model, _data = built(find("gan"), "ring")
    monkeypatch.setattr(contract, "AT_ONCE", 1)  # less than the two numbers of a point
    assert [part.shape for part in model.in_parts(3)] == [(1, 2)] * 3


def test_a_picture_counts_with_all_its_numbers():
    model, _data = built(find("vae"), "digits")
    sizes = [len(part) for part in model.in_parts(700)]
    assert sizes == [2**18 // 784, 2**18 // 784, 700 - 2 * (2**18 // 784)]


def test_the_command_line_draws_in_parts_and_writes_all_rows(tmp_path, monkeypatch, capsys):
    assert main(["train", "gan", "--data", "ring", "--rounds", "1", "--out", str(tmp_path), "--json"]) == 0
    (at,) = tmp_path.glob("*/run.json")
    monkeypatch.setattr(contract, "AT_ONCE", 2 * 40)
    out = tmp_path / "a.csv"
    assert main(["sample", str(at.parent), "-n", "100", "--out", str(out)]) == 0
    rows = np.loadtxt(out, delimiter=",")
    assert rows.shape == (100, 2)
    assert len(np.unique(rows, axis=0)) == 100


@pytest.mark.parametrize(
    ("center", "unit"),
    [
        ((0.0, 0.0), (1.0, 1.0)),
        ((3e-50, 0.0), (1e-50, 2e-170)),
        ((1.7e18, 1e30), (2.5e9, 1e27)),
        ((5.0, -3e6), (1e-6, 1.0)),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "npz"])
def test_samples_are_written_in_the_tables_units_with_all_their_digits(center, unit, ending, tmp_path):
    center, unit = (torch.tensor(pair, dtype=torch.float64) for pair in (center, unit))
    data = replace(load("ring"), center=center, unit=unit)
    x = torch.tensor([[0.123456789, -1.0], [1.0000001, 2.5], [-3.25, 1e-3]])
    out = tmp_path / f"samples.{ending}"
    save([x[:2], x[2:]], data, out)
    rows = np.loadtxt(out, delimiter=",") if ending == "csv" else np.load(out)["x"]
    back = (rows - center.numpy()) / unit.numpy()
    rounding = np.abs(np.finfo(float).eps * center.numpy() / unit.numpy())  # of float64 itself
    assert (np.abs(back - x.double().numpy()) <= 6e-9 * (1 + np.abs(x.numpy())) + 2 * rounding).all()


def test_no_more_figures_are_written_than_a_sample_has():
    assert figures(torch.zeros(()), torch.ones(()), 2) == [9, 9]
    center, unit = torch.tensor([1.7e18, 5.0]).double(), torch.tensor([1e9, 10.0]).double()
    assert figures(center, unit, 2) == [17, 9]


def test_a_space_is_of_the_kind_of_its_shape_and_owns_what_is_special_to_it():
    out = torch.linspace(-3, 3, 7)
    for shape, kind, word in (((1,), Line, "line"), ((2,), Plane, "points"), ((16,), Vectors, "vectors")):
        space = Space.of(shape)
        assert (type(space), space.kind, known(word), known(kind)) == (kind, word, kind, kind)
        assert (space.shape, space.size, space.lowest, space.ends()) == (shape, shape[0], 0, [])
        assert torch.equal(space.squashed(out), out)
    space = Space.of((3, 8, 4))
    assert (type(space), space.kind, known("image")) == (Picture, "image", Picture)
    assert (space.size, space.lowest, space.levels) == (96, -1, 256)
    (end,) = space.ends()
    torch.testing.assert_close(end(out), out.tanh())
    torch.testing.assert_close(space.squashed(out), out.tanh())
    for shape in ((), (2, 2), (1, 2, 3, 4)):
        with pytest.raises(Refused, match="neither numbers nor pictures"):
            Space.of(shape)


def test_a_space_says_what_comes_beside_an_example():
    for alone in (Space.of((2,)), Plane((2,))):
        assert (alone.given, alone.classes, alone.name, alone.paired) == (0, 0, "", True)
    labelled = Space.of((2,), 7, "ring")
    assert (labelled.given, labelled.classes, labelled.name) == (7, 7, "ring")
    assert Space.of((3, 8, 8), alone).classes == 0  # another example is no label
