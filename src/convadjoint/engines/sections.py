"""Where the numbers of a compiled kernel gradient stand, by name."""

# A job: group; first channel read, and how many; the same of those written; bands; and
# where its sums are.
JOB = 8
GROUP, READ, READS, WRITE, WRITES, FIRST, LAST, PLACE = range(JOB)
# A band: the first and the number of its planes, rows, signals, samples.
BAND = 8
# Larger than any number of channels or samples that is part of a key.
MANY = 1 << 15
# Sums of the largest tile: they begin the buffers.
LARGEST = 64
# Lists of the lines of a job: offsets, places and limits of one side, offsets of the other.
LISTS = 4

SCALARS, SIDES, REACH = range(3)
X_AXES, Z_AXES = 3, 6
BANDS, PAIRS, TAPS, WRITES_AT = range(9, 13)
(
    LANES,
    LANE_COUNT,
    A,
    B,
    FORM,
    PART,
    MARGIN,
    Z_START,
    Z_END,
    X_CHANNEL,
    READ_STEP,
    SPREAD,
    PAIR_COUNT,
    ROOM,
) = range(14)
# A pair of phases: its taps, where the other side's phase begins, whether taps are few.
PAIR = 4
TAP, TAP_END, Z_AT, FEW = range(PAIR)
# A tap: its offset, its place in the kernel, and how many moves of the other side it has.
TAP_NUMBERS = 3
