"""Turn what users pass as sizes into plain integers, or say what is wrong with it."""

import operator
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeGuard

from convadjoint.errors import GeometryError

__all__ = ["check_no_array", "flag", "integer", "is_sequence", "per_axis"]


def integer(value: object, name: str, *, least: int | None = None) -> int:
    """Return `value` as an `int` of at least `least`; floats and strings are refused."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        msg = f"{name} must be an integer, got {value!r} ({type(value).__name__})"
        raise TypeError(msg) from None
    if least is not None and number < least:
        msg = f"{name} must be at least {least}, got {number}"
        raise GeometryError(msg)
    return number


def flag(value: object, name: str) -> bool:
    """Return a truth value; words and anything else that is merely true are refused."""
    if isinstance(value, str) or is_sequence(value) or value not in (True, False):
        msg = f"{name} must be True or False, got {value!r}"
        raise TypeError(msg)
    return bool(value)


def is_sequence(value: object) -> TypeGuard[Iterable[object]]:
    """Whether a value holds several entries rather than being one.

    An array without axes is one entry, though Python takes it for a sequence.
    """
    # The entries of a set or a mapping have no order of their own.
    unordered = isinstance(value, (str, bytes, AbstractSet, Mapping))
    several = isinstance(value, Iterable) and not unordered
    return several and getattr(value, "ndim", 1) > 0


def check_no_array(dims: object, name: str) -> None:
    """Refuse the samples themselves where their shape is asked for."""
    if getattr(dims, "ndim", 0) > 1:
        lengths = tuple(getattr(dims, "shape", ()))
        msg = f"give the shape of {name} (x.shape), got an array of shape {lengths}"
        raise TypeError(msg)


def per_axis(
    value: object, name: str, rank: int, *, least: int | None = None
) -> tuple[int, ...]:
    """Return one integer per spatial axis; a single one serves them all."""
    if not is_sequence(value):
        return (integer(value, name, least=least),) * rank
    values = tuple(value)
    if len(values) != rank:
        msg = (
            f"{name} has {len(values)} entries for {rank} spatial axes: "
            f"give one integer, or {rank}"
        )
        raise GeometryError(msg)
    return tuple(
        integer(entry, f"{name} on spatial axis {axis}", least=least)
        for axis, entry in enumerate(values)
    )
