"""The stage's modules by themselves, in one blank page: no server, no run."""

from __future__ import annotations

import math
from base64 import b64encode
from typing import Any

import numpy as np
import pytest

from lab.runs.wire import pack_answer, pack_frame
from lab.stage.files import FILES, address
from tests.browser.modules import ORIGIN, Modules, undeclared

pytestmark = pytest.mark.browser

MODULES = sorted(path for path in FILES if path.endswith(".js"))
ROLES = {"data", "model", "latent", "gradient", "critic", "truth", *(f"style-{i}" for i in range(1, 6))}
LOOK = """
    const palette = readPalette(document.body);
    const look = { words: args[0], measures: args[1], palette, isOff: () => false };
"""


# --- each on its own ------------------------------------------------------------------------------


def test_every_module_loads_and_leaves_nothing_behind(modules):
    body = """
    const before = new Set(Object.getOwnPropertyNames(window));
    await Promise.all(args[0].map((url) => import(url)));
    return Object.getOwnPropertyNames(window).filter((name) => !before.has(name));
    """
    assert modules("", body, [ORIGIN + address(path) for path in MODULES]) == []


def test_what_a_module_does_not_declare_is_the_browsers_own(modules):
    free_names = {module: sorted(undeclared(module)) for module in MODULES}
    assert "WebSocket" in free_names["live/wire.js"]
    known = set(
        modules(
            "", "return args[0].filter((name) => name in window);", sorted(set().union(*free_names.values()))
        )
    )
    assert not {module: names for module, names in free_names.items() if set(names) - known}


def test_a_name_that_nobody_imported_is_noticed(monkeypatch):
    script = b'const a = `${b("c(")} d(`;\nfunction e(f) {\n  return g(f) * f.h(MOST); // i()\n}\n'
    monkeypatch.setitem(FILES, "core/x.js", script)
    assert undeclared("core/x.js") == {"b", "g", "MOST"}


def test_what_a_page_must_act_on_is_told_until_it_has_heard(modules):
    body = """
    const [told, waits, setTimeout] = [[], [], window.setTimeout];
    let again;
    window.setTimeout = (act, wait) => (waits.push(wait), (again = act), 1);
    const send = (name, value) => told.push([name, value]);
    const telling = new Telling();
    telling.update(send, {});
    telling.tell("forked", "run-1");
    telling.tell("train");
    again();
    telling.update(send, { forked: "run-1", train: 5 });
    again();
    telling.update(send, { train: telling.owed.get("train") });
    again();
    window.setTimeout = setTimeout;
    return [told, waits];
    """
    told, waits = modules("core/telling.js", body)
    assert [name for name, _ in told] == ["forked", "train", "forked", "train", "train"]
    assert len({value for _, value in told}) == 2
    assert 0 < waits[0] < waits[-1]
    assert waits == sorted(waits)


def test_a_component_is_dressed_made_once_and_closed(modules):
    body = """
    const labels = { left: "before", right: "after" };
    const data = { labels, left: "", right: "", height: 100 };
    const component = (parentElement) => ({ parentElement, data });
    const make = await open("photo/split_view.js", "core/base.css", "photo/split.css");
    const roots = [1, 2].map(() => {
      const host = document.body.appendChild(document.createElement("div"));
      return host.attachShadow({ mode: "open" });
    });
    const ends = roots.flatMap((root) => [make(component(root)), make(component(root))]);
    const styles = roots.map((root) => root.adoptedStyleSheets.length);
    const shared = roots[0].adoptedStyleSheets[0] === roots[1].adoptedStyleSheets[0];
    const split = getComputedStyle(roots[1].querySelector(".split")).position;
    const things = roots.map((root) => root.querySelectorAll(".stage").length);
    ends[0]();  // of a call that another one has overtaken
    ends[3]();
    await new Promise((done) => setTimeout(done, 300));
    return { styles, shared, split, things, left: roots.map((root) => root.childElementCount) };
    """
    answer = modules("core/mount.js", body)
    assert answer == {"styles": [2, 2], "shared": True, "split": "absolute", "things": [1, 1], "left": [1, 0]}


def test_what_differs_is_told_by_its_content(modules):
    body = "return [differs({ a: [1], b: 2 }, { a: [1], b: 3 }, 'a'), differs(undefined, { a: 1 }, 'a')];"
    assert modules("core/mount.js", body) == [False, True]


# --- the wire -------------------------------------------------------------------------------------

DECODE = "const frame = decodeFrame(Uint8Array.from(atob(args[0]), (one) => one.charCodeAt(0)).buffer);"


def test_a_frame_comes_back_as_it_was_packed(modules):
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {
        "points/fake": rng.standard_normal((5, 2)).astype(np.float32),
        "wide": rng.standard_normal(3),
        "bytes": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "half": np.array([0, -0.0, 1, -1.5, 65504, 6e-8, -3e-5, np.inf, -np.inf, np.nan], np.float16),
        "empty": np.zeros((0, 2), np.float32),
    }
    told = {"round": 12, "speed": 1.5, "why": "−∞", "measures": {"W": {"label": "W₁", "digits": 2}}}
    body = (
        DECODE + "return { meta: frame.meta, arrays: [...frame.arrays].map(([name, { shape, data }]) =>"
        "[name, shape, data.constructor.name, [...data]]) };"
    )
    frame = modules("live/wire.js", body, b64encode(pack_frame(arrays, told)).decode())
    assert frame["meta"] == told
    kinds = {
        "float16": "Float32Array",
        "float32": "Float32Array",
        "float64": "Float64Array",
        "uint8": "Uint8Array",
    }
    assert {name for name, *_ in frame["arrays"]} == set(arrays)
    for name, shape, kind, data in frame["arrays"]:
        array = arrays[name]
        assert tuple(shape) == array.shape
        assert kind == kinds[str(array.dtype)]
        np.testing.assert_array_equal(np.array(data, float), array.astype(float).ravel())


def test_an_answer_is_a_frame_too(modules):
    body = DECODE + "return [frame.meta, frame.arrays.get('x_t').data[1]];"
    packed = b64encode(pack_answer({"x_t": np.array([1.0, 2.5]), "t": 7, "part": 0}, 3)).decode()
    assert modules("live/wire.js", body, packed) == [{"t": 7, "part": 0, "answer": 3}, 2.5]


def test_the_live_route_lies_beside_the_stages(modules):
    urls = modules("live/wire.js", "return [liveUrl('a run/1'), liveUrl('b', true)];")
    assert urls == ["ws://stage.test/live/a%20run%2F1", "ws://stage.test/live/b?quiet"]


def test_a_hidden_tab_keeps_its_socket_and_wants_no_pictures(modules):
    body = """
    const [sent, waits, native] = [[], [], window.setTimeout];
    let hidden = false, later;
    Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
    window.setTimeout = (act, wait) => (waits.push(wait), (later = act), 1);
    window.WebSocket = class {
      constructor(url) { sent.push(`open ${new URL(url).pathname}`); this.readyState = 0; }
      send(text) { sent.push(text); }
      close() { sent.push("close"); }
    };
    Object.assign(window.WebSocket, { CONNECTING: 0, OPEN: 1 });
    const turn = (now) => { hidden = now; document.dispatchEvent(new Event("visibilitychange")); };
    const link = new Link({});
    link.connect("run-1");
    link.socket.readyState = 1;
    link.socket.onopen();
    turn(true); turn(false);
    sent.push("a moment is nothing");
    turn(true); later();
    sent.push("hidden");
    link.open(); link.socket.readyState = 1; link.socket.onopen();
    turn(false);
    hidden = true;
    const behind = new Link({}, false);
    later(); behind.connect("run-2"); behind.socket.readyState = 1; behind.socket.onopen();
    const quiet = new Link({}, true);
    later(); quiet.connect("run-3"); quiet.socket.readyState = 1; quiet.socket.onopen();
    window.setTimeout = native;
    return [sent, waits];
    """
    sent, waits = modules("live/wire.js", body)
    nothing, pictures = '{"show":"nothing"}', '{"show":"pictures"}'
    assert sent == [
        "open /live/run-1", "a moment is nothing", nothing, "hidden", "open /live/run-1", nothing, pictures,
        "open /live/run-2", nothing, "open /live/run-3",
    ]  # fmt: skip
    assert set(waits) == {10_000}


# --- names, numbers, words ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "says"),
    [(0, "0"), (-3, "−3"), (999, "999"), (0.12345, "0.123"), (-0.5, "−0.500"), (12345.6, "12,346"),
     (-2e6, "−2,000,000"), (0.00012, "1.2·10⁻⁴"),
     (-4e-12, "−4.0·10⁻¹²"), (math.nan, "not a number"), (math.inf, "not a number")],
)  # fmt: skip
def test_a_measured_number_is_short(modules, value, says):
    assert modules("core/numbers.js", "return short(args[0]);", value) == says


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("fixed(-1.006, 2)", "−1.01"),
        ("fixed(-0.0004, 3)", "0.000"),
        ("fixed(NaN, 1)", "NaN"),
        ("count(1234567.4)", "1,234,567"),
        ("rate(9.96) + rate(12.4)", "10.012"),
        ("subscript(120)", "₁₂₀"),
        ("vector([1, -2.345])", "(1.00, −2.35)"),
        ("vector([1, 2, 3, 4])", "(1.00, 2.00, 3.00, 4.00)"),
        ("vector([1, 2, 3, 4, 5])", "(1.00, 2.00, 3.00, …)"),
        ('signed("-E[log(1 - D)] of high-quality, 1e-5")', "−E[log(1 − D)] of high-quality, 1e−5"),
        ("powerOfTen(0.05)", "5.0·10⁻²"),
        ("[clamp(5, 0, 1), clamp(-5, 0, 1), clamp(0.5, 0, 1)].join()", "1,0,0.5"),
    ],
)
def test_numbers_as_they_are_written(modules, call, says):
    assert modules("core/numbers.js", f"return {call};") == says


def test_names_of_arrays_have_a_kind_and_a_rest(modules):
    body = "return ['points/real', 'hist', 'curve/loss/a/b'].map(splitName);"
    assert modules("core/names.js", body) == [["points", "real"], ["hist", ""], ["curve", "loss/a/b"]]
    body = """
    const layers = ["mesh", "mesh/", "mesh/generator", "mes", "mesh/gen"];
    return layers.map((layer) => belongs("mesh/generator", layer));
    """
    assert modules("core/names.js", body) == [True, True, True, False, False]


def test_what_the_labels_name_comes_first_in_their_order(modules):
    body = "return inLabelOrder(['z', 'b', 'a', 'y'], { 'chart/a': 1, c: 2, 'chart/b': 3 }, 'chart/');"
    assert modules("core/names.js", body) == ["a", "b", "z", "y"]


def test_holes_of_a_sentence_are_filled_and_others_stay(modules):
    assert modules("core/words.js", "return fill('{a} of {b}, {c}', { a: 0, b: 'two' });") == "0 of two, {c}"


# --- colours and measures -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "text", "mood"), [("#fff", "#31333f", "light"), ("rgb(14, 17, 23)", "#fafafa", "dark")]
)
def test_a_palette_has_every_role_and_follows_the_page(modules, page, text, mood):
    body = """
    const place = document.body.appendChild(document.createElement("div"));
    place.style.cssText = `--st-background-color: ${args[0]}; --st-text-color: ${args[1]}`;
    return readPalette(place);
    """
    palette = modules("core/palette.js", body, page, text)
    assert palette["mood"] == mood
    assert set(palette["roles"]) == ROLES
    assert len(set(palette["labels"])) == 10
    assert palette["roles"]["truth"] == {"ink": palette["text"], "text": palette["text"]}

    def light(colour: str) -> float:
        parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for role, colours in palette["roles"].items():  # small letters can be read: WCAG's 4.5 to 1
        high, low = sorted([light(colours["text"]), light(palette["background"])], reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, role


@pytest.mark.parametrize(
    ("name", "role"),
    [("points/real", "data"), ("points/fake", "model"), ("field/discriminator", "critic"),
     ("arrows/fake", "gradient"), ("line/best discriminator", "truth"), ("latent/fake", "model"),
     ("points/latent", "latent"), ("links/generator", "latent"), ("circle/prior", "latent")],
)  # fmt: skip
def test_a_layer_has_the_colour_of_its_meaning(modules, name, role):
    assert modules("core/palette.js", "return roleOf(args[0]);", name) == role
    assert modules("core/palette.js", "return roleOf(args[0], 'critic');", name) == "critic"
    assert modules("core/palette.js", "return roleOf(args[0], 'field');", name) == role


def test_colours_are_read_mixed_and_written(modules):
    body = """
    const labels = [1, -1].map((label) => labelColour(args[0], label));
    return [hex(rgb("rebeccapurple")), mix([0, 0, 100], [100, 0, 0], 0.25), ...labels];
    """
    colours = modules("core/palette.js", body, {"labels": ["a", "b"], "roles": {"data": {"ink": "c"}}})
    assert colours == ["#663399", [25, 0, 75], "b", "c"]


MEASURES = {
    "W": {"label": "Distance -W", "role": "model", "digits": 2, "unit": ""},
    "odd": {"role": "no such colour"},
    "plain": {},
}


@pytest.mark.parametrize(
    ("call", "labels", "measures", "says"),
    [
        ('measureRole("W", look)', {}, MEASURES, "model"),
        ('measureRole("W", look) ?? "nobody"', {}, None, "nobody"),
        ('measureRole("odd", look) ?? "nobody"', {}, MEASURES, "nobody"),
        ('measureLabel("term", "W", look)', {}, MEASURES, "Distance −W"),
        ('measureLabel("term", "W", look)', {"term/W": "W-1", "number/W": "other"}, MEASURES, "W-1"),
        ('measureLabel("number", "W", look)', {"number/W": "other"}, MEASURES, "other"),
        ('measureLabel("term", "-log p", look)', {}, MEASURES, "−log p"),
        ('measureLabel("number", "plain", look)', {}, MEASURES, "plain"),
        ('chartTitle("loss of D", false, look)', {}, None, "Loss of D"),
        ('chartTitle("loss", false, look)', {"chart/loss": "Descended"}, MEASURES, "Descended"),
        ('chartTitle("W", false, look)', {}, MEASURES, "W"),
        ('chartTitle("W", true, look)', {}, MEASURES, "Distance -W"),
        ('chartTitle("W", true, look)', {"chart/W": "given"}, MEASURES, "given"),
        ('measureText(1.5, "W", look)', {}, MEASURES, "1.50"),
        ('measureText(-12345.678, "W", look)', {}, MEASURES, "−12,345.68"),
        ('measureText(-0.001, "W", look)', {}, MEASURES, "0.00"),
        ('measureText(NaN, "W", look)', {}, MEASURES, "not a number"),
        ('measureText(0.12345, "plain", look)', {}, MEASURES, "0.123"),
        ('measureText(0.12345, "W", look)', {}, None, "0.123"),
    ],
)  # fmt: skip
def test_a_measure_is_as_the_page_says_else_as_the_frames_declare(modules, call, labels, measures, says):
    body = f"{LOOK} return {call};"
    assert modules("core/measures.js core/palette.js", body, labels, measures) == says


CURVE = [0, 3.0, 8, 1.25]


def charts(modules: Modules, arrays: dict[str, list[float]], labels: Any = None, measures: Any = None) -> Any:
    body = f"""{LOOK}
    const array = ([name, data]) => [name, {{ data: Float32Array.from(data) }}];
    const arrays = new Map(Object.entries(args[2]).map(array));
    return [...readCharts(arrays, look)].map(([name, chart]) => ({{ name, box: chartBox(chart), ...chart }}));
    """
    return modules("charts/read.js charts/plot.js core/palette.js", body, labels or {}, measures, arrays)


def test_charts_take_names_colours_and_decimals_from_measures(modules):
    arrays = {
        "curve/loss/W": CURVE,
        "curve/loss/-log p": CURVE,
        "level/loss/W": [0.5],
        "bars/KL of each": [1, 0],
    }
    measures = MEASURES | {"KL of each": {"label": "KL of each dimension, nats"}, "-log p": {"role": "model"}}
    loss, bars = charts(modules, arrays, {"dimension": "dimension"}, measures)
    assert loss["title"] == "Loss"
    assert [one["label"] for one in loss["terms"]] == ["Distance −W", "−log p"]
    assert [one["text"] for one in loss["terms"]] == ["1.25", "1.25"]
    assert [(one["role"], one["dash"]) for one in loss["terms"]] == [("model", []), ("model", [5, 3])]
    assert loss["levels"][0] == {
        "label": "Distance −W",
        "text": "0.50",
        "value": 0.5,
        "low": 0.5,
        "high": 0.5,
    }
    assert (bars["title"], bars["unit"], bars["sleeps"]) == ("KL of each dimension, nats", "dimension", True)
    alone, *_ = charts(modules, {"curve/modes found/modes": CURVE})
    assert (alone["title"], alone["alone"], alone["terms"][0]["role"]) == ("Modes found", True, "model")


def test_curves_that_nobody_speaks_of_wear_the_colours_in_turn(modules):
    (chart,) = charts(modules, {f"curve/c/{name}": CURVE for name in "abcde"})
    assert [one["role"] for one in chart["terms"]] == ["data", "model", "latent", "gradient", "data"]
    assert chart["terms"][4]["dash"] == [5, 3]


def test_parts_of_a_sum_are_stacked(modules):
    (chart,) = charts(modules, {"stack/loss/a": [0, 1, 1, 2], "stack/loss/b": [0, 10, 1, 20]})
    first, second = chart["terms"]
    assert first["values"] == [0, 1, 1, 2]
    assert second["values"] == [0, 11, 1, 22]
    assert second["text"] == "20"
    assert chart["box"][2] <= 0 < chart["box"][3]


def test_one_early_spike_does_not_flatten_a_curve(modules):
    values = [[i, 1e6 if i == 0 else 1 + i / 1000] for i in range(300)]
    (chart,) = charts(modules, {"curve/c/a": np.ravel(values).tolist()})
    assert chart["box"][3] < 2


def test_numbers_under_the_picture_follow_measures_that_come_later(modules):
    body = """
    const numbers = new Numbers();
    const show = (arrays, look) => {
      const array = ([name, value]) => [name, { data: [value] }];
      numbers.update(new Map(Object.entries(arrays).map(array)), { words: {}, ...look });
      numbers.write();
      const parts = (one) => [...one.children].map((part) => part.textContent);
      return [...numbers.element.children].map((one) => [one.dataset.number, ...parts(one)]);
    };
    const measures = args[0];
    return [
      show({ "number/W": 0.12345 }, {}),
      show({ "number/W": 0.12345, "number/n": 3 }, { measures }),
      show({ "number/n": 3 }, { measures, words: { "number/n": "groups" } }),
    ];
    """
    first, second, third = modules("charts/numbers.js", body, MEASURES)
    assert first == [["W", "W", "0.123"]]
    assert second == [["W", "Distance −W", "0.12"], ["n", "n", "3"]]
    assert third == [["W", "Distance −W", "–"], ["n", "groups", "3"]]


def test_a_stage_keeps_what_it_was_told_of_measures_until_there_is_another_run(modules):
    body = """
    const place = document.body.appendChild(document.createElement("div"));
    place.style.width = "240px"; // then names stand above the chart
    const stage = new Stage(place);
    stage.link.connect = () => {};
    const page = { legend: [], players: [], train: true, labels: {}, height: 400, graph: null, links: [] };
    const array = (...data) => ({ shape: [data.length / 2, 2], data: Float32Array.from(data) });
    const arrays = { "curve/loss of D/W": array(0, 3, 8, 1.25), "curve/loss of D/other": array(0, 1, 8, 2) };
    const full = (meta) => stage.receive({ meta, arrays: new Map(Object.entries(arrays)) });
    const drawn = async () => {
      await new Promise((done) => setTimeout(done, 150));
      const chart = stage.root.querySelector(".chart");
      return [...chart.querySelectorAll("figcaption > button, .keys > span")].map((one) => one.textContent);
    };
    const told = [];
    stage.update({ data: { ...page, run: "one" } });
    full({ round: 8, measures: args[0] });
    stage.receive({ meta: { round: 9 }, arrays: new Map() });
    told.push(await drawn());
    const other = { label: "D", role: "data" };
    stage.receive({ meta: { round: 16, measures: { other } }, arrays: new Map() });
    told.push(await drawn());
    stage.update({ data: { ...page, run: "two" } });
    full({ round: 8 });
    told.push(await drawn());
    stage.close();
    return told;
    """
    first, more, another = modules("stage/stage.js", body, MEASURES)
    assert first == ["Loss of D", "Distance −W1.25", "other2"]
    assert more == ["Loss of D", "Distance −W1.25", "D2"]
    assert another == ["Loss of D", "W1.25", "other2"]


def test_a_stage_shows_what_an_order_will_bring_until_the_server_says_that_it_is_done(modules):
    body = """
    const stage = new Stage(document.body.appendChild(document.createElement("div")));
    stage.link.connect = () => {};
    const sent = [];
    stage.link.send = (order) => sent.push(order);
    const page = { legend: [], players: [], train: true, labels: {}, height: 400, graph: null, links: [] };
    stage.update({ data: { ...page, run: "one" } });
    const known = { run: "one", mine: true, recording: false, keyframes: [] };
    const says = (state, round) => ({ ...known, state, round });
    const told = [];
    const hear = (message) => (stage.hear(message), told.push(stage.root.dataset.state));
    hear({ hello: says("training", 1) });
    stage.play();
    hear({ state: says("training", 2) }); // from before the order
    stage.play(); // and another one
    hear({ state: says("paused", 3) });
    hear({ done: sent[0].id });
    hear({ state: says("training", 3) });
    hear({ done: sent[1].id });
    stage.play();
    hear({ error: "not yours" });
    stage.play();
    hear({ hello: says("training", 4) });
    stage.close();
    return [told, sent.map((order) => order.do)];
    """
    told, orders = modules("stage/stage.js", body)
    assert orders == ["pause", "play", "pause", "pause"]
    assert told == ["training", "paused", *["training"] * 6]


def test_a_run_that_is_rewound_goes_on_from_the_picture_that_was_looked_at(modules):
    body = """
    const stage = new Stage(document.body.appendChild(document.createElement("div")));
    stage.link.connect = () => {};
    stage.link.send = () => {};
    const page = { legend: [], players: [], train: true, labels: {}, height: 400, graph: null, links: [] };
    stage.update({ data: { ...page, run: "one" } });
    const known = { run: "one", state: "paused", mine: true, recording: false };
    const frame = (round, key) => stage.receive({ meta: { round, key }, arrays: new Map() });
    stage.hear({ hello: { ...known, round: 9, keyframes: [5, 9] } });
    frame(5, 5);
    frame(9);
    const shown = [];
    stage.screen.present = (picture) => shown.push(picture.meta.round);
    stage.look(5);
    stage.actions().rewind();
    stage.hear({ state: { ...known, round: 5, keyframes: [5] } });
    frame(5);
    stage.actions().reset();
    stage.close();
    return shown;
    """
    assert modules("stage/stage.js", body) == [5, 5]


# --- axes, boxes, densities -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(-3, 3, ["−2", "0", "2"]), (0, 1, ["0", "0.5", "1.0"]), (0, 0.0009, ["0", "0.0005"]),
     (0, 1e-6, ["0", "5e−7", "1e−6"]), (-1e-6, 0, ["−1e−6", "−5e−7", "0"]),
     (0, 12000, ["0", "5,000", "10,000"]), (1, 1, []), (0, math.inf, []), (2, 1, [])],
)  # fmt: skip
def test_ticks_are_tidy(modules, low, high, says):
    ticks = modules("draw/axes.js", "return ticks(args[0], args[1], 3);", low, high)
    assert [one["text"] for one in ticks] == says
    assert all(low - 1e-9 <= one["value"] <= high + 1e-9 for one in ticks)


def test_a_mapping_goes_there_and_back(modules):
    body = """
    const map = mapping([-1, 3, 0, 2], { x: 10, y: 20, w: 400, h: 100 });
    return [map.x(-1), map.x(3), map.y(0), map.y(2), map.worldX(map.x(0.7)), map.worldY(map.y(1.3))];
    """
    assert modules("draw/box.js", body) == pytest.approx([10, 410, 120, 20, 0.7, 1.3])


def test_a_box_goes_around_its_points_and_a_field_is_read_between_nodes(modules):
    body = """
    const entries = [["points/a", { target: [0, 1, 2, NaN, 4, 3] }]];
    const points = { entries: (kind) => (kind === "points" ? entries : []) };
    const item = { shape: [2, 3], values: [0, 1, 2, 10, 11, 12], eight: false };
    const field = (x, y) => fieldAt(item, [0, 2, 0, 1], x, y);
    return [boxAround(points), boxAround({ entries: () => [] }), field(0.5, 0.5), field(2, 1)];
    """
    around, empty, between, corner = modules("draw/box.js", body)
    assert around == pytest.approx([2 - 2.4, 2 + 2.4, 2 - 2.4, 2 + 2.4])
    assert empty == [-1, 1, -1, 1]
    assert (between, corner) == pytest.approx((5.5, 12))


def test_the_density_of_points_is_their_histogram_under_a_gaussian(modules):
    from scipy.ndimage import gaussian_filter

    points = np.random.default_rng(0).normal(size=(500, 2))
    body = "const found = densityOf(args[0], [-4, 4, -4, 4]); return [found.shape, [...found.values]];"
    (rows, columns), values = modules("draw/density.js", body, points.ravel().tolist())
    density = np.array(values).reshape(rows, columns)
    assert density.max() == pytest.approx(1)
    at = (points + 4) / 8 * (rows - 1)
    low, share = np.floor(at).astype(int), at % 1
    grid = np.zeros((rows, columns))
    for right in (0, 1):
        for up in (0, 1):
            weight = np.where(right, share[:, 0], 1 - share[:, 0]) * np.where(
                up, share[:, 1], 1 - share[:, 1]
            )
            np.add.at(grid, (low[:, 1] + up, low[:, 0] + right), weight)
    smooth = gaussian_filter(grid, 2, truncate=3, mode="constant")
    assert np.abs(density - smooth / smooth.max()).max() < 1e-3


def test_a_contour_is_where_the_density_has_its_level(modules):
    """Of a cone over a square, the contour of one half is a circle of half its radius."""
    body = """
    const n = 81;
    const height = (_, i) => 1 - Math.hypot((i % n) / 40 - 1, Math.floor(i / n) / 40 - 1);
    const values = Array.from({ length: n * n }, height);
    const places = [];
    const ctx = { moveTo: (x, y) => places.push([x, y]), lineTo: (x, y) => places.push([x, y]) };
    traceContour(ctx, { shape: [n, n], values }, 0.5, { box: [-1, 1, -1, 1], x: (x) => x, y: (y) => y });
    return places;
    """
    radii = np.hypot(*np.array(modules("draw/density.js", body)).T)
    assert len(radii) > 100
    assert np.abs(radii - 0.5).max() < 1e-3


# --- what glides ----------------------------------------------------------------------------------


def test_points_glide_and_what_has_another_shape_jumps(modules):
    body = """
    const layers = new Layers();
    const array = (...data) => ({ shape: [data.length / 2, 2], data: Float32Array.from(data) });
    const values = (name) => [...layers.items.get(name).values];
    layers.show(new Map([["points/a", array(0, 0)], ["points/b", array(0, 0)]]), 0, 100);
    layers.show(new Map([["points/a", array(10, 20)], ["points/b", array(1, 1, 2, 2)]]), 1000, 100);
    const found = [];
    for (const now of [1000, 1050, 1100]) {
      found.push([layers.advance(now), values("points/a"), values("points/b")]);
    }
    layers.show(new Map([["points/a", array(10, 20)]]), 1200, 100);
    return [...found, [...layers.items.keys()], layers.entries("points").length];
    """
    start, half, end, kept, entries = modules("draw/layers.js", body)
    assert start == [True, [0, 0], [1, 1, 2, 2]]
    assert half == [True, [5, 10], [1, 1, 2, 2]]
    assert end == [False, [10, 20], [1, 1, 2, 2]]
    assert (kept, entries) == (["points/a"], 1)


def test_a_field_of_bytes_glides_only_at_a_slow_pace(modules):
    body = """
    const layers = new Layers();
    const field = (value) => new Map([["field/d", { shape: [1, 1], data: Uint8Array.of(value) }]]);
    layers.show(field(0), 0, 0);
    layers.show(field(100), 0, args[0]);
    layers.advance(args[0] / 2);
    const { values: [value], eight } = layers.items.get("field/d");
    return [value, eight];
    """
    assert modules("draw/layers.js", body, 200) == [50, True]
    assert modules("draw/layers.js", body, 40) == [100, True]


def test_a_recording_plays_once_and_rests_on_its_last_picture_until_it_is_to_play_again(modules):
    body = """
    const history = new History();
    history.list([0, 10, 20]);
    const missing = history.missing();
    for (const key of [0, 10, 20, 30]) history.add({ meta: { key } });
    const play = (now) => {
      const { frame, duration } = history.play(now);
      return [frame.meta.key, duration, history.over(now)];
    };
    const shown = [0, 100, 3100, 6100, 60000].map(play);
    history.again();
    shown.push(play(70000));
    history.list([0, 10]);
    history.forgetAfter(5);
    return [missing, shown, [...history.frames.keys()]];
    """
    missing, shown, left = modules("live/history.js", body)
    assert missing
    first, *way = [[0, 0, False], [10, 3000, False], [20, 3000, False], [20, 3000, True], [20, 3000, True]]
    assert shown == [first, *way, first]
    assert left == [0]


# --- a film's time --------------------------------------------------------------------------------

FILM = """
const row = (T, ts, more = {}) => {
  const one = new FilmRow({ began() {}, grew() {}, said() {} });
  one.asker.close();
  return Object.assign(one, { T, parts: ts.map((t) => ({ t })) }, more);
};
const time = new FilmTime(() => {});
"""


def test_films_of_other_lengths_share_one_clock(modules):
    body = (
        FILM
        + """
    time.rows = [row(100, [100, 50, 0]), row(100, [100, 75, 50, 25, 0])];
    const span = time.span(), stops = time.stops();
    time.rest(26);
    const says = time.says({ t: "t = {t} of {T}" });
    time.step(1);
    const on = time.now;
    time.step(-1);
    time.step(-1);
    const at = time.rows.map((one) => one.find(40));
    return { span, stops, says, on, back: time.now, at, whole: time.rows[0].find(40, true) };
    """
    )
    answer = modules("film/time.js film/row.js", body)
    assert answer["span"] == {"start": 0, "end": 100}
    assert answer["stops"] == [0, 25, 50, 75, 100]
    assert (answer["says"], answer["on"], answer["back"]) == ("t = 75 of 100", 50, 0)
    assert answer["at"] == [{"i": 0, "share": 0.8}, {"i": 1, "share": 0.6}]
    assert answer["whole"] == {"i": 1, "share": 0}


def test_a_film_that_grows_waits_for_its_frames_and_ends_with_the_last(modules):
    body = (
        FILM
        + """
    const growing = row(10, [10, 8], { question: ["reverse", {}] });
    time.rows = [growing];
    time.began();
    const move = (from, to) => {
      for (let now = from; now <= to; now += 50) time.move(now);
      return [time.now, time.playing];
    };
    const waits = move(0, 4000);
    growing.parts.push({ t: 0 });
    growing.complete = true;
    return [time.span(), waits, move(4000, 9000)];
    """
    )
    span, waits, ends = modules("film/time.js film/row.js", body)
    assert span == {"start": 0, "end": 10}
    assert waits == [2, True]
    assert ends == [10, False]


def test_between_two_frames_lies_what_is_between(modules):
    body = """
    const array = (Kind, ...data) => ({ shape: [data.length], data: Kind.from(data) });
    const way = (name, Kind) => [...partWay(name, array(Kind, 0, 100), array(Kind, 10, 200), 0.25).data];
    const names = ["x_t/points/model", "still/x_t/points/real", "hist/x_t"];
    const screens = splitScreens(new Map(names.map((name) => [name, 0])));
    const bytes = ["field/density", "images/model"].map((name) => way(name, Uint8Array));
    const kept = [screens.x_t, screens.still.x_t].map((one) => [...one.keys()]);
    return [way("points/model", Float32Array), ...bytes, ...kept];
    """
    answer = modules("film/screens.js", body)
    assert answer == [[2.5, 125], [2, 125], [0, 100], ["points/model", "hist"], ["points/real"]]


# --- legends, pads, planes, walls, photographs ----------------------------------------------------


def test_a_legend_is_a_sentence_whose_words_switch(modules):
    body = """
    const told = [];
    const act = { toggle: (...given) => told.push(given), morph: () => {} };
    const segments = [
      "The ", { words: "fakes", layer: "points/fake", role: "model" },
      " and ", { words: "grid", layer: "mesh/g", off: true },
      { words: "3", layer: "codes/test/3", role: "label-3" }, ".",
    ];
    const sentence = legendSentence(segments, args[0], act);
    const words = [...sentence.querySelectorAll("button")];
    const looks = () => words.map((one) => one.getAttribute("aria-pressed"));
    const before = looks();
    for (const one of words) one.click();
    const [classes, titles] = ["className", "title"].map((name) => words.map((one) => one[name]));
    const own = words[2].style.getPropertyValue("--own");
    return { text: sentence.textContent, before, after: looks(), told, classes, own, titles };
    """
    legend = modules("controls/legend.js", body, {"layerSays": "Show {layer}", "morphSays": "Bend {layer}"})
    assert legend["text"] == "The fakes and grid3."
    assert (legend["before"], legend["after"]) == (["true", "false", "true"], ["false", "true", "false"])
    assert legend["told"] == [["points/fake", False], ["mesh/g", True], ["codes/test/3", False]]
    assert legend["classes"] == ["word model", "word ", "word label-3"]
    assert (legend["own"], legend["titles"]) == ("var(--label-3)", ["Show fakes", "Bend grid", "Show 3"])


def test_ink_lies_along_its_line_and_comes_back_from_base64(modules):
    body = """
    const pad = new Pad(() => {});
    const blank = pad.blank;
    const base = new Uint8Array(784);
    base.fill(255, 28 * 10, 28 * 11);
    pad.put(base);
    const full = [...bytesOf(pad.base64())];
    pad.undo();
    return [blank, full, pad.blank];
    """
    blank, full, wiped = modules("pads/pad.js draw/pixels.js", body)
    assert (blank, wiped) == (True, True)
    picture = np.array(full).reshape(28, 28)
    assert (picture[10] == 255).all()
    assert picture.sum() == 28 * 255


def test_places_of_the_latent_plane_have_tiles_and_names(modules):
    body = """
    const item = (...target) => ({ target, shape: [target.length], values: target });
    const size = { "box/plane": item(-2, 2, -1, 1), "atlas/size": item(4, 2, 28, 28) };
    const arrays = { ...size, "axes/plane": item(2, -1, 5) };
    const layers = { items: new Map(Object.entries(arrays)) };
    const places = [[-2, 1], [1.9, 1], [-2, -1], [2, -1], [0.1, 0.1], [9, 9]];
    const cells = places.map((place) => cellAt(layers, place));
    const words = { principal: "direction {number}" };
    return [cells, axisNames(layers, words), placeSays(layers, words, [0.5, -0.001])];
    """
    cells, names, says = modules("plane/latent.js", body)
    assert cells == [0, 3, 4, 7, 2, 3]
    assert names == ["z₃", "direction 1"]
    assert says == "z₃ = 0.50, direction 1 = 0.00"


def test_a_walls_members_stand_in_rows_and_columns(modules):
    body = """
    const axis = (label, ...values) => ({ label, values });
    const wall = { rows: axis("D", 0.1, 0.2), columns: axis("G", 1, 2, 0.00003) };
    const one = { rows: axis("seed", 1, 2, 3, 4, 5) };
    const ctx = new OffscreenCanvas(1, 1).getContext("2d");
    const grid = wallGrid(wall, { x: 0, y: 0, w: 600, h: 400 }, ctx, { palette: { font: "sans-serif" } });
    const middle = (i) => tileAt(grid, grid.x(i) + grid.side / 2, grid.y(i) + grid.side / 2);
    const own = memberValues(wall, 4).map(([{ label }, value]) => [label, value]);
    const places = Array.from({ length: 6 }, (_, i) => middle(i));
    const says = wall.columns.values.map(valueText);
    return [wallShape(wall), wallShape(one), own, places, tileAt(grid, 0, 0), says];
    """
    shape, line, values, places, outside, says = modules("wall/grid.js draw/tiles.js", body)
    assert shape == {"n": 6, "rows": 2, "columns": 3}
    assert line == {"n": 5, "rows": 2, "columns": 3}
    assert values == [["D", 0.2], ["G", 2]]
    assert places == list(range(6))
    assert outside == -1
    assert says == ["1", "2", "3.0·10⁻⁵"]


def test_a_member_of_a_wall_shows_what_its_discriminator_believes_in_two_colours(modules):
    body = """
    const palette = readPalette(document.body);
    const field = { shape: [2, 2, 2], values: [255, 255, 255, 255, 0, 0, 0, 0], eight: true, version: 1 };
    const layers = { items: new Map([["wall/field", field]]) };
    const look = { palette, isOff: () => false, wall: { diverged: [], score: {} }, words: {} };
    const ctx = new OffscreenCanvas(20, 10).getContext("2d");
    for (const i of [0, 1]) paintMember(ctx, i, { x: 10 * i, y: 0, w: 10, h: 10 }, layers, look);
    return [5, 15].map((x) => [...ctx.getImageData(x, 5, 1, 1).data].slice(0, 3));
    """
    real, fake = modules("wall/member.js core/palette.js", body)
    assert real[2] > real[0] + 50
    assert fake[0] > fake[2] + 50


@pytest.mark.parametrize("width", [1100, 700, 320])
def test_photographs_stand_beside_one_another_and_never_overlap(modules, width):
    body = """
    return arrangePhotos(args[1].map((aspect) => ({ aspect })), args[0], 460);
    """
    aspects = [1.5, 1.5, 0.7, 1]
    layout = modules("photo/arrange.js", body, width, aspects)
    areas = [one["area"] for one in layout["placed"]]
    assert [one["w"] / one["h"] for one in areas] == pytest.approx(aspects)
    for i, a in enumerate(areas):
        assert -1e-6 <= a["x"] <= a["x"] + a["w"] <= width + 1e-6
        assert a["y"] + a["h"] <= layout["height"] + 1e-6
        for b in areas[i + 1 :]:
            apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]


def test_a_mesh_cell_that_is_small_is_dense(modules):
    body = """
    const [x, y] = [[0, 1, 10, 0, 1, 10], [0, 0, 0, 1, 1, 1]].map((one) => Float32Array.from(one));
    return [...cellOpacity(x, y, 2, 3), morphShare(0, 0), morphShare(0, 750), morphShare(0, 1e6)];
    """
    small, large, *shares = modules("draw/mesh.js", body)
    assert small > large > 0
    assert shares == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("values", "shape"),
    [([1, 0, 0, 2], "diagonal"), ([1, 0, 3, 2], "lower"), ([1, 3, 0, 2], "upper"), ([1, 2, 3, 4], "full"),
     ([0, 2, 3, 4], "")],
)  # fmt: skip
def test_a_jacobian_says_its_shape_and_its_entries(modules, values, shape):
    body = """
    const one = matrixPicture(args[0], "J", { matrixSays: "{name}: {entries}" });
    return [one.dataset.shape, one.title];
    """
    answer = modules("passage/table.js", body, values)
    assert answer == [shape, "J: " + "; ".join("0" if value == 0 else f"{value:.2f}" for value in values)]


def test_letters_after_a_stroke_are_written_lower(modules):
    body = "const p = make('p', {}, ...withSubscripts('log p_x(x), p_z')); return p.innerHTML;"
    assert modules("core/dom.js", body) == "log p<sub>x</sub>(x), p<sub>z</sub>"
