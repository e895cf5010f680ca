"""What the verdicts on the recordings claim is true by their measures, and each has one."""

import pytest

from engine import data
from engine.families import find
from engine.metrics.detector import NOISE, SHARE, TIMES, diagnose
from engine.metrics.measure import looked_at
from engine.metrics.ruler import DISTANCE, HIGH_QUALITY, JS, MODES, about
from lab.kit.subject import recordings, words_of
from lab.runs import store

pytestmark = pytest.mark.budget(15)
JUDGED = [one for one, _ in recordings().values() if words_of(find(one.family)).judged]


@pytest.mark.parametrize("one", JUDGED, ids=lambda one: one.name)
def test_a_recording_that_works_is_as_good_as_real_data_within_the_stated_factors(one):
    rows = store.rows(store.RECORDINGS / one.name / "metrics.jsonl")
    rows = [row for row in rows if set(map(str, looked_at())) & row.keys()]
    known, last = about(data.load(one.data)), rows[-3:] if rows else []
    told = diagnose(find(one.family), rows, known)
    assert "No verdict" not in [symptom.name for symptom in told]
    for symptom in told:
        if symptom.tone != "good" or not known.floors:
            continue
        usual = {m: sorted(row[m] for row in last)[1] for m in known.floors if m in last[-1]}
        floor = known.floors
        assert usual[JS] <= TIMES * floor[JS].value, symptom
        assert usual[DISTANCE] <= NOISE * (floor[DISTANCE].value + 2 * floor[DISTANCE].error), symptom
        assert usual.get(MODES, 0) >= (floor[MODES].value if MODES in floor else 0)
        assert usual.get(HIGH_QUALITY, 1) >= (
            SHARE * floor[HIGH_QUALITY].value if HIGH_QUALITY in floor else 0
        )
