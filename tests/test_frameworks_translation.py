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
    phrases = {one.function.partition(".")[0]: one for one in translation.phrases}
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
    assert said["mxnet.Deconvolution"].call.endswith("adj=(1, 1))")
    assert "none: " in str(caffe)
    assert str(said["torch.conv_transpose2d"]).endswith("input NCHW, kernel IOHW")


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


REFUSED = {
    "torch.conv2d": "is no call: write it as in torch.conv2d",
    "conv2d((1,), (1,))": "is no call",
    "torch.conv2d(x, w)": "with literal arguments",
    "torch.conv2d(__import__('os'))": "with literal arguments",
    "(" * 500: "is no call",
    "numpy.conv2d((1,), (1,))": "framework 'numpy' is unknown: choose one of torch",
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
