"""Dense rows of one channel per group, made block by block where they lie."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite")

import convadjoint as ca
from checks import assert_same, assert_threads_agree
from convadjoint.engines import (
    blocked,
    blocking,
    blocks,
    calls,
    cost,
    direct,
    inplace,
    taps,
)
from convadjoint.geometry import Axis, Border, ConvSpec
from fences import at_the_end, fences
from oracles import spec_dense
from strategies import MODES, SEEDS, integers, noise, upto
from test_lanes import AROUND, Roomy


@st.composite
def dense(draw, most, taps):
    """An axis without strides, its border and its fold; taps may lie outside."""
    # Few of them, since code is compiled for each.
    n, k, d = (
        draw(upto(most)),
        draw(st.sampled_from(taps)),
        draw(st.sampled_from((1, 2))),
    )
    axis = Axis(
        n=n, q=draw(upto(most)), k=k, d=d, lo=draw(st.integers(-3, (k - 1) * d + 3))
    )
    if draw(st.booleans()):
        return axis, None
    lo, hi, mode = draw(upto(5, 0)), draw(upto(5, 0)), draw(st.sampled_from(MODES))
    border = Border(n=n, length=n + lo + hi, lo=lo, mode=mode)
    return replace(axis, n=border.length), border


@st.composite
def images(draw):
    """Two or three axes, some channels of some groups, and signals."""
    found = [draw(dense(70, (1, 4, 9))), draw(dense(25, (1, 3, 6, 9)))]
    if draw(st.booleans()):
        found = [dense(60, (4, 9)), dense(12, (3, 9)), dense(4, (1, 2, 3))]
        found = [draw(one) for one in found]
    axes, borders = zip(*found[::-1], strict=True)
    groups = draw(upto(3))
    return ConvSpec(
        axes=axes,
        batch=draw(st.integers(0, 2)),
        c_in=groups * draw(upto(2)),
        c_out=groups,
        groups=groups,
        extend=borders,
    )


def nonzero(rng, shape):
    """Whole numbers, none of them zero."""
    found = integers(rng, shape)
    return np.where(found == 0, 1, found)


@pytest.fixture
def short(monkeypatch):
    """Let rows be as short as they like."""
    monkeypatch.setattr(blocked, "_SHORTEST", 0)
    monkeypatch.setattr(blocked, "_EXTENDED", 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=200)
@given(spec=images(), job=st.sampled_from((1, 300, 2**15)), seed=SEEDS)
def test_whole_numbers_are_exact(dtype, spec, job, seed):
    rng = np.random.default_rng(seed)
    kernel = nonzero(rng, spec.kernel_shape).astype(dtype)
    x = integers(rng, spec.dims).astype(dtype)
    roomy = Roomy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inplace, "fresh", roomy.empty)
        patch.setattr(blocked, "_SHORTEST", 0)
        patch.setattr(blocked, "_EXTENDED", 0)
        patch.setattr(blocked, "_APART", 0)
        patch.setattr(blocked, "_JOB", job)
        assert blocked.fits(spec, kernel)
        with fences(inplace):
            y = blocked.plan(spec, kernel).apply(x)
    assert_same(y, spec_dense(spec, kernel) @ x)
    (room,) = roomy.rooms
    assert (room[:AROUND] == 77).all()
    assert (room[-AROUND:] == 77).all()


def spec_of(n, k, d=(1, 1), **words):
    """An image as large as its input, as `direct` reads it."""
    lines = [
        Axis(n=n_, q=n_, k=k_, d=d_, lo=d_ * (k_ // 2))
        for n_, k_, d_ in zip(n, k, d, strict=True)
    ]
    return ConvSpec(axes=tuple(lines), **words)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("taps_", [1, 3, 6, 7, 17])
def test_blocks_end_where_rows_do(short, dtype, taps_):
    rng = np.random.default_rng(0)
    for rows, samples in product((1, 5, 6, 7, 8, 12, 13), (1, 15, 16, 17, 31, 48, 49)):
        spec = spec_of((rows, samples), (taps_, taps_))
        kernel = nonzero(rng, spec.kernel_shape).astype(dtype)
        # What surrounds the image would be seen.
        around = np.full((1, 1, rows + 20, samples + 80), 1e6, dtype)
        x = around[..., 10:-10, 40:-40]
        x[...] = integers(rng, x.shape)
        roomy = Roomy()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(inplace, "fresh", roomy.empty)
            y = blocked.plan(spec, kernel).apply(x)
        assert_same(y, taps.plan(spec, kernel).apply(x))
        (room,) = roomy.rooms
        assert (room[:AROUND] == 77).all()
        assert (room[-AROUND:] == 77).all()


@pytest.mark.parametrize("mode", ["zeros", "symmetric"])
@pytest.mark.parametrize("taps_", [3, 17])
def test_nothing_is_read_beyond_rows(short, taps_, mode):
    rng = np.random.default_rng(0)
    for n in range(60, 131):
        axis, lo = Axis(n=n, q=n, k=taps_, lo=taps_ // 2), taps_ // 2
        spec = ConvSpec(axes=(Axis(n=2, q=2, k=1), axis))
        if mode != "zeros":
            border = Border(n=n, length=n + 2 * lo, lo=lo, mode=mode)
            axis = replace(axis, n=border.length, lo=0)
            spec = replace(spec, axes=(spec.axes[0], axis), extend=(None, border))
        kernel = nonzero(rng, spec.kernel_shape).astype("f4")
        x = at_the_end(integers(rng, spec.dims).astype("f4"))
        want = taps.plan(spec, kernel).apply(x.copy())
        assert_same(blocked.plan(spec, kernel).apply(x), want)


@pytest.mark.parametrize("lo", [-200, 30, 63, 64, 65, 200])
def test_blocks_may_lie_outside(short, lo):
    rng = np.random.default_rng(0)
    border = Border(n=40, length=300, lo=130, mode="circular")
    axes = Axis(n=20, q=20, k=3, lo=1), Axis(n=300, q=300, k=3, lo=lo)
    for extend in ((None, None), (None, border)):
        spec = ConvSpec(axes=axes, extend=extend)
        kernel, x = nonzero(rng, spec.kernel_shape), integers(rng, spec.dims)
        with fences(inplace):
            y = blocked.plan(spec, kernel).apply(x)
        assert_same(y, taps.plan(spec, kernel).apply(x))


@pytest.mark.parametrize("count", [1, 5, 7, 16])
def test_bands_of_blocks_hold_them_all(count):
    for wanted in (1, 2, 3, 4):
        jobs, each, total, bands, band = blocked._jobs(3, count, 2**15 // wanted, 1)
        assert jobs * each >= total > (jobs - 1) * each
        assert bands * band >= count > (bands - 1) * band
        assert total == 3 * bands


def test_what_is_folded_is_no_single_call():
    rng = np.random.default_rng(0)
    border = Border(n=98, length=100, lo=1, mode="circular")
    spec = replace(spec_of((30, 100), (3, 3)), fold=(None, border))
    kernel, x = nonzero(rng, spec.kernel_shape), integers(rng, spec.dims)
    plan = direct.plan(spec, kernel)
    assert isinstance(plan, blocked.BlockedPlan)
    assert plan.ready(x) is None
    assert_same(plan.apply(x), taps.plan(spec, kernel).apply(x))


FINE = {"n": (40, 300), "k": (4, 5)}
CROPPED = Border(n=301, length=300, lo=-1, mode="reflect")
WHOLE = Border(n=298, length=300, lo=1, mode="reflect")


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        (FINE, True),
        (FINE | {"c_in": 3, "c_out": 3, "groups": 3}, True),
        (FINE | {"c_in": 2}, True),
        (FINE | {"d": (3, 2)}, True),
        (FINE | {"k": (40, 17)}, True),
        (FINE | {"n": (8, 22)}, True),
        (FINE | {"n": (9, 40, 300), "k": (4, 2, 3), "d": (1,) * 3}, True),
        (FINE | {"extend": (None, WHOLE)}, True),
        # Several channels, long rows of taps, short rows, what is cropped or one row.
        (FINE | {"c_out": 2}, False),
        (FINE | {"k": (4, 18)}, False),
        (FINE | {"k": (2, 3), "d": (7, 32)}, True),
        (FINE | {"k": (2, 3), "d": (1, 33)}, False),
        (FINE | {"k": (2, 3), "d": (8, 1)}, False),
        (FINE | {"n": (40, 21)}, False),
        (FINE | {"extend": (None, CROPPED)}, False),
        (FINE | {"n": (300,), "k": (5,), "d": (1,)}, False),
    ],
)
def test_what_is_read_where_it_lies(words, fits):
    spec = spec_of(**words)
    rng = np.random.default_rng(0)
    kernel = nonzero(rng, spec.kernel_shape).astype("f4")
    plan = direct.plan(spec, kernel)
    assert isinstance(plan, blocked.BlockedPlan) == fits
    x = integers(rng, spec.dims).astype("f4")
    assert_same(plan.apply(x), taps.plan(spec, kernel).apply(x))


PATTERNS = (
    [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
    [[0, 0, 0], [0, 0, 3], [0, 0, 0]],
    [[-1, 0, 0, 0, 0, 0, 0, 0, 1]],
    [[0], [0], [2]],
)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_taps_of_zero_are_no_taps(pattern, dtype):
    rng = np.random.default_rng(0)
    pattern = np.array(pattern, dtype)
    lines = [
        Axis(n=n, q=n, k=k, lo=k // 2)
        for n, k in zip((20, 90), pattern.shape, strict=True)
    ]
    plane = Axis(n=5, q=5, k=2)
    for axes, groups in ((lines, 2), ((plane, *lines), 1)):
        spec = ConvSpec(axes=tuple(axes), c_in=2 * groups, c_out=groups, groups=groups)
        factors = nonzero(rng, (*spec.kernel_shape[:-2], 1, 1))
        kernel, x = (factors * pattern).astype(dtype), integers(rng, spec.dims)
        assert blocked.fits(spec, kernel)
        plan, want = direct.plan(spec, kernel), taps.plan(spec, kernel)
        assert plan.tap_by_tap
        x = x.astype(dtype)
        assert_same(plan.apply(x), want.apply(x))
        x[..., 3, 50] = np.nan
        assert_same(np.isnan(plan.apply(x)), np.isnan(want.apply(x)))


def test_rows_that_begin_far_outside_are_laid_out():
    # No address is worked out from as many samples.
    op = ca.Conv2DOp(
        (30, 100),
        np.ones((3, 3)),
        padding=((1, 1), (2**32, -(2**32) + 2)),
        engine="direct",
    )
    assert op.dimsd == (30, 100)
    assert not (op @ np.ones((30, 100))).any()
    axis = Axis(n=100, q=100, k=3, lo=2**30)
    for lo, fits in ((2**30, True), (2**30 + 1, False), (-(2**62), False)):
        for axes in ((axis, replace(axis, lo=lo)), (replace(axis, lo=lo), axis)):
            spec = ConvSpec(axes=axes)
            kernel = np.ones(spec.kernel_shape)
            assert blocked.fits(spec, kernel) == fits
            assert not direct.plan(spec, kernel).apply(np.ones(spec.dims)).any()


@pytest.mark.parametrize("dilation", [(10**9, 1), (1, 10**9), (2**40, 2**40)])
def test_far_taps_are_laid_out_at_once(dilation):
    for shape in ((3, 3), (1, 3), (3, 1)):
        op = ca.Conv2DOp(
            (30, 100),
            np.ones(shape),
            padding=tuple((k // 2) * d for k, d in zip(shape, dilation, strict=True)),
            dilation=dilation,
            engine="direct",
        )
        near = np.ones(
            [1 if d > 1 else k for k, d in zip(shape, dilation, strict=True)]
        )
        want = ca.Conv2DOp((30, 100), near, padding="same", engine="taps")
        x = integers(np.random.default_rng(0), (30, 100))
        assert_same(op @ x, want @ x)


def test_bands_end_where_the_image_does(monkeypatch):
    rng = np.random.default_rng(0)
    spec = spec_of((105, 100), (3, 3), batch=2)
    kernel, x = nonzero(rng, spec.kernel_shape), integers(rng, spec.dims)
    want = taps.plan(spec, kernel).apply(x)
    for rows in (7, 14, 21, 28):
        monkeypatch.setattr(blocked, "_JOB", rows * 100)
        with fences(inplace):
            assert_same(blocked.plan(spec, kernel).apply(x), want)


@pytest.fixture
def without_masks(monkeypatch, tmp_path):
    """Let whole blocks be made as where vectors are shorter."""
    found = blocking.worker, blocked._compiled
    for one in found:
        one.cache_clear()
    monkeypatch.setenv("CONVADJOINT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(blocks, "_MASKS", False)
    yield
    for one in found:
        one.cache_clear()


def test_whole_blocks_and_those_at_edges_are_the_same(short, without_masks):
    rng = np.random.default_rng(0)
    for n in (1, 47, 48, 49, 63, 64, 65, 66, 96, 111, 112, 113, 160):
        for lo in (0, 1, 2):
            axes = Axis(n=9, q=9, k=3, lo=1), Axis(n=n, q=n, k=3, lo=lo)
            spec = ConvSpec(axes=axes)
            kernel = nonzero(rng, spec.kernel_shape).astype("f4")
            x = at_the_end(integers(rng, spec.dims).astype("f4"))
            want = taps.plan(spec, kernel).apply(x.copy())
            assert_same(blocked.plan(spec, kernel).apply(x), want)


def test_other_kernels_with_zeros_and_complex_ones_are_laid_out():
    spec = spec_of((40, 300), (3, 3), c_in=2, c_out=2, groups=2)
    kernel = np.ones(spec.kernel_shape, "f4")
    assert blocked.fits(spec, kernel)
    assert not blocked.fits(spec, kernel.astype("c8"))
    kernel[0, 0, 1, 2] = 0
    assert not blocked.fits(spec, kernel)
    assert not blocked.fits(spec, 0 * kernel)
    for k in ((4, 2), (2, 5)):
        spec = spec_of((40, 300), k)
        kernel = np.ones(spec.kernel_shape, "f4")
        kernel[..., -1, 0] = 0
        assert not blocked.fits(spec, kernel)
    for axis in (Axis(n=300, q=150, k=3, s=2), Axis(n=300, q=600, k=3, t=2)):
        strided = ConvSpec(axes=(axis, spec.axes[1]))
        assert not blocked.fits(strided, np.ones(strided.kernel_shape, "f4"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_what_is_not_finite_stays_in_its_reach(value, mode):
    rng = np.random.default_rng(0)
    op = ca.Conv2DOp(
        (20, 120),
        noise(rng, (3, 5)),
        padding="same",
        padding_mode=mode,
        engine="direct",
    )
    x = noise(rng, (20, 120))
    for row, sample in product((0, 5, 6, 19), (0, 30, 31, 119)):
        bad = x.copy()
        bad[row, sample] = value
        rows = [row + i for i in (-1, 0, 1)]
        samples = [sample + i for i in (-2, -1, 0, 1, 2)]
        reach = np.zeros((20, 120), bool)
        for i, j in product(rows, samples):
            if mode == "circular" or (0 <= i < 20 and 0 <= j < 120):
                reach[i % 20, j % 120] = True
        y = op @ bad
        assert (np.isfinite(y) == ~reach).all()
        np.testing.assert_array_equal(y[~reach], (op @ x)[~reach])


def test_any_order_of_axes_and_any_address_is_read(short):
    rng = np.random.default_rng(0)
    spec = spec_of((20, 50), (3, 4), batch=2, c_in=3, c_out=3, groups=3)
    kernel, x = nonzero(rng, spec.kernel_shape), integers(rng, spec.dims)
    plan = blocked.plan(spec, kernel)
    want = taps.plan(spec, kernel).apply(x)
    odd = np.ndarray(x.shape, x.dtype, np.zeros(x.nbytes + 3, np.uint8), 3)
    odd[...] = x
    for one in (
        x,
        x[:, :, ::-1].copy()[:, :, ::-1],
        x[..., ::-1].copy()[..., ::-1],
        np.asfortranarray(x),
        np.repeat(x, 2, axis=2)[:, :, ::2],
        np.repeat(x, 2, axis=3)[..., ::2],
        x.swapaxes(0, 1).copy().swapaxes(0, 1),
        np.broadcast_to(x[:1, :1], x.shape),
        odd,
    ):
        before = one.copy()
        wanted = want if (one == x).all() else taps.plan(spec, kernel).apply(before)
        assert_same(plan.apply(one), wanted)
        assert_same(one, before)


def beside(x, axis):
    """The same array, with an axis that lies last in memory, and something around it."""
    around = np.full([n + 4 for n in x.shape], 1e6, x.dtype)
    last = np.moveaxis(around, axis, -1).copy()
    inner = last[tuple(slice(2, -2) for _ in last.shape[:-1])][..., : x.shape[axis]]
    whole = np.ascontiguousarray(inner) if x.shape[-1] % 2 else inner
    view = np.moveaxis(whole, -1, axis)
    view[...] = x
    return view


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("axis", [0, 1])
def test_images_that_lie_beside_each_other_are_one(dtype, count, axis):
    rng = np.random.default_rng(0)
    one, color = {"batch": count}, {"c_in": count, "c_out": count, "groups": count}
    plane, border = (
        Axis(n=4, q=5, k=2, lo=1),
        Border(n=20, length=24, lo=2, mode="circular"),
    )
    for n, k, d, lo in ((31, 3, 1, 1), (40, 4, 2, -1), (31, 1, 1, 3)):
        lines = Axis(n=20, q=20, k=3, lo=1), Axis(n=n, q=n + 2, k=k, d=d, lo=lo)
        extended = Axis(n=24, q=20, k=3, d=2), lines[1]
        for axes, extend in (
            (lines, (None, None)),
            ((plane, *lines), (None,) * 3),
            (extended, (border, None)),
        ):
            words = color if axis else one
            spec = ConvSpec(axes=axes, extend=extend, **words)
            kernel = nonzero(rng, spec.kernel_shape).astype(dtype)
            kernel[:] = kernel[:1]
            x = beside(integers(rng, spec.dims).astype(dtype), axis)
            plan = blocked.plan(spec, kernel)
            want = taps.plan(spec, kernel).apply(x.copy())
            known = x.strides[-1] == count * x.itemsize
            assert plan.takes_last(x) == known
            for _ in range(2):
                assert_same(plan.apply(x), want)
            if known:
                assert np.moveaxis(plan.apply(x), axis, -1).flags.c_contiguous


def test_images_with_kernels_of_their_own_or_far_taps_are_taken_apart():
    rng = np.random.default_rng(0)
    words = {"c_in": 3, "c_out": 3, "groups": 3}
    for k, d, mode, same, takes in (
        (3, 1, None, True, True),
        (3, 1, None, False, False),
        (3, 1, "circular", True, False),
        (17, 1, None, True, True),
        (11, 2, None, True, True),
        (12, 2, None, True, False),
    ):
        spec = spec_of((20, 120), (3, k), d=(1, d), **words)
        if mode:
            border = Border(n=120, length=122, lo=1, mode=mode)
            axes = (spec.axes[0], Axis(n=122, q=120, k=3))
            spec = replace(spec, axes=axes, extend=(None, border))
        kernel = nonzero(rng, spec.kernel_shape)
        if same:
            kernel[:] = kernel[:1]
        x = np.moveaxis(integers(rng, (1, 20, 120, 3)), -1, 1)
        plan = blocked.plan(spec, kernel)
        assert plan.takes_last(x) == takes
        assert_same(plan.apply(x), taps.plan(spec, kernel).apply(x.copy()))


@pytest.mark.parametrize("thick", [1, 3])
def test_colors_that_lie_last_are_not_moved(thick):
    rng = np.random.default_rng(0)
    kernel = integers(rng, (3, 5))
    kernel[kernel == 0] = 1
    op = ca.Conv2DOp((30, 50, thick), kernel, axes=(0, 1), padding=2, engine="direct")
    x, y = integers(rng, op.dims), integers(rng, op.dimsd)
    for color in range(thick):
        alone = ca.Conv2DOp((30, 50), kernel, padding=2, engine="taps")
        assert_same((op @ x)[..., color], alone @ x[..., color].copy())
        assert_same((op.T @ y)[..., color], alone.T @ y[..., color].copy())


@pytest.mark.parametrize("mode", ["zeros", "symmetric"])
def test_threads_make_the_same_bits(monkeypatch, mode):
    monkeypatch.setattr(blocked, "_WAKING", 0)
    monkeypatch.setattr(blocked, "_JOB", 4000)
    rng = np.random.default_rng(0)
    op = ca.Conv2DOp(
        (2, 200, 300),
        noise(rng, (2, 1, 5, 4)).astype("f4"),
        padding="same",
        padding_mode=mode,
        groups=2,
        engine="direct",
    )
    assert_threads_agree(op, noise(rng, op.dims).astype("f4"))


def test_large_products_have_helpers():
    for n, threads in ((1024, 3), (64, 1)):
        spec = spec_of((n, n), (5, 5))
        plan = direct.plan(spec, np.ones(spec.kernel_shape, "f4"))
        x = np.zeros(spec.dims, "f4")
        assert plan._call(x, (1, x.strides, 3)).threads == threads


def test_a_plan_keeps_few_calls(monkeypatch):
    monkeypatch.setattr(calls, "_KEPT", 2)
    spec = spec_of((10, 300), (3, 3))
    plan = direct.plan(spec, np.ones(spec.kernel_shape))
    for batch in range(5):
        x = np.ones((batch, *spec.dims[1:]))
        assert plan.apply(x).sum() == batch * (3 * 10 - 2) * (3 * 300 - 2)
        assert len(plan.calls) <= 2


def test_rows_that_are_read_where_they_lie_are_expected_to_be_fast():
    spec = spec_of((600, 600), (3, 3))
    kernel = np.ones(spec.kernel_shape, "f4")
    less = replace(spec, axes=(replace(spec.axes[0], k=4), spec.axes[1]))
    sparse = np.ones(less.kernel_shape, "f4")
    sparse[0, 0, 0, 0] = 0
    here = cost.estimates(spec, kernel)["direct"]
    assert 1.3 * here < cost.estimates(less, sparse)["direct"]
