"""What one takes home: the curves are what was measured, and the setting opens the same run again."""

from __future__ import annotations

import io
import json
import math
from urllib.parse import parse_qsl, urlsplit

import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from engine import data
from engine.families import find
from lab import take
from lab.kit.exhibit import Wanted, changes
from lab.kit.subject import recordings
from lab.runs import files, store

CLIENT = TestClient(Starlette(routes=[take.ROUTE]))


def asked(run: str, what: str) -> dict[str, str]:
    answer: dict[str, str] = CLIENT.get(f"/take/{run}/{what}").json()
    return answer


def new_run(**info) -> store.Info:
    """A run directory of the GAN on the ring that has not trained."""
    name = info.get("data", "ring")
    config = find("gan").configure(data.load(name).space, info.pop("knobs", {})).model_dump()
    return store.read_info(store.create({"family": "gan", "data": name, "seed": 0, "config": config} | info))


@pytest.mark.parametrize("name", recordings())
def test_the_curves_are_what_was_measured(name):
    rows = files.rows(store.RECORDINGS / name / "metrics.jsonl")
    table = pd.read_csv(io.StringIO(asked(name, "curves")["text"]))
    assert list(table["round"]) == [row["round"] for row in rows]
    numbers = [
        one
        for row in rows
        for value in row.values()
        for one in (value if isinstance(value, list) else [value])
    ]
    kept = sum(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
    assert int(table.select_dtypes("number").notna().sum().sum()) == kept
    total = math.fsum(one for one in numbers if one is not None)
    assert float(table.select_dtypes("number").sum().sum()) == pytest.approx(total, rel=1e-9)
    assert not [title for title in table.columns if title.startswith(("-", "=", "+", "@"))], (
        "Excel would compute"
    )


def test_columns_are_called_as_on_the_charts():
    columns = list(pd.read_csv(io.StringIO(asked("gan-ring", "curves")["text"])).columns)
    assert "What each player descends: −E[log D(x)]" in columns
    assert "Modes found: modes" in columns
    assert "shares [8]" in columns


def test_a_wall_has_a_column_for_each_member():
    info = new_run(wall={"lr_D": [0.1, 0.2], "seed": [0, 1]})
    files.append(store.folder(info.id) / "metrics.jsonl", {"round": 7, "modes": [8, None, 6, 5]})
    table = pd.read_csv(io.StringIO(asked(info.id, "curves")["text"]))
    assert list(table.columns)[1:] == [
        f"Modes found: modes [lr_D = {lr}, seed = {seed}]" for lr in (0.1, 0.2) for seed in (0, 1)
    ]
    assert table.iloc[0, [0, 1, 3, 4]].tolist() == [7, 8, 6, 5]
    assert math.isnan(table.iloc[0, 2])


@pytest.mark.parametrize(
    "how",
    [
        {
            "data": "moons",
            "seed": 3,
            "knobs": {"lr_D": 0.0004, "penalty": "R1", "weight": 3.0, "width_G": 32},
        },
        {"wall": {"lr_D": [0.001, 0.01]}, "knobs": {"width_G": 64, "weight": 2.0}},
    ],
)
def test_the_setting_opens_the_same_run(visit, how):
    info = new_run(**how)
    kept = json.loads(asked(info.id, "setting")["text"])
    assert (kept["family"], kept["data"], kept["seed"], kept.get("wall", {})) == (
        info.family, info.data, info.seed, info.wall,
    )  # fmt: skip
    assert kept["knobs"].items() <= info.config.items()
    link = urlsplit(kept["address"])
    page = visit(link.path.strip("/"), **dict(parse_qsl(link.query)))
    assert not page.error
    (opened,) = page.session_state["_at_rest"]
    wanted = Wanted(find("gan"), info.data, info.seed, info.config, info.wall)
    assert changes(store.read_info(store.folder(opened)), wanted) == {}


def test_a_setting_that_was_changed_says_when():
    info = new_run()
    files.append(
        store.folder(info.id) / "commands.jsonl", {"round": 40, "do": "set", "values": {"lr_D": 0.1}}
    )
    kept = json.loads(asked(info.id, "setting")["text"])
    assert kept["changed while it trained"] == [{"from round": 40, "lr_D": 0.1}]


@pytest.mark.parametrize("what", ["curves", "setting", "nonsense"])
@pytest.mark.parametrize("run", ["0123456789ab", "gan-ring", "..%2F..%2Fetc"])
def test_what_is_not_there_is_said_in_a_sentence(run, what):
    answer = CLIENT.get(f"/take/{run}/{what}")
    if run == "gan-ring" and what != "nonsense":
        assert "text" in answer.json()
    elif answer.status_code != 404:  # an odd address is none of this route
        assert answer.json()["error"].endswith(".")


def test_a_run_that_has_not_trained_has_no_curves():
    assert "not trained" in asked(new_run().id, "curves")["error"]
