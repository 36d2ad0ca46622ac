"""Kinds of the values of compiled code, and nested tuples of them; see `language`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

__all__ = [
    "BOOLEAN",
    "FLOATS",
    "INDEX",
    "Emitted",
    "External",
    "Part",
    "common",
    "flat",
    "known",
    "mapped",
    "nested",
    "packed",
    "shape",
]

INDEX, BOOLEAN = ir.IntType(64), ir.IntType(1)
FLOATS = ir.FloatType(), ir.DoubleType()


@dataclass(frozen=True, slots=True)
class Part:
    """A function that others call: compiled apart from them, or in their midst."""

    function: Callable[..., Any]
    apart: bool


@dataclass(frozen=True, slots=True)
class Emitted:
    """What emits IR itself: it takes the builder and values, and returns a value."""

    function: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class External:
    """A function of the C library."""

    name: str
    kind: ir.FunctionType


def known(value: Any) -> Any:
    """Numbers of Python as constants; modules, functions and kinds as they are."""
    if isinstance(value, tuple):
        return tuple(map(known, value))
    if isinstance(value, bool):
        return BOOLEAN(int(value))
    return INDEX(value) if isinstance(value, int) else value


def common(one: Any, other: Any) -> Any:
    """The kind that two values can become."""
    if one.type == other.type:
        return one.type
    return next((kind for kind in FLOATS if kind in (one.type, other.type)), INDEX)


def flat(value: Any) -> list[Any]:
    """The values of nested tuples, one after the other."""
    if isinstance(value, tuple):
        return [one for part in value for one in flat(part)]
    return [] if value is None else [value]


def nested(like: Any, values: Iterator[Any]) -> Any:
    """The next values, in the place of those of nested tuples."""
    if isinstance(like, tuple):
        return tuple(nested(part, values) for part in like)
    return None if like is None else next(values)


def mapped(function: Callable[..., Any], *values: Any) -> Any:
    """What a function makes of the values of equally nested tuples."""
    if not any(isinstance(value, tuple) for value in values):
        return function(*values)
    if not all(isinstance(value, tuple) for value in values):
        msg = "a tuple is taken for a single value, or the other way round"
        raise TypeError(msg)
    return tuple(mapped(function, *some) for some in zip(*values, strict=True))


def shape(value: Any) -> str:
    """A name for the kinds of nested tuples."""
    if isinstance(value, tuple):
        return f"({' '.join(map(shape, value))})"
    kind = value.type
    return f"{kind.pointee}*" if kind.is_pointer else str(kind)


def packed(builder: Any, values: list[Any]) -> Any:
    """Several values as one."""
    kind = ir.LiteralStructType([value.type for value in values])
    whole = ir.Constant(kind, ir.Undefined)
    for index, value in enumerate(values):
        whole = builder.insert_value(whole, value, index)
    return whole
