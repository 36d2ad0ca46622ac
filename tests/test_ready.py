"""The first, the second and every later product are the same, whatever a product takes."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import convadjoint as ca
from checks import assert_same
from convadjoint import engines
from convadjoint.engines.calls import Call
from strategies import integers

# Dims, shape of the kernel, words; whether C and its transpose are a single call.
CASES = {
    "image": ((9, 11), (3, 3), {"padding": "same"}, (True, True)),
    "folded": (
        (9, 11),
        (3, 3),
        {"padding": "same", "padding_mode": "circular"},
        (True, False),
    ),
    "with gaps": ((9, 11), (1, 1), {"stride": 3}, (True, False)),
    "layer": ((2, 3, 8, 8), (4, 3, 3, 3), {}, (True, True)),
    "mixing": ((3, 8, 8), (4, 3, 1, 1), {}, (True, True)),
    "depthwise": ((2, 20, 9, 9), (20, 1, 3, 3), {"groups": 20}, (True, True)),
    "folded depthwise": (
        (20, 9, 9),
        (20, 1, 3, 3),
        {"groups": 20, "padding": "same", "padding_mode": "reflect"},
        (True, False),
    ),
    "wide depthwise": ((16, 5, 130), (16, 1, 3, 3), {"groups": 16}, (True, True)),
}


@pytest.fixture(autouse=True)
def threads():
    """Leave the number of threads as it was."""
    yield
    ca.set_num_threads(None)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("name", CASES)
def test_later_products_are_those_of_the_matrix(name, dtype):
    dims, shape, words, single = CASES[name]
    rng = np.random.default_rng(0)
    kernel = integers(rng, shape, dtype)
    # A weight of zero may meet a sample that is not finite: somebody has to look.
    kernel[kernel == 0] = 1
    op = ca.Conv2DOp(dims, kernel, engine="direct", **words)
    matrix = op.tosparse()
    for one, dense, alone in zip((op, op.T), (matrix, matrix.T), single, strict=True):
        for number in range(6):
            ca.set_num_threads(1 + number % 2)
            x = integers(rng, one.dims, dtype)
            assert_same(one @ x, (dense @ x.reshape(-1)).reshape(one.dimsd))
        calls = one._straight.calls
        assert set(calls) == {1, 2}
        # Complex samples are taken apart before.
        wanted = alone and dtype == "float32"
        assert all(isinstance(call, Call) == wanted for call in calls.values())


def test_results_are_new_arrays():
    op = ca.Conv2DOp((9, 11), np.ones((3, 3)), engine="direct")
    x = np.ones(op.dims)
    found = [op @ x for _ in range(4)]
    assert len({one.ctypes.data for one in found}) == 4
    found[0][:] = 0
    assert all((one == 9).all() for one in found[1:])


def test_other_engines_have_no_call():
    spec = ca.Conv2DOp((9, 11), np.ones((3, 3))).spec
    plan = engines.plan("fft", spec, np.ones(spec.kernel_shape)).inner
    assert engines.ready(plan, np.ones(spec.dims)) is None
