"""Arrays whose axes lie in another order in memory, put into their own."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convadjoint as ca
from checks import assert_same
from convadjoint import engines
from convadjoint.engines import ordering
from strategies import upto

DTYPES = ["float32", "float64", "complex64", "complex128"]
ORDERS = [order for rank in (1, 2, 3, 4) for order in permutations(range(rank))]
LENGTHS = st.sampled_from((1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 70))


@pytest.fixture(params=[True, False], ids=["compiled", "numpy"])
def least(request):
    """Let the smallest arrays be done by compiled code, or none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "_LEAST", 1 if request.param else 10**9)
        patch.setattr(ordering, "_PIECE", 128)
        patch.setattr(ordering, "_WAKING", 500)
        yield


@pytest.mark.usefixtures("least")
@pytest.mark.parametrize("dtype", DTYPES)
@given(
    order=st.sampled_from(ORDERS),
    lengths=st.tuples(LENGTHS, LENGTHS, LENGTHS, upto(3)),
    step=st.sampled_from((1, 1, 1, 2, -1)),
)
def test_samples_keep_their_places(dtype, order, lengths, step):
    shape = tuple(lengths[: len(order)])
    bits = np.random.default_rng(0).integers(0, 2**15, shape).astype(dtype)
    x = bits[..., ::step].transpose(order)
    before, y = x.copy(), engines.ordered(x)
    assert y.flags.c_contiguous
    assert y.dtype == x.dtype
    assert_same(y, before)
    assert_same(x, before)


@pytest.mark.usefixtures("least")
def test_other_memory_is_read_too():
    rng = np.random.default_rng(0)
    shifted = np.frombuffer(rng.bytes(4 * 600 + 1), "f4", offset=1, count=600)
    same = np.broadcast_to(rng.standard_normal((20, 1, 9)), (20, 30, 9))
    for x in (shifted.reshape(20, 30).T, same.T, same.swapaxes(0, 1)):
        y = engines.ordered(x)
        assert y.tobytes() == x.tobytes()


def test_nothing_is_copied_that_is_in_order():
    x = np.ones((3, 4))
    assert engines.ordered(x) is x


@pytest.mark.parametrize("channels", [3, 20])
@pytest.mark.parametrize("copied", [0, 2**26])
@pytest.mark.parametrize("engine", ["auto", "direct", "taps"])
def test_channels_may_lie_last(engine, copied, channels, monkeypatch):
    from convadjoint.engines import guard  # noqa: PLC0415

    monkeypatch.setattr(guard, "_COPIED", copied)
    rng = np.random.default_rng(0)
    kernel = rng.integers(-4, 5, (channels, 1, 3, 3)).astype("f4")
    words = {"groups": channels, "padding": 1, "engine": engine}
    last = ca.Conv2DOp((40, 50, channels), kernel, channel_axis=-1, **words)
    first = ca.Conv2DOp((channels, 40, 50), kernel, **words)
    x = rng.integers(-4, 5, last.dims).astype("f4")
    for one, other in ((last, first), (last.T, first.T)):
        y = one @ x
        assert y.flags.c_contiguous
        assert_same(y, np.moveaxis(other @ np.moveaxis(x, -1, 0), 0, -1))
