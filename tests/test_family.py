"""Transposes, conjugates, scalars and replaced parts stay in the family."""

import numpy as np
import pytest
from hypothesis import given
from scipy.sparse import eye_array

import convadjoint as ca
from checks import assert_same
from convadjoint.engines import cost
from convadjoint.operators import DiagonalOp, KroneckerOp, MatrixOp
from strategies import SEEDS, cases, integers, noise

PARTNERS = {"Conv": "ConvTranspose", "ConvTranspose": "Conv"}


def partner(case, kernel, op):
    """The transpose, built by its public name from the same words."""
    make = getattr(ca, f"{PARTNERS[case.kind]}{case.suffix}Op")
    words = {
        name: value
        for name, value in case.options.items()
        if name not in ("output_size", "output_padding")
    }
    restored = {"output_size": tuple(op.dims[axis] for axis in case.axes)}
    words |= {} if case.transposed else restored
    return make(op.dimsd, kernel, **words)


def assert_equal_operators(one, other):
    """Same class, shapes, kernel and matrix."""
    assert type(one) is type(other)
    assert (one.dims, one.dimsd, one.dtype) == (other.dims, other.dimsd, other.dtype)
    assert_same(one.kernel, other.kernel)
    assert_same(one.tosparse().toarray(), other.tosparse().toarray())


@given(case=cases(), seed=SEEDS)
def test_relatives_are_the_operators_of_that_name(case, seed):
    kernel = noise(np.random.default_rng(seed), case.kernel_shape, "complex128")
    op = case.op(kernel)
    assert_equal_operators(op.T, partner(case, kernel, op))
    assert_equal_operators(op.H, partner(case, kernel.conj(), op))
    assert_equal_operators(op.conj(), case.op(kernel.conj()))
    assert_equal_operators(op.T.T, op)
    assert_equal_operators(op.H.H, op)
    assert_equal_operators(op.T.H, op.conj())
    assert_equal_operators(op.conj().conj(), op)
    assert_equal_operators(op.T.conj(), op.H)


@given(case=cases(), seed=SEEDS)
def test_a_rebuilt_transpose_transposes_back(case, seed):
    kernel = noise(np.random.default_rng(seed), case.kernel_shape)
    op = case.op(kernel)
    doubled = op.T.replace(kernel=2 * kernel)
    assert_equal_operators(doubled.T, op.replace(kernel=2 * kernel))


SCALARS = [2, -3, 0.5, 1j, 2 - 1j, np.float32(4), np.int64(3), np.complex64(1j)]


@pytest.mark.parametrize("factor", SCALARS)
@given(case=cases(), seed=SEEDS)
def test_scalars_scale_the_kernel(factor, case, seed):
    kernel = integers(np.random.default_rng(seed), case.kernel_shape)
    op, scaled = case.op(kernel), case.op(kernel * np.asarray(factor, "complex128"))
    for one in (factor * op, op * factor):
        assert type(one) is type(op)
        assert_same(one.tosparse().toarray(), scaled.tosparse().toarray())


@given(case=cases(), seed=SEEDS)
def test_signs_and_quotients(case, seed):
    kernel = integers(np.random.default_rng(seed), case.kernel_shape)
    op = case.op(kernel)
    assert_equal_operators(-op, case.op(-kernel))
    assert_equal_operators(op / 4, case.op(kernel / 4))
    assert_equal_operators((2 * op).H / 2, op.H)
    negative = -op.T
    assert_equal_operators(-negative, op.T)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_real_scalars_keep_single_precision(dtype):
    op = ca.Conv1DOp(5, noise(np.random.default_rng(0), (3,), dtype))
    for one in (2 * op, op * 0.1, -op, op / 3, np.float64(2) * op):
        assert one.dtype == dtype
    assert (1j * op).dtype == "complex64"


def test_a_scalar_of_a_wider_kind_widens_a_dtype_that_was_asked_for():
    op = ca.Conv1DOp(4, [1, 2], dtype="float32")
    assert (1j * op).dtype == "complex64"
    assert_same((1j * op).kernel, np.array([1j, 2j], "complex64"))


@pytest.mark.parametrize("wrong", ["2", None, True, [1, 2]])
def test_what_is_no_scalar_does_not_scale(wrong):
    op = ca.Conv1DOp(4, [1.0, 2.0])
    with pytest.raises((TypeError, ValueError)):
        op / wrong
    with pytest.raises(ZeroDivisionError, match="divided by zero"):
        op / 0


@given(case=cases(), seed=SEEDS)
def test_replacing_the_kernel_keeps_all_else(case, seed):
    rng = np.random.default_rng(seed)
    kernel, other = noise(rng, (2, *case.kernel_shape))
    op = case.op(kernel, engine="taps")
    replaced = op.replace(kernel=other)
    assert_equal_operators(replaced, case.op(other))
    assert replaced.engine == "taps"
    assert_equal_operators(op, case.op(kernel))


def test_replacing_other_parts():
    op = ca.Conv2DOp((5, 6), [[1.0, 2.0]], stride=2, engine="taps", dtype="float64")
    assert op.replace(dims=(9, 9)).dimsd == (5, 4)
    assert op.replace(engine="sparse").engine == "sparse"
    assert op.replace(dtype="float32").dtype == "float32"
    assert op.replace(dtype="complex64").kernel.dtype == "complex64"
    assert op.T.replace(dims=(4, 4)).dimsd == (7, 8)
    assert op.replace(dims=(9, 9), engine="sparse").T.engine == "sparse"
    assert type(op.replace(dims=(9, 9))) is ca.Conv2DOp


def test_replacing_with_what_does_not_fit_is_refused():
    op = ca.Conv1DOp(5, [1.0, 2.0])
    with pytest.raises(ca.GeometryError, match="rank"):
        op.replace(kernel=np.ones((2, 2)))
    with pytest.raises(ca.GeometryError, match="2"):
        op.replace(dims=(1,))
    with pytest.raises(ca.EngineRefusal, match="'warp'"):
        op.replace(engine="warp")


def test_classes_go_in_pairs():
    for suffix, kernel in (("1D", [1.0]), ("2D", [[1.0]]), ("3D", [[[1.0]]])):
        forward = getattr(ca, f"Conv{suffix}Op")((3, 3, 3), kernel)
        backward = getattr(ca, f"ConvTranspose{suffix}Op")((3, 3, 3), kernel)
        assert type(forward.T) is type(forward.H) is type(backward)
        assert type(backward.T) is type(backward.H) is type(forward)
        assert type(forward.conj()) is type(forward)


def test_what_an_operator_says_about_itself():
    kernel = np.ones((4, 3, 2, 3))
    op = ca.Conv2DOp((2, 3, 5, 8), kernel, stride=(2, 1), padding_mode="reflect")
    said = repr(op)
    for part in ("Conv2DOp", "(2, 3, 5, 8)", "(2, 4, 2, 6)", "axes 2, 3", "axis 1"):
        assert part in said
    text = op.explain()
    for part in (said, f"{op.nnz} entries", op.engine, "stride 2"):
        assert part in text
    assert "ConvTranspose2DOp" in repr(op.T)
    assert "reflect" in ca.Conv1DOp(5, [1.0, 2.0], padding_mode="reflect").explain()
    assert (op.spec.dims, op.spec.dimsd) == (op.dims, op.dimsd)
    assert op.spec.transpose() == op.T.spec


def test_explain_lists_engines_that_can():
    rng = np.random.default_rng(0)
    box, any_ = np.ones((3, 1, 5, 5)), rng.standard_normal((3, 1, 5, 5))
    for kernel, listed in ((box, True), (any_, False)):
        text = ca.Conv2DOp((3, 40, 40), kernel, groups=3).explain()
        assert ("separable" in text) == listed
        assert "sparse" in text


def test_estimates_count_the_products_that_a_kernel_is_the_sum_of():
    rng = np.random.default_rng(0)
    found = []
    for rank in (1, 2, 4):
        kernel = rng.standard_normal((1, 1, 9, rank)) @ rng.standard_normal((rank, 9))
        spec = ca.Conv2DOp((600, 600), kernel[0, 0]).spec
        found.append(cost.estimates(spec, kernel)["separable"])
    assert found[1] > 2 * found[0]
    assert found[2] > 2 * found[1]
    bad = np.full((1, 1, 9, 9), np.nan)
    assert cost.estimates(spec, bad)["separable"] == found[0]


@pytest.mark.parametrize("engine", ["auto", "fft", "taps"])
def test_explain_lists_estimates_also_of_an_engine_by_name(engine):
    op = ca.Conv2DOp((40, 40), np.ones((5, 5)), engine=engine)
    assert engine in ("auto", op.engine)
    text = op.explain()
    *_, chosen, listed = text.splitlines()
    assert chosen == f"  engine: {op.engine} (asked for: {engine})"
    how = 'estimated in ms, not on this machine (engine="measure" times it): '
    assert listed.startswith(f"    {how}")
    for name in ("sparse ", "fft ", "taps "):
        assert name in listed


def test_what_other_operators_say_about_themselves():
    flat = MatrixOp(eye_array(6, dtype=np.float32), (2, 3), 6)
    assert repr(flat) == "<MatrixOp (2, 3) -> (6,), float32>"
    assert repr(DiagonalOp([1.0, 2.0])) == "<DiagonalOp (2,) -> (2,), float64>"
    assert (
        repr(KroneckerOp(6, {0: eye_array(6)})) == "<KroneckerOp (6,) -> (6,), float64>"
    )


def test_calls_that_are_none_say_what_is_one():
    op = ca.Conv1DOp(4, [1.0, 2.0])
    rule = r"^an operator is called with an array, op\(x\); op.gram is a property$"
    for call in (op, op.gram, DiagonalOp([1.0])):
        with pytest.raises(TypeError, match=rule):
            call()
    with pytest.raises(TypeError, match=r"^only convolutions take a kernel: op\(x, k"):
        (op @ op.T)(np.ones(3), [1.0, 2.0])
    assert_same((op @ op.T)(np.ones(3)), op @ (op.T @ np.ones(3)))


def test_the_family_tests_can_fail():
    case_op = ca.Conv1DOp(6, [1.0, 2.0, 4.0], padding=((1, 0),), stride=2)
    wrong_side = ca.ConvTranspose1DOp(
        case_op.dimsd, case_op.kernel, padding=((0, 1),), stride=2, output_size=6
    )
    flipped = ca.ConvTranspose1DOp(
        case_op.dimsd, case_op.kernel[::-1], padding=((1, 0),), stride=2, output_size=6
    )
    for wrong in (wrong_side, flipped, case_op):
        with pytest.raises(AssertionError):
            assert_equal_operators(case_op.T, wrong)
    conjugated = ca.Conv1DOp(3, [1j, 2.0])
    with pytest.raises(AssertionError):
        assert_equal_operators(conjugated.T, conjugated.H)
