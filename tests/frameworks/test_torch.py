"""Tensors of PyTorch: values, derivatives of all orders, and many at once."""

from functools import partial
from itertools import product
from math import prod

import numpy as np
import pylops
import pytest
import scipy.sparse
from hypothesis import given

import convadjoint as ca
import oracles
from checks import assert_same, assert_within
from convadjoint.geometry import Axis, Border, ConvSpec
from convadjoint.operators import DiagonalOp, MatrixOp, SpecOp
from goldens import assert_golden, golden, names, torch_op
from strategies import DTYPES, SEEDS, cases, integers, noise, specs

torch = pytest.importorskip("torch")
with_torch = pytest.importorskip("convadjoint.operators.arrays.with_torch")
forms = pytest.importorskip("convadjoint.operators.arrays.forms")

pytestmark = [
    pytest.mark.framework("torch"),
    # PyTorch loads its forward-mode rules by what it has deprecated itself.
    pytest.mark.filterwarnings(r"ignore:`torch\.jit"),
]


def tensor(array, *, grad=False):
    """A tensor of the same values."""
    return torch.tensor(np.ascontiguousarray(array), requires_grad=grad)


def mismatch(op, kernel, seed, matrix, apply):
    """Compare value, gradients and tangents with the matrix, exactly."""
    rng = np.random.default_rng(seed)
    kind = "complex128"
    x, dx = integers(rng, op.dims, kind), integers(rng, op.dims, kind)
    dw, g = integers(rng, kernel.shape, kind), integers(rng, op.dimsd, kind)
    t, k = tensor(x, grad=True), tensor(kernel, grad=True)
    y = apply(t, k)
    assert_same(y.detach(), matrix(kernel) @ x)
    gx, gw = torch.autograd.grad(y, (t, k), tensor(g))
    assert_same(gx, matrix(kernel).H @ g)
    # gw is the only array with this inner product for every kernel.
    along = np.vdot(g, matrix(dw) @ x)
    assert np.vdot(gw.numpy(), dw) == along
    _, tangent = torch.func.jvp(apply, (t, k), (tensor(dx), tensor(dw)))
    assert_same(tangent.detach(), matrix(kernel) @ dx + matrix(dw) @ x)


@given(case=cases(), seed=SEEDS)
def test_values_and_first_derivatives_are_those_of_the_matrix(case, seed):
    kernel = integers(np.random.default_rng(seed), case.kernel_shape, "complex128")
    op = case.op(kernel, engine="taps")
    mismatch(op, kernel, seed, case.dense, op)


@given(spec=specs(), seed=SEEDS)
def test_so_are_they_for_any_geometry(spec, seed):
    kernel = integers(np.random.default_rng(seed), spec.kernel_shape, "complex128")
    op = SpecOp(spec, kernel, engine="taps").T
    mismatch(op, kernel, seed, lambda w: oracles.spec_dense(spec, w).T, op)


@given(case=cases(), seed=SEEDS)
def test_a_tensor_has_the_shapes_of_an_array(case, seed):
    rng = np.random.default_rng(seed)
    kernel = noise(rng, case.kernel_shape, "complex64")
    for op in (case.op(kernel), case.op(kernel).H, case.op(kernel).T):
        flat = (op.shape[1],)
        for shape in (op.dims, flat, (*op.dims, 2), (*flat, 0)):
            x = noise(rng, shape, "complex64")
            assert_same(op @ tensor(x), op @ x)
            # Columns are signals here: "auto" may take another engine for more of them.
            scale = np.abs(op.kernel).sum() * np.abs(x).max(initial=1)
            got = np.asarray(op(tensor(x), tensor(op.kernel)))
            assert_within(got, op(x, op.kernel), scale)
        x = noise(rng, (*flat, 2))
        assert_same(op.matmat(tensor(x)), op.matmat(x))
        assert_same(op.matvec(tensor(x[:, 0])), op.matvec(x[:, 0]))
        y = noise(rng, (op.shape[0], 2))
        assert_same(op.rmatmat(tensor(y)), op.rmatmat(y))
        assert_same(op.rmatvec(tensor(y[:, :1])), op.rmatvec(y[:, :1]))


BOTH = ConvSpec(axes=(Axis(n=4, q=3, k=3, s=3, t=2, lo=1),), batch=2)
HELD = Border(n=3, length=6, lo=1, mode="replicate")
BORDER = ConvSpec(axes=(Axis(n=6, q=4, k=3),), extend=(HELD,))
CALLS = {
    "plain": (ca.Conv1DOp, 5, (3,), {}),
    "steps": (ca.Conv1DOp, (2, 7), (2,), {"stride": 2, "dilation": 3}),
    "groups": (ca.Conv1DOp, (2, 2, 4), (4, 1, 2), {"groups": 2, "padding": "full"}),
    "reflect": (ca.Conv2DOp, (3, 3), (2, 3), {"padding": 1, "padding_mode": "reflect"}),
    "circular": (ca.Conv1DOp, 4, (3,), {"padding": 1, "padding_mode": "circular"}),
    "last": (ca.Conv1DOp, (4, 2), (1, 2, 2), {"channel_axis": -1, "axes": 0}),
    "flipped": (ca.Conv1DOp, 5, (3,), {"flip": True, "padding": ((2, -1),)}),
    "transposed": (ca.ConvTranspose1DOp, (2, 3), (2, 1, 2), {"stride": 2}),
    "folded": (
        ca.ConvTranspose1DOp,
        3,
        (3,),
        {"padding": "same", "padding_mode": "symmetric"},
    ),
    "both strides": (SpecOp, BOTH, (1, 1, 3), {}),
    "border": (SpecOp, BORDER, (1, 1, 3), {}),
}
OPERATORS = {
    name: make(dims, 1.0 + np.arange(prod(taps)).reshape(taps), engine="taps", **words)
    for name, (make, dims, taps, words) in CALLS.items()
}
DIRECTIONS = {"C": lambda op: op, "H": lambda op: op.H}
REAL, COMPLEX = "float64", "complex128"
MIXED = ((REAL, REAL), (COMPLEX, COMPLEX), (REAL, COMPLEX))


def gradgradcheck(op, arguments):
    """Second derivatives, backward and forward over backward, along random directions."""
    return torch.autograd.gradgradcheck(
        op, arguments, check_fwd_over_rev=True, check_rev_over_rev=True, fast_mode=True
    )


def drawn(op, kind, kernel_kind):
    """Input and kernel of an operator, as tensors to be differentiated."""
    rng = np.random.default_rng(0)
    x, w = noise(rng, op.dims, kind), noise(rng, op.kernel.shape, kernel_kind)
    return tensor(x, grad=True), tensor(w, grad=True)


@pytest.mark.parametrize(("kind", "kernel_kind"), MIXED)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", OPERATORS)
def test_gradients_of_gradients(name, direction, kind, kernel_kind):
    op = DIRECTIONS[direction](OPERATORS[name])
    t, k = drawn(op, kind, kernel_kind)
    assert torch.autograd.gradcheck(op, (t, k), check_forward_ad=True)
    assert gradgradcheck(op, (t, k))


@pytest.mark.parametrize("name", OPERATORS)
def test_gradients_of_gradients_of_a_fixed_kernel(name):
    op = 2j * OPERATORS[name]
    t, _ = drawn(op, "complex128", "complex128")
    assert torch.autograd.gradcheck(op, (t,), check_forward_ad=True)
    assert gradgradcheck(op, (t,))


def squares(op):
    """Half the squared norm of what the operator returns."""
    return lambda *arguments: (op(*arguments).abs() ** 2).sum() / 2


@pytest.mark.parametrize("name", OPERATORS)
def test_many_at_once_are_as_one_by_one(name):
    op = OPERATORS[name]
    rng = np.random.default_rng(0)
    xs = tensor(noise(rng, (3, *op.dims), "complex128"))
    ws = tensor(noise(rng, (3, *op.kernel.shape), "complex128"))
    rows, last = [op(x, ws[0]) for x in xs], op(xs[1], ws[1])
    vmap, grad = torch.func.vmap, torch.func.grad
    close = torch.testing.assert_close
    close(vmap(op)(xs), torch.stack([op @ x for x in xs]))
    close(vmap(op, (0, None))(xs, ws[0]), torch.stack(rows))
    close(vmap(op, (None, 0))(xs[1], ws)[1], last)
    close(vmap(op, (-1, 0))(xs.movedim(0, -1), ws)[1], last)
    close(vmap(op, (0, 0), out_dims=1)(xs, ws)[:, 1], last)
    pairs = vmap(vmap(op, (None, 0)), (0, None))(xs, ws)
    close(pairs[2, 1], op(xs[2], ws[1]))
    each = vmap(grad(squares(op), (0, 1)), (0, None))(xs, ws[0])
    one = grad(squares(op), (0, 1))(xs[2], ws[0])
    close([found[2] for found in each], list(one))
    jacobian = torch.func.jacfwd(op, 1)(xs[0].real, ws[0].real)
    close(jacobian, torch.func.jacrev(op, 1)(xs[0].real, ws[0].real))


def test_many_may_lie_along_any_axis():
    form = forms.ConvolutionForm(BOTH, "taps", double=False)
    rng = np.random.default_rng(0)
    xs, ws = noise(rng, (3, *BOTH.dims)), noise(rng, (3, *BOTH.kernel_shape))
    own = partial(with_torch.convolve, form, False)
    many = torch.func.vmap(own, (2, 3))
    found = many(tensor(xs).movedim(0, 2), tensor(ws).movedim(0, 3))
    one = own(tensor(xs[2]), tensor(ws[2]))
    torch.testing.assert_close(found[2], one)


def test_many_at_once_are_one_call(monkeypatch):
    calls = []
    contract = forms.ConvolutionForm.contract

    def counted(form, slot, others):
        calls.append(slot)
        return contract(form, slot, others)

    monkeypatch.setattr(forms.ConvolutionForm, "contract", counted)
    op = OPERATORS["groups"]
    xs, ws = torch.ones((9, *op.dims)), torch.ones((9, *op.kernel.shape))
    torch.func.vmap(torch.func.grad(squares(op), (0, 1)))(xs, ws)
    assert sorted(calls) == [forms.X, forms.W, forms.Z]


@pytest.mark.parametrize("name", OPERATORS)
def test_the_hessian_of_least_squares_is_the_gram_matrix(name):
    op = OPERATORS[name]
    x = torch.zeros(op.shape[1], dtype=torch.float64)
    b = tensor(noise(np.random.default_rng(0), op.shape[:1]))
    found = torch.func.hessian(lambda x: ((op @ x - b) ** 2).sum() / 2)(x)
    matrix = op.todense()
    torch.testing.assert_close(found, tensor(matrix.T @ matrix))
    found = torch.autograd.functional.hessian(lambda x: ((op @ x) ** 2).sum() / 2, x)
    torch.testing.assert_close(found, tensor(matrix.T @ matrix))


WITHIN = [
    name
    for name in names("torch_grad")
    if all(
        extra < stride
        for extra, stride in zip(
            golden(name).each("output_padding", 0),
            golden(name).each("stride", 1),
            strict=True,
        )
    )
]


@pytest.mark.parametrize("name", WITHIN)
def test_gradients_are_those_of_torchs_own_layers(name):
    case = golden(name)
    op = torch_op(case, "taps")
    x, w = tensor(case.arrays["x"], grad=True), tensor(case.arrays["w"], grad=True)
    gx, gw = torch.autograd.grad(op(x, w), (x, w), tensor(case.arrays["g"]))
    assert_golden(gx.resolve_conj().numpy(), case, "gx")
    assert_golden(gw.resolve_conj().numpy(), case, "gw")


def composites():
    """Operators without a kernel of their own, and a chain."""
    blur = ca.Conv1DOp(5, [1.0, 2.0])
    weights = DiagonalOp([1.0, 2j, 3.0, 0.0])
    matrix = MatrixOp(scipy.sparse.csr_array(np.eye(4, 5, 1)), 5, (2, 2))
    return [blur.T @ weights @ blur, blur - 2 * blur, weights, matrix, 1j * matrix.T]


@pytest.mark.parametrize("op", composites(), ids=repr)
def test_sums_and_products_are_differentiable(op):
    x = noise(np.random.default_rng(0), op.dims, "complex128")
    assert_same((op @ tensor(x)), op @ x)
    assert torch.autograd.gradcheck(op, (tensor(x, grad=True),), check_forward_ad=True)
    assert gradgradcheck(op, (tensor(x, grad=True),))
    many = torch.func.vmap(op)(tensor(np.stack((x, 2 * x))))
    assert_same(many[1], 2 * (op @ x))


@pytest.mark.parametrize(("own", "other"), [*product(DTYPES, DTYPES)])
def test_dtypes_meet_as_numpys_do(own, other):
    rng = np.random.default_rng(0)
    op, x = ca.Conv1DOp(4, noise(rng, (2,), own)), noise(rng, (4,), other)
    t, k = tensor(x, grad=True), tensor(op.kernel, grad=True)
    for y in (op @ t, op(t, k)):
        assert_same(y.detach(), op @ x)
        assert y.detach().numpy().dtype == np.result_type(own, other)
    gx, gw = torch.autograd.grad(op(t, k).abs().sum(), (t, k))
    assert (gx.dtype, gw.dtype) == (t.dtype, k.dtype)


def test_small_numbers_compute_as_numpys_do():
    op = ca.Conv1DOp(4, np.ones(2, np.float32))
    for kind in (np.float16, np.int8, np.int64, np.bool_):
        x = np.arange(4).astype(kind)
        assert_same(op @ tensor(x), op @ x)
        assert (op @ tensor(x)).numpy().dtype == (op @ x).dtype
        w = np.arange(2).astype(kind)
        assert op(tensor(x), tensor(w)).numpy().dtype == op(x, w).dtype
    half = torch.ones(4, dtype=torch.float16, requires_grad=True)
    (op @ half).sum().backward()
    assert half.grad.dtype == torch.float16


def test_double_precision_is_kept():
    rng = np.random.default_rng(0)
    x, w = noise(rng, (1000,), "float32"), noise(rng, (900,), "float32")
    op = ca.Conv1DOp(1000, w, precision="double", engine="taps")
    exact = ca.Conv1DOp(1000, w.astype(float), engine="taps")
    k, k64 = tensor(w, grad=True), tensor(w.astype(float), grad=True)
    assert_same(op(tensor(x), k).detach(), op @ x)
    op(tensor(x), k).sum().backward()
    exact(tensor(x.astype(float)), k64).sum().backward()
    assert_same(k.grad, k64.grad.numpy().astype(np.float32))


def test_lazy_conjugates_and_views_are_read_right():
    op = ca.Conv1DOp(4, [1.0, 2j])
    x = noise(np.random.default_rng(0), (8,), "complex128")
    t = tensor(x)
    assert t.conj().is_conj()
    assert t.conj().imag.is_neg()
    assert_same(op @ t[::2].conj(), op @ x[::2].conj())
    assert_same(op @ t.conj().imag[1::2], op @ -x.imag[1::2])
    assert_same(op(t[:4], t[:2].conj()), op(x[:4], x[:2].conj()))


def test_a_result_owns_its_memory():
    x = torch.ones(3, dtype=torch.float64)
    op = ca.Conv1DOp(3, [1.0])
    for y in (op @ x, op(x, torch.ones(1)), DiagonalOp(np.ones(3)) @ x):
        y.add_(1)
    assert_same(x, np.ones(3))


def test_the_engine_and_the_kernels_place_are_kept():
    outer = np.outer([1.0, 2.0, 3.0], [1.0, 4.0])
    op = ca.Conv2DOp((4, 5), outer, engine="separable", padding="same", flip=True)
    x, w = torch.ones((4, 5)), torch.outer(torch.ones(3), torch.tensor([3.0, 1j]))
    with pytest.raises(ca.EngineRefusal, match="separable"):
        op(x, torch.arange(6.0).reshape(3, 2) ** 2)
    assert_same(op(x, w), op.replace(kernel=w.numpy()) @ x.numpy())
    turned = op.H.conj()
    assert_same(turned(x, w), op.replace(kernel=w.numpy()).T @ x.numpy())
    narrow = ca.Conv1DOp(5, [1.0, 2.0], dtype="float32")
    assert (
        narrow(torch.ones(5), torch.ones(2, dtype=torch.float64)).dtype == torch.float32
    )


def test_an_array_goes_where_the_kernel_is():
    op = ca.Conv1DOp(3, [1.0, 2.0])
    x = np.arange(6.0)[::-2]
    assert_same(op(x, torch.tensor([1.0, 3.0])), op(x, [1.0, 3.0]))
    y = op(torch.tensor([1.0, 2.0, 4.0], requires_grad=True), np.array([1.0, 3.0]))
    assert y.requires_grad
    assert_same(y.detach(), np.array([7.0, 14.0]))


def test_refusals():
    op = ca.Conv1DOp(3, [1.0, 2.0])
    x = torch.ones(3)
    with pytest.raises(TypeError, match="x has dtype bfloat16: allowed are booleans"):
        op @ x.bfloat16()
    with pytest.raises(TypeError, match="kernel has dtype bfloat16: allowed"):
        op(x, torch.ones(2).bfloat16())
    with pytest.raises(
        ca.GeometryError, match=r"kernel has shape \(3,\), the operator"
    ):
        op(x, x)
    with pytest.raises(
        ca.GeometryError, match=r"x has shape \(4,\), the operator takes"
    ):
        op @ torch.ones(4)
    with pytest.raises(
        ca.GeometryError, match=r"x has shape \(4,\), the operator takes"
    ):
        op(torch.ones(4), torch.ones(2))
    with pytest.raises(ca.GeometryError, match=r"x has shape \(3, 1, 1\), the product"):
        op.matvec(torch.ones(3, 1, 1))
    with pytest.raises(TypeError, match=r"kernel is complex .*, dtype float64 is real"):
        op.replace(dtype="float64")(x, torch.ones(2) * 1j)
    with pytest.raises(TypeError, match="tensors on meta are not supported"):
        op @ x.to("meta")


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # the compiler's
@pytest.mark.filterwarnings("ignore:Dynamo detected a call:UserWarning")
@pytest.mark.parametrize("disabled", [False, True])
def test_a_compiled_function_leaves_the_product_to_us(disabled):
    op = ca.Conv1DOp(5, [1.0, 2.0])
    apply = torch.compiler.disable(op) if disabled else op
    compiled = torch.compile(lambda x, w: 2 * apply(3 * x, w), backend="eager")
    x = torch.arange(5.0, requires_grad=True)
    w = torch.tensor([1.0, -1.0], requires_grad=True)
    found = torch.autograd.grad(compiled(x, w).sum(), (x, w))
    want = torch.autograd.grad(2 * op(3 * x, w).sum(), (x, w))
    torch.testing.assert_close(found, want)


def test_the_switch_of_pylops_is_heeded():
    op = ca.Conv1DOp((2, 3), [1.0, 2.0])
    pylops.set_ndarray_multiplication(False)
    try:
        assert_same(op @ torch.ones(6), np.full(4, 3.0))
        with pytest.raises(ca.GeometryError, match="the product takes"):
            op @ torch.ones((2, 3))
    finally:
        pylops.set_ndarray_multiplication(True)
