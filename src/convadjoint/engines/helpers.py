"""Threads that lend a hand: they wait for errands, at next to no cost.

An executor of the standard library does more than is needed here: it takes longer to
wake a thread through one than small products take.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread

__all__ = ["Crew", "Errand", "settle"]


class Errand:
    """A call that a helper may take, unless its owner has called it off before."""

    __slots__ = ("_begun", "_call", "_done", "_ended", "_off", "error")

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._begun = self._off = self._ended = False
        self._done = Lock()
        self._done.acquire()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Do it, unless it was called off."""
        self._begun = True
        try:
            if not self._off:
                self._call()
        except BaseException as error:  # noqa: BLE001 - its owner raises it
            self.error = error
        finally:
            self._ended = True
            self._done.release()

    def wait(self) -> None:
        """Call it off if no helper has begun, else wait for the end.

        Whoever is interrupted here may come back.
        """
        self._off = True
        while self._begun and not self._ended:
            self._done.acquire(timeout=1)


def settle(errands: list[Errand]) -> None:
    """Wait for all that have begun, whatever happens meanwhile; raise the first error."""
    caught: BaseException | None = None
    while True:
        try:
            for errand in errands:
                errand.wait()
            break
        except BaseException as error:  # noqa: BLE001 - raised when all are done
            caught = caught or error
    for found in (caught, *(errand.error for errand in errands)):
        if found is not None:
            raise found


class Crew:
    """Threads that wait for errands until they are dismissed."""

    def __init__(self) -> None:
        self._errands: SimpleQueue[Errand | None] = SimpleQueue()
        self._size = 0

    def send(self, call: Callable[[], None], count: int, sent: list[Errand]) -> None:
        """Let `count` helpers make a call, or fewer if no more start.

        Errands are in the list `sent` before anybody can take them.
        """
        while self._size < count:
            helper = Thread(
                target=_wait, args=(self._errands,), name="convadjoint", daemon=True
            )
            try:
                helper.start()
            except RuntimeError:  # no more threads, or the interpreter is closing
                break
            self._size += 1
        for _ in range(min(count, self._size)):
            sent.append(Errand(call))
            self._errands.put(sent[-1])

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
