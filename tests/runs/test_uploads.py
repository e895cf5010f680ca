"""Uploads: read in a process of their own within bounds, and forgotten afterwards."""

import io
import subprocess
import sys
import threading
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from engine import data
from engine.brought import __main__ as reader
from engine.config import Refused
from lab import decode as decoding
from lab import server
from lab.decode import decode
from lab.kit import upload
from lab.runs import limits, store


def png(side: int = 40, colour: int = 200) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), (colour, 10, 90)).save(file, "png")
    return file.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


TABLE = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(20))
ALBUM = zipped({f"{n}.png": png(colour=n * 9) for n in range(12)})


def test_what_a_process_of_its_own_reads_is_what_is_in_the_file(tmp_path):
    assert np.array_equal(decode("table", TABLE), data.read_csv(TABLE))
    name = data.keep("images", {"x": decode("images", ALBUM)}, tmp_path)
    assert name == data.keep_images(ALBUM, tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [("no.png", "'no.png' is"), ("", "'The file' is"), ("ß\x00\ud800ä\n.png", "'ßä.png' is"),
     ("-c", "'-c' is"), ("x" * 9999, f"'{'x' * 60}' is")],
)  # fmt: skip
def test_a_refusal_names_the_file_whatever_it_is_called(name, said):
    with pytest.raises(Refused, match=f"{said} not a PNG, JPEG or WebP picture"):
        decode("digit", b"hello", name)


def test_it_reads_without_torch():
    told = "import sys, engine.brought.__main__; print('torch' in sys.modules, 'streamlit' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    ("kind", "content", "says"),
    [
        ("images", b"%PDF-1.7" + ALBUM[:40], "not a zip file"),
        ("photo", b"<svg onload=alert(1)>" + png(), "not a PNG"),
        ("table", b"\x89PNG\r\n\x1a\n" + TABLE, "not text"),
    ],
    ids=["images", "photo", "table"],
)  # fmt: skip
def test_what_is_no_such_file_is_refused_in_the_words_of_its_reader(kind, content, says):
    with pytest.raises(Refused, match=says):
        decode(kind, content)


@pytest.fixture
def child(monkeypatch):
    """In place of the reader: a process that does what the test says, within its bounds."""

    def does(code: str) -> None:
        told = f"from engine.brought import __main__ as reader; reader.bound(); {code}"
        run = subprocess.run
        monkeypatch.setattr(
            decoding.subprocess, "run", lambda command, **how: run([sys.executable, "-c", told], **how)
        )

    return does


@pytest.mark.parametrize(
    "code",
    [
        "bytearray(10**10)",
        "import sys; sys.stdout.buffer.write(bytes(2 * 10**8))",
        "import os; os.abort()",
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1)); [0 for _ in iter(int, 1)]",
    ],
)
def test_one_that_swells_breaks_or_burns_is_refused(child, code):
    child(code)
    with pytest.raises(Refused, match="too much time or memory"):
        decode("table", b"")


def test_its_bounds_are_set(child, monkeypatch):
    names = "CPU", "AS", "FSIZE", "CORE"
    child(f"import resource as r; print([r.getrlimit(getattr(r, 'RLIMIT_' + n))[0] for n in {names}]); 1 / 0")
    heard = []
    real = decoding.subprocess.run
    decoding.subprocess.run = lambda command, **how: (
        heard.append(real(command, **how | {"stdout": -1})) or heard[0]
    )
    with pytest.raises(Refused):
        decode("table", b"")
    want = [reader.CPU_SECONDS, reader.MEMORY, reader.OUTPUT, 0]
    assert heard[0].stdout.decode().strip() == str(want)


def test_one_that_hangs_is_ended_and_others_are_read_meanwhile(child, monkeypatch):
    monkeypatch.setattr(decoding, "SECONDS", 0.5)
    child("import time; time.sleep(600)")
    with pytest.raises(Refused, match="takes too long"):
        decode("images", b"")


def test_only_so_many_are_read_at_once(monkeypatch):
    monkeypatch.setattr(decoding, "WAITING", 0.01)
    monkeypatch.setattr(decoding, "READERS", threading.BoundedSemaphore(1))
    monkeypatch.setattr(decoding, "_decode", lambda kind, content, name: 1 / 0)
    for _ in range(3):  # each gives its place back, whatever becomes of it
        with pytest.raises(ZeroDivisionError):
            decode("table", b"")
    decoding.READERS.acquire()
    with pytest.raises(Refused, match="Many files are being read"):
        decode("table", b"")


# --- what Streamlit keeps --------------------------------------------------------------------------


def record(n: int, size: int = 10) -> UploadedFileRec:
    return UploadedFileRec(f"file{n}", "a.csv", "text/csv", bytes(size))


@pytest.fixture
def page(monkeypatch):
    """A page whose uploads Streamlit keeps."""
    manager = MemoryUploadedFileManager("/upload")
    context = SimpleNamespace(uploaded_file_mgr=manager, session_id="page")
    monkeypatch.setattr(upload, "get_script_run_ctx", lambda: context)
    return manager


def uploaded(manager: MemoryUploadedFileManager, n: int):
    manager.add_file("page", record(n))
    return SimpleNamespace(file_id=f"file{n}", name="my.file", getvalue=lambda: b"content")


@pytest.mark.parametrize("refused", [False, True])
def test_thirty_uploads_leave_nothing_in_memory(page, monkeypatch, refused):
    def read(kind, content, name):
        assert (kind, content, name) == ("photo", b"content", "my.file")
        assert page._file_count == 1  # until it is read, since a rerun might begin anew
        if refused:
            raise Refused("No.")
        return np.zeros((40, 40, 3), np.uint8)

    monkeypatch.setattr(upload, "decode", read)
    for n in range(30):
        try:
            upload.keep_upload("photo", uploaded(page, n))
        except Refused:
            assert refused
    assert (page._file_count, page._total_bytes) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "read", "array"),
    [
        ("csv", "table", np.arange(40.0).reshape(20, 2) ** 2),
        ("images", "images", np.zeros((12, 1, 28, 28), np.uint8)),
        ("photo", "photo", np.zeros((40, 40, 3), np.uint8)),
        ("painted", "photo", np.zeros((40, 40, 3), np.uint8)),
    ],
)
def test_what_is_uploaded_is_kept_under_a_name_of_its_kind(page, monkeypatch, kind, read, array):
    monkeypatch.setattr(upload, "decode", lambda asked, content, name: array if asked == read else 1 / 0)
    name = upload.keep_upload(kind, uploaded(page, 1))
    assert name.startswith(f"{kind}-")
    assert (store.home() / "data" / f"{name}.safetensors").exists()


def test_files_that_nobody_reads_are_few_for_a_page_and_for_all(monkeypatch):
    manager = MemoryUploadedFileManager("/upload")
    for n in range(10):
        server._add_few(manager, "page", record(n))
    assert list(manager.file_storage["page"]) == [f"file{n}" for n in range(10 - limits.FILES_OF_A_PAGE, 10)]
    monkeypatch.setattr(limits, "FILES_OF_ALL", 100)
    for n in range(20):
        server._add_few(manager, f"page {n}", record(n))
    assert manager._total_bytes == 100
    assert set(manager.file_storage) == {f"page {n}" for n in range(10, 20)}
