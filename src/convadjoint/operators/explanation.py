"""What an operator says about itself."""

import numpy as np

from convadjoint.geometry import Axis, Border, ConvSpec, Layout

__all__ = ["explain", "summary"]


def summary(
    name: str, spec: ConvSpec, layout: Layout, dtype: np.dtype[np.inexact]
) -> str:
    """Return one line: what is convolved, and the shapes."""
    axes = layout.order[-len(spec.axes) :]
    return (
        f"<{name} {layout.dims} -> {layout.dimsd}, {dtype}, convolves {_axes(axes)}, "
        f"{_channels(spec, layout)}, {_batch(layout)}>"
    )


def explain(
    head: str,
    spec: ConvSpec,
    layout: Layout,
    *,
    nnz: int,
    dtype: np.dtype[np.inexact],
    engine: str,
    choice: tuple[str, str],
) -> str:
    """Return several lines: geometry, matrix, engine and the reason for it."""
    rows, columns = spec.shape
    size = spec.nbytes(dtype.itemsize, nnz=nnz)
    name, reason = choice
    lines = [head]
    places = layout.order[-len(spec.axes) :]
    for place, axis, extend, fold in zip(
        places, spec.axes, spec.extend, spec.fold, strict=True
    ):
        lines.append(f"  axis {place}: {_axis(axis, extend, fold)}")
    lines.append(f"  matrix: {rows} x {columns}, {nnz} entries, {size:,} bytes as CSR")
    lines.append(f"  engine: {name} (asked for: {engine}), {reason}")
    return "\n".join(lines)


def _axes(axes: tuple[int, ...]) -> str:
    """The convolved axes."""
    listed = ", ".join(str(axis) for axis in axes)
    return f"axis {listed}" if len(axes) == 1 else f"axes {listed}"


def _channels(spec: ConvSpec, layout: Layout) -> str:
    """How channels are mixed."""
    if len(layout.order) == layout.batch_axes + len(spec.axes):
        return "mixes no channels"
    place = layout.order[layout.batch_axes]
    groups = f" in {spec.groups} groups" if spec.groups > 1 else ""
    return f"channels on axis {place} ({spec.c_in} -> {spec.c_out}{groups})"


def _batch(layout: Layout) -> str:
    """The axes that are only carried along."""
    axes = layout.order[: layout.batch_axes]
    return f"batch {_axes(axes)}" if axes else "no batch"


def _axis(axis: Axis, extend: Border | None, fold: Border | None) -> str:
    """Lengths and integers of one axis."""
    n = extend.n if extend else axis.n
    q = fold.n if fold else axis.q
    border = extend or fold
    lo, mode = (border.lo, border.mode) if border else (axis.lo, "zeros")
    if axis.t > 1 or fold:
        lo = axis.reach - axis.lo if fold is None else lo
        kind, stride = "transposed", axis.t
    else:
        kind, stride = "convolved", axis.s
    return (
        f"{n} -> {q} samples {kind}, {axis.k} taps, stride {stride}, dilation "
        f"{axis.d}, padding {lo} before, {mode}"
    )
