"""A measure that cannot be taken is left out, with its reason, and ends nothing."""

import itertools
import json
import math

import pytest
import torch
from torch import nn

from engine import checks
from engine.checks import Check
from engine.codes.base import ELBO, KL_EACH
from engine.config import Config, Refused
from engine.data import load
from engine.family import Batch, Family
from engine.gan.gan import GAN
from engine.metrics import detector, observe
from engine.metrics.measure import LEFT_OUT, taken
from engine.metrics.ruler import JS, DataFacts
from engine.space import Space
from lab.cli import main
from lab.runs import picture, wall, wire
from lab.scenes.wall import lost


def refuse():
    raise Refused("There are too few examples.")


def divide():
    return {"x": 1 // 0}


def test_what_fails_is_left_out_with_its_reason_and_the_rest_is_taken():
    told = taken([("Signs", divide), ("Codes", refuse), ("Loss", lambda: {"a": 1.0, "b": [1, 2]})])
    assert {k: v for k, v in told.items() if k != LEFT_OUT} == {"a": 1.0, "b": [1, 2]}
    signs, codes = told[LEFT_OUT]
    assert signs.startswith("Signs could not be measured: ZeroDivisionError in test_left_out.py, line ")
    assert codes == "Codes could not be measured: There are too few examples."


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_every_source_has_its_say_in_its_turn(order):
    """What failed, what a source leaves out itself, and what is no number: none takes another's place."""
    failing = ("Codes", refuse), "Codes could not be measured: There are too few examples."
    modest = ("A", lambda: {"a": 1.0, LEFT_OUT: ["b is rare."]}), "b is rare."
    empty = ("C", lambda: {LEFT_OUT: ["c is unknown."]}), "c is unknown."
    given, said = zip(*((failing, modest, empty)[i] for i in order), strict=True)
    told = taken([("D", lambda: {"d": math.nan}), *given])
    assert told == {"a": 1.0, LEFT_OUT: [*said, "d is left out because it is not a number."]}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "shape", [lambda v: v, lambda v: [v], lambda v: [1.0, v, 2.0], lambda v: [1.0, None, 2.0, v]]
)
def test_what_is_no_finite_number_is_left_out(bad, shape):
    told = taken([("Loss", lambda: {"a": shape(bad), "b": 2.0})])
    assert told["b"] == 2.0
    assert "a" not in told
    why = "not a number" if math.isnan(bad) else "infinite"
    assert told[LEFT_OUT] == [f"a is left out because it is {why}."]
    json.dumps(told, allow_nan=False)


def test_nothing_is_said_where_nothing_is_missing_and_the_later_source_counts():
    assert taken([("A", lambda: {"a": math.nan, "c": 0}), ("B", lambda: {"a": 2.0})]) == {"a": 2.0, "c": 0}
    assert taken([("A", lambda: {"a": [1.0, None]})]) == {"a": [1.0, None]}  # a member of a wall has none


class Odd(Family):
    """A model of which nothing can be measured."""

    name, title, Config = "odd", "Odd", Config

    def __init__(self, config: Config, space: Space) -> None:
        super().__init__(config, space)
        self.w = nn.Parameter(torch.ones(1))

    def turns(self, batch: Batch):
        yield self, {"loss": self.w.sum()}

    def sample(self, n, y=None):
        raise ValueError("no samples")

    def signs(self, x, y=None):
        return {"pull": 1 / 0}

    def evaluate(self, x, y=None):
        return {"test": math.inf, "each": [0.0, math.nan], "fine": 1.0}


def test_a_model_of_which_little_can_be_measured_has_the_rest_in_its_row():
    data = load("ring")
    row = observe.observe(Odd(Config(), data.space), data)
    assert row["fine"] == 1.0
    assert set(row) == {"fine", LEFT_OUT}
    assert [sentence.split(" ")[0] for sentence in row[LEFT_OUT]] == ["The", "The", "test", "each"]
    assert "ValueError" in row[LEFT_OUT][1]


def test_a_picture_that_cannot_be_drawn_is_empty_and_says_why():
    data = load("ring")
    frame = picture.of(Odd(Config(), data.space), data, [], {})
    (why,) = json.loads(wire.header(frame)["frame"])["trouble"]
    assert why.startswith("ValueError in test_left_out.py, line ")
    assert why.endswith("the log has the rest.")


def test_laws_that_fail_are_told_of_as_broken_and_the_others_are_measured(monkeypatch):
    def broken(model, data):
        raise ZeroDivisionError("no law")

    def fine(model, data):
        return [Check("A law.", 0.0, 1.0)]

    broken.__module__ = "engine.coins.checks"
    monkeypatch.setattr(checks, "serving", lambda *how: [fine, broken, fine])
    monkeypatch.setattr(checks, "of_training", lambda *given: [])
    before, failed, held = checks.measure(None, None)
    assert before == held
    assert failed.law == "The laws of coins can be measured."
    assert (failed.discrepancy, failed.tolerance, failed.holds) == (math.inf, 0, False)
    assert "ZeroDivisionError" in failed.why
    assert held == ("A law.", 0.0, 1.0, "")
    assert held.holds


def test_a_detector_that_fails_gives_no_verdict(monkeypatch):
    def fails(family, rows, data):
        return rows[-1]["missing"]

    monkeypatch.setattr(detector, "serving", lambda *how: [fails])
    (told,) = detector.diagnose(Odd, [{"round": 3}, {"round": 7}], DataFacts({}, [], "images", 1.0))
    assert told.name == "No verdict"
    assert "KeyError" in told.sentence
    assert (told.since, told.bad) == (7, False)
    (told,) = detector.diagnose(Odd, [], DataFacts({}, [], "images", 1.0))  # nor is there a row
    assert (told.name, told.since) == ("No verdict", 0)


class Members(Odd):
    """Two models of which one has a score."""

    members = 2

    def evaluate(self, x, y=None):
        return {ELBO: [1.0, math.nan], KL_EACH: [[1.0], [2.0]]}

    def sample(self, n, y=None):
        good = torch.from_numpy(load("ring").x[:n].numpy())
        return torch.stack([good, good * math.nan])


def test_a_member_of_a_wall_that_has_no_number_has_none():
    data = load("ring")
    row = wall.observe(Members(Config(), data.space), data)
    assert row[ELBO] == [1.0, None]
    assert row[JS][1] is None
    assert 0 <= row[JS][0] < 0.3
    assert LEFT_OUT not in row
    assert KL_EACH not in row


def test_a_member_has_diverged_if_a_loss_is_no_number_and_not_if_a_measure_is_missing():
    row = {"round": 64, "a loss": [1.0, None, 2.0], JS: [None, 0.5, 0.1], LEFT_OUT: ["x", "y"]}
    assert lost(row) == [1]
    assert wall.diverged({"a": [1.0, None]}, 2) is False
    assert wall.diverged({"a": [None, None]}, 2) is True


@pytest.mark.parametrize(
    ("family", "data"), [("vae", "ring"), ("maf", "ring"), ("ddpm", "moons"), ("gan", "two-bumps")]
)
def test_a_row_and_the_command_line_say_the_same_number(family, data, capsys):
    """Whatever carries one name is measured on the same examples with the same draws."""
    assert main(["train", family, "--data", data, "--rounds", "64", "--batch", "8", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    row = summary["last"]
    measured = {name: value for name, value in row.items() if name in summary["quality"]}
    assert len(measured) >= 4
    assert measured == summary["quality"]
    assert summary["test"].items() <= measured.items()
    assert bool(summary["test"]) == (family != "gan")


def test_the_command_line_says_what_it_could_not_measure(monkeypatch, capsys):
    def fails(self, *given):
        raise ZeroDivisionError("no belief")

    monkeypatch.setattr(GAN, "belief", fails)
    assert main(["train", "gan", "--data", "two-bumps", "--rounds", "2"]) == 0
    told = capsys.readouterr().out
    assert "The signs of the training could not be measured: ZeroDivisionError in test_left_out.py" in told
