"""PyTorch's matrices and gradients, case by case."""

import numpy as np
import pytest

import convadjoint as ca
from checks import EXACT
from convadjoint import engines
from convadjoint.geometry import Axis, ConvSpec, conv_output_size
from goldens import assert_golden, golden, names, torch_op


def bias(case):
    """The bias of a call, shaped for its output; zero if there is none."""
    b = case.arrays.get("b", np.zeros(1, case.arrays["w"].dtype))
    return b.reshape(-1, *(1,) * case.rank)


@pytest.mark.parametrize("name", names("torch_jacobian"))
def test_the_matrix_is_torchs_jacobian(name):
    case = golden(name)
    assert_golden(torch_op(case).tosparse().toarray(), case, "C")
    assert_golden(torch_op(case) @ case.arrays["x"], case, "y")


def beyond(name):
    """Whether PyTorch was asked for an output padding of the stride or more."""
    case = golden(name)
    pairs = zip(case.each("output_padding", 0), case.each("stride", 1), strict=True)
    return any(extra >= stride for extra, stride in pairs)


GRADIENTS = names("torch_grad")
BEYOND = [one for one in GRADIENTS + names("torch", "conv_transpose") if beyond(one)]
WITHIN = [one for one in GRADIENTS if not beyond(one)]


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("name", WITHIN)
def test_results_and_gradients_are_torchs(name, engine):
    case = golden(name)
    op = torch_op(case, engine)
    assert_golden(op @ case.arrays["x"] + bias(case), case, "y")
    assert_golden(op.H @ case.arrays["g"], case, "gx")


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("name", BEYOND)
def test_output_padding_of_the_stride_is_a_truncated_convolution(name, engine):
    case = golden(name)
    w, spec = case.arrays["w"], truncated(case)
    full = [length(axis) for axis in spec.axes]
    assert max(n - axis.q for n, axis in zip(full, spec.axes, strict=True)) > 0
    turned = engines.transpose_kernel(w, spec.groups)
    got = engines.plan(engine, spec.transpose(), turned).apply(case.arrays["x"])
    assert got.shape == case.arrays["y"].shape
    assert_golden(got + bias(case), case, "y")
    conjugate = engines.plan(engine, spec, w.conj())
    back = {name: conjugate.apply(g) for name, g in upstream(case)}
    assert back.keys() == case.arrays.keys() & {"gx"}
    for output, gradient in back.items():
        assert_golden(gradient, case, output)


def upstream(case):
    """The upstream gradient, if the case holds one, by the name of its result."""
    return [("gx", case.arrays["g"])] if "g" in case.arrays else []


def truncated(case):
    """The convolution of which PyTorch returns the transpose, cut to the input."""
    x, w, y = (case.arrays[one] for one in "xwy")
    rows = zip(
        y.shape[2:],
        x.shape[2:],
        w.shape[2:],
        case.each("stride", 1),
        case.each("dilation", 1),
        case.each("padding", 0),
        strict=True,
    )
    return ConvSpec(
        axes=tuple(Axis(n=n, q=q, k=k, s=s, d=d, lo=lo) for n, q, k, s, d, lo in rows),
        batch=len(x),
        c_in=y.shape[1],
        c_out=x.shape[1],
        groups=case.args.get("groups", 1),
    )


def length(axis):
    """Outputs of the convolution if it were not cut."""
    pads = ((axis.lo, axis.lo),)
    rule = {"stride": axis.s, "dilation": axis.d, "padding": pads}
    return conv_output_size(axis.n, axis.k, **rule)[0]


@pytest.mark.parametrize("name", BEYOND)
def test_operators_refuse_what_is_no_transpose(name):
    with pytest.raises(ca.GeometryError, match="output_padding"):
        torch_op(golden(name))


WRONG = {
    "flip": {"flip": True},
    "crop side": {"padding": ((1, 2), (2, 1))},
    "stride": {"stride": (2, 2)},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_golden_tests_can_fail(wrong):
    case = golden("torch_jacobian_conv2d_jacobian_004")
    with pytest.raises(AssertionError):
        assert_golden(torch_op(case, **WRONG[wrong]).tosparse().toarray(), case, "C")


def test_the_golden_gradients_see_a_missing_conjugate_and_group_order():
    case = golden("torch_grad_conv2d_grad_004")
    op = torch_op(case)
    with pytest.raises(AssertionError):
        assert_golden(op.T @ case.arrays["g"], case, "gx")
    rolled = op.replace(kernel=np.roll(case.arrays["w"], 2, axis=0))
    with pytest.raises(AssertionError):
        assert_golden(rolled @ case.arrays["x"], case, "y")
