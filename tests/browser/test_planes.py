"""Three planes in a real browser: PCA, autoencoder and VAE obey one bar, and each shows its own codes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.visiting import Visitor

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def said(me: Visitor, name: str) -> list[str]:
    return me.stage.evaluate_all(f"all => all.map(one => one.getAttribute('data-{name}') || '')")


@pytest.mark.parametrize("options", [{}, PHONE], ids=["wide", "phone"])
def test_three_planes_train_in_step_and_rest_together(visitor: Callable[..., Visitor], options):
    me = visitor(**options)
    me.open("/planes?width=32&batch=32&seed=1")
    me.until(lambda: said(me, "state") == ["ready"] * 3, "three models at rest")
    me.page.get_by_test_id("shared").get_by_test_id("play").click()
    me.until(lambda: min(int(n or 0) for n in said(me, "now")) > 20, "some rounds of each")
    me.page.get_by_test_id("shared").get_by_test_id("play").click()
    me.until(lambda: said(me, "state") == ["paused"] * 3, "all to rest")
    me.until(lambda: len(set(said(me, "round"))) == 1, "all at one round")
    boxes = [stage.bounding_box() for stage in me.stage.all()]
    beside = {round(box["y"]) for box in boxes if box}
    assert len(beside) == (3 if options else 1)  # on a phone below one another
    assert me.troubles == []
