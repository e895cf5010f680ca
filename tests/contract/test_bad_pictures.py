"""A picture that cannot serve is refused with one sentence that says what is wrong and what to change."""

import importlib.machinery
import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from engine.config import Refused
from engine.data import keep_mask, keep_picture, picture, pictures

NOISE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)


def file_of(image, kind="PNG", **how):
    held = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(held, kind, **how)
    return held.getvalue()


def claims(width, height, data=b"\0" * 99):
    """A PNG whose header promises a size."""

    def chunk(kind, held):
        return struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def moving_gif():
    return file_of(NOISE, "GIF", save_all=True, append_images=[Image.fromarray(255 - NOISE)])


BAD = {
    "1 pixel": (file_of(NOISE[:1, :1]), "has 1 x 1 pixels; bring one with 32 or more on each side"),
    "31 rows": (file_of(NOISE[:31]), "has 120 x 31 pixels"),
    "1 x 4000": (file_of(np.zeros((4000, 1), np.uint8)), "has 1 x 4000 pixels"),
    "a strip": (file_of(np.zeros((32, 257), np.uint8)), "at most 8 times as long as wide"),
    "100 megapixels": (claims(10_000, 10_000), "more than 20 megapixels; make it smaller"),
    "a little more than 20": (claims(5_000, 4_001), "more than 20 megapixels"),
    "a bomb": (claims(60_000, 60_000, b"\0" * 3_000_000), "more than 20 megapixels"),
    "an empty picture": (claims(0, 0), "is damaged"),
    "half a PNG": (file_of(NOISE)[:9000], "is damaged; save it again"),
    "half a JPEG": (file_of(NOISE, "JPEG")[:1500], "is damaged"),
    "half a WebP": (file_of(NOISE, "WEBP")[:900], "is damaged"),
    "a PNG that promises more": (claims(64, 64), "is damaged"),
    "text": (b"this is called a.png", "is not a PNG, JPEG or WebP picture; save it as one"),
    "nothing": (b"", "is not a PNG, JPEG or WebP picture"),
    "a moving GIF": (moving_gif(), "is not a PNG, JPEG or WebP picture but a GIF; save it as one"),
    "a BMP": (file_of(NOISE, "BMP"), "but a BMP"),
    "a TIFF": (file_of(NOISE, "TIFF"), "but a TIFF"),
    "a telephone's": (b"\0\0\0\x18ftypheic" + bytes(99), "but a HEIC"),
    "an SVG": (b'<svg xmlns="x"></svg>', "but an SVG"),
    "too large": (b"\x89PNG" + bytes(10_000_000), "is larger than 10 MB; make it smaller"),
}


@pytest.mark.parametrize("keep", [keep_picture, keep_mask])
@pytest.mark.parametrize("case", BAD)
def test_a_bad_picture_is_refused_and_nothing_is_stored(case, keep, tmp_path):
    source, says = BAD[case]
    with pytest.raises(Refused) as error:
        keep(source, tmp_path)
    message = str(error.value)
    assert says in message
    assert message.startswith("The picture ")
    assert message.endswith(".")
    assert not list(tmp_path.iterdir())


def test_the_largest_that_is_allowed_is_taken(tmp_path):
    source = file_of(Image.new("L", (5_000, 4_000), 90), compress_level=1)
    assert picture(keep_picture(source, tmp_path), tmp_path).shape == (819, 1024, 3)
    assert picture(keep_picture(file_of(np.zeros((32, 256), np.uint8)), tmp_path), tmp_path).shape == (
        32,
        256,
        3,
    )


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.zeros((64, 64)), "uint8"),
        (np.zeros(64, np.uint8), "uint8"),
        (np.zeros((64, 64, 4), np.uint8), "uint8"),
        (np.zeros((9, 64), np.uint8), "has 64 x 9 pixels; bring one with 32 or more"),
        (np.zeros((300, 32, 3), np.uint8), "has 32 x 300 pixels; crop it"),
    ],
)
def test_bad_pixels_of_a_mask_are_refused(pixels, says, tmp_path):
    with pytest.raises(Refused, match=says):
        keep_mask(pixels, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["", "x", "../china", "photo-0123456789ag", "photo-0123456789ab\n", "drawn-0123456789ab", None, 3]
)
def test_an_unknown_picture_lists_the_choices(name, tmp_path):
    with pytest.raises(Refused, match=r"^There is no picture called .*china.*\.$"):
        picture(name, tmp_path)


@pytest.mark.parametrize("found", [None, "elsewhere"])
def test_a_photograph_whose_package_is_not_whole_is_said(found, monkeypatch, tmp_path):
    spec = found and importlib.machinery.ModuleSpec("skimage", None, is_package=True)
    if spec:
        spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(pictures, "find_spec", lambda package: spec)
    pictures._made.cache_clear()
    with pytest.raises(
        Refused, match=r"^The picture data/coffee\.png is missing; install scikit-learn and sc"
    ):
        picture("coffee")


@pytest.mark.parametrize("name", ["photo-0123456789ab", "painted-0123456789ab"])
def test_a_stored_picture_that_is_missing_or_damaged_is_refused(name, tmp_path):
    with pytest.raises(Refused, match="not on this machine"):
        picture(name, tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{name}.safetensors").write_bytes(os.urandom(50))
    with pytest.raises(Refused, match="are damaged"):
        picture(name, tmp_path)
