"""The scope of the models of sounds, in a browser: small models answer, and at last those of the lab."""

from __future__ import annotations

import base64
import dataclasses
import io
import wave
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from engine.autoregressive.influence import touched
from engine.autoregressive.wavenet import WaveNet
from engine.data import Dataset, floats, load
from engine.data.waves import inverse_mu_law
from engine.family import Family
from engine.space import Wave, level, of_level
from lab import probes
from lab.autoregressive.wavenet_probe import PARTS
from tests.browser.filming import start_page
from tests.browser.playing import Player
from tests.browser.visiting import Visitor
from tests.serving import Lab, start_lab, stop_lab

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
T = 300
TIMES, GAIN = 4, 0.9
LISTEN = """
window.contexts = 0; window.heard = [];
const Usual = window.AudioContext;
window.AudioContext = class extends Usual {
  constructor(...given) { super(...given); window.contexts += 1; }
  createBufferSource() {
    const source = super.createBufferSource(), start = source.start.bind(source);
    source.start = () => {
      source.loop = Boolean(window.endless);
      window.heard.push({ rate: source.buffer.sampleRate, samples: [...source.buffer.getChannelData(0)] });
      start();
    };
    return source;
  }
};
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """In place of the lab: the page of a scope."""
    page = start_page(tmp_path_factory.mktemp("scope"), "scope_page.py")
    yield page
    stop_lab(page)


def small(**knobs: Any) -> tuple[WaveNet, Dataset]:
    """A model that has never trained, with weights large enough that its samples hang on one another."""
    torch.manual_seed(0)
    data = load("voices")
    data = dataclasses.replace(data, x=data.x[:, 300 : 300 + T], space=Wave((T,), 10, "voices"))
    knobs = {"channels": 4, "dilations": 4, "levels": "16"} | knobs
    model = WaveNet(WaveNet.configure(data.space, knobs), data.space)
    for weight in model.parameters():
        weight.data *= 2.5
    return model, data


class Played(Player):
    name = "scope"

    def __init__(self, visitor: Callable[..., Visitor], **options: Any) -> None:
        super().__init__(visitor, small(), **options)
        self.models = {"some-run": (self.model, self.data), "long": small(), "short": small(dilations=2),
                       "short-fine": small(dilations=2, levels="64")}  # fmt: skip
        self.me.page.add_init_script(LISTEN)

    def of(self, run: str) -> tuple[Family, Dataset]:
        return self.models[run]

    def open(self, where: str = "", **until: Any) -> Self:
        self.me.open(f"/?{where}")
        if not self.refusal:
            self.is_(**until or {"complete": "true", "n": T})
        return self

    def says(self, name: str) -> str:
        return self.get().get_attribute(f"data-{name}") or ""

    def is_(self, **wanted: Any) -> None:
        """Wait until the scope says this of itself."""
        now = lambda: {name: self.says(name) for name in wanted}  # noqa: E731
        told = {name: str(value) for name, value in wanted.items()}
        self.me.until(lambda: now() == told, f"{told}, and it is {now()}")

    def seen(self) -> None:
        """Wait until the chosen sample has been looked at."""
        self.me.until(lambda: self.says("seen") == self.says("cursor"), "a look")

    def asks(self, name: str, run: str = "some-run") -> list[dict[str, Any]]:
        both = zip(self.runs, self.asked, strict=True)
        return [given for of, (asked, given, _) in both if (of, asked) == (run, name)]

    def levels(self, run: str = "some-run", **asked: Any) -> np.ndarray:
        """What a question makes this model write."""
        told = probes.ask(*self.models[run], "utter", {"label": 0, "seed": 0} | asked)
        return np.concatenate([part["k"] for part in told])

    def heard(self) -> list[dict[str, Any]]:
        return self.me.page.evaluate("window.heard")

    def plays(self, name: str) -> np.ndarray:
        """Press Play; the samples that the loudspeaker got, without those between the sound's own."""
        n = len(self.heard())
        self.get(f"play-{name}").click()
        self.me.until(lambda: len(self.heard()) > n, "a sound")
        last = self.heard()[-1]
        assert last["rate"] == TIMES * 4000
        return np.array(last["samples"])[::TIMES]


def amplitudes(k: np.ndarray, K: int) -> np.ndarray:
    return GAIN * inverse_mu_law(of_level(torch.tensor(k.astype(int)), K)).numpy()


# --- a sound is written, and heard ------------------------------------------------------------------------


def test_a_sound_is_written_and_the_loudspeaker_gets_its_samples(visitor) -> None:
    one = Played(visitor).open()
    assert one.me.page.evaluate("window.contexts") == 0, "before a press there is no audio"
    k = one.levels()
    np.testing.assert_allclose(one.plays("model"), amplitudes(k, 16), atol=1e-5)
    one.is_(playing="")  # it ends by itself
    one.me.page.evaluate("window.endless = true")
    one.plays("model")
    one.is_(playing="model")
    one.get("play-model").click()
    one.is_(playing="")
    assert one.me.page.evaluate("window.contexts") == 1
    model, data = one.models["some-run"]
    coded = base64.b64encode(k.tobytes()).decode()
    bits = probes.ask(model, data, "judge_sound", {"values": coded})["bits"]
    expect(one.get("bits-model")).to_have_text(f"{bits:.2f} bits per sample")
    expect(one.get("took")).to_contain_text("0.07 s of sound took")
    expect(one.get("took")).to_contain_text("Model of round 7.")


def test_while_it_writes_the_newest_sample_is_looked_at_and_nothing_can_be_played(visitor) -> None:
    one = Played(visitor)
    one.most = 20
    n = 20 * (T // PARTS)
    one.open(n=n, cursor=n - 1, complete="false")
    assert one.says("leaves") == str(one.models["some-run"][0].field) == "17"
    assert one.says("first") == str(n - 1 - 17)
    expect(one.get("play-model")).to_be_disabled()
    expect(one.get("save-model")).to_be_hidden()
    expect(one.get("says")).to_contain_text(f"{n} of {T} samples")
    assert not one.asks("hear")
    one.most = None
    one.get("write").click()
    one.is_(n=T, complete="true")
    loudest = np.abs(amplitudes(one.levels(), 16)).argmax()
    one.is_(cursor=loudest)


def test_label_seed_and_temperature_each_make_another_sound(visitor) -> None:
    one = Played(visitor).open()
    sounds = [one.plays("model").tolist()]
    usual = {"label": 0, "seed": 0, "temperature": 1}

    def differs(**changed: Any) -> None:
        one.me.until(lambda: one.asks("utter")[-1] == usual | changed, "a question")
        one.is_(complete="true", n=T)
        sounds.append(one.plays("model").tolist())
        usual.update(changed)

    one.get("label").select_option("4")
    differs(label=4)
    data = one.models["some-run"][1]
    clip = data.x[4].numpy()
    of_data = amplitudes(level(floats(torch.tensor(clip)[None]), 16)[0].numpy(), 16)
    np.testing.assert_allclose(one.plays("data"), of_data, atol=1e-5)
    one.get("seed").fill("3")
    one.get("seed").press("Enter")
    differs(seed=3)
    one.get("temperature").focus()
    one.me.page.keyboard.press("ArrowLeft")
    differs(temperature=0.95)
    one.get("temperature").fill("0.2")
    differs(temperature=0.2)
    assert len({*map(tuple, sounds)}) >= 4
    np.testing.assert_allclose(sounds[-1], amplitudes(one.levels(**usual), 16), atol=1e-5)
    one.get("seed").fill("-5")
    one.get("seed").press("Enter")
    differs(seed=0)


def test_the_data_are_heard_in_as_few_levels_as_one_wants(visitor) -> None:
    one = Played(visitor).open()
    heard = {}
    for place, levels in ((0, 4), (2, 16), (6, 256)):
        one.get("levels").fill(str(place))
        heard[levels] = one.plays("data")
        assert len(np.unique(heard[levels].round(5))) <= levels
    clip = one.models["some-run"][1].x[:1]
    np.testing.assert_allclose(heard[256], amplitudes(clip[0].numpy(), 256), atol=1e-5)
    assert np.abs(heard[4] - heard[256]).mean() > 3 * np.abs(heard[16] - heard[256]).mean() > 0
    bits = one.get("bits-data").inner_text()
    one.is_(playing="")
    n = len(one.heard())
    one.me.page.evaluate("window.endless = true")
    one.plays("data")
    one.get("levels").fill("0")
    one.me.until(lambda: len(one.heard()) == n + 2, "the same once more, in four levels")
    one.me.until(lambda: one.get("bits-data").inner_text() not in ("", bits), "other bits")


def test_a_sound_is_saved_as_a_file_that_others_can_read(visitor) -> None:
    one = Played(visitor).open()
    heard = one.plays("model")
    with one.me.page.expect_download() as download:
        one.get("save-model").click()
    assert download.value.suggested_filename == "model.wav"
    with wave.open(str(download.value.path())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        held = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len(held) == TIMES * T
    np.testing.assert_allclose(held[::TIMES] / 32767, heard, atol=1e-4)


# --- what a sample depends on ----------------------------------------------------------------------------


def test_keys_and_fingers_move_the_tree(visitor) -> None:
    one = Played(visitor, **PHONE).open()
    at = T - 1
    one.get("lens").focus()
    one.me.page.keyboard.press("End")
    for key, by in (("ArrowLeft", -1), ("Shift+ArrowLeft", -10), ("ArrowRight", 1), ("Shift+ArrowRight", 10)):
        one.me.page.keyboard.press(key)
        at += by
        one.is_(cursor=at, first=max(0, at - 17))
    one.me.page.keyboard.press("Home")
    one.is_(cursor=0, leaves=0)
    one.me.page.keyboard.press("End")
    one.is_(cursor=T - 1, leaves=17, first=T - 18)
    wave = one.get("wave-model")
    one.me.centre(wave)
    box = wave.bounding_box()
    assert box
    one.me.page.touchscreen.tap(box["x"] + 0.5 * box["width"], box["y"] + 20)
    one.me.until(lambda: abs(int(one.says("cursor")) - T // 2) < 3, "the middle")
    at = int(one.says("cursor"))
    lens = one.get("lens")
    one.me.centre(lens)
    box = lens.bounding_box()
    assert box
    one.me.page.touchscreen.tap(box["x"] + 0.3 * box["width"], box["y"] + 40)
    one.me.until(lambda: int(one.says("cursor")) < at - 3, "an earlier sample")
    one.seen()
    assert one.says("first") == str(max(0, int(one.says("cursor")) - 17))
    sound = {"values": base64.b64encode(one.levels().tobytes()).decode(), "label": 0}
    assert one.asks("hear")[-1] == sound | {"sample": int(one.says("cursor"))}


def test_space_plays_the_sound_under_the_fingers(visitor) -> None:
    one = Played(visitor).open()
    one.get("wave-data").focus()
    one.me.page.keyboard.press(" ")
    one.me.until(one.heard, "a sound")
    one.me.page.keyboard.press("ArrowRight")
    one.is_(lane="data")


def test_what_was_measured_is_told_beside_what_the_net_can_see(visitor) -> None:
    one = Played(visitor).open()
    one.get("lens").focus()
    one.me.page.keyboard.press("End")
    one.seen()
    assert (one.says("reach"), one.says("ahead")) == ("17", "0")
    expect(one.get("says")).to_contain_text("samples up to 17 before it (4.3 ms). The net can see 17.")
    expect(one.get("leak")).to_be_hidden()
    k = one.levels()
    p = probes.ask(*one.models["some-run"], "hear", one.asks("hear")[-1])["p"]
    expect(one.get("says")).to_contain_text(f"level {k[-1]} of 16")
    expect(one.get("says")).to_contain_text(f"The likeliest is level {p.argmax()}")


def test_a_leak_is_told(visitor) -> None:
    one = Played(visitor)
    one.models["some-run"] = small(padding="same")
    one.open()
    one.seen()
    assert int(one.says("ahead")) > 0
    expect(one.get("leak")).to_contain_text("the future leaks in")


@pytest.mark.parametrize("knobs", [{}, {"padding": "same"}, {"stacks": 2, "dilations": 3}])
@pytest.mark.parametrize("t", [0, 4, 150, T - 1])
def test_the_tree_is_what_a_net_of_this_kind_can_depend_on(modules, knobs, t) -> None:
    model, data = small(**knobs)
    facts = probes.ask(model, data, "scope", {})
    body = "return leavesOf(treeOf(args[0], args[1]));"
    leaves = modules("scope/tree.js", body, {name: facts[name] for name in ("back", "ahead", "D")}, t)
    v = model.seen(torch.randint(16, (1, T), generator=torch.Generator().manual_seed(0)))
    assert leaves == touched(model, v, t, torch.tensor([0])).nonzero()[:, 0].tolist()


# --- other nets, and sounds from outside ------------------------------------------------------------------


def test_recorded_weights_write_with_the_field_and_the_levels_that_are_chosen(visitor) -> None:
    one = Played(visitor).open("others=1")
    expect(one.get("lane-other")).to_contain_text("17")
    assert {*one.runs} == {"some-run"}
    one.get("field").fill("0")
    one.is_(lane="other", complete="true", n=T)
    np.testing.assert_allclose(one.plays("other"), amplitudes(one.levels("short"), 16), atol=1e-5)
    one.seen()
    assert int(one.says("leaves")) <= 5
    one.get("fewer").fill("1")
    one.me.until(lambda: one.asks("utter", "short-fine"), "another net")
    one.is_(lane="other", complete="true", n=T)
    np.testing.assert_allclose(one.plays("other"), amplitudes(one.levels("short-fine"), 64), atol=1e-5)
    one.get("field").fill("1")  # with 64 levels there is none: the levels follow
    one.me.until(lambda: one.asks("utter", "long"), "the long field")
    one.is_(complete="true", n=T)
    assert one.get("fewer").input_value() == "0"
    one.get("seed").fill("3")
    one.get("seed").press("Enter")
    one.me.until(lambda: one.asks("utter", "long")[-1]["seed"] == 3, "both write anew")
    one.is_(lane="model", complete="true")


def test_a_sound_from_outside_is_judged_and_looked_at(visitor) -> None:
    one = Played(visitor).open("brought=1")
    expect(one.get("lane-brought")).to_contain_text("Yours: me.wav")
    expect(one.get("bits-brought")).to_contain_text("bits per sample")
    one.get("wave-brought").click(position={"x": 100, "y": 20})
    one.is_(lane="brought", complete="true")
    one.seen()
    heard = one.plays("brought")
    assert len(heard) == T
    assert np.abs(heard[:200]).max() > 0.05 > 0.01 > np.abs(heard[210:]).max()


# --- links, rounds, refusals -----------------------------------------------------------------------------


def test_another_round_writes_by_the_model_of_then(visitor) -> None:
    one = Played(visitor).open()
    one.seen()
    expect(one.get("bits-data")).to_contain_text("bits")
    n = len(one.asked)
    slider = one.me.page.locator(".st-key-round").get_by_role("slider")
    slider.focus()
    one.me.page.keyboard.press("ArrowRight")
    one.me.until(lambda: ("utter", 1) in [(name, round) for name, _, round in one.asked[n:]], "a sound")
    one.is_(complete="true", n=T)
    one.seen()
    assert {round for name, _, round in one.asked[n:] if name in ("hear", "judge_sound")} == {1}


def test_a_link_that_is_lost_is_found_and_the_sound_is_written(visitor) -> None:
    one = Played(visitor)
    one.most = 5
    one.open(complete="false", n=5 * (T // PARTS))
    one.most = None
    for link in one.links[:]:
        link.close()
    one.is_(complete="true", n=T)
    one.seen()


def test_a_refusal_is_a_sentence_in_place_of_the_scope(visitor) -> None:
    one = Played(visitor)
    one.refusal = "This model has diverged."
    one.open()
    expect(one.get("note")).to_have_text(one.refusal)


# --- numbers ----------------------------------------------------------------------------------------------


def test_levels_and_amplitudes_are_those_of_the_engine(modules) -> None:
    v = floats(torch.arange(256, dtype=torch.uint8)[None])[0]
    for K in (2, 4, 8, 16, 32, 64, 128, 256):
        body = "return args[0].map((v) => levelOf(v, args[1])).map((k) => [k, valueOf(k, args[1])]);"
        told = np.array(modules("scope/sound.js", body, v.tolist(), K))
        assert told[:, 0].astype(int).tolist() == level(v, K).tolist()
        np.testing.assert_allclose(told[:, 1], of_level(level(v, K), K), atol=1e-6)
    told = modules("scope/sound.js", "return args[0].map(amplitudeOf);", v.tolist())
    np.testing.assert_allclose(told, inverse_mu_law(v), atol=1e-6)


def test_between_the_samples_of_a_sine_lies_the_sine(modules) -> None:
    t = np.arange(400 * TIMES) / TIMES
    sine = 0.5 * np.sin(2 * np.pi * 0.11 * t)
    v = np.sign(sine[::TIMES]) * np.log1p(255 * np.abs(sine[::TIMES])) / np.log1p(255)
    told = np.array(modules("scope/sound.js", "return [...finer(args[0], 4)];", v.tolist()))
    np.testing.assert_allclose(told[100:-100], GAIN * sine[100:-100], atol=2e-3)
    loud = np.array(modules("scope/sound.js", "return [...finer(args[0], 4)];", [1.0, 1.0, -1.0, 1.0] * 9))
    assert np.abs(loud).max() <= GAIN + 1e-6


def test_one_sound_is_heard_at_a_time_until_it_is_stopped(modules) -> None:
    body = """
    const told = [];
    const speaker = new Speaker(() => told.push(speaker.name));
    for (const name of ["a", "b"]) speaker.play(name, new Float32Array(400000), 4000);
    const share = speaker.share;
    speaker.stop();
    speaker.stop();
    return [told, share];
    """
    told, share = modules("scope/audio.js", body)
    assert told == ["a", None, "b", None]
    assert 0 <= share < 0.5


def test_silence_is_not_judged(modules) -> None:
    body = """
    const lane = new Lane("x", "model", {});
    lane.hold(Float32Array.from(args[0]));
    return lane.silent(args[1]);
    """
    for K, k, silent in ((16, 8, True), (16, 7, True), (16, 9, False), (256, 128, True), (64, 34, False)):
        v = [float(of_level(torch.tensor(k), K))] * 9
        assert modules("scope/lane.js", body, v, K) is silent


# --- the lab itself ---------------------------------------------------------------------------------------


def wav(x: np.ndarray) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((32767 * x).astype("<i2").tobytes())
    return out.getvalue()


def test_in_its_room_a_recording_speaks_and_a_visitor_is_heard(chromium, tmp_path) -> None:
    lab = start_lab(tmp_path / "home")
    me = Visitor(chromium, lab, reduced_motion="reduce")
    try:
        me.page.add_init_script(LISTEN)
        me.open("/wavenet?tab=Sound")
        scope = me.page.get_by_test_id("scope")
        scope.wait_for()
        me.centre(scope)  # out of sight it asks nothing
        me.until(lambda: scope.get_attribute("data-complete") == "true", "a sound")
        assert scope.get_attribute("data-leaves") == "513"
        me.page.get_by_test_id("scope-play-model").click()
        me.until(lambda: me.page.evaluate("window.heard.length"), "a sound that is heard")
        heard = np.array(me.page.evaluate("window.heard[0].samples"))
        assert len(heard) == TIMES * 2208
        assert np.abs(heard).max() > 0.2
        me.page.get_by_text("Or bring a sound of your own").click()
        file = me.page.locator(".st-key-sound-file input[type=file]")
        for content, why in ((b"", "The file is empty"), (wav(np.zeros(8000)), "This sound is silent")):
            file.set_input_files({"name": "me.wav", "mimeType": "audio/wav", "buffer": content})
            expect(me.page.get_by_text(why)).to_be_visible()
        x = 0.5 * np.sin(np.arange(8000) / 9)
        file.set_input_files({"name": "me.wav", "mimeType": "audio/wav", "buffer": wav(x)})
        me.until(lambda: scope.get_attribute("data-lane") == "brought", "one's own sound")
        expect(me.page.get_by_test_id("scope-bits-brought")).to_contain_text("bits per sample")
        assert me.troubles == []
    finally:
        me.leave()
        stop_lab(lab)
