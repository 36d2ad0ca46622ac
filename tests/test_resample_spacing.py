"""Padding, cropping, zero insertion and decimation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
import oracles
from checks import assert_same, check_member
from convadjoint.resample import crop, decimation, pad, zero_insertion
from strategies import MODES, SEEDS, upto
from windows import samples

NAMES = {"reflect": "reflect", "symmetric": "symmetric", "replicate": "edge"}
NAMES |= {"circular": "wrap", "zeros": "constant"}


def moved_dense(dims, dimsd, source):
    """A one where `source` says that a sample of the output reads one of the input."""
    rows, columns = samples(dimsd), samples(dims)
    matrix = np.zeros((rows.size, columns.size))
    for place in np.ndindex(*dimsd):
        spot = source(place)
        if None not in spot:
            matrix[rows[place], columns[spot]] = 1
    return oracles.Dense(matrix, matrix, dims, dimsd)


ENDS = st.tuples(st.integers(-3, 4), st.integers(-3, 4))


@given(
    lines=st.lists(
        st.tuples(upto(5), ENDS, st.sampled_from(("zeros", *MODES))),
        min_size=1,
        max_size=3,
    ).filter(lambda lines: all(n + sum(ends) > 0 for n, ends, _ in lines)),
    seed=SEEDS,
)
def test_padding_continues_and_negative_padding_crops(lines, seed):
    dims, ends, modes = zip(*lines, strict=True)
    dimsd = tuple(n + lo + hi for n, (lo, hi) in zip(dims, ends, strict=True))

    def source(place):
        columns = zip(modes, place, ends, dims, strict=True)
        return tuple(oracles.bounce(mode, i - lo, n) for mode, i, (lo, _), n in columns)

    op = pad(dims, ends, mode=modes)
    check_member(op, moved_dense(dims, dimsd, source), np.random.default_rng(seed))


@pytest.mark.parametrize("mode", NAMES)
def test_numpy_pads_alike(mode):
    x = np.arange(12.0).reshape(3, 4)
    ends = ((2, 5), (7, 0))
    assert_same(pad(x.shape, ends, mode=mode) @ x, np.pad(x, ends, NAMES[mode]))


@given(
    lines=st.lists(
        st.tuples(upto(6), upto(3), upto(5, 0), upto(4, 0)), min_size=1, max_size=3
    ),
    seed=SEEDS,
)
def test_zeros_go_between(lines, seed):
    dims, steps, offsets, _ = zip(*lines, strict=True)
    dimsd = tuple((n - 1) * t + o + 1 + m for n, t, o, m in lines)

    def source(place):
        found = []
        for i, n, step, offset in zip(place, dims, steps, offsets, strict=True):
            m, rest = divmod(i - offset, step)
            found.append(m if rest == 0 and 0 <= m < n else None)
        return tuple(found)

    op = zero_insertion(dims, steps, offset=offsets, size=dimsd)
    check_member(op, moved_dense(dims, dimsd, source), np.random.default_rng(seed))


@given(
    lines=st.lists(
        st.tuples(upto(7), upto(3), upto(6, 0)), min_size=1, max_size=3
    ).filter(lambda lines: all(n > offset for n, _, offset in lines)),
    seed=SEEDS,
)
def test_some_samples_are_kept(lines, seed):
    dims, steps, offsets = zip(*lines, strict=True)
    kept = [range(offset, n, step) for n, step, offset in lines]
    op = decimation(dims, steps, offset=offsets)
    dense = moved_dense(
        dims,
        tuple(map(len, kept)),
        lambda place: tuple(one[i] for one, i in zip(kept, place, strict=True)),
    )
    check_member(op, dense, np.random.default_rng(seed))


def test_the_usual_length_is_that_of_decimation():
    up = zero_insertion((2, 3), (2,))
    assert up.dimsd == (2, 6)
    down = decimation(up.dimsd, (2,))
    assert_same(up.tosparse().toarray(), down.tosparse().toarray().T)
    assert zero_insertion(3, 2, offset=4).dimsd == (9,)


def test_crop_undoes_pad():
    x = np.arange(30.0).reshape(2, 3, 5)
    assert_same(
        crop((2, 5, 8), ((1, 1), (2, 1))) @ (pad(x.shape, ((1, 1), (2, 1))) @ x), x
    )
    assert crop((9, 9), 2, axes=0).dimsd == (5, 9)


def test_a_transposed_convolution_fills_and_convolves():
    w = np.array([1.0, 2.0, 4.0])
    up = ca.ConvTranspose1DOp(4, w, stride=2)
    blur = ca.Conv1DOp(9 - 2, w, padding="full", flip=True)
    fill = zero_insertion(4, 2, size=7)
    assert_same(up.tosparse().toarray(), (blur @ fill).tosparse().toarray())


def test_float32_stays():
    for op in (
        pad(3, 1, dtype="f"),
        zero_insertion(3, 2, dtype="f"),
        crop(3, 1, dtype="f"),
    ):
        assert (op @ np.ones(3, np.float32)).dtype == np.float32


def test_what_is_wrong_is_said():
    with pytest.raises(
        ca.GeometryError,
        match=r"padding \(-2, -1\) leaves nothing of 3 samples on axis 1",
    ):
        pad((4, 3), ((0, 0), (-2, -1)))
    with pytest.raises(
        ca.GeometryError, match="padding 'same' depends on a kernel: give numbers"
    ):
        pad(4, "same")
    with pytest.raises(
        ca.GeometryError, match=r"for one axis is written \(\(1, 2\),\)"
    ):
        pad(4, (1, 2), axes=0)
    with pytest.raises(ca.GeometryError, match=r"^mode 'wrap' is unknown: choose one"):
        pad(4, 1, mode="wrap")
    with pytest.raises(
        ca.GeometryError,
        match="crop takes samples away, got -1: to add samples use pad",
    ):
        crop(4, -1)
    with pytest.raises(
        ca.GeometryError, match="offset 4 is past the 4 samples of axis 0: 0 to 3"
    ):
        decimation(4, 2, offset=4)
    with pytest.raises(
        ca.GeometryError,
        match="size 4 on axis 0 has no room for 3 samples at a distance of 2 from 0 on: at least 5",
    ):
        zero_insertion(3, 2, size=4)
    with pytest.raises(ca.GeometryError, match="step must be at least 1, got 0"):
        decimation(4, 0)
