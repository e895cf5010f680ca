"""Numbers at the edge: few, constant, single, huge, tiny and repeated data, for every family and kind.

Each example trains two rounds, measures, draws and samples. What comes of it is finite numbers, or a refusal
that says what to change; never an error. GENLAB_EXAMPLES asks for more examples of each.
"""

import json
import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.checks import measure
from engine.config import Refused
from engine.data import batches, keep_points, load
from engine.data.dataset import Dataset
from engine.families import families
from engine.fit import fit
from engine.metrics.measure import LEFT_OUT
from engine.metrics.observe import observe
from engine.metrics.ruler import about
from engine.space import Space
from lab.runs import picture, wire
from lab.terminal import save

EXAMPLES = int(os.environ.get("GENLAB_EXAMPLES", "3"))
SHAPES = {"line": (1,), "points": (2,), "image": (1, 8, 8)}
SMALL = {"width": 8, "width_G": 8, "width_D": 8, "depth": 1, "batch": 4, "layers": 2, "T": 4, "steps": 2}
FAMILIES = [
    pytest.param(family, kind.kind, id=f"{family.name}-{kind.kind}")
    for family in families().values()
    for kind in family.kinds
    if kind.kind in SHAPES
]


def some(examples: int = EXAMPLES):
    """Always the same examples, however long they take."""
    unhurried = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=unhurried
    )


def odd(rng: np.random.Generator, n: int, size: int, how: str) -> np.ndarray:
    """n rows of numbers near 1 that are odd in one way."""
    x = rng.standard_normal((n, size))
    match how:
        case "constant":
            x[:] = x[0]
        case "one column constant":
            x[:, 0] = 0.5
        case "repeated":
            x = x[rng.integers(2, size=n) % n]
        case "one far away":
            x[0] = 7.5
        case "all zero":
            x[:] = 0
        case "on a line":
            x[:] = x[:, :1]
    return x


HOW = ["normal", "constant", "one column constant", "repeated", "one far away", "all zero", "on a line"]


@st.composite
def sets(draw, kind: str) -> Dataset:
    """A data set as small and as odd as can be, in the units of a model."""
    n, tests = draw(st.sampled_from([1, 2, 3, 10, 19])), draw(st.sampled_from([1, 2, 3]))
    how, seed = draw(st.sampled_from(HOW)), draw(st.integers(0, 10**6))
    x = odd(np.random.default_rng(seed), n + tests, int(np.prod(SHAPES[kind])), how)
    x = torch.from_numpy(x).float().reshape(n + tests, *SHAPES[kind])
    if kind == "image":
        x = ((x.clamp(-1, 1) + 1) * 127.5).to(torch.uint8)
    y = torch.arange(n + tests) % 2
    return Dataset(
        name=f"edge {kind} {n} {tests} {how} {seed}", title="Edge", x=x[:n], test_x=x[n:], y=y[:n],
        test_y=y[n:], space=Space.of(SHAPES[kind], 2), box=(-3.0, 3.0, -3.0, 3.0),
    )  # fmt: skip


@st.composite
def tables(draw) -> np.ndarray:
    """A table of two columns of any size and offset."""
    n, seed = draw(st.sampled_from([10, 11, 19, 40])), draw(st.integers(0, 10**6))
    x = odd(np.random.default_rng(seed), n, 2, draw(st.sampled_from(HOW)))
    scales = st.sampled_from([1e-300, 1e-170, 1e-50, 1e-9, 1.0, 1e9, 1e30, 1e150])
    scale = np.array([draw(scales), draw(scales)])
    return (x + draw(st.sampled_from([0.0, 1.0, -1e6, 1e9]))) * scale


def lived(family, data, tested: bool = False) -> torch.Tensor:
    """Train, measure and draw a small model of these data; its samples. Raises `Refused`."""
    small = {name: value for name, value in SMALL.items() if name in family.Config.model_fields}
    torch.manual_seed(0)
    model = family(family.configure(data.space, small), data.space)
    for turn in fit(model, islice(batches(data, lambda: model.config.batch, 0), 2)):
        assert all(term.isfinite() for term in turn.terms.values()), turn
    assert all(weight.isfinite().all() for weight in model.parameters())
    row = observe(model, data)
    json.dumps(row, allow_nan=False)
    for sentence in row.get(LEFT_OUT, []):
        assert "Error" not in sentence, sentence
        assert "Warning" not in sentence, sentence
        assert "not a number" not in sentence, sentence
    assert len(row) > 1 or data.space.shape == (1, 8, 8)
    frame = json.loads(wire.header(picture.of(model, data, [], {}))["frame"])
    assert "trouble" not in frame, frame["trouble"]
    if tested:
        assert not [check.why for check in measure(model, data) if check.why]
    samples = torch.cat([*model.in_parts(5)])
    assert samples.shape == (5, *data.space.shape)
    assert samples.isfinite().all()
    return samples


@pytest.mark.parametrize(("family", "kind"), FAMILIES)
def test_every_family_lives_with_odd_data_or_refuses_them(family, kind):
    @some()
    @given(sets(kind))
    def law(data):
        with suppress(Refused):
            lived(family, data)

    law()


@pytest.mark.parametrize("family", [f for f in families().values() if "points" in [k.kind for k in f.kinds]])
def test_every_family_learns_from_any_table_and_answers_in_its_units(family):
    @some()
    @given(tables())
    def law(table):
        with TemporaryDirectory() as home, suppress(Refused):
            data = load(keep_points(table, "csv", home), home)
            samples = lived(family, data)
            assert data.x.isfinite().all()
            save([samples], data, out := Path(home) / "samples.csv")
            rows = np.loadtxt(out, delimiter=",")
            assert np.isfinite(rows).all()
            center, unit = data.center.numpy(), data.unit.numpy()
            rounding = 1e-15 * np.abs(center / unit) + 1e-6 * (1 + np.abs(samples.double().numpy()))
            assert (np.abs((rows - center) / unit - samples.double().numpy()) <= rounding).all()

    law()


@some(2 * EXAMPLES)
@given(st.sampled_from(["line", "points"]).flatmap(sets))
def test_a_ruler_of_odd_data_has_floors_that_are_finite(data):
    told = about(data)
    assert all(np.isfinite([floor.value, floor.error]).all() for floor in told.floors.values())
    assert np.isfinite([*told.shares, told.spread]).all()
