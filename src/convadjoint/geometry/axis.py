"""One axis of a convolution: seven integers, and the links between its samples.

This is the ground floor.  Every length that the library allocates, reports or checks
is computed in this package, from Python's unbounded integers, so no size ever wraps.
Nothing here touches an array; only the standard library is imported.

Notation, used by every docstring of the package (all are counts of samples):

``n`` input length, ``q`` output length, ``k`` taps, ``s`` output stride, ``t`` input
stride, ``d`` dilation, ``lo`` padding before the input (negative: cropped).

The whole geometry is one relation: tap ``j`` joins input sample ``m`` to output sample
``p`` where ``p*s + j*d - lo = m*t``.  A convolution has ``t = 1``, a transposed one
``s = 1``.  Exchanging the roles of input and output is exchanging integers, so there
is no second set of rules for the transpose.

Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning",
arXiv:1603.07285, chapters 2, 4 and 5.
"""

from dataclasses import dataclass, fields
from math import gcd

from convadjoint.errors import GeometryError
from convadjoint.geometry.checks import integer

__all__ = ["Axis", "Link"]


@dataclass(frozen=True, slots=True)
class Link:
    """Samples that one tap joins: `count` pairs, equally spaced on either side."""

    input_start: int
    output_start: int
    input_step: int
    output_step: int
    count: int

    @property
    def input(self) -> slice:
        """The input samples."""
        return _slice(self.input_start, self.input_step, self.count)

    @property
    def output(self) -> slice:
        """The output samples."""
        return _slice(self.output_start, self.output_step, self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of a (transposed) convolution.  Hashable, and legal by construction.

    Parameters
    ----------
    n, q, k : int
        Input length, output length and number of taps, each at least 1.
    s, t, d : int, optional
        Output stride, input stride and dilation, each at least 1.
    lo : int, optional
        Padding before the input; negative values crop.

    Raises
    ------
    GeometryError
        If one of the counts is below 1.
    TypeError
        If one of the seven is not an integer.

    Notes
    -----
    ``y[p] = sum(w[j] * x[m])`` over all ``j, m`` with ``p*s + j*d - lo == m*t``, with
    nothing outside ``0 <= m < n`` and ``0 <= p < q``.

    Examples
    --------
    >>> from convadjoint.geometry import Axis
    >>> axis = Axis(n=5, q=3, k=3, s=2, lo=1)
    >>> axis.transpose()
    Axis(n=3, q=5, k=3, s=1, t=2, d=1, lo=1)
    >>> axis.link(0).input, axis.link(0).output
    (slice(1, 4, 2), slice(1, 3, 1))
    """

    n: int
    q: int
    k: int
    s: int = 1
    t: int = 1
    d: int = 1
    lo: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            least = None if field.name == "lo" else 1
            name = f"{field.name} of an Axis"
            value = integer(getattr(self, field.name), name, least=least)
            object.__setattr__(self, field.name, value)

    @property
    def reach(self) -> int:
        """Distance from the first tap to the last, ``(k - 1) * d``."""
        return (self.k - 1) * self.d

    @property
    def idle(self) -> bool:
        """Whether each output sample is the input sample there, but for a factor."""
        return self.k == self.s == self.t == 1 and self.lo == 0 and self.n == self.q

    def transpose(self) -> "Axis":
        """Exchange input and output; tap ``j`` becomes tap ``k - 1 - j``."""
        return Axis(
            n=self.q,
            q=self.n,
            k=self.k,
            s=self.t,
            t=self.s,
            d=self.d,
            lo=self.reach - self.lo,
        )

    def exchange(self) -> "Axis":
        """Exchange input and kernel; output ``p`` becomes output ``q - 1 - p``.

        The relation is symmetric in all three: this axis reads the taps of the kernel,
        and the samples of the input are its taps.
        """
        return Axis(
            n=self.k,
            q=self.q,
            k=self.n,
            s=self.s,
            t=self.d,
            d=self.t,
            lo=(self.q - 1) * self.s - self.lo,
        )

    def window(self, rows: tuple[int, int], columns: tuple[int, int]) -> "Axis":
        """Return the block ``C[a:b, c:e]``, which is again an axis.

        Parameters
        ----------
        rows, columns : (int, int)
            Half-open ranges of output and of input samples, neither empty.

        Returns
        -------
        Axis
            The axis whose matrix is the block.

        Raises
        ------
        GeometryError
            If a range is empty or leaves the axis.
        """
        a, b = _checked_range(rows, "rows", self.q)
        c, e = _checked_range(columns, "columns", self.n)
        lo = self.lo - a * self.s + c * self.t
        return Axis(n=e - c, q=b - a, k=self.k, s=self.s, t=self.t, d=self.d, lo=lo)

    def link(self, j: int) -> Link:
        """Return the samples that tap `j` joins, ``0 <= j < k``."""
        shared = gcd(self.s, self.t)
        shift = j * self.d - self.lo
        in_step, out_step = self.s // shared, self.t // shared
        if shift % shared:
            return Link(0, 0, in_step, out_step, 0)
        # p must solve p*s + shift = 0 modulo t; the inverse exists as the steps are
        # coprime.
        phase = -(shift // shared) * pow(in_step, -1, out_step) % out_step
        least = max(0, -(shift // self.s))
        first = least + (phase - least) % out_step
        last = min(self.q - 1, ((self.n - 1) * self.t - shift) // self.s)
        count = max(0, (last - first) // out_step + 1)
        if not count:
            return Link(0, 0, in_step, out_step, 0)
        start = (first * self.s + shift) // self.t
        return Link(start, first, in_step, out_step, count)


def _slice(start: int, step: int, count: int) -> slice:
    """`count` samples from `start` on."""
    return slice(start, start + (count - 1) * step + 1 if count else start, step)


def _checked_range(bounds: tuple[int, int], name: str, length: int) -> tuple[int, int]:
    """Return `bounds` if it is a non-empty range of ``0..length``."""
    first, stop = (integer(bound, f"{name} of a window") for bound in bounds)
    if not 0 <= first < stop <= length:
        msg = (
            f"{name} {first}:{stop} of a window are empty or outside 0:{length}: "
            f"give first < stop within it"
        )
        raise GeometryError(msg)
    return first, stop
