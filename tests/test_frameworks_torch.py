"""``convadjoint.frameworks.torch``: what golden cases do not show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
from checks import assert_same
from goldens import SETS, assert_golden
from refusals import check_text
from strategies import SEEDS, integers, upto

torch = ca.frameworks.torch
ONES = np.ones((4, 2, 3, 3))

REFUSED = {
    f"torch.conv2d: stride {2**70} is beyond {2**61} (2**61)": lambda: torch.conv2d(
        (1, 2, 9, 9), ONES, 2**70
    ),
    "torch.conv2d: missing a required argument: 'weight'": lambda: torch.conv2d(
        (1, 2, 9, 9)
    ),
    "torch.conv2d: stride must be an integer, got None; the bias is left out: stride is "
    "the third argument": lambda: torch.conv2d((1, 2, 9, 9), ONES, None, 1, 1),
    "torch.conv_transpose2d: a bias is no part of the operator: add it to op @ x": (
        lambda: torch.conv_transpose2d((1, 4, 9, 9), ONES, bias=np.ones(2))
    ),
    "torch.conv2d: give the shape of the input (x.shape), got an array of shape "
    "(1, 2, 9, 9)": lambda: torch.conv2d(np.ones((1, 2, 9, 9)), ONES),
    "torch.conv2d: padding 'same' needs stride 1 on all axes, got (2, 1)": lambda: (
        torch.conv2d((1, 2, 9, 9), ONES, (2, 1), "same")
    ),
    "torch.conv2d: padding 'full' is unknown: allowed are valid, same": (
        lambda: torch.conv2d((1, 2, 9, 9), ONES, padding="full")
    ),
    "torch.conv2d: stride has 3 entries for 2 spatial axes: give one integer, or 2": (
        lambda: torch.conv2d((1, 2, 9, 9), ONES, (1, 1, 1))
    ),
    "torch.conv2d: stride must be an integer, got 1.5 (float)": lambda: torch.conv2d(
        (1, 2, 9, 9), ONES, 1.5
    ),
    "torch.conv2d: the input (9, 9) has 2 axes, allowed is NCHW or CHW": lambda: (
        torch.conv2d((9, 9), ONES)
    ),
    "torch.conv2d: the input must be given by its shape, got 9": lambda: torch.conv2d(
        9, ONES
    ),
    "torch.conv2d: the input (1, 2, 0, 9) has no samples on axis 2": lambda: (
        torch.conv2d((1, 2, 0, 9), ONES)
    ),
    "torch.conv1d: the kernel has shape (4, 2, 3, 3), allowed is one axis for each of "
    "OIW": lambda: torch.conv1d((1, 2, 9), ONES),
    "torch.conv2d: the kernel is empty: its shape is (4, 2, 0, 3)": lambda: (
        torch.conv2d((1, 2, 9, 9), ONES[:, :, :0])
    ),
    "torch.conv2d: the input (1, 3, 9, 9) has 3 channels, the kernel (4, 2, 3, 3) in 1 "
    "group(s) takes 2": lambda: torch.conv2d((1, 3, 9, 9), ONES),
    "torch.conv2d: groups must divide the channels of both sides: 3 groups, 6 channels "
    "in, 4 out": lambda: torch.conv2d((1, 6, 9, 9), ONES, groups=3),
    "torch.conv2d: the kernel spans 5 samples on spatial axis 1, but only 0 + 4 + 0 are "
    "there: pad more or shrink it": lambda: torch.conv2d(
        (1, 2, 9, 4), ONES, dilation=(1, 2)
    ),
    "torch.conv2d: got an unexpected keyword argument 'strides'": lambda: torch.conv2d(
        (1, 2, 9, 9), ONES, strides=2
    ),
    "torch.Conv2d: padding 4 on spatial axis 1 of length 3 is too much for padding_mode "
    "'circular': at most 3": lambda: torch.Conv2d(
        (2, 9, 3), ONES, padding=(0, 4), padding_mode="circular"
    ),
    "torch.Conv2d: padding_mode 'symmetric' is unknown: allowed are zeros, reflect, "
    "replicate, circular": lambda: torch.Conv2d(
        (2, 9, 9), ONES, padding_mode="symmetric"
    ),
    "torch.Conv2d: in_channels 3 contradicts the kernel array, which has 2": lambda: (
        torch.Conv2d((2, 9, 9), ONES, in_channels=3)
    ),
    "torch.Conv2d: kernel_size (5, 5) contradicts the kernel array, which has (3, 3)": (
        lambda: torch.Conv2d((2, 9, 9), ONES, kernel_size=5)
    ),
    "torch.Conv2d: bias must be True or False, got array([1., 1.])": lambda: (
        torch.Conv2d((2, 9, 9), ONES, bias=np.ones(2))
    ),
    "torch.conv_transpose2d: output_padding 3 on spatial axis 1 must be smaller than "
    "stride 2 or dilation 3: at most 2": lambda: torch.conv_transpose2d(
        (4, 9, 9), ONES, 2, 0, (0, 3), dilation=3
    ),
    "torch.conv_transpose2d: the output on spatial axis 0 would have length -1: without "
    "any crop it has 3": lambda: torch.conv_transpose2d((4, 1, 9), ONES, padding=2),
    "torch.ConvTranspose2d: output_size 9 on spatial axis 1 is out of reach: allowed are "
    "7 to 8": lambda: torch.ConvTranspose2d(
        (4, 3, 3), ONES, stride=2, output_size=(7, 9)
    ),
    "torch.ConvTranspose2d: output_size (7,) must have 2 or 3 entries": lambda: (
        torch.ConvTranspose2d((4, 3, 3), ONES, stride=2, output_size=(7,))
    ),
    "torch.ConvTranspose2d: padding_mode 'reflect' is not possible here: allowed are "
    "zeros": (lambda: torch.ConvTranspose2d((4, 3, 3), ONES, padding_mode="reflect")),
    "torch.avg_pool2d: padding 2 on spatial axis 0 is more than half of the window of 3: "
    "at most 1": lambda: torch.avg_pool2d((2, 9, 9), 3, padding=(2, 1)),
    "torch.avg_pool1d: divisor_override 3 needs two or three spatial axes": lambda: (
        torch.avg_pool1d((2, 9), 3, divisor_override=3)
    ),
    "torch.avg_pool3d: a window of (2, 2, 2) exceeds the input of (1, 9, 9): padding "
    "does not count": lambda: torch.avg_pool3d((2, 1, 9, 9), 2, padding=1),
    "torch.fold: the input (2, 4, 9, 9) has 4 axes, allowed is NCL or CL": lambda: (
        torch.fold((2, 4, 9, 9), 5, 2)
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_say_what_is_wrong(text):
    check_text(REFUSED[text], text)


def test_functions_have_names_signatures_and_docstrings():
    assert torch.conv2d.__name__ == "conv2d"
    assert "``torch.conv2d``" in torch.conv2d.__doc__
    assert "{" not in torch.conv2d.__doc__.replace('{"', "")
    assert str(torch.conv2d.__signature__).startswith("(input_shape")
    assert not hasattr(ca.frameworks, "theano")


def test_completion_lists_the_functions_alone():
    for module in (torch, ca.frameworks.pylops, ca.resample):
        assert dir(module) == sorted(module.__all__)


def test_no_bias_may_be_said():
    op = torch.conv2d((1, 2, 9, 9), ONES, stride=2, bias=None)
    assert op.dimsd == (1, 4, 4, 4)


def test_a_list_of_one_serves_all_axes_but_not_in_a_padding_mode():
    spread = torch.conv2d((1, 2, 5, 5), ONES, stride=[2], padding=[1])
    assert spread.dimsd == (1, 4, 3, 3)
    with pytest.raises(ca.GeometryError, match="padding has 1 entries"):
        torch.Conv2d((1, 2, 5, 5), ONES, padding=[1], padding_mode="reflect")


def test_results_can_be_computed_in_other_ways():
    op = torch.conv2d((1, 2, 5, 5), ONES, dtype="float32", engine="taps")
    assert (op.dtype, op.engine) == (np.float32, "taps")
    assert op.replace(engine="sparse").engine == "sparse"
    with pytest.raises(ca.EngineRefusal, match=r"^torch\.conv2d: "):
        torch.conv2d((1, 2, 5, 5), ONES, engine="separable")


def test_kernels_and_shapes_are_not_aliased():
    kernel, dims = ONES.copy(), [1, 2, 5, 5]
    op = torch.conv2d(dims, kernel)
    kernel[:], dims[:] = 0, [0] * 4
    assert op.dims == (1, 2, 5, 5)
    assert op.kernel.min() == 1


@st.composite
def calls(draw):
    """A function of PyTorch with arguments that it may refuse."""
    rank, groups = draw(upto(3)), draw(upto(2))
    transposed = draw(st.booleans())
    sides = [groups * draw(upto(2)) for _ in range(2)]
    counts = (sides[0], sides[1] // groups)
    lengths = st.lists(upto(4), min_size=rank, max_size=rank)
    dims = (*draw(st.sampled_from([(), (2,)])), sides[0], *draw(lengths))
    kernel = (
        *(counts if transposed else (sides[1], sides[0] // groups)),
        *draw(lengths),
    )
    spelled = {
        "stride": (1, 4),
        "padding": (0, 3),
        "dilation": (1, 3),
    } | ({"output_padding": (0, 2)} if transposed else {})
    words = {"groups": groups}
    for word, (least, most) in spelled.items():
        one = st.integers(least, most)
        several = st.lists(one, min_size=rank, max_size=rank)
        words[word] = draw(st.one_of(one, one.map(lambda value: [value]), several))
    if not transposed and draw(st.booleans()):
        words["padding"] = draw(st.sampled_from(["same", "valid"]))
    return f"conv{'_transpose' * transposed}{rank}d", dims, kernel, words


@pytest.mark.framework("torch")
@pytest.mark.filterwarnings("ignore:Using padding='same'")
@given(call=calls(), seed=SEEDS)
def test_pytorch_itself_agrees(call, seed):
    theirs = pytest.importorskip("torch")
    name, dims, kernel, words = call
    rng = np.random.default_rng(seed)
    x, w = integers(rng, dims, "float64"), integers(rng, kernel, "float64")
    arrays = map(theirs.from_numpy, (x, w))
    try:
        want = getattr(theirs.nn.functional, name)(*arrays, **words).numpy()
    except RuntimeError:
        want = np.empty(0)
    if not want.size:  # an empty output is refused here
        with pytest.raises(ValueError, match=f"^torch.{name}: "):
            getattr(torch, name)(dims, w, **words)
        return
    assert_same(getattr(torch, name)(dims, w, **words) @ x, want)


def plain(case):
    """Whether a golden gradient is that of a convolution with zeros outside."""
    return "conv" in case.op and not (
        "transpose" in case.op or "padding_mode" in case.args
    )


GRADIENTS = [case for case in SETS["torch_grad"] if plain(case)]


@pytest.mark.parametrize("case", GRADIENTS, ids=lambda case: case.name)
def test_gradients_are_pytorchs(case):
    x, w, g = (case.arrays[one] for one in "xwg")
    on_input = getattr(torch, f"conv{case.rank}d_input")(x.shape, w, **case.args)
    assert_golden(on_input @ g, case, "gx")
    on_weight = getattr(torch, f"conv{case.rank}d_weight")(x, w.shape, **case.args)
    assert_golden(on_weight @ g, case, "gw")
