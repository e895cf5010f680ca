"""The command line: what it prints, what it writes, and what it refuses."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.data import names
from engine.families import families
from engine.space import Plane
from lab import cli
from lab.runs import store, wire
from lab.runs.run import Run

SMALL = ["--width_G", "8", "--width_D", "8", "--batch", "8"]
CENTER, UNIT = np.array([1000.0, -0.002]), np.array([50.0, 0.0001])


@pytest.fixture(autouse=True)
def denormals():
    yield
    torch.set_flush_denormal(False)


def write_table(path: Path, rows: int) -> Path:
    """A CSV of points far from the unit square."""
    points = np.random.default_rng(0).normal(size=(rows, 2)) * UNIT + CENTER
    np.savetxt(path, points, delimiter=",", header="mass,length", comments="")
    return path


@pytest.fixture
def table(tmp_path) -> Path:
    return write_table(tmp_path / "points.csv", 600)


@pytest.fixture
def album(tmp_path) -> Path:
    """A folder of twelve small grey PNGs."""
    (folder := tmp_path / "album").mkdir()
    for i in range(12):
        Image.new("L", (20, 20), 20 * i).save(folder / f"{i}.png")
    return folder


def genlab(*words: object) -> int:
    return cli.main([str(word) for word in words])


def train(capsys, *words: object) -> tuple[list[dict], dict]:
    """The rows and the summary of `genlab train gan --json`."""
    assert genlab("train", "gan", "--json", *SMALL, *words) == 0

    def strict(word):
        raise AssertionError(f"{word} is not JSON")

    told = [json.loads(x, parse_constant=strict) for x in capsys.readouterr().out.splitlines()]
    return told[:-1], told[-1]


def run_directories() -> list[Path]:
    return [file.parent for file in store.home().glob("**/run.json")]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_list_names_every_family_and_all_data(capsys):
    assert genlab("list") == 0
    words = capsys.readouterr().out.split()
    assert {*families(), *(choice.name for choice in names())} <= set(words)


def test_json_tells_each_row_and_the_summary_last(capsys):
    rows, summary = train(capsys, "--data", "ring", "--rounds", 20)
    assert [row["round"] for row in rows] == list(range(1, 21))
    assert rows == store.rows(Path(summary["directory"]) / "metrics.jsonl")
    assert (summary["state"], summary["round"], summary["last"]) == ("ended", 20, rows[-1])
    assert {"modes", "high-quality", "sliced Wasserstein", "JS"} < set(summary["quality"])


@pytest.mark.parametrize("rounds", [1, 7, 301])
def test_n_rounds_asked_for_are_n_rounds_made(capsys, rounds):
    _, summary = train(capsys, "--data", "moons", "--rounds", rounds)
    (at,) = run_directories()
    assert summary["round"] == rounds
    assert wire.read_about(at / "checkpoint.safetensors")["round"] == rounds


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(capsys):
    words = "--data", "ring", "--rounds", 30, "--seed"
    one, again, other = (train(capsys, *words, seed)[0] for seed in (3, 3, 4))
    assert one == again
    assert one != other


def test_without_json_a_bar_moves_and_the_run_is_named(capsys):
    assert genlab("train", "gan", "--data", "ring", "--rounds", 5, *SMALL) == 0
    told = capsys.readouterr()
    (at,) = run_directories()
    assert told.out.splitlines() == ["It made the 5 rounds asked for.", f"run {at.name} in {at}"]
    assert "5/5" in told.err
    assert store.read_info(at).state == "ended"


def test_out_is_where_the_run_and_its_data_go(capsys, tmp_path, table):
    train(capsys, "--data", table, "--rounds", 2, "--out", tmp_path / "there")
    (at,) = (tmp_path / "there").glob("*/run.json")
    assert (tmp_path / "there/data" / f"{store.read_info(at.parent).data}.safetensors").exists()
    assert not store.home().exists()


@pytest.mark.parametrize("flag", ["--lr_D", "--lr-D"])
def test_a_knob_is_a_flag_with_either_hyphen(capsys, flag):
    _, summary = train(capsys, "--data", "ring", "--rounds", 2, flag, "0.02", "--loss", "minimax")
    config = store.read_info(Path(summary["directory"])).config
    assert (config["lr_D"], config["loss"], config["lr_G"]) == (0.02, "minimax", 0.001)


def test_every_knob_is_explained_in_the_help(capsys):
    with pytest.raises(SystemExit, match="0"):
        genlab("train", "gan", "--help")
    told = " ".join(capsys.readouterr().out.split())
    for knob in families()["gan"].Config.knobs().values():
        assert f"--{knob.name}" in told
        assert f"{knob.says}; {knob.range}, default {knob.default}" in told


def test_samples_of_a_table_come_in_its_own_units(capsys, tmp_path, table):
    _, summary = train(capsys, "--data", table, "--rounds", 5)
    expected = Run(Path(summary["directory"]))
    torch.manual_seed(9)
    expected = expected.model.sample(40).double() * expected.data.unit + expected.data.center
    for ending in ("csv", "npz"):
        out = tmp_path / f"deeper/samples.{ending}"
        assert genlab("sample", summary["run"], "-n", 40, "--seed", 9, "--out", out) == 0
        drawn = np.loadtxt(out, delimiter=",") if ending == "csv" else np.load(out)["x"]
        np.testing.assert_allclose(drawn, expected.numpy(), rtol=1e-8)
    assert (np.abs(drawn.mean(0) - CENTER) < 5 * UNIT).all()
    assert f"40 samples of run {summary['run']}, round 5, in {out}" in capsys.readouterr().out


def test_samples_of_digits_come_as_a_grid_of_pictures(capsys, tmp_path):
    _, summary = train(capsys, "--data", "digits", "--rounds", 2)
    assert genlab("sample", summary["directory"], "-n", 10, "--out", tmp_path / "grid.png") == 0
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.size == (4 * 30 - 2, 3 * 30 - 2)
        assert np.ptp(np.asarray(grid)[:28, :28]) > 0
    genlab("sample", summary["directory"], "-n", 10, "--out", tmp_path / "x.npz")
    assert np.load(tmp_path / "x.npz")["x"].shape == (10, 28, 28)


def test_sampling_is_repeatable_and_leaves_a_run_in_training_as_it_was(capsys, tmp_path):
    _, summary = train(capsys, "--data", "ring", "--rounds", 50)
    run = Run(Path(summary["directory"]))
    run.play()
    run.train(rounds=80)  # beyond its checkpoint, as in an open lab
    before = contents(run.at)
    for out in ("one.csv", "other.csv"):
        assert genlab("sample", run.at.name, "--out", tmp_path / out) == 0
    assert contents(run.at) == before
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()


def test_the_shortest_table_that_is_allowed_trains(capsys, tmp_path):
    train(capsys, "--data", write_table(tmp_path / "few.csv", 10), "--rounds", 2)


@pytest.mark.parametrize("packed", [False, True])
def test_pictures_are_learned_from_a_folder_or_a_zip(capsys, tmp_path, album, packed):
    if packed:
        with zipfile.ZipFile(tmp_path / "album.ZIP", "w") as archive:
            for file in album.iterdir():
                archive.write(file, file.name)
        album = tmp_path / "album.ZIP"
    _, summary = train(capsys, "--data", album, "--rounds", 2)
    info = store.read_info(Path(summary["directory"]))
    assert info.data.startswith("images-")
    assert info.config["z"] == 100, "the recipe for pictures"


def test_a_folder_does_not_hide_the_data_of_its_name(capsys, album, monkeypatch):
    album.rename(album.parent / "ring")
    monkeypatch.chdir(album.parent)
    _, summary = train(capsys, "--data", "ring", "--rounds", 1)
    assert store.read_info(Path(summary["directory"])).data == "ring"


def test_the_doctor_finds_this_machine_well(capsys):
    assert genlab("doctor") == 0
    told = capsys.readouterr().out
    assert all(f"ok  {what}" in told for what in ("python", "torch", "families", "write access", "digits"))
    assert "BAD" not in told


def test_the_doctor_says_that_runs_cannot_be_written(capsys, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GENLAB_HOME", str(tmp_path / "file/runs"))
    assert genlab("doctor") == 1
    assert "set GENLAB_HOME to another folder" in capsys.readouterr().out


GOOD = ["train", "gan", "--data", "ring", "--rounds", "5"]
REFUSALS = {
    "a knob out of range": ([*GOOD, "--lr_D", "7"], r"lr_D \(.+\) is '7'; it must be in \[1e-05, 1\]"),
    "a knob that is no number": ([*GOOD, "--k", "two"], r"k \(.+\) is 'two'; it must be in \[1, 10\]"),
    "an unknown choice": ([*GOOD, "--loss", "cosine"], "must be one of non-saturating, minimax"),
    "unknown data": ([*GOOD, "--data", "rings"], "no data called 'rings'; choose from two-bumps, "),
    "data that are a path": ([*GOOD, "--data", "../../etc"], r"There is no file \.\./\.\./etc"),
    "a missing table": ([*GOOD, "--data", "no.csv"], "There is no file no.csv"),
    "a missing zip": ([*GOOD, "--data", "no.zip"], "There is no file no.zip"),
    "a table with text": ([*GOOD, "--data", "text.csv"], "Line 3 holds 'two' where a number should be"),
    "no rounds": ([*GOOD, "--rounds", "0"], "--rounds must be a whole number from 1"),
    "a negative seed": ([*GOOD, "--seed", "-1"], "--seed must be a whole number from 0"),
    "a huge seed": ([*GOOD, "--seed", str(2**32)], "--seed must be a whole number from 0"),
    "a place that is a file": ([*GOOD, "--out", "text.csv"], "Not a directory"),
    "a run that is not there": (["sample", "0123456789ab", "--out", "x.csv"], "no run 0123456789ab"),
    "a malicious run": (["sample", "../../etc/passwd", "--out", "x.csv"], "That is not a run's id"),
    "too many samples": (["sample", "0123456789ab", "-n", "100001", "--out", "x.csv"], "-n must be from"),
    "no samples": (["sample", "0123456789ab", "-n", "0", "--out", "x.csv"], "-n must be from"),
    "a huge seed of noise": (["sample", "0123456789ab", "--seed", "9" * 20, "--out", "x.csv"], "--seed must"),
    "a port beyond all": (["--port", "99999"], "--port must be a whole number from 1 to 65535"),
    "no such host": (["--host", "no.such.host.invalid"], "has no address 'no.such.host.invalid'"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "message"), REFUSALS.values(), ids=REFUSALS)
def test_it_is_refused_in_one_sentence_and_nothing_is_written(words, message, capsys, tmp_path, monkeypatch):
    (tmp_path / "text.csv").write_text("1,2\n3,4\n5,two\n" + "7,8\n" * 12)
    monkeypatch.chdir(tmp_path)
    before, recordings = contents(tmp_path), contents(store.RECORDINGS)
    assert genlab(*words) == 2
    told = capsys.readouterr()
    (sentence,) = told.err.splitlines()
    assert sentence.startswith("genlab: ")
    assert re.search(message, sentence)
    assert sentence.endswith(".")
    assert not told.out
    assert contents(tmp_path) == before
    assert contents(store.RECORDINGS) == recordings


def test_a_taken_port_is_refused_and_another_is_named(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert genlab("--port", port) == 2
    assert f"Port {port} of 127.0.0.1 is taken; try `genlab --port {port + 1}`" in capsys.readouterr().err


def test_an_unknown_family_is_refused_with_the_names_there_are(capsys):
    with pytest.raises(SystemExit, match="2"):
        genlab("train", "gann", "--data", "ring", "--rounds", 1)
    *_, sentence = capsys.readouterr().err.splitlines()
    assert "invalid choice: 'gann'" in sentence
    assert all(name in sentence for name in families())
    assert not store.home().exists()


@pytest.mark.parametrize("out", ["x.txt", "x", "x.png"])
def test_a_wrong_ending_is_refused_and_nothing_is_written(capsys, tmp_path, out):
    _, summary = train(capsys, "--data", "ring", "--rounds", 1)
    assert genlab("sample", summary["run"], "--out", tmp_path / "new" / out) == 2
    assert "written as .csv or .npz" in (told := capsys.readouterr().err) or "should end in" in told
    assert not (tmp_path / "new").exists()


def test_data_that_the_family_cannot_model_are_refused_before_a_run_is_made(capsys, monkeypatch):
    monkeypatch.setattr(families()["gan"], "kinds", (Plane,))
    assert genlab("train", "gan", "--data", "digits", "--rounds", 1) == 2
    assert "does not model digits" in capsys.readouterr().err
    assert not store.home().exists()


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_a_run_that_diverges_says_why_and_keeps_its_last_good_checkpoint(capsys):
    knobs = ["--lr_D", "1", "--lr_G", "1", "--beta1", "0.99", "--beta2", "0", "--batch", "2",
             "--loss", "Wasserstein", "--width_D", "512", "--depth_D", "5"]  # fmt: skip
    words = "train", "gan", "--data", "ring", "--rounds", 2000, "--json", *knobs
    assert genlab(*words) == 2
    told = capsys.readouterr()
    (at,) = run_directories()
    assert told.err.startswith(f"genlab: Run {at.name} failed. A loss became infinite or NaN near round ")
    assert "Lower a learning rate" in told.err
    assert "Traceback" not in told.err
    summary = json.loads(told.out.splitlines()[-1], parse_constant=pytest.fail)
    assert summary["state"] == store.read_info(at).state == "failed"
    weights, _ = wire.unpack_state((at / "checkpoint.safetensors").read_bytes())
    assert all(w.isfinite().all() for name, w in weights.items() if name.startswith("model/"))


def test_ctrl_c_stores_the_run_as_paused_where_it_is(capsys, monkeypatch):
    train_on, slices = Run.train, []

    def interrupted(self, seconds):
        slices.append(self.round)
        if len(slices) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        train_on(self, rounds=25)

    monkeypatch.setattr(Run, "train", interrupted)
    rows, summary = train(capsys, "--data", "ring", "--rounds", 1000)
    assert slices == [0, 25]
    assert (summary["state"], summary["round"], len(rows)) == ("paused", 50, 50)
    monkeypatch.undo()
    again = Run(Path(summary["directory"]))
    assert (again.round, again.info.state) == (50, "paused")


def test_a_second_ctrl_c_ends_at_once_and_leaves_the_last_checkpoint(capsys, monkeypatch):
    def twice(self, seconds):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Run, "train", twice)
    assert genlab(*GOOD, "--json") == 130
    (at,) = run_directories()
    assert store.read_info(at).state == "paused"
    assert wire.read_about(at / "checkpoint.safetensors")["round"] == 0


@pytest.mark.exhaustive
def test_the_installed_script_stops_at_ctrl_c_like_the_function(tmp_path):
    script = Path(sys.executable).with_name("genlab")
    command = [script, *GOOD, "--rounds", "100000000", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # the log of a run that has just been opened is empty
        while not any(store.rows(at / "metrics.jsonl") for at in run_directories()):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")
    (at,) = run_directories()
    summary = json.loads(told.splitlines()[-1])
    assert (summary["run"], summary["state"]) == (at.name, "paused")
    assert wire.read_about(at / "checkpoint.safetensors")["round"] == summary["round"] > 0
