"""``convadjoint.frameworks.scipy``: the same numbers as the installed SciPy."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
from checks import eps_of
from refusals import check_text
from strategies import SEEDS, noise, upto

ours = ca.frameworks.scipy

MODES = ("full", "same", "valid")
DTYPES = st.sampled_from(("float32", "float64", "complex64", "complex128"))
CONTINUED = {  # of ndimage
    "reflect",
    "grid-mirror",
    "mirror",
    "nearest",
    "wrap",
    "grid-wrap",
    "constant",
    "grid-constant",
}


@st.composite
def lengths(draw, rank, most=6):
    """Lengths of some axes."""
    return tuple(draw(upto(max(most // rank, 3))) for _ in range(rank))


RANKS = upto(3)


@st.composite
def arrays(draw, shape, other):
    """A signal and a kernel, both perhaps complex."""
    rng = np.random.default_rng(draw(SEEDS))
    return noise(rng, shape, draw(DTYPES)), noise(rng, other, draw(DTYPES))


def check_same(make, theirs, x, w):
    """Both refuse, or both compute the same; the adjoint is that of the result."""
    try:
        # SciPy's direct method casts memory that it has not written yet.
        with np.errstate(invalid="ignore"):
            want = theirs(x, w)
    except (ValueError, RuntimeError):
        with pytest.raises((ca.SemanticsError, ca.GeometryError)):
            make(x.shape, w)
        return
    op = make(x.shape, w)
    assert op.dims == x.shape
    assert op.dimsd == want.shape
    got = op @ x
    scale = abs(w).sum() * np.linalg.norm(x.ravel())
    bound = 64 * max(eps_of(w.dtype), eps_of(x.dtype)) * scale
    assert np.all(abs(got - want) <= bound)
    matrix = op.tosparse()
    assert np.all(abs((matrix @ x.ravel()).reshape(want.shape) - want) <= bound)
    y = noise(np.random.default_rng(0), op.dimsd, "complex128")
    gap = abs(np.vdot(y, got) - np.vdot(op.H @ y, x))
    assert gap <= bound * np.linalg.norm(y)


@given(
    data=st.data(),
    name=st.sampled_from(("convolve", "correlate")),
    mode=st.sampled_from(MODES),
    method=st.sampled_from(("direct", "fft")),
)
def test_convolve_and_correlate_of_any_rank(data, name, mode, method):
    rank = data.draw(RANKS)
    x, w = data.draw(arrays(data.draw(lengths(rank)), data.draw(lengths(rank))))
    check_same(
        lambda dims, w: getattr(ours, name)(dims, w, mode, method),
        lambda x, w: getattr(scipy.signal, name)(x, w, mode, method),
        x,
        w,
    )


@given(
    data=st.data(),
    name=st.sampled_from(("convolve2d", "correlate2d")),
    mode=st.sampled_from(MODES),
    boundary=st.sampled_from(("fill", "wrap", "symm")),
)
def test_two_axes_with_their_boundaries(data, name, mode, boundary):
    shapes = data.draw(lengths(2, 12)), data.draw(lengths(2, 12))
    x, w = data.draw(arrays(*shapes))
    if name == "correlate2d" and not all(np.greater_equal(*shapes)):
        # SciPy conjugates the data there, if it is the smaller array.
        x = x.real
        w = w.real
    check_same(
        lambda dims, w: getattr(ours, name)(dims, w, mode, boundary),
        lambda x, w: getattr(scipy.signal, name)(x, w, mode, boundary),
        x,
        w,
    )


@given(
    data=st.data(),
    name=st.sampled_from(("fftconvolve", "oaconvolve")),
    mode=st.sampled_from(MODES),
)
def test_some_axes_and_kernels_of_their_own(data, name, mode):
    rank = data.draw(RANKS)
    dims, taps = list(data.draw(lengths(rank))), list(data.draw(lengths(rank)))
    axes = data.draw(st.lists(st.integers(0, rank - 1), min_size=1, unique=True))
    others = [axis for axis in range(rank) if axis not in axes]
    for axis in others:
        taps[axis] = 1
    if others:
        axis, form = others[0], data.draw(st.sampled_from(("one", "each", "many")))
        taps[axis] = {"one": 1, "each": dims[axis], "many": 4}[form]
        dims[axis] = 1 if form == "many" else dims[axis]
    x, w = data.draw(arrays(tuple(dims), tuple(taps)))
    check_same(
        lambda dims, w: getattr(ours, name)(dims, w, mode, axes),
        lambda x, w: getattr(scipy.signal, name)(x, w, mode, axes),
        x,
        w,
    )


@given(
    data=st.data(),
    up=upto(4),
    down=upto(4),
    mode=st.sampled_from(("constant", "symmetric", "reflect", "edge", "wrap")),
)
def test_rates_change_as_in_upfirdn(data, up, down, mode):
    rank = data.draw(RANKS)
    axis = data.draw(st.integers(-rank, rank - 1))
    dims = data.draw(lengths(rank))
    if dims[axis] == 1 and mode == "reflect":
        mode = "edge"  # SciPy divides by zero, and the process ends
    x, w = data.draw(arrays(dims, data.draw(lengths(1, 9))))
    check_same(
        lambda dims, w: ours.upfirdn(dims, w, up, down, axis, mode),
        lambda x, w: scipy.signal.upfirdn(w, x, up, down, axis, mode),
        x,
        w,
    )


@given(
    data=st.data(),
    name=st.sampled_from(("convolve", "correlate")),
    mode=st.sampled_from(sorted(CONTINUED)),
)
def test_filters_of_any_rank(data, name, mode):
    rank = data.draw(RANKS)
    dims, taps = data.draw(lengths(rank)), data.draw(lengths(rank))
    origin = [data.draw(st.integers(-(k // 2) - 1, k // 2)) for k in taps]
    if data.draw(st.booleans()):
        origin = 0
    x, w = data.draw(arrays(dims, taps))
    check_same(
        lambda dims, w: getattr(ours, f"ndimage_{name}")(dims, w, mode, 0.0, origin),
        lambda x, w: getattr(scipy.ndimage, name)(
            precise(x), w, mode=mode, origin=origin
        ),
        x,
        w,
    )


@given(
    data=st.data(),
    name=st.sampled_from(("convolve1d", "correlate1d")),
    mode=st.sampled_from(sorted(CONTINUED)),
)
def test_filters_along_one_axis(data, name, mode):
    rank = data.draw(RANKS)
    axis = data.draw(st.integers(-rank, rank - 1))
    taps = data.draw(lengths(1, 9))
    origin = data.draw(st.integers(-(taps[0] // 2) - 1, taps[0] // 2))
    x, w = data.draw(arrays(data.draw(lengths(rank)), taps))
    check_same(
        lambda dims, w: getattr(ours, f"ndimage_{name}")(
            dims, w, axis, mode, 0.0, origin
        ),
        lambda x, w: getattr(scipy.ndimage, name)(
            precise(x), w, axis, mode=mode, origin=origin
        ),
        x,
        w,
    )


def precise(x):
    """The data in double precision: ndimage returns the dtype of its input."""
    return x.astype(np.result_type(x, np.float64))


def test_the_same_part_of_many_kernels_is_the_middle_one():
    rng = np.random.default_rng(0)
    x, w = noise(rng, (1, 5)), noise(rng, (4, 3))
    op = ours.fftconvolve(x.shape, w, "same", axes=1)
    np.testing.assert_allclose(op @ x, scipy.signal.fftconvolve(x, w, "same", axes=1))


def test_a_filter_along_some_axes():
    rng = np.random.default_rng(0)
    x, w = noise(rng, (3, 4, 5), "float64"), noise(rng, (3, 2), "complex128")
    op = ours.ndimage_correlate(x.shape, w, "mirror", axes=(0, -1), origin=(1, 0))
    want = scipy.ndimage.correlate(x, w, mode="mirror", axes=(0, 2), origin=(1, 0))
    np.testing.assert_allclose(op @ x, want)


def test_a_small_signal_meets_a_large_kernel_linearly():
    w = np.array([[1.0, 2.0j, 3.0], [1.0j, 0.0, 1.0]])
    op = ours.correlate2d((1, 2), w, "valid")
    np.testing.assert_allclose(op @ [[1.0, 0.0]], np.conj(w[::-1, 1::-1]))


ONES = np.ones((2, 2))
REFUSED = {
    "scipy.convolve: mode 'most' is unknown: allowed are full, same, valid": (
        lambda: ours.convolve((4,), [1.0], "most")
    ),
    "scipy.convolve: method 'fast' is unknown: allowed are auto, direct, fft": (
        lambda: ours.convolve((4,), [1.0], method="fast")
    ),
    "scipy.convolve: mode 'valid' needs one array as large as the other on every axis: "
    "the input has (3, 1), the kernel (2, 2)": (
        lambda: ours.convolve((3, 1), ONES, "valid")
    ),
    "scipy.convolve: the input (4,) has 1 axes, allowed is HW": (
        lambda: ours.convolve((4,), ONES)
    ),
    "scipy.convolve2d: fillvalue is 1, allowed is 0: else the function is not linear": (
        lambda: ours.convolve2d((3, 3), ONES, fillvalue=1)
    ),
    "scipy.fftconvolve: axes () must name one or more different axes": (
        lambda: ours.fftconvolve((3, 3), ONES, axes=())
    ),
    "scipy.fftconvolve: axes 2 is out of range: the input has 2 axes": (
        lambda: ours.fftconvolve((3, 3), ONES, axes=(0, 2))
    ),
    "scipy.fftconvolve: in1 (3,) and in2 (2, 2) must have the same number of axes": (
        lambda: ours.fftconvolve((3,), ONES)
    ),
    "scipy.fftconvolve: the kernel has length 2 on axis 0, which is not convolved: "
    "allowed are 1 and 3": lambda: ours.fftconvolve((3, 3), ONES, axes=1),
    "scipy.fftconvolve: the kernel (2, 2, 2) varies along the axes [0, 1], which are "
    "not convolved: at most one is allowed": (
        lambda: ours.fftconvolve((2, 2, 2), np.ones((2, 2, 2)), axes=2)
    ),
    "scipy.upfirdn: up must be at least 1, got 0": (
        lambda: ours.upfirdn((4,), [1.0], up=0)
    ),
    "scipy.upfirdn: h has shape (2, 2), allowed is one axis": (
        lambda: ours.upfirdn((4,), ONES)
    ),
    "scipy.upfirdn: mode 'line' is unknown: allowed are constant, symmetric, "
    "reflect, edge, wrap": lambda: ours.upfirdn((4,), [1.0], mode="line"),
    "scipy.ndimage_convolve: origin 1 on axis 0 of the kernel moves it off the sample: "
    "allowed are -1 to 0": (lambda: ours.ndimage_convolve((4,), [1.0, 1.0], origin=1)),
    "scipy.ndimage_correlate: origin 1 on axis 0 of the kernel moves it off the sample: "
    "allowed are -1 to 0": (lambda: ours.ndimage_correlate((4,), [1.0, 1.0], origin=1)),
    "scipy.ndimage_convolve: axes (1, 0) must be in increasing order: SciPy takes the "
    "kernel's axes in that order, whatever `axes` says": (
        lambda: ours.ndimage_convolve((4, 4), ONES, axes=(1, 0))
    ),
    "scipy.ndimage_convolve: cval is 1.0, allowed is 0: else the function is not "
    "linear": lambda: ours.ndimage_convolve((4,), [1.0], cval=1.0),
    "scipy.ndimage_convolve1d: weights have shape (2, 2), allowed is one axis": (
        lambda: ours.ndimage_convolve1d((4, 4), ONES)
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_say_what_is_wrong(text):
    check_text(REFUSED[text], text)
