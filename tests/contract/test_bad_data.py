"""Every bad input is refused with one sentence that says what is wrong and what to change."""

import os
import struct
import zipfile
import zlib

import numpy as np
import pytest
import torch

from engine.brought import images
from engine.config import Refused
from engine.data import keep_images, keep_points, load, names, network, read_csv
from engine.data.keep import kept
from tests.packing import packed, png

torch.set_num_threads(1)
ROWS = [f"{i},{i * i}" for i in range(12)]


def table(*changed):
    """A good table with some lines replaced, counted from 1."""
    rows = ROWS.copy()
    for line, text in changed:
        rows[line - 1] = text
    return "\n".join(rows)


def pictures(**others):
    return {f"{i}.png": png(shade=i) for i in range(12)} | others


def claims(width, height):
    """A PNG whose header promises a size, and which holds next to nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def is_one_sentence(error):
    message = str(error.value)
    return message[0].isupper() | (message[0] in "'\"") and message.endswith(".") and "\n" not in message


BAD_TABLES = {
    "text": (table((5, "4,four")), "Line 5 holds 'four' where a number should be"),
    "text after a blank line": ("a,b\n\n" + table((2, "x,1")), "Line 4 holds 'x'"),
    "half a header": ("1,b\n" + table(), "Line 1 holds 'b'"),
    "a second header": ("a,b\nc,d\n" + table(), "Line 2 holds 'c'"),
    "an empty cell": (table((3, "2,")), "Line 3 holds '' where a number"),
    "nan": (table((7, "nan,1")), "Line 7 holds 'nan', which is not a finite number"),
    "infinity": (table((7, "1,-inf")), "Line 7 holds '-inf', which is not a finite number"),
    "an overflow": (table((7, "1,1e999")), "Line 7 holds '1e999', which is too large; give it in another"),
    "python's own spelling": (table((7, "1,1_000")), "Line 7 holds '1_000'"),
    "one column": ("\n".join("123456789012"), "Line 1 has 1 column; give exactly two"),
    "three columns": (table((9, "1,2,3")), "Line 9 has 3 columns; give exactly two"),
    "empty": ("", "The table is empty"),
    "white space": (" \n\r\n\t", "The table is empty"),
    "only a header": ("x,y\n", "only 0 rows"),
    "few rows": ("\n".join(ROWS[:9]), "only 9 rows of numbers; give at least 10"),
    "many rows": ("1,2\n" * 100_001, "has 100,001 rows; give at most 100,000"),
    "no spread": ("\n".join(f"{i},7" for i in range(20)), "column 2 are the same"),
    "binary": (b"PK\x03\x04" + bytes(range(127)), "is not text"),
    "too large": (b"1" * 10_000_001, "larger than 10 MB"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_is_refused(case):
    text, says = BAD_TABLES[case]
    with pytest.raises(Refused) as error:
        read_csv(text)
    assert says in str(error.value)
    assert is_one_sentence(error)


GOOD = np.random.default_rng(0).uniform(-1, 1, (30, 2))
BAD_POINTS = {
    "few": (GOOD[:19], "drawn", "only 19 points; give at least 20"),
    "none": ([], "drawn", "only 0 points"),
    "many": (np.zeros((5_001, 2)), "drawn", "5,001 points; give at most 5,000"),
    "outside": (np.vstack([GOOD, [[0, 3.01]]]), "drawn", "Point 31 lies outside the square from -3 to 3"),
    "nan": (np.where(GOOD[4, 1] == GOOD, np.nan, GOOD), "drawn", "Point 5 is not a finite number"),
    "inf": (np.where(GOOD[4, 1] == GOOD, np.inf, GOOD), "csv", "Point 5 is not a finite number"),
    "three numbers": (np.zeros((30, 3)), "drawn", "shape (30, 3); give two numbers for each point"),
    "flat": (np.zeros(30), "csv", "give two numbers for each point"),
    "ragged": ([[1, 2], [3]] * 10, "drawn", "give two numbers for each point"),
    "words": ([["a", "b"]] * 30, "drawn", "not all numbers"),
    "huge": (GOOD * 1e305, "csv", "Row 1 holds a number beyond 1e300"),
    "no spread": (GOOD * [0, 1] + 5, "csv", "column 1 are the same"),
    "an unknown kind": (GOOD, "../x", "Points are 'drawn' or 'csv'"),
}


@pytest.mark.parametrize("case", BAD_POINTS)
def test_bad_points_are_refused_and_nothing_is_stored(case, tmp_path):
    points, kind, says = BAD_POINTS[case]
    with pytest.raises(Refused) as error:
        keep_points(points, kind, tmp_path)
    assert says in str(error.value)
    assert is_one_sentence(error)
    assert not list(tmp_path.iterdir())


def test_as_many_points_as_are_allowed_are_taken(tmp_path):
    for n in (20, 5000):
        drawn = np.random.default_rng(0).uniform(-3, 3, (n, 2))
        name = keep_points(drawn, "drawn", tmp_path)
        assert np.array_equal(kept(name, tmp_path)["points"], drawn)


BAD_ARCHIVES = {
    "a path outside": (packed(pictures(**{"../../x.png": png()})), "outside of itself; pack it again"),
    "an absolute path": (packed(pictures(**{"/etc/x.png": png()})), "outside of itself"),
    "a Windows path": (packed(pictures(**{"..\\x.png": png()})), "outside of itself"),
    "a bomb": (packed({"0.png": bytes(101_000_000)}), "unpacks to more than 100 MB"),
    "one large entry": (packed(pictures(**{"00.png": bytes(11_000_000)})), "more than 10 MB"),
    "text called .png": (packed(pictures(**{"a.png": b"hello"})), "'a.png' is not a PNG, JPEG or WebP"),
    "a GIF called .png": (packed(pictures(**{"a.png": b"GIF89a" + bytes(99)})), "is not a PNG, JPEG"),
    "an empty picture": (packed(pictures(**{"a.png": b""})), "'a.png' is not a PNG"),
    "half a picture": (packed(pictures(**{"a.png": png(size=(99, 99))[:70]})), "'a.png' is damaged"),
    "50,000 x 50,000": (packed(pictures(**{"a.png": claims(50_000, 50_000)})), "more than 20 megapixels"),
    "10,000 x 10,000": (packed(pictures(**{"a.png": claims(10_000, 10_000)})), "more than 20 megapixels"),
    "5,000 x 4,001": (packed(pictures(**{"a.png": claims(5_000, 4_001)})), "more than 20 megapixels"),
    "no picture": (packed({"a.txt": b"hello"}), "only 0 pictures; bring 10 or more"),
    "hidden pictures": (packed({f"__MACOSX/{k}": v for k, v in pictures().items()}), "only 0 pictures"),
    "too few": (packed({"a.png": png()}), "There is only 1 picture; bring 10 or more"),
    "not a zip file": (b"hello", "is not a zip file; pack the pictures into one"),
    "nothing": (b"", "is not a zip file"),
    "a long name": (packed({f"{'y' * 150}{'x' * 56}.png": b"hello"}), f"'{'x' * 56}.png' is not a PNG"),
    "a long name outside": (
        packed({f"../{'y' * 150}{'x' * 56}.png": png()}),
        f"names '{'x' * 56}.png', outside",
    ),
    "half a zip file": (packed(pictures())[:-30], "is damaged; pack it again"),
    "a damaged entry": (
        packed(pictures(), zipfile.ZIP_STORED).replace(b"IDAT", b"IDAX", 1),
        "is damaged; pack it again",
    ),
    "too large": (bytes(10_000_001), "larger than 10 MB"),
}


@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_a_bad_zip_file_is_refused_and_nothing_is_stored(case, tmp_path):
    content, says = BAD_ARCHIVES[case]
    with pytest.raises(Refused) as error:
        keep_images(content, tmp_path / "home")
    assert says in str(error.value)
    assert is_one_sentence(error)
    assert not list(tmp_path.rglob("*"))


def test_an_encrypted_zip_file_is_refused(tmp_path):
    content = bytearray(packed({"a.png": png()}, zipfile.ZIP_STORED))
    content[6] |= 1  # the flag of the entry, and of its line in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Refused, match="encrypted"):
        keep_images(bytes(content), tmp_path)


def test_an_entry_larger_than_it_says_is_refused(tmp_path):
    size = 50_000
    content = packed({"a.png": bytes(size)})
    with pytest.raises(Refused):
        keep_images(content.replace(struct.pack("<I", size), struct.pack("<I", 10)), tmp_path)


def test_too_many_pictures_and_too_many_pixels_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MOST", 11)
    with pytest.raises(Refused, match="holds 12 pictures; bring at most 11"):
        keep_images(packed(pictures()), tmp_path)
    monkeypatch.setattr(images, "MOST", 12)
    assert images.MOST_PIXELS_TOGETHER == 500_000_000  # as the refusal says
    monkeypatch.setattr(images, "MOST_PIXELS_TOGETHER", 12 * 64 - 1)
    with pytest.raises(Refused, match="megapixels together"):
        keep_images(packed(pictures()), tmp_path)
    monkeypatch.setattr(images, "MOST_PIXELS_TOGETHER", 12 * 64)
    keep_images(packed(pictures()), tmp_path)


def test_the_most_that_is_allowed_is_taken(tmp_path, monkeypatch):
    """To the byte, of the archive, of one picture and of all."""
    padded = {name: content + bytes(3000) for name, content in pictures().items()}  # behind the picture
    archive = packed(padded)
    largest, together = max(map(len, padded.values())), sum(map(len, padded.values()))
    assert len(archive) < together
    beside = {f"{i}.txt": bytes(5000) for i in range(3)}  # which is no picture and does not count
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, content in padded.items():
        (folder / name).write_bytes(content)
    for limit, source, most, says in (
        ("MOST_BYTES", packed(pictures()), len(packed(pictures())), "The zip file is larger than 10 MB"),
        ("MOST_BYTES", archive, max(largest, len(archive)), "larger than 10 MB|unpacks to more than 10 MB"),
        ("MOST_UNPACKED", packed(padded | beside), together, "unpacks to more than 100 MB"),
        ("MOST_BYTES", folder, largest, "is larger than 10 MB"),
        ("MOST", folder, 12, "bring at most"),
    ):
        monkeypatch.setattr(images, limit, most)
        assert len(load(keep_images(source, tmp_path), tmp_path)) == 11
        monkeypatch.setattr(images, limit, most - 1)
        with pytest.raises(Refused, match=says):
            keep_images(source, tmp_path)
        monkeypatch.undo()


def test_a_bad_folder_is_refused(tmp_path, monkeypatch):
    with pytest.raises(Refused, match="cannot be opened; give a folder or a zip file"):
        keep_images(tmp_path / "nowhere", tmp_path)
    with pytest.raises(Refused, match=f"^'{'x' * 80}' cannot be opened"):
        keep_images(tmp_path / ("y" * 50 + "x" * 80), tmp_path)
    with pytest.raises(Refused, match="only 0 pictures"):
        keep_images(tmp_path, tmp_path)
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(Refused, match=r"'a.png' is not a PNG"):
        keep_images(tmp_path, tmp_path)
    (tmp_path / "a.png").write_bytes(bytes(10_000_001))
    with pytest.raises(Refused, match="larger than 10 MB"):
        keep_images(tmp_path, tmp_path)


def test_links_out_of_a_folder_are_not_followed(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside.png").write_bytes(png())
    for i in range(12):
        (tmp_path / "inside" / f"{i}.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(Refused, match="only 0 pictures"):
        keep_images(tmp_path / "inside", tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/b",
        "",
        "x" * 300,
        "A",
        "a_b",
        "-a",
        ".a",
        "a..b",
        "a.b.c.d.e",
        "ring\n",
        "ring ",
        "a\0b",
        "é",
        None,
        3,
    ],
)
def test_a_malicious_name_is_refused_before_it_touches_a_path(name, tmp_path):
    with pytest.raises(Refused, match="cannot name data") as error:
        load(name, tmp_path / "home")
    assert is_one_sentence(error)
    assert len(str(error.value)) < 200
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["rings", "images", "csv-x", "drawn-0123456789ab-x", "torchvision"])
def test_an_unknown_name_lists_the_choices(name, tmp_path):
    with pytest.raises(Refused) as error:
        load(name, tmp_path)
    assert all(choice.name in str(error.value) for choice in names())
    assert is_one_sentence(error)


@pytest.mark.parametrize("kind", ["drawn", "csv", "images"])
def test_stored_data_that_are_missing_or_damaged_are_refused(kind, tmp_path):
    name = f"{kind}-0123456789ab"
    with pytest.raises(Refused, match="not on this machine; bring them again"):
        load(name, tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{name}.safetensors").write_bytes(os.urandom(50))
    with pytest.raises(Refused, match="are damaged"):
        load(name, tmp_path)


def test_a_download_that_breaks_off_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    def breaks(wanted, root, **how):
        (root / wanted.folder).mkdir()
        raise TimeoutError

    monkeypatch.setattr(network, "online", lambda url: True)
    monkeypatch.setattr(network, "_torchvision", breaks)
    with pytest.raises(Refused, match="could not be downloaded") as error:
        load("mnist", tmp_path)
    assert is_one_sentence(error)
    assert not list((tmp_path / "data" / "torchvision").iterdir())
