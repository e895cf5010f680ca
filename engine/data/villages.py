"""Names of Ukrainian settlements, as strings of letters, and the regions that they lie in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.data.builtin import listed, opened
from engine.data.dataset import Dataset
from engine.space import Text

REGIONS = 25
"""24 oblasts and Crimea; the cities of Kyiv and Sevastopol come after them, and are left out."""

VILLAGES = {
    "villages": ("Ukrainian villages", "17,588 names of towns and villages, letter by letter."),
    "villages-by-region": (
        "Ukrainian villages by region",
        "The same names, each in its regions.",
    ),
}
"""Title and sentence by name."""


def villages(name: str) -> Dataset:
    """The data of that name: 16,088 training and 1,500 test names, each once; or each once for each of its
    regions, which is the label, and all regions of a test name are for testing."""
    held = opened("villages")
    by_region = name == "villages-by-region"
    text, ends = bytes(held["text"]), held["length"].cumsum(dtype=np.int64)
    names = [text[end - size : end].decode() for end, size in zip(ends, held["length"], strict=True)]
    letters, T = "".join(map(chr, held["alphabet"])), 1 + max(map(len, names))
    space = Text((T,), REGIONS if by_region else 0, name, alphabet=letters)
    x, test = space.coded(names), torch.from_numpy(held["test"] == 1)
    given: dict[str, Any] = {}
    if by_region:
        y = torch.from_numpy(held["pair_region"].astype(np.int64))
        which = torch.arange(len(x)).repeat_interleave(torch.from_numpy(held["n_regions"].astype(np.int64)))
        which, y = which[y < REGIONS], y[y < REGIONS]
        x, test = x[which], test[which]
        given = {"y": y[~test], "test_y": y[test], "labels": tuple(listed(held["region_text"])[:REGIONS])}
    return Dataset(
        name=name,
        title=VILLAGES[name][0],
        x=x[~test],
        test_x=x[test],
        space=space,
        note="The names in Ukraine's register of towns and villages, each once"
        + (" for each of its regions" if by_region else "")
        + "; 1,500 names, drawn at random, are kept for testing.",
        **given,
    )


def chief_towns() -> Tensor:
    """Longitude and latitude of each region's chief town in degrees, to about 0.1, (REGIONS, 2): for a
    schematic map only."""
    return torch.from_numpy(opened("villages")["region_lonlat"][:REGIONS])
