"""Where interpolation reads: coordinates as fractions, so that no rounding moves one.

Output sample ``p`` stands at ``start + p * step`` among the samples of the input.  With
``step = s / t`` in lowest terms, what it reads depends on ``m * t - p * s`` alone: so
interpolation is a convolution with output stride `s` and input stride `t`, of ones
(nearest) or of a tent (linear).

Source: the coordinates of PyTorch's ``torch.nn.functional.interpolate``.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, isfinite
from numbers import Rational, Real

from convadjoint.errors import GeometryError
from convadjoint.geometry.axis import Axis
from convadjoint.geometry.boundary import Border

__all__ = ["MODES", "Sampling", "resized", "sampled"]

MODES = ("nearest", "nearest-exact", "linear")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """`q` samples read from `n`, the first at `start`, neighbours `step` apart.

    Linear ones are weighted means of two neighbours; the signal is held beyond its
    ends.  Others are the sample before their place.
    """

    n: int
    q: int
    start: Fraction
    step: Fraction
    linear: bool

    def convolution(self) -> tuple[Axis, tuple[Fraction, ...], Border | None]:
        """The same as a convolution: its axis, its taps, and what lies outside.

        There is one tap for each of ``t`` phases, or two; the step must not be zero.
        """
        s, t = self.step.numerator, self.step.denominator
        center = self.start * t
        least = floor(center - t) + 1
        if not self.linear:
            return (
                Axis(n=self.n, q=self.q, k=t, s=s, t=t, lo=-least),
                (Fraction(1),) * t,
                None,
            )
        reached = range(least, ceil(center + t))
        taps = tuple(1 - abs(i - center) / t for i in reached)
        if self.start >= 0:
            axis = Axis(n=self.n, q=self.q, k=len(taps), s=s, t=t, lo=-least)
            return axis, taps, None
        border = Border(n=self.n, length=self.n + 2, lo=1, mode="replicate")
        length = border.length
        return (
            Axis(n=length, q=self.q, k=len(taps), s=s, t=t, lo=-least - t),
            taps,
            border,
        )


def sampled(
    n: int, q: int, step: Fraction, *, mode: str, align_corners: bool
) -> Sampling:
    """The sampling of one mode: where its first sample stands follows from the step.

    With `align_corners` the first and the last sample of both stand at the same places,
    otherwise the edges of the first and of the last do.
    """
    start = {"nearest": 0 * step, "nearest-exact": step / 2, "linear": (step - 1) / 2}
    linear = mode == "linear"
    if align_corners:
        corners = Fraction(n - 1, max(q - 1, 1))
        return Sampling(n=n, q=q, start=0 * step, step=corners, linear=linear)
    return Sampling(n=n, q=q, start=start[mode], step=step, linear=linear)


def resized(n: int, size: int | None, scale: object, axis: int) -> tuple[int, Fraction]:
    """Samples of the output, and their distance, from a size or else a scale."""
    if size is not None:
        return size, Fraction(n, size)
    if not isinstance(scale, Real):
        msg = f"scale must be a number, got {scale!r} ({type(scale).__name__})"
        raise TypeError(msg)
    if not isfinite(scale) or scale <= 0:
        msg = f"scale must be positive and finite, got {scale!r}"
        raise GeometryError(msg)
    number = Fraction(scale) if isinstance(scale, Rational) else float(scale)
    q = floor(n * number)
    if q < 1:
        msg = f"scale {scale!r} leaves nothing of {n} samples on axis {axis}"
        raise GeometryError(msg)
    # As in PyTorch, what keeps its length keeps its samples.  A float means the decimal
    # that it is written as: at a scale of 1.1, sample 11 reads sample 10.
    exact = number if isinstance(number, Fraction) else Fraction(repr(number))
    return q, 1 / exact if q != n else Fraction(1)
