"""Threads of the library: one shared pool, and how many of them work at once."""

import ctypes
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from threading import Lock, RLock, local
from typing import Any, TypeVar

import numpy as np

from convadjoint.engines.helpers import Crew, Errand, settle
from convadjoint.errors import GeometryError
from convadjoint.geometry.checks import integer

__all__ = ["WORKING", "each", "num_threads", "set_num_threads"]

Job = TypeVar("Job")

_VARIABLE = "CONVADJOINT_NUM_THREADS"
_MOST = 1024
# How many threads work at once, for compiled code; 0 if that is to be found out.
WORKING = np.zeros(1, np.int64)
_PLACE = local()


class _Pool:
    """The crew, hired at first use and again in a forked process."""

    def __init__(self) -> None:
        # A signal handler may come back here.
        self.lock = RLock()
        self.threads: int | None = None
        self.crew = Crew()

    def count(self) -> int:
        """Threads that work at once."""
        if self.threads is None:
            self.threads = WORKING[0] = _from_environment()
        return self.threads

    def send(self, work: Callable[[], None], count: int, sent: list[Errand]) -> None:
        """Let up to `count` other threads work; the caller does what none takes."""
        with self.lock:
            self.crew.send(work, min(count, self.count() - 1), sent)

    def resize(self, threads: int | None) -> None:
        """Take another number of threads from now on."""
        crew = Crew()
        with self.lock:
            old, self.crew, self.threads = self.crew, crew, threads
            WORKING[0] = threads or 0
        old.dismiss()


_POOL = _Pool()


def _after_fork() -> None:
    """Threads do not survive a fork: the child starts a pool of its own."""
    _POOL.lock, _POOL.crew = RLock(), Crew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _from_environment() -> int:
    """Number of threads that the environment asks for, or all CPUs it allows."""
    given = os.environ.get(_VARIABLE)
    if not given:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if not given.strip().isdecimal() or not 1 <= int(given) <= _MOST:
        msg = f"{_VARIABLE} must be a whole number from 1 to {_MOST}, got {given!r}"
        raise GeometryError(msg)
    return int(given)


def num_threads() -> int:
    """Return how many threads a product may use."""
    return _POOL.count()


def set_num_threads(threads: int | None) -> None:
    """Set how many threads products use from now on, in the whole process.

    Parameters
    ----------
    threads : int or None
        From 1 to 1024.  None asks the environment variable ``CONVADJOINT_NUM_THREADS``
        again and, without it, takes the CPUs that this process may use.

    Raises
    ------
    GeometryError
        If `threads` is out of range.
    TypeError
        If it is not an integer.

    See Also
    --------
    Conv2DOp : Results have the same bits for any number of threads.

    Examples
    --------
    >>> import convadjoint as ca
    >>> ca.set_num_threads(1)
    >>> ca.set_num_threads(None)
    """
    if threads is not None:
        threads = integer(threads, "threads", least=1)
        if threads > _MOST:
            msg = f"threads must be at most {_MOST}, got {threads}"
            raise GeometryError(msg)
    _POOL.resize(threads)


@cache
def _current_cpu() -> Callable[[], int] | None:
    """The system's call for the CPU that runs the caller, where there is one."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    found: Any = getattr(ctypes.CDLL(None), "sched_getcpu", None)
    return found  # type: ignore[no-any-return]


def _elsewhere() -> frozenset[int]:
    """CPUs that the caller may use, without the one that runs it."""
    current = _current_cpu()
    if current is None:
        return frozenset()
    return frozenset(os.sched_getaffinity(0)) - {current()}


def _move(cpus: frozenset[int]) -> None:
    """Keep this helper on these CPUs.

    Schedulers often wake a thread where its waker runs, and let the two take turns for
    some milliseconds: longer than most products take.
    """
    if cpus and getattr(_PLACE, "cpus", None) != cpus:
        # A CPU may have been taken away meanwhile.
        with suppress(OSError):
            os.sched_setaffinity(0, cpus)
        _PLACE.cpus = cpus


def each(function: Callable[[Job], object], jobs: Iterable[Job]) -> None:
    """Call `function` for every job, on all threads; the caller works too.

    Jobs must be independent of each other, so that their order is free.
    """
    every = list(jobs)
    if num_threads() == 1 or len(every) == 1:
        for job in every:
            function(job)
        return
    waiting = iter(every)
    lock = Lock()

    def work() -> None:
        while True:
            with lock:
                job = next(waiting, _DONE)
            if job is _DONE:
                return
            function(job)  # type: ignore[arg-type]

    cpus = _elsewhere()

    def help_out() -> None:
        _move(cpus)
        work()

    sent: list[Errand] = []
    try:
        _POOL.send(help_out, min(num_threads(), len(every)) - 1, sent)
        work()
    finally:
        # One that has not begun (it serves other products) is not waited for: the caller
        # has done its share.  The others write where the next product would.
        try:
            settle(sent)
        finally:
            settle(sent)


_DONE = object()
