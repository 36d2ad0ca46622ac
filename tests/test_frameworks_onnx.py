"""``convadjoint.frameworks.onnx``: what golden cases do not show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
from checks import assert_same
from refusals import check_text
from strategies import SEEDS, integers, upto

onnx = ca.frameworks.onnx
ONES = np.ones((2, 2, 3, 3))
DIMS = (1, 2, 5, 5)

REFUSED = {
    "onnx.Conv: strides must be a list of 2 integers, got 2": lambda: onnx.Conv(
        DIMS, ONES, strides=2
    ),
    "onnx.Conv: strides must be a list of 2 integers, got [2]": lambda: onnx.Conv(
        DIMS, ONES, strides=[2]
    ),
    "onnx.Conv: dilations on spatial axis 1 must be at least 1, got 0": lambda: (
        onnx.Conv(DIMS, ONES, dilations=[1, 0])
    ),
    "onnx.Conv: auto_pad 'SAME' is unknown: allowed are NOTSET, SAME_UPPER, SAME_LOWER, "
    "VALID": lambda: onnx.Conv(DIMS, ONES, "SAME"),
    "onnx.Conv: pads [0, 0, 0, 0] need auto_pad 'NOTSET', got 'VALID'": lambda: (
        onnx.Conv(DIMS, ONES, "VALID", pads=[0, 0, 0, 0])
    ),
    "onnx.Conv: pads [1, 1] must have 4 entries: a beginning for each of the 2 spatial "
    "axes, then an end for each": lambda: onnx.Conv(DIMS, ONES, pads=[1, 1]),
    "onnx.Conv: the end in pads on spatial axis 0 must be at least 0, got -1": lambda: (
        onnx.Conv(DIMS, ONES, pads=[1, 1, -1, 1])
    ),
    "onnx.Conv: kernel_shape (5, 5) contradicts the kernel array, which has (3, 3)": (
        lambda: onnx.Conv(DIMS, ONES, kernel_shape=[5, 5])
    ),
    "onnx.Conv: the number of groups must be at least 1, got 0": lambda: onnx.Conv(
        DIMS, ONES, group=0
    ),
    "onnx.ConvTranspose: output_padding 2 on spatial axis 1 must be smaller than the "
    "stride: at most 1": lambda: onnx.ConvTranspose(
        DIMS, ONES, output_padding=[0, 2], strides=[1, 2]
    ),
    "onnx.ConvTranspose: output_shape 8 on spatial axis 1 is out of reach: at most 7": (
        lambda: onnx.ConvTranspose(DIMS, ONES, output_shape=[7, 8])
    ),
    "onnx.AveragePool: kernel_shape is needed: a list with the samples of a window": (
        lambda: onnx.AveragePool(DIMS)
    ),
    "onnx.AveragePool: pads 1 and 2 on spatial axis 1 must be smaller than the window: "
    "at most 1": lambda: onnx.AveragePool(DIMS, kernel_shape=[3, 2], pads=[1, 1, 1, 2]),
    "onnx.AveragePool: ceil_mode must be True or False, got 2": lambda: (
        onnx.AveragePool(DIMS, kernel_shape=[3, 2], ceil_mode=2)
    ),
    "onnx.Col2Im: the input (1, 2, 5, 5) has 4 axes, allowed is NCL": lambda: (
        onnx.Col2Im(DIMS, [5, 5], [1, 5])
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_say_what_is_wrong(text):
    check_text(REFUSED[text], text)


@pytest.mark.parametrize(
    ("rule", "first"), [("SAME_UPPER", 0), ("SAME_LOWER", 1), ("NOTSET", 1)]
)
def test_the_odd_sample_of_a_crop(rule, first):
    # Stride 2 and 3 taps: 6 of 7 samples stay, from this one on.
    kernel = np.arange(1.0, 4).reshape(1, 1, 3)
    full = onnx.ConvTranspose((1, 1, 3), kernel, strides=[2]) @ np.ones((1, 1, 3))
    op = onnx.ConvTranspose((1, 1, 3), kernel, rule, output_shape=[6], strides=[2])
    assert_same(op @ np.ones((1, 1, 3)), full[..., first : first + 6])


def test_where_samples_lack_the_text_decides():
    # (n - 1) * s + K = 9 - 2 - 2 is less than n * s: floor and ceiling of -2 / 2 before.
    kernel = np.array([[[1.0]]])
    x = np.ones((1, 1, 3))
    for rule in ("SAME_UPPER", "SAME_LOWER"):
        op = onnx.ConvTranspose((1, 1, 3), kernel, rule, strides=[3])
        assert_same(op @ x, np.array([[[0, 1, 0, 0, 1, 0, 0, 1, 0.0]]]))
    lack = onnx.ConvTranspose((1, 1, 2), kernel, "SAME_UPPER", strides=[2])
    assert_same(lack @ x[..., :2], np.array([[[0, 1, 0, 1.0]]]))


@st.composite
def nodes(draw):
    """An operator of ONNX with attributes that onnxruntime may refuse."""
    rank, groups = draw(upto(2)), draw(upto(2))
    transposed = draw(st.booleans())

    def several(least, most, times=1):
        size = rank * times
        return st.lists(st.integers(least, most), min_size=size, max_size=size)

    sides = [groups * draw(upto(2)) for _ in range(2)]
    first = (
        (sides[0], sides[1] // groups) if transposed else (sides[1], sides[0] // groups)
    )
    kernel = (*first, *draw(several(1, 3)))
    dims = (1, sides[0], *draw(several(1, 4)))
    words = {"group": groups, "strides": draw(several(1, 3))}
    padded = draw(st.sampled_from(["pads", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if padded == "pads":
        words["pads"] = draw(several(0, 2, 2))
        words["dilations"] = draw(several(1, 2))
    else:
        words["auto_pad"] = padded
    if transposed:
        words["output_padding"] = draw(several(0, 2))
        if draw(st.booleans()):
            words["output_shape"] = draw(several(1, 9))
    return "ConvTranspose" if transposed else "Conv", dims, kernel, words


def onnxruntime_result(name, x, w, words):
    """What onnxruntime makes of a node, or None if it refuses."""
    from onnx import TensorProto, helper  # noqa: PLC0415

    runtime = pytest.importorskip("onnxruntime")
    info = helper.make_tensor_value_info
    feeds = {"X": x, "W": w}
    inputs = [info(key, TensorProto.FLOAT, array.shape) for key, array in feeds.items()]
    node = helper.make_node(name, ["X", "W"], ["Y"], **words)
    graph = helper.make_graph([node], "g", inputs, [info("Y", TensorProto.FLOAT, None)])
    opsets = [helper.make_opsetid("", 22)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    state = runtime.capi.onnxruntime_pybind11_state
    try:
        session = runtime.InferenceSession(model.SerializeToString(), options)
        return session.run(None, feeds)[0]
    except (state.Fail, state.InvalidArgument):
        return None


def lacks(name, dims, kernel, words):
    """Whether samples lack somewhere: onnxruntime has rules of its own for that."""
    ones = [1] * len(dims[2:])
    columns = (dims[2:], words["strides"], kernel[2:], words.get("dilations", ones))
    lines = [(n, s, (k - 1) * d + 1) for n, s, k, d in zip(*columns, strict=True)]
    same = words.get("auto_pad", "").startswith("SAME")
    if name == "Conv":
        return same and any((-(-n // s) - 1) * s + span < n for n, s, span in lines)
    sizes = words.get("output_shape") or [n * s for n, s, _ in lines]
    rows = zip(lines, words["output_padding"], sizes, strict=True)
    short = any((n - 1) * s + span + op < size for (n, s, span), op, size in rows)
    return short and (same or "output_shape" in words)


@pytest.mark.framework("onnx")
@given(node=nodes(), seed=SEEDS)
def test_onnxruntime_itself_agrees(node, seed):
    pytest.importorskip("onnx")
    name, dims, kernel, words = node
    rng = np.random.default_rng(seed)
    x, w = integers(rng, dims, "float32"), integers(rng, kernel, "float32")
    want = onnxruntime_result(name, x, w, words)
    if want is None or not want.size:
        with pytest.raises(ValueError, match=f"^onnx.{name}: "):
            getattr(onnx, name)(dims, w, **words)
    elif not lacks(name, dims, kernel, words):
        assert_same(getattr(onnx, name)(dims, w, **words) @ x, want)


@pytest.mark.parametrize("rule", ["NOTSET", "VALID"])
def test_what_a_size_lacks_is_at_the_end(rule):
    kernel = np.ones((1, 1, 2))
    words = {"auto_pad": rule, "strides": [3], "output_shape": [10]}
    op = onnx.ConvTranspose((1, 1, 3), kernel, **words)
    want = np.array([1.0, 1, 0, 2, 2, 0, 3, 3, 0, 0])
    assert_same((op @ np.array([[[1.0, 2, 3]]])).ravel(), want)
