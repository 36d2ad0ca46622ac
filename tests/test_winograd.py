"""The engine `winograd`: few products per output, against the loops and exactly."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import convadjoint as ca
from checks import assert_same, check_samples
from convadjoint import engines
from convadjoint.engines.nested import minimal
from convadjoint.errors import EngineRefusal
from convadjoint.geometry import Axis, ConvSpec
from oracles import spec_dense
from strategies import SEEDS, integers, noise, specs, upto

pytest.importorskip("llvmlite")
winograd = engines.ENGINES["winograd"]


@st.composite
def shared_axes(draw, rank):
    """Axes whose phases have two or three neighbouring taps, if lengths allow it."""
    step, k = draw(upto(3)), draw(st.sampled_from((2, 3, 3, 4, 5, 6)))
    dilation, most = draw(upto(3)), (24, 10, 5)[rank - 1]
    axis = Axis(
        n=draw(upto(most, 2)),
        q=draw(upto(most, 2)),
        k=k,
        s=step,
        d=dilation,
        lo=draw(st.integers(-2, 4)),
    )
    return axis.transpose() if draw(st.booleans()) else axis


@st.composite
def problems(draw):
    """A geometry that the engine takes; some of its axes may stay as they are."""
    rank, groups = draw(upto(3)), draw(upto(2))
    spec = ConvSpec(
        axes=tuple(draw(shared_axes(rank)) for _ in range(rank)),
        batch=draw(st.sampled_from((1, 2, 9))),
        c_in=groups * draw(upto(3)),
        c_out=groups * draw(st.sampled_from((1, 2, 7))),
        groups=groups,
    )
    assume(winograd.refuses(spec, np.ones(spec.kernel_shape)) is None)
    return spec


@given(spec=problems(), seed=SEEDS, dtype=st.sampled_from(("float32", "float64")))
def test_whole_numbers_are_exact(spec, seed, dtype):
    rng = np.random.default_rng(seed)
    kernel = integers(rng, spec.kernel_shape).astype(dtype)
    x = integers(rng, spec.dims).astype(dtype)
    y = engines.plan("winograd", spec, kernel).apply(x)
    assert y.dtype == x.dtype
    assert_same(y, spec_dense(spec, kernel) @ x)


@given(spec=problems(), seed=SEEDS, dtype=st.sampled_from(("float32", "float64")))
def test_a_plan_is_the_definition(spec, seed, dtype):
    rng = np.random.default_rng(seed)
    kernel, x = noise(rng, spec.kernel_shape, dtype), noise(rng, spec.dims, dtype)
    y = engines.plan("winograd", spec, kernel).apply(x)
    check_samples(y, spec_dense(spec, kernel), x, "winograd")


@given(spec=specs(), seed=SEEDS)
def test_any_geometry_is_computed_or_refused(spec, seed):
    rng = np.random.default_rng(seed)
    kernel, x = integers(rng, spec.kernel_shape), integers(rng, spec.dims)
    if winograd.refuses(spec, kernel) is None:
        y = engines.plan("winograd", spec, kernel).apply(x)
        assert_same(y, spec_dense(spec, kernel) @ x)
        return
    with pytest.raises(EngineRefusal, match="no axis has two or three neighbouring"):
        engines.plan("winograd", spec, kernel)


LAYERS = {
    "a layer": (ca.Conv2DOp, (1, 20, 30, 37), (15, 20, 3, 3), {"padding": 1}),
    "its batch": (ca.Conv2DOp, (40, 8, 7, 7), (16, 8, 3, 3), {"padding": 1}),
    "half of it": (ca.Conv2DOp, (16, 12, 16, 16), (24, 12, 4, 4), {"stride": 2}),
    "in groups": (ca.Conv2DOp, (3, 8, 20, 21), (12, 4, 3, 3), {"groups": 2}),
    "dilated": (ca.Conv2DOp, (2, 5, 40, 40), (7, 5, 3, 3), {"dilation": 2}),
    "mixed": (ca.Conv2DOp, (2, 5, 31, 30), (7, 5, 1, 5), {"stride": (1, 2)}),
    "a volume": (ca.Conv3DOp, (2, 4, 9, 10, 11), (6, 4, 3, 3, 3), {"padding": 1}),
    "few planes": (ca.Conv3DOp, (2, 6, 2, 14, 14), (9, 6, 3, 3, 3), {"padding": 1}),
    "many traces": (ca.Conv1DOp, (2, 6, 5000), (9, 6, 3), {"padding": "same"}),
    "a border": (
        ca.Conv2DOp,
        (2, 6, 20, 30),
        (9, 6, 3, 3),
        {"padding": "same", "padding_mode": ("circular", "reflect")},
    ),
    "large weights": (ca.Conv2DOp, (9, 200, 14, 14), (210, 200, 3, 3), {"padding": 1}),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_agree_with_taps_and_have_the_same_bits_on_any_threads(name, dtype):
    make, dims, shape, words = LAYERS[name]
    rng = np.random.default_rng(0)
    exact = make(dims, integers(rng, shape).astype(dtype), engine="taps", **words)
    rough = exact.replace(kernel=noise(rng, shape, dtype), engine="winograd")
    for op, other in ((exact, rough), (exact.T, rough.T)):
        x = integers(rng, op.dims).astype(dtype)
        assert_same(op.replace(engine="winograd") @ x, op @ x)
        ca.set_num_threads(1)
        alone = other @ x
        ca.set_num_threads(3)
        assert_same(other @ x, alone)
        ca.set_num_threads(None)


def test_one_plan_takes_any_batch_and_any_strides():
    spec = ConvSpec(axes=(Axis(n=9, q=9, k=3, lo=1),) * 2, c_in=3, c_out=5, batch=4)
    rng = np.random.default_rng(0)
    kernel = integers(rng, spec.kernel_shape)
    plan = engines.plan("winograd", spec, kernel)
    for batch in (4, 1, 0, 9):
        x = integers(rng, (batch, 3, 18, 27))[:, ::-1, ::2, 1::3]
        want = spec_dense(replace(spec, batch=batch), kernel) @ x if batch else x[:, :0]
        assert_same(plan.apply(x)[:, : want.shape[1]], want)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("engine", ["winograd", "auto"])
def test_what_is_not_finite_spreads_as_in_the_definition(engine, bad):
    rng = np.random.default_rng(0)
    kernel = noise(rng, (64, 64, 3, 3), "float32")
    kernel[:, :, 0, 1] = 0
    op = ca.Conv2DOp((64, 64, 64), kernel, padding=1, engine=engine)
    assert op.engine == "winograd"
    x = noise(rng, op.dims, "float32")
    x[3, 20, 21] = bad
    want = op.replace(engine="taps") @ x
    got = op @ x
    assert_same(np.isfinite(got), np.isfinite(want))
    fine = np.isfinite(want)
    assert np.allclose(got[fine], want[fine], rtol=0, atol=1e-3)


def test_sums_do_not_overflow_before_the_result():
    kernel = np.zeros((8, 8, 3, 3), "float32")
    kernel[:, 0, 1, 1] = 0.5
    op = ca.Conv2DOp((8, 12, 12), kernel, padding=1, engine="winograd")
    x = np.full(op.dims, 3e38, "float32")
    assert_same(op @ x, np.full(op.dims, 1.5e38, "float32"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_auto_does_not_let_a_large_sample_drown_its_neighbours(dtype):
    rng = np.random.default_rng(0)
    kernel = rng.integers(1, 5, (64, 64, 3, 3)).astype(dtype)
    kernel[:, :, 0, 0] = 0
    op = ca.Conv2DOp((64, 64, 64), kernel, padding=1)
    assert op.engine == "winograd"
    x = rng.integers(1, 5, op.dims).astype(dtype)
    x[5, 32, 32] = 0.5 / np.finfo(dtype).eps ** 1.2
    want = op.replace(engine="taps") @ x
    near = np.ones(op.dims, bool)
    near[:, 31:34, 31:34] = False
    near[:, 33, 33] = True
    assert_same((op @ x)[near], want[near])
    named = op.replace(engine="winograd") @ x
    assert abs(named - want)[near].max() > 1
    # Where all taps are there, what the sample reaches is as in the definition.
    op, named = (
        one.replace(kernel=abs(kernel) + 1)
        for one in (op, op.replace(engine="winograd"))
    )
    near[:, 33, 33] = False
    want = op.replace(engine="taps") @ x
    assert_same((op @ x)[near], want[near])
    assert_same((named @ x)[near], want[near])


REFUSALS = {
    "no axis has two or three neighbouring taps, and two outputs, to share": (
        ConvSpec(axes=(Axis(n=9, q=9, k=7, lo=3),)),
        "float64",
    ),
    "it knows real kernels only": (
        ConvSpec(axes=(Axis(n=9, q=9, k=3, lo=1),)),
        "complex64",
    ),
    "it would lay out 400 lines per channel, more than 256": (
        ConvSpec(axes=(Axis(n=200, q=101, k=100), Axis(n=9, q=9, k=3, lo=1))),
        "float64",
    ),
    "it knows up to 3 convolved axes, not 4": (
        ConvSpec(axes=(Axis(n=5, q=5, k=3, lo=1),) * 4),
        "float64",
    ),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_it_refuses(reason):
    spec, dtype = REFUSALS[reason]
    with pytest.raises(EngineRefusal, match=f"engine 'winograd' refuses: {reason}"):
        engines.plan("winograd", spec, np.ones(spec.kernel_shape, dtype))


@pytest.mark.parametrize(
    ("axis", "products", "plain"),
    [
        (Axis(n=8, q=8, k=3, lo=1), 16, 24),
        (Axis(n=7, q=7, k=3, lo=1), 16, 21),
        (Axis(n=16, q=8, k=4, s=2, lo=1), 24, 32),
        (Axis(n=8, q=16, k=4, t=2, lo=2), 24, 32),
        (Axis(n=16, q=8, k=3, s=2, lo=1), 20, 24),
        (Axis(n=40, q=40, k=3, d=2, lo=2), 80, 120),
        (Axis(n=8, q=8, k=7, lo=3), 56, 56),
        (Axis(n=3, q=1, k=3), 3, 3),
        (Axis(n=2, q=2, k=3, lo=1), 3, 4),
        (Axis(n=2, q=2, k=4, lo=1), 3, 4),
        (Axis(n=2, q=2, k=3, lo=0), 3, 4),
        (Axis(n=2, q=2, k=3, d=2, lo=2), 2, 2),
    ],
)
def test_products_are_counted(axis, products, plain):
    one = minimal.scheme(axis, few=False)
    assert one.multiplied == products
    assert one.nested == (products < plain)


def test_transposed_phases_share_lines():
    one = minimal.scheme(Axis(n=8, q=16, k=4, t=2, lo=2), few=False)
    assert (len(one.products), len(one.lines)) == (6, 5)
