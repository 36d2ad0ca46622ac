"""The kernel gradient of many channels, by panels: against the loops, and exactly."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from checks import assert_same, assert_within
from convadjoint import engines
from convadjoint.engines.gradient import tap_gradient
from convadjoint.engines.scratch import scratch
from convadjoint.geometry import Axis, ConvSpec
from strategies import SEEDS, integers, noise, specs, upto
from test_weights import everything_small

pytest.importorskip("llvmlite")

from convadjoint.engines import correlation, paneled, panels

REAL = st.sampled_from(("float32", "float64"))
VECTORS = sorted(v for _, v in paneled.FORMS)
SMALL = {"_BYTES": 512, "_BOTH": 1024, "_PART": 3}


@contextmanager
def only_panels(vectors, **small):
    """Let every gradient take panels, and tiles of so many vectors."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in small.items():
            patch.setattr(panels, name, value)
        preferred = {"cycles": lambda self: abs(self.form[1] - vectors) - 99}
        patch.setattr(panels.Panels, "cycles", preferred["cycles"])
        correlation._plan.cache_clear()
        try:
            yield
        finally:
            correlation._plan.cache_clear()


def gradient(spec, x, z):
    """What is tested, after another product has left its mark in the buffers."""
    scratch("g", (2**17,), x.dtype)[...] = np.nan
    found = engines.Weights(spec, x, "direct").gradient(z)
    assert (
        spec.batch == 0
        or (plan := correlation._plan(spec, x.dtype)) is None
        or (plan.paneled)
    )
    return found


@st.composite
def problems(draw):
    """Any geometry, with channels for several tiles and blocks of them."""
    spec = draw(specs())
    c_in, c_out = draw(upto(40)), draw(upto(20))
    return replace(spec, c_in=spec.groups * c_in, c_out=spec.groups * c_out)


@given(spec=problems(), seed=SEEDS, dtype=REAL, vectors=st.sampled_from(VECTORS))
def test_the_gradient_is_the_definitions(spec, seed, dtype, vectors):
    rng = np.random.default_rng(seed)
    x, z, kernel = (
        integers(rng, shape, dtype)
        for shape in (spec.dims, spec.dimsd, spec.kernel_shape)
    )
    with only_panels(vectors):
        found = gradient(spec, x, z)
    assert (found.shape, found.dtype) == (spec.kernel_shape, dtype)
    y = oracles.spec_dense(spec, kernel.astype(float)) @ x.astype(float)
    assert np.sum(found.astype(float) * kernel) == np.sum(z * y)
    assert_same(found, tap_gradient(spec, x, z))


@given(
    spec=problems(),
    seed=SEEDS,
    dtype=REAL,
    vectors=st.sampled_from(VECTORS),
    wide=st.booleans(),
)
def test_the_parts_of_a_large_one(spec, seed, dtype, vectors, wide):
    rng = np.random.default_rng(seed)
    if wide:
        axes = tuple(replace(axis, n=axis.n + 7, q=axis.q + 9) for axis in spec.axes)
        spec = replace(spec, axes=axes, batch=spec.batch + 1, extend=(), fold=())
    x, z = integers(rng, spec.dims, dtype), integers(rng, spec.dimsd, dtype)
    with everything_small(), only_panels(vectors, **SMALL):
        found = gradient(spec, x, z)
    assert_same(found, tap_gradient(spec, x, z))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("taps", [*((k,) for k in range(1, 20)), (3, 9), (5, 13)])
def test_every_number_of_taps(taps, dtype):
    rng = np.random.default_rng(0)
    axes = tuple(Axis(n=20, q=19, k=k, d=2, lo=3) for k in taps)
    spec = ConvSpec(axes=axes, batch=2, c_in=33, c_out=11)
    x, z = integers(rng, spec.dims, dtype), integers(rng, spec.dimsd, dtype)
    with only_panels(2):
        assert_same(gradient(spec, x, z), tap_gradient(spec, x, z))


@pytest.mark.parametrize(
    "shape", [(3, 64, 64, 5, 60, 60), (2, 512, 70, 3, 9, 9), (1, 24, 300, 31, 33, 40)]
)
def test_the_bits_do_not_depend_on_the_threads(shape):
    rng = np.random.default_rng(0)
    batch, c_in, c_out, k, *sizes = shape
    axes = tuple(Axis(n=n, q=n, k=k, lo=k // 2) for n in sizes)
    spec = ConvSpec(axes=axes, batch=batch, c_in=c_in, c_out=c_out)
    x, z = noise(rng, spec.dims, "float32"), noise(rng, spec.dimsd, "float32")
    found = []
    with only_panels(2):
        for threads in (1, 2, 5):
            engines.set_num_threads(threads)
            found.append(gradient(spec, x, z))
        engines.set_num_threads(None)
    for other in found[1:]:
        assert_same(other, found[0])
    scale = np.sqrt(batch * np.prod(sizes)) * 8
    rows = np.arange(0, c_out, 23)
    few = replace(spec, c_out=len(rows))
    assert_within(found[0][rows], tap_gradient(few, x.astype(float), z[:, rows]), scale)


def test_long_sums_are_made_of_short_ones():
    rng = np.random.default_rng(0)
    axis = Axis(n=2**18, q=2**18, k=1)
    spec = ConvSpec(axes=(axis,), batch=1, c_in=16, c_out=8)
    x, z = (
        rng.uniform(0.5, 1, shape).astype("f4") for shape in (spec.dims, spec.dimsd)
    )
    with only_panels(1):
        found = gradient(spec, x, z)
    want = tap_gradient(spec, x.astype(float), z.astype(float))
    assert np.all(abs(found - want) <= 8 * np.finfo("f4").eps * want)


def test_many_channels_take_panels():
    axes = (Axis(n=64, q=64, k=3, lo=1),) * 2
    for c_in, c_out, paneled_ in ((64, 64, True), (1, 64, False), (64, 1, False)):
        spec = ConvSpec(axes=axes, batch=1, c_in=c_in, c_out=c_out)
        assert correlation._plan(spec, np.dtype("f4")).paneled is paneled_
