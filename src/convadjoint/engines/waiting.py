"""Compiled helpers: they wait for calls without the interpreter, and so wake at once.

A call is a vector of words that `frames` describes.  A helper's state is
`_FREE`, `_BUSY`, or the address of a call that it has not begun.  This needs the
semaphores of Linux.
"""

from typing import Any

from llvmlite import ir

from convadjoint.engines import frames as of
from convadjoint.engines.kinds import External
from convadjoint.engines.primitives import (
    INDEX,
    answered,
    called,
    compiled,
    emitted,
    entry,
    moved,
    words_at,
)

__all__ = ["make", "produce", "serve"]

_FREE, _BUSY = of.FREE, 1
# Looks at a semaphore before a thread goes to sleep: as long as it takes to wake up.
_LOOKS = 10_000
_MASK_BYTES = 8 * of.CPU_WORDS
# The system's clock that nobody sets, and how many of its nanoseconds are a moment.
_CLOCK, _SECOND, _MOMENT = 1, 10**9, 200_000

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
_clock = _system("clock_gettime", _int, _word)
_free = _system("free", _word, returns=ir.VoidType())


@emitted
def _swapped(builder: Any, place: Any, old: Any, new: Any) -> Any:
    """Put `new` where `old` is, in one step; say whether it was there."""
    pair = builder.cmpxchg(place, old, new, "seq_cst", "seq_cst")
    return builder.extract_value(pair, 1)


@compiled
def _has_room(slot: Any, nbytes: Any) -> Any:
    """Make a buffer large enough; say whether there is memory for that."""
    if slot[1] >= nbytes:
        return True
    if slot[0]:
        _free(words_at(slot[0])[-1])
    slot[0] = slot[1] = 0
    whole = _calloc(1, nbytes + of.OVER + 2 * of.LINE)
    if whole == 0:
        return False
    slot[0] = (whole + 2 * of.LINE - 1) // of.LINE * of.LINE
    slot[1] = nbytes
    # What `free` needs stands before the buffer.
    words_at(slot[0])[-1] = whole
    return True


@compiled
def _has_buffers(call: Any, mine: Any) -> Any:
    """Make both buffers of a call large enough; say whether there is memory for that."""
    slot = moved(words_at(mine), 2 * call[of.SLOTS])
    first = _has_room(slot, call[of.BYTES])
    return first and _has_room(moved(slot, 2), call[of.BYTES + 1])


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
def _comes(semaphore: Any) -> bool:
    """Look a while whether somebody posts."""
    looks = 0
    while looks < _LOOKS and _sem_trywait(semaphore) != 0:
        looks += 1
    return looks < _LOOKS


@compiled
def _sleep(semaphore: Any) -> None:
    """Sleep until somebody posts."""
    while _sem_wait(semaphore) != 0:
        pass


@entry("serve", _word)
def serve(helper: Any) -> None:
    """Wait for calls and do them, one after the other."""
    words = words_at(helper)
    while True:
        if not _comes(helper):
            words[of.ASLEEP] = 1
            _sleep(helper)
            words[of.ASLEEP] = 0
        call = words[of.STATE]
        if call > _BUSY and _swapped(moved(words, of.STATE), call, _BUSY):
            given, mine = words_at(call), helper + 8 * of.BUFFERS
            if _has_buffers(given, mine):
                called(given[of.FUNCTION], call, mine)
            _swapped(moved(words, of.STATE), _BUSY, _FREE)
            _sem_post(call)


@compiled
def _name_cpus(call: Any) -> None:
    """Write into a call where its helpers should be: not on the caller's CPU."""
    words = words_at(call)
    for word in range(of.CPUS, of.CPUS + of.CPU_WORDS):
        words[word] = 0
    if _getaffinity(0, _MASK_BYTES, call + 8 * of.CPUS) == 0:
        cpu = _getcpu()
        if 0 <= cpu < 64 * of.CPU_WORDS:
            words[of.CPUS + cpu // 64] &= ~(1 << (cpu % 64))


@compiled
def _time(call: Any) -> Any:
    """Nanoseconds of the system's clock; they come by way of a call's own words."""
    now = call + 8 * of.CPUS
    _clock(_CLOCK, now)
    return words_at(now)[0] * _SECOND + words_at(now)[1]


@compiled
def _together(call: Any, mine: Any) -> None:
    """Make a call with the helpers that it wants, those that are free.

    One that has not begun when the caller is done is not waited for.
    """
    words = words_at(call)
    office = words_at(words[of.OFFICE])
    crew, wanted, begun = words_at(office[of.CREW]), words[of.WANTED], 0
    if wanted > 0:
        # One that sleeps is woken for those that come soon after another.
        alone = words[of.BRIEF] != 0 and _time(call) - office[of.LAST] > _MOMENT
        _sem_init(call, 0, 0)
        _name_cpus(call)
        for index in range(2, 2 + crew[1]):
            helper = words_at(crew[index])
            suits = begun < wanted and not (alone and helper[of.ASLEEP] != 0)
            if suits and _swapped(moved(helper, of.STATE), _FREE, call):
                begun += 1
                _place(crew[index], call)
                _sem_post(crew[index])
    called(words[of.FUNCTION], call, mine)
    if begun > 0:
        for index in range(2, 2 + crew[1]):
            if _swapped(moved(words_at(crew[index]), of.STATE), call, _FREE):
                begun -= 1
    for _ in range(begun):
        if not _comes(call):
            _sleep(call)
    if wanted > 0 and words[of.BRIEF] != 0:
        office[of.LAST] = _time(call)


@compiled
def _seat(office: Any) -> Any:
    """Take the first seat that is free; 0 if there is none."""
    for index in range(of.SEATED):
        seat = office[of.SEATS] + 8 * of.WORDS * index
        if _swapped(moved(words_at(seat), of.STATE), _FREE, _BUSY):
            return seat
    return 0


@compiled
def _seated(words: Any, given: Any, count: Any) -> Any:
    """A seat with a copy of a call that takes some arrays; or what is in the way."""
    office = words_at(words[of.OFFICE])
    if words_at(office[of.CREW])[0] < words[of.WANTED]:
        return of.NO_HELPERS
    seat = _seat(office)
    if seat == 0:
        return of.NO_SEAT
    own, mine = words_at(seat), seat + 8 * of.BUFFERS
    if _has_buffers(words, mine) and _has_room(moved(own, of.COPY), 8 * words[of.SIZE]):
        call = words_at(own[of.COPY])
        for word in range(words[of.SIZE]):
            call[word] = words[word]
        for index in range(count):
            call[of.GIVEN + index] = words_at(given[index])[of.SAMPLES]
        return seat
    own[of.STATE] = _FREE
    return of.NO_MEMORY


@compiled
def _performed(seat: Any) -> Any:
    """Make the call of a seat without the interpreter's lock; return its last word."""
    place = words_at(seat)[of.COPY]
    call = words_at(place)
    office, size = words_at(call[of.OFFICE]), call[of.SIZE]
    state = answered(office[of.LEAVE])
    _together(place, seat + 8 * of.BUFFERS)
    found = call[size - 1]
    _swapped(moved(words_at(seat), of.STATE), _BUSY, _FREE)
    called(office[of.RETURN], state)
    return found


@entry("make", _word, _word, _word, returns=_word)
def make(bound: Any, arguments: Any, count: Any) -> Any:
    """Make a call with the arrays that it is given; return its last word."""
    words = words_at(words_at(bound)[of.SAMPLES])
    found = _seated(words, words_at(arguments), count)
    if found > 0:
        found = max(_performed(found), 0)
    return answered(words_at(words[of.OFFICE])[of.NUMBER], found)


@compiled
def _order(words: Any, given: Any) -> Any:
    """What another array is made of for an object; 0 if it is none that is wanted.

    That is so, too, while another number of threads works.
    """
    x = words_at(given)
    if x[of.CLASS] != words[of.KIND] or x[of.DTYPE] != words[of.WANTED_DTYPE]:
        return 0
    lies = (x[of.FLAGS] & of.LYING) == of.LYING
    if not lies or words_at(words[of.NOW])[0] != words[of.THREADS]:
        return 0
    rank, lengths = x[of.AXES] & of.HALF, words_at(x[of.LENGTHS])
    same = rank == words[of.RANK]
    for axis in range(rank if same else 0):
        same = same and lengths[axis] == words[of.DIMS + axis]
    if same:
        return words[of.ORDER]
    return words[of.FLAT] if rank == 1 and lengths[0] == words[of.COUNT] else 0


@entry("produce", _word, _word, _word, returns=_word)
def produce(bound: Any, arguments: Any, count: Any) -> Any:
    """Make a call with an array and a new one, and return that; or nothing."""
    words, given = words_at(words_at(bound)[of.SAMPLES]), words_at(arguments)
    call = words_at(words[of.CALL])
    office = words_at(call[of.OFFICE])
    order = _order(words, given[0]) if count == 1 else 0
    if order != 0:
        made = answered(office[of.MAKE], words[of.MAKER], order)
        if made == 0:
            return made
        seat = _seated(call, given, 1)
        if seat > 0:
            copy = words_at(words_at(seat)[of.COPY])
            copy[of.GIVEN + 1] = words_at(made)[of.SAMPLES]
            _performed(seat)
            return made
        called(office[of.FORGET], made)
    called(office[of.KEEP], office[of.NOTHING])
    return office[of.NOTHING]
