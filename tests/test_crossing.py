"""Columns and rows of a separable kernel, which go through both passes together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import convadjoint as ca
from checks import assert_same, assert_within
from convadjoint import engines
from convadjoint.engines import banded, crossing, cutting, direct, frames
from convadjoint.geometry import Axis, Border, ConvSpec
from fences import fences
from oracles import spec_dense
from strategies import MODES, SEEDS, integers, noise, upto

pytestmark = pytest.mark.skipif(
    direct.refuses(ConvSpec(axes=()), np.ones((1, 1))) is not None,
    reason="needs llvmlite",
)


@st.composite
def dense_axes(draw, most, taps):
    """An axis without strides; nearly always some tap joins two samples."""
    n, q, k = draw(upto(most)), draw(upto(most)), draw(upto(taps))
    p, j, m = (draw(upto(length)) - 1 for length in (q, k, n))
    d = draw(st.sampled_from((1, 1, 2, 3)))
    return Axis(n=n, q=q, k=k, d=d, lo=p + j * d - m)


@st.composite
def problems(draw):
    """Two axes, perhaps after another one, which the passes leave alone."""
    axes = draw(dense_axes(24, 6)), draw(dense_axes(40, 24))
    planes, groups = draw(st.sampled_from(((), (), (1,), (3,)))), draw(upto(2))
    spec = ConvSpec(
        axes=(*(Axis(n=count, q=count, k=1) for count in planes), *axes),
        batch=draw(upto(2)),
        c_in=groups,
        c_out=groups,
        groups=groups,
    )
    side = draw(st.sampled_from(("", "extend", "fold")))
    if not side:
        return spec
    lengths = [axis.n if side == "extend" else axis.q for axis in axes]
    found = [draw(st.none() | borders(length)) for length in lengths]
    return replace(spec, **{side: (*(None for _ in planes), *found)})


@st.composite
def borders(draw, length):
    """An extension to `length` samples."""
    mode, lo = draw(st.sampled_from(MODES)), draw(st.integers(-3, 12))
    return Border(n=draw(upto(30)), length=length, lo=lo, mode=mode)


# A row whose taps are a vector apart, once and twice, in float32 and in float64.
LONG = ConvSpec(axes=(Axis(n=9, q=9, k=3, lo=1), Axis(n=60, q=60, k=41, lo=20)))


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@example(spec=LONG, seed=1)
@given(spec=problems(), seed=SEEDS)
def test_whole_numbers_are_exact(small, dtype, spec, seed):
    rng = np.random.default_rng(seed)
    channels, taps = spec.c_out, [axis.k for axis in spec.axes[-2:]]
    column, row = (integers(rng, (channels, k)).astype(dtype) for k in taps)
    assume(crossing.crosses(spec, column, row))
    kernel = column[:, :, None] * row[:, None]
    x = integers(rng, spec.dims).astype(dtype)
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr(cutting, "_BAND_BYTES", 4096)
            patch.setattr(cutting, "_STEPS", (24,))
            patch.setattr(cutting, "_ROWS_JOB", 1)
        y = crossing.plan(spec, column, row).apply(x)
    assert y.dtype == x.dtype
    assert_same(y, spec_dense(spec, kernel.reshape(spec.kernel_shape)) @ x)


def test_a_row_may_be_cut():
    rng = np.random.default_rng(0)
    axes = Axis(n=50, q=50, k=5, lo=2), Axis(n=900, q=900, k=9, lo=4)
    spec = ConvSpec(axes=axes, c_in=1, c_out=1)
    column, row = integers(rng, (1, 5)), integers(rng, (1, 9))
    kernel = (column[:, :, None] * row[:, None]).reshape(spec.kernel_shape)
    x = integers(rng, spec.dims)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "_BAND_BYTES", 2**14)
        plan = crossing.plan(spec, column, row)
    assert plan.cut.band[2] < axes[1].q
    assert_same(plan.apply(x), engines.plan("taps", spec, kernel).apply(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("step", [1, 3, 16])
@pytest.mark.parametrize(
    "row", ["1", "123", "1203004", "12345678" * 3, "9" * 64, "1" + "0" * 40 + "2"]
)
@pytest.mark.parametrize("count", [97, 401])
def test_rows_are_wide(count, row, step, dtype):
    # Whole tiles, and what is left after them; neighbours are in other tiles.
    taps = np.array([[float(tap) for tap in row]])
    k, rng = taps.shape[1], np.random.default_rng(0)
    across = Axis(n=count + step * (k - 1) - 5, q=count, k=k, d=step, lo=3)
    spec = ConvSpec(axes=(Axis(n=9, q=9, k=1), across))
    x = integers(rng, spec.dims).astype(dtype)
    wide = np.zeros((9, count + step * (k - 1)))
    wide[:, 3 : 3 + across.n] = x[0, 0]
    want = sum(
        tap * wide[:, step * i : step * i + count] for i, tap in enumerate(taps[0])
    )
    y = crossing.plan(spec, np.ones((1, 1), dtype), taps.astype(dtype)).apply(x)
    assert_same(y[0, 0], want.astype(dtype))


GAUSSIAN = ca.gaussian_kernel((9, 25), (1.5, 4.0), dtype="float64")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", ["zeros", *MODES])
def test_operators_have_the_same_bits_on_any_threads(mode, dtype):
    rng = np.random.default_rng(0)
    words = {"padding": "same", "padding_mode": mode, "engine": "separable"}
    op = ca.Conv2DOp((2, 120, 131), GAUSSIAN.astype(dtype), **words)
    for one in (op, op.T):
        x = noise(rng, one.dims, dtype)
        exact = one.replace(engine="taps", dtype="float64")
        y, scale = one @ x, np.abs(GAUSSIAN).sum() * np.abs(x).max()
        assert_within(y, exact @ x.astype("float64"), scale)
        ca.set_num_threads(1)
        alone = one @ x
        ca.set_num_threads(3)
        assert_same(one @ x, alone)
        ca.set_num_threads(None)
        assert_same(y, alone)


def test_three_axes_are_crossed_after_the_first():
    rng = np.random.default_rng(0)
    kernel = ca.gaussian_kernel((5, 5, 7), 1.2, dtype="float64")
    op = ca.Conv3DOp((20, 21, 40), kernel, padding="same", engine="separable")
    x = noise(rng, op.dims)
    plan = engines.plan("separable", op.spec, kernel[None, None])
    first, last = plan.inner.products[0]
    assert isinstance(last, crossing.CrossedPlan)
    assert not isinstance(first, crossing.CrossedPlan)
    assert_within(op @ x, op.replace(engine="taps") @ x, np.abs(x).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("dilation", [1, 2, 3, 5, 16])
def test_whole_tiles_of_columns_have_room(dilation, dtype):
    rng = np.random.default_rng(0)
    axes = (
        Axis(n=70, q=70, k=4, d=dilation, lo=dilation),
        Axis(n=900, q=900, k=9, lo=4),
    )
    spec = ConvSpec(axes=axes)
    column, row = (integers(rng, (1, axis.k)).astype(dtype) for axis in axes)
    kernel = (column[:, :, None] * row[:, None]).reshape(spec.kernel_shape)
    x = integers(rng, spec.dims).astype(dtype)
    plan = crossing.plan(spec, column, row)
    assert plan.along.rows % (plan.tile.m * plan.spacing) == 0
    with fences(banded, over=frames.OVER):
        y = plan.apply(x)
    assert_same(y, engines.plan("taps", spec, kernel).apply(x))


def test_rows_have_up_to_64_taps():
    for count, crosses in ((64, True), (65, False)):
        axes = Axis(n=9, q=9, k=3, lo=1), Axis(n=200, q=200, k=count)
        column, row = (np.ones((1, axis.k)) for axis in axes)
        assert crossing.crosses(ConvSpec(axes=axes), column, row) == crosses


@pytest.mark.parametrize(
    ("axis", "taps"),
    [
        (Axis(n=20, q=10, k=5, s=2), "12345"),
        (Axis(n=80, q=80, k=71, lo=35), "1" * 71),
        (Axis(n=4, q=4, k=5), "00001"),
    ],
)
def test_other_rows_have_a_pass_of_their_own(axis, taps):
    spec = ConvSpec(axes=(Axis(n=20, q=20, k=3, lo=1), axis))
    row = np.array([[float(tap) for tap in taps]])
    assert not crossing.crosses(spec, np.ones((1, 3)), row)


def test_taps_of_zero_are_left_out_unless_another_channel_has_them():
    axis = Axis(n=9, q=9, k=3, lo=1)
    spec = ConvSpec(axes=(axis, axis), c_in=2, c_out=2, groups=2)
    full, gaps = np.ones((2, 3)), np.array([[1.0, 0.0, 1.0]] * 2)
    assert crossing.plan(spec, full, gaps).tap_by_tap
    gaps[1, 1] = 1
    assert not crossing.plan(spec, full, gaps).tap_by_tap
    assert not crossing.plan(spec, gaps, full).tap_by_tap


@pytest.mark.parametrize(
    ("row", "clean"), [("0110", True), ("30201", True), ("1101", False), ("0100", True)]
)
def test_zeros_between_the_taps_of_a_row_meet_no_sample(row, clean):
    taps = np.array([[float(tap) for tap in row]])
    across = Axis(n=50, q=50, k=len(row), lo=1)
    spec = ConvSpec(axes=(Axis(n=9, q=9, k=1), across))
    plan = crossing.plan(spec, np.ones((1, 1)), taps)
    assert plan.tap_by_tap == clean
    op = ca.Conv2DOp((9, 50), np.outer([1.0, 2, 1], taps[0]), engine="separable")
    x = np.ones(op.dims)
    x[4, 25] = np.inf
    want = op.replace(engine="taps") @ x
    assert np.array_equal(np.isfinite(op @ x), np.isfinite(want))


def test_a_row_of_zeros_is_no_row_after_the_factors_are_found():
    column = np.array([-2.0, -2, 3, -2, 3, 0])
    row = [3, 1, -2, 1, 1, -2, 3, 1, 3, 2, -2, -1, 1, 3, 0, 0, -2, -2, 2, 2, 1]
    words = {"padding": "same", "padding_mode": "circular", "engine": "separable"}
    op = ca.Conv2DOp((10, 163), np.outer(column, row).astype("float32"), **words).T
    x = np.zeros(op.dims, "float32")
    x[5, 80] = np.inf
    want = op.replace(engine="taps") @ x
    assert np.array_equal(np.isfinite(op @ x), np.isfinite(want))
