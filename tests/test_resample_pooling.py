"""Average and sum pooling."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
import goldens
from checks import assert_same, check_member
from convadjoint.geometry import Axis
from convadjoint.geometry.layout import Roles
from convadjoint.geometry.windows import Window
from convadjoint.operators import DiagonalOp, SpecOp
from convadjoint.resample import avg_pool, sum_pool
from convadjoint.resample.pooling import counted, pooled
from strategies import ENGINES, SEEDS, upto
from windows import pool_dense, starts_of


@st.composite
def pools(draw):
    """Arguments of a pooling, and the same ones for the oracle."""
    rank = draw(upto(3))
    ceil_mode = draw(st.booleans())
    dims, size, rules = [], [], []
    for _ in range(rank):
        k, dilation = draw(upto(4 - (rank > 1))), draw(upto(2))
        rule = {
            "stride": draw(upto(4)),
            "padding": (draw(upto(2, 0)), draw(upto(2, 0))),
            "dilation": dilation,
            "ceil_mode": ceil_mode,
        }
        n = draw(upto(9 - 2 * rank))
        while not starts_of(n, k, **rule):
            n += 1
        dims.append(n)
        size.append(k)
        rules.append(rule)
    shape = draw(st.permutations([*enumerate(dims), (None, draw(upto(2)))]))
    roles = [role for role, _ in shape]
    axes = tuple(roles.index(a) for a in range(rank))
    words = {
        name: tuple(rule[name] for rule in rules)
        for name in ("stride", "padding", "dilation")
    }
    words |= {"axes": axes, "ceil_mode": ceil_mode}
    return tuple(n for _, n in shape), tuple(size), words, rules


@given(pool=pools(), seed=SEEDS)
def test_sums_are_sums(pool, seed):
    dims, size, words, rules = pool
    op = sum_pool(dims, size, **words)
    dense = pool_dense(dims, size, words["axes"], rules)
    check_member(op, dense, np.random.default_rng(seed))


@given(
    pool=pools(),
    seed=SEEDS,
    average=st.sampled_from(("padding", "signal")),
    divisor=st.sampled_from((None, None, 3)),
)
def test_means_divide_by_what_is_counted(pool, seed, average, divisor):
    dims, size, words, rules = pool
    include = average == "padding"
    op = avg_pool(dims, size, count_include_pad=include, divisor=divisor, **words)
    axes = words["axes"]
    dense = pool_dense(dims, size, axes, rules, average=average, divisor=divisor)
    check_member(op, dense, np.random.default_rng(seed), units=8)


def test_same_padding_is_tensorflows():
    op = avg_pool(
        (2, 4, 2), 3, stride=3, padding="same", count_include_pad=False, axes=1
    )
    x = np.arange(16.0).reshape(op.dims)
    assert op.dimsd == (2, 2, 2)
    np.testing.assert_allclose(
        op @ x, np.stack([x[:, :2].mean(1), x[:, 2:].mean(1)], 1)
    )


def test_one_number_pools_all_axes_and_a_tuple_the_last():
    assert sum_pool((4, 6, 8), 2).dimsd == (2, 3, 4)
    assert sum_pool((4, 6, 8), (2, 2)).dimsd == (4, 3, 4)
    assert sum_pool((4, 6, 8), 2, axes=(2, 0)).dimsd == (2, 6, 4)
    assert sum_pool((0, 6), (2,)).dimsd == (0, 3)


def test_equal_windows_have_their_divisor_in_the_kernel():
    op = avg_pool((4, 4), 2)
    assert type(op) is SpecOp
    np.testing.assert_array_equal(op.kernel, np.full((1, 1, 2, 2), 0.25))


def test_other_divisors_are_weights_of_the_pooled_axes_alone():
    op = avg_pool((7, 5, 6), (2,), padding=1, count_include_pad=False)
    weights, sums = op.parts
    assert type(weights) is DiagonalOp
    assert weights.weights.shape == (1, 1, 4)
    assert type(sums) is SpecOp


@pytest.mark.parametrize("engine", ENGINES)
def test_any_engine_pools(engine):
    x = np.arange(60.0).reshape(2, 5, 6)
    pool = sum_pool(x.shape, (2, 3), padding=1, engine=engine)
    assert pool.engine == engine
    want = sum_pool(x.shape, (2, 3), padding=1, engine="taps") @ x
    np.testing.assert_allclose(pool @ x, want, atol=1e-12)


def test_float32_stays():
    op = avg_pool((5, 5), 3, padding=1, count_include_pad=False, dtype="float32")
    assert (op @ np.ones((5, 5), np.float32)).dtype == np.float32
    assert pickle.loads(pickle.dumps(op)).dtype == np.float32


def test_lengths_that_no_keyword_gives_are_windows_of_their_own():
    window = Window(axis=Axis(n=5, q=4, k=2, s=2, lo=1), hi=1)
    place = Roles(ndim=2, axes=(1,), channel=None)
    op = pooled((3, 5), (window,), place, counts=[counted(window, padding=True)])
    assert_same(counted(window, padding=True), np.array([2, 2, 2, 1]))
    assert_same(counted(window, padding=False), np.array([1, 2, 2, 0]))
    np.testing.assert_array_equal(
        op @ np.ones((3, 5)), np.tile([0.5, 1.0, 1.0, 0.0], (3, 1))
    )


@pytest.mark.parametrize("name", goldens.names("pooling", "avg"))
def test_frameworks_agree(name):
    case = goldens.golden(name)
    pool = POOLS[name.partition("_")[0]]
    goldens.assert_golden(pool(case) @ case.arrays["x"], case, "y")


def torch(case):
    words = {word: case.args[word] for word in ("stride", "padding", "ceil_mode")}
    words["count_include_pad"] = case.args["count_include_pad"]
    x = case.arrays["x"]
    return avg_pool(x.shape, case.args["kernel_size"], dtype=x.dtype, **words)


def onnx(case):
    x, size = case.arrays["x"], case.args["kernel_shape"]
    pads = np.reshape(case.args.get("pads", [0] * 2 * len(size)), (2, -1)).T
    padding = {"SAME_UPPER": "same"}.get(case.args.get("auto_pad"), pads.tolist())
    return avg_pool(
        x.shape,
        size,
        stride=case.args.get("strides", 1),
        padding=padding,
        dilation=case.args.get("dilations", 1),
        ceil_mode=bool(case.args.get("ceil_mode", 0)),
        count_include_pad=bool(case.args.get("count_include_pad", 0)),
        dtype=x.dtype,
    )


def tensorflow(case):
    x = case.arrays["x"]
    return avg_pool(
        x.shape,
        case.args["ksize"],
        stride=case.args["strides"],
        padding=case.args["padding"].lower(),
        count_include_pad=False,
        axes=range(1, x.ndim - 1),
        dtype=x.dtype,
    )


def caffe(case):
    x, args = case.arrays["x"], case.args
    size, stride, padding = (
        (args[f"{word}_h"], args[f"{word}_w"]) for word in ("kernel", "stride", "pad")
    )
    words = {"stride": stride, "padding": padding, "ceil_mode": True}
    return avg_pool(x.shape, size, dtype=x.dtype, **words)


def mxnet(case):
    x, args = case.arrays["x"], case.args
    words = {"stride": args["stride"], "padding": args["pad"]}
    words["ceil_mode"] = args["pooling_convention"] == "full"
    return avg_pool(x.shape, args["kernel"], dtype=x.dtype, **words)


POOLS = {
    "torch": torch,
    "onnx": onnx,
    "tensorflow": tensorflow,
    "caffe": caffe,
    "mxnet": mxnet,
}


def test_what_is_wrong_is_said():
    with pytest.raises(
        ca.GeometryError,
        match=r"a window spans 5 samples on axis 0, but only 0 \+ 4 \+ 0",
    ):
        avg_pool(4, 3, dilation=2)
    with pytest.raises(
        ca.GeometryError,
        match=r"size \(2, 2\) needs one or more different axes of dims \(4,\)",
    ):
        avg_pool(4, (2, 2))
    with pytest.raises(
        ca.GeometryError, match=r"one for each of its entries, got axes=\(0, -2\)"
    ):
        avg_pool((4, 4), 2, axes=(0, -2))
    with pytest.raises(ca.GeometryError, match="size has 2 entries for 1 spatial axes"):
        avg_pool((4, 4), (2, 2), axes=0)
    with pytest.raises(ca.GeometryError, match="axes 2 is out of range"):
        avg_pool((4, 4), 2, axes=2)
    with pytest.raises(
        ca.GeometryError, match="size on spatial axis 1 must be at least 1, got 0"
    ):
        sum_pool((4, 4), (2, 0))
    with pytest.raises(ca.GeometryError, match="dims has length 0 on axis 1"):
        sum_pool((4, 0), (2,))
    with pytest.raises(ca.GeometryError, match="divisor must be at least 1, got 0"):
        avg_pool(4, 2, divisor=0)
    with pytest.raises(TypeError, match="ceil_mode must be True or False, got 'no'"):
        sum_pool(4, 2, ceil_mode="no")
    with pytest.raises(TypeError, match="count_include_pad must be True or False"):
        avg_pool(4, 2, count_include_pad=2)
    with pytest.raises(ca.GeometryError, match=r"dims .* arrays end at"):
        sum_pool((2**40, 2**40), 2)
    with pytest.raises(TypeError, match=r"size must be an integer, got 2\.0"):
        avg_pool(4, 2.0)
    with pytest.raises(
        ca.GeometryError, match=r"size 1 needs one or more different axes of dims \(\)"
    ):
        sum_pool((), 1)


def test_long_signals_are_not_counted_one_by_one():
    assert avg_pool(2**40, 2).dimsd == (2**39,)
    with pytest.raises(MemoryError, match=f"the counts of {2**40} windows"):
        avg_pool(2**40, 3, stride=1, padding=1, count_include_pad=False)
