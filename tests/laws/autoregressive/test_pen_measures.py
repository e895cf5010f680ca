"""The bars of handwriting by numpy and scipy, what rows say, and what the detector says of rows."""

import math
from itertools import islice

import numpy as np
import pytest
import torch
from scipy import stats

from engine.autoregressive import pen_measures as measures
from engine.autoregressive.handwriting import COORDINATE, Handwriting
from engine.autoregressive.handwriting_synthesis import STEP, HandwritingSynthesis
from engine.autoregressive.pen_bars import UNIFORM, bars, memoryless, noisy, reader
from engine.autoregressive.pen_measures import (
    GAUSSIANS,
    MEMORYLESS,
    ON_LEVELS,
    READ,
    TEST_COORDINATE,
    TEST_STEP,
    VARIETY,
    spread,
)
from engine.autoregressive.pen_symptoms import symptoms
from engine.data import batches, load
from engine.families import find
from engine.fit import fit
from engine.metrics.measure import at_once
from engine.metrics.observe import observe


def made(name, data, rounds=0, **knobs):
    torch.manual_seed(0)
    family = find(name)
    model = family(family.configure(data.space, knobs), data.space)
    for _ in fit(model, islice(batches(data, lambda: model.config.batch, 0), rounds)):
        pass
    return model


# --- bars -------------------------------------------------------------------------------------------------


def test_the_bars_of_pen_digits_are_those_of_scipys_gaussians():
    data = load("pen-digits")
    x, test = (noisy(part, data).flatten(1).numpy() for part in (data.x, data.test_x))
    y, test_y = data.y.numpy(), data.test_y.numpy()

    def log_p(rows):
        return stats.multivariate_normal(rows.mean(0), np.cov(rows.T)).logpdf(test)

    each = np.stack([log_p(x[y == k]) for k in range(10)], 1)
    prior = np.log(np.bincount(y) / len(y))
    both = each + prior
    wanted = [log_p(x), np.logaddexp.reduce(both, 1), each[np.arange(len(test)), test_y]]
    bits = [-v.mean() / 16 / math.log(2) + math.log2(50) for v in wanted]
    assert list(bars(data)) == pytest.approx(bits, abs=1e-9)
    assert bits == pytest.approx([6.177, 5.414, 5.345], abs=2e-3)
    assert pytest.approx(6.658, abs=1e-3) == UNIFORM
    assert np.array_equal(reader(data).read(noisy(data.test_x, data)).numpy(), both.argmax(1))
    assert (both.argmax(1) == test_y).mean() == pytest.approx(0.959, abs=2e-3)


def test_noise_of_the_bars_is_the_same_each_time_and_draws_from_no_other_stream():
    data = load("pen-digits")
    torch.manual_seed(3)
    first = noisy(data.test_x, data)
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))
    assert torch.equal(first, noisy(data.test_x, data))
    off = (first - data.test_x) * 100
    assert 0.99 < off.abs().max() <= 1 + 1e-4


@pytest.mark.parametrize("name", ["words", "words-ukrainian"])
def test_steps_without_memory(name):
    data = load(name)
    x, test = ((part[data.space.inked(part)]).double().numpy() for part in (data.x, data.test_x))
    wanted = stats.multivariate_normal(x[:, :2].mean(0), np.cov(x[:, :2].T)).logpdf(test[:, :2])
    wanted = wanted + stats.bernoulli(x[:, 2].mean()).logpmf(test[:, 2].astype(int))
    assert memoryless(data) == pytest.approx(-wanted.mean(), abs=1e-6)


# --- measures ------------------------------------------------------------------------------------------


@torch.no_grad()
def test_what_rows_say_of_digits(monkeypatch):
    monkeypatch.setattr(measures, "DIGITS", 40)
    data = load("pen-digits")
    model = made("handwriting", data, h=8, M=2)
    row = at_once(measures.measure(model, data))
    x, y = data.some(40, test=True)
    assert row[ON_LEVELS] == pytest.approx(
        model.losses(x, y).sum().item() / 640 / math.log(2) + math.log2(50), 1e-5
    )
    noise = noisy(x, data).float()
    assert row[TEST_COORDINATE] == pytest.approx(
        model.losses(noise, y).sum().item() / 640 / math.log(2) + math.log2(50), 1e-5
    )
    assert row[TEST_COORDINATE] != row[ON_LEVELS]
    assert row[GAUSSIANS] == bars(data).given
    assert 0 <= row[READ] <= 1
    plain = made("handwriting", data, h=8, M=2, conditional=False)
    row = at_once(measures.measure(plain, data))
    assert row[GAUSSIANS] == bars(data).mixture
    assert READ not in row


@torch.no_grad()
def test_real_digits_are_as_varied_as_the_data_and_read_as_their_labels(monkeypatch):
    data = load("pen-digits")
    model = made("handwriting", data, h=8)
    rows = torch.cat([(data.test_y == k).nonzero()[:20, 0] for k in range(10)]).view(10, 20).T.flatten()
    real = data.test_x[rows]

    def walk(n, y=None):
        assert torch.equal(y, data.test_y[rows])
        yield type("Step", (), {"x": real})

    monkeypatch.setattr(model, "walk", walk)
    row = at_once(measures.measure(model, data))
    assert row[VARIETY] == pytest.approx(1, abs=0.05)
    assert row[READ] == pytest.approx(0.96, abs=0.04)
    real = data.test_x[rows.roll(1)]
    assert at_once(measures.measure(model, data))[READ] < 0.1


def test_spread_is_around_the_mean_or_that_of_each_label():
    x = torch.tensor([0.0, 2, 10, 12])[:, None, None]
    assert spread(x, None) == pytest.approx(math.sqrt(26))
    assert spread(x, torch.tensor([0, 0, 1, 1])) == pytest.approx(1)


@torch.no_grad()
def test_what_rows_say_of_words():
    data = load("words")
    model = made("handwriting-synthesis", data, h=8)
    row = at_once(measures.measure(model, data))
    x, y = data.some(100, test=True)
    assert row[TEST_STEP] == pytest.approx(
        (model.losses(x, y).sum() / data.space.inked(x).sum()).item(), rel=1e-5
    )
    assert row[MEMORYLESS] == memoryless(data)
    assert row[VARIETY] > 0.3
    limp = made("handwriting-synthesis", data, h=8, output="squared error")
    assert at_once(measures.measure(limp, data))[VARIETY] == pytest.approx(0, abs=1e-6)


def test_the_variety_of_real_words_is_about_that_of_the_data(monkeypatch):
    """Copies of a word by other hands, in place of what a model writes."""
    data = load("words")
    model = made("handwriting-synthesis", data, h=8)
    x, y = data.some(100, test=True)
    word = (data.test_y == y[0]).all(1).nonzero()[:, 0][:12]
    copies = data.test_x[word]

    def written(n, text):
        assert (text == y[0]).all()
        for t in range(copies.shape[1]):
            yield type("Drawn", (), {"steps": copies[:, : t + 1]})

    monkeypatch.setattr(model, "written", written)
    found = at_once(measures.of_word(model, x, y))[VARIETY]
    assert 0.03 < found < 0.6


@pytest.mark.budget(30)
def test_pen_digits_are_learnt_below_every_gaussian():
    """Some five seconds on one core."""
    data = load("pen-digits")
    row = observe(made("handwriting", data, rounds=300), data)
    assert row[TEST_COORDINATE] < 5.0 < row[GAUSSIANS]
    assert row[READ] > 0.4


# --- symptoms ------------------------------------------------------------------------------------------


def digit_rows(test, levels, variety, bar=5.3):
    return [
        {"round": 64 * (i + 1), COORDINATE: a, TEST_COORDINATE: a, ON_LEVELS: b, VARIETY: v, GAUSSIANS: bar}
        for i, (a, b, v) in enumerate(zip(test, levels, variety, strict=True))
    ]


def says(rows, family=Handwriting):
    return [(one.name, one.since) for one in symptoms(family, rows, None)]


def test_spikes_are_told_since_they_began():
    assert says(digit_rows([5, 5, 5, 5], [5, 5, 4.4, 4.4], [1] * 4)) == [("Spikes", 192)]
    assert says(digit_rows([5, 5, 5, 5], [5, 5, 5, 4.4], [1] * 4)) == [], "once is not enough"
    assert says(digit_rows([5, 5, 5, 5], [4.4, 4.4, 4.4, 5], [1] * 4)) == [], "it is cured"
    assert says(digit_rows([5] * 4, [4.6] * 4, [1] * 4)) == []
    assert says(digit_rows([5] * 3, [4.4] * 3, [1] * 3)) == [("Spikes", 64)]


def test_a_limp_mean_is_told_since_it_began():
    assert says(digit_rows([7] * 4, [7] * 4, [1, 1, 0.05, 0.01])) == [("Limp mean", 192)]
    assert says(digit_rows([7] * 4, [7] * 4, [0.05, 0.05, 0.05, 0.2])) == []
    words = [{"round": 10 * i, STEP: 3.0, TEST_STEP: 3.0, MEMORYLESS: 3.1, VARIETY: 0.0} for i in (1, 2)]
    assert says(words, HandwritingSynthesis) == [("Limp mean", 10)]
    assert symptoms(HandwritingSynthesis, words, None)[0].cure == "a mixture as output"


def test_rows_that_lack_a_measure_are_passed_over():
    rows = digit_rows([5] * 2, [4.4] * 2, [1] * 2)
    assert says([rows[0], {"round": 65, COORDINATE: 5.0}, rows[1]]) == [("Spikes", 64)]
    assert says([]) == []


def test_without_a_fault_it_is_judged_by_its_bar():
    six = [5.0, 4.6, 4.5, 4.5, 4.5, 4.5, 4.5]
    assert [name for name, _ in says(digit_rows(six, six, [1] * 7))] == ["Working"]
    high = [5.5, 5.4, 5.4, 5.4, 5.4, 5.4, 5.4]
    assert [name for name, _ in says(digit_rows(high, high, [1] * 7))] == ["Not there yet"]
    words = [
        {"round": 10 * i, STEP: v, TEST_STEP: v, MEMORYLESS: 3.1, VARIETY: 1.0}
        for i, v in enumerate([2.0, 0.0, -2, -2, -2, -2, -2], 1)
    ]
    assert [name for name, _ in says(words, HandwritingSynthesis)] == ["Working"]
    for row in words:
        row[STEP] = -row["round"]
    words[-3:] = [row | {TEST_STEP: -1.9} for row in words[-3:]]
    assert [name for name, _ in says(words, HandwritingSynthesis)] == ["Overfitting"]
    words[-3:] = [row | {TEST_STEP: -2.1} for row in words[-3:]]
    assert [name for name, _ in says(words, HandwritingSynthesis)] == ["Learning"]
