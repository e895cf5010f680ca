"""CI takes a part of what is exhaustive: in as many days it takes all of it, and each day all else."""

from types import SimpleNamespace

from tests.conftest import pytest_collection_modifyitems


class Item:
    def __init__(self, nodeid, marked):
        self.nodeid, self.marked = nodeid, marked

    def get_closest_marker(self, name):
        return name == "exhaustive" and self.marked


def taken(items, part, monkeypatch):
    if part:
        monkeypatch.setenv("GENLAB_PART", part)
    else:
        monkeypatch.delenv("GENLAB_PART", raising=False)
    left, left_out = [*items], []
    hook = SimpleNamespace(pytest_deselected=lambda items: left_out.extend(items))
    pytest_collection_modifyitems(SimpleNamespace(hook=hook), left)
    assert [item for item in items if item in left or item in left_out] == items
    return left


def test_three_days_take_all_and_each_day_all_that_is_not_exhaustive(monkeypatch):
    items = [Item(f"tests/a.py::test[{n}]", n % 5 > 0) for n in range(500)]
    assert taken(items, "", monkeypatch) == items
    days = [{*taken(items, f"{day}/3", monkeypatch)} for day in range(3)]
    assert set.union(*days) == {*items}
    assert set.intersection(*days) == {item for item in items if not item.marked}
    assert all(180 < len(day) < 300 for day in days)
