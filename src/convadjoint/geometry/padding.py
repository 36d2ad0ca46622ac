"""Padding in every form, and the lengths that follow from it on one axis."""

from dataclasses import dataclass

from convadjoint.errors import GeometryError
from convadjoint.geometry.checks import integer, is_sequence, per_axis

__all__ = [
    "Padding",
    "Wish",
    "centered",
    "conv_length",
    "parse_padding",
    "parse_wishes",
]

_NAMES = ("valid", "same", "same_lower", "full")


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """Padding of one axis: a rule by name, or samples `lo` before and `hi` after.

    With the rule "same", `before` fixes the samples before, whatever the length.
    """

    rule: str | None = None
    lo: int = 0
    hi: int = 0
    before: int | None = None

    def amounts(self, n: int, span: int, stride: int) -> tuple[int, int]:
        """Samples before and after `n` samples, for a kernel that covers `span`."""
        if self.rule is None or self.rule == "valid":
            return self.lo, self.hi
        if self.rule == "full":
            return span - 1, span - 1
        total = max((-(-n // stride) - 1) * stride + span - n, 0)
        lo = (total + (self.rule == "same_lower")) // 2
        lo = lo if self.before is None else self.before
        return lo, total - lo

    def output_size(self, n: int, span: int, stride: int) -> int:
        """Length of the convolution of `n` samples; may be below 1."""
        if self.is_same:
            return -(-n // stride)
        lo, hi = self.amounts(n, span, stride)
        return (lo + n + hi - span) // stride + 1

    def origins(self, q: int, span: int, stride: int) -> range:
        """All lengths, 1 or more, whose convolution has length `q`."""
        if self.is_same:
            return range((q - 1) * stride + 1, q * stride + 1)
        lo, hi = self.amounts(1, span, stride)
        least = (q - 1) * stride + span - lo - hi
        return range(max(1, least), max(1, least + stride))

    @property
    def is_same(self) -> bool:
        """Whether the length of the result is the input's over the stride."""
        return self.rule in ("same", "same_lower")


def parse_padding(padding: object, rank: int) -> tuple[Padding, ...]:
    """Translate `padding` as users give it, one value per axis."""
    if isinstance(padding, str):
        if padding not in _NAMES:
            names = ", ".join(_NAMES)
            msg = (
                f"padding {padding!r} is unknown: give an integer, one per axis, "
                f"a (lo, hi) pair per axis, or one of {names}"
            )
            raise GeometryError(msg)
        return (Padding(rule=padding),) * rank
    if not is_sequence(padding):
        amount = integer(padding, "padding")
        return (Padding(lo=amount, hi=amount),) * rank
    return _padding_entries(tuple(padding), rank)


def _padding_entries(entries: tuple[object, ...], rank: int) -> tuple[Padding, ...]:
    """One integer or one pair per axis."""
    if len(entries) != rank:
        hint = ""
        if rank == 1 and len(entries) == 2:
            hint = f"; a (lo, hi) pair for one axis is written ({entries!r},)"
        msg = (
            f"padding has {len(entries)} entries for {rank} spatial axes: give one "
            f"integer or one (lo, hi) pair per axis{hint}"
        )
        raise GeometryError(msg)
    found = []
    for axis, entry in enumerate(entries):
        name = f"padding on spatial axis {axis}"
        lo, hi = per_axis(entry, name, 2) if is_sequence(entry) else (entry, entry)
        found.append(Padding(lo=integer(lo, name), hi=integer(hi, name)))
    return tuple(found)


def centered(
    center: object,
    padding: object,
    reaches: tuple[int, ...],
    dilations: tuple[int, ...],
) -> tuple[Padding, ...]:
    """Padding "same" that lands tap `center` of the kernel on sample ``p * s``."""
    if not isinstance(padding, str) or padding != "same":
        msg = f"center needs padding='same', got padding={padding!r}"
        raise GeometryError(msg)
    found = []
    taps = per_axis(center, "center", len(reaches), least=0)
    for axis, (tap, reach, d) in enumerate(zip(taps, reaches, dilations, strict=True)):
        if tap * d > reach:
            msg = (
                f"center {tap} on spatial axis {axis} must be a tap of the kernel: "
                f"allowed are 0 to {reach // d}"
            )
            raise GeometryError(msg)
        found.append(Padding(rule="same", before=tap * d))
    return tuple(found)


def conv_length(
    n: int,
    span: int,
    stride: int,
    padding: Padding,
    axis: int,
    *,
    mixable: bool = False,
) -> int:
    """Length of a convolution, or why there is none; an axis may hold channels."""
    q = padding.output_size(n, span, stride)
    if q < 1:
        lo, hi = padding.amounts(n, span, stride)
        msg = (
            f"the kernel spans {span} samples on spatial axis {axis}, but only "
            f"{lo} + {n} + {hi} are there: pad more or shrink the kernel"
        )
        if mixable and n <= 4:
            msg += "; if this axis holds channels, give channel_axis"
        raise GeometryError(msg)
    return q


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The output length that a transposed convolution is asked for, on one axis."""

    extra: int = 0
    size: int | None = None

    def length(
        self, i: int, span: int, stride: int, padding: Padding, axis: int
    ) -> int:
        """Return the length asked for, or the usual one; it must be legal."""
        legal = padding.origins(i, span, stride)
        wanted = self._wanted(i, span, stride, padding, legal)
        if wanted in legal:
            return wanted
        allowed = f"those of length {legal[0]} to {legal[-1]}" if legal else "none"
        asked = f"output_size {wanted}"
        if self.size is None:
            asked = f"an output of length {wanted} (output_padding {self.extra}, of 0 "
            asked += f"to {stride - 1})"
        msg = (
            f"{asked} on spatial axis {axis} is out of reach: the convolutions that "
            f"give length {i} are {allowed}"
        )
        raise GeometryError(msg)

    def _wanted(
        self, i: int, span: int, stride: int, padding: Padding, legal: range
    ) -> int:
        """The length before it is checked."""
        if self.size is not None:
            return self.size
        if padding.is_same:
            return i * stride
        if padding.rule is not None:
            return legal[0] if legal else 0
        least = (i - 1) * stride + span - padding.lo - padding.hi
        return least + self.extra


def parse_wishes(
    output_padding: object,
    output_size: object,
    padding: tuple[Padding, ...],
) -> tuple[Wish, ...]:
    """Translate `output_padding` or `output_size`; only one of them may be given."""
    rank = len(padding)
    extras = per_axis(output_padding, "output_padding", rank, least=0)
    if output_size is not None:
        if any(extras):
            msg = (
                f"output_padding {output_padding!r} and output_size {output_size!r} "
                f"say the same thing twice: give one of them"
            )
            raise GeometryError(msg)
        sizes = per_axis(output_size, "output_size", rank, least=1)
        return tuple(Wish(size=size) for size in sizes)
    if any(extras) and any(one.rule is not None for one in padding):
        msg = (
            f"output_padding {output_padding!r} needs padding in numbers, got "
            f"{padding[0].rule!r}: give output_size instead"
        )
        raise GeometryError(msg)
    return tuple(Wish(extra=extra) for extra in extras)
