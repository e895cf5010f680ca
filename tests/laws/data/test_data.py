"""Batches are a function of (seed, round, draw); training and test examples are apart."""

import io
import os
import re
import socket
import struct
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

from engine.config import Refused
from engine.data import Dataset, batches, floats, keep_images, keep_points, load, names, network, read_csv
from engine.data.builtin import TARGETS
from engine.data.keep import keep
from engine.space import Line, Pen, Picture, Plane, Script, Text, Wave

torch.set_num_threads(1)
ASSET = Path(__file__).parents[3] / "assets" / "digits.npz"
BUILT_IN = [choice.name for choice in names() if not choice.needs_network]


def same(a, b):
    return torch.equal(a.x, b.x) and (a.y is None or torch.equal(a.y, b.y))


@pytest.mark.parametrize("name", ["ring", "line", "digits"])
def test_a_batch_is_a_function_of_seed_round_and_draw(name):
    data = load(name)
    one = data.batch(64, seed=3, round=5)
    np.random.seed(0)
    torch.manual_seed(0)
    data.batch(64, seed=3, round=6)
    assert same(one, data.batch(64, seed=3, round=5))
    others = [data.batch(64, 4, 5), data.batch(64, 3, 6), data.batch(64, 3, 5, 1), data.batch(64, 5, 3)]
    assert not any(same(one, other) for other in others)
    assert same(one.again(), data.batch(64, 3, 5, 1))
    assert same(one.again().again(), data.batch(64, 3, 5, 2))
    assert one.round == one.again().round == 5


def test_a_stream_resumed_at_round_k_is_the_uninterrupted_one():
    data = load("moons")
    whole = list(islice(batches(data, lambda: 32, seed=1), 12))
    rest = list(islice(batches(data, lambda: 32, seed=1, start=7), 5))
    assert [b.round for b in whole] == list(range(12))
    assert [b.round for b in rest] == list(range(7, 12))
    assert all(same(a, b) for a, b in zip(whole[7:], rest, strict=True))


def test_the_batch_size_may_change_between_rounds():
    sizes = iter([8, 16, 4])
    assert [len(b.x) for b in islice(batches(load("ring"), lambda: next(sizes), 0), 3)] == [8, 16, 4]


def test_examples_are_drawn_uniformly_and_independently():
    ring = load("ring")
    x = torch.arange(50.0)[:, None]
    places = Dataset(name="places", title="Places", x=x, test_x=x, space=ring.space)
    draws = [(seed, r, d) for seed in (0, 1) for r in range(50) for d in (0, 1)]
    drawn = torch.stack([places.batch(100, *draw).x.flatten() for draw in draws]).long()
    assert stats.chisquare(drawn.flatten().bincount(minlength=50)).pvalue > 1e-4
    for shift in range(1, 60):  # a stream is not another one, some steps later
        for other in (drawn[1], drawn[2]):
            assert (drawn[0, shift:] == other[:-shift]).float().mean() < 0.3
    neighbours = 50 * drawn[:-1] + drawn[1:]  # a draw beside the next one
    assert stats.chisquare(neighbours.flatten().bincount(minlength=2500)).pvalue > 1e-4


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_data_set_is_well_formed(name):
    data = load(name)
    assert data is load(name)
    assert data.name == name
    assert data.note
    assert not data.center.any()  # nothing was standardized
    assert (data.unit == 1).all()
    assert data.x.shape[1:] == data.test_x.shape[1:] == data.space.shape
    stored = {Picture: torch.uint8, Wave: torch.uint8, Text: torch.int64}
    assert data.x.dtype == stored.get(type(data.space), torch.float32)
    assert next(choice.space for choice in names() if choice.name == name) is type(data.space)
    batch = data.batch(16, 0, 0)
    assert batch.x.shape == (16, *data.space.shape)
    assert batch.x.dtype == torch.get_default_dtype()
    assert (batch.y is None) == (data.space.given == 0) == (data.test_y is None)
    assert data.space.name == name or isinstance(data.space, Picture)  # for which a family may have a recipe
    assert len(data.labels) in (0, data.space.classes)
    if name in TARGETS:
        assert len(data.x) == 50_000
        assert len(data.test_x) == 10_000
        x0, x1, y0, y1 = data.box
        assert x0 < data.x[:, 0].min()
        assert data.x[:, 0].max() < x1
        assert y0 < y1
        assert isinstance(data.space, Line) or x1 - x0 == y1 - y0


def test_the_choices_say_what_the_data_are():
    choices = names()
    sequences = ["voices", "voices-english", "drums", "villages", "villages-by-region"]
    sequences += ["pen-digits", "words", "words-ukrainian"]
    pictures = ["digits", "digits-14", "digits-7", "pixel-faces", "ellipses"]
    assert [choice.name for choice in choices] == [*TARGETS, *pictures, *network.SETS, *sequences]
    for choice in choices:
        assert choice.needs_network == (choice.name in network.SETS)
        if choice.needs_network:
            wanted = network.SETS[choice.name]
            assert (choice.title, choice.says, choice.space) == (wanted.title, wanted.says, Picture)
            assert choice.labelled
        else:
            data = load(choice.name)
            assert choice.title == data.title
            assert choice.labelled == (data.y is not None)
    for kind in (Line, Plane, Picture, Wave, Text, Pen, Script):
        assert names(kind) == [choice for choice in choices if choice.space is kind]


def test_the_digits_are_9000_and_1000_with_pixels_from_minus_one_to_one():
    data = load("digits")
    assert data.x.shape == (9000, 1, 28, 28)
    assert data.test_x.shape == (1000, 1, 28, 28)
    together = data.y.bincount() + data.test_y.bincount()
    assert together.tolist() == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    x = data.take(torch.arange(9000))
    assert x.min() == -1
    assert x.max() == 1
    assert torch.equal(((x + 1) * 127.5).round().to(torch.uint8), data.x)


def test_labels_stay_with_their_examples():
    data = load("digits")
    batch = data.batch(200, 0, 0)
    kept = {x.numpy().tobytes(): int(y) for x, y in zip(data.x, data.y, strict=True)}
    pixels = ((batch.x + 1) * 127.5).round().to(torch.uint8)
    assert [kept[x.numpy().tobytes()] for x in pixels] == batch.y.tolist()
    with np.load(ASSET) as held:
        assert np.array_equal(data.y[:9], held["y"][:9])
        assert np.array_equal(data.test_y, held["y"][9::10])


def test_the_split_is_fixed_and_disjoint():
    with np.load(ASSET) as held:
        x = held["x"]
    data = load("digits")
    assert np.array_equal(data.test_x[:, 0], x[9::10])
    assert np.array_equal(data.x[:9, 0], x[:9])
    assert np.array_equal(data.x[9, 0], x[10])
    train = {row.numpy().tobytes() for row in data.x}
    assert not any(row.numpy().tobytes() in train for row in data.test_x)
    points = load("ring")
    assert not set(map(tuple, points.x.tolist())) & set(map(tuple, points.test_x.tolist()))


def test_examples_come_in_torch_default_dtype():
    default = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        assert load("digits").batch(2, 0, 0).x.dtype == floats(load("ring").x).dtype == torch.float64
    finally:
        torch.set_default_dtype(default)


def test_data_move_to_a_device_whole():
    moved = load("digits").to("meta")
    assert {t.device.type for t in (moved.x, moved.y, moved.test_x, moved.test_y)} == {"meta"}
    assert moved.unit.device.type == moved.center.device.type == "cpu"  # in float64, which some have not
    assert load("line").to("cpu").y is None


def test_a_table_is_standardised_and_can_be_undone(tmp_path):
    table = np.random.default_rng(0).normal([5, -100], [0.1, 40], (200, 2))
    text = "height;weight\n" + "\n".join(f"{a};{b}" for a, b in table).replace(".", ",")
    read = read_csv(text.encode())
    assert np.array_equal(read, table)
    name = keep_points(read, "csv", tmp_path)
    assert name == keep_points(table, "csv", tmp_path)  # content-addressed
    data = load(name, tmp_path)
    assert data.target is None
    assert len(data.x) == 180
    assert len(data.test_x) == 20
    everything = torch.cat([data.x, data.test_x])
    assert torch.allclose(everything.mean(0), torch.zeros(2), atol=1e-5)
    assert torch.allclose(everything.std(0, correction=0), torch.ones(2), atol=1e-5)
    train = torch.as_tensor(table[np.arange(200) % 10 != 9])
    assert torch.allclose(data.x.double() * data.unit + data.center, train, rtol=1e-6, atol=1e-5)
    assert data.unit.dtype == data.center.dtype == torch.float64
    said = [float(number) for number in re.findall(r"-?[\d.]+", data.note.split("minus")[1].rstrip("."))]
    assert said == pytest.approx([*table.mean(0), *table.std(0)], rel=1e-3)
    assert data.note.startswith("200 rows, standardized")


@pytest.mark.parametrize("mark", [",", ";", "\t", " ", "  "])
def test_a_table_may_be_separated_in_any_usual_way(mark):
    text = "\ufeff" + f'"a"{mark}"b"\r\n' + "".join(f"{i}{mark}{-i / 2}\r\n" for i in range(10)) + "\n"
    expected = np.stack([np.arange(10), -np.arange(10) / 2], -1)
    assert np.array_equal(read_csv(text), expected)
    assert np.array_equal(read_csv(text.encode()), expected)
    assert np.array_equal(read_csv(text.split("\n", 1)[1]), expected)  # without its header


def test_stored_data_are_written_whole_and_once(tmp_path):
    name = keep_points(np.eye(2).repeat(10, 0), "drawn", tmp_path)
    (path,) = (tmp_path / "data").iterdir()  # no temporary file stays
    written = path.stat().st_mtime_ns
    assert path.name == f"{name}.safetensors"
    assert keep_points(np.eye(2).repeat(10, 0), "drawn", tmp_path) == name
    assert path.stat().st_mtime_ns == written
    assert load(name, tmp_path) is load(name, tmp_path)


@pytest.mark.parametrize("stored", [False, True])
def test_of_a_write_that_is_broken_off_nothing_half_stays(stored, tmp_path, monkeypatch):
    """Broken off before the file has its name, or at once afterwards."""
    usual = Path.replace

    def broken(path, to):
        if stored:
            usual(path, to)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(KeyboardInterrupt):
        keep("csv", {"points": np.eye(2)}, tmp_path)
    monkeypatch.undo()
    kept = [path.name for path in (tmp_path / "data").iterdir()]
    assert kept == [keep("csv", {"points": np.eye(2)}, tmp_path) + ".safetensors"] * stored


def test_what_is_stored_has_reached_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    name = keep("csv", {"points": np.eye(2)}, tmp_path)
    assert synced == [(tmp_path / "data" / f"{name}.safetensors").stat().st_size]


def test_home_is_the_environment_s_unless_given(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_HOME", str(tmp_path))
    assert len(load(keep_points(np.eye(2).repeat(10, 0), "drawn"))) == 50_000
    assert (tmp_path / "data").is_dir()


def paint(path, pixels, **how):
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(path, **how)


def test_pictures_become_28_squared_grey_unless_one_has_colour(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for i in range(20):
        paint(folder / f"{i:02}.png", np.full((40, 60, 3), 10 * i))
    (folder / "readme.txt").write_text("not a picture")
    data = load(keep_images(folder, tmp_path), tmp_path)
    assert data.x.shape == (18, 1, 28, 28)
    assert data.test_x.shape == (2, 1, 28, 28)
    assert data.x[:9, 0, 0, 0].tolist() == [10 * i for i in range(9)]
    assert data.test_x[0].unique() == 90
    paint(folder / "red.jpg", np.full((40, 40, 3), (255, 0, 0)))
    data = load(keep_images(folder, tmp_path), tmp_path)
    assert data.x.shape == (19, 3, 32, 32)
    assert data.space.shape == (3, 32, 32)
    assert torch.allclose(data.x[-1].float().mean((1, 2)), torch.tensor([255.0, 0.0, 0.0]), atol=3)


def test_pictures_are_turned_upright_and_cropped_to_the_middle(tmp_path):
    pixels = np.zeros((28, 84), dtype=np.uint8)
    pixels[:14, 28:56] = 255  # the middle square is white above, black below
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter turn clockwise
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for i in range(10):
            content = io.BytesIO()
            Image.fromarray(pixels).save(content, "PNG", exif=exif if i == 0 else Image.Exif())
            archive.writestr(f"folder/{i}.png", content.getvalue())
    x = load(keep_images(packed.getvalue(), tmp_path), tmp_path).x[:, 0].float()
    assert x[0, :, 14:].mean() > 240
    assert x[0, :, :14].mean() < 15
    assert x[1, :14].mean() > 240
    assert x[1, 14:].mean() < 15


@pytest.mark.parametrize(
    ("pixels", "grey"),
    [
        (np.full((28, 28), 40_000, dtype=np.uint16), 156),  # 16 bits: 40,000 / 256
        (np.zeros((28, 28, 4), dtype=np.uint8), 255),  # transparent: on white
        (np.full((28, 28), True), 255),  # 1 bit
    ],
)
def test_unusual_pixels_keep_their_meaning(tmp_path, pixels, grey):
    for i in range(10):
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    assert load(keep_images(tmp_path, tmp_path), tmp_path).x.unique().tolist() == [grey]


def test_a_set_from_the_network_says_so_when_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(network, "online", lambda url: False)
    for name in ("mnist", "fashion", "kmnist", "cifar10"):
        with pytest.raises(Refused, match="needs a network the first time; choose digits"):
            load(name, tmp_path)
    assert not (tmp_path / "data").exists()


def test_asking_for_the_network_ends_soon(monkeypatch):
    assert not network.online("http://127.0.0.1:9/")
    monkeypatch.setattr(network, "PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not network.online(f"http://127.0.0.1:{silent.getsockname()[1]}/")


def test_a_name_that_is_looked_up_without_end_keeps_no_program_from_ending(monkeypatch):
    """Only threads that are daemons are left behind, which Python does not wait for."""
    end, asked = threading.Event(), threading.Event()

    def look_up(*request, timeout):
        asked.set()
        end.wait()
        raise OSError

    monkeypatch.setattr(network.urllib.request, "urlopen", look_up)
    monkeypatch.setattr(network, "PATIENCE", 0.05)
    before = set(threading.enumerate())
    try:
        assert not network.online("http://nowhere.test/")
        assert asked.wait(60)
        (left,) = set(threading.enumerate()) - before
        assert left.daemon
    finally:
        end.set()


@pytest.mark.parametrize("status", [200, 404, 503])
def test_whoever_answers_is_there_even_if_it_refuses(status):
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self):  # no page is fetched
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *words):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert network.online(f"http://127.0.0.1:{server.server_port}/here/")
    assert asked == ["/here/"]


def test_a_set_that_is_there_is_read_as_torchvision_reads_it(tmp_path, monkeypatch):
    """MNIST in its own file format, of 5 pictures for training and 2 for testing."""
    monkeypatch.setattr(network, "online", lambda url: pytest.fail("there is no need to ask"))
    raw = tmp_path / "data" / "torchvision" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    made = {}
    for part, n in (("train", 5), ("t10k", 2)):
        made[part] = np.random.default_rng(n).integers(0, 256, (n, 28, 28), np.uint8), np.arange(n) + 3
        x, y = made[part]
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, n, 28, 28) + x.tobytes())
        labels = struct.pack(">2I", 2049, n) + y.astype(np.uint8).tobytes()
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    data = load("mnist", tmp_path)
    for part, x, y in (("train", data.x, data.y), ("t10k", data.test_x, data.test_y)):
        assert np.array_equal(x[:, 0], made[part][0])
        assert y.tolist() == made[part][1].tolist()
    assert data.title == "MNIST"


@pytest.mark.parametrize("name", network.SETS)
def test_a_set_lies_in_the_folder_that_torchvision_gives_it(name):
    from torchvision import datasets

    wanted = network.SETS[name]
    kind = getattr(datasets, wanted.torchvision)
    assert wanted.folder == getattr(kind, "base_folder", kind.__name__)


@pytest.mark.parametrize("fails", [False, True])
def test_a_download_waits_for_no_pause_without_end(fails, tmp_path, monkeypatch):
    waits = []

    def torchvision(wanted, root, *, train, download):
        waits.append(socket.getdefaulttimeout())
        (root / wanted.folder).mkdir(exist_ok=True)
        if fails:
            raise RuntimeError("broken off")

    monkeypatch.setattr(network, "online", lambda url: True)
    monkeypatch.setattr(network, "_torchvision", torchvision)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(77.0)
    try:
        network._fetch(network.SETS["mnist"], tmp_path)
    except Refused:
        assert fails
    finally:
        after = socket.getdefaulttimeout()
        socket.setdefaulttimeout(before)
    assert after == 77
    assert set(waits) == {2 * network.PATIENCE}
    assert [path.name for path in tmp_path.iterdir()] == ["MNIST"] * (not fails)
