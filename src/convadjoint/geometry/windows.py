"""Windows that slide along axes, as pooling sees them."""

from dataclasses import dataclass

from convadjoint.errors import GeometryError
from convadjoint.geometry.axis import Axis
from convadjoint.geometry.checks import flag, per_axis
from convadjoint.geometry.layout import Roles, places
from convadjoint.geometry.padding import Padding, parse_padding

__all__ = ["Pooling", "Window"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The windows of one axis: `axis` says what they read, `hi` is the padding after.

    A window may reach beyond that padding where lengths are rounded up.
    """

    axis: Axis
    hi: int = 0

    def bounds(self, *, padding: bool) -> tuple[int, int]:
        """Samples among which taps count: the signal, or it and its padding."""
        axis = self.axis
        return (-axis.lo, axis.n + self.hi) if padding else (0, axis.n)

    def full(self, *, padding: bool) -> bool:
        """Whether all taps of all windows count."""
        first, stop = self.bounds(padding=padding)
        axis = self.axis
        last = (axis.q - 1) * axis.s - axis.lo + axis.reach
        return first <= -axis.lo and last < stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooling:
    """Pooling as users describe it; `resolve` turns it into integers."""

    dims: tuple[int, ...]
    size: object
    stride: object = None
    padding: object = 0
    dilation: object = 1
    ceil_mode: bool = False
    axes: object = None

    def resolve(self) -> tuple[Roles, tuple[Window, ...]]:
        """Return the pooled axes and their windows."""
        flag(self.ceil_mode, "ceil_mode")
        place = places(self.dims, self.size, "size", self.axes)
        rank = len(place.axes)
        stride = self.size if self.stride is None else self.stride
        columns = zip(
            place.axes,
            per_axis(self.size, "size", rank, least=1),
            per_axis(stride, "stride", rank, least=1),
            per_axis(self.dilation, "dilation", rank, least=1),
            parse_padding(self.padding, rank),
            strict=True,
        )
        return place, tuple(
            self._window(axis, k, s, d, padding) for axis, k, s, d, padding in columns
        )

    def _window(self, place: int, k: int, s: int, d: int, padding: Padding) -> Window:
        """The windows of one axis."""
        n, span = self.dims[place], (k - 1) * d + 1
        lo, hi = padding.amounts(n, span, s)
        if self.ceil_mode and not padding.is_same:
            q = rounded_up(n, span, s, lo, hi)
        else:
            q = padding.output_size(n, span, s)
        if q < 1:
            msg = (
                f"a window spans {span} samples on axis {place}, but only {lo} + {n} + "
                f"{hi} are there: pad more or shrink the window"
            )
            raise GeometryError(msg)
        return Window(axis=Axis(n=n, q=q, k=k, s=s, d=d, lo=lo), hi=hi)


def rounded_up(n: int, span: int, s: int, lo: int, hi: int) -> int:
    """Windows, the last of which may end beyond the padding.

    It has to start in the signal or in the padding before it.
    """
    return min(-(-(n + lo + hi - span) // s) + 1, -(-(n + lo) // s))
