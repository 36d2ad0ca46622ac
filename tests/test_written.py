"""Rows that tiles write to the output themselves, and short axes."""

from dataclasses import replace
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("llvmlite")

from checks import assert_same
from convadjoint import engines
from convadjoint.engines import banded, calls, cutting, direct, primitives, rows
from convadjoint.engines.kinds import INDEX
from convadjoint.engines.tiles import Tile, ranges, woven_tile
from convadjoint.geometry import Axis, Border, ConvSpec
from oracles import spec_dense
from strategies import MODES, SEEDS, integers, upto

# Samples around an array, which no tile may write, or take anything from.
AROUND = 96


@st.composite
def axes(draw, most, steps):
    """An axis of up to `most` samples with one of some strides on either side."""
    s, t = draw(st.sampled_from(steps))
    k, d = draw(upto(5)), draw(st.sampled_from((1, 1, 2)))
    n = draw(upto(max(1, most // t)))
    q = draw(st.integers(1, max(1, n * t // s + 3)))
    return Axis(n=n, q=q, k=k, s=s, t=t, d=d, lo=draw(st.integers(-2, k * d)))


@st.composite
def lines(draw):
    """Groups of one channel, with rows of up to some vectors."""
    groups = draw(upto(3))
    down = draw(axes(9, ((1, 1), (1, 1), (2, 1), (1, 2), (1, 3))))
    along = draw(axes(150, ((1, 1), (1, 2), (1, 4), (1, 4), (2, 1), (1, 3))))
    spec = ConvSpec(
        axes=(down, along),
        batch=draw(upto(3)),
        c_in=groups * draw(upto(2)),
        c_out=groups,
        groups=groups,
    )
    if draw(st.booleans()):
        return spec
    border = Border(
        n=draw(upto(20)),
        length=along.n,
        lo=draw(st.integers(-3, 12)),
        mode=draw(st.sampled_from(MODES)),
    )
    return replace(spec, extend=(None, border))


@st.composite
def layers(draw):
    """Groups of some channels, whose rows may be longer than a tile."""
    groups, step = draw(upto(2)), draw(st.sampled_from((1, 2)))
    n, k = draw(upto(150)), draw(upto(2)) if step == 1 else step
    q = max(1, n * step - draw(st.integers(0, 2)))
    along = Axis(n=n, q=q, k=k, t=step, lo=step - 1)
    return ConvSpec(
        axes=(draw(axes(5, ((1, 1), (1, 2), (2, 1)))), along),
        batch=draw(upto(3)),
        c_in=groups * draw(upto(3)),
        c_out=groups * draw(st.sampled_from((2, 3, 4, 5, 9, 16))),
        groups=groups,
    )


@pytest.mark.parametrize("below", [3, 2**31 + 10, 2**40])
def test_edges_may_be_far_away(monkeypatch, tmp_path, below):
    # The neighbours that are inside begin so far before the samples of a vector.
    monkeypatch.setenv("CONVADJOINT_CACHE_DIR", str(tmp_path))
    kind = primitives.kind_of(np.dtype("f4"))

    @primitives.entry(f"edges-{below}", INDEX, INDEX)
    def picked(x, y):
        source, target = primitives.samples_at(x, kind), primitives.samples_at(y, kind)
        rows.pick(source, 0, (-primitives.words_at(x)[9], 5), target, 8, 1)

    x, y = np.zeros(10, np.int64), np.full(9, 7, "f4")
    x[:4], x[9] = np.arange(8, dtype="f4").view(np.int64), below
    calls.function_at(picked.address)(x.ctypes.data, y.ctypes.data)
    assert_same(y, np.array([0, 1, 2, 3, 4, 0, 0, 0, 7], "f4"))


def test_a_large_kernel_may_meet_no_signal(monkeypatch):
    monkeypatch.setattr(cutting, "_JOB", 1)
    spec = ConvSpec(axes=(Axis(n=9, q=7, k=3),), batch=0, c_in=2, c_out=2)
    kernel = np.ones(spec.kernel_shape)
    assert direct.plan(spec, kernel).apply(np.zeros(spec.dims)).shape == (0, 2, 7)


def inside(shape, dtype, mark):
    """An array in the middle of a longer one that is full of a mark."""
    size = prod(shape)
    room = np.full(size + 2 * AROUND, mark, dtype)
    return room, room[AROUND : AROUND + size].reshape(shape)


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(spec=lines() | layers(), seed=SEEDS)
def test_whole_numbers_are_exact_and_nothing_is_written_around(
    small, dtype, spec, seed
):
    rng = np.random.default_rng(seed)
    kernel = integers(rng, spec.kernel_shape).astype(dtype)
    _, x = inside(spec.dims, dtype, np.nan)
    x[:] = integers(rng, spec.dims)
    room, y = inside(spec.dimsd, dtype, 77)
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr(cutting, "_BAND_BYTES", 4096)
            patch.setattr(cutting, "_STEPS", (24,))
            patch.setattr(cutting, "_ROWS_JOB", 1)
        plan = direct.plan(spec, kernel)
        if not isinstance(plan, banded.DirectPlan):
            # No tap joins anything.
            return
        y[:] = 0 if not plan.covers else 55
        plan._call(x, (len(x), x.strides, 2)).make(x, y)
    assert_same(y, spec_dense(spec, kernel) @ x)
    assert (room[:AROUND] == 77).all()
    assert (room[-AROUND:] == 77).all()


@pytest.mark.parametrize("itemsize", [4, 8])
@pytest.mark.parametrize("step", [2, 4])
def test_phases_of_few_taps_are_put_together_by_tiles(step, itemsize):
    axis = Axis(n=99, q=99 * step, k=2 * step, t=step, lo=1)
    kernel = np.ones((1, 1, 3, 2 * step), f"f{itemsize}")
    spec = ConvSpec(axes=(Axis(n=8, q=8, k=3, lo=1), axis))
    plan = direct.plan(spec, kernel)
    assert (plan.tile.phases, plan.covers) == (step, True)
    # There is nothing for other buffers.
    assert plan.program(1).products == 0
    fewer = replace(spec, axes=(spec.axes[0], replace(axis, n=1, q=step)))
    assert direct.plan(fewer, kernel).tile.phases == 1


def test_channels_are_written_by_tiles_where_rows_are_long():
    def plan(n, step, c_out, c_in=3):
        lines = Axis(n=5, q=5, k=1), Axis(n=n, q=n * step, k=step, t=step, lo=step - 1)
        spec = ConvSpec(axes=lines, c_in=c_in, c_out=c_out)
        return direct.plan(spec, np.ones(spec.kernel_shape, "f4"))

    woven = plan(96, 2, 16)
    assert (woven.tile.phases, woven.covers, woven.program(1).products) == (2, True, 0)
    assert woven.cut.blocks == -(-16 // woven.tile.rows)
    assert plan(5, 2, 16).tile.phases == 1
    many = plan(96, 2, 16, c_in=300)
    assert many.tile.phases == 1
    assert many.program(1).products > 0


@pytest.mark.parametrize("registers", [16, 32])
def test_woven_tiles_are_for_few_taps_and_rows_that_fill_them(registers):
    def tile(phases, samples, taps):
        return woven_tile(
            phases=phases, samples=samples, taps=taps, lanes=8, registers=registers
        )

    assert isinstance(tile(2, 100, 4), Tile)
    assert tile(3, 100, 4) is None
    assert tile(2, 1, 4) is None
    assert tile(2, 100, 400) is None


@pytest.mark.parametrize("rows", [2, 4])
def test_ranges_are_all_neighbours(rows):
    found = [set(range(*served)) for served in ranges(rows)]
    wanted = [set(range(a, b)) for b in range(rows + 1) for a in range(b)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, wanted))


@pytest.mark.parametrize(("step", "k"), [(1, 1), (1, 2), (2, 3)])
def test_rows_that_share_few_taps_have_no_weights_of_zero(step, k):
    lines = Axis(n=16, q=16 // step, k=k, s=step)
    # Rows are too short to be read where they lie.
    spec = ConvSpec(axes=(lines, Axis(n=20, q=20, k=3, lo=1)))
    plan = direct.plan(spec, np.ones(spec.kernel_shape, "f4"))
    assert plan.tile.m > 1
    assert plan.tap_by_tap


@pytest.mark.parametrize(
    ("n", "batch", "signals"), [(6, 5, 5), (6, 40, 20), (99, 5, 1)]
)
def test_short_rows_of_signals_lie_side_by_side(n, batch, signals):
    rng = np.random.default_rng(0)
    axes = Axis(n=7, q=7, k=5, lo=2), Axis(n=n, q=n, k=5, lo=2)
    spec = ConvSpec(axes=axes, batch=batch, c_in=2, c_out=2, groups=2)
    kernel = integers(rng, spec.kernel_shape).astype("f4")
    plan = direct.plan(spec, kernel)
    assert plan.cut.signals <= signals
    assert (plan.cut.signals > 1) == (signals > 1)
    # The last band may have fewer signals than the others.
    for count in (batch, batch - 1, 1):
        x = integers(rng, (count, *spec.dims[1:])).astype("f4")
        same = replace(spec, batch=count)
        assert_same(plan.apply(x), engines.plan("taps", same, kernel).apply(x))


@pytest.mark.parametrize(
    ("left", "wanted"), [(1, 1), (16, 1), (17, 2), (33, 6), (96, 6)]
)
def test_the_end_of_a_row_takes_a_narrower_tile(left, wanted):
    tile = Tile(4, 6, 16, narrow=(2, 1))
    assert tile.vectors(left) == wanted
    assert tile.forms == [(4, v) for v in (1, 1, 2, 6, 6, 6, 6)]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_many_small_bands_are_taken_some_at_once(threads):
    rng = np.random.default_rng(0)
    axes = Axis(n=7, q=7, k=5, lo=2), Axis(n=6, q=6, k=5, lo=2)
    spec = ConvSpec(axes=axes, c_in=450, c_out=450, groups=450)
    kernel, x = integers(rng, spec.kernel_shape), integers(rng, spec.dims)
    before = engines.num_threads()
    engines.set_num_threads(threads)
    try:
        plan = direct.plan_rows(spec, kernel)
        y = plan.apply(x)
        taken = plan._jobs(1, threads)[1][2]
    finally:
        engines.set_num_threads(before)
    assert taken == 450 // (32 * threads)
    assert_same(y, engines.plan("taps", spec, kernel).apply(x))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("engine", ["direct", "taps"])
def test_idle_axes_are_taken_as_one(engine, channels_last):
    rng = np.random.default_rng(0)
    idle = Axis(n=5, q=5, k=1), Axis(n=6, q=6, k=1, d=3)
    spec = ConvSpec(axes=(Axis(n=4, q=3, k=2), *idle), batch=2, c_in=3, c_out=2)
    kernel, x = integers(rng, spec.kernel_shape), integers(rng, spec.dims)
    flat = spec.flattened()
    assert flat.dims == (2, 3, 4, 30)
    assert (flat.nnz, flat.shape) == (spec.nnz, spec.shape)
    want = engines.plan("taps", flat, kernel.reshape(flat.kernel_shape))
    want = want.apply(x.reshape(flat.dims)).reshape(spec.dimsd)
    if channels_last:
        x = np.ascontiguousarray(np.moveaxis(x, 1, -1))
        x = np.moveaxis(x, -1, 1)
    assert_same(engines.plan(engine, spec, kernel).apply(x), want)


BORDER = Border(n=6, length=6, lo=0, mode="reflect")


@pytest.mark.parametrize(
    "spec",
    [
        ConvSpec(axes=(Axis(n=6, q=6, k=1),)),
        ConvSpec(axes=(Axis(n=6, q=6, k=1), Axis(n=6, q=5, k=2))),
        ConvSpec(axes=(Axis(n=6, q=6, k=1), Axis(n=6, q=3, k=1, s=2))),
        ConvSpec(axes=(Axis(n=6, q=6, k=1, lo=1), Axis(n=6, q=6, k=1))),
        ConvSpec(axes=(Axis(n=6, q=7, k=1), Axis(n=6, q=6, k=1))),
        ConvSpec(axes=(Axis(n=6, q=6, k=1),) * 2, extend=(None, BORDER)),
        ConvSpec(axes=(Axis(n=6, q=6, k=1),) * 2, fold=(BORDER, None)),
    ],
)
def test_other_axes_are_left_as_they_are(spec):
    assert spec.flattened() == spec
