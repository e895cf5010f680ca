"""What is shipped was trained with the settings that a student begins with."""

import pytest

from engine import data
from engine.families import find
from lab.kit.subject import recordings
from lab.runs import store


@pytest.mark.parametrize("name", sorted(path.parent.name for path in store.RECORDINGS.glob("*/run.json")))
def test_a_recording_has_todays_defaults(name):
    """So a change of a default needs a new recording. One may have other knobs, which it declares."""
    info, knobs = store.read_info(store.RECORDINGS / name), dict(recordings()[name][0].knobs)
    assert info.config == find(info.family).configure(data.load(info.data).space, knobs).model_dump()
