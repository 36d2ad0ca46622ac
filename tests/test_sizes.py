"""Lengths of convolutions and of their transposes, against brute force."""

from itertools import product

import pytest

import oracles
from convadjoint.errors import GeometryError
from convadjoint.geometry import (
    conv_output_size,
    conv_transpose_output_size,
    legal_output_sizes,
)

PADDINGS = [0, 1, 3, -1, ((2, 0),), ((0, 3),), ((-1, 2),), ((2, -3),)]
PADDINGS += ["valid", "full", "same", "same_lower"]
RULES = list(product(range(1, 5), range(1, 5), range(1, 4), PADDINGS))
LONGEST = 60


def counted(n, k, s, d, padding):
    """Windows that fit into one axis, counted one after another."""
    if padding in oracles.SAME:
        return len(range(0, n, s))
    flat = padding[0] if isinstance(padding, tuple) else padding
    lo, hi = oracles.ends(flat, (k - 1) * d + 1)
    return sum(p * s - lo + (k - 1) * d < n + hi for p in range(LONGEST + 5))


def keywords(s, d, padding):
    """The rule in the library's words."""
    return {"stride": s, "dilation": d, "padding": padding}


def only(answer):
    """The answer for the one axis there is: itself, or alone in a tuple."""
    (value,) = answer if isinstance(answer, tuple) else (answer,)
    return value


@pytest.mark.parametrize(("k", "s", "d", "padding"), RULES)
def test_lengths_are_those_counted(k, s, d, padding):
    windows = {n: counted(n, k, s, d, padding) for n in range(1, 30)}
    fitting = {n: count for n, count in windows.items() if count}
    rule = keywords(s, d, padding)
    got = {n: only(conv_output_size(n, k, **rule)) for n in fitting}
    assert got == fitting
    for n in windows.keys() - fitting.keys():
        with pytest.raises(GeometryError, match="kernel spans"):
            conv_output_size(n, k, **rule)


@pytest.mark.parametrize(("k", "s", "d", "padding"), RULES)
def test_the_legal_lengths_are_exactly_those_that_convolve_back(k, s, d, padding):
    every = range(1, LONGEST)
    for q in range(1, 5):
        legal = only(legal_output_sizes(q, k, **keywords(s, d, padding)))
        assert isinstance(legal, range)
        assert list(legal) == [n for n in every if counted(n, k, s, d, padding) == q]


def usual(q, k, s, d, padding, extra):
    """Length of the transposed convolution; a pair stands in a tuple of its own."""
    flat = padding[0] if isinstance(padding, tuple) else padding
    return oracles.restored(
        q, k, stride=s, dilation=d, padding=flat, output_padding=extra
    )


def asked(k, s, d, padding):
    """Every way to ask for a length, with the length that is meant."""
    extras = [0] if isinstance(padding, str) else range(s)
    ways = product(range(1, 5), extras)
    return {(q, extra): usual(q, k, s, d, padding, extra) for q, extra in ways}


@pytest.mark.parametrize(("k", "s", "d", "padding"), RULES)
def test_transposed_lengths_convolve_back_or_are_refused(k, s, d, padding):
    rule = keywords(s, d, padding)
    wanted = asked(k, s, d, padding)
    possible = {way: n for way, n in wanted.items() if n >= 1}
    got = {
        (q, extra): only(conv_transpose_output_size(q, k, output_padding=extra, **rule))
        for q, extra in possible
    }
    assert got == possible
    back = {way: only(conv_output_size(n, k, **rule)) for way, n in got.items()}
    assert back == {(q, extra): q for q, extra in possible}
    for q, extra in wanted.keys() - possible.keys():
        with pytest.raises(GeometryError, match="out of reach"):
            conv_transpose_output_size(q, k, output_padding=extra, **rule)


def test_one_argument_per_axis_makes_all_answers_tuples():
    rule = {"stride": (2, 1), "padding": ((1, 0), (2, 2)), "dilation": 1}
    assert conv_output_size((5, 6), 3, **rule) == (2, 8)
    assert conv_transpose_output_size((2, 8), 3, **rule) == (4, 6)
    assert legal_output_sizes((2, 8), 3, **rule) == (range(4, 6), range(6, 7))
    assert conv_output_size(5, (3,), stride=2) == (2,)


@pytest.mark.parametrize("large", [2**31, 2**32, 2**53 + 1, 2**62, 2**70])
def test_large_lengths_are_exact(large):
    assert conv_output_size(large, 3) == large - 2
    assert conv_output_size(large, 3, stride=2, padding="same") == -(-large // 2)
    assert conv_transpose_output_size(large, 4, stride=2, padding=1) == 2 * large
    assert legal_output_sizes(large, 1, stride=large).start == (large - 1) * large + 1


def test_the_worked_examples():
    same = {"stride": 2, "padding": "same"}
    assert list(legal_output_sizes(3, 2, **same)) == [5, 6]
    assert list(legal_output_sizes(3, 3, stride=2, padding=1)) == [5, 6]
    assert conv_transpose_output_size(3, 3, stride=2, padding=1) == 5
    assert conv_transpose_output_size(256, 4, stride=2, padding=1) == 512
    assert conv_output_size((2, 7, 7), 2, **same) == (1, 4, 4)


def test_the_lengths_tests_can_fail():
    rounded_up = -(-(6 - 3) // 2) + 1
    assert counted(6, 3, 2, 1, 0) != rounded_up
    assert conv_output_size(6, 3, stride=2) != rounded_up
    assert list(legal_output_sizes(3, 3, stride=2)) != [6, 7, 8]


REFUSED = {
    "stride 0": ({"stride": 0}, GeometryError, "stride must be at least 1, got 0"),
    "stride -1": ({"stride": -1}, GeometryError, "stride must be at least 1, got -1"),
    "stride 1.5": ({"stride": 1.5}, TypeError, "stride must be an integer, got 1.5"),
    "dilation 0": ({"dilation": 0}, GeometryError, "dilation must be at least 1"),
    "strides": (
        {"stride": (1, 2), "dilation": (1, 1, 1)},
        GeometryError,
        "dilation has 3 entries for 2 spatial axes",
    ),
    "pads": (
        {"stride": (1,), "padding": (1, 2)},
        GeometryError,
        r"written \(\(1, 2\),\)",
    ),
    "name": ({"padding": "sane"}, GeometryError, "'sane' is unknown.*same_lower"),
    "None": ({"padding": None}, TypeError, "padding"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_length_rule_is_refused(what):
    options, error, message = REFUSED[what]
    with pytest.raises(error, match=message):
        conv_output_size(9, 3, **options)


def test_output_padding_beyond_the_stride_names_the_legal_lengths():
    with pytest.raises(GeometryError, match=r"output_padding 2.* 5 to 6"):
        conv_transpose_output_size(3, 3, stride=2, padding=1, output_padding=2)
    with pytest.raises(GeometryError, match=r"'same'.*output_size"):
        conv_transpose_output_size(3, 3, stride=2, padding="same", output_padding=1)
