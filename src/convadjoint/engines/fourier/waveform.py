"""Where the numbers of a plan of `waves` are, all in one array.

Distances count real numbers.
"""

__all__ = [
    "AXES",
    "AXIS",
    "CHANNEL",
    "CHANNELS",
    "COLUMNS",
    "COUNT",
    "FACTORS",
    "GROUPS",
    "INNER",
    "INPUT",
    "JOINED",
    "KIND",
    "LANES",
    "LAST",
    "LENGTH",
    "LINES",
    "ORIGINS",
    "OUTER",
    "OUTPUT",
    "OUT_FIRST",
    "OUT_STEP",
    "PARTS",
    "PHASES",
    "RADIX",
    "REST",
    "ROWS",
    "SIGNAL",
    "SPAN",
    "SPECTRA",
    "SQUARE",
    "STAGE",
    "STAGES",
    "STAGES_MOST",
    "WINDOWS",
    "ZEROS",
]

# Lanes of a vector; windows that share a transform; groups of channels; lines and blocks
# of columns of a spectrum; windows of a signal; spectra of
# a pair; of them, the first output's, and how far the next group's is; places in the buffer of a thread: of zeros
# and of a square of samples; axes but the last.
(
    LANES,
    PARTS,
    GROUPS,
    LINES,
    COLUMNS,
    WINDOWS,
    SPECTRA,
    OUT_FIRST,
    OUT_STEP,
    ZEROS,
    SQUARE,
    AXES,
) = range(12)

# Input and output: channels of a group, phases, distances of signals and of channels, and
# three tables for each phase and block: rows of the lines, samples of the columns, and
# whether those of a vector are neighbours (1), apart (0), or none of them is there (2).
INPUT, OUTPUT = 12, 19
CHANNELS, PHASES, SIGNAL, CHANNEL, ROWS, ORIGINS, JOINED = range(7)

# An axis: its length; lines from one sample to the next, how often there are so many, and
# how far apart (the last axis is alone); and its stages.
LAST = 26
LENGTH, INNER, OUTER, SPAN, COUNT, STAGES = range(6)
# A stage: its radix, the length it leaves, its factors, and its kind.
RADIX, REST, FACTORS, KIND, STAGE = range(5)
STAGES_MOST = 20
AXIS = STAGES + STAGES_MOST * STAGE
