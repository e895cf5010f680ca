"""Slow motion: what is recorded is what ran, and recording changes nothing."""

from __future__ import annotations

import inspect
import json
import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors.numpy import load as load_arrays
from torch import nn

from engine.adam import Adam
from engine.config import Config, Refused, knob
from engine.families import families
from engine.family import Batch, Family
from engine.fit import fit
from engine.space import Space
from lab.runs import files, slow, store, wire
from lab.runs.run import Run

SETTING = {
    "family": "gan",
    "data": "ring",
    "seed": 5,
    "config": {"width_G": 16, "width_D": 16, "batch": 16, "k": 2},
}


class DuelConfig(Config):
    lr: float = knob(0.01, 0.001, 1, label="Learning rate", says="learning rate of both")
    k: int = knob(2, 1, 5, label="Turns of D", says="turns of D a round")


def helper(x):
    inside = x * 2  # called by a watched line, not watched itself
    return inside


class Duel(Family):
    """Two players small enough to follow by hand."""

    name, title, source, branch = "duel", "Duel", "nobody", "implicit"
    Config, players, algorithm = DuelConfig, ("D", "G"), ("D_terms", "G_terms")

    def __init__(self, config, space):
        super().__init__(config, space)
        self.G, self.D = nn.Linear(3, 2), nn.Linear(2, 1)
        self.clipped = 0

    def turns(self, batch):
        """One round."""
        for j in range(self.config.k):
            batch = batch if j == 0 else batch.again()
            z = torch.randn(len(batch.x), 3)
            yield self.D, self.D_terms(batch.x, z)
            self.clip()
        z = torch.randn(len(batch.x), 3)
        yield self.G, self.G_terms(z)

    def clip(self):
        self.clipped += 1

    def D_terms(self, x, z):
        with torch.no_grad():
            fake = self.G(z)
        real_logit, fake_logit = self.D(x), self.D(helper(fake))
        rows = [row.sum() for row in fake_logit]
        terms = {
            "real": -real_logit.mean(),
            "fake": torch.stack(rows).mean(),
        }
        return terms

    def G_terms(self, z):
        fake = self.G(z)
        return {"fool": -self.D(fake).mean()}

    def sample(self, n, y=None):
        return self.G(torch.randn(n, 3))


def duel() -> tuple[Duel, Batch]:
    torch.manual_seed(3)
    model = Duel(DuelConfig(), Space.of((2,)))

    def batch() -> Batch:
        return Batch(0, torch.randn(8, 2), None, batch)

    return model, batch()


def one_turn(turns) -> slow.Trace:
    with slow.trace(slow.functions_of(Duel)) as trace:
        next(turns)
    return trace


def texts(trace: slow.Trace) -> list[str]:
    """The source of each recorded line, read from the file."""
    lines = inspect.getsource(sys.modules[__name__]).splitlines()
    return [lines[step.line - 1].strip() for step in trace.steps]


def test_the_lines_are_those_of_the_source_in_the_order_in_which_they_ran():
    model, batch = duel()
    turns = fit(model, [batch])
    assert texts(one_turn(turns)) == [
        "def turns(self, batch):",
        "for j in range(self.config.k):",
        "batch = batch if j == 0 else batch.again()",
        "z = torch.randn(len(batch.x), 3)",
        "yield self.D, self.D_terms(batch.x, z)",
        "def D_terms(self, x, z):",
        "with torch.no_grad():",
        "fake = self.G(z)",
        "real_logit, fake_logit = self.D(x), self.D(helper(fake))",
        "rows = [row.sum() for row in fake_logit]",
        "terms = {",
        "return terms",
    ]
    assert texts(one_turn(turns))[:3] == [
        "self.clip()",
        "for j in range(self.config.k):",
        "batch = batch if j == 0 else batch.again()",
    ]
    last = one_turn(turns)
    assert not last.steps[1].numbers  # the loop ended: j got no new value
    assert texts(last) == [
        "self.clip()",
        "for j in range(self.config.k):",
        "z = torch.randn(len(batch.x), 3)",
        "yield self.G, self.G_terms(z)",
        "def G_terms(self, z):",
        "fake = self.G(z)",
        'return {"fool": -self.D(fake).mean()}',
    ]


def test_the_tensors_are_the_ones_that_were_used():
    model, batch = duel()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    turns = fit(model, [batch])
    with slow.trace(slow.functions_of(Duel)) as trace:
        turn = next(turns)
    bound = {name: tensor for step in trace.steps for name, tensor in step.tensors.items()}
    assert torch.equal(bound["batch.x"], batch.x)
    assert torch.equal(bound["x"], batch.x)
    assert torch.equal(bound["fake"], bound["z"] @ before["G.weight"].T + before["G.bias"])
    assert torch.equal(bound["real_logit"], torch.addmm(before["D.bias"], batch.x, before["D.weight"].T))
    assert not any(tensor.requires_grad for tensor in bound.values())
    assert not {"row", "inside", "self"} & set(bound)
    terms = next(step for step in trace.steps if step.numbers.keys() == turn.terms.keys())
    assert terms.numbers == {name: term.item() for name, term in turn.terms.items()}
    slow._moved(trace)
    last = trace.steps[-1]
    change = torch.cat([(p.detach() - before[f"D.{n}"]).flatten() for n, p in model.D.named_parameters()])
    gradient = torch.cat([p.grad.flatten() for p in model.D.parameters()])
    assert (last.kind, last.marks) == ("step", ["gradient"])
    assert texts(trace)[-1] == "yield self.D, self.D_terms(batch.x, z)"
    assert not any(tensor.requires_grad for tensor in trace.before)
    assert last.numbers == {"gradient": gradient.norm().item(), "change": change.norm().item()}


def test_a_turn_that_is_passed_over_leaves_nothing():
    model, batch = duel()
    turns = fit(model, [batch], plays=lambda name: name == "G")
    trace = one_turn(turns)
    assert trace.player is model.G
    assert texts(trace)[:2] == ["self.clip()", "for j in range(self.config.k):"]
    assert [step.fn for step in trace.steps[-3:]] == ["G_terms"] * 3
    assert not any(step.fn == "D_terms" for step in trace.steps)


@pytest.mark.parametrize("moment", ["in a turn", "after it"])
def test_the_end_of_turns_that_were_given_up_elsewhere_is_no_part_of_the_trace(monkeypatch, moment):
    (model, batch), (other, _) = duel(), duel()
    turns, same, given_up = fit(model, [batch]), fit(other, [batch]), other.turns(batch)
    next(given_up)
    if moment == "in a turn":
        one_turn(turns), one_turn(same)
    whole = one_turn(same)
    if moment == "in a turn":
        monkeypatch.setattr(Duel, "clip", lambda self: given_up.close())
    else:
        step = Adam.step
        monkeypatch.setattr(Adam, "step", lambda *given: (given_up.close(), step(*given))[1])
    trace = one_turn(turns)
    assert given_up.gi_frame is None
    assert texts(trace) == texts(whole)
    assert trace.player is model.D
    slow._moved(trace)
    assert trace.steps[-1].numbers["change"] > 0


def test_who_watched_before_watches_afterwards():
    seen = []

    def watch(frame, event, arg):
        seen.append(event)

    model, batch = duel()
    mine = sys.gettrace()
    try:
        sys.settrace(watch)
        one_turn(fit(model, [batch]))
        assert sys.gettrace() is watch
        with pytest.raises(ZeroDivisionError), slow.trace([Duel.turns]):
            _ = 1 / 0
        assert sys.gettrace() is watch
    finally:
        sys.settrace(mine)
    assert sys.gettrace() is mine


@pytest.mark.parametrize("data", ["ring", "digits"])
def test_a_traced_run_is_bit_for_bit_the_untraced_one_and_replays(data):
    players = (None, None, "D", None, "G", "G", None)
    traced, plain = (Run(store.create(SETTING | {"data": data})) for _ in range(2))
    for player in players:
        slow.step(traced, player)
        plain.do({"do": "step", "player": player})
    log = files.commands(traced.at / "commands.jsonl")
    assert log == files.commands(plain.at / "commands.jsonl")
    assert all(row.keys() == {"round", "do", "player"} for row in log)
    assert traced._state() == plain._state()
    assert traced.history == plain.history
    assert Run(traced.at)._state() == plain._state()


@pytest.mark.parametrize("data", ["ring", "two-bumps", "digits"])
def test_the_answer_is_a_whole_frame_of_after_the_step_with_the_turn_in_it(data):
    run = Run(store.create(SETTING | {"data": data}))
    for expected in ("D", "D", "G", "D"):
        frame = slow.step(run, None)
        about, arrays = json.loads(wire.header(frame)["frame"]), load_arrays(frame)
        told = about["trace"]
        assert told["player"] == about["turn"] == expected
        now = load_arrays(run.frame())
        assert all((arrays[name] == now[name]).all() for name in now)
        for i, step in enumerate(told["steps"]):
            source = next(one for one in told["source"] if one["name"] == step["fn"])
            assert 0 <= step["line"] - source["first"] < len(source["text"].splitlines())
            for name in step["binds"]:
                array = arrays[f"trace/{i}/{name}"]
                assert len(array) <= 128
                assert array.shape[0] <= step["shapes"][name][0]
        assert {one["name"] for one in told["source"]} == {step["fn"] for step in told["steps"]}
        assert told["steps"][-1]["kind"] == "step"
        assert told["steps"][-1]["numbers"]["change"] > 0
        assert len(frame) < 200_000


def test_a_player_that_is_none_is_refused_and_nothing_has_changed():
    run = Run(store.create(SETTING))
    before = run._state()
    with pytest.raises(Refused):
        slow.step(run, "nobody")
    assert run._state() == before
    assert sys.gettrace() is None or "slow" not in repr(sys.gettrace())


def test_functions_count_only_while_turns_runs():
    model, batch = duel()
    with slow.trace(slow.functions_of(Duel)) as trace:
        model.G_terms(torch.randn(4, 3))
        assert trace.steps == []
        turns = fit(model, [batch])
        next(turns)
        assert trace.steps
        before = len(trace.steps)
        model.G_terms(torch.randn(4, 3))
        assert len(trace.steps) == before


def test_every_family_has_the_functions_that_it_names():
    for family in families().values():
        names = [function.__name__ for function in slow.functions_of(family)]
        assert names == ["turns", *family.algorithm]


def test_a_player_without_a_gradient_has_moved_and_one_that_has_no_weights_has_not():
    net = nn.Linear(2, 3)
    net.bias.grad = torch.tensor([0.0, 3.0, 4.0])
    before = [p.detach().clone() - 1 for p in net.parameters()]

    def moved(player, before):
        traced = SimpleNamespace(
            player=player, before=before, steps=[slow.Step("turns", 7), slow.Step("f", 9)]
        )
        slow._moved(traced)
        return traced.steps[-1]

    last = moved(net, before)
    assert (last.fn, last.line) == ("turns", 7)
    assert last.numbers == {"gradient": 5.0, "change": pytest.approx(9**0.5)}
    net.bias.grad = None
    assert moved(net, before).numbers.keys() == {"change"}
    still = [p.detach().clone() for p in net.parameters()]
    assert moved(net, still).numbers == {}, "its own lines will move it, as those of PCA"
    assert moved(nn.ReLU(), []).numbers == {}


# --- listings ------------------------------------------------------------------------------------


def marked(x):
    a = x + 1  #: a
    for i, (b, c) in [(0, (a, a))]:  #: loop
        (d, e), f = (b, c), [j for j in range(i)]
        g = (
            d  #: g h
            + i
        )
    try:
        k = (m := g) + 1
    except ValueError as error:
        n = error
    return k, e, f, m, n  #: end


def test_a_line_belongs_to_its_statement_and_says_what_that_computes():
    listing = slow.Listing(marked)
    first, loop, attempt, end = listing.head.body
    several, long = loop.body
    assert [listing.said(one) for one in (first, loop, several, long, attempt, end)] == [
        ["a"], ["loop"], [], ["g", "h"], [], ["end"],
    ]  # fmt: skip
    lines = inspect.getsource(marked).splitlines()
    assert "#:" not in listing.text
    assert listing.head.lineno == listing.first
    for number, line in enumerate(lines, listing.first):
        wanted = {"a": first, "for": loop, "(d,": several, "g": long, "d": long, "+": long, ")": long,
                  "return": end}.get(line.split()[0])  # fmt: skip
        if wanted:
            assert listing.statements[number] is wanted, line
    assert max(listing.statements) == listing.first + len(lines) - 1


def test_a_statement_binds_names_in_the_order_in_which_they_are_written():
    first, loop, attempt, end = (listing := slow.Listing(marked)).head.body
    several, long = loop.body
    assert [listing.names(one) for one in (first, loop, several, long, end)] == [
        ["a"], ["i", "b", "c"], ["d", "e", "f"], ["g"], [],
    ]  # fmt: skip
    assert listing.names(attempt.body[0]) == ["k", "m"]
    assert listing.names(attempt) == [], "its lines are statements of their own"


# --- what is kept --------------------------------------------------------------------------------


def test_of_what_a_line_binds_numbers_and_examples_are_kept_as_they_were():
    step = slow.Step("f", 1)
    x = torch.randn(200, 3, requires_grad=True)
    terms = {"real": torch.tensor(2.0), "rows": torch.ones(2), "n": 3}
    bound = {"batch": Batch(0, torch.ones(4, 2), None, None), "x": x, "terms": terms, "loss": x.sum()}
    bound |= {"k": 2, "lr": 0.5, "_": 3, "text": "x", "self": nn.ReLU(), "v": torch.ones(3)}
    for name, value in bound.items():
        slow._keep(step, name, value)
    assert step.numbers == {"real": 2.0, "loss": x.sum().item(), "k": 2.0, "lr": 0.5}
    assert step.shapes == {"batch.x": [4, 2], "x": [200, 3], "v": [3]}
    assert step.tensors.keys() == step.shapes.keys()
    assert len(step.tensors["x"]) == slow.EXAMPLES
    with torch.no_grad():
        before = x.detach().clone()
        x.zero_()
    assert step.tensors["x"].equal(before[: slow.EXAMPLES])
    assert not step.tensors["x"].requires_grad


@pytest.mark.parametrize(
    ("shape", "packed"),
    [
        ((20, 1, 6, 5), (slow.PICTURES, 6, 5)),
        ((20, 3, 6, 5), (slow.PICTURES, 6, 5, 3)),
        ((5, 8, 3, 1), (5, 24)),
        ((5, 2, 3, 1), (5, 6)),
        ((5, 4, 1, 1), (5, 4)),
        ((5, 3, 7), (5, 21)),
        ((1, 1), (1, 1)),
        ((300,), (300,)),
        ((4, 600), (4, slow.COORDINATES)),
        ((4, 2, 3, 100), (4, slow.COORDINATES)),
    ],
)
def test_pictures_are_packed_as_bytes_and_all_else_as_rows(shape, packed):
    x = torch.rand(shape, dtype=torch.float64)
    array = slow._packed(x)
    assert array.shape == packed
    picture = len(shape) == 4 and shape[1] in (1, 3)
    assert array.dtype == ("uint8" if picture else "float16")
    if not picture:
        rows = x.reshape(len(x), -1)[:, : packed[-1]] if len(shape) > 1 else x
        assert torch.tensor(array).double().sub(rows).abs().max() < 1e-3
