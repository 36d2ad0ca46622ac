"""The ground floor: axes, links, borders and the specs made of them."""

from dataclasses import FrozenInstanceError
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from convadjoint.errors import GeometryError
from convadjoint.geometry import Axis, Border, ConvSpec, boundary_index
from strategies import MODES, bare_axes, specs, upto

AXES = bare_axes(most=9, taps=5)


def linked(axis):
    """All (output, tap, input) triples, read off the links of an axis."""
    found = set()
    for j in range(axis.k):
        link = axis.link(j)
        outputs = range(axis.q)[link.output]
        inputs = range(axis.n)[link.input]
        assert len(outputs) == len(inputs) == link.count
        found |= {(p, j, m) for p, m in zip(outputs, inputs, strict=True)}
    return found


def check_links(axis, triples):
    """Every link of the axis is one of the definition's, and none is missing."""
    assert linked(axis) == set(triples)


@given(axis=AXES)
def test_links_are_the_definition(axis):
    check_links(axis, oracles.joined(axis, None, None))


@given(axis=AXES)
def test_transposing_exchanges_the_two_sides(axis):
    last = axis.k - 1
    turned = {(m, last - j, p) for p, j, m in oracles.joined(axis, None, None)}
    check_links(axis.transpose(), turned)
    assert axis.transpose().transpose() == axis


@given(axis=AXES, data=st.data())
def test_windows_keep_the_links_inside(axis, data):
    a, c = data.draw(upto(axis.q)) - 1, data.draw(upto(axis.n)) - 1
    b, e = data.draw(upto(axis.q, a + 1)), data.draw(upto(axis.n, c + 1))
    inside = {
        (p - a, j, m - c)
        for p, j, m in oracles.joined(axis, None, None)
        if a <= p < b and c <= m < e
    }
    check_links(axis.window((a, b), (c, e)), inside)


BROKEN_AXES = {
    "flip": {"lo": 2},
    "crop side": {"lo": 0},
    "stride": {"s": 3},
    "dilation": {"d": 2},
    "length": {"q": 3},
}


@pytest.mark.parametrize("broken", BROKEN_AXES)
def test_the_link_tests_can_fail(broken):
    integers = {"n": 6, "q": 4, "k": 3, "s": 2, "lo": 1}
    triples = oracles.joined(Axis(**integers), None, None)
    check_links(Axis(**integers), triples)
    with pytest.raises(AssertionError):
        check_links(Axis(**integers | BROKEN_AXES[broken]), triples)


NUMPY_NAMES = {
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
    "circular": "wrap",
}


@pytest.mark.parametrize("n", range(1, 6))
@pytest.mark.parametrize("mode", MODES)
def test_borders_are_those_of_numpy(mode, n):
    far = 3 * n + 2
    padded = np.pad(np.arange(n), far, mode=NUMPY_NAMES[mode]).tolist()
    assert [boundary_index(mode, i, n) for i in range(-far, n + far)] == padded
    assert [oracles.bounce(mode, i, n) for i in range(-far, n + far)] == padded


def test_zeros_have_no_source():
    found = [boundary_index("zeros", i, 2) for i in range(-2, 4)]
    assert found == [None, None, 0, 1, None, None]


@pytest.mark.parametrize("mode", MODES)
def test_a_border_cuts_into_pieces_that_cover_it(mode):
    for n, length, lo in product(range(1, 5), range(1, 12), range(-6, 9)):
        border = Border(n=n, length=length, lo=lo, mode=mode)
        want = [oracles.bounce(mode, i - lo, n) for i in range(length)]
        assert [border.source(i) for i in range(length)] == want
        pieces = {
            piece.start + i: piece.source + i * piece.step
            for piece in border.pieces()
            for i in range(piece.count)
        }
        assert [pieces[i] for i in range(length)] == want
        assert sum(piece.count for piece in border.pieces()) == length


@pytest.mark.parametrize("large", [2**32, 2**62, 2**70])
def test_large_axes_are_exact(large):
    axis = Axis(n=large, q=large - 2, k=3)
    assert axis.link(2).count == large - 2
    assert axis.link(2).input == slice(2, large, 1)
    assert ConvSpec(axes=(axis,)).nnz == 3 * (large - 2)
    assert ConvSpec(axes=(axis, axis)).nnz == 9 * (large - 2) ** 2
    far = axis.window((large - 5, large - 3), (large - 5, large - 1))
    assert (far.n, far.q, far.lo) == (4, 2, 0)
    up = Axis(n=large, q=2 * large, k=4, t=2, lo=2)
    assert sum(up.link(j).count for j in range(4)) == 4 * large - 2
    assert up.transpose().transpose() == up


@pytest.mark.parametrize("mode", MODES)
def test_large_borders_are_counted_in_closed_form(mode):
    large = 2**40
    border = Border(n=large, length=large + 4, lo=2, mode=mode)
    spec = ConvSpec(axes=(Axis(n=large + 4, q=large, k=5),), extend=(border,))
    lost = {"reflect": 6, "symmetric": 6, "replicate": 6, "circular": 0}
    small = ConvSpec(
        axes=(Axis(n=104, q=100, k=5),),
        extend=(Border(n=100, length=104, lo=2, mode=mode),),
    )
    assert spec.nnz == 5 * large - lost[mode]
    assert small.nnz == 5 * 100 - lost[mode]
    assert spec.transpose().nnz == spec.nnz


@given(spec=specs())
def test_transposing_a_spec_exchanges_its_shapes(spec):
    turned = spec.transpose()
    assert (turned.dims, turned.dimsd) == (spec.dimsd, spec.dims)
    assert turned.transpose() == spec
    assert hash(turned.transpose()) == hash(spec)


def test_geometry_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Axis(n=4, q=2, k=3).n = 5


AXIS = Axis(n=4, q=2, k=3)
BORDER = Border(n=2, length=4, lo=1, mode="reflect")
REFUSED = {
    "n 0": (lambda: Axis(n=0, q=1, k=1), GeometryError, "n of an Axis.*least 1, got 0"),
    "s 0": (lambda: Axis(n=1, q=1, k=1, s=0), GeometryError, "s of an Axis.*got 0"),
    "float": (lambda: Axis(n=2.0, q=1, k=1), TypeError, "integer, got 2.0"),
    "text": (lambda: Axis(n="2", q=1, k=1), TypeError, "integer, got '2'"),
    "groups": (
        lambda: ConvSpec(axes=(AXIS,), c_in=3, c_out=2, groups=2),
        GeometryError,
        "groups 2, 3 channels in, 2 out",
    ),
    "batch": (lambda: ConvSpec(axes=(AXIS,), batch=-1), GeometryError, "batch.*got -1"),
    "mode": (
        lambda: Border(n=2, length=4, lo=1, mode="mirror"),
        GeometryError,
        "'mirror' is unknown: choose one of .*symmetric",
    ),
    "zeros": (
        lambda: Border(n=2, length=4, lo=1, mode="zeros"),
        GeometryError,
        "zeros",
    ),
    "border": (
        lambda: ConvSpec(axes=(Axis(n=5, q=2, k=3),), extend=(BORDER,)),
        GeometryError,
        "axis 0 has length 4, its axis needs 5",
    ),
    "both": (
        lambda: ConvSpec(axes=(Axis(n=4, q=4, k=1),), extend=(BORDER,), fold=(BORDER,)),
        GeometryError,
        "both extended and folded",
    ),
    "window": (lambda: AXIS.window((1, 1), (0, 2)), GeometryError, "rows 1:1"),
    "columns": (lambda: AXIS.window((0, 1), (0, 5)), GeometryError, "columns 0:5"),
    "borders": (
        lambda: ConvSpec(axes=(AXIS,), extend=(BORDER,)).window(((0, 1),), ((0, 1),)),
        GeometryError,
        "window needs zeros outside",
    ),
    "index": (lambda: boundary_index("wrap", 5, 3), GeometryError, "'wrap' is unknown"),
    "empty": (lambda: boundary_index("reflect", 0, 0), GeometryError, "least 1, got 0"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_geometry_is_refused(what):
    make, error, message = REFUSED[what]
    with pytest.raises(error, match=message):
        make()
