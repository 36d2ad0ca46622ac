"""Vectors of words that Python and compiled code share: which word means what.

They are calls, helpers, the seats of callers, the office that knows where those are, and
what makes the products of a call; and objects of CPython and NumPy.
"""

from convadjoint.engines.arrays import HEAD
from convadjoint.engines.scratch import SLACK

__all__ = [
    "ASLEEP",
    "AXES",
    "BRIEF",
    "BUFFERS",
    "BYTES",
    "CALL",
    "CLASS",
    "COPY",
    "COUNT",
    "CPUS",
    "CPU_WORDS",
    "CREW",
    "DIMS",
    "DTYPE",
    "FLAGS",
    "FLAT",
    "FORGET",
    "FREE",
    "FUNCTION",
    "GIVEN",
    "HALF",
    "KEEP",
    "KIND",
    "LAST",
    "LEAVE",
    "LENGTHS",
    "LINE",
    "LYING",
    "MAKE",
    "MAKER",
    "NOTHING",
    "NOW",
    "NO_HELPERS",
    "NO_MEMORY",
    "NO_SEAT",
    "NUMBER",
    "OFFICE",
    "ORDER",
    "OVER",
    "RANK",
    "RETURN",
    "SAMPLES",
    "SEATED",
    "SEATS",
    "SIZE",
    "SLOTS",
    "STATE",
    "THREAD",
    "THREADS",
    "WANTED",
    "WANTED_DTYPE",
    "WORDS",
]

# Words of a helper: a semaphore and the CPUs where it is to be, as in a call; its state,
# whether it sleeps, the system's number of its thread, and its buffers: for each slot the
# address, and how many bytes there are.
CPUS, CPU_WORDS = 16, 16
STATE, ASLEEP, THREAD, BUFFERS = 32, 33, 34, 35
FREE = 0
_SLOTS = 12
# A seat is the same for a caller, whose copy of a call is in one more buffer.
COPY = BUFFERS + 2 * _SLOTS
WORDS = COPY + 2

# Words of the office: where the seats are; the crew, that is how many helpers were called
# for, how many came, and where they are; when the last brief call was over.
SEATS, CREW, LAST = 0, 1, 2
# Where CPython has what gives its lock up, takes it back, calls, makes a number, keeps and
# forgets an object; and the object that stands for nothing.
LEAVE, RETURN, MAKE, NUMBER, KEEP, FORGET, NOTHING = range(3, 10)
# Callers at once, at most.
SEATED = 128

# Words of a call, after a semaphore and the CPUs where helpers should be: the function, its
# first slot of buffers, bytes that it needs in this and the next one; how many words there
# are, how many helpers are wanted, whether it is over before one has woken up, and where
# the office is; then what it is given.
FUNCTION, SLOTS, BYTES = 32, 33, 34
SIZE, WANTED, BRIEF, OFFICE, GIVEN = range(36, 41)
# What is in the way of a call.
NO_SEAT, NO_HELPERS, NO_MEMORY = -1, -2, -3
# A line of the cache, and what may be read or written past the end of a buffer.
LINE, OVER = 64, 8 * SLACK

# Words of an object of Python before the address of an array's samples: see `address`.
SAMPLES = HEAD // 8
# What kind of object it is; then, of an array, how many axes, where their lengths are, its
# dtype, and its flags, of which some say that samples lie as they should.
CLASS, AXES, LENGTHS, DTYPE, FLAGS = (SAMPLES + place for place in (-1, 1, 2, 5, 6))
LYING, HALF = 0x0101, 2**32 - 1

# Words of what makes the products of a call: where this is, and for how many threads; where
# it stands how many work; what kind of array it takes, and of which dtype; what makes
# another, given what, or what if samples come one after the other; how many these are; and
# else the axes.
CALL, THREADS, NOW, KIND, WANTED_DTYPE, MAKER = range(6)
ORDER, FLAT, COUNT, RANK, DIMS = range(6, 11)
