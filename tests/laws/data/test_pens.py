"""Pen digits and words against their files, and what a user draws."""

import math
import re
from itertools import pairwise

import numpy as np
import pytest
import torch

from engine.config import Refused
from engine.data import as_digit, as_steps, load
from engine.data.builtin import ASSETS
from engine.data.pens import HANDS, composed, drawn, spaced, thin
from engine.space import Pen, Script, Text


def held(name):
    with np.load(ASSETS / f"{name}.npz") as file:
        return dict(file)


# --- digits ----------------------------------------------------------------------------------------------


def test_pen_digits_are_split_as_uci_has_split_them():
    file, data = held("pen-digits"), load("pen-digits")
    assert data.space == Pen((8, 2), 10, "pen-digits")
    assert (len(data.x), len(data.test_x)) == (7494, 3498)
    assert data.y.bincount().tolist() == [780, 779, 780, 719, 780, 720, 720, 778, 719, 719]
    assert data.test_y.bincount().tolist() == [363, 364, 364, 336, 364, 335, 336, 364, 336, 336]
    first = [47, 100, 27, 81, 57, 37, 26, 0, 0, 23, 56, 53, 100, 90, 40, 98]
    assert ((data.x[0].flatten() + 1) * 50).round().int().tolist() == first
    assert data.y[0] == 8
    x = torch.cat([data.x, data.test_x])
    torch.testing.assert_close((x + 1) * 50, torch.from_numpy(file["x"].astype(np.float32)))
    assert (x.amin((1, 2)) == -1).all()
    assert (x[..., 1].amax(1) == 1).all()
    assert len({row.numpy().tobytes() for row in x}) == 10_992


# --- words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "unseen"), [("words", 16), ("words-ukrainian", 16)])
def test_words_are_as_their_space_says(name, unseen):
    data = load(name)
    space, hand = data.space, HANDS[name]
    assert isinstance(space, Script)
    assert (len(data.x), len(data.test_x)) == (4000, 400)
    assert space.words == tuple(hand.unseen)
    assert len(hand.unseen) == unseen
    assert not {*hand.words} & {*hand.unseen}
    assert len({*hand.words}) == len(hand.words)
    assert {*"".join(hand.words)} == {*space.alphabet}
    assert {*"".join(hand.unseen)} <= {*space.alphabet}
    assert space.letters == max(map(len, hand.words + hand.unseen))
    train, test = (space.texts.words(y) for y in (data.y, data.test_y))
    assert {*train} == {*hand.words}
    assert {*test[::2]} == {*hand.unseen}
    assert {*test[1::2]} <= {*hand.words}
    inked = space.inked(data.x)
    assert (data.x[~inked] == 0).all()
    assert {*data.x[..., 2].unique().tolist()} == {0.0, 1.0}
    ends = inked.sum(1)
    assert (data.x[torch.arange(4000), ends - 1, 2] == 1).all(), "at the end the pen is lifted"
    assert ends.max() <= data.x.shape[1]
    glyphs = drawn(hand)
    assert ends.tolist() == [len(composed(word, glyphs)) for word in train]
    assert ends.float().mean() < 90
    assert data.x[inked][:, :2].abs().max() < 20


@pytest.mark.parametrize("name", ["words", "words-ukrainian"])
def test_every_hand_is_another_one_around_the_font(name):
    """Least squares find the font in each example: what is left is the jitter."""
    data, hand = load(name), HANDS[name]
    glyphs = drawn(hand)
    found = []
    for i in range(60):
        word = data.space.texts.words(data.y[i : i + 1])[0]
        path = composed(word, glyphs)
        places = data.x[i, : len(path), :2].double().cumsum(0).numpy()
        (a, shear), _, _, _ = np.linalg.lstsq(path[:, :2], places[:, 0], rcond=None)
        size = (path[:, 1] @ places[:, 1]) / (path[:, 1] @ path[:, 1])
        rest = np.stack([places[:, 0] - path[:, :2] @ [a, shear], places[:, 1] - size * path[:, 1]])
        assert 0.02 < rest.std() < 0.1
        found.append((a * hand.unit, shear / size, size * hand.unit))
    wide, slant, size = np.array(found).T
    assert 0.05 < np.log(size).std() < 0.15
    assert 0.05 < np.log(wide / size).std() < 0.15
    assert abs(np.log(size).mean()) < 0.06
    assert 0.1 < slant.std() < 0.2
    assert 0.02 < slant.mean() < 0.18


def test_a_word_is_composed_of_the_letters_of_its_font():
    file, hand = held("hershey"), HANDS["words"]
    path = composed("ad", drawn(hand))
    ups, x = 0, 0.0
    corners = []
    for letter in "ad":
        (g,) = np.flatnonzero((file["font"] == 0) & (file["code"] == ord(letter)))
        part = slice(*file["offset"][g : g + 2])
        places = file["point"][part].astype(float)
        corners += [(px + x, 9 - py) for px, py in places]
        ups += file["pen"][part].sum()
        x += file["advance"][g]
    assert {tuple(place) for place in path[:, :2]} <= {*corners}
    assert path[:, 2].sum() == ups == 3
    assert path[-1, 2] == 1
    assert len(path) < len(corners)
    low, high = np.array(corners).min(0), np.array(corners).max(0)
    assert np.abs(path[:, :2].min(0) - low).max() <= hand.bend
    assert np.abs(path[:, :2].max(0) - high).max() <= hand.bend


def test_letters_that_meet_are_written_in_one_stroke():
    path = composed("ll", drawn(HANDS["words"]))
    assert path[:, 2].sum() == 1
    assert (np.diff(path[:, :2], axis=0) != 0).any(1).all()


@pytest.mark.parametrize("bend", [0.05, 0.3, 2.0])
def test_a_thin_stroke_is_nowhere_further_than_its_bend(bend):
    t = np.linspace(0, 5, 200)
    stroke = np.stack([t * np.cos(t), t * np.sin(t)], 1)
    few = thin(stroke, bend)
    assert len(few) < 100
    assert (few[[0, -1]] == stroke[[0, -1]]).all()
    off = np.full(len(stroke), np.inf)
    for a, b in pairwise(few):
        way = np.clip((stroke - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        off = np.minimum(off, np.hypot(*(stroke - a - way[:, None] * (b - a)).T))
    assert off.max() <= bend
    assert len(thin(stroke, 0)) == 200
    assert len(thin(np.array([[0.0, 0], [1, 0], [2, 0]]), 0.1)) == 2
    ring = np.stack([np.cos(t * 2 * math.pi / 5), np.sin(t * 2 * math.pi / 5)], 1)
    ring[-1] = ring[0]
    assert len(thin(ring, 0.1)) > 5, "a closed one is no point"


# --- spaces ---------------------------------------------------------------------------------------------


SCRIPT = Script((6, 3), Text((4,), alphabet="abc"))


def test_texts_are_coded_with_room_for_their_end():
    assert SCRIPT.letters == 3
    assert SCRIPT.alphabet == "abc"
    assert SCRIPT.coded(["cab", "a"]).tolist() == [[3, 1, 2, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize(
    ("word", "why"),
    [("axe", "'xe'"), ("abca", "at most 3"), ("", "nothing to write"), ("a b", "' '"), ("A", "'A'")],
)
def test_a_text_that_cannot_be_written_is_refused_with_the_reason(word, why):
    with pytest.raises(Refused, match=re.escape(why)):
        SCRIPT.coded([word])


def test_writing_ends_with_the_last_lift():
    x = torch.zeros(3, 6, 3)
    x[0, [1, 3], 2] = 1
    x[1, 5, 2] = 1
    assert SCRIPT.inked(x).tolist() == [[True] * 4 + [False] * 2, [True] * 6, [False] * 6]


# --- what a user draws -------------------------------------------------------------------------------------

SQUARE = [(0.0, 0.0), (3.0, 0.0), (3.0, 3.0)]


def test_a_drawing_becomes_eight_places_along_its_path_that_fill_the_square():
    x = as_digit([SQUARE], 5)
    assert x.tolist() == [[-1, -1], [0, -1], [1, -1], [1, 0], [1, 1]]
    assert as_digit([SQUARE]).shape == (8, 2)
    drawing = [[(10 + 7 * math.cos(t / 9), 4 + 2 * math.sin(t / 5)) for t in range(60)]]
    x = as_digit(drawing)
    assert (x.amin(0) == -1).all()
    assert (x.amax(0) == 1).all()


def test_where_and_how_large_one_draws_does_not_matter():
    drawing = [[(math.cos(t / 9), math.sin(t / 5)) for t in range(40)], [(0.5, 0.1), (0.9, 2.0)]]
    moved = [[(300 + 70 * x, 70 * y - 20) for x, y in stroke] for stroke in drawing]
    torch.testing.assert_close(as_digit(drawing), as_digit(moved))
    halfway = [tuple((np.array(a) + b) / 2) for a, b in pairwise(drawing[0])]
    finer = [place for pair in zip(drawing[0], halfway, strict=False) for place in pair] + drawing[0][-1:]
    torch.testing.assert_close(as_digit(drawing), as_digit([finer, drawing[1]]))


def test_the_path_goes_on_between_strokes_and_its_places_are_equally_spaced():
    whole = as_digit([SQUARE[:2], SQUARE[1:]])
    torch.testing.assert_close(whole, as_digit([SQUARE]))
    torch.testing.assert_close(as_digit([SQUARE[:1], SQUARE[1:]]), as_digit([SQUARE]))
    t = np.linspace(0, 6, 2000)
    path = np.stack([t * np.cos(t), t * np.sin(t)], 1)
    gaps = np.hypot(*np.diff(spaced(path, 41), axis=0).T)
    assert gaps.max() / gaps.min() < 1.06  # chords of bends are shorter


def test_digits_of_the_data_stay_almost_as_they_are():
    """Their places are equally spaced already, along a path that is a little rounder."""
    x = load("pen-digits").test_x[:50]
    again = torch.stack([as_digit([row.tolist()]) for row in x])
    assert (again - x).abs().mean() < 0.15


@pytest.mark.parametrize(("stroke", "flat"), [([(2, 0), (2, 5)], 0), ([(0, 3), (4, 3)], 1)])
def test_a_line_lies_in_the_middle(stroke, flat):
    x = as_digit([stroke])
    assert (x[:, flat] == 0).all()
    torch.testing.assert_close(x[:, 1 - flat], torch.linspace(-1, 1, 8))


def test_a_drawing_becomes_steps_from_the_base_line():
    steps = as_steps([[(10, 20), (13, 20), (16, 20)], [(13, 20), (13, 26)]], unit=3.0)
    assert steps.tolist() == [[0, 0, 0], [2, 0, 1], [-1, 0, 0], [0, 2, 1]]
    low = as_steps([[(0, 6), (3, 0)]], unit=3.0)
    assert low.tolist() == [[0, 2, 0], [1, -2, 1]]


@pytest.mark.parametrize(
    ("drawing", "why"),
    [
        ([], "at least two points"),
        ([[]], "at least two points"),
        ([[(1, 2)]], "at least two points"),
        ([[(1, 2), (1, 2)], [(1, 2)]], "at least two points"),
        ([[(1, 2), (math.nan, 3)]], "no numbers"),
        ([[(1, 2), (math.inf, 3)]], "no numbers"),
        ([[(0.0, float(t)) for t in range(5001)]], "more than 5,000"),
        ([[(1, 2), "ab"]], "list of strokes"),
        ([[1, 2, 3]], "list of strokes"),
        (7, "list of strokes"),
    ],
)
def test_a_drawing_that_is_none_is_refused(drawing, why):
    for read in (as_digit, lambda strokes: as_steps(strokes, 1.0)):
        with pytest.raises(Refused, match=why):
            read(drawing)
