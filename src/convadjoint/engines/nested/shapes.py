"""All numbers of a plan of the engine `winograd`, as `program` joins them."""

__all__ = [
    "APART",
    "AXES",
    "BLOCK",
    "BLOCKS",
    "CHANNEL",
    "CHANNELS",
    "COUNTS",
    "ENDS",
    "FORM",
    "GROUP",
    "HELD",
    "JOB",
    "LAID",
    "LANES",
    "LINE",
    "LINES",
    "LINE_SIZE",
    "MADE",
    "MADE_AT",
    "MOST",
    "OFFSETS",
    "OUTPUTS",
    "OUTPUT_SIZE",
    "PART_ENDS",
    "PITCH",
    "PLANE",
    "PLANES",
    "PRODUCTS",
    "REACHES",
    "ROW",
    "ROWS",
    "SAMPLE",
    "SAMPLES",
    "SCALARS",
    "SIGNAL",
    "SIGNALS",
    "STARTS",
    "STEPS",
    "STEPS_OUT",
    "SUMS",
    "TEMP",
    "WEIGHTS",
    "WIDTH",
    "WOVEN",
    "M",
]

# A job: group, channels to lay out, blocks of channels to make, then tiles along the
# axes; each as the first and how many.
GROUP, CHANNEL, CHANNELS, BLOCK, BLOCKS = range(5)
PLANE, PLANES, ROW, ROWS, SIGNAL, SIGNALS, SAMPLE, SAMPLES = range(5, 13)
JOB = 13

# Rows of a tile, its width, its number; samples moved at once; weights of a group;
# products; the most blocks made at once; samples of a line of sums, and of a line for all
# tiles of a band; whether signals are side by side.  Then of the buffer for rows: the
# distance of its parts, and where what is held of all rows, what is needed for a while,
# and the sums of products begin.
SCALARS = 0
M, WIDTH, FORM, LANES, WEIGHTS, PRODUCTS, MOST, LINE, PITCH, WOVEN = range(10)
APART, HELD, TEMP, SUMS = range(10, 14)
# Distances of lines of one channel, and of products.
LAID, MADE_AT = range(14, 16)
# For each axis of the input: as `arrays.section` has them.
AXES = 1
# For each axis its lines: how many terms, part and index of both, sign.
LINES = 4
LINE_SIZE = 6
# For each axis its outputs: the first, how many terms, three products, two signs.
OUTPUTS = 7
OUTPUT_SIZE = 7
# For each axis: samples from tile to tile, lines, how far they reach, outputs from tile
# to tile; then outputs of a tile along each axis, and products.
STEPS, COUNTS, REACHES, STEPS_OUT, MADE = range(10, 15)
# As `nesting.Packed` has them.
OFFSETS, ENDS, STARTS, PART_ENDS = range(15, 19)
