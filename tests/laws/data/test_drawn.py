"""A drawing is put where MNIST's digits are; the oracle is MNIST itself."""

import io

import numpy as np
import pytest
from PIL import Image

from engine import data as datasets
from engine.brought.drawn import centred, read_digit
from engine.config import Refused

DIGITS = datasets.load("digits").test_x[:200, 0].numpy()
GRID = np.arange(28)


def mass(x: np.ndarray) -> np.ndarray:
    """The centre of mass of each picture, (n, 2): row, column."""
    share = x / x.sum((1, 2), keepdims=True)
    return np.stack([share.sum(2) @ GRID, share.sum(1) @ GRID], 1)


def file_of(picture: np.ndarray, kind: str = "png", **how) -> bytes:
    held = io.BytesIO()
    Image.fromarray(picture).save(held, kind, **how)
    return held.getvalue()


def test_mnists_own_digits_stay_where_they_are():
    """All but a few stay pixel for pixel."""
    same = [(centred(x) == x).mean() for x in DIGITS]
    assert np.median(same) == 1
    assert np.mean(same) > 0.97


@pytest.mark.parametrize("move", [(2, -3), (-3, 2), (4, 4)])
def test_it_does_not_matter_where_on_the_pad_one_draws(move):
    for x in DIGITS[:50]:
        small = np.zeros((40, 40), np.uint8)
        small[6:34, 6:34] = x
        moved = np.roll(small, move, (0, 1))
        assert (centred(moved) == centred(small)).all()


def test_a_drawing_of_any_size_becomes_as_large_as_mnists_and_its_mass_lies_in_the_middle():
    for x in DIGITS[:50]:
        for times in (0.7, 3):
            side = round(28 * times)
            resized = np.asarray(Image.fromarray(x).resize((side, side), Image.Resampling.BILINEAR))
            placed = centred(resized)
            rows, columns = (np.flatnonzero((placed > 51).any(axis)) for axis in (1, 0))
            assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
            assert (np.abs(mass(placed[None]) - 14) <= 0.51).all()


def test_a_dot_stays_a_dot_and_nothing_stays_nothing():
    dot = np.zeros((28, 28), np.uint8)
    dot[3:6, 3:6] = 255
    assert np.ptp(np.flatnonzero((centred(dot) > 51).any(0))) + 1 <= 6
    assert not centred(np.zeros((28, 28), np.uint8)).any()


def test_ink_that_reaches_far_to_one_side_is_not_cut_off():
    heavy = np.zeros((28, 28), np.uint8)
    heavy[4:24, 4:8] = 255
    heavy[13:15, 4:24] = 255
    for way in (heavy, heavy[:, ::-1], heavy.T, heavy.T[::-1]):
        placed = centred(way)
        assert placed.sum(dtype=int) == way.sum(dtype=int)
        wide = [np.flatnonzero(placed.any(axis)) for axis in (1, 0)]
        assert any(at[0] == 0 or at[-1] == 27 for at in wide)  # as near to the middle as it can be


@pytest.mark.parametrize(("kind", "how"), [("png", {}), ("jpeg", {"quality": 95}), ("webp", {"quality": 95})])
def test_dark_ink_on_paper_is_the_digit_in_white_on_black(kind, how):
    for x in DIGITS[:10]:
        large = np.asarray(Image.fromarray(x).resize((224, 224), Image.Resampling.BICUBIC))
        white = read_digit("a.png", file_of(large, kind, **how))
        dark = read_digit("a.png", file_of(255 - large, kind, **how))
        assert white.shape == (28, 28)
        assert np.abs(white.astype(int) - dark).mean() < 3
        assert np.abs(white.astype(int) - x).mean() < 17  # a shift by one pixel makes 14


@pytest.mark.parametrize("side", [8, 12, 100, 900])
def test_a_photograph_of_any_size_shows_a_digit_as_large_as_mnists(side):
    for x in DIGITS[:10]:
        resized = np.asarray(Image.fromarray(x).resize((side, side), Image.Resampling.BILINEAR))
        seen = [np.flatnonzero((read_digit("a.png", file_of(resized)) > 51).any(axis)) for axis in (1, 0)]
        assert 18 <= max(map(np.ptp, seen)) + 1 <= 20


@pytest.mark.parametrize("paper", [0, 60, 127])
def test_a_picture_and_its_negative_are_the_same_digit(paper):
    """However grey the paper is: what is darker than the middle of 0 to 255 is dark."""
    for x in DIGITS[:5]:
        light = np.rint(paper + x.astype(float) * (255 - paper) / 255).astype(np.uint8)
        assert np.array_equal(read_digit("a.png", file_of(light)), read_digit("a.png", file_of(255 - light)))
        assert np.abs(read_digit("a.png", file_of(light)).astype(int) - x).mean() < 17


def test_faint_pencil_on_grey_paper_is_stretched_to_full_contrast():
    x = DIGITS[3]
    placed = read_digit("a.png", file_of((200 - x // 4).astype(np.uint8)))
    assert np.abs(placed.astype(int) - x).mean() < 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a PNG, JPEG or WebP picture"),
        (b"hello" * 100, "not a PNG, JPEG or WebP picture"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "is damaged; save it again"),
        (file_of(DIGITS[0])[:150], "damaged"),
        (file_of(np.full((30, 30), 255, np.uint8)), "one even colour"),
        (file_of(np.zeros((5000, 5000), np.uint8)), "20 megapixels"),
        (b"x" * 10_000_001, "10 MB"),
    ],
)
def test_what_is_no_picture_of_a_digit_is_refused_in_a_sentence(content, says):
    with pytest.raises(Refused) as refusal:
        read_digit("my file.png", content)
    assert says in str(refusal.value)
    assert "my file.png" in str(refusal.value)
    with pytest.raises(Refused, match=rf"^'{'x' * 56}\.png' "):  # of a long name, the end
        read_digit("y" * 99 + "x" * 56 + ".png", content)
