"""A round of training adds in one order on every device, so that it gives the same numbers each time.

CUDA adds in the order in which its threads come where several numbers are added into one place
(https://docs.pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html). A machine without
CUDA can still tell whether a round has such an operation.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from engine.data import load
from engine.families import families
from engine.family import Family
from engine.fit import fit

EXAMPLES = {"line": "two-bumps", "points": "ring", "image": "digits", "transfer": "flower.cat"}
EXAMPLES |= {"wave": "voices", "text": "villages", "pen": "pen-digits", "script": "words"}
SMALL = {"width": 8, "width_G": 8, "width_D": 8, "depth": 1, "layers": 2, "batch": 16, "T": 20}
SMALL |= {"channels": 8, "dilations": 3}
ANY_ORDER = {
    "_upsample_bicubic2d_aa_backward", "_upsample_bilinear2d_aa_backward", "upsample_bicubic2d_backward",
    "upsample_bilinear2d_backward", "upsample_linear1d_backward", "reflection_pad1d_backward",
    "reflection_pad2d_backward", "replication_pad1d_backward", "replication_pad2d_backward",
    "_adaptive_avg_pool2d_backward", "adaptive_max_pool2d_backward", "grid_sampler_2d_backward", "histc",
    "kthvalue", "median", "scatter_reduce", "put_",
}  # fmt: skip


class Orders(TorchDispatchMode):
    """Notes the operations whose order of adding is another one each time on CUDA."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.split("::")[1]
        crowded = name.rstrip("_") in ("index_add", "scatter_add") and several(args[1], args[2])
        if name in ANY_ORDER or crowded:
            self.seen.add(name)
        return func(*args, **(kwargs or {}))


def several(dim: int, index: Tensor) -> bool:
    """Whether several numbers are added into one place along `dim`."""
    along = dim if index.dim() > 1 else 0
    return bool((index.sort(along)[0].diff(dim=along) == 0).any())


def orders_of(family: type[Family], kind: Any, values: dict[str, Any]) -> set[str]:
    data = load(EXAMPLES[kind.kind])
    small = {k: v for k, v in SMALL.items() if k in family.Config.model_fields}
    model = family(family.configure(data.space, small | values), data.space)
    with Orders() as orders:
        for _turn in fit(model, [data.batch(model.config.batch, 0, 0)]):
            pass
    return orders.seen


@pytest.mark.parametrize(
    ("family", "kind"),
    [pytest.param(f, k, id=f"{f.name}-{k.kind}") for f in families().values() for k in f.kinds],
)
def test_a_round_adds_in_one_order(family, kind):
    assert not orders_of(family, kind, {})


@pytest.mark.parametrize("knobs", [{"network": "convolutional"}, {"kind": "autoregressive"}])
def test_so_does_one_with_other_knobs(knobs):
    tried = [f for f in families().values() if all(k in f.Config.model_fields for k in knobs)]
    for family in tried:
        assert not orders_of(family, family.kinds[-1], knobs), family.name
    assert tried


def test_operations_without_an_order_are_seen():
    x = torch.ones(1, 1, 8, 8, requires_grad=True)
    smaller = torch.nn.functional.interpolate(x, (4, 4), mode="bicubic", antialias=True)
    with Orders() as orders:
        torch.autograd.grad(smaller.sum(), x)
        torch.zeros(3).index_add(0, torch.tensor([0, 0, 2]), torch.ones(3))
        torch.zeros(2, 3).scatter_add(1, torch.tensor([[0, 1], [1, 2]]), torch.ones(2, 2))
    assert orders.seen == {"_upsample_bicubic2d_aa_backward", "index_add"}
