"""The worked examples of four articles, with the numbers that they print."""

import numpy as np
import pytest

import convadjoint as ca
from checks import assert_same
from convadjoint import engines
from convadjoint.geometry import Axis, ConvSpec
from goldens import assert_golden, golden, names

SAME = {"stride": 2, "padding": "same", "engine": "taps"}


def kernel_of(case):
    """TensorFlow's ``[*k, in, out]`` of a convolution, as our ``(out, in, *k)``."""
    w = case.arrays["w"]
    return w.transpose(-1, -2, *range(w.ndim - 2))


def channels_last(case, kind, **options):
    """An operator on TensorFlow's layout, batch first and channels last."""
    x = case.arrays["x"]
    space = tuple(range(1, x.ndim - 1))
    where = {"axes": space, "channel_axis": -1}
    make = getattr(ca, f"{kind}{len(space)}DOp")
    return make(x.shape, kernel_of(case), **SAME | where | options)


def stride_of(case):
    """The stride of a call in TensorFlow: of its first spatial axis."""
    strides = case.args["strides"]
    return strides if isinstance(strides, int) else strides[1]


def of_tensorflow(*words):
    """Names of the cases run in TensorFlow."""
    return [name for name in names("seeds", *words) if name.startswith("seeds_tf_")]


@pytest.mark.parametrize("name", of_tensorflow("conv2d") + of_tensorflow("conv3d"))
def test_tensorflows_convolutions(name):
    case = golden(name)
    op = channels_last(case, "Conv", stride=stride_of(case))
    assert_golden(op @ case.arrays["x"], case, "y")


@pytest.mark.parametrize("name", of_tensorflow("conv_transpose"))
def test_tensorflows_transposed_convolutions(name):
    case = golden(name)
    size = tuple(case.args["output_shape"][1:-1])
    op = channels_last(case, "ConvTranspose", stride=stride_of(case), output_size=size)
    assert op.dimsd == tuple(case.args["output_shape"])
    assert_golden(op @ case.arrays["x"], case, "y")


def test_a_stride_that_fits_no_output_shape_is_refused():
    kernel = np.ones((1, 1, 3, 3))
    with pytest.raises(ca.GeometryError, match=r"output_size 5 .* 11 to 15"):
        ca.ConvTranspose2DOp(
            (1, 3, 3), kernel, **SAME | {"stride": 5, "output_size": 5}
        )


def test_fill_convolve_crop():
    case = golden("seeds_tf_conv_transpose2d_000")
    x = case.arrays["x"][0].transpose(2, 0, 1)
    drawn = kernel_of(case).swapaxes(0, 1)[..., ::-1, ::-1]
    filled = np.zeros((4, 9, 9))
    filled[:, 2:8:2, 2:8:2] = x
    windows = np.lib.stride_tricks.sliding_window_view(filled, (3, 3), axis=(1, 2))
    y = np.einsum("ocij,cpqij->pqo", drawn, windows)[:6, :6]
    assert_same(y, case.arrays["y"][0])
    axis = Axis(n=3, q=6, k=3, t=2, lo=2)
    spec = ConvSpec(axes=(axis, axis), c_in=4, c_out=2)
    got = engines.plan("taps", spec, drawn).apply(x[None])
    assert_same(got[0].transpose(1, 2, 0), y)


X = np.array([[0.0, 1.0], [2.0, 3.0]])
STAMPED = {
    "as it is": ({}, [[0, 0, 1], [0, 4, 6], [4, 12, 9]]),
    "padding 1": ({"padding": 1}, [[4]]),
    "stride 2": (
        {"stride": 2},
        [[0, 0, 0, 1], [0, 0, 2, 3], [0, 2, 0, 3], [4, 6, 6, 9]],
    ),
}


@pytest.mark.parametrize("how", STAMPED)
def test_scatter_and_add(how):
    options, want = STAMPED[how]
    op = ca.ConvTranspose2DOp((2, 2), X, engine="taps", **options)
    assert_same(op @ X, np.array(want, float))
    mixing = ca.ConvTranspose2DOp((1, 1, 2, 2), X[None, None], engine="taps", **options)
    assert_same(mixing @ X[None, None], np.array(want, float)[None, None])


@pytest.mark.parametrize(
    "name", [one for one in names("seeds") if "_torch_conv_t" in one]
)
def test_torchs_layers(name):
    case = golden(name)
    x, w = case.arrays["x"], case.arrays["w"]
    words = {"stride": case.each("stride", 1), "padding": case.each("padding", 0)}
    op = ca.ConvTranspose2DOp(x.shape, w, engine="taps", **words)
    assert_golden(op @ x, case, "y")


def test_the_bilinear_kernel():
    case = golden("seeds_torch_bilinear_kernel_000")
    kernel = ca.bilinear_kernel(3, 3, 4)
    assert_same(kernel.astype("float32"), case.arrays["w"])
    outer = np.multiply.outer([0.25, 0.75, 0.75, 0.25], [0.25, 0.75, 0.75, 0.25])
    assert_same(kernel, np.eye(3)[:, :, None, None] * outer)
    op = ca.ConvTranspose2DOp((3, 256, 256), kernel, stride=2, padding=1)
    assert op.dimsd == (3, 512, 512)


@pytest.mark.parametrize("shape", [(16, 16), (7, 10), (3, 8)])
@pytest.mark.parametrize(
    ("stride", "padding"), [(1, 0), (2, 1), (3, 2), ((2, 1), (0, 3))]
)
def test_the_same_words_map_back(shape, stride, padding):
    words = {"stride": stride, "padding": padding}
    kernel = np.ones((3, 3))
    down = ca.Conv2DOp(shape, kernel, **words)
    up = ca.ConvTranspose2DOp(down.dimsd, kernel, output_size=shape, **words)
    assert up.dimsd == shape
    assert_same(up.tosparse().toarray(), down.tosparse().toarray().T)


def test_the_matrix_of_four_by_sixteen():
    case = golden("seeds_torch_conv2d_jacobian_000")
    x, w = case.arrays["x"], case.arrays["w"]
    C = ca.conv_matrix((4, 4), w[0, 0])
    assert_golden(C.toarray(), case, "C")
    op = ca.Conv2DOp(x.shape, w, engine="taps")
    assert_golden(op @ x, case, "y")
    assert_golden(op.T @ case.arrays["y"], case, "back")
    assert op.T.dimsd == x.shape
    assert abs(case.arrays["back"] - x).max() > 100


SIZES = [
    (i, k, s, p) for i in (2, 3, 5) for k in (3, 4) for s in (1, 2, 3) for p in (0, 1)
]


@pytest.mark.parametrize(("i", "k", "s", "p"), SIZES)
def test_the_size_rules(i, k, s, p):
    legal = ca.legal_output_sizes(i, k, stride=s, padding=p)
    given_ = {"stride": s, "padding": p}
    for o in legal:
        extra = (o + 2 * p - k) % s
        assert o == s * (i - 1) - 2 * p + k + extra
        assert o == ca.conv_transpose_output_size(i, k, output_padding=extra, **given_)
    assert len(legal) == s


def test_mxnets_deconvolution_is_the_gradient_of_its_convolution():
    forward = golden("seeds_mxnet_conv_transpose2d_000")
    backward = golden("seeds_mxnet_conv2d_backward_000")
    words = {"stride": 2, "padding": 1, "engine": "taps"}
    w = forward.arrays["w"]
    deconvolution = ca.ConvTranspose2DOp((1, 1, 2, 2), w, output_padding=1, **words)
    convolution = ca.Conv2DOp((1, 1, 4, 4), w, **words)
    assert_golden(deconvolution @ forward.arrays["x"], forward, "y")
    assert_golden(convolution.T @ backward.arrays["g"], backward, "gx")
    assert_same(deconvolution.tosparse().toarray(), convolution.T.tosparse().toarray())


def test_a_chain_in_three_dimensions():
    volume = golden("seeds_tf_conv3d_000").arrays["x"].shape[1:-1]
    kept = ca.conv_output_size(volume, 3, padding="same")
    pooled = ca.conv_output_size(kept, 2, stride=2, padding="same")
    assert (volume, kept, pooled) == ((2, 7, 7), (2, 7, 7), (1, 4, 4))
    legal = ca.legal_output_sizes(pooled, 3, stride=2, padding="same")
    assert all(n in sizes for n, sizes in zip(volume, legal, strict=True))


def test_zeros_in_the_input_against_zeros_in_the_kernel():
    kernel, spread = [1.0, 2.0, 3.0], [1.0, 0.0, 2.0, 0.0, 3.0]
    atrous = ca.conv_matrix(9, kernel, dilation=2)
    assert_same(atrous.toarray(), ca.conv_matrix(9, spread).toarray())
    up = ca.conv_transpose_matrix(4, kernel, stride=2).toarray()
    zeros_between = np.zeros((7, 4))
    zeros_between[::2] = np.eye(4)
    stamped = ca.conv_transpose_matrix(7, kernel).toarray() @ zeros_between
    assert_same(up, stamped)


def test_every_linear_seed_is_tested():
    tested = set(of_tensorflow("conv2d") + of_tensorflow("conv3d"))
    tested |= set(of_tensorflow("conv_transpose")) | set(names("seeds", "jacobian"))
    tested |= {one for one in names("seeds") if "_torch_conv_t" in one}
    tested |= set(names("seeds", "bilinear"))
    tested |= {one for one in names("seeds") if "_mxnet_" in one}
    assert set(names("seeds")) - tested == {"seeds_tf_max_pool3d_000"}


WRONG = {
    "flip": lambda op: op.replace(kernel=op.kernel[..., ::-1]),
    "channels": lambda op: op.replace(kernel=op.kernel[:, ::-1]),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_seed_tests_can_fail(wrong):
    case = golden("seeds_tf_conv_transpose2d_000")
    op = channels_last(case, "ConvTranspose", output_size=(6, 6))
    with pytest.raises(AssertionError):
        assert_golden(WRONG[wrong](op) @ case.arrays["x"], case, "y")


def test_the_seed_tests_see_the_crop_side():
    case = golden("seeds_tf_conv_transpose2d_000")
    late = channels_last(
        case, "ConvTranspose", output_size=(6, 6), padding="same_lower"
    )
    with pytest.raises(AssertionError):
        assert_golden(late @ case.arrays["x"], case, "y")
