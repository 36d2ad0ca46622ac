"""Compiled helpers: they wait for calls without the interpreter, and so wake at once.

A call is a vector of words whose first ones `calls` describes.  A helper's state is
`_FREE`, `_BUSY`, or the address of a call that it has not begun.  This needs the
semaphores of Linux.
"""

from typing import Any

from llvmlite import ir

from convadjoint.engines import calls as of
from convadjoint.engines.kinds import External
from convadjoint.engines.primitives import (
    INDEX,
    called,
    compiled,
    emitted,
    entry,
    moved,
    words_at,
)

__all__ = ["enter", "serve"]

_FREE, _BUSY = 0, 1
# Looks at a semaphore before a thread goes to sleep: as long as it takes to wake up.
_LOOKS = 10_000
_MASK_BYTES = 8 * of.CPU_WORDS

_int, _word = ir.IntType(32), INDEX


def _system(name: str, *arguments: Any, returns: Any = _int) -> Any:
    """A function of the C library."""
    return External(name, ir.FunctionType(returns, arguments))


_sem_init = _system("sem_init", _word, _int, _int)
_sem_wait = _system("sem_wait", _word)
_sem_trywait = _system("sem_trywait", _word)
_sem_post = _system("sem_post", _word)
_getcpu = _system("sched_getcpu")
_getaffinity = _system("sched_getaffinity", _int, _word, _word)
_setaffinity = _system("sched_setaffinity", _int, _word, _word)
_calloc = _system("calloc", _word, _word, returns=_word)
_free = _system("free", _word, returns=ir.VoidType())


@emitted
def _swapped(builder: Any, place: Any, old: Any, new: Any) -> Any:
    """Put `new` where `old` is, in one step; say whether it was there."""
    pair = builder.cmpxchg(place, old, new, "seq_cst", "seq_cst")
    return builder.extract_value(pair, 1)


@compiled
def _has_room(call: Any, mine: Any) -> Any:
    """Make the buffers large enough; say whether there is memory for that."""
    slots = words_at(mine)
    for index in range(2):
        slot, nbytes = 2 * (call[of.SLOTS] + index), call[of.BYTES + index]
        if slots[slot + 1] < nbytes:
            if slots[slot]:
                _free(words_at(slots[slot])[-1])
            whole = _calloc(1, nbytes + of.OVER + 2 * of.LINE)
            if whole == 0:
                slots[slot] = slots[slot + 1] = 0
                return False
            slots[slot] = (whole + 2 * of.LINE - 1) // of.LINE * of.LINE
            slots[slot + 1] = nbytes
            # What `free` needs stands before the buffer.
            words_at(slots[slot])[-1] = whole
    return True


@compiled
def _place(helper: Any, call: Any) -> None:
    """Let a helper wake where a call wants it, not on its caller's CPU.

    Schedulers often wake a thread where its waker runs, and let the two take turns for
    some milliseconds: longer than most products take.
    """
    words, given = words_at(helper), words_at(call)
    # A thread that does not run yet has no number: 0 would be the caller.
    if words[of.THREAD] == 0:
        return
    same, some = True, False
    for word in range(of.CPUS, of.CPUS + of.CPU_WORDS):
        same = same and words[word] == given[word]
        some = some or given[word] != 0
    if some and not same:
        for word in range(of.CPUS, of.CPUS + of.CPU_WORDS):
            words[word] = given[word]
        # A CPU may have been taken away meanwhile: then it fails, and nothing is lost.
        _setaffinity(words[of.THREAD], _MASK_BYTES, helper + 8 * of.CPUS)


@compiled
def _wait(semaphore: Any) -> None:
    """Look a while, then sleep."""
    for _ in range(_LOOKS):
        if _sem_trywait(semaphore) == 0:
            return
    while _sem_wait(semaphore) != 0:
        pass


@entry("serve", _word)
def serve(helper: Any) -> None:
    """Wait for calls and do them, one after the other."""
    words = words_at(helper)
    while True:
        _wait(helper)
        call = words[of.STATE]
        if call > _BUSY and _swapped(moved(words, of.STATE), call, _BUSY):
            given, mine = words_at(call), helper + 8 * of.BUFFERS
            if _has_room(given, mine):
                called(given[of.FUNCTION], call, mine)
            _swapped(moved(words, of.STATE), _BUSY, _FREE)
            _sem_post(call)


@compiled
def _name_cpus(call: Any) -> None:
    """Write into a call where its helpers should be: not on the caller's CPU."""
    words = words_at(call)
    if _getaffinity(0, _MASK_BYTES, call + 8 * of.CPUS) == 0:
        cpu = _getcpu()
        if 0 <= cpu < 64 * of.CPU_WORDS:
            words[of.CPUS + cpu // 64] &= ~(1 << (cpu % 64))


@compiled
def _copy(words: Any, size: Any, room: Any, given: Any) -> None:
    """Copy a call, and write the addresses of what it is given into the copy."""
    for word in range(size):
        room[word] = words[word]
    if given[0]:
        room[of.GIVEN] = words_at(given[0])[of.SAMPLES]
    if given[1]:
        room[of.GIVEN + 1] = words_at(given[1])[of.SAMPLES]
    if given[2]:
        room[of.GIVEN + 2] = words_at(given[2])[of.SAMPLES]


@entry("enter", *(_word,) * 10)
def enter(
    words: Any,
    size: Any,
    mine: Any,
    call: Any,
    crew: Any,
    count: Any,
    wanted: Any,
    one: Any,
    other: Any,
    third: Any,
) -> None:
    """Make a call with up to `wanted` helpers of a crew, those that are free.

    `words` are its own, `call` is where the caller has room for a copy, and `mine` are the
    caller's buffers.  `crew` is where the addresses of `count` helpers stand.  Up to three
    arrays are given, as the objects that Python knows.  A helper that has not begun when
    the caller is done is not waited for.
    """
    _copy(words_at(words), size, words_at(call), (one, other, third))
    helpers, begun = words_at(crew), 0
    if wanted > 0:
        _sem_init(call, 0, 0)
        _name_cpus(call)
    for index in range(count):
        state = moved(words_at(helpers[index]), of.STATE)
        if begun < wanted and _swapped(state, _FREE, call):
            begun += 1
            _place(helpers[index], call)
            _sem_post(helpers[index])
    called(words_at(call)[of.FUNCTION], call, mine)
    for index in range(count):
        if begun and _swapped(moved(words_at(helpers[index]), of.STATE), call, _FREE):
            begun -= 1
    for _ in range(begun):
        _wait(call)
