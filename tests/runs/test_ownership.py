"""Who trains a run: one process at a time. All others look, and take it up when it is free."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.config import Refused
from lab.runs import store
from lab.runs.supervisor import Supervisor
from tests.runs.test_run import SETTING

pytestmark = pytest.mark.exhaustive

SECONDS = 240  # on a busy machine


class Ear:
    """Hears what is told of a run, as a browser's socket does."""

    def __init__(self, supervisor: Supervisor, run_id: str) -> None:
        self.heard: list[tuple] = []
        self.news = threading.Condition()
        self.supervisor, self.run_id = supervisor, run_id
        supervisor.listen(run_id, self)

    def __call__(self, kind, what) -> None:
        with self.news:
            self.heard.append((kind, what))
            self.news.notify_all()

    def until(self, true) -> None:
        """Wait for something that is heard from now on; what was heard before is forgotten."""
        with self.news:
            assert self.news.wait_for(lambda: any(true(*one) for one in self.heard), SECONDS), self.heard[-3:]
            self.heard.clear()

    def state(self, **wanted) -> None:
        self.until(lambda kind, what: kind == "state" and wanted.items() <= what.items())

    def why(self, words: str) -> None:
        self.until(lambda kind, what: kind == "state" and words in what.get("why", ""))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("shared") / "runs"


@pytest.fixture(scope="module")
def labs(home):
    """Two labs in one folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENLAB_HOME", str(home))
        patch.setenv("GENLAB_DEVICE", "cpu")
        labs = Supervisor(), Supervisor()
        yield labs
        for lab in labs:
            lab.close()


@pytest.fixture(autouse=True)
def there(home, monkeypatch):
    monkeypatch.setenv("GENLAB_HOME", str(home))


def rounds(run_id: str) -> list[int]:
    path = store.home() / run_id / "metrics.jsonl"
    whole = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line)["round"] for line in whole]


def complete(run_id: str) -> int:
    """The rows are distinct, in order and all there; their number."""
    told = rounds(run_id)
    assert told[:250] == list(range(1, len(told[:250]) + 1))
    assert told == sorted(set(told))
    return len(told)


def until(true) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_of_two_labs_in_one_folder_one_trains_and_the_other_looks_and_they_take_turns(labs):
    one, other = labs
    run_id = one.create("me", **SETTING)
    here = Ear(one, run_id)
    here.state(state="training")
    there = Ear(other, run_id)
    there.why("It is trained by a lab (process ")
    until(lambda: len(rounds(run_id)) > 40)
    for order in ({"do": "play"}, {"do": "pause"}, {"do": "step", "player": None}, {"do": "reset"}):
        with pytest.raises(Refused, match=f"Run {run_id} is trained by a lab .* stop it there"):
            other.do(run_id, "me", order, wait=True)
    with pytest.raises(Refused, match="is trained by"):
        other.delete(run_id, "me")
    there.until(lambda kind, what: kind == "keyframe")
    assert other.probe(run_id, "spectrum")["round"] >= 0  # what is stored can be asked
    one.do(run_id, "me", {"do": "pause"}, wait=True)
    there.state(state="paused")
    assert store.look(store.folder(run_id)).state == "paused"
    before = complete(run_id)
    here.heard.clear()
    other.do(run_id, "me", {"do": "play"}, wait=True)
    here.why("It is trained by a lab (process ")
    until(lambda: len(rounds(run_id)) > before + 20)
    with pytest.raises(Refused, match="is trained by"):
        one.do(run_id, "me", {"do": "play"}, wait=True)
    other.do(run_id, "me", {"do": "pause"}, wait=True)
    here.state(state="paused")
    there.heard.clear()
    one.do(run_id, "me", {"do": "step", "player": None}, wait=True)
    one.do(run_id, "me", {"do": "play"}, wait=True)
    after = complete(run_id)
    until(lambda: len(rounds(run_id)) > after)
    one.do(run_id, "me", {"do": "pause"}, wait=True)
    assert complete(run_id) > after > before
    for ear in (here, there):
        ear.supervisor.leave(run_id, ear)


def command(home: Path, rounds: int) -> subprocess.Popen:
    knobs = ["--width_G", "16", "--width_D", "16", "--batch", "16", "--seed", "5"]
    words = ["train", "gan", "--data", "ring", "--rounds", str(rounds), "--json", *knobs]
    return subprocess.Popen(
        [sys.executable, "-m", "lab.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"GENLAB_HOME": str(home)},
    )  # fmt: skip


def test_a_run_of_the_command_line_is_watched_live_and_killed_it_rests_and_says_so(labs, home):
    one, _ = labs
    known = {info.id for info in store.every()}
    with command(home, 10_000_000) as process:
        until(lambda: {info.id for info in store.every() if info.state == "training"} - known)
        (run_id,) = {info.id for info in store.every()} - known
        ear = Ear(one, run_id)
        ear.why(f"It is trained by `genlab train` (process {process.pid})")
        ear.until(lambda kind, what: kind == "state" and what["round"] > 64)
        with pytest.raises(Refused, match="not yours"):
            one.do(run_id, "me", {"do": "play"})
        fork = one.fork(run_id, "me")
        process.send_signal(signal.SIGKILL)
    ear.state(state="paused")
    info = store.read_info(store.folder(run_id))
    assert info.why == "Its command was cut off. Fork it to go on."
    complete(run_id)
    one.leave(run_id, ear)
    assert 0 < store.read_info(store.folder(fork)).threads < 2
    one.do(fork, "me", {"do": "play"}, wait=True)
    until(lambda: len(rounds(fork)) > 80)
    one.do(fork, "me", {"do": "pause"}, wait=True)
    complete(fork)
