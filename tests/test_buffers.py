"""What a thread's buffers held before: it has no part in a product."""

import ctypes

import numpy as np
import pytest
from hypothesis import given

import convadjoint as ca
from checks import assert_same
from convadjoint import engines
from convadjoint.engines import scratch
from convadjoint.errors import EngineRefusal
from fences import buffers
from strategies import ENGINES, SEEDS, integers, noise, specs

BLURS = {
    "two by two": ((57, 64), np.ones((2, 2))),
    "two by three": ((9, 30), np.ones((2, 3))),
    "with gaps": ((57, 64), np.outer([1, 0, 1], [1, 2, 1])),
    "seven by seven": ((60, 70), np.arange(49.0).reshape(7, 7)),
    "rows": ((70, 300), np.ones((1, 31))),
    "layer": ((3, 40, 41), np.arange(54.0).reshape(2, 3, 3, 3)),
    "volume": ((9, 10, 33), np.arange(27.0).reshape(3, 3, 3)),
    "halves": ((2, 40, 41), np.arange(36.0).reshape(2, 2, 3, 3) % 5),
}


@pytest.fixture
def alone():
    """Let this thread do all the work."""
    ca.set_num_threads(1)
    yield
    ca.set_num_threads(None)


def spoil():
    """Let nothing but NaN be in the buffers of those who work alone."""
    for _, buffer, nbytes in buffers():
        ctypes.memset(buffer, 255, nbytes)
    for array in vars(scratch._BUFFERS).values():
        array[:] = np.nan


def operator(name, engine, dtype):
    """One of the blurs; None if the engine refuses it."""
    dims, kernel = BLURS[name]
    kind = ca.Conv3DOp if name == "volume" else ca.Conv2DOp
    words = {"stride": 2} if name == "halves" else {"padding": "same"}
    try:
        return kind(dims, kernel.astype(dtype), engine=engine, **words)
    except EngineRefusal:
        return None


SUITED = [
    (name, engine)
    for name in BLURS
    for engine in (*ENGINES, "separable", "winograd")
    if operator(name, engine, "float64") is not None
]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "engine"), SUITED)
def test_products_do_not_see_them(name, engine, dtype):
    op = operator(name, engine, dtype)
    for one in (op, op.T):
        x = noise(np.random.default_rng(0), one.dims, dtype)
        y = one @ x
        spoil()
        assert_same(one @ x, y)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("engine", ENGINES)
@given(spec=specs(), seed=SEEDS)
def test_plans_do_not_see_them(engine, spec, seed):
    rng = np.random.default_rng(seed)
    kernel, x = integers(rng, spec.kernel_shape), integers(rng, spec.dims)
    plan = engines.plan(engine, spec, kernel)
    y = plan.apply(x)
    spoil()
    assert_same(plan.apply(x), y)
    assert_same(engines.plan(engine, spec, kernel).apply(x), y)
