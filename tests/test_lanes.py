"""Depthwise convolutions whose channels are lanes: see `engines.depthwise`."""

from dataclasses import replace
from math import prod
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite")

import convadjoint as ca
from checks import assert_same, assert_threads_agree
from convadjoint import engines
from convadjoint.engines import calls, cost, direct, guard, taps
from convadjoint.engines.depthwise import lanes, positions
from convadjoint.geometry import Axis, Border, ConvSpec
from fences import fences
from oracles import spec_dense
from strategies import MODES, SEEDS, integers, noise, upto

# Samples around an output, which nothing may write.
AROUND = 64


@st.composite
def axes(draw, most):
    """An axis with strides on either side, one of which may be idle."""
    s, t = draw(
        st.sampled_from(((1, 1), (1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (2, 3)))
    )
    k, d = draw(upto(7)), draw(st.sampled_from((1, 1, 2)))
    n = draw(upto(max(1, most // t)))
    q = draw(st.integers(1, max(1, n * t // s + 3)))
    return Axis(n=n, q=q, k=k, s=s, t=t, d=d, lo=draw(st.integers(-2, k * d)))


def borders(length):
    """An extension to some length, or none."""
    return st.none() | st.builds(
        Border,
        n=upto(length),
        length=st.just(length),
        lo=st.integers(0, 3),
        mode=st.sampled_from(MODES),
    )


@st.composite
def depthwise(draw):
    """One to three axes of as many channels as there are lanes, and some more."""
    rank, channels = draw(upto(3)), draw(st.integers(16, 70))
    lines = tuple(draw(axes((40, 24, 7)[rank - 1])) for _ in range(rank))
    spec = ConvSpec(
        axes=lines,
        batch=draw(st.integers(0, 3)),
        c_in=channels,
        c_out=channels,
        groups=channels,
    )
    if draw(st.booleans()):
        return spec
    spec = replace(spec, extend=tuple(draw(borders(axis.n)) for axis in lines))
    return spec.transpose() if draw(st.booleans()) else spec


def check_some_channels(spec, kernel, x, y):
    """Compare with the definition, channel by channel."""
    alone = replace(spec, batch=1, c_in=1, c_out=1, groups=1)
    for c in {0, 15, spec.c_in - 1}:
        dense = spec_dense(alone, kernel[c : c + 1])
        for b in range(len(x)):
            assert_same(y[b : b + 1, c : c + 1], dense @ x[b : b + 1, c : c + 1])


def lying(x, last):
    """The same array, with channels that lie last or not."""
    if not last:
        return np.ascontiguousarray(x)
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)


class Roomy:
    """New arrays, with marks around them."""

    def __init__(self):
        self.rooms = []

    def empty(self, shape, dtype):
        size = prod(shape)
        self.rooms.append(np.full(size + 2 * AROUND, 77, dtype))
        return self.rooms[-1][AROUND : AROUND + size].reshape(shape)


# Bytes of a band, blocks that are taken together, outputs of a page.
SIZES = st.tuples(
    st.sampled_from((64, 500, 2000, 5000, 2**16)),
    st.sampled_from((1, 2, 3, 8)),
    st.sampled_from((1, 5, 12, 30, 112)),
)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=200)
@given(spec=depthwise(), sizes=SIZES, seed=SEEDS)
def test_whole_numbers_are_exact(dtype, last, spec, sizes, seed):
    rng = np.random.default_rng(seed)
    kernel = integers(rng, spec.kernel_shape).astype(dtype)
    x = lying(integers(rng, spec.dims).astype(dtype), last)
    roomy = Roomy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "fresh", roomy.empty)
        patch.setattr(lanes, "_BYTES", sizes[0])
        patch.setattr(lanes, "_BLOCKS", sizes[1])
        patch.setattr(positions, "_PAGE", sizes[2])
        grid = lanes.grid_of(spec, kernel)
        if grid is None:
            return
        with fences(lanes):
            y = lanes.plan(grid, kernel, None).apply(x)
    check_some_channels(spec, kernel, x, y)
    assert_same(y, taps.plan(spec, kernel).apply(x))
    (room,) = roomy.rooms
    assert (room[:AROUND] == 77).all()
    assert (room[-AROUND:] == 77).all()


@given(spec=depthwise())
def test_most_geometries_have_a_grid(spec):
    joined = all(any(a.link(j).count for j in range(a.k)) for a in spec.axes)
    dense = all(axis.t == 1 for axis in spec.axes)
    if joined and dense and not any(spec.extend):
        assert lanes.grid_of(spec, np.ones(spec.kernel_shape)) is not None


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_channel_and_reach(last, value):
    rng = np.random.default_rng(0)
    axis = Axis(n=11, q=11, k=3, lo=1)
    spec = ConvSpec(axes=(axis, axis), batch=2, c_in=20, c_out=20, groups=20)
    kernel, x = noise(rng, spec.kernel_shape), noise(rng, spec.dims)
    x[1, 17, 4, 5] = value
    want = taps.plan(spec, kernel).apply(x)
    assert np.count_nonzero(~np.isfinite(want)) == 9
    plan = direct.plan(spec, kernel)
    assert isinstance(plan, lanes.LanesPlan)
    assert plan.tap_by_tap
    y = plan.apply(lying(x, last))
    np.testing.assert_allclose(y, want, rtol=1e-12, atol=1e-12)
    kernel[3, 0, 0, 0] = 0
    assert not direct.plan(spec, kernel).tap_by_tap
    x[0, 3, 0, 0] = value
    want = taps.plan(spec, kernel).apply(x)
    y = engines.plan("direct", spec, kernel).apply(lying(x, last))
    np.testing.assert_allclose(y, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("n", "itemsize", "pays"),
    [(14, 4, True), (64, 4, False), (56, 4, True), (112, 8, True), (113, 4, False)],
)
def test_long_rows_are_transposed_only_if_channels_lie_last(n, itemsize, pays):
    rng = np.random.default_rng(0)
    axis = Axis(n=n, q=n, k=3, lo=1)
    spec = ConvSpec(axes=(axis, axis), c_in=16, c_out=16, groups=16)
    kernel = integers(rng, spec.kernel_shape).astype(f"f{itemsize}")
    x = integers(rng, spec.dims).astype(kernel.dtype)
    plan = direct.plan(spec, kernel)
    assert isinstance(plan, lanes.LanesPlan)
    assert (plan.first is None) == pays
    want = direct.plan_rows(spec, kernel).apply(x)
    for last in (False, True):
        y = plan.apply(lying(x, last))
        assert_same(y, want)
        assert np.moveaxis(y, 1, -1).flags.c_contiguous == last
    assert set(plan.programs) == ({False, True} if pays else {True})


def test_few_channels_and_large_images_are_taken_by_rows():
    axis = Axis(n=20, q=20, k=3, lo=1)
    fine = ConvSpec(axes=(axis, axis), c_in=16, c_out=16, groups=16)
    large, longest = (replace(axis, n=n, q=n) for n in (400, 100_000))
    for spec in (
        replace(fine, c_in=3, c_out=3, groups=3),
        replace(fine, c_out=32),
        replace(fine, axes=(large, large)),
        ConvSpec(axes=(longest,), c_in=16, c_out=16, groups=16),
    ):
        kernel = np.ones(spec.kernel_shape, "f4")
        assert lanes.grid_of(spec, kernel) is None
    assert lanes.grid_of(fine, np.ones(fine.kernel_shape, "c8")) is None


def test_no_strip_and_no_table_is_very_large():
    axis = Axis(n=20, q=20, k=3, lo=1)
    fine = ConvSpec(axes=(axis, axis), c_in=16, c_out=16, groups=16)
    wide, up = replace(axis, n=20_000, q=20_000), Axis(n=60, q=180, k=3, t=3, lo=2)
    border = Border(n=200, length=202, lo=1, mode="reflect")
    bordered = replace(axis, n=202, q=200, lo=0)
    line, steep = Axis(n=3, q=3, k=1), Axis(n=3, q=96, k=32, t=32, lo=31)
    for spec in (
        replace(fine, axes=(replace(axis, n=4, q=4), wide)),
        ConvSpec(axes=(line, up, up), c_in=16, c_out=16, groups=16),
        replace(fine, axes=(bordered, bordered), extend=(border, border)),
        replace(fine, axes=(steep, steep)),
    ):
        assert lanes.grid_of(spec, np.ones(spec.kernel_shape)) is None
    small = replace(fine, axes=(replace(axis, n=200, q=200),) * 2)
    assert lanes.grid_of(small, np.ones(small.kernel_shape)) is not None


@pytest.mark.parametrize("one", [False, True])
@pytest.mark.parametrize("other", [False, True])
def test_a_guard_is_needed_if_either_plan_needs_one(one, other):
    axis = Axis(n=9, q=9, k=3, lo=1)
    spec = ConvSpec(axes=(axis, axis), c_in=16, c_out=16, groups=16)
    kernel = np.ones(spec.kernel_shape, "f4")
    kernel[7, 0, 1, 1] = one
    first = SimpleNamespace(tap_by_tap=other)
    plan = lanes.plan(lanes.grid_of(spec, kernel), kernel, first)
    assert plan.tap_by_tap == (one and other)


def test_no_other_copy_is_made_of_channels_that_lie_last(monkeypatch):
    monkeypatch.setattr(guard, "ordered", pytest.fail)
    for size in (12, 150):
        dims = (size, size, 20)
        op = ca.depthwise(dims, np.ones((20, 3, 3)), channel_axis=-1, engine="direct")
        assert (op @ np.ones(dims)).max() == 9


def test_channels_as_lanes_are_expected_to_be_fast():
    axis = Axis(n=14, q=14, k=3, lo=1)
    lines = ConvSpec(axes=(axis, axis), batch=256)
    layer = replace(lines, batch=1, c_in=256, c_out=256, groups=256)
    ours, others = (
        cost.estimates(one, np.ones(one.kernel_shape, "f4"))["direct"]
        for one in (layer, lines)
    )
    assert 2 * ours < others


def test_large_products_have_helpers():
    axis = Axis(n=28, q=28, k=3, lo=1)
    spec = ConvSpec(axes=(axis, axis), c_in=64, c_out=64, groups=64)
    plan = direct.plan(spec, np.ones(spec.kernel_shape, "f4"))
    assert [plan._call(n, False, 3).threads for n in (1, 16)] == [1, 3]


def test_any_order_of_axes_and_any_address_is_read():
    rng = np.random.default_rng(0)
    axis = Axis(n=12, q=12, k=3, lo=1)
    spec = ConvSpec(axes=(axis, axis), batch=2, c_in=16, c_out=16, groups=16)
    kernel, x = integers(rng, spec.kernel_shape), integers(rng, spec.dims)
    plan = direct.plan(spec, kernel)
    want = plan.apply(x)
    odd = np.ndarray(x.shape, x.dtype, np.zeros(x.nbytes + 3, np.uint8), 3)
    odd[...] = x
    assert not odd.flags.aligned
    others = [
        x[:, :, ::-1, :][:, :, ::-1, :],
        np.asfortranarray(x),
        np.repeat(x, 2, axis=0)[::2],
        x.transpose(0, 1, 3, 2).copy().transpose(0, 1, 3, 2),
        odd,
    ]
    for one in others:
        before = one.copy()
        assert_same(plan.apply(one), want)
        assert_same(one, before)


@pytest.mark.parametrize("last", [False, True])
def test_threads_make_the_same_bits(last, monkeypatch):
    monkeypatch.setattr(lanes, "_WAKING", 0)
    rng = np.random.default_rng(0)
    dims, place = ((3, 40, 30, 30), 1) if not last else ((3, 30, 30, 40), -1)
    op = ca.Conv2DOp(
        dims,
        noise(rng, (40, 1, 3, 3)).astype("f4"),
        stride=2,
        padding=1,
        groups=40,
        channel_axis=place,
        engine="direct",
    )
    x, y = noise(rng, op.dims).astype("f4"), noise(rng, op.dimsd).astype("f4")
    assert_threads_agree(op, x)
    assert_threads_agree(op.T, y)


def test_a_plan_keeps_few_calls(monkeypatch):
    monkeypatch.setattr(calls, "_KEPT", 2)
    axis = Axis(n=9, q=9, k=3, lo=1)
    spec = ConvSpec(axes=(axis, axis), c_in=16, c_out=16, groups=16)
    plan = direct.plan(spec, np.ones(spec.kernel_shape))
    for batch in range(5):
        x = np.ones((batch, *spec.dims[1:]))
        assert plan.apply(x).sum() == batch * 16 * (9 * 3 - 2) ** 2
        assert len(plan.calls) <= 2
