"""A convolution of batches, channels and several axes, as integers."""

from dataclasses import dataclass, replace
from math import prod

from convadjoint.errors import GeometryError
from convadjoint.geometry.axis import Axis
from convadjoint.geometry.boundary import Border
from convadjoint.geometry.checks import integer
from convadjoint.geometry.rows import Run, runs, touched

__all__ = ["ConvSpec"]

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvSpec:
    """The geometry of a convolution in canonical order: batch, channel, space.

    Parameters
    ----------
    axes : tuple of Axis
        One per spatial axis, of the convolution with zeros outside.
    batch : int, optional
        Number of independent signals; may be 0.
    c_in, c_out : int, optional
        Channels read and written.
    groups : int, optional
        Blocks of channels that do not see each other; divides both counts.
    extend, fold : tuple of (Border or None), optional
        Per axis: how the input is extended before the convolution, or how its output
        is folded after it.  The transpose exchanges the two.

    Raises
    ------
    GeometryError
        If groups do not divide the channels, or a border does not fit its axis.

    Examples
    --------
    >>> from convadjoint.geometry import Axis, ConvSpec
    >>> spec = ConvSpec(axes=(Axis(n=4, q=2, k=3),) * 2, c_in=2, c_out=3)
    >>> spec.dims, spec.dimsd, spec.kernel_shape, spec.nnz
    ((1, 2, 4, 4), (1, 3, 2, 2), (3, 2, 3, 3), 216)
    """

    axes: tuple[Axis, ...]
    batch: int = 1
    c_in: int = 1
    c_out: int = 1
    groups: int = 1
    extend: tuple[Border | None, ...] = ()
    fold: tuple[Border | None, ...] = ()

    def __post_init__(self) -> None:
        nothing = (None,) * len(self.axes)
        object.__setattr__(self, "extend", self.extend or nothing)
        object.__setattr__(self, "fold", self.fold or nothing)
        integer(self.batch, "batch", least=0)
        for name in ("c_in", "c_out", "groups"):
            integer(getattr(self, name), name, least=1)
        self._check_groups()
        for index in range(len(self.axes)):
            self._check_borders(index)

    def _check_groups(self) -> None:
        """Groups divide the channels on both sides."""
        if self.c_in % self.groups or self.c_out % self.groups:
            msg = (
                f"groups must divide the channels of both sides: groups {self.groups}, "
                f"{self.c_in} channels in, {self.c_out} out"
            )
            raise GeometryError(msg)

    def _check_borders(self, index: int) -> None:
        """A border is as long as the side of the axis that it extends."""
        axis, extend, fold = self.axes[index], self.extend[index], self.fold[index]
        if extend and fold:
            msg = f"spatial axis {index} is both extended and folded: only one may be"
            raise GeometryError(msg)
        for border, length in ((extend, axis.n), (fold, axis.q)):
            if border and border.length != length:
                msg = (
                    f"the border of spatial axis {index} has length {border.length}, "
                    f"its axis needs {length}"
                )
                raise GeometryError(msg)

    @property
    def dims(self) -> tuple[int, ...]:
        """Shape of the input, ``(batch, c_in, *n)``."""
        return (self.batch, self.c_in, *self.sizes)

    @property
    def dimsd(self) -> tuple[int, ...]:
        """Shape of the output, ``(batch, c_out, *q)``."""
        return (self.batch, self.c_out, *self.transpose().sizes)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Spatial shape of the input, before any extension."""
        return tuple(
            border.n if border else axis.n
            for axis, border in zip(self.axes, self.extend, strict=True)
        )

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Shape of the kernel, ``(c_out, c_in/groups, *k)``."""
        return (self.c_out, self.c_in // self.groups, *(axis.k for axis in self.axes))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of C."""
        return prod(self.dimsd), prod(self.dims)

    @property
    def nnz(self) -> int:
        """Entries of C if no tap is zero; taps that meet on a sample count once."""
        columns = zip(self.axes, self.extend, self.fold, strict=True)
        per_axis = (
            sum(run.count * run.width for run in runs(axis, extend=before, fold=after))
            if before or after
            else sum(axis.link(j).count for j in range(axis.k))
            for axis, before, after in columns
        )
        return self.batch * self.c_out * (self.c_in // self.groups) * prod(per_axis)

    def runs(self) -> tuple[tuple[Run, ...], ...]:
        """Rows of C along each spatial axis, grouped."""
        return tuple(
            runs(axis, extend=before, fold=after)
            for axis, before, after in zip(
                self.axes, self.extend, self.fold, strict=True
            )
        )

    def nbytes(self, itemsize: int, *, nnz: int | None = None) -> int:
        """Return the bytes of C as CSR with samples of `itemsize` bytes."""
        entries = self.nnz if nnz is None else nnz
        index = index_bytes(entries, self.shape)
        return entries * (itemsize + index) + (self.shape[0] + 1) * index

    def transpose(self) -> "ConvSpec":
        """Exchange input and output."""
        return replace(
            self,
            axes=tuple(axis.transpose() for axis in self.axes),
            c_in=self.c_out,
            c_out=self.c_in,
            extend=self.fold,
            fold=self.extend,
        )

    def flattened(self) -> "ConvSpec":
        """Take the last axes as one as long as both are idle: the matrix is the same."""
        if len(self.axes) < 2 or any((*self.extend[-2:], *self.fold[-2:])):
            return self
        first, last = self.axes[-2:]
        if not (first.idle and last.idle):
            return self
        size = first.n * last.n
        return replace(
            self,
            axes=(*self.axes[:-2], Axis(n=size, q=size, k=1)),
            extend=self.extend[:-1],
            fold=self.fold[:-1],
        ).flattened()

    def window(self, rows: Ranges, columns: Ranges) -> "ConvSpec":
        """Return the block of C with these output and input samples, per axis.

        Parameters
        ----------
        rows, columns : tuple of (int, int)
            One half-open range per spatial axis.

        Returns
        -------
        ConvSpec
            The geometry whose matrix is the block.

        Raises
        ------
        GeometryError
            If a range is empty or outside, or the boundary is not zero: extend the
            signal first, and take the window of the convolution that follows.
        """
        if any(self.extend) or any(self.fold):
            msg = "a window needs zeros outside: take it of the spec without borders"
            raise GeometryError(msg)
        axes = tuple(
            axis.window(*ranges)
            for axis, *ranges in zip(self.axes, rows, columns, strict=True)
        )
        return replace(self, axes=axes)

    def joined(self, rows: Ranges, columns: Ranges) -> tuple[Ranges, Ranges] | None:
        """Return these ranges without the ends that no tap joins, None if all are."""
        found = _narrowed(rows, self.window(rows, columns).axes)
        if found is None:
            return None
        axes = self.window(found, columns).transpose().axes
        others = _narrowed(columns, axes)
        return None if others is None else (found, others)


def _narrowed(ranges: Ranges, axes: tuple[Axis, ...]) -> Ranges | None:
    """The outputs of windows, as far as they may read anything."""
    parts = [touched(axis) for axis in axes]
    if not all(parts):
        return None
    return tuple(
        (first + part.start, first + part.stop)
        for (first, _), part in zip(ranges, parts, strict=True)
    )


INT32_MAX = 2**31 - 1


def index_bytes(nnz: int, shape: tuple[int, int]) -> int:
    """Bytes of a CSR index: 4 while all of them fit into 32 bits, else 8."""
    return 4 if max(nnz, *shape) <= INT32_MAX else 8
