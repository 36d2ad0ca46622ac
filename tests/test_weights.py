"""The operators on the kernel: the same sum as the convolutions, in its third variable."""

import copy
import pickle
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
import oracles
from checks import assert_same, assert_within, check_structure
from convadjoint import engines
from convadjoint.engines import correlation, gemm, strips
from convadjoint.engines.gradient import tap_gradient
from convadjoint.engines.scratch import scratch
from convadjoint.engines.weights import KINDS
from convadjoint.geometry import Axis, ConvSpec
from goldens import assert_golden, golden, names
from strategies import (
    DTYPES,
    PLAIN,
    SEEDS,
    Case,
    cases,
    integers,
    noise,
    specs,
)
from test_golden import BEYOND, WITHIN, bias, truncated

ABLE = [
    name
    for name in KINDS
    if engines.ENGINES[name].refuses(PLAIN, np.ones(PLAIN.kernel_shape)) is None
]
DIRECT = [name for name in ABLE if name != "fft"]


def weight_op(case, x, **more):
    """The operator on the kernel, of the same words as a case's operator."""
    make = ca.ConvTransposeWeightOp if case.transposed else ca.ConvWeightOp
    where = {"axes": case.axes, "channel_axis": case.channel}
    return make(x, case.kernel_shape, **{**case.options, **where, **more})


def overlap(case, x, z):
    """No tap joins more than this, in absolute values: the scale of a gradient."""
    return np.linalg.norm(x.ravel()) * np.linalg.norm(z.ravel()) * copies(case)


def copies(case):
    """How often a border repeats a sample, at most."""
    sizes = case.dense(np.ones(case.kernel_shape, int)).sizes
    return max(1, sizes.max(initial=0))


@pytest.mark.parametrize("engine", ABLE)
@given(case=cases(), seed=SEEDS, dtype=st.sampled_from(DTYPES))
def test_the_operator_is_the_same_sum(engine, case, seed, dtype):
    rng = np.random.default_rng(seed)
    x = noise(rng, case.dims, dtype)
    op = weight_op(case, x, engine=engine)
    assert op.dims == case.kernel_shape
    w, z = noise(rng, op.dims, dtype), noise(rng, op.dimsd, dtype)
    wanted = case.dense(w) @ x
    scale = copies(case) * abs(w).sum() * np.linalg.norm(x.ravel())
    assert_within(op @ w, wanted, scale)
    matrix = op.tosparse()
    assert matrix.dtype == op.dtype == dtype
    check_structure(matrix)
    assert_within((matrix @ w.ravel()).reshape(op.dimsd), wanted, scale)
    gradient = (matrix.T @ z.ravel()).reshape(op.dims)
    assert_within(op.T @ z, gradient, overlap(case, x, z))
    assert_within(op.H @ z.conj(), gradient.conj(), overlap(case, x, z))


@pytest.mark.parametrize("engine", DIRECT)
@given(case=cases(), seed=SEEDS)
def test_whole_numbers_are_exact(engine, case, seed):
    rng = np.random.default_rng(seed)
    x, w = (
        integers(rng, shape, "complex64") for shape in (case.dims, case.kernel_shape)
    )
    op = weight_op(case, x, engine=engine)
    z = integers(rng, op.dimsd, "complex64")
    y, conjugate = case.dense(w) @ x, case.dense(w.conj()) @ x
    assert_same(op @ w, y)
    assert_same(op.conj() @ w, conjugate.conj())
    assert np.vdot(op.H @ z, w) == np.vdot(z, y)
    assert np.sum((op.T @ z) * w) == np.sum(z * y)
    matrix = op.tosparse().astype("complex128")
    assert_same(matrix @ w.ravel(), y.ravel())
    assert_same(op.T @ z, (matrix.T @ z.ravel()).reshape(op.dims))


@given(case=cases(), seed=SEEDS)
def test_relatives_multiples_and_copies(case, seed):
    rng = np.random.default_rng(seed)
    op = weight_op(case, integers(rng, case.dims, "complex128"), engine="taps")
    matrix = op.tosparse().toarray()
    relatives = (
        (op.T, matrix.T),
        (op.H.T, matrix.conj()),
        ((2j * op).H, -2j * matrix.T.conj()),
        (op.conj() * 1j, 1j * matrix.conj()),
        (op.H / 2j, matrix.T.conj() / 2j),
        (pickle.loads(pickle.dumps(op.H)), matrix.T.conj()),
        (copy.copy(-op), -matrix),
        (op.H @ op, matrix.T.conj() @ matrix),
        (op + op, 2 * matrix),
    )
    for one, dense in relatives:
        data = integers(rng, (one.shape[1], 2), "complex128")
        assert_same(one.matmat(data), dense @ data)
        shaped = data.reshape(*one.dims, 2)
        assert_same(one @ shaped, (dense @ data).reshape(*one.dimsd, 2))
        assert_same(one.tosparse().toarray(), dense)
        check_structure(one.tosparse())


@pytest.mark.parametrize("engine", [*ABLE, "auto"])
@given(spec=specs(), seed=SEEDS)
def test_the_kernel_gradient_of_any_geometry(engine, spec, seed):
    rng = np.random.default_rng(seed)
    x, z, kernel = (
        integers(rng, shape) for shape in (spec.dims, spec.dimsd, spec.kernel_shape)
    )
    gradient = engines.Weights(spec, x, engine).gradient(z)
    dense = oracles.spec_dense(spec, kernel)
    y = dense @ x
    assert gradient.shape == spec.kernel_shape
    got, want = np.sum(gradient * kernel), np.sum(z * y)
    if engine in DIRECT:
        assert got == want
    else:
        scale = np.linalg.norm(x.ravel()) * np.linalg.norm(z.ravel())
        assert_within(got, want, scale * np.max(dense.sizes.sum(axis=0), initial=1))


@pytest.mark.parametrize("engine", ABLE)
@given(spec=specs(), seed=SEEDS, dtype=st.sampled_from(DTYPES))
def test_each_sum_is_as_precise_as_its_products(engine, spec, seed, dtype):
    rng = np.random.default_rng(seed)
    x, z = noise(rng, spec.dims, dtype), noise(rng, spec.dimsd, dtype)
    wide = np.result_type(dtype, "longdouble")
    got = engines.Weights(spec, x, engine).gradient(z)
    want = tap_gradient(spec, x.astype(wide), z.astype(wide))
    scale = tap_gradient(spec, abs(x).astype(wide), abs(z).astype(wide))
    if engine == "fft":
        scale = np.linalg.norm(x.ravel()) * np.linalg.norm(z.ravel()) * repeated(spec)
    assert got.dtype == dtype
    assert_within(got, want, scale)


def repeated(spec):
    """How often the borders repeat a sample, at most."""
    return np.prod([1, *(b.length for b in (*spec.extend, *spec.fold) if b)])


@contextmanager
def everything_small():
    """Let small problems have many bands, blocks of channels, segments and threads."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(strips, name, value)
        patch.setattr(correlation, "_PART", 128)
        patch.setattr(correlation, "_WAKING", 0)
        correlation._plan.cache_clear()
        engines.set_num_threads(3)
        try:
            yield
        finally:
            engines.set_num_threads(None)
            correlation._plan.cache_clear()


SMALL = {
    "_BYTES": 512,
    "_BOTH": 1024,
    "READS": 1,
    "WRITES": 1,
    "_LEAST": 3,
    "LINE": 4,
}


@pytest.mark.skipif("direct" not in ABLE, reason="needs llvmlite")
@given(spec=specs(), seed=SEEDS, wide=st.booleans())
def test_the_parts_of_a_large_gradient(spec, seed, wide):
    rng = np.random.default_rng(seed)
    if wide:
        axes = tuple(replace(axis, n=axis.n + 7, q=axis.q + 9) for axis in spec.axes)
        spec = replace(spec, axes=axes, batch=spec.batch + 1, extend=(), fold=())
    x, z = integers(rng, spec.dims, "float32"), integers(rng, spec.dimsd, "float32")
    want = tap_gradient(spec, x, z)
    # What another product has left in the buffer must not matter.
    scratch("g", (2**17,), x.dtype)[...] = np.nan
    with everything_small():
        assert_same(engines.Weights(spec, x, "direct").gradient(z), want)


@pytest.mark.skipif("direct" not in ABLE, reason="needs llvmlite")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "taps", [*((k,) for k in range(1, 14)), (7, 3), (2, 9), (11, 7)]
)
def test_every_number_of_taps(taps, dtype):
    rng = np.random.default_rng(0)
    axes = tuple(Axis(n=20, q=19, k=k, d=2, lo=3) for k in taps)
    spec = ConvSpec(axes=axes, batch=2, c_in=2)
    x, z = integers(rng, spec.dims, dtype), integers(rng, spec.dimsd, dtype)
    got = engines.Weights(spec, x, "direct").gradient(z)
    assert_same(got, tap_gradient(spec, x, z))


@pytest.mark.skipif("direct" not in ABLE, reason="needs llvmlite")
@pytest.mark.parametrize("shape", [(1, 1, 700, 300), (2, 70, 40, 40)])
def test_the_bits_do_not_depend_on_the_threads(shape):
    rng = np.random.default_rng(0)
    axes = tuple(Axis(n=n, q=n, k=7, lo=3) for n in shape[2:])
    spec = ConvSpec(axes=axes, batch=shape[0], c_in=shape[1], c_out=shape[1])
    x, z = noise(rng, spec.dims, "float32"), noise(rng, spec.dimsd, "float32")
    weights, w = engines.Weights(spec, x, "direct"), noise(rng, spec.kernel_shape)
    found = []
    for threads in (1, 2, 5):
        engines.set_num_threads(threads)
        found.append((weights.gradient(z), weights.apply(w.astype("float32"))))
    engines.set_num_threads(None)
    for gradient, y in found[1:]:
        assert_same(gradient, found[0][0])
        assert_same(y, found[0][1])
    assert_within(
        found[0][0], gemm.gradient(spec, x.astype(float), z), 300 * np.sqrt(z.size)
    )


@pytest.mark.parametrize("engine", [*ABLE, "auto"])
@pytest.mark.parametrize("where", ["x", "z", "w"])
@pytest.mark.parametrize("value", [np.nan, np.inf, complex(np.inf, 1)])
def test_what_is_not_finite_spreads_as_in_the_definition(engine, where, value):
    rng = np.random.default_rng(0)
    case = Case(
        "Conv",
        "2D",
        2,
        (2, 4, 9, 8),
        (2, 2, 3, 2),
        {"groups": 2, "stride": 2, "padding": 1},
        (2, 3),
        1,
    )
    data = {"x": noise(rng, case.dims), "w": noise(rng, case.kernel_shape)}
    data["z"] = noise(rng, weight_op(case, data["x"]).dimsd)
    finite = dict(data)
    data[where] = data[where].astype(type(value))
    data[where][-1, -1, -1, -1] = value
    op = weight_op(case, data["x"], engine=engine)
    plain = weight_op(case, data["x"], engine="taps")
    with np.errstate(invalid="ignore"):
        results = [(one @ data["w"], one.T @ data["z"]) for one in (op, plain)]
    for got, want in zip(*results, strict=True):
        assert_same(np.isfinite(got), np.isfinite(want))
        fine = np.isfinite(want)
        np.testing.assert_allclose(got[fine], want[fine], rtol=1e-12, atol=1e-12)
    again = op.replace(x=finite["x"])
    np.testing.assert_allclose(
        again.T @ finite["z"], plain.replace(x=finite["x"]).T @ finite["z"]
    )
    affected = results[1][0] if where != "z" else results[1][1]
    assert 0 < np.isfinite(affected).sum() < affected.size


def torch_words(case):
    """The words of a call in PyTorch's, but for the sizes of its output."""
    words = {name: case.each(name, default) for name, default in WORDS.items()}
    modes = {"padding_mode": case.args.get("padding_mode", "zeros")}
    return {**words, **modes, "groups": case.args.get("groups", 1), "channel_axis": 1}


WORDS = {"stride": 1, "padding": 0, "dilation": 1}


@pytest.mark.parametrize("engine", DIRECT)
@pytest.mark.parametrize("name", WITHIN)
def test_weight_gradients_are_torchs(name, engine):
    case = golden(name)
    x, w, g = (case.arrays[one] for one in "xwg")
    words = torch_words(case)
    make = ca.ConvWeightOp
    if "transpose" in case.op:
        make = ca.ConvTransposeWeightOp
        words["output_padding"] = case.each("output_padding", 0)
    op = make(x, w.shape, engine=engine, **words)
    assert_golden(op @ w + bias(case), case, "y")
    assert_golden(op.H @ g, case, "gw")


@pytest.mark.parametrize("name", [one for one in BEYOND if "gw" in golden(one).arrays])
def test_weight_gradients_of_truncated_convolutions(name):
    case = golden(name)
    spec = truncated(case)
    conjugate = case.arrays["x"].conj()
    assert_golden(
        engines.kernel_gradient(spec, case.arrays["g"], conjugate), case, "gw"
    )


@pytest.mark.parametrize("engine", DIRECT)
@pytest.mark.parametrize("name", names("tensorflow_filter"))
def test_filter_gradients_are_tensorflows(name, engine):
    case = golden(name)
    shape, strides = case.args["filter_sizes"], case.args["strides"]
    op = ca.ConvWeightOp(
        case.arrays["x"],
        [shape[3], shape[2], *shape[:2]],
        stride=strides[1:3],
        padding=case.args["padding"].lower(),
        axes=(1, 2),
        channel_axis=3,
        engine=engine,
    )
    gradient = op.H @ case.arrays["g"]
    assert_golden(gradient.transpose(2, 3, 1, 0), case, "y")


def test_the_golden_gradients_can_fail():
    case = golden("torch_grad_conv2d_grad_004")
    op = ca.ConvWeightOp(case.arrays["x"], case.arrays["w"].shape, **torch_words(case))
    assert_golden(op.H @ case.arrays["g"], case, "gw")
    for wrong in (op.T, op.replace(x=case.arrays["x"][..., ::-1]).H):
        with pytest.raises(AssertionError):
            assert_golden(wrong @ case.arrays["g"], case, "gw")


REFUSALS = {
    "kernel_shape": (
        {"kernel_shape": (3.0,)},
        TypeError,
        r"kernel_shape\[0\] must be an integer, got 3\.0",
    ),
    "empty": ({"kernel_shape": 0}, ca.GeometryError, r"its shape is \(0,\)"),
    "rank": (
        {"kernel_shape": (3, 3)},
        ca.GeometryError,
        "the kernel needs 2 different axes to convolve; dims has 1",
    ),
    "window": ({"kernel_shape": 9}, ca.GeometryError, "9"),
    "engine": (
        {"engine": "sparse"},
        ca.EngineRefusal,
        "'sparse' is unknown here: choose one of auto, direct, gemm, fft, taps",
    ),
    "dtype": ({"dtype": int}, TypeError, "choose float32, float64, complex64"),
    "real": (
        {"x": np.ones(5, complex), "dtype": float},
        TypeError,
        r"the x is complex \(complex128\), dtype float64 is real: take x\.real",
    ),
    "groups": ({"groups": 2}, ca.GeometryError, "groups 2 needs a kernel that mixes"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name):
    words, error, text = REFUSALS[name]
    words = {"x": np.ones(5), "kernel_shape": 3} | words
    with pytest.raises(error, match=text):
        ca.ConvWeightOp(words.pop("x"), words.pop("kernel_shape"), **words)


def test_multiples_that_leave_the_range_are_refused():
    op = ca.ConvWeightOp(np.full(4, 2e38, np.float32), 2)
    with pytest.raises(OverflowError, match="x times or over 2 leaves the range"):
        op * 2
    with pytest.raises(ZeroDivisionError, match="divided by zero"):
        op / 0


def test_data_are_copied_and_other_data_take_their_place():
    x = np.arange(5.0)
    op = ca.ConvWeightOp(x, 2, engine="taps", name="W")
    x[:] = 0
    assert_same(op @ [1.0, 0.0], np.arange(4.0))
    assert not op.x.flags.writeable
    other = op.H.replace(x=np.ones(7, np.float32))
    assert (other.dims, other.dimsd, other.dtype) == ((6,), (2,), np.float32)
    assert (other.engine, other.name) == ("taps", "W")
    assert "ConvWeightOp.T (6,) -> (2,)" in repr(other)
    assert op.replace(engine="gemm").engine == "gemm"
    assert op.replace(dtype="complex64").dtype == np.complex64


def test_what_rounding_leaves_of_a_sum_is_no_entry():
    words = {"padding": 1, "padding_mode": "replicate"}
    op = ca.ConvTransposeWeightOp([0.1, 0.2, -0.3], 1, **words)
    assert op.tosparse().nnz == 0
    assert op.replace(x=[0.1, 0.2, -0.2]).tosparse().nnz == 1


def test_a_batch_of_none_has_no_gradient():
    op = ca.ConvWeightOp(np.ones((0, 5)), 3)
    assert (op @ np.ones(3)).shape == (0, 3)
    assert_same(op.T @ np.ones((0, 3)), np.zeros(3))
    assert op.tosparse().shape == (0, 3)
