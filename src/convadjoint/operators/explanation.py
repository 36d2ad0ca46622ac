"""What an operator says about itself."""

import numpy as np

from convadjoint.geometry import Axis, Border, ConvSpec, Layout

__all__ = ["explain", "summary"]


def summary(
    name: str, spec: ConvSpec, layout: Layout, dtype: np.dtype[np.inexact]
) -> str:
    """Return one line; `spec` is that of the convolution also for its transpose."""
    here, there = layout.seen
    # Axes are counted on the side that shows them one by one.
    order = layout.order if here == layout.dims else layout.orderd
    axes = order[-len(spec.axes) :]
    taps = " x ".join(str(axis.k) for axis in spec.axes)
    parts = [f"{taps} taps on {_axes(axes)}", *_steps(spec), _channels(spec, layout)]
    if layout.batch_axes:
        parts.append(f"batch {_axes(order[: layout.batch_axes])}")
    return f"<{name} {here} -> {there}, {dtype}: {', '.join(parts)}>"


def explain(
    head: str,
    spec: ConvSpec,
    layout: Layout,
    *,
    transposed: bool,
    nnz: int,
    dtype: np.dtype[np.inexact],
    engine: str,
    choice: tuple[str, str],
) -> str:
    """Return several lines: geometry, matrix, engine and the reason for it.

    `spec` is that of the convolution, `layout` that of the operator.
    """
    lines = [head]
    places = layout.order[-len(spec.axes) :]
    for place, axis, border in zip(places, spec.axes, spec.extend, strict=True):
        lines.append(f"  axis {place}: {_axis(axis, border, transposed)}")
    applied = spec.transpose() if transposed else spec
    (rows, columns), size = applied.shape, applied.nbytes(dtype.itemsize, nnz=nnz)
    lines.append(f"  matrix: {rows} x {columns}, {nnz} entries, {size:,} bytes as CSR")
    name, reason = choice
    lines.append(f"  engine: {name} (asked for: {engine})")
    lines.append(f"    {reason}")
    return "\n".join(lines)


def _axes(axes: tuple[int, ...]) -> str:
    """Some axes, by number."""
    listed = ", ".join(str(axis) for axis in axes)
    return f"axis {listed}" if len(axes) == 1 else f"axes {listed}"


def _steps(spec: ConvSpec) -> list[str]:
    """Stride and dilation, where there are any."""
    found = []
    for name, values in (
        ("stride", [axis.s for axis in spec.axes]),
        ("dilation", [axis.d for axis in spec.axes]),
    ):
        if set(values) != {1}:
            single = len(set(values)) == 1
            found.append(f"{name} {values[0] if single else tuple(values)}")
    return found


def _channels(spec: ConvSpec, layout: Layout) -> str:
    """How channels are mixed."""
    plain = layout.batch_axes + len(spec.axes)
    if len(layout.order) == plain == len(layout.orderd):
        return "no channels mixed"
    sides = (layout.dims, layout.order), (layout.dimsd, layout.orderd)
    here, there = (
        dims[order[layout.batch_axes]] if len(order) > plain else 1
        for dims, order in sides
    )
    seen = layout.order if len(layout.order) > plain else layout.orderd
    groups = f" in {spec.groups} groups" if spec.groups > 1 else ""
    return f"channels {here} -> {there} on axis {seen[layout.batch_axes]}{groups}"


def _axis(axis: Axis, border: Border | None, transposed: bool) -> str:
    """Lengths and integers of one axis of the convolution."""
    n, lo = (border.n, border.lo) if border else (axis.n, axis.lo)
    mode = border.mode if border else "zeros"
    sides = f"{axis.q} -> {n}" if transposed else f"{n} -> {axis.q}"
    return (
        f"{sides} samples, {axis.k} taps, stride {axis.s}, dilation {axis.d}, "
        f"padding {lo} before, {mode} outside"
    )
