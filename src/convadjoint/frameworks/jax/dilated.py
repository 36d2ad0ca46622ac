"""JAX's words about convolutions: dilated inputs, paddings, and layouts by letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from convadjoint.errors import GeometryError, SemanticsError
from convadjoint.frameworks.arguments import integers
from convadjoint.frameworks.door import Call
from convadjoint.frameworks.semantics import Semantics
from convadjoint.geometry import Axis
from convadjoint.geometry.checks import integer, is_sequence
from convadjoint.operators import Member

__all__ = [
    "Dilated",
    "DilatedLine",
    "Numbers",
    "Pairs",
    "called",
    "numbers",
    "pairs",
]

Pairs = Sequence[tuple[int, int]]
Numbers = tuple[str, str, str]

_LOWERS = {"SAME": False, "SAME_LOWER": True}
_LETTERS = "0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class DilatedLine:
    """One spatial axis: the input is dilated by `t`, the kernel by `d`."""

    index: int
    n: int
    k: int
    s: int
    t: int
    d: int

    @property
    def span(self) -> int:
        """Samples that the dilated kernel covers."""
        return (self.k - 1) * self.d + 1

    @property
    def dilated(self) -> int:
        """Length of the dilated input."""
        return (self.n - 1) * self.t + 1

    def named(self, name: str) -> tuple[int, int]:
        """The padding that a name means; the input is not dilated."""
        if name == "VALID":
            return 0, 0
        length = -(-self.n // self.s)
        padding = max((length - 1) * self.s + self.span - self.n, 0)
        lo = (padding + _LOWERS[name]) // 2
        return lo, padding - lo

    def forward(self, name: str) -> tuple[int, int]:
        """The padding of a transposed convolution, from that of the forward one."""
        before = self.span - 1
        if name == "SAME":
            padding = self.span + self.t - 2
            lo = before if self.t > before else -(-padding // 2)
            return lo, padding - lo
        return before, self.t - 1 + max(self.span - self.t, 0)

    def length(self, lo: int, hi: int) -> int:
        """Length of the output, which may be 0."""
        padded = self.dilated + lo + hi
        if padded < 0:
            msg = (
                f"padding ({lo}, {hi}) on spatial axis {self.index} removes more than "
                f"the {self.dilated} samples that are there"
            )
            raise GeometryError(msg)
        return max((padded - self.span) // self.s + 1, 0)

    def axis(self, lo: int, hi: int) -> Axis:
        """The seven integers."""
        return Axis(
            n=self.n,
            q=self.length(lo, hi),
            k=self.k,
            s=self.s,
            t=self.t,
            d=self.d,
            lo=lo,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dilated:
    """The words of ``conv_general_dilated`` about the spatial axes."""

    strides: Sequence[int]
    padding: str | Pairs
    lhs_dilation: Sequence[int] | None
    rhs_dilation: Sequence[int] | None
    inner_word: str = "lhs_dilation"

    def lines(self, call: Call) -> tuple[DilatedLine, ...]:
        """The spatial axes."""
        columns = zip(
            call.sizes,
            call.taps,
            _steps("window_strides", self.strides, call.rank),
            _steps(self.inner_word, self.lhs_dilation, call.rank),
            _steps("rhs_dilation", self.rhs_dilation, call.rank),
            strict=True,
        )
        return tuple(
            DilatedLine(index=index, n=n, k=k, s=s, t=t, d=d)
            for index, (n, k, s, t, d) in enumerate(columns)
        )

    def operator(
        self,
        call: Call,
        *,
        groups: int = 1,
        flip: bool | None = None,
        pads: Pairs | None = None,
        dtype: npt.DTypeLike | None = None,
        engine: str = "auto",
    ) -> Member:
        """The operator; `pads`, if given, is what the padding means."""
        lines = self.lines(call)
        pads = self._pads(lines) if pads is None else pads
        lengths = [line.length(*pad) for line, pad in zip(lines, pads, strict=True)]
        if not all(lengths):
            return call.nothing(lengths, groups=groups, dtype=dtype)
        axes = [line.axis(*pad) for line, pad in zip(lines, pads, strict=True)]
        if call.semantics.transposed:
            axes = [axis.transpose() for axis in axes]
        return call.operator(axes, groups=groups, flip=flip, dtype=dtype, engine=engine)

    def _pads(self, lines: tuple[DilatedLine, ...]) -> Pairs:
        """Samples before and after each axis."""
        if not isinstance(self.padding, str):
            return pairs(self.padding, len(lines))
        name = self.padding.upper()
        if name not in ("VALID", *_LOWERS):
            msg = (
                f"padding {self.padding!r} is unknown: allowed are 'VALID', 'SAME', "
                f"'SAME_LOWER' and (low, high) pairs"
            )
            raise SemanticsError(msg)
        if any(line.t != 1 for line in lines):
            msg = (
                f"padding {self.padding!r} is not allowed with {self.inner_word} "
                f"{tuple(line.t for line in lines)}: give (low, high) pairs"
            )
            if self.inner_word == "strides":
                msg += ", 'SAME' or 'VALID'"
            raise SemanticsError(msg)
        return [line.named(name) for line in lines]


def _steps(word: str, value: object, rank: int) -> tuple[int, ...]:
    """One positive integer per axis, given as a sequence; None means 1."""
    if value is None:
        return (1,) * rank
    return integers(word, value, rank, least=1, whole=True)


def pairs(padding: object, rank: int) -> list[tuple[int, int]]:
    """One pair of integers per axis."""
    entries = tuple(padding) if is_sequence(padding) else ()
    sized = [tuple(pair) if is_sequence(pair) else () for pair in entries]
    if len(entries) != rank or any(len(pair) != 2 for pair in sized):
        msg = (
            f"padding {padding!r} must be a name, or one (low, high) pair for each of "
            f"the {rank} spatial axes"
        )
        raise SemanticsError(msg)
    return [
        (integer(lo, "padding before an axis"), integer(hi, "padding after an axis"))
        for lo, hi in sized
    ]


def numbers(given: Any, ndim: int, dims: tuple[int, ...]) -> Numbers:
    """Layouts of input, kernel and output, spatial axes as digits."""
    if len(dims) != ndim or not 3 <= ndim <= 2 + len(_LETTERS):
        msg = (
            f"input {dims} and kernel need the same number of axes, two of them for "
            f"batch and channels, one or more for space; the kernel has {ndim}"
        )
        raise SemanticsError(msg)
    if given is None:
        space = _LETTERS[: ndim - 2]
        return "NC" + space, "OI" + space, "NC" + space
    if hasattr(given, "lhs_spec"):
        places = given.lhs_spec, given.rhs_spec, given.out_spec
        return (
            _placed("NC", places[0]),
            _placed("OI", places[1]),
            _placed("NC", places[2]),
        )
    return _read(given, ndim)


def _placed(channels: str, places: Sequence[int]) -> str:
    """A layout from the places of its letters."""
    letters = channels + _LETTERS[: len(places) - 2]
    if sorted(places) != list(range(len(places))):
        msg = f"dimension_numbers have {tuple(places)}, which is no order of the axes"
        raise SemanticsError(msg)
    return "".join(letters[list(places).index(axis)] for axis in range(len(places)))


def _read(given: Any, ndim: int) -> Numbers:
    """The three strings, checked; axes in space are numbered as in the kernel."""
    texts = [str(text) for text in given] if _three_strings(given) else []
    if not texts:
        msg = (
            f"dimension_numbers {given!r} must be three strings, as in "
            f"('NCHW', 'OIHW', 'NCHW')"
        )
        raise SemanticsError(msg)
    columns = list(zip(texts, ("NC", "OI", "NC"), strict=True))
    for text, channels in columns:
        if len(text) != ndim or len(set(text)) != ndim or set(channels) - set(text):
            msg = (
                f"dimension_numbers {text!r} must have {ndim} different letters, among "
                f"them {channels[0]!r} and {channels[1]!r}"
            )
            raise SemanticsError(msg)
    spaces = [
        [one for one in text if one not in channels] for text, channels in columns
    ]
    if not set(spaces[0]) == set(spaces[1]) == set(spaces[2]):
        msg = f"dimension_numbers {texts} must have the same letters for space"
        raise SemanticsError(msg)
    digits = dict(zip(spaces[1], _LETTERS, strict=False))
    lhs, weights, out = (
        "".join(one if one in channels else digits[one] for one in text)
        for text, channels in columns
    )
    return lhs, weights, out


def _three_strings(given: object) -> bool:
    """Whether these are three strings."""
    entries = tuple(given) if is_sequence(given) else ()
    return len(entries) == 3 and all(isinstance(text, str) for text in entries)


def called(
    semantics: Semantics, dims: Sequence[int], rhs: npt.ArrayLike, layouts: Numbers
) -> Call:
    """The call with its three layouts."""
    lhs, weights, out = layouts
    return Call.of(
        semantics,
        dims,
        rhs,
        layouts=(lhs,),
        kernel_layout=weights,
        output_layout=out,
    )
