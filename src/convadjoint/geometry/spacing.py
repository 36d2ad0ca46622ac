"""Axes of one tap: samples moved apart, left out, or continued beyond the ends."""

from convadjoint.errors import GeometryError
from convadjoint.geometry.axis import Axis
from convadjoint.geometry.boundary import Border

__all__ = ["decimated", "padded", "spread_out"]


def padded(
    n: int, ends: tuple[int, int], mode: str, place: int
) -> tuple[Axis, Border | None]:
    """`n` samples continued (or cropped) on both sides, on axis `place`."""
    lo, hi = ends
    q = n + lo + hi
    if q < 1:
        msg = f"padding ({lo}, {hi}) leaves nothing of {n} samples on axis {place}"
        raise GeometryError(msg)
    if mode == "zeros":
        return Axis(n=n, q=q, k=1, lo=lo), None
    return Axis(n=q, q=q, k=1), Border(n=n, length=q, lo=lo, mode=mode)


def decimated(n: int, step: int, offset: int, place: int) -> Axis:
    """Every `step`-th of `n` samples, from `offset` on."""
    if offset >= n:
        msg = f"offset {offset} is past the {n} samples of axis {place}: 0 to {n - 1}"
        raise GeometryError(msg)
    return Axis(n=n, q=-(-(n - offset) // step), k=1, s=step, lo=-offset)


def spread_out(n: int, step: int, offset: int, size: int | None, place: int) -> Axis:
    """`n` samples put `step` apart, the first at `offset`, into `size` samples."""
    least = (n - 1) * step + offset + 1
    q = max(n * step, least) if size is None else size
    if q < least:
        msg = (
            f"size {q} on axis {place} has no room for {n} samples at a distance of "
            f"{step} from {offset} on: at least {least} is needed"
        )
        raise GeometryError(msg)
    return Axis(n=n, q=q, k=1, t=step, lo=offset)
