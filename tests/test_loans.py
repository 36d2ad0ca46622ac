"""Memory of large results: it is used again, and never while something needs it."""

import gc
import mmap
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import convadjoint as ca
from checks import assert_same
from convadjoint.engines import loans, scratch

if not loans._POSSIBLE:
    pytest.skip("memory is not kept here", allow_module_level=True)

FLOAT = np.dtype(np.float32)
SHAPE = (2900, 2900)  # a little more than 32 MB


@pytest.fixture(autouse=True)
def nothing_is_kept():
    """Begin and end without memory of others."""
    loans._KEPT.clear()
    yield
    loans._KEPT.clear()


def place(array):
    return array.__array_interface__["data"][0]


def test_memory_comes_back():
    y = loans.lent(SHAPE, FLOAT)
    before = place(y)
    assert y.shape == SHAPE
    assert y.dtype == FLOAT
    assert y.flags.carray
    assert type(y) is np.ndarray
    del y
    # Fewer samples that need as many large pages.
    y = loans.lent((SHAPE[0], SHAPE[1] - 1), FLOAT)
    assert place(y) == before
    assert not loans._KEPT


PARTS = {
    "rows": lambda y: y[5:7],
    "turned": np.transpose,
    "bytes": lambda y: y.view("u1"),
    "flat": np.ravel,
    "a buffer": memoryview,
}


@pytest.mark.parametrize("name", PARTS)
def test_what_somebody_sees_is_not_used_again(name):
    y = loans.lent(SHAPE, FLOAT)
    y[...] = 7
    seen = PARTS[name](y)
    before = place(y)
    del y
    assert not loans._KEPT
    other = loans.lent(SHAPE, FLOAT)
    other[...] = 8
    assert place(other) != before
    assert np.array(seen).reshape(-1).view("f4")[0] == 7
    del seen
    assert len(loans._KEPT) == 1


def test_parts_of_the_memory_itself_do_not_give_it_back():
    y = loans.lent(SHAPE, FLOAT)
    part = y.base[:5]
    del part
    gc.collect()
    assert not loans._KEPT
    whole = y.base
    del y
    assert not loans._KEPT
    del whole
    assert len(loans._KEPT) == 1


def test_little_is_kept():
    several = [loans.lent(SHAPE, FLOAT) for _ in range(5)]
    assert len({place(one) for one in several}) == 5
    del several
    assert len(loans._KEPT) == loans._COUNT
    loans.lent((2**28 + 1,), np.dtype(np.uint8))
    assert all(len(memory) < 2**28 for memory in loans._KEPT)


def test_the_system_may_take_what_is_kept():
    y = loans.lent(SHAPE, FLOAT)
    y[...] = 1
    del y
    text = Path("/proc/self/smaps").read_text()
    free = sum(
        int(line.split()[1])
        for line in text.splitlines()
        if line.startswith("LazyFree")
    )
    assert free * 1024 >= 4 * SHAPE[0] * SHAPE[1]


def test_there_may_be_no_memory():
    assert loans.lent((2**60,), FLOAT) is None
    with pytest.raises(MemoryError):
        scratch.fresh((2**60,), FLOAT)


def test_what_is_kept_is_given_up_where_memory_is_short(monkeypatch):
    asked = []

    def failing(*given, **words):
        asked.append(len(loans._KEPT))
        if len(asked) == 1:
            raise OSError
        return mmap.mmap(*given, **words)

    y = loans.lent(SHAPE, FLOAT)
    del y
    replaced = SimpleNamespace(**{name: getattr(mmap, name) for name in dir(mmap)})
    replaced.mmap = failing
    monkeypatch.setattr(loans, "mmap", replaced)
    memory = loans._new(2**26)
    monkeypatch.undo()
    assert isinstance(memory, mmap.mmap)
    assert asked == [1, 0]


def test_forked_processes_have_memory_of_their_own():
    y = loans.lent(SHAPE, FLOAT)
    y[...] = 1
    child = os.fork()
    if child == 0:
        y[...] = 2
        os._exit(0)
    os.waitpid(child, 0)
    assert (y == 1).all()


def test_many_threads_never_share_memory():
    wrong = []

    def work(number):
        for turn in range(20):
            y = loans.lent(SHAPE, FLOAT)
            y[::97, ::89] = 100 * number + turn
            if (y[::97, ::89] != 100 * number + turn).any():
                wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_large_results_are_right_in_used_memory():
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, SHAPE).astype("f4")
    op = ca.Conv2DOp(SHAPE, np.array([[1, 2, 0], [0, 3, -1]], "f4"), padding="same")
    want = op @ x
    kept = want.copy()
    places = set()
    for turn in range(6):
        y = (op.T if turn % 2 else op) @ x
        if not turn % 2:
            assert_same(y, kept)
        places.add(place(y))
        del y
    assert_same(want, kept)
    assert len(places) <= 3


def test_results_that_are_written_in_part_begin_with_zeros():
    y = loans.lent(SHAPE, FLOAT)
    y[...] = 5
    del y
    assert not scratch.fresh(SHAPE, FLOAT, written=False).any()
    assert len(loans._KEPT) == 1
