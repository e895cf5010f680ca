"""Handwriting as the places of a pen over time: digits of many hands, and words in two stroke fonts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.config import Refused
from engine.data.builtin import opened
from engine.data.dataset import Dataset
from engine.space import Pen, Script, Text

PENS = {
    "pen-digits": ("Pen digits", "10,992 digits by 44 people, each as 8 places of the pen."),
    "words": ("Words", "English words in joined writing, by thousands of made-up hands."),
    "words-ukrainian": ("Words, Ukrainian", "Ukrainian words in printed letters, which lift the pen often."),
}
"""Title and sentence by name."""
ENGLISH = (
    "able about air also and any apple ask away axe baby back bad bag ball bed best big bird blue boat "
    "book box boy bread busy buy cake call can car cat city clock cold come cup dance dark day deep "
    "desk dog door down dream drive duck each ear early earth east easy egg end every eye face farm "
    "fast find fire fish five fly fog food fox frog game gift girl give glad goat gold good green hand "
    "happy hat help high hill home hope horse house ice idea jam job join joy judge juice jump just "
    "keep key kind king kiss kite lake lamp late leaf left life light line lion long look love luck "
    "make many map milk mind mix month moon more music name near new next nice night nine nose ocean "
    "old one open over owl page park pen piano pink place play pond pony quick quiet quite queen quilt "
    "rain read red rice ride river road rock room rose salt sand sea seven shape ship six sky sleep "
    "snow soft song star stone sun swim table tail taxi tea ten thing time top town tree two use van "
    "very view visit voice walk warm water wave way web week west whale wind wing wish wolf wood word "
    "work world yard year yes yet young zebra zero zone zoo"
)
UNSEEN = "bridge clay dawn exit fuzzy grape hazy jolly lucky maple oxen quiz storm vivid wheat yacht"
UKRAINIAN = (
    "баба база бік біг біль вага верба весна вечір вік вікно вода воля вухо газ гай голос гора гість "
    "ґава ґанок день диво дім дощ дуб дядя жаба життя жук завод зима зірка зуб їжа їзда їжак йод казка "
    "калина кіт книга козак колір кома край лис ліс літо луг мак мама мед миша місто мова море мрія "
    "небо ніс ніч нога обрій око осінь пара перо пісня поле рада риба рік ріка роса рука сад село сіль "
    "сонце сон степ тато тиша тінь трава туман ура учень фарба фея фото хата хвиля хліб цап цвіт церква "
    "цукор час чай човен шапка шлях школа шум щастя щит щука юнак юшка яма яблуко явір є єнот моє своє"
)
UNSEEN_UKRAINIAN = "весло гілка зоря їдкий йти ключ лоша міст пазл фах хмара цех щур юний ґудзик єдина"


class Hand(NamedTuple):
    """How a word becomes writing."""

    font: int  # of the file
    words: list[str]
    unseen: list[str]  # words that are only for testing
    unit: float  # of the font's units, what is 1 here
    bend: float  # in units of the font: how far a line may be from the font's


HANDS = {
    "words": Hand(0, ENGLISH.split(), UNSEEN.split(), 3.0, 0.35),
    "words-ukrainian": Hand(3, UKRAINIAN.split(), UNSEEN_UKRAINIAN.split(), 3.0, 0.5),
}
N, N_TEST, SEED = 4000, 400, 0
BASE = 9.0  # the base line of the fonts, whose y goes downwards
JITTER = 0.06  # units, the standard deviation of what each place is moved by


def pen_digits() -> Dataset:
    """The pen digits, with UCI's split: 7,494 by 30 people, and for testing 3,498 by 14 others."""
    held = opened("pen-digits")
    x, y = torch.from_numpy(held["x"]).float() / 50 - 1, torch.from_numpy(held["y"].astype(np.int64))
    test = torch.from_numpy(held["test"] == 1)
    return Dataset(
        name="pen-digits",
        title=PENS["pen-digits"][0],
        x=x[~test],
        y=y[~test],
        test_x=x[test],
        test_y=y[test],
        space=Pen((8, 2), 10, "pen-digits"),
        labels=tuple(map(str, range(10))),
        note="UCI's pen-based digits, 8 places equally spaced along the path of the pen, stretched to fill a "
        "square; people who wrote test digits wrote no others.",
    )


def pen_words(name: str) -> Dataset:
    """Words of that name, each by a hand of its own: a slant, a size, wide or narrow, and unsteady."""
    hand = HANDS[name]
    rng = np.random.default_rng(SEED)
    glyphs = drawn(hand)
    paths = {word: composed(word, glyphs) for word in [*hand.words, *hand.unseen]}
    T = max(len(path) for path in paths.values())
    letters = "".join(sorted({letter for word in hand.words for letter in word}))
    texts = Text((1 + max(map(len, paths)),), alphabet=letters)
    chosen = [hand.words[i] for i in rng.integers(len(hand.words), size=N + N_TEST)]
    chosen[N::2] = [hand.unseen[i] for i in rng.integers(len(hand.unseen), size=N_TEST // 2)]
    x = by_hands([paths[word] for word in chosen], T, hand.unit, rng)
    y = texts.coded(chosen)
    return Dataset(
        name=name,
        title=PENS[name][0],
        x=x[:N],
        y=y[:N],
        test_x=x[N:],
        test_y=y[N:],
        space=Script((T, 3), texts, name, words=tuple(hand.unseen)),
        note=f"{len(hand.words)} words in a stroke font by A. V. Hershey, each time with another slant, size "
        "and jitter; every other test word is never trained on.",
    )


def drawn(hand: Hand) -> dict[str, tuple[np.ndarray, float]]:
    """The letters of the words: places (m, 3) as x, y upwards from the base line, and 1 where a stroke
    starts; and how far the next letter is to the right."""
    held, glyphs = opened("hershey"), {}
    used = [ord(letter) for letter in {*"".join(hand.words + hand.unseen)}]
    for g in np.flatnonzero((held["font"] == hand.font) & np.isin(held["code"], used)):
        part = slice(*held["offset"][g : g + 2])
        point, starts = held["point"][part].astype(float), np.flatnonzero(held["pen"][part])
        strokes = np.split(np.stack([point[:, 0], BASE - point[:, 1]], 1), starts[1:])
        strokes = [thin(stroke, hand.bend) for stroke in strokes if len(stroke) > 1]
        ups = [np.arange(len(stroke)) == 0 for stroke in strokes]
        places = np.concatenate([np.concatenate(strokes), np.concatenate(ups)[:, None]], 1)
        glyphs[chr(held["code"][g])] = (places, float(held["advance"][g]))
    return glyphs


def thin(stroke: np.ndarray, bend: float) -> np.ndarray:
    """A stroke (m, 2) with fewer places, from which the others are at most `bend` away: where one is further
    from the line between the ends, the furthest stays (Douglas and Peucker, 1973)."""
    along = stroke[-1] - stroke[0]
    way = np.clip((stroke - stroke[0]) @ along / max(along @ along, 1e-12), 0, 1)
    off = np.hypot(*(stroke - stroke[0] - way[:, None] * along).T)
    if len(stroke) < 3 or off.max() <= bend:
        return stroke[[0, -1]]
    i = int(off.argmax())
    return np.concatenate([thin(stroke[: i + 1], bend)[:-1], thin(stroke[i:], bend)])


def composed(word: str, glyphs: dict[str, tuple[np.ndarray, float]]) -> np.ndarray:
    """The places (T, 3) of a word in the font, as x, y, lift; a stroke goes on from letter to letter where
    they meet."""
    places: list[np.ndarray] = []
    x = 0.0
    for letter in word:
        glyph, advance = glyphs[letter]
        for place in glyph + np.array([x, 0, 0]):
            if not (places and place[2] and np.array_equal(place[:2], places[-1][:2])):
                places.append(place)
        x += advance
    path = np.stack(places)
    path[:, 2] = np.append(path[1:, 2], 1)  # a stroke starts after the pen is lifted
    return path


def by_hands(paths: list[np.ndarray], T: int, unit: float, rng: np.random.Generator) -> Tensor:
    """Writing (n, T, 3) in steps: each path by another hand."""
    n, ends = len(paths), np.array([len(path) for path in paths])
    x = np.zeros((n, T, 3))
    for row, path in zip(x, paths, strict=True):
        row[: len(path)] = path
    size, wide = np.exp(rng.normal(0, 0.1, (2, n, 1)))
    slant = rng.normal(0.1, 0.15, (n, 1))
    x[..., 0] = (x[..., 0] * wide + x[..., 1] * slant) * size / unit
    x[..., 1] *= size / unit
    x[..., :2] += rng.normal(0, JITTER, (n, T, 2))
    x[..., :2] = np.diff(x[..., :2], axis=1, prepend=0)
    x[np.arange(T) >= ends[:, None]] = 0
    return torch.from_numpy(x).float()


# --- what a user draws -----------------------------------------------------------------------------------

MOST = 5000  # places of a drawing


def as_digit(strokes: list[list[tuple[float, float]]], T: int = 8) -> Tensor:
    """A drawing as UCI's digits are, (T, 2): T places equally spaced along the path, which goes on from the
    end of a stroke to the start of the next; width and height are stretched to fill [-1, 1]. `strokes` are
    places (x, y), y upwards, in any unit. A drawing without width has x = 0, one without height y = 0. Raises
    `Refused` for drawings without length, with too many places, or with numbers that are not finite."""
    path = spaced(np.concatenate(looked_at(strokes)), T)
    low, high = path.min(0), path.max(0)
    size = high - low
    flat = size <= 1e-6 * size.max()
    return torch.from_numpy(np.where(flat, 0, 2 * (path - low) / np.where(flat, 1, size) - 1)).float()


def as_steps(strokes: list[list[tuple[float, float]]], unit: float, bend: float = 0.12) -> Tensor:
    """A drawing as the steps (t, 3) of a Script, at most `bend` from it; `unit` is what is 1 there, in the
    drawing's. It starts at the left and, by its lowest place, on the base line. Raises `Refused` as
    `as_digit` does."""
    drawn = [stroke / unit for stroke in looked_at(strokes)]
    corner = np.concatenate(drawn).min(0)
    thinned = [thin(stroke - corner, bend) for stroke in drawn]
    lifts = [np.arange(len(stroke)) == len(stroke) - 1 for stroke in thinned]
    steps = np.diff(np.concatenate(thinned), axis=0, prepend=0)
    return torch.from_numpy(np.concatenate([steps, np.concatenate(lifts)[:, None]], 1)).float()


def spaced(path: np.ndarray, T: int) -> np.ndarray:
    """T places (T, 2) equally spaced along a path (m, 2)."""
    far = np.append(0, np.hypot(*np.diff(path, axis=0).T).cumsum())
    at = np.linspace(0, far[-1], T)
    return np.stack([np.interp(at, far, path[:, 0]), np.interp(at, far, path[:, 1])], 1)


def looked_at(strokes: list[list[tuple[float, float]]]) -> list[np.ndarray]:
    """The strokes as arrays (m, 2), those without places left out. Raises `Refused`."""
    try:
        drawn = [np.array([(x, y) for x, y in stroke], float) for stroke in strokes if len(stroke)]
    except (TypeError, ValueError):
        raise Refused("A drawing is a list of strokes, and a stroke a list of points (x, y).") from None
    if sum(map(len, drawn)) > MOST:
        raise Refused(f"This drawing has more than {MOST:,} points; draw a shorter one.")
    if not all(np.isfinite(stroke).all() for stroke in drawn):
        raise Refused("This drawing has points that are no numbers; draw it again.")
    if not drawn or max(np.ptp(np.concatenate(drawn), axis=0)) == 0:
        raise Refused("Draw a stroke with at least two points.")
    return drawn
