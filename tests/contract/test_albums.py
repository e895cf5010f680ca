"""Archives and pictures of unusual kinds: what is read is read right, and only what is read is judged."""

import io
import struct
import zipfile
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.config import Refused
from engine.data import keep_images, keep_picture, load, picture
from engine.data.keep import keep
from tests.packing import packed, png

CASES = Path(__file__).parents[1] / "cases"
COMPRESSED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA
stored = partial(packed, compression=zipfile.ZIP_STORED)


PICTURES = {f"{i}.png": png(i) for i in range(12)}


def shades(content, home):
    """The first pixel of each picture that was kept, in the order in which they are learned and tested."""
    data = load(keep_images(content, home), home)
    return [int(x[0, 0, 0]) for x in (*data.x, *data.test_x)]


@pytest.mark.parametrize("name", ["colon.zip", "folder-called-png.zip"])
@pytest.mark.parametrize("way", [str, Path, lambda path: path.read_bytes()])
def test_an_archive_of_the_cases_is_read(name, way, tmp_path):
    data = load(keep_images(way(CASES / name), tmp_path), tmp_path)
    assert data.x.shape == (9, 1, 28, 28)
    assert len({x.numpy().tobytes() for x in (*data.x, *data.test_x)}) == 10


@pytest.mark.parametrize("name", ["damaged-lzma.zip", "damaged-bz2.zip"])
@pytest.mark.parametrize("way", [str, Path, lambda path: path.read_bytes()])
def test_a_damaged_archive_of_the_cases_is_called_damaged(name, way, tmp_path):
    with pytest.raises(Refused, match=r"^The zip file is damaged; pack it again\.$"):
        keep_images(way(CASES / name), tmp_path)
    assert not list(tmp_path.iterdir())


BESIDE = {  # the entries of an archive that are no pictures
    "a time": {"notes 10:22.txt": b"hi", "C:notes.txt": b""},
    "a path outside": {"../../x.txt": b"hi", "/etc/passwd": b"", "..\\x.exe": b"MZ"},
    "folders like pictures": {"trip.jpg/": b"", "a.webp/b.png/": b"", "x.png/notes.txt": b"hi"},
    "what a Mac adds": {"__MACOSX/._0.png": b"\0\5\x16\7", ".DS_Store": b"\0", ".hidden/9.png": b"hi"},
    "much else": {"film.mov": bytes(101_000_000)},
}


@pytest.mark.parametrize("case", BESIDE)
def test_what_is_no_picture_is_not_judged(case, tmp_path):
    content = packed(PICTURES | BESIDE[case])
    assert shades(content, tmp_path) == shades(stored(PICTURES), tmp_path)


@pytest.mark.parametrize("place", ["mine", ".hidden/mine", "__MACOSX/mine", "x.png/mine"])
def test_a_folder_is_read_as_an_archive_of_it_wherever_it_lies(place, tmp_path):
    files = PICTURES | {"a/x.PNG": png(200), "a/b/y.jpeg": png(201), "a/b/z.webp": png(202)}
    beside = {".0.png": b"hi", "a/.hidden/9.png": png(9), "__MACOSX/9.png": png(9), "a/9.gif": b"GIF8"}
    for name, content in (files | beside).items():
        path = tmp_path / place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / place / "trip.jpg").mkdir()
    assert shades(tmp_path / place, tmp_path) == shades(stored(files | beside), tmp_path)
    assert {200, 201, 202} < set(shades(str(tmp_path / place), tmp_path))


def test_a_damaged_or_encrypted_file_beside_the_pictures_is_not_read(tmp_path):
    content = bytearray(stored({"a.txt": b"hello"} | PICTURES))
    content[content.index(b"hello")] ^= 255
    content[6] |= 1  # encrypted, it says
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert len(shades(bytes(content), tmp_path)) == 12


@pytest.mark.parametrize(
    "name", ["10:22.png", "a: b.PNG", "x/y:z/1.JPeG", "./1.png", "folder\\1.png", "ä ö.png"]
)
def test_a_picture_may_be_called_anything(name, tmp_path):
    assert 250 in shades(stored(PICTURES | {name: png(250)}), tmp_path)


@pytest.mark.parametrize(
    "name", ["../1.png", "a/../../1.png", "/1.png", "C:\\1.png", "c:/1.png", "\\\\host\\1.png"]
)
def test_a_picture_outside_of_the_archive_is_refused(name, tmp_path):
    with pytest.raises(Refused, match="outside of itself; pack it again"):
        keep_images(stored(PICTURES | {name: png()}), tmp_path)


@pytest.mark.parametrize("compression", COMPRESSED)
def test_every_compression_is_read_and_its_damage_is_called_damage(compression, tmp_path):
    noise = {f"{i}.png": png(i) + np.random.default_rng(i).bytes(400) for i in range(12)}
    content = packed(noise, compression)
    assert shades(content, tmp_path / "whole") == shades(stored(PICTURES), tmp_path)
    said = set()
    for at in range(45, len(content) // 2, 97):
        broken = bytearray(content)
        broken[at : at + 30] = bytes(b ^ 0x5A for b in broken[at : at + 30])
        with pytest.raises(Refused) as refusal:
            keep_images(bytes(broken), tmp_path / "broken")
        said.add(str(refusal.value))
    assert "The zip file is damaged; pack it again." in said
    assert all(one.isprintable() and one.endswith(".") and len(one) < 120 for one in said), said


@pytest.mark.parametrize("method", [9, 93, 98, 99])  # Deflate64, Zstandard, PPMd, AES
def test_a_compression_that_python_lacks_is_said(method, tmp_path):
    content = bytearray(stored({"a.png": png()}))
    for at in (8, content.index(b"PK\x01\x02") + 10):
        content[at] = method
    with pytest.raises(Refused, match=r"compressed in an unusual way; pack it again as ZIP\.$"):
        keep_images(bytes(content), tmp_path)


def test_an_encrypted_picture_is_named(tmp_path):
    content = bytearray(stored({"me.png": png()}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(
        Refused, match=r"^'me\.png' in the zip file is encrypted; pack it without a password\.$"
    ):
        keep_images(bytes(content), tmp_path)


@pytest.mark.parametrize(
    "content", [b"Rar!\x1a\x07\x01\x00" + bytes(99), b"7z\xbc\xaf\x27\x1c" + bytes(99), b"x"]
)
def test_another_archive_is_no_zip_file(content, tmp_path):
    with pytest.raises(Refused, match=r"^The file is not a zip file; pack the pictures into one\.$"):
        keep_images(content, tmp_path)
    assert len(shades(b"#!/bin/sh\n" + stored(PICTURES), tmp_path)) == 12  # one that unpacks itself


# --- pictures ------------------------------------------------------------------------------------


def coded(width, height, depth, kind, rows, clear=None):
    """A PNG of these bytes a row, `kind` 0 grey, 2 colours, 3 palette, 4 grey with alpha; `clear` is its
    transparent level or colour."""

    def chunk(name, held):
        return struct.pack(">I", len(held)) + name + held + struct.pack(">I", zlib.crc32(name + held))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    clear = b"" if clear is None else chunk(b"tRNS", struct.pack(f">{len(clear)}H", *clear))
    data = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + header + clear + data + chunk(b"IEND", b"")


def first_row(content, home):
    """The first row of a picture after all that happens to it, (width, 3)."""
    return picture(keep_picture(content, home), home)[0].tolist()


def grey(levels):
    return [[int(level)] * 3 for level in levels]


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("clear", [None, 0, 1])
def test_grey_of_any_depth_keeps_its_levels_and_is_white_where_it_is_clear(depth, clear, tmp_path):
    """Oracle: level times 255 over the largest."""
    levels = np.arange(32) % 2**depth if depth < 8 else np.arange(32) * (2**depth // 32)
    levels[-1] = 2**depth - 1
    if depth < 8:
        bits = "".join(f"{level:0{depth}b}" for level in levels)
        row = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    else:
        row = levels.astype(f">u{depth // 8}").tobytes()
    key = None if clear is None else int(levels[clear])
    wanted = levels >> 8 if depth == 16 else levels * 255 / (2**depth - 1)
    wanted = np.where(levels == key, 255, wanted)
    content = coded(32, 32, depth, 0, [row] * 32, None if key is None else (key,))
    assert first_row(content, tmp_path) == grey(wanted)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_clear_colour_is_white(depth, tmp_path):
    colours = (np.arange(96).reshape(32, 3) * (2**depth // 96)).astype(f">u{depth // 8}")
    clear = tuple(int(level) for level in colours[5])
    row = first_row(coded(32, 32, depth, 2, [colours.tobytes()] * 32, clear), tmp_path)
    wanted = (colours >> (depth - 8)).astype(int).tolist()
    wanted[5] = [255] * 3
    assert row == wanted


def test_16_bits_of_the_cases(tmp_path):
    content = (CASES / "grey16-transparent.png").read_bytes()
    levels = np.asarray(Image.open(io.BytesIO(content))).astype(int)
    clear = Image.open(io.BytesIO(content)).info["transparency"]
    kept = picture(keep_picture(content, tmp_path), tmp_path)[..., 0]
    assert (levels == clear).any()
    assert (kept == np.where(levels == clear, 255, levels >> 8)).all()
    levels = np.asarray(Image.open(CASES / "grey12-in-16.png")).astype(int)
    kept = picture(keep_picture((CASES / "grey12-in-16.png").read_bytes(), tmp_path), tmp_path)[..., 0]
    assert 2**8 <= levels.max() < 2**12
    assert (kept == levels >> 4).all()


FEW = [(200, 0), (255, 0), (256, 2), (1023, 2), (1024, 4), (2000, 4), (9000, 6), (16383, 6), (16384, 8)]


@pytest.mark.parametrize(("most", "shift"), [*FEW, (65535, 8)])
def test_few_bits_in_16_are_stretched_by_whole_pairs_of_bits(most, shift, tmp_path):
    levels = np.linspace(0, most, 32 * 32).astype(">u2").reshape(32, 32)
    for clear in (None, 65535):  # a clear level is none of the picture's
        shown = levels.copy()
        if clear:
            shown[3, 3] = clear
        content = coded(32, 32, 16, 0, [row.tobytes() for row in shown], clear and (clear,))
        kept = picture(keep_picture(content, tmp_path), tmp_path)[..., 0]
        assert (kept == np.where(shown == (clear or -1), 255, levels >> shift)).all()


@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA"])
def test_half_clear_pixels_are_half_white(mode, tmp_path):
    image = Image.new("LA", (32, 32), (100, 51)).convert(mode if mode != "PA" else "LA")
    if mode == "PA":
        image = Image.new("L", (32, 32), 100).quantize(4)
        image.info["transparency"] = bytes([51] * 4)
    content = io.BytesIO()
    image.save(content, "PNG")
    assert np.abs(np.array(first_row(content.getvalue(), tmp_path)) - (100 * 0.2 + 255 * 0.8)).max() <= 1


def test_cmyk_is_what_pillow_says(tmp_path):
    content = io.BytesIO()
    Image.new("CMYK", (32, 32), (0, 255, 255, 0)).save(content, "JPEG", quality=95)
    red = np.array(first_row(content.getvalue(), tmp_path))
    assert np.abs(red - [255, 0, 0]).max() < 6


def exif(orientation, damaged):
    held = Image.Exif()
    held[0x0112] = orientation
    content = held.tobytes()
    return content[:-7] if damaged else content


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_damage_in_what_the_camera_noted_leaves_the_picture(kind, damaged, tmp_path):
    pixels = np.zeros((32, 48), np.uint8)
    pixels[:, 24:] = 255
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind, exif=exif(6, damaged))
    kept = picture(keep_picture(content.getvalue(), tmp_path), tmp_path)
    assert kept.shape in [(32, 48, 3), (48, 32, 3)] if damaged else kept.shape == (48, 32, 3)


def test_16_bits_are_turned_upright(tmp_path):
    content = io.BytesIO()
    pixels = np.zeros((32, 48), np.uint16)
    pixels[:, 24:] = 65535
    Image.fromarray(pixels).save(content, "PNG", exif=exif(6, damaged=False))
    kept = picture(keep_picture(content.getvalue(), tmp_path), tmp_path)
    assert kept.shape == (48, 32, 3)
    assert kept[30].max() == 255
    assert kept[:20].max() == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (4000, 1), (3, 2)])
def test_a_picture_of_an_album_may_have_any_shape(size, tmp_path):
    assert 77 in shades(stored(PICTURES | {"slim.png": png(77, size)}), tmp_path)


def test_a_picture_whose_headers_are_damaged_is_called_damaged(tmp_path):
    content = bytearray(png(9, (40, 40)))
    content[20] ^= 255  # the width, against its sum of check
    with pytest.raises(Refused, match=r"^The picture is damaged; save it again, or leave it out\.$"):
        keep_picture(bytes(content), tmp_path)
    with pytest.raises(Refused, match=r"^The picture is damaged"):
        keep_picture(b"\xff\xd8\xff\xe0" + bytes(40), tmp_path)
    with pytest.raises(Refused, match=r"^The picture is not a PNG, JPEG or WebP picture; "):
        keep_picture(b"RIFF\0\0\0\0WAVEfmt " + bytes(40), tmp_path)


# --- what is stored ------------------------------------------------------------------------------


def test_stored_data_that_are_damaged_are_refused_and_mended_when_they_are_brought_again(tmp_path):
    arrays = {"points": np.random.default_rng(0).uniform(-1, 1, (20, 2))}
    name = keep("csv", arrays, tmp_path)
    path = tmp_path / "data" / f"{name}.safetensors"
    whole = path.read_bytes()
    for broken in (whole[:-9], b"", whole[:-1] + bytes([whole[-1] ^ 1]), whole + b"\0"):
        path.write_bytes(broken)
        with pytest.raises(Refused, match=rf"^The stored data {name} are damaged; bring them again\.$"):
            load(name, tmp_path)
        assert keep("csv", arrays, tmp_path) == name
        assert path.read_bytes() == whole
    assert len(load(name, tmp_path)) == 18


def test_other_data_under_its_name_are_damage(tmp_path):
    held = keep("images", {"y": np.zeros(3)}, tmp_path)
    other = "images-0123456789ab"
    (tmp_path / "data" / f"{held}.safetensors").rename(tmp_path / "data" / f"{other}.safetensors")
    with pytest.raises(Refused, match="are damaged"):
        load(other, tmp_path)


def test_a_place_that_cannot_be_read_is_told_without_its_path(tmp_path):
    name = "csv-0123456789ab"
    (tmp_path / "data" / f"{name}.safetensors").mkdir(parents=True)
    with pytest.raises(Refused) as refusal:
        load(name, tmp_path)
    assert str(refusal.value) == f"The stored data {name} cannot be read: Is a directory."
