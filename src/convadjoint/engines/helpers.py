"""Threads that lend a hand: they wait for errands, at next to no cost.

An executor of the standard library does more than is needed here: it takes longer to
wake a thread through one than small products take.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread

__all__ = ["Crew", "Errand"]


class Errand:
    """A call that a helper may take, and that its owner may take back."""

    __slots__ = ("_call", "_done", "_error", "_taken")

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._taken, self._done = Lock(), Lock()
        self._done.acquire()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do it, unless it was taken back."""
        if self._taken.acquire(blocking=False):
            try:
                self._call()
            except BaseException as error:  # noqa: BLE001 - its owner raises it
                self._error = error
            finally:
                self._done.release()

    def settle(self) -> None:
        """Take it back if no helper has begun, else wait for it; raise its error."""
        if self._taken.acquire(blocking=False):
            return
        self._done.acquire()
        if self._error is not None:
            raise self._error


class Crew:
    """Threads that wait for errands until they are dismissed."""

    def __init__(self) -> None:
        self._errands: SimpleQueue[Errand | None] = SimpleQueue()
        self._size = 0

    def send(self, call: Callable[[], None], count: int) -> list[Errand]:
        """Let `count` helpers make a call, who may be fewer if no more start."""
        while self._size < count:
            helper = Thread(
                target=_wait, args=(self._errands,), name="convadjoint", daemon=True
            )
            try:
                helper.start()
            except RuntimeError:  # no more threads, or the interpreter is closing
                break
            self._size += 1
        errands = [Errand(call) for _ in range(min(count, self._size))]
        for errand in errands:
            self._errands.put(errand)
        return errands

    def dismiss(self) -> None:
        """Let the threads end once they have done what was sent."""
        for _ in range(self._size):
            self._errands.put(None)


def _wait(errands: "SimpleQueue[Errand | None]") -> None:
    """What a helper does."""
    while (errand := errands.get()) is not None:
        errand.run()
        # The last errand would keep the arrays of a product alive.
        del errand
