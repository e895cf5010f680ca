"""The list of runs: it finds them, shows one page of them, and fetches them back from the trash."""

import shutil
import time

import pytest

from engine.config import Refused
from lab.kit.told import setting_of, title_of
from lab.runs import inventory, store
from lab.visitor import mark
from tests.pages.test_pages import texts, works

ANN = mark({"genlab": "ann"})


@pytest.fixture
def full(home, monkeypatch):
    monkeypatch.setenv("GENLAB_HOME", str(home))
    shutil.rmtree(home, ignore_errors=True)
    usual = {"family": "gan", "data": "ring", "seed": 0, "owner": ANN}
    for i in range(25):
        store.create(usual | {"config": {}, "created": 1e9 + i})
    strange = store.create(usual | {"owner": "bob", "seed": 3, "config": {"a": 1}})
    store.change_info(strange, family="nonsense", data="odd")
    axes = {"lr_D": [0.001, 0.01]}
    store.create({"family": "gan", "data": "moons", "seed": 0, "config": {}, "owner": "bob", "wall": axes})
    (home / "not-a-run").mkdir()
    (home / "not-a-run" / "run.json").write_text("{")
    return home


def opened(page) -> int:
    return texts(page).count("[Open]")


def test_all_runs_are_there_a_page_at_a_time_and_filters_find_them(visit, full):
    page = visit("runs")
    assert opened(page) == 20
    works(page.selectbox(key="runs-page").set_value(2).run())
    assert opened(page) == 7
    works(page.selectbox(key="runs-whose").set_value("Others'").run())
    assert opened(page) == 2
    assert "nonsense on odd" in texts(page), "a family that nobody knows does not break the list"
    assert "Learning rate of D 0.001, 0.01" in texts(page)
    works(page.text_input(key="runs-text").set_value("moons wall").run())
    assert opened(page) == 1
    assert "wall on Two moons" in texts(page)
    works(page.text_input(key="runs-text").set_value("").run())
    works(page.selectbox(key="runs-family").set_value("nonsense").run())
    assert opened(page) == 1
    assert "not-a-run" in texts(page)


def test_only_the_owner_fetches_a_run_back_and_never_over_another(full):
    info = next(info for info in inventory.listing()[0] if info.owner == ANN)
    at = full / info.id
    store.delete(at)
    (one,) = inventory.trash(ANN)
    assert (one.run_id, inventory.trash("bob"), inventory.trash("")) == (info.id, [], [])
    with pytest.raises(Refused, match="not in your trash"):
        inventory.restore(one.name, "bob")
    at.mkdir()
    with pytest.raises(Refused, match="already"):
        inventory.restore(one.name, ANN)
    at.rmdir()
    assert inventory.restore(one.name, ANN) == info.id
    assert store.read_info(at).owner == ANN
    with pytest.raises(Refused, match="not in your trash"):
        inventory.restore("../" + info.id, ANN)


def test_what_has_changed_is_read_again(full):
    info = inventory.listing()[0][-1]
    store.change_info(full / info.id, state="failed", why="It failed.")
    assert {one.id: one.state for one in inventory.listing()[0]}[info.id] == "failed"
    plain = {info.id: info.model_dump() for info in inventory.listing()[0]}
    assert plain == {info.id: info.model_dump() for info in store.listing()[0]}


def test_a_setting_is_told_in_words():
    info = store.Info(family="gan", data="ring", seed=2, config={"lr_D": 0.01, "spectral": True})
    assert title_of(info) == "Generative adversarial network on Ring of 8 Gaussians"
    assert setting_of(info).startswith("Learning rate of D 0.01")
    assert setting_of(info).endswith("seed 2")


def test_how_long_ago():
    now = time.time()
    assert inventory.ago(now) == "just now"
    assert inventory.ago(now - 60) == "1 minute ago"
    assert inventory.ago(now - 7300) == "2 hours ago"
    assert inventory.ago(now - 90_000) == "1 day ago"
