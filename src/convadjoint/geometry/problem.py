"""From the words of the operators to the integers: the one door into the geometry."""

from dataclasses import dataclass, replace
from math import prod

from convadjoint.errors import GeometryError
from convadjoint.geometry.axis import Axis
from convadjoint.geometry.boundary import Border, checked_mode
from convadjoint.geometry.checks import check_no_array, integer, is_sequence, per_axis
from convadjoint.geometry.layout import Layout, Roles, roles, total
from convadjoint.geometry.padding import (
    Padding,
    Wish,
    centered,
    conv_length,
    parse_padding,
    parse_wishes,
)
from convadjoint.geometry.spec import ConvSpec

__all__ = ["Problem", "padding_modes", "shape_of"]

_LARGEST = 2**61


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A convolution as users describe it; `resolve` turns it into integers.

    The fields are the keywords of the operators.  `kernel_shape` is that of the
    convolution's kernel also when `dims` is the input of the transposed convolution.
    Where there is a word for the axis of channels, it is `mixable`.
    """

    dims: object
    kernel_shape: tuple[int, ...]
    rank: int | None = None
    transposed: bool = False
    stride: object = 1
    padding: object = 0
    dilation: object = 1
    groups: object = 1
    padding_mode: object = "zeros"
    axes: object = None
    channel_axis: object = None
    center: object = None
    flip: bool = False
    output_padding: object = 0
    output_size: object = None
    mixable: bool = True

    def resolve(self) -> tuple[ConvSpec, Layout]:
        """Return spec and layout of the convolution (not of its transpose)."""
        dims = shape_of(self.dims)
        total(dims, "dims")
        rank, mixes = self._rank()
        place = roles(
            len(dims),
            rank,
            axes=self.axes,
            channel_axis=self.channel_axis,
            mixes=mixes,
        )
        taps = self.kernel_shape[len(self.kernel_shape) - rank :]
        lines = self._lines(taps, tuple(dims[axis] for axis in place.axes))
        here, there = self._channels(dims, place, mixes)
        spec = ConvSpec(
            axes=tuple(line.axis() for line in lines),
            batch=prod(dims[axis] for axis in place.batch),
            c_in=there if self.transposed else here,
            c_out=here if self.transposed else there,
            groups=integer(self.groups, "groups", least=1),
            extend=tuple(line.border() for line in lines),
        )
        sizes = tuple(line.n if self.transposed else line.q for line in lines)
        other = place.replaced(dims, sizes, there)
        total(other, "dimsd")
        layout = place.layout(*((other, dims) if self.transposed else (dims, other)))
        return spec, layout

    def _rank(self) -> tuple[int, bool]:
        """Number of convolved axes, and whether the kernel mixes channels."""
        ndim = len(self.kernel_shape)
        if any(length < 1 for length in self.kernel_shape):
            msg = f"the kernel is empty: its shape is {self.kernel_shape}"
            raise GeometryError(msg)
        if self.rank is None:
            mixes = self.channel_axis is not None
            rank = ndim - 2 if mixes else ndim
        else:
            rank, mixes = self.rank, ndim == self.rank + 2
        if rank < 1 or ndim != rank + 2 * mixes:
            wanted = rank if self.rank else "1 or more"
            msg = (
                f"a kernel of shape {self.kernel_shape} has rank {ndim}: give (*k) "
                f"with {wanted} axes, or (c_out, c_in/groups, *k) to mix channels"
            )
            raise GeometryError(msg)
        if not mixes and integer(self.groups, "groups", least=1) != 1:
            msg = (
                f"groups {self.groups} needs a kernel that mixes channels, "
                f"(c_out, c_in/groups, *k); this one has shape {self.kernel_shape}"
            )
            raise GeometryError(msg)
        return rank, mixes

    def _channels(
        self, dims: tuple[int, ...], place: Roles, mixes: bool
    ) -> tuple[int, int]:
        """Channels of the operator's input, which must fit, and of its output."""
        if not mixes:
            return 1, 1
        groups = integer(self.groups, "groups", least=1)
        c_out, per_group = self.kernel_shape[:2]
        c_in = per_group * groups
        here, there = (c_out, c_in) if self.transposed else (c_in, c_out)
        given = dims[place.channel or 0]
        if given != here:
            side = "c_out" if self.transposed else "c_in/groups times groups"
            msg = (
                f"dims {dims} has {given} channels on axis {place.channel}, the kernel "
                f"{self.kernel_shape} with groups {groups} takes {here} ({side})"
            )
            raise GeometryError(msg)
        return here, there

    def _lines(
        self, taps: tuple[int, ...], sizes: tuple[int, ...]
    ) -> tuple["_Line", ...]:
        """All that is known of each spatial axis."""
        rank = len(taps)
        strides = per_axis(self.stride, "stride", rank, least=1)
        dilations = per_axis(self.dilation, "dilation", rank, least=1)
        padding = self._padding(taps, dilations)
        modes = padding_modes(self.padding_mode, rank)
        for name, values in (("stride", strides), ("dilation", dilations)):
            if max(values) > _LARGEST:
                msg = f"{name} {max(values)} is beyond {_LARGEST} (2**61)"
                raise GeometryError(msg)
        mixable = self.mixable and self.channel_axis is None
        lines = [
            _Line(k=k, s=s, d=d, padding=one, mode=mode, mixable=mixable)
            for k, s, d, one, mode in zip(
                taps, strides, dilations, padding, modes, strict=True
            )
        ]
        wishes = parse_wishes(self.output_padding, self.output_size, padding)
        return tuple(
            line.sized(index, size, wish if self.transposed else None)
            for index, (line, size, wish) in enumerate(
                zip(lines, sizes, wishes, strict=True)
            )
        )

    def _padding(
        self, taps: tuple[int, ...], dilations: tuple[int, ...]
    ) -> tuple[Padding, ...]:
        """Padding per axis; a center counts from the other end of a flipped kernel."""
        if self.center is None:
            return parse_padding(self.padding, len(taps))
        reaches = tuple((k - 1) * d for k, d in zip(taps, dilations, strict=True))
        found = centered(self.center, self.padding, reaches, dilations)
        if not self.flip:
            return found
        return tuple(
            Padding(rule="same", before=reach - (one.before or 0))
            for one, reach in zip(found, reaches, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One spatial axis of the convolution before borders are split off."""

    k: int
    s: int
    d: int
    padding: Padding
    mode: str
    mixable: bool
    n: int = 0
    q: int = 0

    @property
    def span(self) -> int:
        """Samples that the kernel covers."""
        return (self.k - 1) * self.d + 1

    def sized(self, index: int, size: int, wish: Wish | None) -> "_Line":
        """With both lengths; `wish` says what to make of a transposed one's input."""
        if size < 1:
            msg = (
                f"dims has length {size} on spatial axis {index}: at least 1 is needed"
            )
            raise GeometryError(msg)
        if wish is None:
            q = conv_length(
                size, self.span, self.s, self.padding, index, mixable=self.mixable
            )
            return replace(self, n=size, q=q)
        n = wish.length(size, self.span, self.s, self.padding, index)
        return replace(self, n=n, q=size)

    def axis(self) -> Axis:
        """The convolution with zeros outside; of the extended signal if there is one."""
        border = self.border()
        if border is None:
            n, lo = self.n, self._before
        else:
            n, lo = border.length, 0
        return Axis(n=n, q=self.q, k=self.k, s=self.s, d=self.d, lo=lo)

    def border(self) -> Border | None:
        """The extension, just as long as the outputs need it."""
        if self.mode == "zeros":
            return None
        length = (self.q - 1) * self.s + self.span
        total((length,), "an extended axis of length")
        return Border(n=self.n, length=length, lo=self._before, mode=self.mode)

    @property
    def _before(self) -> int:
        """Samples of padding before the axis."""
        return self.padding.amounts(self.n, self.span, self.s)[0]


def padding_modes(
    given: object, rank: int, name: str = "padding_mode"
) -> tuple[str, ...]:
    """One padding mode per axis."""
    if not is_sequence(given):
        return (checked_mode(given, name),) * rank
    modes = tuple(given)
    if len(modes) != rank:
        msg = (
            f"{name} has {len(modes)} entries for {rank} spatial axes: give one "
            f"string, or {rank}"
        )
        raise GeometryError(msg)
    return tuple(checked_mode(mode, name) for mode in modes)


def shape_of(dims: object, name: str = "dims") -> tuple[int, ...]:
    """Return a shape as users give it: one length, or one per axis."""
    check_no_array(dims, "the input" if name == "dims" else name)
    entries = tuple(dims) if is_sequence(dims) else (dims,)
    return tuple(
        integer(entry, f"{name}[{axis}]", least=0) for axis, entry in enumerate(entries)
    )
