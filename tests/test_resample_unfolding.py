"""Unfold, fold and pixel shuffles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
import goldens
from checks import assert_same, check_member
from convadjoint.resample import fold, pixel_shuffle, pixel_unshuffle, unfold
from strategies import ENGINES, MODES, SEEDS, integers, upto
from windows import starts_of, unfold_dense


@st.composite
def unfoldings(draw):
    """Arguments of `unfold`, and the same ones for the oracle."""
    rank = draw(upto(3))
    dims, size, rules = [], [], []
    for _ in range(rank):
        k = draw(upto(3))
        rule = {
            "stride": draw(upto(3)),
            "padding": (draw(upto(3, -1)), draw(upto(2, 0))),
            "dilation": draw(upto(2)),
        }
        n = draw(upto(8 - 2 * rank))
        while not starts_of(n, k, **rule):
            n += 1
        dims.append(n)
        size.append(k)
        rules.append((rule, draw(st.sampled_from(("zeros", *MODES)))))
    rest = [(None, draw(upto(2))) for _ in range(draw(upto(2, 0)))]
    shape = draw(st.permutations([*enumerate(dims), *rest]))
    roles = [role for role, _ in shape]
    words = {
        name: tuple(rule[name] for rule, _ in rules)
        for name in ("stride", "padding", "dilation")
    }
    words["axes"] = tuple(roles.index(a) for a in range(rank))
    words["padding_mode"] = tuple(mode for _, mode in rules)
    words["merged"] = draw(st.booleans())
    return tuple(n for _, n in shape), tuple(size), words, rules


@given(case=unfoldings(), seed=SEEDS)
def test_unfolding_copies_each_sample_of_each_window(case, seed):
    dims, size, words, rules = case
    op = unfold(dims, size, **words)
    dense = unfold_dense(dims, size, words["axes"], rules, merged=words["merged"])
    check_member(op, dense, np.random.default_rng(seed))


@given(case=unfoldings())
def test_folding_is_the_transpose(case):
    _, size, words, _ = case
    dims = (2, 3, 6, 7, 6)[: 2 + len(size)]
    del words["axes"]
    op = unfold(dims, size, **words)
    folded = fold(op.dimsd, dims[2:], size, **words)
    assert (folded.dims, folded.dimsd) == (op.dimsd, dims)
    assert_same(folded.tosparse().toarray(), op.tosparse().toarray().T)


@pytest.mark.parametrize("name", goldens.names("unfolding"))
def test_torch_agrees(name):
    case = goldens.golden(name)
    x, args = case.arrays["x"], dict(case.args)
    size = args.pop("kernel_size")
    if case.op == "unfold":
        op = unfold(x.shape, size, dtype=x.dtype, **args)
    else:
        op = fold(x.shape, args.pop("output_size"), size, dtype=x.dtype, **args)
    goldens.assert_golden(op @ x, case, "y")


@pytest.mark.parametrize("engine", ENGINES)
def test_any_engine_unfolds(engine):
    x = np.arange(60.0).reshape(2, 5, 6)
    op = unfold(x.shape, (2, 3), engine=engine)
    assert op.engine == engine
    want = unfold(x.shape, (2, 3), engine="taps") @ x
    np.testing.assert_allclose(op @ x, want, atol=1e-12)


@pytest.mark.parametrize("mode", ["zeros", *MODES])
def test_convolution_is_unfolding_and_a_product(mode):
    rng = np.random.default_rng(0)
    w = integers(rng, (4, 3, 2, 3), "complex128")
    words = {"stride": (1, 2), "padding": 1, "padding_mode": mode}
    conv = ca.Conv2DOp((3, 5, 6), w, **words)
    columns = unfold((3, 5, 6), (2, 3), **words)
    mix = ca.Conv1DOp(columns.dimsd, w.reshape(4, 18, 1))
    product = (mix @ columns).tosparse().toarray()
    assert_same(conv.tosparse().toarray(), product)
    folded = fold(columns.dimsd, (5, 6), (2, 3), **words)
    assert_same(conv.T.tosparse().toarray(), (folded @ mix.T).tosparse().toarray())


@st.composite
def shuffles(draw):
    """Arguments of a pixel shuffle, and the places of its axes."""
    rank, channels = draw(upto(3)), draw(upto(2))
    block = tuple(draw(upto(3)) for _ in range(rank))
    named = [*(("s", draw(upto(2))) for _ in range(rank)), ("c", channels), ("b", 2)]
    placed = draw(st.permutations([(*one, i) for i, one in enumerate(named)]))
    places = [i for *_, i in placed]
    axes = tuple(places.index(a) for a in range(rank))
    channel = places.index(rank)
    dims = [n for _, n, _ in placed]
    dims[channel] *= int(np.prod(block))
    words = {"axes": axes, "channel_axis": channel, "blocks_first": draw(st.booleans())}
    return tuple(dims), block, words


def shuffled(x, block, *, axes, channel_axis, blocks_first):
    """Sample by sample."""
    count = int(np.prod(block))
    channels = x.shape[channel_axis] // count
    shape = list(x.shape)
    shape[channel_axis] = channels
    for axis, factor in zip(axes, block, strict=True):
        shape[axis] *= factor
    y = np.empty(shape, x.dtype)
    for place in np.ndindex(*shape):
        spot, tap = list(place), 0
        for axis, factor in zip(axes, block, strict=True):
            spot[axis], rest = divmod(place[axis], factor)
            tap = tap * factor + rest
        c = place[channel_axis]
        spot[channel_axis] = tap * channels + c if blocks_first else c * count + tap
        y[place] = x[tuple(spot)]
    return y


@given(case=shuffles())
def test_pixels_are_shuffled_one_by_one(case):
    dims, block, words = case
    x = np.arange(np.prod(dims)).reshape(dims)
    op = pixel_shuffle(dims, block, **words)
    assert_same(op @ x, shuffled(x, block, **words))
    back = pixel_unshuffle(op.dimsd, block, **words)
    assert_same(back @ (op @ x), x)
    assert_same(back.tosparse().toarray(), op.tosparse().toarray().T)
    assert_same(op.tosparse() @ x.ravel(), (op @ x).ravel())


def test_an_int_shuffles_the_last_two_axes():
    assert pixel_shuffle((2, 12, 3, 4), 2).dimsd == (2, 3, 6, 8)
    assert pixel_unshuffle((2, 3, 6, 8), 2).dimsd == (2, 12, 3, 4)
    assert pixel_shuffle((2, 12, 3), (4,)).dimsd == (2, 3, 12)


def test_float32_stays():
    for op in (unfold(5, 2, dtype="float32"), pixel_shuffle((4, 1, 1), 2, dtype="f")):
        assert (op @ np.ones(op.dims, np.float32)).dtype == np.float32


def test_what_is_shown_is_said():
    text = "<SpecOp (2, 12, 20) -> (2, 3, 5, 6), float64: 2 x 2 taps on axes 2, 3"
    assert repr(fold((2, 12, 20), (5, 6), 2)).startswith(text)


def test_what_is_wrong_is_said():
    wrong = r"dims \(12, 5\) cannot be folded: windows of size \(2, 2\) of an output "
    with pytest.raises(ca.GeometryError, match=wrong + r"\(3, 3, 3\) make \(12, 4\)"):
        fold((12, 5), (3, 3), 2)
    with pytest.raises(ca.GeometryError, match=r"pad more or shrink the kernel$"):
        unfold((2, 3, 2, 10), 3)
    with pytest.raises(
        ca.GeometryError, match=r"needs \(..., C \* 4, L\), with windows of 4"
    ):
        fold((10, 4), (3, 3), 2)
    with pytest.raises(
        ca.GeometryError, match="factor 2 does not divide 5, the length of axis 2"
    ):
        pixel_unshuffle((1, 4, 5), 2)
    with pytest.raises(
        ca.GeometryError,
        match=r"dims \(6, 2, 2\) has 6 channels on axis 0: they must be a multiple of 4",
    ):
        pixel_shuffle((6, 2, 2), 2)
    with pytest.raises(
        ca.GeometryError,
        match=r"no axis of channels before axes \(0, 1\): give channel_axis",
    ):
        pixel_shuffle((4, 4), 2)


@pytest.mark.parametrize(
    "op",
    [unfold((2, 3, 7, 6), 3, padding=1, stride=2), pixel_unshuffle((1, 2, 4, 6), 2)],
    ids=["unfold", "unshuffle"],
)
def test_every_product_has_the_shape_that_users_see(op):
    for one in (op, op.T):
        x = integers(np.random.default_rng(0), one.dims, one.dtype)
        first = one @ x
        assert first.shape == one.dimsd
        assert_same(one @ x, first)
        assert_same(one @ x.reshape(-1), first.reshape(-1))
