"""Workers are forked by a process that has loaded what they need."""

import fcntl
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import torch

from lab.runs import nursery, store
from lab.runs.pipe import WorkerProcess
from tests.runs.test_run import SETTING

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(not nursery.usable(), reason="no Linux, or no handles"),
]
MB = 1e6


@pytest.fixture
def born():
    """Makes workers and waits until they are ready."""
    workers = []

    def hear(worker, message):
        if message == ("ready",):
            worker.up.set()
        if message[0] == "done":
            worker.done(*message[1:])

    def born(**how):
        worker = WorkerProcess(hear, **how)
        workers.append(worker)
        assert worker.up.wait(240)
        return worker

    yield born
    for worker in workers:
        worker.close()


def asked(worker, *message):
    return worker.ask(*message).result(240)


def test_forks_share_what_is_loaded(born):
    one, other = born(), born()
    assert psutil.Process(one.process.pid).parent() == psutil.Process(other.process.pid).parent()
    held = [psutil.Process(worker.process.pid).memory_full_info() for worker in (one, other)]
    assert max(each.uss for each in held) < 60 * MB < 250 * MB < min(each.rss for each in held)


def test_each_has_the_home_the_folder_and_the_threads_of_its_start_and_a_session_of_its_own(
    born, tmp_path, monkeypatch
):
    for number, name in enumerate(("here", "there"), 1):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        monkeypatch.setenv("GENLAB_HOME", "./runs")
        run_id = store.create(SETTING).name
        worker = born(threads=number, nice=number)
        asked(worker, "open", run_id)  # which is only there
        process = psutil.Process(worker.process.pid)
        assert process.cwd() == str(tmp_path / name)
        assert os.getsid(process.pid) == process.pid, "Ctrl-C is for the server"
        assert process.nice() == number


def test_one_that_is_killed_is_dead_and_one_that_is_told_to_ends(born):
    worker = born()
    worker.closing.set()  # it is not started again
    process = worker.process
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.05)
    process.kill()
    process.wait(60)
    process.kill()
    assert not psutil.pid_exists(process.pid) or psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
    told = born()
    told.close()
    told.process.wait(0)
    assert not psutil.pid_exists(told.process.pid)


def test_a_process_is_waited_for_whatever_number_its_handle_has(born):
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(few, 2001), most))
    worker = born()
    worker.closing.set()  # it is not started again
    process = worker.process
    low, process._handle = process._handle, fcntl.fcntl(process._handle, fcntl.F_DUPFD_CLOEXEC, 2000)
    os.close(low)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.05)
    process.kill()
    process.wait(60)


def test_two_that_start_at_once_have_one_nursery(monkeypatch):
    monkeypatch.setattr(nursery, "_now", [])
    made = []

    class Slow:
        def __init__(self):
            made.append(self)
            time.sleep(0.05)

        def start(self, environment):
            return self

        def close(self):
            pass

    monkeypatch.setattr(nursery, "Nursery", Slow)
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(nursery.start, [{}] * 4))) == len(made) == 1


def test_a_nursery_that_died_is_followed_by_another():
    process = nursery.start(dict(os.environ))
    assert pickle.load(process.stdout) == ("ready",)
    nursery._now[0].process.kill()
    nursery._now[0].process.wait()
    with pytest.raises(BrokenPipeError):
        nursery.start(dict(os.environ))
    again = nursery.start(dict(os.environ))
    assert pickle.load(again.stdout) == ("ready",)
    for each in (process, again):  # the first has outlived it
        each.stdin.close()
        each.wait(60)
        each.stdout.close()


def test_it_ends_with_its_parent_and_so_do_the_workers():
    code = "import os; from lab.runs import nursery as n; w = n.start(dict(os.environ)); w.stdout.peek(1); "
    code += "print(n._now[0].process.pid, w.pid, flush=True); os.kill(os.getpid(), 9)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert told.returncode == -signal.SIGKILL, told.stderr
    alive = [psutil.Process(int(pid)) for pid in told.stdout.split() if psutil.pid_exists(int(pid))]
    _, alive = psutil.wait_procs(alive, 60)
    assert not alive


def test_what_is_forked_has_never_asked_for_a_gpu():
    code = """if True:
        import torch
        def asked(*_, **__):
            raise SystemExit("It asked for the GPU.")
        for name in ("is_available", "device_count", "current_device", "init", "_lazy_init"):
            setattr(torch.cuda, name, asked)
        import socket, sys
        from lab.runs import forks
        orders, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        other.close()
        sys.argv = ["forks", str(orders.detach())]
        forks.main()
        """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_says_why_no_worker_can_be_forked(monkeypatch):
    for kind, usable in [("cuda", True), ("xpu", False), ("mps", False), ("cpu", True)]:
        monkeypatch.setattr(nursery, "pick", lambda kind=kind: torch.device(kind))
        assert nursery.usable() == usable
    monkeypatch.setattr(nursery, "_has_handles", lambda: False)
    assert not nursery.usable(), "a sandbox"
    with pytest.raises(OSError, match="can be forked here"):
        nursery.start({})
    monkeypatch.setattr(nursery, "_has_handles", lambda: True)
    monkeypatch.setattr(sys, "platform", "win32")
    assert not nursery.usable()


def test_where_none_can_be_forked_a_worker_is_a_process_of_its_own(born, monkeypatch):
    monkeypatch.setattr(nursery, "usable", lambda: False)
    worker = born()
    assert isinstance(worker.process, subprocess.Popen)
    assert psutil.Process(worker.process.pid).ppid() == os.getpid()
