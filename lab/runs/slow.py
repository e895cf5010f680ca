"""Slow motion: one genuine turn, recorded line by line.

The lines of a family's `turns`, and of the functions named in its `algorithm`, are watched with
`sys.settrace` while an ordinary step is made. Watching copies tensors and draws no random number,
so the step is bit for bit the one that would have been made unwatched.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load as load_arrays
from torch import Tensor, nn

from engine.family import Batch, Family
from lab.runs import wire
from lab.runs.listing import listed
from lab.runs.run import Run
from lab.runs.scratch import Scratch
from lab.scenes.arrays import halves, pictures

EXAMPLES, PICTURES, COORDINATES = 128, 16, 256  # what of a tensor goes to the browser at most


@dataclass
class Step:
    """A line that ran, and what it bound."""

    fn: str
    line: int
    tensors: dict[str, Tensor] = field(default_factory=dict)
    shapes: dict[str, list[int]] = field(default_factory=dict)  # before they were cut
    numbers: dict[str, float] = field(default_factory=dict)
    kind: str = "line"  # or "step": the player's weights move
    marks: list[str] = field(default_factory=list)  # what the line computes


class Listing:
    """A function's source: which statement a line belongs to, and which names it binds."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = inspect.unwrap(function)
        self.name, self.first, self.text, self.marks = listed(self.function)
        self.head = ast.increment_lineno(ast.parse(self.text), self.first - 1).body[0]
        self.statements: dict[int, ast.stmt] = {}  # by line; of a block only the lines of its head
        for node in ast.walk(self.head):  # from the outside in: what is inside overwrites
            if isinstance(node, ast.stmt):
                self.statements |= dict.fromkeys(range(node.lineno, (node.end_lineno or 0) + 1), node)

    def names(self, statement: ast.stmt) -> list[str]:
        """What this statement itself binds, not the lines of its body, in the order it is written."""
        bound, todo = [], list[ast.AST]([statement])
        inner = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.stmt)
        while todo:
            node = todo.pop(0)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound.append(node.id)
            # what the inner ones bind is theirs
            todo[:0] = [child for child in ast.iter_child_nodes(node) if not isinstance(child, inner)]
        return bound

    def said(self, statement: ast.stmt) -> list[str]:
        """What the lines of this statement compute, of a block those of its head."""
        lines = [line for line in self.marks if self.statements.get(line) is statement]
        return [mark for line in lines for mark in self.marks[line]]


class Trace:
    """What ran: `steps` in order, and the last player that was to step with its weights before."""

    def __init__(self, functions: Sequence[Callable[..., Any]]) -> None:
        """`functions[0]` is `turns`; the others count only while it runs."""
        self.listings = {one.function.__code__: one for one in map(Listing, functions)}
        self._turns: CodeType = next(iter(self.listings))
        self.steps: list[Step] = []
        self.player: nn.Module | None = None
        self.before: list[Tensor] = []
        self._open: dict[FrameType, ast.stmt] = {}  # the statement that is under way in each frame
        self._left: set[FrameType] = set()  # frames whose statement has called a watched function
        self._inside = False
        self._earlier: tuple[list[Step], nn.Module | None, bool] = [], None, False  # before `turns` went on

    def call(self, frame: FrameType, event: str, arg: Any) -> Any:
        """The tracer: called for every function that starts or goes on."""
        if frame.f_code not in self.listings or not (self._inside or frame.f_code is self._turns):
            return None
        if frame.f_code is self._turns:
            self._earlier = self.steps, self.player, self._inside
            if self.player is not None:  # the turn before was passed over
                self.steps, self.player = [], None
            self._inside = True
        elif (caller := frame.f_back) in self._open:  # mark the line that calls, then go in
            self._record(caller, self._open[caller])
            self._left.add(caller)
        if frame.f_lineno == frame.f_code.co_firstlineno:  # it starts; a generator that goes on does not
            head = self.listings[frame.f_code].head
            self._record(frame, head, inspect.getargs(frame.f_code).args)
        return self.inside

    def inside(self, frame: FrameType, event: str, arg: Any) -> Any:
        """The tracer of one function: called before each of its lines, and when it gives back."""
        listing = self.listings[frame.f_code]
        if event == "line":
            now = listing.statements.get(frame.f_lineno)
            then = self._open.get(frame)
            if then is not now:
                self._finish(frame, now)
                if now is not None and not (isinstance(now, ast.With) and _within(now, then)):
                    self._open[frame] = now
        elif event == "exception" and frame.f_code is self._turns and arg[0] is GeneratorExit:
            # no turn: the rest of one that somebody gave up is thrown away, whenever Python collects garbage
            self.steps, self.player, self._inside = self._earlier
            frame.f_trace = None
            return None
        elif event == "return":
            self._finish(frame, None, arg)
            if frame.f_code is self._turns:
                self._inside = False
                if arg is not None:
                    self.player = arg[0]
                    self.before = [p.detach().clone() for p in arg[0].parameters()]
        return self.inside

    def _finish(self, frame: FrameType, coming: ast.stmt | None, given: Any = None) -> None:
        """The statement under way in this frame has run: record it with what it bound."""
        done = self._open.pop(frame, None)
        if done is None:
            return
        names = self.listings[frame.f_code].names(done)
        if isinstance(done, ast.For | ast.While) and not _within(done, coming):
            names = []  # the loop is over
        left = frame in self._left  # its line was marked when it called
        self._left.discard(frame)
        terms = given[1] if isinstance(given, tuple) and len(given) == 2 else given
        said = terms if isinstance(terms, dict) and not left else {}
        if not left or names:
            self._record(frame, done, names, said)

    def _record(
        self, frame: FrameType, statement: ast.stmt, names: Sequence[str] = (), more: dict | None = None
    ) -> None:
        step = Step(frame.f_code.co_name, statement.lineno, marks=self.listings[frame.f_code].said(statement))
        for name in names:
            if name in frame.f_locals:
                _keep(step, name, frame.f_locals[name])
        _keep(step, "", more or {})
        self.steps.append(step)


def _within(block: ast.stmt, statement: ast.stmt | None) -> bool:
    return statement is not None and block.lineno < statement.lineno <= (block.end_lineno or 0)


def _keep(into: Step, name: str, value: Any) -> None:
    """Put a value into a step if there is something to see of it."""
    if isinstance(value, Batch):
        _keep(into, f"{name}.x", value.x)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, Tensor) and inner.ndim == 0:
                into.numbers[str(key)] = inner.item()
    elif isinstance(value, Tensor) and value.ndim:
        into.tensors[name] = value.detach()[:EXAMPLES].clone()
        into.shapes[name] = list(value.shape)
    elif isinstance(value, Tensor | float | int) and not name.startswith("_"):
        into.numbers[name] = value.item() if isinstance(value, Tensor) else float(value)


@contextmanager
def trace(functions: Sequence[Callable[..., Any]]) -> Iterator[Trace]:
    """Within, record what runs in these functions. A debugger or a coverage tool that watched
    before does so again afterwards."""
    tracer, before = Trace(functions), sys.gettrace()
    sys.settrace(tracer.call)
    try:
        yield tracer
    finally:
        sys.settrace(before)


def functions_of(family: type[Family]) -> list[Callable[..., Any]]:
    """`turns` and the functions that the family names as its algorithm: its own or its module's."""
    module = inspect.getmodule(family)
    return [family.turns, *(getattr(family, n, None) or getattr(module, n) for n in family.algorithm)]


def step(run: Run | Scratch, player: str | None) -> bytes:
    """Make one step of a run, or of a copy; the frame after it, with the trace. Raises `Refused`."""
    with trace(functions_of(run.family)) as traced:
        run.do({"do": "step", "player": player})
    _moved(traced)
    arrays = load_arrays(frame := run.frame())
    about = json.loads(wire.header(frame)["frame"])
    sources = [one for one in traced.listings.values() if any(s.fn == one.name for s in traced.steps)]
    about["trace"] = {
        "player": run.last,
        "round": run.round,
        "source": [{"name": one.name, "first": one.first, "text": one.text} for one in sources],
        "steps": [
            {
                "fn": s.fn, "line": s.line, "kind": s.kind,
                "binds": list(s.tensors), "shapes": s.shapes, "marks": s.marks,
                # JSON knows no NaN and no infinity
                "numbers": {name: v if np.isfinite(v) else None for name, v in s.numbers.items()},
            }
            for s in traced.steps
        ],
    }  # fmt: skip
    for i, one in enumerate(traced.steps):
        arrays |= {f"trace/{i}/{name}": _packed(tensor) for name, tensor in one.tensors.items()}
    return wire.pack_frame(arrays, about)


@torch.no_grad()
def _moved(traced: Trace) -> None:
    """The last sub-step: how long the gradient is, and how far the weights went along it."""
    assert traced.player is not None
    weights = list(traced.player.parameters())
    gradient = [w.grad.flatten() for w in weights if w.grad is not None]
    change = [(w - b).flatten() for w, b in zip(weights, traced.before, strict=True)]
    last = next(s for s in reversed(traced.steps) if s.fn == "turns")
    sizes = {"gradient": gradient, "change": change}
    numbers = {name: torch.cat(parts).norm().item() for name, parts in sizes.items() if parts}
    if not any(numbers.values()) and not gradient:  # its own lines will move it
        numbers = {}
    traced.steps.append(Step(last.fn, last.line, numbers=numbers, kind="step", marks=["gradient"]))


def _packed(tensor: Tensor) -> np.ndarray:
    """Pictures as bytes, all else as rows of numbers in two bytes each."""
    if tensor.ndim == 4 and tensor.shape[1] in (1, 3):
        return pictures(tensor[:PICTURES])
    return halves((tensor if tensor.ndim == 1 else tensor.flatten(1)[:, :COORDINATES]).float())
