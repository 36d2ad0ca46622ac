"""Operators of a bare geometry, in any layout."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
import oracles
from checks import assert_within, check_directions
from convadjoint.geometry import Axis, ConvSpec, Layout
from convadjoint.operators import SpecOp
from strategies import SEEDS, noise, specs


@st.composite
def sides(draw, lengths):
    """Lengths in some order, and where the canonical axes went.

    A single channel may be left out.
    """
    kept = [0, 1, *range(2, len(lengths))]
    if lengths[1] == 1 and draw(st.booleans()):
        kept.remove(1)
    placed = draw(st.permutations(kept))
    return tuple(lengths[axis] for axis in placed), tuple(map(placed.index, kept))


@st.composite
def layouts(draw, spec):
    """A layout whose two sides have nothing to do with each other."""
    (dims, order), (dimsd, orderd) = draw(sides(spec.dims)), draw(sides(spec.dimsd))
    return Layout(dims=dims, dimsd=dimsd, order=order, orderd=orderd, batch_axes=1)


def numbers(dims, order):
    """Canonical positions in the users' order: entry i is where sample i comes from."""
    canonical = np.arange(np.prod(dims, dtype=int))
    lengths = [dims[axis] for axis in order]
    return canonical.reshape(lengths).transpose(np.argsort(order)).ravel()


def dense_of(spec, kernel, layout):
    """The oracle's matrix, permuted on both sides."""
    bare = oracles.spec_dense(spec, kernel)
    rows, columns = (
        numbers(layout.dimsd, layout.orderd),
        numbers(layout.dims, layout.order),
    )
    picked = np.ix_(rows, columns)
    return oracles.Dense(
        bare.matrix[picked], bare.sizes[picked], layout.dims, layout.dimsd
    )


@given(spec=specs(), data=st.data(), seed=SEEDS, transposed=st.booleans())
def test_any_geometry_in_any_layout_is_an_operator(spec, data, seed, transposed):
    rng = np.random.default_rng(seed)
    kernel = noise(rng, spec.kernel_shape, "complex128")
    layout = data.draw(layouts(spec))
    op = SpecOp(spec, kernel, layout, transposed=transposed)
    dense = dense_of(spec, kernel, layout)
    dense = dense.T if transposed else dense
    check_directions(op, dense, rng, "complex128")
    assert_within(op.tosparse().toarray(), dense.matrix, dense.sizes)
    assert (op * 2j).T.dims == op.dimsd
    twin = pickle.loads(pickle.dumps(op.H))
    assert_within(twin.tosparse().toarray(), dense.H.matrix, dense.H.sizes)
    assert repr(copy.copy(op)) == repr(op)


def test_the_default_is_canonical_order():
    spec = ConvSpec(axes=(Axis(n=5, q=3, k=3),), batch=2, c_in=2, c_out=4, groups=2)
    op = SpecOp(spec, np.ones((4, 1, 3), np.float32))
    assert (op.dims, op.dimsd) == ((2, 2, 5), (2, 4, 3))
    assert op.spec == spec
    assert "channels 2 -> 4 on axis 1 in 2 groups" in repr(op)
    doubled = op.replace(kernel=2 * op.kernel, engine="taps")
    assert doubled.engine == "taps"
    np.testing.assert_array_equal(
        doubled @ np.ones(op.dims), 2 * (op @ np.ones(op.dims))
    )


def test_a_kernel_of_another_shape_is_refused():
    spec = ConvSpec(axes=(Axis(n=5, q=3, k=3),))
    expected = r"kernel has shape \(3,\), the spec takes \(1, 1, 3\)"
    with pytest.raises(ca.GeometryError, match=expected):
        SpecOp(spec, np.ones(3))


def test_axes_may_be_shown_merged():
    spec = ConvSpec(axes=(Axis(n=5, q=3, k=3),), batch=2, c_in=2, c_out=4)
    rng = np.random.default_rng(0)
    kernel = noise(rng, spec.kernel_shape, "complex128")
    order = (0, 1, 2)
    layout = Layout(
        dims=spec.dims,
        dimsd=spec.dimsd,
        order=order,
        orderd=order,
        batch_axes=1,
        shown=(4, 5),
        shownd=(2, 2, 2, 3),
    )
    op = SpecOp(spec, kernel, layout)
    dense = oracles.spec_dense(spec, kernel)._replace(dims=(4, 5), dimsd=(2, 2, 2, 3))
    check_directions(op, dense, rng, "complex128")
    twin = pickle.loads(pickle.dumps(op.T))
    assert (twin.dims, twin.dimsd) == ((2, 2, 2, 3), (4, 5))
    expected = r"shownd \(5,\) of a Layout has other samples than \(2, 4, 3\)"
    with pytest.raises(ca.GeometryError, match=expected):
        replace(layout, shownd=(5,))
