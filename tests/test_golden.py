"""PyTorch's matrices and gradients, and JAX's dilated inputs, case by case."""

from dataclasses import replace

import numpy as np
import pytest

import convadjoint as ca
from checks import EXACT
from convadjoint import engines
from convadjoint.geometry import Axis, ConvSpec, conv_output_size
from goldens import assert_golden, golden, names, torch_op
from strategies import ENGINES


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
BEYOND = [one for one in GRADIENTS + names("torch_output_padding") if beyond(one)]
WITHIN = [one for one in GRADIENTS if not beyond(one)]


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("name", WITHIN)
def test_results_and_gradients_are_torchs(name, engine):
    case = golden(name)
    op = torch_op(case, engine)
    assert_golden(op @ case.arrays["x"] + bias(case), case, "y")
    assert_golden(op.H @ case.arrays["g"], case, "gx")


def canonical(case):
    """Arrays of a JAX call in canonical order, and how to return the result."""
    lhs, rhs, out = case.args["dimension_numbers"]
    space = [letter for letter in rhs if letter not in "OI"]
    x = case.arrays["x"].transpose([lhs.index(one) for one in ["N", "C", *space]])
    w = case.arrays["w"].transpose([rhs.index(one) for one in ["O", "I", *space]])
    back = [["N", "C", *space].index(one) for one in out]
    return x, w, back


def jax_spec(case, x, w):
    """The seven integers of each axis, from JAX's words."""
    strides = case.each("window_strides", 1)
    inner, outer = case.each("lhs_dilation", 1), case.each("rhs_dilation", 1)
    axes = []
    for a, (lo, hi) in enumerate(case.args["padding"]):
        n, k = x.shape[2 + a], w.shape[2 + a]
        length = lo + (n - 1) * inner[a] + 1 + hi
        q = (length - (k - 1) * outer[a] - 1) // strides[a] + 1
        axes.append(Axis(n=n, q=q, k=k, s=strides[a], t=inner[a], d=outer[a], lo=lo))
    groups = case.args["feature_group_count"]
    return ConvSpec(
        axes=tuple(axes), batch=len(x), c_in=x.shape[1], c_out=len(w), groups=groups
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", names("jax_lhs_dilation"))
def test_a_dilated_input_is_a_stride_of_its_own(name, engine):
    case = golden(name)
    x, w, back = canonical(case)
    spec = jax_spec(case, x, w)
    y = engines.plan(engine, spec, w).apply(x)
    assert_near(y.transpose(back), case)
    single = replace(spec, batch=1)
    flat = np.stack([engines.assemble(single, w) @ one.ravel() for one in x])
    assert_near(flat.reshape(spec.dimsd).transpose(back), case)


def assert_near(got, case):
    """JAX's result, to the rounding of its own single precision."""
    want = case.arrays["y"]
    scale = abs(case.arrays["w"]).sum() * abs(case.arrays["x"]).max()
    assert got.shape == want.shape
    assert np.all(abs(got - want) <= 16 * np.finfo(want.dtype).eps * scale)


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
        groups=case.args["groups"],
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
