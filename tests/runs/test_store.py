"""Run directories: ids that cannot reach elsewhere, writes that a crash leaves whole."""

import os

import pytest

from engine.config import Refused
from lab.runs import store

SETTING = {"family": "gan", "data": "ring", "seed": 5, "config": {}}


@pytest.mark.parametrize(
    "run_id",
    [
        "",
        "a",
        "..",
        "../../etc",
        "..%2f..%2fetc",
        "a" * 41,
        "ABCDEFGH",
        "abcd efgh",
        "abcdefgh\n",
        "-abcdefgh",
        "/etc/passwd",
        "\\\\host\\share",
        "abcdefgh/../x",
        "abcdefgh\x00",
        "ａｂｃｄｅｆｇｈ",
        ".doctorxx",
    ],
)
def test_an_odd_id_is_refused_before_it_touches_the_disk(run_id, monkeypatch):
    monkeypatch.setattr(store, "home", lambda: pytest.fail("the disk was touched"))
    with pytest.raises(Refused, match="not a run's id"):
        store.folder(run_id)


def test_a_made_up_id_is_refused_in_a_sentence():
    with pytest.raises(Refused, match="There is no run 0123456789ab"):
        store.folder("0123456789ab")


def test_a_created_run_is_found_and_listed():
    at = store.create(SETTING | {"owner": "me"})
    assert store.folder(at.name) == at
    assert [info.id for info in store.every()] == [at.name]
    store.delete(at)
    assert store.every() == []
    assert (store.home() / "trash").is_dir()


def test_a_broken_run_file_is_refused_and_does_not_hide_the_other_runs():
    at, broken = store.create(SETTING), store.create(SETTING)
    (broken / "run.json").write_text("{")
    with pytest.raises(Refused, match="not a run directory"):
        store.read_info(broken)
    assert [info.id for info in store.every()] == [at.name]


def test_a_write_that_dies_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    store.write(path, b"old")

    def die(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(OSError, match="no space"):
        store.write(path, b"new")
    assert path.read_bytes() == b"old"


def test_rows_are_read_whole_from_the_end_too(tmp_path):
    path = tmp_path / "rows.jsonl"
    for i in range(1000):
        store.append(path, {"round": i})
    assert store.rows(path)[0] == {"round": 0}
    assert store.rows(path, tail=100)[-1] == {"round": 999}
    assert 1 < len(store.rows(path, tail=100)) < 10


def test_a_fork_from_a_round_without_weights_is_refused():
    with pytest.raises(Refused, match="no stored weights"):
        store.fork(store.create(SETTING), "me", 17)
