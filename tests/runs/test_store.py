"""Run directories: ids that cannot reach elsewhere, writes that a crash leaves whole."""

import errno
import itertools
import json
import os
import random
import time
from datetime import UTC, datetime

import pytest

from engine.config import Refused
from lab.runs import files, store
from lab.runs.lock import Elsewhere, Lock, holder

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


def test_a_run_has_the_name_of_its_folder_also_where_that_is_a_link():
    at = store.create(SETTING)
    link = at.with_name("abcdefabcdef")
    link.symlink_to(at)
    for place in (at, link):
        assert store.read_info(place).id == store.read_info(store.folder(place.name)).id == place.name


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


def test_runs_are_listed_from_the_newest_and_an_odd_moment_is_that_of_the_file():
    moments = [datetime(year, 6, 30, tzinfo=UTC).timestamp() for year in (2024, 2099, 1970)]
    runs = [store.create(SETTING | {"created": moment}) for moment in moments]
    assert [info.created for info in store.every()] == sorted(moments, reverse=True)
    assert [info.id for info in store.every()] == [runs[i].name for i in (1, 0, 2)]
    for odd in (datetime(2102, 1, 1, tzinfo=UTC).timestamp(), -1, "yesterday"):
        told = json.loads((runs[0] / "run.json").read_text()) | {"created": odd}
        (runs[0] / "run.json").write_text(json.dumps(told))
        assert store.read_info(runs[0]).created == (runs[0] / "run.json").stat().st_mtime


def test_a_new_run_and_the_recordings_that_ship_have_the_present_format():
    assert store.read_info(store.create(SETTING)).format == store.FORMAT
    fork = store.read_info(store.fork(store.create(SETTING | {"owner": "you"}), "me"))
    assert (fork.format, fork.owner) == (store.FORMAT, "me")
    shipped = [file.parent for file in store.RECORDINGS.glob("*/run.json")]
    assert {store.read_info(at).format for at in shipped} == {store.FORMAT}
    assert store.RECORDINGS in store.recordings()


def test_a_fork_is_the_same_setting_and_a_run_of_its_own():
    same = {"family": "gan", "data": "ring", "seed": 7, "config": {"lr_D": 0.02}, "wall": {"k": [1, 2]}}
    same |= {"rounds": 9, "threads": 3}
    own = {"owner": "you", "state": "failed", "why": "It is ill.", "diverged": True, "pace": "duel"}
    at = store.create(same | own | {"created": 1e9, "parent": "x" * 12})
    fork = store.read_info(store.fork(at, "me"))
    wanted = {"owner": "me", "state": "paused", "why": "", "diverged": False, "pace": "", "parent": at.name}
    assert fork.model_dump(exclude={"created", "format"}) == same | wanted
    assert fork.created > 1.7e9
    assert fork.id != at.name


def test_recordings_lie_beside_families_too_and_can_be_asked_if_they_have_weights(tmp_path, monkeypatch):
    for place in ("recordings", "coins/recordings", "dice"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "words.py").write_text("")
    monkeypatch.setattr(store.dispatch, "folders", lambda: [tmp_path])
    wanted = [store.RECORDINGS, tmp_path / "recordings", tmp_path / "coins/recordings"]
    assert sorted(store.recordings()) == sorted(wanted)
    at = store.create(SETTING, tmp_path / "coins/recordings")
    assert store.folder(at.name) == at
    assert store.is_recording(at)
    assert not store.here(at.name)
    assert not store.has_model(at)
    store.weights(at).write_bytes(b"x")
    assert store.has_model(at)
    run = store.create(SETTING)
    assert store.has_model(run)
    assert store.here(run.name)
    assert not store.is_recording(run)


@pytest.mark.parametrize(("cores", "heavy"), [(8, 7), (2, 1), (1, 1), (None, 1)])
def test_a_heavy_run_has_all_cores_but_the_servers_and_a_light_one_has_one(monkeypatch, cores, heavy):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert (store.threads("style"), store.threads("gan")) == (heavy, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"{", "its run.json is damaged"),
        (b"[]", "its run.json is damaged"),
        (b"\xff", "its run.json is damaged"),
        (b'{"family": "gan", "data": "ring", "config": {}}', "its run.json has no usable seed"),
        (
            b'{"family": "", "data": "ring", "seed": 1, "config": {}, "wall": {"k": ["x", "y"]}}',
            "its run.json has no usable family, wall",
        ),
    ],
)
def test_what_is_wrong_with_a_run_file_is_said(text, says):
    at = store.create(SETTING)
    (at / "run.json").write_bytes(text)
    with pytest.raises(Refused, match=f"{says}\\.$"):
        store.read_info(at)


def test_a_run_file_that_is_none_is_refused_at_once():
    at = store.create(SETTING)
    (at / "run.json").unlink()
    os.mkfifo(at / "run.json")  # which would be waited for
    with pytest.raises(Refused, match=r"its run\.json cannot be read \(there is no such file\)"):
        store.read_info(at)


def test_folders_and_foreign_names_among_the_keyframes_are_none_of_them():
    at = store.create(SETTING)
    for name in ("00000012", "00000003", "abcdefgh", "١٢٣٤٥٦٧٨", "+0000001", "0000004²"):
        for kind in (".safetensors", ".state.safetensors"):
            (at / "keyframes" / f"{name}{kind}").write_bytes(name.encode())
    store.keyframe(at, 20).mkdir()
    store.keyframe(at, 20, state=True).mkdir()
    assert store.keyframes(at) == store.states(at) == [3, 12]
    fork = store.fork(at, "me")
    assert store.keyframes(fork) == [3, 12]
    assert store.keyframe(fork, 12, state=True).read_bytes() == b"00000012"


def test_a_fork_that_cannot_be_made_is_refused_and_leaves_nothing(monkeypatch):
    at = store.create(SETTING)
    store.keyframe(at, 3).write_bytes(b"x")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    for error, says in [(full, f"Run {at.name} cannot be copied: No space left"), (lambda *_: 1 / 0, "zero")]:
        monkeypatch.setattr("shutil.copyfile", error)
        with pytest.raises((Refused, ZeroDivisionError), match=says):
            store.fork(at, "me")
        assert [place.name for place in store.home().iterdir()] == [at.name]
    monkeypatch.setattr("shutil.copyfile", full)
    monkeypatch.setattr(os, "rmdir", full)  # what is half made cannot even be removed
    with pytest.raises(Refused, match="cannot be copied"):
        store.fork(at, "me")


def test_a_run_in_the_trash_makes_room_for_the_next_and_one_that_is_trained_stays(monkeypatch):
    gone = [store.create(SETTING) for _ in range(2)]
    for at in gone:
        store.delete(at)
    assert {place.name[:12] for place in (store.home() / "trash").iterdir()} == {at.name for at in gone}
    at = store.create(SETTING)
    held = Lock(at)
    for change in (store.delete, lambda at: store.stop(at, "x")):
        with pytest.raises(Elsewhere):
            change(at)
    held.close()
    store.stop(at, "It is ill.")
    assert (store.look(at).state, store.look(at).why) == ("failed", "It is ill.")
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only")))
        says = f"Run {at.name} cannot be moved to the trash: Read-only"
        with pytest.raises(Refused, match=says) as told:  # which keeps all that was under way
            store.delete(at)
    assert not holder(at)
    (at / "run.json").write_bytes(b"{")
    with pytest.raises(Refused, match="damaged") as also:
        store.stop(at, "x")
    assert not holder(at)
    assert told.tb
    assert also.tb


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Refused("No such knob."), "No such knob."),
        (MemoryError(), "not enough memory"),
        *((OSError(code, "x"), "The disk is full") for code in (errno.ENOSPC, errno.EDQUOT)),
        *((OSError(code, "x"), "cannot be written") for code in (errno.EACCES, errno.EPERM, errno.EROFS)),
        (
            OSError(errno.EIO, "Input/output error", "/home/ann/run.json"),
            "with run.json: Input/output error.",
        ),
        (OSError(errno.EIO, "Input/output error"), "trouble with a file: Input/output error."),
        (OSError("odd"), "trouble with a file: odd."),
        (ValueError("x"), "It stopped with an error, ValueError"),
    ],
)
def test_trouble_is_said_in_a_sentence(error, says):
    assert says in files.why(error)
    assert "/home/ann" not in files.why(error)


def test_what_must_survive_a_power_cut_is_whole_before_it_is_synced_and_all_else_is_not_waited_for(
    tmp_path, monkeypatch
):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    files.write(tmp_path / "x", b"12345")
    assert synced == [5]
    files.write(tmp_path / "x", b"123456", durable=False)
    assert synced == [5]
    assert (tmp_path / "x").read_bytes() == b"123456"


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path):
    (tmp_path / "keyframes").mkdir()
    kept = {"run.json", "x.tmp", ".hidden", "keyframes/1.safetensors"}
    for name in kept | {".run.json.0123.tmp", "keyframes/.1.safetensors.0123.tmp"}:
        (tmp_path / name).write_bytes(b"x")
    files.sweep(tmp_path)
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()} == kept


def test_a_path_that_cannot_be_is_no_file(tmp_path):
    assert not files.is_file(tmp_path / ("x" * 5000))
    assert not files.is_file(tmp_path)


@pytest.mark.parametrize(
    ("there", "whole"),
    [
        (b"", b""),
        (b'{"a":1}\n', b'{"a":1}\n'),
        (b'{"a":1}\n\n', b'{"a":1}\n\n'),
        (b'{"a":1}\n{', b'{"a":1}\n'),
        (b'{"a":1}\n{"b":', b'{"a":1}\n'),
        (b'{"a":', b""),
        (b"{", b""),
    ],
)
def test_a_line_is_added_after_the_last_whole_one(tmp_path, there, whole):
    path = tmp_path / "log.jsonl"
    path.write_bytes(there)
    assert files.append(path, {"round": 7, "do": "step"}) == len(whole)
    assert path.read_bytes() == whole + b'{"round":7,"do":"step"}\n'


ROWS = [
    '{"round":0,"a":-2.5}',
    '{"round":1,"a":1e299,"b":[null,"x",[1]]}',
    '{"round":2,"a":5}',
]
NO_ROWS = [
    "null",
    "[]",
    "5",
    '"x"',
    "{}",
    '{"a":1}',
    *(f'{{"round":{odd}}}' for odd in ("-1", "true", "1.0", '"1"', "null", "[1]")),
    *(f'{{"round":1,"a":{odd}}}' for odd in ('"b"', "null", "{}", "NaN", "Infinity", "-1e999", "1.7e308")),
    '{"round":1,"a":1' + "0" * 400 + "}",
]


def read(path, lines, end="\n", how=files.rows, **more):
    path.write_text("\n".join(lines) + end)
    return how(path, **more)


def test_a_row_has_a_round_and_numbers_that_a_chart_can_draw_or_lists(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert read(path, ROWS) == [json.loads(line) for line in ROWS]
    for line in NO_ROWS:
        assert read(path, [line]) == [], line
    assert files.rows(tmp_path / "none.jsonl") == []


def test_the_last_line_counts_when_it_is_whole_and_an_empty_one_never(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert len(read(path, ['{"round":1}', "", '{"round":2}'])) == 2
    assert len(read(path, ['{"round":1}', '{"round":2}'], end="")) == 1
    steps = ['{"do":"step","round":0}', "", '{"do":"rewind","round":0}']
    assert [one["do"] for one in read(path, steps, how=files.commands)] == ["step", "rewind"]
    assert len(read(path, ['{"round":1}', '{"round":2}'], tail=10_000)) == 2


def test_rows_are_those_with_one_of_the_words(tmp_path):
    lines = ['{"round":1,"JS":0.5}', '{"round":2,"modes":3}', '{"round":3,"loss":1}']
    told = read(tmp_path / "metrics.jsonl", lines, having=(b'"JS"', b'"modes"'))
    assert [row["round"] for row in told] == [1, 2]


COMMANDS = [
    {"do": "set", "round": 0, "values": {"a": True, "b": 1, "c": 0.5, "d": "x"}},
    {"do": "set", "round": 3, "values": {}},
    {"do": "step", "round": 0},
    {"do": "step", "round": 4, "player": None},
    {"do": "step", "round": 4, "player": "D"},
    {"do": "rewind", "round": 0},
]
NO_COMMANDS = [
    {"do": "set", "round": -1, "values": {"a": 1}},
    {"do": "set", "round": 1, "values": {"a": [1]}},
    {"do": "set", "round": 1, "values": {"a": 1, "b": None}},
    {"do": "set", "round": 1, "values": [1]},
    {"do": "step", "round": True, "player": "D"},
    {"do": "step", "round": 1, "player": 5},
    {"do": "rewind", "round": "1"},
    {"do": "rewind"},
    {"do": "dance", "round": 1},
    [],
    5,
]


def test_a_command_that_none_of_ours_could_be_is_lost_and_keeps_its_place(tmp_path):
    lines = list(map(json.dumps, [*COMMANDS, *NO_COMMANDS]))
    told = read(tmp_path / "commands.jsonl", lines, how=files.commands)
    assert told == COMMANDS + [files.LOST] * len(NO_COMMANDS)


def test_of_rows_in_disorder_the_longest_rising_series_counts():
    """The oracle tries every part of them."""
    chance = random.Random(0)
    for _ in range(300):
        rows = [{"round": chance.randrange(8), "a": i} for i in range(chance.randrange(8))]
        kept = files._in_order(rows)
        assert all(a["round"] < b["round"] for a, b in itertools.pairwise(kept))
        assert [row["a"] for row in kept] == sorted(row["a"] for row in kept)
        parts = itertools.chain(*(itertools.combinations(rows, n) for n in range(len(rows) + 1)))
        rising = (p for p in parts if all(a["round"] < b["round"] for a, b in itertools.pairwise(p)))
        assert len(kept) == max(map(len, rising))


def test_what_waited_too_long_for_train_is_swept_and_nothing_that_trained():
    old = {"created": time.time() - 100}
    ready, fresh = (store.create(SETTING | {"state": "ready"} | more) for more in (old, {}))
    trained = store.create(SETTING | old)
    assert [info.id for info in store.every()] == [trained.name]
    store.sweep(50)
    assert [at.exists() for at in (ready, fresh, trained)] == [False, True, True]
