"""Pictures for style transfer mean here what they mean elsewhere; the oracle is Pillow's own conversion."""

import io
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from engine.brought.images import flat
from engine.config import Refused
from engine.data import keep_mask, keep_picture, picture, picture_names
from engine.data.pictures import CONTENT, MASK, PICTURES, STYLE
from engine.space import Picture

PAINTINGS = [name for name in STYLE if name not in ("brick", "grass", "gravel")]
RNG = np.random.default_rng(0)
SMOOTH = np.asarray(
    Image.fromarray(RNG.integers(0, 256, (4, 5, 3), np.uint8)).resize((80, 64))
)  # (64, 80, 3)


def file_of(image, kind="PNG", **how):
    held = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(held, kind, **how)
    return held.getvalue()


def stored(source, home):
    return picture(keep_picture(source, home), home)


@cache
def painted(name):
    """A painting, made while every source of chance must have a seed."""
    seeded = np.random.default_rng

    def strict(seed):
        assert isinstance(seed, int)
        return seeded(seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np.random, "default_rng", strict)
        return import_module(f"engine.data.painting.{name}").paint()


@pytest.mark.parametrize("name", PAINTINGS)
def test_a_painting_is_full_of_texture(name):
    picture = painted(name)
    assert picture.shape == (512, 640, 3)
    assert picture.dtype == np.uint8
    grey = picture.mean(2)
    tiles = grey.reshape(4, 128, 4, 160).transpose(0, 2, 1, 3)
    assert (tiles.std((2, 3)) > 4).all()  # a Gram matrix averages over all places: none is empty
    assert grey.std() > 25
    assert np.abs(np.diff(grey, axis=1)).mean() > 2


def apart(x, painting):
    """How far a picture is from a painting in the worst place of 16 x 16 pixels: in luminance, pixel by
    pixel, and in the mean of a channel, because WebP halves the resolution of colours."""
    d = x - painting.astype(float)
    luminance = (d @ [0.299, 0.587, 0.114]).reshape(32, 16, 40, 16)
    means = d.reshape(32, 16, 40, 16, 3).mean((1, 3))
    return np.array([np.sqrt(np.square(luminance).mean((1, 3)).max()), np.abs(means).max()])


@pytest.mark.parametrize("name", PAINTINGS)
def test_the_file_of_a_painting_holds_what_its_module_paints(name):
    """As nearly as a file written anew, by whichever version of WebP."""
    fresh = Image.open(io.BytesIO(file_of(painted(name), "WEBP", quality=92)))
    most = 1.5 * apart(np.asarray(fresh.convert("RGB")), painted(name))
    assert (apart(picture(name), painted(name)) < most).all(), (
        "paint it again: python -m engine.data.painting"
    )


def test_paintings_differ_in_colour_and_in_contrast():
    looks = np.array([np.concatenate([x.mean((0, 1)), x.std((0, 1))]) for x in map(painted, PAINTINGS)])
    apart = np.linalg.norm(looks[:, None] - looks[None], axis=-1)
    assert apart[~np.eye(len(looks), dtype=bool)].min() > 10


def test_every_built_in_picture_is_well_formed_and_ones_own():
    assert [choice.name for role in ("content", "style", "mask") for choice in picture_names(role)] == [
        *PICTURES
    ]
    for role, listed in (("content", CONTENT), ("style", STYLE), ("mask", MASK)):
        for choice in picture_names(role):
            assert (choice.title, choice.says) == listed[choice.name][:2]
            assert (choice.space, choice.needs_network, choice.labelled) == (Picture, False, False)
    assert len(PICTURES) == len(CONTENT) + len(STYLE) + len(MASK)
    assert len(PAINTINGS) >= 10
    for name in [*CONTENT, *MASK, "brick"]:
        x = picture(name)
        assert x.dtype == np.uint8
        assert x.ndim == 3
        assert x.shape[2] == 3
        assert 256 <= max(x.shape) <= 1024
        kept = x.copy()
        x[:] = 0  # nobody else sees it
        assert (picture(name) == kept).all()


def test_a_photograph_is_that_of_its_package():
    path = Path(find_spec("sklearn").origin).parent / "datasets/images/china.jpg"
    assert (picture("china") == np.asarray(Image.open(path))).all()
    assert picture("astronaut").shape == (512, 512, 3)
    assert (np.ptp(picture("gravel"), axis=2) == 0).all()


def test_masks_cover_half_and_mirror_each_other():
    left, right, top, middle = (picture(f"mask-{name}") for name in ("left", "right", "top", "middle"))
    for mask in (left, right, top, middle):
        assert mask.shape == (512, 512, 3)
        assert (np.ptp(mask, axis=2) == 0).all()
        assert mask.min() == 0
        assert mask.max() == 255
        assert np.abs(np.diff(mask[..., 0].astype(int), axis=1)).max() < 10  # soft
    assert (left == right[:, ::-1]).all()
    assert (left == top.transpose(1, 0, 2)).all()
    assert (left.astype(int) + right == 255).all()
    assert left[0, 0, 0] == 255
    assert top[0, 0, 0] == 255
    assert (middle == middle[::-1, ::-1]).all()
    area = np.pi * (0.6**2 + 0.25**2 / 20) / 4  # a disc in a square of side 2: pi times the mean of r squared
    assert abs(middle.mean() / 255 - area) < 1e-4


@pytest.mark.parametrize("keep", [keep_picture, keep_mask])
def test_a_stored_picture_is_ones_own_too(keep, tmp_path):
    name = keep(file_of(SMOOTH), tmp_path)
    x = picture(name, tmp_path)
    kept = x.copy()
    x[:] = 0
    assert (picture(name, tmp_path) == kept).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(orientation, tmp_path):
    """Oracle: the table of the EXIF standard, where row 0 and column 0 lie, written as numpy's moves."""
    seen = {
        1: lambda x: x,
        2: lambda x: x[:, ::-1],
        3: lambda x: x[::-1, ::-1],
        4: lambda x: x[::-1],
        5: lambda x: x.swapaxes(0, 1),
        6: lambda x: x[::-1].swapaxes(0, 1),
        7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
        8: lambda x: x[:, ::-1].swapaxes(0, 1),
    }[orientation](SMOOTH)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert (stored(file_of(SMOOTH, exif=exif), tmp_path) == seen).all()
    kept = stored(file_of(SMOOTH, "JPEG", exif=exif, quality=98, subsampling=0), tmp_path)
    assert kept.shape == seen.shape
    assert np.abs(kept.astype(int) - seen).max() < 12


MEANS = {
    "CMYK": (file_of(Image.fromarray(SMOOTH).convert("CMYK"), "JPEG"), None),
    "grey": (file_of(SMOOTH[..., 0]), np.repeat(SMOOTH[..., :1], 3, 2)),
    "a palette": (file_of(Image.fromarray(SMOOTH).quantize(16)), None),
    "1 bit": (file_of(SMOOTH[..., 0] > 127), np.repeat(np.where(SMOOTH[..., :1] > 127, 255, 0), 3, 2)),
    "16 bits": (file_of(SMOOTH[..., 0].astype(np.uint16) * 256 + 200), np.repeat(SMOOTH[..., :1], 3, 2)),
    "WebP": (file_of(SMOOTH, "WEBP", lossless=True), SMOOTH),
    "progressive": (file_of(SMOOTH, "JPEG", progressive=True), None),
}


@pytest.mark.parametrize("case", MEANS)
def test_colours_keep_their_meaning(case, tmp_path):
    source, truth = MEANS[case]
    if truth is None:
        truth = np.asarray(Image.open(io.BytesIO(source)).convert("RGB"))
    kept = stored(source, tmp_path)
    assert kept.shape == SMOOTH.shape
    assert (kept == truth).all()


def test_what_is_transparent_becomes_white(tmp_path):
    alpha = np.broadcast_to(np.linspace(0, 255, 80).astype(np.uint8)[None, :, None], (64, 80, 1))
    kept = stored(file_of(np.concatenate([SMOOTH, alpha], 2)), tmp_path)
    share = alpha / 255
    assert np.abs(kept - (share * SMOOTH + (1 - share) * 255)).max() < 1.5
    clear = Image.fromarray(SMOOTH).quantize(4)
    kept = stored(file_of(clear, transparency=0), tmp_path)
    assert (kept[np.asarray(clear) == 0] == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_a_moving_picture_the_first_frame_is_taken(kind, tmp_path):
    frames = [Image.fromarray(np.full((40, 50, 3), shade, np.uint8)) for shade in (200, 10, 90)]
    source = file_of(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    assert (stored(source, tmp_path) == 200).all()


def test_a_large_picture_shrinks_and_keeps_its_shape_and_no_metadata(tmp_path):
    large = Image.fromarray(RNG.integers(0, 256, (1200, 3000, 3), np.uint8))
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 29.0)}  # where it was taken
    source = file_of(large, "JPEG", quality=95, exif=exif)
    name = keep_picture(source, tmp_path)
    kept = picture(name, tmp_path)
    assert kept.shape == (410, 1024, 3)
    truth = Image.open(io.BytesIO(source)).resize((1024, 410), Image.Resampling.LANCZOS)
    assert np.abs(kept - np.asarray(truth).astype(int)).mean() < 1
    assert keep_picture(source, tmp_path) == name
    assert len(list((tmp_path / "data").iterdir())) == 1
    assert b"Exif" not in (tmp_path / "data" / f"{name}.safetensors").read_bytes()


def test_a_large_jpeg_is_decoded_small_but_not_smaller_than_is_asked():
    source = file_of(Image.new("RGB", (1600, 1200)), "JPEG")
    for least, size in ((128, (200, 150)), (151, (400, 300)), (1024, (1600, 1200))):
        assert flat("", Image.open(io.BytesIO(source)), least).size == size


def test_a_mask_is_grey_and_the_same_from_a_file_and_from_pixels(tmp_path):
    name = keep_mask(SMOOTH, tmp_path)
    assert name.startswith("painted-")
    assert name == keep_mask(file_of(SMOOTH), tmp_path)
    kept = picture(name, tmp_path)
    assert (kept == np.asarray(ImageOps.grayscale(Image.fromarray(SMOOTH)))[..., None]).all()
    assert picture(keep_mask(np.zeros((2000, 1000), np.uint8), tmp_path), tmp_path).shape == (1024, 512, 3)


def test_a_size_is_judged_before_any_pixel_is_decoded(monkeypatch, tmp_path):
    slim, large = file_of(SMOOTH[:, :9]), file_of(Image.new("L", (5_000, 4_001)), compress_level=1)
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)
    for source, says in ((slim, "9 x 64 pixels"), (large, "20 megapixels")):
        with pytest.raises(Refused, match=says):
            keep_picture(source, tmp_path)
