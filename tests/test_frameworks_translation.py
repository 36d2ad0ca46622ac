"""A call in the words of all frameworks: every phrase is the same matrix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
from checks import assert_same
from convadjoint import frameworks
from convadjoint.frameworks import translate
from convadjoint.frameworks.translation import read
from strategies import SEEDS, integers, upto

FRAMEWORKS = ("torch", "tensorflow", "keras", "jax", "onnx", "mxnet", "caffe")
PLAIN = "torch.conv_transpose2d((1, 2, 4, 5), (2, 3, 3, 3), stride=2, padding=1)"


def made(phrase, kernel):
    """The operator of a phrase."""
    framework, _, call = phrase.call.partition(".")
    module = getattr(frameworks, framework)
    return eval(call, vars(module) | {"w": kernel})


def moved(array, layout):
    """A canonical array in the layout of a phrase, batch or kernel."""
    letters = layout.partition(",")[0]
    space = [letter for letter in letters if letter in "DHW"]
    first = ["N", "C"] if "N" in letters else ["O", "I"]
    placed = array.transpose([[*first, *space].index(letter) for letter in letters])
    if "reversed" in layout:
        placed = np.flip(placed, [letters.index(letter) for letter in space])
    return placed


@st.composite
def torch_calls(draw):
    """Legal calls of PyTorch's convolutions, with the shapes of their arrays."""
    rank, transposed = draw(upto(3)), draw(st.booleans())
    groups, narrow, wide = (draw(upto(2)) for _ in range(3))
    k, s, d = (tuple(draw(upto(3)) for _ in range(rank)) for _ in range(3))
    pad = tuple(draw(st.integers(0, 2)) for _ in range(rank))
    n = tuple(draw(upto(4)) + 6 for _ in range(rank))
    words = {"stride": s, "padding": pad, "dilation": d, "groups": groups}
    name = f"conv{rank}d"
    if transposed:
        name = f"conv_transpose{rank}d"
        words["output_padding"] = tuple(draw(st.integers(0, one - 1)) for one in s)
    kernel = (groups * wide, narrow, *k)
    channels = groups * (wide if transposed else narrow)
    return name, (draw(upto(2)), channels, *n), kernel, words


@given(drawn=torch_calls(), seed=SEEDS)
def test_every_phrase_computes_the_same(drawn, seed):
    name, dims, shape, words = drawn
    rng = np.random.default_rng(seed)
    x, kernel = integers(rng, dims), integers(rng, shape)
    op = getattr(frameworks.torch, name)(dims, kernel, **words)
    want = op @ x
    translation = translate(op)
    phrases = dict(zip(FRAMEWORKS, translation.phrases, strict=True))
    always = {"torch", "onnx", "jax"}
    if "transpose" in name and words["groups"] > 1:
        always.remove("jax")
    assert all(phrases[framework].call for framework in always)
    for phrase in phrases.values():
        if phrase.call is None:
            assert phrase.reason
            continue
        # PyTorch's kernel of a transposed convolution is (I, O): letters of ours.
        canonical = kernel.swapaxes(0, 1) if "transpose" in name else kernel
        other = made(phrase, moved(canonical, phrase.kernel))
        assert_same(other @ moved(x, phrase.layout), moved(want, phrase.layout))


def test_what_one_framework_cannot_say_has_a_reason():
    doubled = f"{PLAIN[:-1]}, output_padding=1)"
    said = {one.function: one for one in translate(doubled).phrases}
    caffe = said["caffe.Deconvolution"]
    assert caffe.call is None
    assert "no output padding" in caffe.reason
    assert said["mx.nd.Deconvolution"].call.endswith("adj=(1, 1))")
    assert "none: " in str(caffe)
    assert caffe.reason.startswith("it takes a crop of ((1, 0), (1, 0)).  `pad`")
    torch = str(said["torch.nn.functional.conv_transpose2d"])
    assert torch.endswith("conv_transpose2d: input NCHW, kernel IOHW")


def test_keras_says_it_by_name():
    said = translate("keras.Conv2D((1, 8, 8, 3), (3, 3, 3, 4), padding='same')")
    assert [one.call is None for one in said.phrases] == [False] * 7


def test_our_own_operators_are_translated():
    op = ca.ConvTranspose2DOp((2, 5, 6), np.ones((2, 3, 2, 2)), stride=2)
    assert translate(op).phrases[0].call == (
        "torch.conv_transpose2d((1, 2, 5, 6), w, stride=(2, 2), padding=(0, 0), "
        "output_padding=(0, 0), groups=1, dilation=(1, 1))"
    )
    four = ca.ConvNDOp((2,) * 4, np.ones((1,) * 4))
    assert {one.reason for one in translate(four).phrases[:2]} == {
        "there is none for 4 axes"
    }


ITSELF = [
    "torch.conv2d((1, 3, 9, 9), (4, 3, 4, 4), padding='same')",
    "torch.nn.functional.conv_transpose1d((1, 2, 4), (2, 1, 3), stride=2)",
    "F.conv1d((2, 7), (1, 2, 3))",
    "tf.nn.conv2d_transpose((1, 4, 4, 1), (3, 3, 2, 1), [1, 8, 8, 2], 2, 'SAME')",
    "keras.layers.Conv1D((1, 8, 3), (4, 3, 5), padding='causal')",
    "keras.Conv2DTranspose((1, 4, 4, 1), (3, 3, 1, 1), strides=2, output_padding=1)",
    "jax.lax.conv_transpose((1, 4, 1), (3, 1, 1), (2,), 'VALID')",
    "onnx.Conv((1, 1, 5), (1, 1, 2), auto_pad='SAME_LOWER')",
    "mx.nd.Deconvolution((1, 1, 4), (1, 1, 3), kernel=(3,), stride=(2,), target_shape=(8,))",
    "caffe.Deconvolution((1, 2, 4, 4), (2, 1, 3, 3), stride=2, group=2)",
]


@pytest.mark.parametrize("text", ITSELF)
def test_a_call_finds_itself(text):
    framework = {"F": "torch", "tf": "tensorflow", "mx": "mxnet"}
    name = text.partition(".")[0]
    said = dict(zip(FRAMEWORKS, translate(text).phrases, strict=True))
    assert said[framework.get(name, name)].call


REVERSED = {
    "torch.conv1d((1, 1, 5), (1, 1, 3))": False,
    "jax.conv_transpose((1, 5, 1), (3, 1, 1), (2,), 'VALID')": True,
    "jax.conv_transpose((1, 5, 1), (3, 1, 1), (2,), 'VALID', transpose_kernel=True)": False,
    "jax.convolve((8,), (3,), mode='same')": True,
    "scipy.convolve((5, 5), (3, 3), mode='same')": True,
    "scipy.correlate((5, 5), (3, 3), mode='same')": False,
    "pylops.Convolve1D(20, (3,), offset=1)": True,
    "sigpy.ConvolveData((8,), (3,))": True,
}


@pytest.mark.parametrize("text", REVERSED)
def test_a_kernel_that_is_reversed_elsewhere_is_said_to_be(text):
    torch = translate(text).phrases[0]
    assert torch.kernel.endswith(", reversed in space") == REVERSED[text]
    op, _ = read(text)
    taps = np.arange(1.0, 4)[::-1] if REVERSED[text] else np.arange(1.0, 4)
    x = np.random.default_rng(0).standard_normal(op.dims)
    if op.kernel.size == 3:
        other = made(torch, taps.reshape(1, 1, 3))
        assert_same((other @ x.reshape(other.dims)).ravel(), (op @ x).ravel())


REFUSED = {
    "torch.conv2d": "is no call: write it as in torch.conv2d",
    "conv2d((1,), (1,))": "is no call",
    "torch.conv2d(x, w)": "with literal arguments",
    "torch.conv2d(__import__('os'))": "with literal arguments",
    "(" * 500: "is no call",
    "numpy.conv2d((1,), (1,))": "framework 'numpy' is unknown: choose one of torch, tensorflow",
    "torch.relu((1,), (1,))": "torch has no convolution 'relu': choose one of",
    "torch.conv1d((1, 1, 4))": "needs the shapes of input and kernel first",
    "torch.conv1d((1, 1, 4), 3)": "the kernel is given by its shape",
    "torch.conv1d((1, 1, 4), (1, 1, -3))": "lengths of 1 or more",
    "torch.conv1d((1, 1, 4), (1, 1, 10**9))": "with literal arguments",
    "torch.conv1d((1, 1, 4), (1, 1, 1000000000))": "has more than 16777216 taps",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_call_is_refused(text):
    with pytest.raises(ca.SemanticsError, match=REFUSED[text].replace("(", r"\(")):
        read(text)


def test_what_frameworks_have_no_name_for_is_refused():
    mirrored = ca.Conv1DOp(5, np.ones(3), padding=1, padding_mode="reflect")
    with pytest.raises(ca.SemanticsError, match="only zeros outside"):
        translate(mirrored)
    both = frameworks.jax.conv_general_dilated(
        (1, 1, 5), np.ones((1, 1, 3)), (2,), ((0, 0),), lhs_dilation=(3,)
    )
    with pytest.raises(ca.SemanticsError, match="on both sides of one operator"):
        translate(both)


@pytest.mark.parametrize("other", [5, ca.Conv1DOp(5, [1.0, 2.0]).gram])
def test_what_is_no_convolution_is_not_translated(other):
    with pytest.raises(TypeError, match="a convolution or a text is translated, got"):
        translate(other)
