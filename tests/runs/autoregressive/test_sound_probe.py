"""What a page may ask a model of sounds, and what it answers; and the sounds that visitors bring."""

import base64
import io
import wave

import numpy as np
import pytest
import torch

from engine.autoregressive.influence import influence
from engine.autoregressive.wavenet import WaveNet
from engine.brought import sound as brought
from engine.config import Refused
from engine.data import floats, load
from engine.data.waves import inverse_mu_law
from engine.space import Wave
from lab.decode import decode
from lab.probes import ask

SMALL = {"channels": 4, "dilations": 3, "levels": "16"}
T = 90


def made(T=T, **knobs):
    """A small net that has never trained, with weights large enough that its samples hang on one another."""
    data = load("voices")
    space = Wave((T,), 10, "voices")
    torch.manual_seed(0)
    model = WaveNet(WaveNet.configure(space, SMALL | knobs), space)
    for weight in model.parameters():
        weight.data += 0.3 * torch.randn_like(weight)
    return model, data


def parts(model, data, **asked):
    return list(ask(model, data, "utter", asked))


def levels(told) -> np.ndarray:
    return np.concatenate([part["k"] for part in told])


def coded(k) -> str:
    return base64.b64encode(np.asarray(k, np.uint8).tobytes()).decode()


def some(model, seed=1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, model.K, model.D)


# --- what a model is, and what it writes ------------------------------------------------------------------


@pytest.mark.parametrize("knobs", [{}, {"padding": "same"}, {"stacks": 2}, {"levels": "256"}])
def test_the_scope_knows_sizes_labels_and_how_far_each_layer_looks(knobs):
    model, data = made(**knobs)
    told = ask(model, data, "scope", {})
    assert (told["D"], told["K"], told["rate"]) == (T, model.K, 4000)
    assert told["labels"] == [str(digit) for digit in range(10)]
    steps = [back + ahead for back, ahead in zip(told["back"], told["ahead"], strict=True)]
    assert steps == [1, *[1, 2, 4] * knobs.get("stacks", 1)]
    assert told["field"] == 1 + sum(steps)
    assert any(told["ahead"]) == (knobs.get("padding") == "same")


@pytest.mark.parametrize("knobs", [{}, {"conditional": False}, {"levels": "256"}])
def test_a_sound_comes_in_parts_that_are_what_one_pass_gives(knobs):
    model, data = made(T=130, **knobs)
    told = parts(model, data, label=4, seed=3)
    k = levels(told)
    assert len(told) > 50
    assert [part["done"] for part in told] == np.cumsum([len(part["k"]) for part in told]).tolist()
    assert len(k) == told[-1]["done"] == told[-1]["D"] == 130
    y = torch.tensor([4]) if model.conditional else None
    p = model.logits(model.seen(torch.tensor(k)[None].long()), y)[0].softmax(-1).detach()
    for part in told:
        np.testing.assert_allclose(part["p"], p[part["done"] - 1], rtol=1e-3, atol=1e-5)


def test_seed_label_and_temperature_each_change_a_sound():
    model, data = made()
    usual = {"label": 4, "seed": 3, "temperature": 1.0}
    one = levels(parts(model, data, **usual))
    assert one.tolist() == levels(parts(model, data, **usual)).tolist()
    for other in ({"label": 5}, {"seed": 4}, {"temperature": 0.5}):
        assert one.tolist() != levels(parts(model, data, **usual | other)).tolist(), other
    cold = [levels(parts(model, data, **usual | {"temperature": 0.0, "seed": seed})) for seed in (1, 2)]
    assert cold[0].tolist() == cold[1].tolist(), "nothing is drawn at temperature 0"


@pytest.mark.parametrize(
    "asked", [{"label": 10}, {"label": "a"}, {"seed": -1}, {"temperature": -0.1}, {"temperature": "hot"}]
)
def test_a_sound_that_nobody_can_write_is_refused(asked):
    with pytest.raises(Refused, match=next(iter(asked))):
        parts(*made(), **asked)


def test_a_clip_is_the_datas_own():
    model, data = made()
    for label in (0, 7):
        told = ask(model, data, "clip", {"label": label})["wave"]
        assert told.tolist() == data.x[int((data.y == label).nonzero()[0])].tolist()
    with pytest.raises(Refused, match="label"):
        ask(model, data, "clip", {"label": 10})


# --- what a sample depends on, and how well a sound is predicted -------------------------------------------


@pytest.mark.parametrize("knobs", [{}, {"conditional": False}])
def test_a_sample_depends_on_its_field_and_on_nothing_later(knobs):
    model, data = made(**knobs)
    k = some(model)
    told = ask(model, data, "hear", {"values": coded(k), "sample": 60, "label": 2})
    exact = influence(model, torch.tensor(k), 60, torch.tensor(2) if model.conditional else None)
    np.testing.assert_allclose(told["p"], exact.p, rtol=1e-4)
    assert ((told["heat"] > 0) == (exact.heat.numpy() > 0)).all()
    assert (told["reach"], told["ahead"]) == (model.field, 0)
    assert told["heat"].nonzero()[0].tolist() == list(range(60 - model.field, 60))
    first = ask(model, data, "hear", {"values": coded(k), "sample": 0})
    assert (first["reach"], first["ahead"]) == (0, 0)


def test_a_leak_is_counted():
    model, data = made(padding="same")
    told = ask(model, data, "hear", {"values": coded(some(model)), "sample": 60})
    assert told["ahead"] == (told["heat"][60:] > 0).sum() > 0
    assert 0 < told["reach"] < model.field


def test_what_is_heard_is_the_sound_and_the_label_that_were_sent():
    model, data = made()
    k = some(model)
    asked = {"values": coded(k), "sample": 60, "label": 2}
    p = ask(model, data, "hear", asked)["p"]
    before, after = k.copy(), k.copy()
    before[59] = (k[59] + 1) % model.K
    after[60] = (k[60] + 1) % model.K
    assert np.abs(ask(model, data, "hear", asked | {"values": coded(before)})["p"] - p).max() > 1e-3
    assert np.abs(ask(model, data, "hear", asked | {"values": coded(after)})["p"] - p).max() == 0
    assert np.abs(ask(model, data, "hear", asked | {"label": 3})["p"] - p).max() > 1e-3


def test_the_bits_of_a_sound_are_those_up_to_its_end():
    model, data = made()
    k = some(model)
    k[70:] = model.blank
    k[69] = 0
    told = ask(model, data, "judge_sound", {"values": coded(k), "label": 2})
    p = model.logits(model.seen(torch.tensor(k)[None]), torch.tensor([2]))[0].softmax(-1).detach().numpy()
    exact = -np.log2(p[np.arange(70), k[:70]]).mean()
    assert told["sounds"] == 70
    assert told["bits"] == pytest.approx(exact, rel=1e-4)
    assert told["bits"] != pytest.approx(
        ask(model, data, "judge_sound", {"values": coded(k)})["bits"], rel=1e-4
    )


def test_silence_is_not_judged():
    model, data = made()
    for silent in (model.blank, model.blank - 1):
        with pytest.raises(Refused, match="silent"):
            ask(model, data, "judge_sound", {"values": coded(np.full(T, silent))})


@pytest.mark.parametrize(
    "values", ["", "äöü", "AAAA", 7, None, coded(np.full(T, 16)), coded(np.zeros(T + 1))]
)
@pytest.mark.parametrize("name", ["hear", "judge_sound"])
def test_what_is_no_sound_is_refused(name, values):
    asked = {"values": values} | ({"sample": 3} if name == "hear" else {})
    with pytest.raises(Refused, match="values"):
        ask(*made(), name, asked)


@pytest.mark.parametrize("sample", [-1, T, 1.5, "3"])
def test_a_sample_that_is_not_there_is_refused(sample):
    model, data = made()
    with pytest.raises(Refused, match="sample"):
        ask(model, data, "hear", {"values": coded(some(model)), "sample": sample})


# --- sounds that visitors bring ---------------------------------------------------------------------------


def wav(x: np.ndarray, rate: int = 44_100, width: int = 2) -> bytes:
    """A WAV file of amplitudes (n, channels)."""
    x = x if x.ndim == 2 else x[:, None]
    out = io.BytesIO()
    if width == 1:
        held = np.round(x * 127 + 128).astype(np.uint8).tobytes()
    else:
        whole = np.round(x * (2 ** (8 * width - 1) - 1)).astype("<i4")
        held = whole.view(np.uint8).reshape(*x.shape, 4)[..., :width].tobytes()
    with wave.open(out, "wb") as file:
        file.setnchannels(x.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(held)
    return out.getvalue()


def tone(seconds: float, rate: int, frequency: float = 440.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def heard(told: np.ndarray) -> np.ndarray:
    return inverse_mu_law(floats(torch.tensor(told)[None])).numpy()[0]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (48_000, 2), (4000, 1), (2000, 2)])
def test_a_tone_stays_a_tone_whatever_the_file(width, rate, channels):
    x = 0.5 * tone(0.5, rate)
    told = heard(brought.read_sound(wav(np.stack([x] * channels, 1), rate, width)))
    assert len(told) == pytest.approx(2000, abs=3)
    spectrum = np.abs(np.fft.rfft(told))
    assert spectrum.argmax() / len(told) * 4000 == pytest.approx(440, abs=3)
    assert spectrum.max() ** 2 > 0.9 * (spectrum**2).sum()
    assert np.abs(told).max() == pytest.approx(0.9164, abs=0.02)


def test_what_so_few_samples_cannot_have_is_gone():
    x = 0.4 * tone(0.5, 44_100) + 0.4 * tone(0.5, 44_100, 2900)
    told = heard(brought.read_sound(wav(x)))
    spectrum = np.abs(np.fft.rfft(told))
    at = round(1100 / 4000 * len(told))  # where it would be folded to
    assert spectrum[at - 5 : at + 6].max() < 0.03 * spectrum.max()


def test_channels_are_averaged_and_the_silence_before_is_cut():
    x = np.zeros((44_100, 2))
    x[22_050:, 0] = 0.5 * tone(0.5, 44_100)
    assert len(brought.read_sound(wav(x))) == pytest.approx(2000, abs=10)
    with pytest.raises(Refused, match="silent"):
        brought.read_sound(wav(np.stack([x[:, 0], -x[:, 0]], 1)))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"", "empty"),
        (b"RIFF", "no WAV"),
        (b"ID3 not a wave at all" * 9, "no WAV"),
        (wav(tone(1, 8000))[:40], "no WAV"),
        (wav(np.zeros((0, 1))), "not one sample"),
        (wav(np.zeros(8000)), "silent"),
        (wav(np.full(8000, 0.7)), "silent"),
        (wav(0.001 * tone(1, 8000), 8000), "silent"),
        (wav(np.zeros(8000 * 31), 8000), "31 seconds"),
        (wav(tone(1, 8000), 500), "500 samples a second"),
    ],
)
@pytest.mark.exhaustive
def test_a_file_that_is_no_sound_is_refused_in_words(source, why):
    with pytest.raises(Refused, match=why):
        decode("sound", source, "mine.wav")
