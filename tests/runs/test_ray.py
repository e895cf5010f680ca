"""The tests of runs and of the live route, once more with workers in a Ray cluster; and what is Ray's alone.

They are skipped where Ray is not installed, unless GENLAB_RAY says "required".
"""

from __future__ import annotations

import os
from functools import partial
from importlib.util import find_spec

import pytest

from lab.runs.cluster import Cluster
from lab.runs.supervisor import Supervisor
from tests import clustering
from tests.runs.gan.test_probes import test_the_supervisor_asks_any_run_and_a_recording  # noqa: F401
from tests.runs.test_asking import test_anybody_may_ask_any_run_and_the_answer_is_the_models  # noqa: F401
from tests.runs.test_live import (  # noqa: F401
    test_a_killed_worker_is_started_again_and_its_runs_go_on,
    test_a_knob_changed_by_the_page_is_the_run_s_own,
    test_a_run_is_greeted_trained_paused_stepped_and_reset_over_the_socket,
    test_a_run_is_rewound_to_a_kept_round_and_its_rows_go_on_from_there,
    test_a_run_survives_kill_9_of_the_whole_server,
    test_an_order_that_is_done_is_told_so_after_what_came_of_it,
    test_the_same_setting_in_the_app_and_on_the_command_line_gives_the_same_numbers,
)
from tests.runs.test_ownership import (  # noqa: F401
    home,
    test_of_two_labs_in_one_folder_one_trains_and_the_other_looks_and_they_take_turns,
    there,
)
from tests.serving import start_lab, stop_lab

missing = not find_spec("ray") and os.environ.get("GENLAB_RAY") != "required"
pytestmark = [pytest.mark.exhaustive, pytest.mark.skipif(missing, reason="Ray is not installed")]


@pytest.fixture(scope="module")
def address():
    with clustering.cluster(cpus=8) as address:
        yield address


@pytest.fixture(scope="module")
def lab(address, tmp_path_factory):
    """In place of the lab of all other tests."""
    lab = start_lab(tmp_path_factory.mktemp("lab") / "runs", options=options(address))
    yield lab
    stop_lab(lab)


def options(address):
    return ("--cluster", address, "--workers", "1")


@pytest.fixture
def start(address):
    return partial(start_lab, options=options(address))


@pytest.fixture
def supervised(address):
    supervisor = Supervisor(Cluster(address, workers=1))
    yield supervisor
    supervisor.close()


@pytest.fixture(scope="module")
def labs(address, home):  # noqa: F811
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENLAB_HOME", str(home))
        patch.setenv("GENLAB_DEVICE", "cpu")
        labs = [Supervisor(Cluster(address, workers=1)) for _ in range(2)]
        yield labs
        for lab in labs:
            lab.close()
