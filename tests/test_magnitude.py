"""The one look at data that all guards share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
from convadjoint.engines import magnitude

RNG = np.random.default_rng(3)


@pytest.fixture(scope="module", autouse=True)
def small():
    """Let every signal be of some pieces, for two threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(magnitude, "_PIECE", 7)
        patch.setattr(magnitude, "_WAKING", 0)
        ca.set_num_threads(2)
        yield
    ca.set_num_threads(None)


@given(
    shape=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    dtype=st.sampled_from(("f4", "f8", "c8", "c16")),
    seed=st.integers(0, 2**32 - 1),
    layout=st.sampled_from("CF"),
)
def test_the_largest_part_of_each_signal_is_found(shape, dtype, seed, layout):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    x = np.asarray(x if dtype[0] == "c" else x.real, dtype, order=layout)
    found = magnitude.largest(x)
    assert found.dtype == x.real.dtype
    for one, signal in zip(found, x, strict=True):
        parts = np.concatenate((signal.real.ravel(), signal.imag.ravel(), [0]))
        assert one == np.abs(parts).max()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_is_not_finite_is_never_hidden(bad, dtype, order):
    for place in range(30):
        x = RNG.standard_normal((3, 30)).astype(dtype)
        x.real[1, place] = bad
        x.real[1, (place + 1) % 30] = np.finfo("f4").max
        x = np.asarray(x, order=order)
        x.flags.writeable = False
        assert np.isfinite(magnitude.largest(x)).tolist() == [True, False, True]
