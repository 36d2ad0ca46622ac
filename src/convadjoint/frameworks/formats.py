"""TensorFlow's words: data formats, full lists of strides, paddings, output shapes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy.typing as npt

from convadjoint.errors import SemanticsError
from convadjoint.frameworks.arguments import choice, integers, shape
from convadjoint.frameworks.door import Call
from convadjoint.frameworks.lines import Line
from convadjoint.frameworks.semantics import Semantics
from convadjoint.geometry import Axis
from convadjoint.geometry.checks import integer, is_sequence
from convadjoint.geometry.padding import Padding
from convadjoint.operators.samples import as_samples

__all__ = [
    "Format",
    "Pads",
    "Steps",
    "backward",
    "called",
    "depthwise",
    "forward",
    "groups_of",
    "output_sizes",
    "paddings",
    "whole",
]

Steps = int | Sequence[int] | None
Pads = str | Sequence[Sequence[int]]

Entry = TypeVar("Entry")

_NAMES = {"SAME": "same", "VALID": "valid"}
_FORMATS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}


@dataclass(frozen=True, slots=True)
class Format:
    """Whether channels come last or first, for `rank` spatial axes."""

    rank: int
    first: bool

    @classmethod
    def of(cls, rank: int, data_format: object) -> "Format":
        """Read a data format; None means channels last."""
        allowed = _FORMATS.get(rank)
        if allowed is None:
            msg = f"the kernel has {rank} spatial axes, allowed are 1, 2 and 3"
            raise SemanticsError(msg)
        if data_format is not None:
            choice("data_format", data_format, allowed)
        return cls(rank, data_format == allowed[1])

    def layout(self, batch_axes: int = 1) -> str:
        """The layout of the input and of the output."""
        return "N" * max(batch_axes, 1) + ("C*" if self.first else "*C")

    @property
    def space(self) -> slice:
        """Where the spatial axes are in a list of one entry per axis."""
        return slice(2, None) if self.first else slice(1, -1)

    @property
    def channel(self) -> int:
        """Where the channels are."""
        return 1 if self.first else -1

    def steps(self, word: str, value: object) -> tuple[int, ...]:
        """Return one positive integer per spatial axis.

        Allowed are None, one integer, a list of one, of one per spatial axis, and one
        of all axes with 1 for batch and channels.
        """
        rank = self.rank
        if value is None:
            return (1,) * rank
        entries = tuple(value) if is_sequence(value) else (value,)
        if len(entries) == rank + 2:
            steps = [integer(entry, word) for entry in entries]
            return integers(word, self.inner(word, steps, 1), rank, least=1)
        if len(entries) not in (1, rank):
            lengths = f"1, {rank} or {rank + 2}" if rank > 1 else "1 or 3"
            msg = f"{word} has {len(entries)} entries, allowed are {lengths}"
            raise SemanticsError(msg)
        return integers(word, entries, rank, least=1, one_for_all=True)

    def inner(
        self, word: str, entries: Sequence[Entry], outside: Entry
    ) -> Sequence[Entry]:
        """The entries of the spatial axes; the others must be `outside`."""
        channel = entries[self.channel]
        for name, entry in (("batch", entries[0]), ("channel", channel)):
            if entry != outside:
                msg = f"{word} is {entry!r} for the {name} axis: only {outside!r} is allowed"
                raise SemanticsError(msg)
        return entries[self.space]


def paddings(padding: object, form: Format, *, lists: bool) -> tuple[Padding, ...]:
    """The padding of each spatial axis, by name or, if allowed, by `lists` of pairs."""
    if isinstance(padding, str) and padding in _NAMES:
        return (Padding(rule=_NAMES[padding]),) * form.rank
    if not lists or not is_sequence(padding):
        more = f", or a list of {form.rank + 2} pairs" if lists else ""
        msg = f"padding {padding!r} is not allowed: it must be 'SAME' or 'VALID'{more}"
        raise SemanticsError(msg)
    entries = tuple(
        integers("padding", pair, 2, least=0, whole=True) for pair in padding
    )
    if len(entries) != form.rank + 2:
        msg = (
            f"padding has {len(entries)} pairs, allowed are {form.rank + 2}: one for "
            f"each axis of the input"
        )
        raise SemanticsError(msg)
    return tuple(
        Padding(lo=lo, hi=hi) for lo, hi in form.inner("padding", entries, (0, 0))
    )


def forward(lines: Sequence[Line], padding: Sequence[Padding]) -> list[Axis]:
    """The axes of a convolution."""
    return [
        line.same() if one.is_same else line.convolved(one.lo, one.hi)
        for line, one in zip(lines, padding, strict=True)
    ]


def backward(
    lines: Sequence[Line], padding: Sequence[Padding], sizes: Sequence[int], word: str
) -> list[Axis]:
    """The axes of the convolutions of `sizes`, which must give the input's lengths."""
    axes = []
    for line, one, size in zip(lines, padding, sizes, strict=True):
        legal = one.origins(line.n, line.span, line.s)
        if size not in legal:
            allowed = f"{legal[0]} to {legal[-1]}" if legal else "none"
            msg = (
                f"{word} is {size} on spatial axis {line.index}; the lengths whose "
                f"convolution has the input's length {line.n} are {allowed}"
            )
            raise SemanticsError(msg)
        axes.append(line.transposed(one.amounts(size, line.span, line.s)[0], size))
    return axes


def output_sizes(
    call: Call, form: Format, value: object, word: str, *, short: bool
) -> tuple[tuple[int, ...], int]:
    """The spatial lengths of an output's shape, and the groups its channels imply.

    If `short`, the shape of the spatial axes alone will do.
    """
    entries = shape(value, word)
    if short and len(entries) == form.rank:
        return entries, 1
    if len(entries) != form.rank + 2:
        lengths = f"{form.rank} or {form.rank + 2}" if short else f"{form.rank + 2}"
        msg = f"{word} {entries} has {len(entries)} entries, allowed are {lengths}"
        raise SemanticsError(msg)
    if entries[0] != call.dims[0]:
        msg = f"{word} {entries} has batch {entries[0]}, the input {call.dims[0]}"
        raise SemanticsError(msg)
    return entries[form.space], groups_of(
        entries[form.channel], call.kernel_axis("O"), f"{word} {entries}"
    )


def groups_of(channels: int, per_group: int, name: str) -> int:
    """Groups, where the kernel sees only some of the channels."""
    if not channels or channels % per_group:
        msg = f"{name} has {channels} channels, which the kernel's {per_group} must divide"
        raise SemanticsError(msg)
    return channels // per_group


def depthwise(filter: npt.ArrayLike) -> tuple[npt.NDArray[Any], tuple[int, int]]:
    """A depthwise kernel as that of a grouped convolution; its channels, multiplier."""
    array = as_samples(filter, "the kernel")
    if array.ndim < 3 or not array.size:
        msg = f"the kernel has shape {array.shape}, allowed is (*k, c, multiplier)"
        raise SemanticsError(msg)
    return array.reshape(*array.shape[:-2], 1, -1), array.shape[-2:]


def called(
    semantics: Semantics,
    dims: Sequence[int],
    filters: npt.ArrayLike,
    data_format: object,
) -> tuple[Call, Format]:
    """The call in its layout; convolutions may have several batch axes."""
    kernel, lengths = as_samples(filters, "the kernel"), shape(dims, "the input")
    form = Format.of(semantics.rank or kernel.ndim - 2, data_format)
    batch = 1 if semantics.transposed else len(lengths) - form.rank - 1
    return Call.of(semantics, lengths, kernel, layouts=(form.layout(batch),)), form


def whole(form: Format, word: str, value: object) -> tuple[int, ...]:
    """One integer per spatial axis, from a list of one for each axis of the input."""
    entries = tuple(value) if is_sequence(value) else ()
    if value is not None and len(entries) != form.rank + 2:
        msg = f"{word} {value!r} must be a list of {form.rank + 2} integers"
        raise SemanticsError(msg)
    return form.steps(word, entries or None)
