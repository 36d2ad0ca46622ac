"""``convadjoint.frameworks.jax``: what golden cases do not show."""

from typing import NamedTuple

import numpy as np
import pytest

import convadjoint as ca
from checks import assert_same
from refusals import check_text
from strategies import integers, noise

jax = ca.frameworks.jax

ONES = np.ones((4, 2, 3))
DIMS = (1, 2, 5)


class Numbers(NamedTuple):
    """What ``jax.lax.ConvDimensionNumbers`` looks like."""

    lhs_spec: tuple
    rhs_spec: tuple
    out_spec: tuple


def dilated(*args, **words):
    """A call with the most important function."""
    return lambda: jax.conv_general_dilated(*args, **words)


REFUSED = {
    "jax.conv_general_dilated: window_strides must be a list of 1 integers, got 1": (
        dilated(DIMS, ONES, 1, "SAME")
    ),
    "jax.conv_general_dilated: window_strides must be a list of 1 integers, got (1, 1)": (
        dilated(DIMS, ONES, (1, 1), "SAME")
    ),
    "jax.conv_general_dilated: lhs_dilation on spatial axis 0 must be at least 1, got 0": (
        dilated(DIMS, ONES, (1,), [(0, 0)], (0,))
    ),
    "jax.conv_general_dilated: padding 'SAME' is not allowed with lhs_dilation (2,): "
    "give (low, high) pairs": dilated(DIMS, ONES, (1,), "SAME", (2,)),
    "jax.conv_general_dilated: padding 'FULL' is unknown: allowed are 'VALID', 'SAME', "
    "'SAME_LOWER' and (low, high) pairs": dilated(DIMS, ONES, (1,), "FULL"),
    "jax.conv_general_dilated: padding 1 must be a name, or one (low, high) pair for "
    "each of the 1 spatial axes": dilated(DIMS, ONES, (1,), 1),
    "jax.conv_general_dilated: padding before an axis must be an integer, got 0.5 "
    "(float)": dilated(DIMS, ONES, (1,), [(0.5, 1)]),
    "jax.conv_general_dilated: padding (-3, -3) on spatial axis 0 removes more than the "
    "5 samples that are there": dilated(DIMS, ONES, (1,), [(-3, -3)]),
    "jax.conv_general_dilated: feature_group_count 2 and batch_group_count 2 exclude "
    "each other: one of them must be 1": dilated(
        DIMS, ONES, (1,), "SAME", feature_group_count=2, batch_group_count=2
    ),
    "jax.conv_general_dilated: the input (1, 2, 5) has batch 1 and 2 channels: "
    "batch_group_count 2 must divide the batch, and the kernel takes 2 channels": (
        dilated(DIMS, ONES, (1,), "SAME", batch_group_count=2)
    ),
    "jax.conv_general_dilated: dimension_numbers 'NCHW' must have 3 different letters, "
    "among them 'N' and 'C'": dilated(
        DIMS, ONES, (1,), "SAME", dimension_numbers=("NCHW", "OIH", "NCH")
    ),
    "jax.conv_general_dilated: dimension_numbers ['NCH', 'OIH', 'NCW'] must have the "
    "same letters for space": dilated(
        DIMS, ONES, (1,), "SAME", dimension_numbers=("NCH", "OIH", "NCW")
    ),
    "jax.conv_general_dilated: dimension_numbers ('NCH', 'OIH') must be three strings, "
    "as in ('NCHW', 'OIHW', 'NCHW')": dilated(
        DIMS, ONES, (1,), "SAME", dimension_numbers=("NCH", "OIH")
    ),
    "jax.conv_general_dilated: dimension_numbers have (0, 0, 2), which is no order of "
    "the axes": dilated(
        DIMS,
        ONES,
        (1,),
        "SAME",
        dimension_numbers=Numbers((0, 0, 2), (0, 1, 2), (0, 1, 2)),
    ),
    "jax.conv_general_dilated: input (2, 5) and kernel need the same number of axes, two "
    "of them for batch and channels, one or more for space; the kernel has 3": (
        dilated((2, 5), ONES, (1,), "SAME")
    ),
    "jax.conv_transpose: padding 'SAME_LOWER' is not allowed with strides (2,): give "
    "(low, high) pairs, 'SAME' or 'VALID'": (
        lambda: jax.conv_transpose((1, 5, 3), np.ones((3, 3, 2)), (2,), "SAME_LOWER")
    ),
    "jax.convolve: mode 'most' is unknown: allowed are full, same, valid": (
        lambda: jax.convolve((4,), [1.0], "most")
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_say_what_is_wrong(text):
    check_text(REFUSED[text], text)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def same(left, right):
    """Two operators are the same matrix between the same shapes."""
    assert (left.dims, left.dimsd) == (right.dims, right.dimsd)
    assert_same(left.tosparse().toarray(), right.tosparse().toarray())


def test_dimension_numbers_are_letters_or_places(rng):
    w, dims = integers(rng, (3, 2, 4, 2)), (5, 1, 2, 6)
    # Places of batch, channels and the axes of space, in the order of the kernel's.
    places = Numbers((1, 2, 3, 0), (2, 3, 0, 1), (0, 3, 2, 1))
    words = {"window_strides": (1, 2), "padding": [(1, 0), (0, 1)]}
    letters = "WNCH", "HWOI", "NWHC"
    same(
        jax.conv_general_dilated(dims, w, dimension_numbers=letters, **words),
        jax.conv_general_dilated(dims, w, dimension_numbers=places, **words),
    )


def test_the_short_forms_are_the_long_one(rng):
    w = integers(rng, (4, 2, 3))
    whole = jax.conv_general_dilated(DIMS, w, (2,), "SAME")
    same(jax.conv(DIMS, w, (2,), "same"), whole)
    same(jax.conv_with_general_padding(DIMS, w, (2,), "SAME", None, None), whole)
    pads = [(2, -1)]
    general = jax.conv_with_general_padding(DIMS, w, (2,), pads, (3,), (2,))
    same(general, jax.conv_general_dilated(DIMS, w, (2,), pads, (3,), (2,)))


def test_blocks_of_the_batch_meet_their_part_of_the_kernel(rng):
    x, w = noise(rng, (6, 2, 5), "complex128"), noise(rng, (9, 2, 3), "complex128")
    words = {"window_strides": (2,), "padding": "SAME"}
    op = jax.conv_general_dilated(x.shape, w, batch_group_count=3, **words)
    parts = zip(np.split(x, 3), np.split(w, 3), strict=True)
    blocks = [
        jax.conv_general_dilated(part.shape, kernel, **words) @ part
        for part, kernel in parts
    ]
    y = op @ x
    np.testing.assert_allclose(y, np.concatenate(blocks, axis=1))
    z = noise(rng, op.dimsd, "complex128")
    np.testing.assert_allclose(np.vdot(z, y), np.vdot(op.H @ z, x))
    np.testing.assert_allclose(np.sum(z * y), np.sum((op.T @ z) * x))


def test_transposed_kernels_give_the_transpose_of_a_convolution(rng):
    w, dims = integers(rng, (3, 2, 5)), (1, 8, 2)
    numbers = ("NHC", "HIO", "NHC")
    forward = jax.conv_general_dilated(dims, w, (2,), "SAME", dimension_numbers=numbers)
    words = {"strides": (2,), "padding": "SAME"}
    back = jax.conv_transpose(forward.dimsd, w, **words, transpose_kernel=True)
    same(back, forward.T)
    flipped = np.flip(w, 0).swapaxes(1, 2)
    same(jax.conv_transpose(forward.dimsd, flipped, **words), back)


def test_names_in_other_cases_mean_a_convolution(rng):
    w, dims = integers(rng, (3, 2, 5)), (1, 8, 2)
    numbers = ("NHC", "HIO", "NHC")
    plain = jax.conv_general_dilated(dims, w, (1,), "VALID", dimension_numbers=numbers)
    assert plain.dimsd == (1, 6, 5)
    same(jax.conv_transpose(dims, w, (1,), "valid"), plain)
    assert jax.conv_transpose(dims, w, (1,), "VALID").dimsd == (1, 10, 5)


@pytest.mark.parametrize("name", ["conv_general_dilated", "conv_transpose"])
def test_an_empty_output_is_an_operator(name):
    numbers = {"dimension_numbers": ("NCH", "OIH", "NCH")}
    op = getattr(jax, name)((1, 2, 1), np.ones((4, 2, 3)), (1,), [(0, 1)], **numbers)
    assert (op.dims, op.dimsd, op.shape) == ((1, 2, 1), (1, 4, 0), (0, 2))
    assert (op @ np.ones(op.dims)).shape == op.dimsd
    assert_same(op.H @ np.ones(op.dimsd), np.zeros(op.dims))
    assert op.tosparse().nnz == 0


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("sizes", [(5, 3), (3, 5), (4, 4), (4, 2), (1, 3)])
def test_convolve_is_numpys(rng, mode, sizes):
    a, v = (integers(rng, (size,)) for size in sizes)
    assert_same(jax.convolve(a.shape, v, mode) @ a, np.convolve(a, v, mode))
