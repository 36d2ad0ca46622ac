"""What only large problems need, on small ones: bands, jobs, portions, blocks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import convadjoint as ca
from checks import assert_same, check_samples
from convadjoint import engines
from convadjoint.engines import (
    banded,
    cutting,
    direct,
    fft,
    frames,
    orientation,
    packing,
)
from convadjoint.engines.fourier import spectra, transforms
from convadjoint.geometry import Axis, ConvSpec
from convadjoint.geometry.phases import phases, unrolled
from fences import fences
from oracles import spec_dense
from strategies import SEEDS, bare_axes, integers, noise, specs, upto

pytestmark = pytest.mark.skipif(
    direct.refuses(ConvSpec(axes=()), np.ones((1, 1))) is not None,
    reason="needs llvmlite",
)


@pytest.fixture(scope="module", autouse=True)
def small():
    """Let everything be too large for one part, and worth another thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "_BAND_BYTES", 512)
        patch.setattr(cutting, "_PRODUCT_BYTES", 2048)
        patch.setattr(cutting, "_PIECE_BYTES", 2048)
        patch.setattr(cutting, "_JOB", 1)
        patch.setattr(cutting, "_ROWS_JOB", 1)
        patch.setattr(cutting, "_USES", 1)
        patch.setattr(cutting, "_STEPS", (384,))
        patch.setattr(banded, "_WAKING", 0)
        patch.setattr(packing, "MOST_TAPS", 5)
        patch.setattr(fft, "BYTES", 2048)
        patch.setattr(spectra, "_MOST", 2048)
        patch.setattr(transforms, "_PORTION", 64)
        cutting.jobs.cache_clear()
        ca.set_num_threads(2)
        yield
    ca.set_num_threads(None)
    cutting.jobs.cache_clear()


@st.composite
def wide(draw):
    """Many channels, some signals: tiles of every shape, and several blocks of them."""
    spec = draw(specs())
    if len(spec.axes) == 1 and not any(spec.extend + spec.fold):
        # Long enough for whole vectors, and for some bands.
        spec = replace(spec, axes=(draw(bare_axes(most=70, taps=6)),))
    groups, batch = draw(upto(2)), draw(upto(5))
    c_in, c_out = groups * draw(upto(3)), groups * draw(st.sampled_from((1, 3, 9, 17)))
    return replace(spec, batch=batch, groups=groups, c_in=c_in, c_out=c_out)


@pytest.mark.parametrize("cycles", [3, -1e9], ids=["few copies", "copies"])
@given(spec=wide(), seed=SEEDS)
def test_bands_jobs_and_chunks_add_up_to_the_whole(cycles, spec, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orientation, "_COPYING", cycles)
        check_both_ways(spec, seed)


def check_both_ways(spec, seed):
    """Integers, mapped by the engine and back, are exact."""
    rng = np.random.default_rng(seed)
    kernel, x = integers(rng, spec.kernel_shape), integers(rng, spec.dims)
    dense = spec_dense(spec, kernel)
    plan = engines.plan("direct", spec, kernel)
    assert_same(plan.apply(x), dense @ x)
    turned = engines.transpose_kernel(kernel, spec.groups)
    back = engines.plan("direct", spec.transpose(), turned)
    y = integers(rng, spec.dimsd)
    assert_same(back.apply(y), dense.T @ y)


@given(spec=wide(), seed=SEEDS, dtype=st.sampled_from(("float64", "complex64")))
def test_blocks_of_a_transform_add_up_to_the_whole(spec, seed, dtype):
    rng = np.random.default_rng(seed)
    kernel, x = noise(rng, spec.kernel_shape, dtype), noise(rng, spec.dims, dtype)
    y = engines.plan("fft", spec, kernel).apply(x)
    check_samples(y, spec_dense(spec, kernel), x, "fft")


# One sample in the middle of many zeros: rows overlap by more than the taps reach.
LONELY = ConvSpec(axes=(Axis(n=1, q=81, k=1, lo=40),), c_in=1, c_out=9)


@given(spec=wide(), seed=SEEDS)
@example(spec=LONELY, seed=0)
def test_nothing_is_written_outside_the_buffers(spec, seed):
    rng = np.random.default_rng(seed)
    plan = engines.plan("direct", spec, integers(rng, spec.kernel_shape))
    # A few samples past the end of the input may be written.
    with fences(banded, over=frames.OVER):
        plan.apply(integers(rng, spec.dims))


def test_a_large_image_is_transformed_in_blocks():
    spec = ConvSpec(axes=(Axis(n=60, q=60, k=3, lo=1),) * 2)
    plan = engines.plan("fft", spec, np.ones(spec.kernel_shape)).inner
    assert isinstance(plan, fft.BlockedPlan)
    while isinstance(plan, fft.BlockedPlan):
        plan = plan.inner
    assert plan.nbytes <= fft.BYTES


def test_few_outputs_that_mostly_read_zeros_are_plans_of_their_own():
    # Six pairs of a tap and an output, two of them with a zero outside.
    deep, wide_ = Axis(n=2, q=2, k=3, lo=1), Axis(n=9, q=9, k=1)
    spec = ConvSpec(axes=(deep, wide_), c_in=2, c_out=2)
    kernel = np.arange(1.0, 13.0).reshape(spec.kernel_shape)
    plan = engines.plan("direct", spec, kernel).inner
    assert plan.taps.offsets.shape[1] == 2 * 4
    x = np.random.default_rng(0).integers(-4, 5, spec.dims).astype(float)
    assert_same(plan.apply(x), spec_dense(spec, kernel) @ x)


@given(axis=bare_axes(most=7, taps=6))
def test_dense_phases_and_single_outputs_join_the_same_samples(axis):
    def pairs(split):
        return {
            (
                j,
                phase.first_in + phase.step_in * (v + shift),
                phase.first_out + phase.step_out * v,
            )
            for phase in split
            for j, shift in zip(phase.taps, phase.shifts, strict=True)
            for v in range(phase.q)
            if 0 <= v + shift < phase.n
        }

    assert pairs(unrolled(axis)) == pairs(phases(axis))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_plan_that_goes_tap_by_tap_needs_no_guard(bad):
    spec = ConvSpec(axes=(Axis(n=20, q=18, k=3), Axis(n=20, q=20, k=3, lo=1)))
    kernel = np.arange(1.0, 10.0).reshape(spec.kernel_shape)
    plan = engines.plan("direct", spec, kernel)
    assert plan.inner.tap_by_tap
    x = np.ones(spec.dims)
    x[0, 0, 5, 0] = bad
    reads = np.zeros(spec.dimsd, bool)
    reads[0, 0, 3:6, :2] = True
    assert_same(~np.isfinite(plan.apply(x)), reads)
    kernel[0, 0, 1, 1] = 0
    shared = ConvSpec(axes=spec.axes, c_in=1, c_out=2)
    both = np.concatenate((kernel, np.ones_like(kernel)))
    assert not engines.plan("direct", shared, both).inner.tap_by_tap
