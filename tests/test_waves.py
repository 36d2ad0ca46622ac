"""The engine `fft`, compiled and not: every geometry, window, radix and lane."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import convadjoint as ca
from checks import FEW, assert_same, assert_within, check_samples, eps_of, over_all
from convadjoint import engines
from convadjoint.engines import fft
from convadjoint.engines.fourier import spectra, windows
from convadjoint.engines.fourier import waveform as of
from convadjoint.geometry import Axis, Border, ConvSpec
from oracles import spec_dense
from strategies import DTYPES, SEEDS, integers, noise, specs

COMPILED = spectra.trouble() is None
needs_compiler = pytest.mark.skipif(not COMPILED, reason="needs llvmlite")


def check(plan, spec, kernel, rng):
    """A plan maps a batch by the definition, within the bound of transforms."""
    x = noise(rng, spec.dims, kernel.dtype)
    y = plan.apply(x)
    assert y.dtype == x.dtype
    assert not np.shares_memory(y, x)
    check_samples(y, spec_dense(spec, kernel), x, "fft")


def compiled(spec, kernel):
    """The plan of the compiled transforms, which these tests are about."""
    plan = spectra.plan(spec, kernel)
    assert plan is not None
    return plan


@pytest.mark.parametrize("dtype", DTYPES)
@given(spec=specs(), seed=SEEDS)
def test_the_transforms_of_scipy_are_the_definition(dtype, spec, seed):
    rng = np.random.default_rng(seed)
    kernel = noise(rng, spec.kernel_shape, dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spectra, "trouble", lambda: "it is absent")
        plan = fft.plan(spec, kernel)
    assert not isinstance(plan, spectra.WavePlan)
    check(plan, spec, kernel, rng)


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@given(spec=specs(), seed=SEEDS, data=st.data())
def test_any_windows_give_the_definition(dtype, spec, seed, data):
    def drawn(lines, **_):
        choices = (sorted(set(windows._windows(line)), key=repr) for line in lines)
        return tuple(data.draw(st.sampled_from(some)) for some in choices)

    rng = np.random.default_rng(seed)
    kernel = noise(rng, spec.kernel_shape, dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "best", drawn)
        patch.setattr(spectra, "_BYTES", data.draw(st.sampled_from((1, 2**24))))
        patch.setattr(spectra, "_IDLE", 16)
        plan = spectra.plan(spec, kernel)
        assume(plan is not None)
        check(plan, spec, kernel, rng)


# Every radix alone, behind others, and before them.
LENGTHS = (*range(1, 7), 8, 9, 10, 12, 15, 16, 18, 24, 25, 27, 40, 45, 64, 72, 81, 120)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("length", LENGTHS)
def test_every_radix_transforms(length, dtype):
    rng = np.random.default_rng(length)
    border = Border(n=length, length=length + 4, lo=1, mode="circular")
    axis = Axis(n=length + 4, q=length, k=5)
    spec = ConvSpec(axes=(axis,), batch=20, extend=(border,))
    kernel = noise(rng, spec.kernel_shape, dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            windows, "best", lambda lines, **_: [next(windows._windows(*lines))]
        )
        plan = compiled(spec, kernel)
    assert plan.numbers[of.LAST + of.LENGTH] == length
    check(plan, spec, kernel, rng)


BLURS = {
    "a line": ((5, 3001), (57,), {}),
    "an image": ((2, 131, 170), (23, 9), {}),
    "a volume": ((2, 31, 29, 53), (5, 9, 7), {}),
    "four axes": ((9, 8, 7, 11), (3, 2, 3, 5), {}),
    "strides": ((2, 101, 130), (9, 12), {"stride": (2, 3), "dilation": (1, 2)}),
    "circular": ((2, 101, 128), (31, 31), {"padding_mode": "circular"}),
    "reflected": ((2, 101, 127), (31, 30), {"padding_mode": "reflect"}),
}


def blur(name, dtype="float64", **words):
    """An operator and its kernel, both for whole numbers."""
    dims, taps, options = BLURS[name]
    kernel = integers(np.random.default_rng(0), taps, dtype)
    return ca.ConvNDOp(dims, kernel, padding="same", **options, **words), kernel


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("name", BLURS)
def test_whole_numbers_come_out_within_the_bound(name, dtype):
    op, kernel = blur(name, dtype, engine="fft")
    exact, _ = blur(name, dtype, engine="taps")
    rng = np.random.default_rng(1)
    for one, other in ((op, exact), (op.H, exact.H)):
        x = integers(rng, one.dims, dtype)
        # A signal's errors are measured by its own norm: it sees no other one.
        scale = np.abs(kernel).sum() * np.linalg.norm(x.ravel())
        assert_within(one @ x, other @ x, scale)


@needs_compiler
@pytest.mark.parametrize("name", BLURS)
def test_threads_and_rounds_change_no_bit(name, monkeypatch):
    op, _ = blur(name, engine="fft")
    x = noise(np.random.default_rng(2), op.dims)
    want = op @ x
    for threads, nbytes in ((1, 2**24), (2, 1), (5, 2**20)):
        ca.set_num_threads(threads)
        monkeypatch.setattr(spectra, "_BYTES", nbytes)
        assert_same(op @ x, want)
    ca.set_num_threads(None)


@needs_compiler
@pytest.mark.parametrize("rank", [1, 2])
def test_signals_do_not_see_each_other(rank):
    rng = np.random.default_rng(3)
    spec = ConvSpec(axes=(Axis(n=90, q=90, k=9, lo=4),) * rank, batch=17)
    plan = compiled(spec, noise(rng, spec.kernel_shape))
    x = noise(rng, spec.dims)
    x[1], x[4] = 0, 1e30 * x[4]
    y = plan.apply(x)
    assert not y[1].any()
    for number in range(17):
        assert_same(plan.apply(x[number : number + 1])[0], y[number])


@needs_compiler
@pytest.mark.parametrize("batch", [0, 1, 7])
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_any_batch_and_array(batch, dtype):
    rng = np.random.default_rng(4)
    axes = (Axis(n=7, q=5, k=3), Axis(n=6, q=6, k=5, lo=2))
    spec = ConvSpec(axes=axes, c_in=4, c_out=6, groups=2)
    kernel = noise(rng, spec.kernel_shape, dtype)
    plan = compiled(spec, kernel)
    dense = spec_dense(replace(spec, batch=batch), kernel)
    x = noise(rng, (batch, *spec.dims[1:]), dtype)
    strided, fixed = np.asfortranarray(x), x.copy()
    fixed.flags.writeable = False
    odd = np.frombuffer(b"-" + x.tobytes(), "u1")[1:].view(dtype).reshape(x.shape)
    for array in (x, strided, fixed, odd):
        assert_within(plan.apply(array), dense @ x, over_all(dense, x))


@needs_compiler
def test_what_is_too_much_is_left_to_scipy(monkeypatch):
    axis = Axis(n=64, q=64, k=9, lo=4)
    line, image = ConvSpec(axes=(axis,)), ConvSpec(axes=(axis, axis))
    for spec in (line, image):
        kernel = np.ones(spec.kernel_shape)
        compiled(spec, kernel)
        monkeypatch.setattr(spectra, "_IDLE" if spec is line else "_MOST", 0)
        assert spectra.plan(spec, kernel) is None
        assert isinstance(engines.plan("fft", spec, kernel).inner, fft.FftPlan)


@needs_compiler
def test_spectra_are_as_precise_as_the_dtype():
    rng = np.random.default_rng(5)
    op = ca.Conv2DOp((300, 310), noise(rng, (41, 41), "float32"), padding="same")
    x = noise(rng, op.dims, "float32")
    exact = op.replace(kernel=op.kernel.astype("f8"), engine="direct") @ x.astype("f8")
    scale = np.abs(op.kernel).sum() * np.abs(x).max()
    got = op.replace(engine="fft") @ x
    assert np.abs(got - exact).max() <= FEW / 16 * eps_of("f4") * scale
