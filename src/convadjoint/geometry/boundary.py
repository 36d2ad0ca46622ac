"""What lies outside a signal: one source sample, per axis, for each border sample.

A convolution with a boundary other than zero is ``C = Z E``: extend the signal (`E`,
a matrix with a single one in each row), then convolve with zeros outside (`Z`).  Its
transpose is ``E' Z'``: convolve, then fold the border back and add.  Both walk the
same `Border.pieces`.

======================  ==================  =============  ==========
here and torch          ``numpy.pad``       ndimage        ODL
======================  ==================  =============  ==========
reflect                 reflect             mirror         symmetric
symmetric               symmetric           reflect        --
replicate               edge                nearest        order0
circular                wrap                wrap           periodic
======================  ==================  =============  ==========
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from convadjoint.errors import GeometryError
from convadjoint.geometry.checks import integer

__all__ = ["PADDING_MODES", "Border", "Piece", "boundary_index"]


def _reflect(i: int, n: int) -> int:
    """Mirror at the last sample, which is not repeated: ``c b | a b c | b a``."""
    period = 2 * (n - 1) or 1
    return min(i % period, period - i % period) if n > 1 else 0


def _symmetric(i: int, n: int) -> int:
    """Mirror behind the last sample, which is repeated: ``b a | a b c | c b``."""
    return min(i % (2 * n), 2 * n - 1 - i % (2 * n))


def _replicate(i: int, n: int) -> int:
    """Hold the last sample: ``a a | a b c | c c``."""
    return min(max(i, 0), n - 1)


def _circular(i: int, n: int) -> int:
    """Start again at the other end: ``b c | a b c | a b``."""
    return i % n


_RULES = {
    "reflect": _reflect,
    "symmetric": _symmetric,
    "replicate": _replicate,
    "circular": _circular,
}
PADDING_MODES = ("zeros", *_RULES)


def boundary_index(mode: str, i: int, n: int) -> int | None:
    """Return the sample of ``0..n-1`` that stands at position `i` of the line.

    Parameters
    ----------
    mode : {"zeros", "reflect", "symmetric", "replicate", "circular"}
        What continues the signal; a pad may be longer than the signal itself.
    i : int
        Any position, negative ones before the signal.
    n : int
        Length of the signal, at least 1.

    Returns
    -------
    int or None
        The source sample, or None where the signal is continued by zeros.

    Raises
    ------
    GeometryError
        If `mode` is unknown or `n` below 1.

    Examples
    --------
    >>> from convadjoint.geometry import boundary_index
    >>> [boundary_index("reflect", i, 3) for i in range(-2, 5)]
    [2, 1, 0, 1, 2, 1, 0]
    """
    n = integer(n, "length n", least=1)
    if 0 <= i < n:
        return i
    if mode == "zeros":
        return None
    return _RULES[checked_mode(mode)](i, n)


def checked_mode(mode: object, name: str = "padding_mode") -> str:
    """Return `mode` if it is one of the five padding modes."""
    if not isinstance(mode, str):
        msg = f"{name} must be a string, got {mode!r} ({type(mode).__name__})"
        raise TypeError(msg)
    if mode not in PADDING_MODES:
        names = ", ".join(PADDING_MODES)
        msg = f"{name} {mode!r} is unknown: choose one of {names}"
        raise GeometryError(msg)
    return mode


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the extended signal that reads its source at a constant step.

    Extended samples ``start .. start + count - 1`` read ``source``, ``source + step``,
    and so on; `step` is 1, -1 or 0.
    """

    start: int
    source: int
    step: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """The extension of `n` samples to `length`, the first of them `lo` to the right.

    Parameters
    ----------
    n : int
        Samples of the signal.
    length : int
        Samples of the extended signal.
    lo : int
        Position of the signal's first sample in the extended one; negative if the
        signal's beginning is cropped.
    mode : {"reflect", "symmetric", "replicate", "circular"}
        What the border repeats.

    Examples
    --------
    >>> from convadjoint.geometry import Border
    >>> border = Border(n=3, length=7, lo=2, mode="symmetric")
    >>> [border.source(i) for i in range(7)]
    [1, 0, 0, 1, 2, 2, 1]
    """

    n: int
    length: int
    lo: int
    mode: str

    def __post_init__(self) -> None:
        for name in ("n", "length"):
            integer(getattr(self, name), f"{name} of a Border", least=1)
        integer(self.lo, "lo of a Border")
        if checked_mode(self.mode) == "zeros":
            msg = "a Border repeats samples: zeros outside need the Axis alone"
            raise GeometryError(msg)

    @property
    def core(self) -> range:
        """Extended positions that hold the signal itself."""
        stop = min(self.length, self.lo + self.n)
        return range(min(max(0, self.lo), self.length), max(0, stop))

    def source(self, i: int) -> int:
        """Return the sample that stands at extended position `i`."""
        return _RULES[self.mode](i - self.lo, self.n)

    def outside(self) -> chain[int]:
        """Extended positions that repeat a sample of the signal."""
        core = self.core
        if not core:
            return chain(range(self.length))
        return chain(range(core.start), range(core.stop, self.length))

    def pieces(self) -> tuple[Piece, ...]:
        """Cut the extended signal into stretches of constant step."""
        return _pieces(self)


# Every product with a border asks for them, and finding them goes sample by sample.
@lru_cache(maxsize=256)
def _pieces(border: Border) -> tuple[Piece, ...]:
    """Stretches of constant step; that of the signal itself is the first one."""
    core = border.core
    found = []
    if core:
        found.append(Piece(core.start, core.start - border.lo, 1, len(core)))
    for i in border.outside():
        source = border.source(i)
        if not (len(found) > bool(core) and _grows(found, i, source)):
            found.append(Piece(i, source, 0, 1))
    return tuple(found)


def _grows(found: list[Piece], i: int, source: int) -> bool:
    """Let the last piece take in position `i` if the step allows it."""
    last = found[-1]
    if last.start + last.count != i:
        return False
    step = source - (last.source + last.step * (last.count - 1))
    if abs(step) > 1 or (last.count > 1 and step != last.step):
        return False
    found[-1] = Piece(last.start, last.source, step, last.count + 1)
    return True
