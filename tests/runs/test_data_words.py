"""What `--data` means: a file that is there is read, whatever it is called, and no cause is guessed."""

import csv
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine import data
from engine.config import Refused
from lab import terminal
from lab.cli import main
from lab.runs import store
from lab.terminal import name_of

CASES = Path(__file__).parents[1] / "cases"
TABLES = ("ten.csv", "ten.TXT", "ten.tsv", "ten,rows.csv", "a b.csv", "x.y.csv", "ring.csv", "china.csv")
TABLE = "x,y\n" + "".join(f"{i},{i * i}\n" for i in range(12))


def png(path, size=(40, 40)):
    Image.new("RGB", size, (9, 90, 200)).save(path, "PNG")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A current folder, with files of all kinds."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in TABLES:
        Path(name).write_text(TABLE)
    Path("album").mkdir()
    for i in range(12):
        png(f"album/{i}.png")
    with zipfile.ZipFile("al,bum.ZIP", "w") as archive:
        for i in range(12):
            archive.write(f"album/{i}.png", f"{i}.png")
    for name in ("me.png", "a,b.png", "me,glass.jpg"):
        png(name)
    png("slim.png", (40, 9))
    Path("notes.docx").write_bytes(b"PK\3\4")
    Path("notes").write_text("hi")
    return folder


@pytest.mark.parametrize("name", [*TABLES, "./ten.csv", "album/../ten.csv"])
def test_a_table_is_read_under_any_name(here, tmp_path, name):
    kept = name_of(name, tmp_path)
    assert kept == data.keep_points(data.read_csv(TABLE), "csv", tmp_path)
    assert name_of(str(here / name), tmp_path) == kept


@pytest.mark.parametrize("name", ["ten.csv", "ten.txt", "ten,rows.csv"])
def test_the_tables_of_the_cases_are_read(name, tmp_path):
    assert name_of(str(CASES / name), tmp_path).startswith("csv-")


@pytest.mark.parametrize("name", ["album", "album/", "./album", "al,bum.ZIP"])
def test_pictures_are_read_from_a_folder_or_an_archive_of_any_name(here, tmp_path, name):
    assert name_of(name, tmp_path).startswith("images-")


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("me.png,glass", ["photo", "glass"]),
        ("china,me.png", ["china", "photo"]),
        ("a,b.png,glass", ["photo", "glass"]),
        ("china,a,b.png,me,glass.jpg", ["china", "photo", "photo"]),
        ("china,glass,mask-left", ["china", "glass", "mask-left"]),
    ],
)
def test_pictures_of_a_transfer_are_names_or_files_of_any_name(here, tmp_path, text, files):
    assert [
        part.split("-")[0] if "photo" in part else part for part in name_of(text, tmp_path).split(".")
    ] == files


@pytest.mark.parametrize(
    "text", ["china.glass", "ring", "digits", "photo-0123456789ab.glass", "rings", "images-0123456789ab"]
)
def test_a_name_stays_a_name(here, tmp_path, text):
    Path("china.glass").write_text("hi")
    Path("ring").mkdir()
    assert name_of(text, tmp_path) == text


REFUSED = {
    "": "--data is empty; give a name from `genlab list`, a table, a folder or a .zip file.",
    "  ": "--data is empty; give a name from `genlab list`, a table, a folder or a .zip file.",
    "me.jpg": "There is no file me.jpg.",
    "ten2.txt": "There is no file ten2.txt.",
    "ten.TSV": "There is no file ten.TSV.",
    "no,rows.csv": "There is no file no,rows.csv.",
    "no,al.zip": "There is no file no,al.zip.",
    "nowhere/": "There is no file nowhere/.",
    "sub/ten.dat": "There is no file sub/ten.dat.",
    "ten.data": "There is no file and there are no data called ten.data; see `genlab list`.",
    "me.png": "me.png is one picture; give a folder or .zip of them, or CONTENT,STYLE.",
    "notes.docx": "notes.docx is no table; save it as .csv, .tsv or .txt, or give a folder or a .zip.",
    "notes": "notes is no table; save it as .csv, .tsv or .txt, or give a folder or a .zip.",
    "china,you.png": "There is no file you.png.",
    "china,album": "album is a folder; give a picture file.",
    "slim.png,glass": "slim.png: The picture has 40 x 9 pixels; bring one with 32 or more on each side.",
    "x" * 300 + ".csv": "There is no file " + "x" * 76 + ".csv.",
    "a\0.csv": "There is no file a\0.csv.",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_there_is_said_as_it_is(here, tmp_path, text):
    before = sorted(here.rglob("*"))
    with pytest.raises(Refused) as refusal:
        name_of(text, tmp_path / "home")
    assert str(refusal.value) == REFUSED[text]
    assert sorted(here.rglob("*")) == before
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("text", ["me,glass", "china,glas", "china,"])
def test_a_picture_that_there_is_not_lists_those_there_are(here, tmp_path, text):
    with pytest.raises(Refused, match=r"^There is no picture called '(me|glas|)'; choose from china, "):
        name_of(text, tmp_path)


def test_a_pipe_is_neither_file_nor_folder(here, tmp_path):
    os.mkfifo("pipe.csv")
    with pytest.raises(Refused, match=r"^pipe\.csv is neither a file nor a folder"):
        name_of("pipe.csv", tmp_path)


def test_an_empty_word_trains_nothing(here, capsys):
    assert main(["train", "gan", "--data", "", "--rounds", "1"]) == 2
    assert capsys.readouterr().err.startswith("genlab: --data is empty")
    assert not store.home().exists()


@pytest.mark.parametrize("name", ["tiny-1e-50.csv", "tiny-1e-170.csv", "nanoseconds.csv"])
def test_a_table_of_the_cases_trains_and_its_samples_come_in_its_units(name, tmp_path, capsys):
    words = ["--data", str(CASES / name), "--rounds", "3", "--batch", "8"]
    assert main(["train", "gan", *words]) == 0
    (at,) = (path.parent for path in store.home().glob("*/run.json"))
    out = tmp_path / "samples.csv"
    assert main(["sample", at.name, "-n", "200", "--out", str(out)]) == 0
    capsys.readouterr()
    table = np.array([[float(c) for c in row] for row in csv.reader(io.StringIO((CASES / name).read_text()))])
    drawn = np.array([[float(c) for c in row] for row in csv.reader(io.StringIO(out.read_text()))])
    low, span = table.min(0), np.ptp(table, 0)
    assert ((drawn > low - 5 * span) & (drawn < low + 6 * span)).all()
    assert len(np.unique(drawn[:, 0])) > 100  # its digits are not cut off
    assert np.ptp(drawn[:, 0]) > 0.01 * span[0]


def test_written_digits_tell_the_spread_in_any_unit(tmp_path):
    points = np.random.default_rng(0).normal(size=(40, 2)) * [1e-6, 1e90] + [1.0, 0.0]
    learned = data.load(data.keep_points(points, "csv", tmp_path), tmp_path)
    terminal.save([learned.x], learned, tmp_path / "x.csv")
    back = np.loadtxt(tmp_path / "x.csv", delimiter=",")
    kept = points[np.arange(40) % 10 != 9]
    assert (np.abs(back - kept).max(0) < [1e-12, 1e84]).all()
    ring = data.load("ring")
    terminal.save([ring.x[:5]], ring, tmp_path / "ring.csv")
    assert (tmp_path / "ring.csv").read_text().split(",")[0] == f"{ring.x[0, 0].double():.9g}"


def test_a_transfer_has_one_result_and_says_so(tmp_path, capsys):
    torch.manual_seed(0)
    knobs = ["--size", "64", "--levels", "1", "--backbone", "untrained VGG-19"]
    assert main(["train", "style", "--data", "china,brick", "--rounds", "1", *knobs]) == 0
    (at,) = (path.parent for path in store.home().glob("*/run.json"))
    capsys.readouterr()
    assert main(["sample", at.name, "-n", "10", "--out", str(tmp_path / "x.npz")]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"1 picture of run {at.name}, round 1, in ")
    assert said.endswith("x.npz: a transfer has one result, which -n does not change\n")
    assert np.load(tmp_path / "x.npz")["x"].shape == (1, 43, 64, 3)
