"""Calls of compiled code: what is taken at once, who helps, and what is in the way."""

import os
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pylops
import pytest

pytest.importorskip("llvmlite")

from llvmlite import ir

import convadjoint as ca
from checks import assert_same
from convadjoint.engines import calls, frames, primitives, squad
from convadjoint.engines.calls import Call
from convadjoint.engines.kinds import INDEX, External
from strategies import integers

if sys.platform != "linux":
    pytest.skip("helpers wait on Linux only", allow_module_level=True)


def blur(dims=(40, 30), dtype="float32"):
    """An operator of whole numbers, and an image."""
    rng = np.random.default_rng(0)
    kernel = 1 + np.abs(integers(rng, (3, 3))).astype(dtype)
    op = ca.Conv2DOp(dims, kernel, padding="same", engine="direct")
    return op, integers(rng, op.dims).astype(dtype)


@pytest.fixture
def shortest():
    """An operator, an image, their product, and the function that makes it."""
    op, x = blur()
    for _ in range(3):
        want = op @ x
    assert_same(want, (op.tosparse() @ x.ravel()).reshape(op.dimsd))
    yield op, x, want, op._shortest
    ca.set_num_threads(None)


def test_what_fits_is_taken_at_once(shortest):
    op, x, want, made = shortest
    y = made(x)
    assert type(y) is np.ndarray
    assert_same(y, want)
    assert y.flags.owndata
    assert y.flags.writeable
    before = op.matvec_count
    assert_same(op @ x, want)
    assert op.matvec_count == before + 1


class Image(np.ndarray):
    """An array of another kind."""


OTHERS = {
    "another precision": lambda x: x.astype("f8"),
    "another byte order": lambda x: x.astype(">f4"),
    "whole numbers": lambda x: x.astype("i4"),
    "a part": lambda x: x[:-1],
    "turned": lambda x: x.T,
    "another axis": lambda x: x[None],
    "flat, and another axis": lambda x: x.reshape(-1, 1),
    "in another order": np.asfortranarray,
    "reversed": lambda x: x[::-1],
    "with gaps": lambda x: np.stack((x, x), -1)[..., 0],
    "another kind": lambda x: x.view(Image),
    "a list": np.ndarray.tolist,
    "beside its place": lambda x: np.frombuffer(
        b"." + x.tobytes(), "f4", x.size, 1
    ).reshape(x.shape),
    "a sample": lambda x: x[0, 0],
    "nothing": lambda _: None,
    "a number": lambda _: 3,
    "a word": lambda _: "image",
    "a type": lambda _: np.ndarray,
}


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_is(shortest, name):
    _, x, _, made = shortest
    assert made(OTHERS[name](x)) is None


def test_as_many_arguments_as_there_are_arrays(shortest):
    _, x, _, made = shortest
    assert made() is None
    assert made(x, x) is None


def test_another_number_of_threads_is_another_call(shortest):
    op, x, want, made = shortest
    for threads in (1, 3, None):
        ca.set_num_threads(threads)
        # The number of the environment is not known before somebody asks.
        assert threads == made.__self__[frames.THREADS] or made(x) is None
        assert_same(op @ x, want)
        assert_same(op @ x, want)


def test_products_do_not_leak(shortest):
    op, x, _, made = shortest
    objects = None, op, x, x.dtype, made.__self__.kept[0]
    before = list(map(sys.getrefcount, objects))
    for _ in range(2000):
        op @ x
        assert made(3) is None
    after = list(map(sys.getrefcount, objects))
    assert all(abs(a - b) < 1000 for a, b in zip(after, before, strict=True))
    y, new = op @ x, np.empty_like(x)
    assert sys.getrefcount(y) == sys.getrefcount(new)


def test_a_function_holds_what_it_needs():
    op, x = blur()
    for _ in range(3):
        want = op @ x
    made = op._shortest
    del op
    assert len([other @ x for other, x in (blur() for _ in range(20))]) == 20
    assert_same(made(x), want)


def test_callers_wait_for_a_seat(shortest):
    op, x, want, _ = shortest
    states = squad.SQUAD.seats[:, frames.STATE]
    assert (states == frames.FREE).all()
    found = []
    states[:] = 1
    try:
        caller = threading.Thread(target=lambda: found.append(op @ x))
        caller.start()
        time.sleep(0.05)
        assert not found
    finally:
        states[:] = frames.FREE
    caller.join()
    assert_same(found[0], want)


def test_many_callers_have_a_seat_each():
    op, x = blur((300, 200))
    want = op @ x
    found = []

    def work():
        found.extend(op @ x for _ in range(5))

    callers = [threading.Thread(target=work) for _ in range(2 * frames.SEATED)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == 5 * len(callers)
    for y in found:
        assert_same(y, want)
    assert (squad.SQUAD.seats[:, frames.STATE] == frames.FREE).all()


def test_too_little_memory_is_an_error(shortest):
    op, x, want, _ = shortest
    (call,) = {id(call): call for call in op._straight.calls.values()}.values()
    nbytes = call.words[frames.BYTES].copy()
    call.words[frames.BYTES] = 2**60
    try:
        text = (
            f"a thread needs {2**60 + call.words[frames.BYTES + 1]} bytes for its part"
        )
        with pytest.raises(MemoryError, match=text):
            op @ x
    finally:
        call.words[frames.BYTES] = nbytes
    assert (squad.SQUAD.seats[:, frames.STATE] == frames.FREE).all()
    assert_same(op @ x, want)


def test_products_need_no_helpers_that_do_not_come(monkeypatch):
    def start(_):
        message = "can't start new thread"
        raise RuntimeError(message)

    op, x = blur((700, 600))
    alone = squad._Squad()
    monkeypatch.setattr(calls, "SQUAD", alone)
    monkeypatch.setattr(squad.Thread, "start", start)
    ca.set_num_threads(3)
    want = (op.tosparse() @ x.ravel()).reshape(op.dimsd)
    for _ in range(3):
        assert_same(op @ x, want)
    assert op._shortest is not None
    assert not alone.helpers
    assert alone.wanted == 2
    ca.set_num_threads(None)


def switches():
    """How often the helpers have gone to sleep, by now."""
    lines = [
        Path(f"/proc/self/task/{helper[frames.THREAD]}/status").read_text().splitlines()
        for helper in squad.SQUAD.helpers
    ]
    return sum(
        int(line.split()[1])
        for status in lines
        for line in status
        if line.startswith("voluntary")
    )


def until(condition):
    """Wait until something holds; a machine may be busy."""
    for _ in range(2000):
        if condition():
            return True
        time.sleep(0.005)
    return False


@pytest.fixture
def pair():
    """An operator of two threads, an image, and the call of their product."""
    op, x = blur((700, 600))
    ca.set_num_threads(2)
    for _ in range(3):
        op @ x
    call = op._straight.calls[2]
    assert call.threads == 2
    yield op, x, call
    ca.set_num_threads(None)


def all_asleep():
    time.sleep(0.01)
    return all(helper[frames.ASLEEP] for helper in squad.SQUAD.helpers)


@pytest.mark.parametrize("brief", [True, False])
def test_a_brief_call_wakes_nobody(pair, brief):
    op, x, call = pair
    call.words[frames.BRIEF] = brief
    assert until(all_asleep)
    before = switches()
    op @ x
    if brief:
        time.sleep(0.05)
        assert switches() == before
    else:
        assert until(lambda: switches() > before)


def test_brief_calls_in_a_row_wake_helpers(pair):
    op, x, call = pair
    call.words[frames.BRIEF] = True

    def woken():
        assert until(all_asleep)
        before = switches()
        for _ in range(20):
            op @ x
        return until(all_asleep) and switches() > before

    assert any(woken() for _ in range(20))


def test_callers_wait_for_those_who_help(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVADJOINT_CACHE_DIR", str(tmp_path))
    myself = External("pthread_self", ir.FunctionType(INDEX, []))
    pause = External("usleep", ir.FunctionType(ir.IntType(32), [ir.IntType(32)]))

    @primitives.entry("patience", INDEX, INDEX)
    def work(call, mine):
        words = primitives.moved(primitives.words_at(call), frames.GIVEN)
        if myself() == words[1]:
            while words[2] == 0:
                pause(100)
        else:
            words[2] = 1
            pause(50_000)
            primitives.words_at(words[0])[0] = 7

    made = Call.of(
        work.address, (0, 0, 0), (None,), (threading.get_ident(), 0), threads=2
    )
    for _ in range(5):
        found = np.zeros(1, np.int64)
        made.make(found)
        assert found[0] == 7


def test_a_helper_without_a_number_is_not_moved(pair):
    op, x, _ = pair
    helper = squad.SQUAD.helpers[0]
    number, cpus = helper[frames.THREAD], os.sched_getaffinity(0)
    helper[frames.THREAD] = 0
    helper[frames.CPUS] = 0
    try:
        for _ in range(3):
            op @ x
        assert os.sched_getaffinity(0) == cpus
    finally:
        helper[frames.THREAD] = number


def test_a_handler_may_multiply_while_a_helper_is_being_started(monkeypatch):
    mine = squad._Squad()
    monkeypatch.setattr(calls, "SQUAD", mine)
    (first, x), (other, _) = blur((700, 600)), blur((700, 600))
    ca.set_num_threads(2)
    start, found = mine._start, []

    def interrupted():
        mine._start = start
        found.append(other @ x)
        return start()

    monkeypatch.setattr(mine, "_start", interrupted)
    done = threading.Thread(target=lambda: found.append(first @ x), daemon=True)
    done.start()
    done.join(timeout=60)
    ca.set_num_threads(None)
    assert len(found) == 2
    assert_same(*found)


def test_a_result_without_a_seat_is_forgotten(shortest):
    _, x, _, made = shortest
    states = squad.SQUAD.seats[:, frames.STATE]
    states[:] = 1
    try:
        tracemalloc.start()
        for _ in range(100):
            assert made(x) is None
        assert tracemalloc.get_traced_memory()[0] < 50 * x.nbytes
    finally:
        tracemalloc.stop()
        states[:] = frames.FREE


def test_products_keep_their_call(shortest):
    op, _, _, made = shortest
    assert made.__self__.kept[0] in op._straight.calls.values()


def test_arrays_are_no_images_where_pylops_does_not_multiply_them(shortest):
    op, x, want, _ = shortest
    pylops.set_ndarray_multiplication(False)
    try:
        assert_same((op @ x.ravel()).reshape(op.dimsd), want)
        with pytest.raises(ValueError, match="ndarray multiplication"):
            op @ x
    finally:
        pylops.set_ndarray_multiplication(True)


def test_flat_images_take_the_same_way(shortest):
    op, x, want, made = shortest
    flat = x.ravel()
    for y in (made(flat), op @ flat, op.matvec(flat), op.rmatvec(flat)):
        assert y.shape == (op.shape[0],)
    assert_same(made(flat).reshape(op.dimsd), want)
    assert_same(op.matvec(flat).reshape(op.dimsd), want)
    back = op.tosparse().T @ flat
    for _ in range(4):
        assert_same(op.rmatvec(flat), back)
    assert op.H._shortest is not None
    before = op.matvec_count, op.rmatvec_count
    op.matvec(flat), op.rmatvec(flat), op @ flat
    assert (op.matvec_count, op.rmatvec_count) == (before[0] + 2, before[1] + 1)
    assert made(flat[:-1]) is None


def test_relatives_are_made_once():
    op, x = blur()
    assert op.H is op.H
    assert op.T is op.T
    assert op.conj() is op.conj()
    assert op.H is not op.T
    assert_same(op.H @ x, op.T @ x)


OPERATORS = {
    "colours last": ((40, 30, 3), (3, 3, 3, 3), {"channel_axis": -1}),
    "double": ((40, 30), (3, 3), {"precision": "double"}),
    "a disk": ((40, 70), (9, 9), {"engine": "direct"}),
    "a batch last": ((40, 30, 2), (3, 3), {"axes": (0, 1)}),
    # A tap of zero that is multiplied, and meets the sample that is none.
    "in steps": ((40, 200), (3, 3), {"engine": "direct", "stride": 2, "padding": 1}),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_all_products_are_as_the_first_one(name):
    dims, shape, words = OPERATORS[name]
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal(shape).astype("f4")
    if name == "a disk":
        rows, samples = np.indices(shape) - 4
        kernel[rows**2 + samples**2 > 16] = 0
    if name == "in steps":
        kernel[1, 0] = 0
    op = ca.Conv2DOp(dims, kernel, **({"padding": "same"} | words))
    x = rng.standard_normal(op.dims).astype("f4")
    x[20, 15] = np.nan
    first = op @ x
    assert np.isnan(first).any()
    for _ in range(4):
        np.testing.assert_array_equal(op @ x, first)
        np.testing.assert_array_equal((op @ x.ravel()).reshape(op.dimsd), first)


def test_forked_processes_take_the_seats_of_threads_that_are_gone(shortest):
    op, x, want, _ = shortest
    squad.SQUAD.seats[0, frames.STATE] = 1
    try:
        child = os.fork()
        if child == 0:
            free = (squad.SQUAD.seats[:, frames.STATE] == frames.FREE).all()
            same = all((op @ x == want).all() for _ in range(3))
            os._exit(0 if free and same and not squad.SQUAD.helpers else 1)
    finally:
        squad.SQUAD.seats[0, frames.STATE] = frames.FREE
    assert os.waitpid(child, 0)[1] == 0


def test_arrays_that_numpy_lays_out_differently_are_left_alone(monkeypatch):
    op, x = blur()
    monkeypatch.setattr(calls, "LYING", 0x4000)
    for _ in range(3):
        want = op @ x
    assert op._shortest is None
    assert_same(want, (op.tosparse() @ x.ravel()).reshape(op.dimsd))


def test_the_last_word_is_what_a_call_returns():
    op, x = blur()
    op @ x
    op @ x
    (call,) = {id(call): call for call in op._straight.calls.values()}.values()
    assert isinstance(call, Call)
    assert call.make(x, np.empty_like(x)) > 0
