"""Tensors of PyTorch: one function that is its own derivative, of every order."""

import sys
from functools import cache
from typing import Any

import numpy as np

from convadjoint.operators.arrays.forms import (
    ConvolutionForm,
    Form,
    OperatorForm,
    X,
    Z,
)
from convadjoint.operators.family import Member
from convadjoint.operators.plans import Convolution

__all__ = ["brought", "cast", "columns", "convolve", "flip", "permute"]

Tensor = Any


def permute(x: Tensor, order: tuple[int, ...]) -> Tensor:
    """The same samples, axes in this order."""
    return x.permute(order)


def flip(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The same samples, these axes reversed."""
    return x.flip(axes)


def cast(x: Tensor, dtype: np.dtype[np.generic]) -> Tensor:
    """The same samples in a dtype with NumPy's name."""
    import torch

    return x.to(getattr(torch, dtype.name))


def brought(x: np.ndarray[Any, Any], other: Tensor) -> Tensor:
    """A copy of NumPy's samples, where `other` is."""
    import torch

    return torch.from_numpy(np.array(x, order="C")).to(other.device)


def columns(op: Member, x: Tensor) -> Tensor:
    """Apply any operator to ``(size, m)``."""
    return _contracted()(OperatorForm(op), 1, x.T).T


def convolve(
    convolution: Convolution, transposed: bool, x: Tensor, w: Tensor
) -> Tensor:
    """The convolution or its transpose, in canonical order."""
    form = ConvolutionForm(convolution.spec, convolution.engine, convolution.double)
    slot, others = (X, (w, x)) if transposed else (Z, (x, w))
    return _contracted()(form, slot, *others)


def _contracted() -> Any:
    """What `torch.compile` leaves alone: it cannot look into the engines."""
    apply = _contraction().apply
    dynamo = sys.modules.get("torch._dynamo")
    return dynamo.disable(apply) if dynamo else apply


@cache
def _contraction() -> Any:
    """The class that PyTorch differentiates; made when the first tensor arrives."""
    import torch

    rules = (forward, setup_context, backward, jvp, vmap)
    methods = {rule.__name__: staticmethod(rule) for rule in rules}
    return type("Contraction", (torch.autograd.Function,), methods)


def forward(form: Form, slot: int, *others: Tensor) -> Tensor:
    """The coefficients of the open slot, by our own engines on PyTorch's memory."""
    import torch

    for one in others:
        if one.device.type != "cpu":
            msg = f"tensors on {one.device} are not supported: move them, x.cpu()"
            raise TypeError(msg)
    arrays = (one.detach().resolve_conj().resolve_neg().numpy() for one in others)
    return torch.from_numpy(form.contract(slot, tuple(arrays)))


def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG001
    """Keep what the derivatives need."""
    ctx.form, ctx.slot, *others = inputs
    ctx.save_for_backward(*others)
    ctx.save_for_forward(*others)


def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    """For each array in turn: it is left open, and the gradient takes the open slot."""
    filled: list[Tensor] = [one.conj() for one in ctx.saved_tensors]
    filled.insert(ctx.slot, gradient)
    slots = [slot for slot in range(len(filled)) if slot != ctx.slot]
    results = [
        _open(ctx.form.conj(), slot, filled, like=saved) if needed else None
        for slot, saved, needed in zip(
            slots, ctx.saved_tensors, ctx.needs_input_grad[2:], strict=True
        )
    ]
    return None, None, *results


def _open(form: Form, slot: int, filled: list[Tensor], like: Tensor) -> Tensor:
    """The form with one slot emptied; its real part where the array there was real."""
    found = _contraction().apply(form, slot, *filled[:slot], *filled[slot + 1 :])
    return found if like.is_complex() or not found.is_complex() else found.real


def jvp(ctx: Any, _form: None, _slot: None, *tangents: Tensor | None) -> Tensor:
    """The product rule."""
    saved = ctx.saved_tensors
    return sum(
        _contraction().apply(
            ctx.form, ctx.slot, *saved[:place], tangent, *saved[place + 1 :]
        )
        for place, tangent in enumerate(tangents)
        if tangent is not None
    )


def vmap(
    info: Any, in_dims: tuple[int | None, ...], form: Form, slot: int, *others: Tensor
) -> tuple[Tensor, int]:
    """Many at once: arrays are joined along an axis where a form takes any number."""
    dims = list(in_dims[2:])
    several = [dim is not None for dim in dims]
    several.insert(slot, True)
    count = info.batch_size
    wide, axes = form.joined(count, tuple(several))
    own, places = axes[slot], [axis for at, axis in enumerate(axes) if at != slot]
    joined = [
        _joined(one, dim, place, count)
        for one, dim, place in zip(others, dims, places, strict=True)
    ]
    y = _contraction().apply(wide, slot, *joined)
    return y.unflatten(own, (count, y.shape[own] // count)).movedim(own, 0), 0


def _joined(x: Tensor, dim: int | None, place: int | None, count: int) -> Tensor:
    """`count` arrays as one, along the axis `place`; None: one array serves all."""
    if place is None:
        return x
    each = x.expand(count, *x.shape) if dim is None else x.movedim(dim, 0)
    return each.movedim(0, place).flatten(place, place + 1)
