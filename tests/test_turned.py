"""Convolutions along the last axis alone, whose rows are laid side by side."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from checks import assert_same, check_samples
from convadjoint import engines
from convadjoint.engines import banded, cutting, direct, orientation, tiles
from convadjoint.engines.arrays import ROWS_AS_LANES, SIGNALS_AS_LANES, UNTURNED
from convadjoint.geometry import Axis, Border, ConvSpec
from fences import fences
from oracles import spec_dense
from strategies import DTYPES, MODES, SEEDS, bare_axes, integers, noise, upto

pytestmark = pytest.mark.skipif(
    direct.refuses(ConvSpec(axes=()), np.ones((1, 1))) is not None,
    reason="needs llvmlite",
)

LAST = Axis(n=4096, q=4096, k=31, lo=15)


@pytest.fixture
def always():
    """Turn every plan that can be turned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orientation, "turning_pays", lambda **_: True)
        yield patch


@st.composite
def lines(draw):
    """A geometry of one tap on every axis but the last, and perhaps the first of three."""
    rank, batch = draw(
        st.sampled_from(((1, 1), (1, 7), (1, 20), (2, 1), (2, 2), (3, 1)))
    )
    groups = draw(upto(2)) if rank == 1 else 1
    last = draw(bare_axes(most=(40, 20, 20)[rank - 1], taps=6))
    rows = draw(upto(19, 2))
    axes = (*(Axis(n=rows, q=rows, k=1),) * (rank > 1), last)
    if rank == 3:
        axes = (draw(bare_axes(most=5, taps=2)), *axes)
    spec = ConvSpec(
        axes=axes,
        batch=batch,
        c_in=groups * draw(upto(3 - rank // 2)),
        c_out=groups,
        groups=groups,
    )
    if draw(st.booleans()):
        return spec
    side = draw(st.sampled_from(("extend", "fold")))
    length = last.n if side == "extend" else last.q
    border = Border(
        n=draw(upto(30)),
        length=length,
        lo=draw(st.integers(-3, 12)),
        mode=draw(st.sampled_from(MODES)),
    )
    return replace(spec, **{side: (*(None,) * (rank - 1), border)})


def by_signal(spec, kernel, x):
    """The definition, one signal after the other."""
    dense = spec_dense(replace(spec, batch=1), kernel)
    shape = (len(x), *spec.dimsd[1:])
    return np.array([dense @ signal[None] for signal in x]).reshape(shape)


# Two planes, and an output phase with taps of one row less than the band has.
SHORT = ConvSpec(
    axes=(Axis(n=2, q=2, k=1), Axis(n=2, q=2, k=1), Axis(n=2, q=3, k=4, s=2, t=4, lo=3))
)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("small", [False, True])
@example(spec=SHORT, seed=8023, steps=1)
@given(spec=lines(), seed=SEEDS, steps=st.sampled_from((1, 1, 2)))
def test_whole_numbers_are_exact(small, spec, seed, steps):
    rng = np.random.default_rng(seed)
    kernel = integers(rng, spec.kernel_shape)
    x = integers(rng, (*spec.dims[:-1], steps * spec.dims[-1]))[..., ::steps]
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr(cutting, "_BAND_BYTES", 4096)
            patch.setattr(banded, "_WAKING", 0)
        plan = direct.plan(spec, kernel)
        if isinstance(plan, banded.DirectPlan):
            assert plan.order in (ROWS_AS_LANES, SIGNALS_AS_LANES)
        assert_same(plan.apply(x), by_signal(spec, kernel, x))


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("dtype", DTYPES)
@given(spec=lines(), seed=SEEDS)
def test_a_turned_plan_is_the_definition(dtype, spec, seed):
    rng = np.random.default_rng(seed)
    kernel, x = noise(rng, spec.kernel_shape, dtype), noise(rng, spec.dims, dtype)
    y = direct.plan(spec, kernel).apply(x)
    dense = spec_dense(replace(spec, batch=1), kernel)
    for number in range(spec.batch):
        one = slice(number, number + 1)
        check_samples(y[one], dense, x[one], "direct")


@pytest.mark.usefixtures("always")
@given(spec=lines(), seed=SEEDS)
def test_nothing_is_written_outside_the_buffers(spec, seed):
    rng = np.random.default_rng(seed)
    plan = direct.plan(spec, integers(rng, spec.kernel_shape))
    with fences(banded):
        plan.apply(integers(rng, spec.dims))


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("batch", [0, 1, 15, 70])
def test_a_turned_plan_takes_any_batch(batch):
    rng = np.random.default_rng(0)
    spec = ConvSpec(axes=(Axis(n=40, q=40, k=5, lo=2),), batch=64)
    kernel = integers(rng, spec.kernel_shape)
    plan = direct.plan(spec, kernel)
    assert plan.order == SIGNALS_AS_LANES
    x = integers(rng, (batch, *spec.dims[1:]))
    assert_same(plan.apply(x), by_signal(spec, kernel, x))


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_row(bad):
    spec = ConvSpec(axes=(Axis(n=20, q=20, k=1), Axis(n=50, q=48, k=3)))
    x = np.ones(spec.dims)
    x[0, 0, 19, 30] = bad
    plan = engines.plan("direct", spec, np.arange(1.0, 4).reshape(spec.kernel_shape))
    assert plan.inner.tap_by_tap
    reads = np.zeros(spec.dimsd, bool)
    reads[0, 0, 19, 28:31] = True
    assert_same(~np.isfinite(plan.apply(x)), reads)


@pytest.mark.parametrize(
    ("spec", "order"),
    [
        (ConvSpec(axes=(LAST,), batch=64), SIGNALS_AS_LANES),
        (ConvSpec(axes=(LAST,), batch=63), UNTURNED),
        (ConvSpec(axes=(LAST,), batch=64, c_out=2), UNTURNED),
        (ConvSpec(axes=(Axis(n=4096, q=4096, k=3, lo=1),), batch=64), UNTURNED),
        (ConvSpec(axes=(Axis(n=64, q=64, k=1), LAST)), ROWS_AS_LANES),
        (ConvSpec(axes=(Axis(n=64, q=64, k=1, lo=1), LAST)), UNTURNED),
        (ConvSpec(axes=(Axis(n=64, q=62, k=3), LAST)), UNTURNED),
    ],
)
def test_plans_are_turned_where_it_pays(spec, order):
    kernel = np.ones(spec.kernel_shape, "float32")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orientation, "_host", lambda _: {"lanes": 16, "registers": 32})
        patch.setattr(tiles, "_WORTH", 0)
        assert direct.plan(spec, kernel).order == order
