"""Where batch, channel and spatial axes sit in the users' arrays."""

from dataclasses import dataclass
from math import prod

from convadjoint.errors import GeometryError
from convadjoint.geometry.checks import integer, is_sequence, per_axis

__all__ = ["Layout", "Roles", "places", "roles", "total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Shapes of both sides, and the order that makes each batch, channel, space.

    Parameters
    ----------
    dims, dimsd : tuple of int
        Shapes of the input and of the output as users see them.
    order, orderd : tuple of int
        Permutations of their axes into canonical order: all batch axes, the channel
        axis if there is one, the spatial axes.
    batch_axes : int
        How many of them are batch axes; canonically they are one.
    shown, shownd : tuple of int, optional
        What users see instead of `dims` and `dimsd`: the same samples in the same
        order, with neighbouring axes merged or split.

    Raises
    ------
    GeometryError
        If a shape shown has another number of samples.
    """

    dims: tuple[int, ...]
    dimsd: tuple[int, ...]
    order: tuple[int, ...]
    orderd: tuple[int, ...]
    batch_axes: int
    shown: tuple[int, ...] | None = None
    shownd: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for name, shape in (("shown", self.dims), ("shownd", self.dimsd)):
            seen = getattr(self, name)
            if seen is not None and prod(seen) != prod(shape):
                msg = f"{name} {seen} of a Layout has other samples than {shape}"
                raise GeometryError(msg)

    @property
    def seen(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shapes of input and output for users."""
        here = self.dims if self.shown is None else self.shown
        return here, self.dimsd if self.shownd is None else self.shownd

    def transpose(self) -> "Layout":
        """Exchange input and output."""
        return Layout(
            dims=self.dimsd,
            dimsd=self.dims,
            order=self.orderd,
            orderd=self.order,
            batch_axes=self.batch_axes,
            shown=self.shownd,
            shownd=self.shown,
        )

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Lengths of the batch axes."""
        return tuple(self.dims[axis] for axis in self.order[: self.batch_axes])


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """What each axis of an array is: convolved, channel, or batch."""

    ndim: int
    axes: tuple[int, ...]
    channel: int | None

    @property
    def batch(self) -> tuple[int, ...]:
        """The axes that are neither convolved nor channels."""
        taken = {*self.axes, self.channel}
        return tuple(axis for axis in range(self.ndim) if axis not in taken)

    @property
    def order(self) -> tuple[int, ...]:
        """The axes in canonical order."""
        channel = () if self.channel is None else (self.channel,)
        return (*self.batch, *channel, *self.axes)

    def layout(self, dims: tuple[int, ...], dimsd: tuple[int, ...]) -> Layout:
        """The same roles on both sides."""
        return Layout(
            dims=dims,
            dimsd=dimsd,
            order=self.order,
            orderd=self.order,
            batch_axes=len(self.batch),
        )

    def replaced(
        self, dims: tuple[int, ...], sizes: tuple[int, ...], channels: int
    ) -> tuple[int, ...]:
        """`dims` with other spatial sizes and, if there are any, channels."""
        shape = list(dims)
        for axis, size in zip(self.axes, sizes, strict=True):
            shape[axis] = size
        if self.channel is not None:
            shape[self.channel] = channels
        return tuple(shape)


def roles(
    ndim: int, rank: int, *, axes: object, channel_axis: object, mixes: bool
) -> Roles:
    """Decide what each of `ndim` axes is; `mixes`: the kernel mixes channels."""
    channel = None
    if channel_axis is not None:
        channel = _axis(channel_axis, "channel_axis", ndim)
    if axes is not None:
        convolved = tuple(
            _axis(axis, "axes", ndim) for axis in per_axis(axes, "axes", rank)
        )
    else:
        free = [axis for axis in range(ndim) if axis != channel]
        convolved = tuple(free[len(free) - rank :]) if len(free) >= rank else ()
    if len(convolved) != rank or len(set(convolved)) != rank:
        _refuse_axes(ndim, rank, axes, channel)
    if channel in convolved:
        msg = (
            f"channel_axis {channel_axis!r} is also one of the convolved axes {axes!r}"
        )
        raise GeometryError(msg)
    if not mixes:
        return Roles(ndim=ndim, axes=convolved, channel=None)
    if channel is None:
        channel = _channel_before(convolved)
    return Roles(ndim=ndim, axes=convolved, channel=channel)


def places(dims: tuple[int, ...], value: object, name: str, axes: object) -> Roles:
    """The axes that `value` speaks of: it has one entry for each, or one for all.

    Without `axes` these are the last ones, as many as it has entries; all of them if it
    is a single number.
    """
    ndim = len(dims)
    if axes is not None:
        named = tuple(axes) if is_sequence(axes) else (axes,)
        chosen = tuple(_axis(axis, "axes", ndim) for axis in named)
    else:
        rank = len(tuple(value)) if is_sequence(value) else ndim
        chosen = tuple(range(ndim - rank, ndim)) if rank <= ndim else ()
    if not chosen or len(set(chosen)) != len(chosen):
        given = "" if axes is None else f", got axes={axes!r}"
        msg = (
            f"{name} {value!r} needs one or more different axes of dims {dims}, one "
            f"for each of its entries{given}"
        )
        raise GeometryError(msg)
    for axis in chosen:
        if dims[axis] < 1:
            msg = f"dims has length {dims[axis]} on axis {axis}: at least 1 is needed"
            raise GeometryError(msg)
    return Roles(ndim=ndim, axes=chosen, channel=None)


def _axis(value: object, name: str, ndim: int) -> int:
    """Return one axis counted from the front."""
    axis = integer(value, name)
    if not -ndim <= axis < ndim:
        msg = f"{name} {axis} is out of range for {ndim}-dimensional dims"
        raise GeometryError(msg)
    return axis % ndim


def _refuse_axes(ndim: int, rank: int, axes: object, channel: int | None) -> None:
    """Say which axes a kernel of this rank can be laid along."""
    aside = "" if channel is None else f" besides channel axis {channel}"
    given = "" if axes is None else f", got axes={axes!r}"
    msg = (
        f"the kernel needs {rank} different axes to convolve; dims has {ndim} "
        f"axes{aside}{given}"
    )
    if rank > ndim:
        msg += "; a kernel that mixes channels needs channel_axis"
    raise GeometryError(msg)


def _channel_before(axes: tuple[int, ...]) -> int:
    """The axis just before the convolved ones, where channels sit by default."""
    channel = min(axes) - 1
    if channel < 0:
        msg = (
            f"the kernel mixes channels, but no axis precedes the convolved axes "
            f"{axes}: give channel_axis, or a dims with a channel axis"
        )
        raise GeometryError(msg)
    return channel


def total(dims: tuple[int, ...], name: str) -> int:
    """Number of samples, if an array can have as many."""
    size = prod(dims)
    if size > MAX_SIZE:
        msg = f"{name} {dims} has {size} samples: arrays end at {MAX_SIZE} (2**63 - 1)"
        raise GeometryError(msg)
    return size


MAX_SIZE = 2**63 - 1
