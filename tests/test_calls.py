"""Calls of compiled code: what is taken at once, who helps, and what is in the way."""

import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import convadjoint as ca
from checks import assert_same
from convadjoint.engines import calls, frames, squad
from convadjoint.engines.calls import Call
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
    "flat": np.ravel,
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


@pytest.mark.parametrize("brief", [True, False])
def test_a_brief_call_wakes_nobody(brief):
    op, x = blur((700, 600))
    ca.set_num_threads(2)
    for _ in range(3):
        want = op @ x
    call = op._straight.calls[2]
    assert call.threads == 2
    call.words[frames.BRIEF] = brief
    counts = []
    for _ in range(6):
        time.sleep(0.05)
        counts.append(switches())
        assert_same(op @ x, want)
    ca.set_num_threads(None)
    woken = counts[-1] - counts[0]
    assert woken == 0 if brief else woken >= 5


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
