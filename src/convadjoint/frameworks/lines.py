"""One spatial axis of a call, and the axes that the rules of frameworks make of it."""

from dataclasses import dataclass

from convadjoint.errors import GeometryError
from convadjoint.geometry import Axis

__all__ = ["Line"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One spatial axis of a call: `n` samples, `k` taps, stride `s`, dilation `d`."""

    index: int
    n: int
    k: int
    s: int
    d: int

    @property
    def span(self) -> int:
        """Samples that the kernel covers, ``K``."""
        return (self.k - 1) * self.d + 1

    @property
    def full(self) -> int:
        """Length of the transposed convolution without any crop."""
        return (self.n - 1) * self.s + self.span

    def convolved(self, lo: int, hi: int) -> Axis:
        """The axis of a convolution with these paddings; the last window must fit."""
        if self.n + lo + hi < self.span:
            msg = (
                f"the kernel spans {self.span} samples on spatial axis {self.index}, "
                f"but only {lo} + {self.n} + {hi} are there: pad more or shrink it"
            )
            raise GeometryError(msg)
        return self.sized(lo, (self.n + lo + hi - self.span) // self.s + 1)

    def sized(self, lo: int, length: int) -> Axis:
        """The axis of a convolution of this output length."""
        return Axis(n=self.n, q=length, k=self.k, s=self.s, d=self.d, lo=lo)

    def same(self, *, lower: bool = False) -> Axis:
        """The axis of a convolution of ``ceil(n / s)`` outputs.

        An odd sample of padding goes to the end, or to the beginning if `lower`.
        """
        length = -(-self.n // self.s)
        padding = max((length - 1) * self.s + self.span - self.n, 0)
        return self.sized((padding + lower) // 2, length)

    def transposed(self, lo: int, length: int) -> Axis:
        """The axis of the convolution whose transpose writes `length` samples.

        The first `lo` samples of the full result are cropped.
        """
        if length < 1:
            msg = (
                f"the output on spatial axis {self.index} would have length {length}: "
                f"without any crop it has {self.full}"
            )
            raise GeometryError(msg)
        return Axis(n=length, q=self.n, k=self.k, s=self.s, d=self.d, lo=lo)
