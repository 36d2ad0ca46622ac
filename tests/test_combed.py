"""Strided convolutions of single channels, whose rows are read where they lie."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite")

import convadjoint as ca
from checks import assert_same, assert_threads_agree
from convadjoint import engines
from convadjoint.engines import calls, combed, cost, direct, inplace, taps
from convadjoint.geometry import Axis, Border, ConvSpec
from fences import fences
from strategies import SEEDS, integers, noise, upto
from test_lanes import AROUND, Roomy


@st.composite
def strided(draw, steps, reach, most):
    """An axis that is read in steps, by few taps; they may lie outside."""
    s = draw(steps)
    k = draw(upto(reach * s))
    return Axis(
        n=draw(upto(most)),
        q=draw(upto(max(1, most // s))),
        k=k,
        s=s,
        lo=draw(st.integers(-3, k + 2)),
    )


@st.composite
def images(draw):
    """One or two axes, some channels and signals."""
    along = draw(strided(st.integers(2, 9), 3, 400))
    down = [draw(strided(upto(5), 3, 40))] if draw(st.booleans()) else []
    channels = draw(upto(3))
    return ConvSpec(
        axes=(*down, along),
        batch=draw(st.integers(0, 2)),
        c_in=channels,
        c_out=channels,
        groups=channels,
    )


@pytest.fixture
def short(monkeypatch):
    """Let rows be as short as they like."""
    monkeypatch.setattr(combed, "_SHORTEST", 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=200)
@given(spec=images(), job=st.sampled_from((1, 300, 2**17)), seed=SEEDS)
def test_whole_numbers_are_exact(dtype, spec, job, seed):
    rng = np.random.default_rng(seed)
    kernel = integers(rng, spec.kernel_shape).astype(dtype)
    x = integers(rng, spec.dims).astype(dtype)
    roomy = Roomy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inplace, "fresh", roomy.empty)
        patch.setattr(combed, "_SHORTEST", 0)
        patch.setattr(combed, "_JOB", job)
        patch.setattr(combed, "_AGAIN", 1)
        assert combed.fits(spec, kernel)
        with fences(inplace):
            y = combed.plan(spec, kernel).apply(x)
    assert_same(y, taps_of(x, kernel, *spec.axes))
    (room,) = roomy.rooms
    assert (room[:AROUND] == 77).all()
    assert (room[-AROUND:] == 77).all()


def spec_of(n, k, s, **words):
    """An image of so many rows and samples, as `direct` reads it."""
    lines = [
        Axis(n=n_, q=(n_ + k_ - 2) // s_ + 1, k=k_, s=s_, lo=k_ - 1)
        for n_, k_, s_ in zip(n, k, s, strict=True)
    ]
    return ConvSpec(axes=tuple(lines), **words)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("step", "taps"), [(2, 4), (3, 9), (4, 7), (5, 5), (8, 17)])
def test_blocks_end_where_rows_do(short, dtype, step, taps):
    # Of two blocks of the longest vectors, or twice as many of shorter ones.
    block = {"float32": 32, "float64": 16}[dtype]
    kernel = 1 + np.arange(taps, dtype=dtype).reshape(1, 1, taps)
    for length, q in product((0, 1, 2), (block - 1, block, block + 1, 2 * block)):
        for n in range(step * (q - 1) + 1, step * (q + 3) + 2):
            axis = Axis(n=n, q=q, k=taps, s=step, lo=length)
            spec = ConvSpec(axes=(axis,))
            x, roomy = 1 + np.arange(n, dtype=dtype).reshape(1, 1, n), Roomy()
            # What follows the row would be seen.
            beyond = np.full((1, 1, n + 64), 1e6, dtype)
            beyond[..., :n] = x
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(inplace, "fresh", roomy.empty)
                y = combed.plan(spec, kernel).apply(beyond[..., :n])
            assert_same(y, taps_of(x, kernel, axis))
            (room,) = roomy.rooms
            assert (room[:AROUND] == 77).all()
            assert (room[-AROUND:] == 77).all()


def taps_of(x, kernel, *axes):
    """The definition, one tap of all channels after the other."""
    y = np.zeros((*x.shape[:2], *(axis.q for axis in axes)), x.dtype)
    for tap in np.ndindex(*kernel.shape[2:]):
        read = [
            np.arange(axis.q) * axis.s + j - axis.lo
            for axis, j in zip(axes, tap, strict=True)
        ]
        inside = [(m >= 0) & (m < a.n) for m, a in zip(read, axes, strict=True)]
        there = [m[found] for m, found in zip(read, inside, strict=True)]
        weight = kernel[(slice(None), 0, *tap)].reshape(-1, *[1] * len(axes))
        found = weight * x[(slice(None), slice(None), *np.ix_(*there))]
        y[(slice(None), slice(None), *np.ix_(*inside))] += found
    return y


def test_what_is_folded_is_no_single_call(short):
    rng = np.random.default_rng(0)
    border = Border(n=48, length=50, lo=1, mode="circular")
    spec = ConvSpec(axes=(Axis(n=100, q=50, k=2, s=2),), fold=(border,))
    kernel, x = integers(rng, spec.kernel_shape), integers(rng, spec.dims)
    plan = direct.plan(spec, kernel)
    assert isinstance(plan, combed.CombedPlan)
    assert plan.ready(x) is None
    assert_same(plan.apply(x), taps.plan(spec, kernel).apply(x))


FINE = {"n": (40, 300), "k": (4, 4), "s": (2, 2)}
BORDER = Border(n=300, length=302, lo=1, mode="reflect")


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        (FINE, True),
        (FINE | {"c_in": 3, "c_out": 3, "groups": 3}, True),
        (FINE | {"n": (300,), "k": (4,), "s": (2,)}, True),
        (FINE | {"k": (4, 6)}, True),
        (FINE | {"k": (6, 4)}, True),
        (FINE | {"s": (1, 2), "k": (3, 4)}, True),
        (FINE | {"n": (40, 800), "s": (2, 4)}, True),
        (FINE | {"n": (40, 900), "s": (2, 5)}, True),
        # Several channels, long kernels, no steps or long ones, short rows, volumes.
        (FINE | {"c_out": 2}, False),
        (FINE | {"c_in": 2}, False),
        (FINE | {"k": (4, 7)}, False),
        (FINE | {"k": (7, 4)}, False),
        (FINE | {"s": (2, 1)}, False),
        (FINE | {"n": (40, 2000), "s": (2, 17)}, False),
        (FINE | {"n": (40, 60)}, False),
        (FINE | {"n": (9, 40, 300), "k": (4,) * 3, "s": (2,) * 3}, False),
    ],
)
def test_what_is_read_where_it_lies(words, fits):
    spec = spec_of(**words)
    rng = np.random.default_rng(0)
    kernel = integers(rng, spec.kernel_shape).astype("f4")
    kernel[kernel == 0] = 1
    plan = direct.plan(spec, kernel)
    assert isinstance(plan, combed.CombedPlan) == fits
    x = integers(rng, spec.dims).astype("f4")
    assert_same(plan.apply(x), taps.plan(spec, kernel).apply(x))


def test_dilated_upsampled_and_extended_rows_are_laid_out():
    axis = Axis(n=300, q=150, k=3, s=2, lo=1)
    dilated = Axis(n=300, q=150, k=3, s=2, d=2, lo=2)
    upsampled = Axis(n=300, q=200, k=3, s=2, t=3, lo=1)
    extended = Axis(n=302, q=150, k=3, s=2)
    for spec, fits in (
        (ConvSpec(axes=(axis, axis)), True),
        (ConvSpec(axes=(dilated, axis)), False),
        (ConvSpec(axes=(axis, dilated)), False),
        (ConvSpec(axes=(upsampled, axis)), False),
        (ConvSpec(axes=(axis, upsampled)), False),
        (ConvSpec(axes=(axis, extended), extend=(None, BORDER)), False),
    ):
        kernel = np.ones(spec.kernel_shape, "f4")
        assert combed.fits(spec, kernel) == fits
        assert not combed.fits(spec, kernel.astype("c8"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_reach(short, value):
    rng = np.random.default_rng(0)
    # Three taps and a step of two: a group of taps is not full, nor are rows.
    spec = spec_of((20, 50), (3, 3), (2, 2), batch=2)
    kernel, x = noise(rng, spec.kernel_shape), noise(rng, spec.dims)
    for row, sample in product((0, 7, 8, 19), (0, 30, 31, 49)):
        bad = x.copy()
        bad[1, 0, row, sample] = value
        plan = direct.plan(spec, kernel)
        assert isinstance(plan, combed.CombedPlan)
        assert plan.tap_by_tap
        want = taps.plan(spec, kernel).apply(bad)
        np.testing.assert_allclose(plan.apply(bad), want, rtol=1e-12, atol=1e-12)
    kernel[0, 0, 1, 1] = 0
    assert not direct.plan(spec, kernel).tap_by_tap
    want = taps.plan(spec, kernel).apply(bad)
    y = engines.plan("direct", spec, kernel).apply(bad)
    np.testing.assert_allclose(y, want, rtol=1e-12, atol=1e-12)


def test_any_order_of_axes_and_any_address_is_read(short):
    rng = np.random.default_rng(0)
    spec = spec_of((20, 50), (3, 4), (2, 3), batch=2, c_in=3, c_out=3, groups=3)
    kernel, x = integers(rng, spec.kernel_shape), integers(rng, spec.dims)
    plan = combed.plan(spec, kernel)
    want = plan.apply(x)
    odd = np.ndarray(x.shape, x.dtype, np.zeros(x.nbytes + 3, np.uint8), 3)
    odd[...] = x
    for one in (
        x[:, :, ::-1][:, :, ::-1],
        x[..., ::-1].copy()[..., ::-1],
        np.asfortranarray(x),
        np.repeat(x, 2, axis=2)[:, :, ::2],
        np.repeat(x, 2, axis=3)[..., ::2],
        x.swapaxes(0, 1).copy().swapaxes(0, 1),
        x[:, :, :, :],
        odd,
    ):
        before = one.copy()
        assert_same(plan.apply(one), want)
        assert_same(one, before)


def test_threads_make_the_same_bits(monkeypatch):
    monkeypatch.setattr(combed, "_WAKING", 0)
    monkeypatch.setattr(combed, "_JOB", 4000)
    rng = np.random.default_rng(0)
    op = ca.Conv2DOp(
        (2, 200, 300),
        noise(rng, (2, 1, 5, 4)).astype("f4"),
        stride=2,
        padding=1,
        groups=2,
        engine="direct",
    )
    assert_threads_agree(op, noise(rng, op.dims).astype("f4"))


def test_large_products_have_helpers_and_equal_bands():
    spec = spec_of((1024, 1024), (4, 4), (2, 2))
    plan = direct.plan(spec, np.ones(spec.kernel_shape, "f4"))
    x = np.zeros(spec.dims, "f4")
    assert plan._call(x, (1, x.strides, 3)).threads == 3
    small = spec_of((16, 300), (4, 4), (2, 2))
    plan = direct.plan(small, np.ones(small.kernel_shape, "f4"))
    x = np.zeros(small.dims, "f4")
    assert plan._call(x, (1, x.strides, 3)).threads == 1


def test_a_plan_keeps_few_calls(monkeypatch):
    monkeypatch.setattr(calls, "_KEPT", 2)
    spec = spec_of((10, 300), (2, 2), (2, 2))
    plan = direct.plan(spec, np.ones(spec.kernel_shape))
    for batch in range(5):
        x = np.ones((batch, *spec.dims[1:]))
        assert plan.apply(x).sum() == x.sum()
        assert len(plan.calls) <= 2


def test_rows_that_are_read_where_they_lie_are_expected_to_be_fast():
    words = {"n": (600, 600), "k": (4, 4)}
    steps, none = (
        cost.estimates(one, np.ones(one.kernel_shape, "f4"))["direct"]
        for one in (
            spec_of(s=(2, 2), **words),
            spec_of(s=(2, 2), c_in=2, c_out=1, **words),
        )
    )
    assert 3 * (steps - cost.START * 1e-9) < none - cost.START * 1e-9
