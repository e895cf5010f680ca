"""A device that is none: its tensors live on the CPU, and it is as strict as Apple's mps.

It knows no float64, mixes with no tensor of the CPU, gives no array to numpy, and has random numbers of its
own. torch knows a device type "lazy" that nothing here uses; autograd runs it on the caller's thread.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map_only

from engine import device

NAME = "lazy"
MIXING = ("copy_", "_to_copy", "index", "_index_put_impl_", "index_put", "index_put_", "_foreach_copy_")


class Strange(Tensor):
    """A tensor of the strange device, around a tensor of the CPU."""

    inner: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # else a copy on the CPU would be strange too

    @staticmethod
    def __new__(cls, inner: Tensor) -> Strange:
        made = torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(),
            dtype=inner.dtype, layout=inner.layout, device=torch.device(NAME),
        )  # fmt: skip
        made.inner = inner
        return made

    def __repr__(self, **_: Any) -> str:
        return f"Strange({self.inner})"

    def tolist(self) -> Any:  # torch refuses it for subclasses, and no device does
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return carry_out(func, args, kwargs or {})


class Noise:
    """The random numbers of the device: a stream beside that of the CPU."""

    state = torch.get_rng_state()

    @classmethod
    @contextlib.contextmanager
    def drawn(cls) -> Iterator[None]:
        before = torch.get_rng_state()
        torch.set_rng_state(cls.state)
        yield
        cls.state = torch.get_rng_state()
        torch.set_rng_state(before)

    @classmethod
    def manual_seed(cls, seed: int) -> None:
        cls.state = torch.Generator().manual_seed(seed + 1).get_state()  # other numbers than the CPU's

    @classmethod
    def get_rng_state(cls) -> Tensor:
        return cls.state.clone()[:2000]  # of another length than the CPU's, as everywhere

    @classmethod
    def set_rng_state(cls, state: Tensor) -> None:
        if state.shape != (2000,):
            raise RuntimeError("RNG state is wrong size")
        cls.state = torch.cat([state, cls.state[2000:]])


def carry_out(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name = func._schema.name.split("::")[1]
    given = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, Tensor)]
    strange = any(isinstance(x, Strange) for x in given)
    if name == "to":  # in inference mode whole, else in parts
        told = dict(zip((one.name for one in func._schema.arguments), args, strict=False)) | kwargs
        like = told.get("other", args[0])
        to = {key: told.get(key) or getattr(like, key) for key in ("device", "dtype")}
        return carry_out(torch.ops.aten._to_copy.default, args[:1], to)
    if strange and name not in MIXING and any(type(x) is Tensor and x.dim() for x in given):
        raise RuntimeError(f"Expected all tensors to be on the same device, in {func}.")
    asked = kwargs.get("device")
    here = torch.device(asked).type == NAME if asked is not None else strange
    if name == "copy_":
        here = isinstance(args[0], Strange)
    plain_args = tree_map_only(Strange, lambda x: x.inner, args)
    plain = tree_map_only(Strange, lambda x: x.inner, kwargs)
    if asked is not None:
        plain["device"] = torch.device("cpu") if here else asked
    random = here and torch.Tag.nondeterministic_seeded in func.tags
    with Noise.drawn() if random else contextlib.nullcontext():
        out = func(*plain_args, **plain)
    if not here:
        return out
    for x in tree_flatten(out)[0]:
        if isinstance(x, Tensor) and x.dtype in (torch.float64, torch.complex128):
            raise TypeError("Cannot convert a tensor of this device to float64: it doesn't support float64.")
    if (name == "_to_copy" and not strange) or not strange:
        return tree_map_only(Tensor, Strange, out)
    return return_and_correct_aliasing(func, args, kwargs, tree_map_only(Tensor, Strange, out))


class World(TorchDispatchMode):
    """While it is on, `device="lazy"` makes strange tensors."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return carry_out(func, args, kwargs or {})


def quantile_of(quantile: Any, x: Tensor, q: Any, *how: Any, **more: Any) -> Tensor:
    if not isinstance(x, Strange):
        return quantile(x, q, *how, **more)
    return Strange(quantile(x.inner, q.inner if isinstance(q, Strange) else q, *how, **more))


@contextlib.contextmanager
def strange_device() -> Iterator[torch.device]:
    """Within, this machine has such a device, and runs use it."""
    here, generator = device.is_here, device._generator
    with pytest.MonkeyPatch.context() as patch, World():
        for module in ("torch.utils._foreach_utils", "torch.optim.optimizer"):
            supported = "_get_fused_kernels_supported_devices"
            patch.setattr(sys.modules[module], supported, lambda: ["cpu", NAME])
        quantile = Tensor.quantile  # which takes float64 within, on all devices that have it
        patch.setattr(Tensor, "quantile", lambda x, *how, **more: quantile_of(quantile, x, *how, **more))
        for when in ("__enter__", "__exit__"):  # wrapped tensors know no inference mode
            patch.setattr(torch.inference_mode, when, getattr(torch.no_grad, when))
        patch.setenv("GENLAB_DEVICE", NAME)
        patch.setattr(device, "WITHOUT_FLOAT64", {NAME})
        patch.setattr(device, "is_here", lambda kind: kind == NAME or here(kind))
        patch.setattr(device, "_generator", lambda one: Noise if one.type == NAME else generator(one))
        torch._C._set_only_lift_cpu_tensors(True)  # else torch.tensor(..., device=) passes us by
        try:
            yield torch.device(NAME)
        finally:
            torch._C._set_only_lift_cpu_tensors(False)
