"""Probes of codes where there is little to measure: one example, attributes that do not vary, infinities."""

import dataclasses

import pytest
import torch

from engine import data as datasets
from engine.codes import base
from engine.codes.base import ELBO, Variational
from engine.config import Refused
from lab import probes
from lab.codes import attributes_probe, attributes_tab, bound_tab
from lab.codes.bound_probe import DRAWS
from tests.runs.codes.test_code_probes import DIGITS, model

ONE = dataclasses.replace(DIGITS, test_x=DIGITS.test_x[:1], test_y=DIGITS.test_y[:1], name="one")


def test_the_bound_of_one_test_example_has_no_error():
    coder = model("vae", z=2)
    told, tight = probes.ask(coder, ONE, "test_bound", {}), probes.ask(coder, ONE, "tightness", {})
    assert told["error"] is None
    assert tight["error"] == [None] * len(DRAWS)
    for said in (bound_tab.test_elbo(told), bound_tab._says(tight)):
        assert "nan" not in said
        assert "±" not in said
    told = probes.ask(
        coder, dataclasses.replace(DIGITS, test_x=DIGITS.test_x[:5], name="five"), "test_bound", {}
    )
    assert f"± {told['error']:.1f}" in bound_tab.test_elbo(told)


def test_an_attribute_that_does_not_vary_has_no_r2():
    same = dataclasses.replace(
        DIGITS, x=DIGITS.x[:1].repeat(40, 1, 1, 1), y=DIGITS.y[:1].repeat(40), name="same"
    )
    answer = probes.ask(model("ae"), same, "directions", {"index": 0, "attribute": "slant"})
    assert [row["R²"] for row in answer["table"]] == [None] * 4
    assert [row["correlation"] for row in answer["table"]] == pytest.approx([0] * 4, abs=1e-6)
    says = attributes_tab._came_out("slant", answer["table"][1], answer["measured"])
    assert "has no direction" in says
    assert attributes_tab._share(None) == "–"
    assert attributes_tab._share(0.456) == "0.46"
    attributes_probe._measured.clear()


def test_infinite_likelihoods_are_refused_by_the_trick():
    data = datasets.load("moons")
    points = model("vae", data, likelihood="Gaussian", sigma=0.01)
    points.D[0][-1].bias.data.fill_(1e30)
    with pytest.raises(Refused, match="infinite for some z"):
        probes.ask(points, data, "trick", {"index": 0})


def test_the_bound_in_parts_is_the_bound(monkeypatch):
    coder = model("vae", z=2)
    data = dataclasses.replace(DIGITS, test_x=DIGITS.test_x[:23], test_y=DIGITS.test_y[:23], name="some")
    whole, sizes = probes.ask(coder, data, "test_bound", {}), []
    monkeypatch.setattr(base, "NUMBERS", 10 * 784)
    decode = Variational.likelihood
    monkeypatch.setattr(
        Variational, "likelihood", lambda self, out: sizes.append(len(out)) or decode(self, out)
    )
    parts = probes.ask(coder, data, "test_bound", {})
    assert parts[ELBO] == pytest.approx(whole[ELBO], rel=1e-5)
    assert parts["error"] == pytest.approx(whole["error"], rel=1e-4)
    assert max(sizes) == 10
    sizes.clear()
    probes.ask(coder, data, "tightness", {})
    assert max(sizes) == 10


def test_factors_are_encoded_in_parts(monkeypatch):
    ellipses = datasets.load("ellipses")
    some = dataclasses.replace(
        ellipses, x=ellipses.x[:300], factors=ellipses.factors[:300], name="some ellipses"
    )
    coder = model("vae", some)
    whole = probes.ask(coder, some, "factors", {})
    monkeypatch.setattr(base, "NUMBERS", 70 * some.space.size)
    parts = probes.ask(coder, some, "factors", {})
    assert torch.allclose(torch.tensor(whole["shares"]), torch.tensor(parts["shares"]), atol=1e-3)
