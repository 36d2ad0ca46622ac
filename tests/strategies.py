"""Hypothesis strategies over all geometry; what they draw is legal by construction."""

from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st

import convadjoint as ca
import oracles
from convadjoint import engines
from convadjoint.geometry import Axis, Border, ConvSpec

DTYPES = ("float32", "float64", "complex64", "complex128")
PLAIN = ConvSpec(axes=(Axis(n=5, q=2, k=4),) * 2, c_in=2, c_out=2)
ENGINES = tuple(  # that take any kernel, with what is installed here
    name
    for name, engine in engines.ENGINES.items()
    if engine.refuses(PLAIN, np.arange(1.0, 65).reshape(PLAIN.kernel_shape)) is None
)
MODES = ("reflect", "symmetric", "replicate", "circular")


def upto(most, least=1):
    """A count, all of them equally likely."""
    return st.sampled_from(range(least, most + 1))


SEEDS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True)
class Case:
    """The arguments of one operator, as a user would type them."""

    kind: str
    suffix: str
    rank: int
    dims: tuple
    kernel_shape: tuple
    options: dict = field(default_factory=dict)
    axes: tuple = ()
    channel: int | None = None

    @property
    def transposed(self):
        """Whether the operator is a transposed convolution."""
        return self.kind == "ConvTranspose"

    def op(self, kernel, **more):
        """Build the operator."""
        make = getattr(ca, f"{self.kind}{self.suffix}Op")
        return make(self.dims, kernel, **{**self.options, **more})

    def matrix(self, kernel, **more):
        """Call the function that returns the matrix alone."""
        make = ca.conv_transpose_matrix if self.transposed else ca.conv_matrix
        where = {"axes": self.axes, "channel_axis": self.channel}
        return make(self.dims, kernel, **{**self.options, **where, **more})

    def dense(self, kernel):
        """Ask the oracle."""
        make = oracles.conv_dense
        if self.transposed:
            make = oracles.conv_transpose_dense
        words = {name: word for name, word in self.options.items() if name != "engine"}
        return make(self.dims, kernel, rank=self.rank, **words)

    def with_options(self, **options):
        """The same arguments, some of them changed."""
        return replace(self, options={**self.options, **options})


@dataclass(frozen=True)
class Line:
    """What is drawn of one convolved axis: `n` forward, `q` backward."""

    n: int
    q: int
    k: int
    stride: int
    dilation: int
    padding: object
    center: int | None
    mode: str


def draw_padding(draw, form, k):
    """Padding of one axis in one of its forms, and the center if it has one."""
    if form == "pairs":
        return (draw(st.integers(-2, 4)), draw(st.integers(-2, 4))), None
    if form == "ints":
        return draw(st.integers(-1, 3)), None
    if form == "center":
        return "same", draw(st.integers(0, k - 1))
    return form, None


def shortest(padding, span):
    """Least input length from which one window fits."""
    if padding in oracles.SAME:
        return 1
    return max(1, span - sum(oracles.ends(padding, span)))


@st.composite
def lines(draw, form, rank):
    """One convolved axis with at least one window."""
    k, stride = draw(upto((6, 4, 3)[rank - 1])), draw(upto((4, 3, 2)[rank - 1]))
    dilation = draw(upto((3, 2, 2)[rank - 1]))
    span = (k - 1) * dilation + 1
    padding, center = draw_padding(draw, form, k)
    n = shortest(padding, span) + draw(upto((9, 5, 2)[rank - 1], 0))
    rule = {"stride": stride, "dilation": dilation, "padding": padding}
    _, q = oracles.windows(n, k, **rule)
    mode = draw(st.sampled_from(("zeros", *MODES)))
    return Line(n, q, k, stride, dilation, padding, center, mode)


PADDING_FORMS = (
    "int",
    "ints",
    "pairs",
    "pairs",
    "valid",
    "same",
    "same_lower",
    "full",
    "center",
)


def one_or_each(draw, values):
    """Write equal values of all axes as one, sometimes."""
    values = tuple(values)
    alike = len(set(values)) == 1
    return values[0] if alike and draw(st.booleans()) else values


@st.composite
def spatial_options(draw, rank, *, bordered=True):
    """Draw the convolved axes, and the keywords that describe them."""
    form = draw(st.sampled_from(PADDING_FORMS))
    each = "ints" if form == "int" else form
    drawn = [draw(lines(each, rank)) for _ in range(rank)]
    if form == "int":
        drawn = [with_padding(one, drawn[0].padding) for one in drawn]
    if not bordered or draw(st.booleans()):
        drawn = [replace(one, mode="zeros") for one in drawn]
    named = isinstance(drawn[0].padding, str) or form == "int"
    pads = tuple(one.padding for one in drawn)
    options = {
        "stride": one_or_each(draw, (one.stride for one in drawn)),
        "dilation": one_or_each(draw, (one.dilation for one in drawn)),
        "padding": pads[0] if named else pads,
        "padding_mode": one_or_each(draw, (one.mode for one in drawn)),
    }
    if form == "center":
        options["center"] = one_or_each(draw, (one.center for one in drawn))
    if draw(st.booleans()):
        options["flip"] = True
    return drawn, options


def with_padding(one, padding):
    """`one` with another padding, long enough for it."""
    span = (one.k - 1) * one.dilation + 1
    n = max(one.n, shortest(padding, span))
    rule = {"stride": one.stride, "dilation": one.dilation, "padding": padding}
    return replace(one, n=n, padding=padding, q=oracles.windows(n, one.k, **rule)[1])


def draw_lengths(draw, drawn, options):
    """Ask for the lengths of a transposed convolution in one of the ways there are."""
    usual = [
        oracles.restored(
            one.q,
            one.k,
            stride=one.stride,
            dilation=one.dilation,
            padding=one.padding,
            output_padding=0,
        )
        for one in drawn
    ]
    extra = tuple(one.n - size for one, size in zip(drawn, usual, strict=True))
    ways = ["output_size"]
    if not isinstance(options["padding"], str):
        ways.append("output_padding")
    if min(usual) >= 1:
        ways.append("usual")
    way = draw(st.sampled_from(ways))
    if way == "output_size":
        return {way: one_or_each(draw, (one.n for one in drawn))}
    return {way: one_or_each(draw, extra)} if way == "output_padding" else {}


@st.composite
def layouts(draw, spatial, channels, *, most):
    """Axis lengths in some order: shape, convolved axes, channel axis, keywords."""
    batch = draw(st.lists(st.sampled_from((1, 2, 2, 2, 2, 3, 3, 0)), max_size=most))
    usual = [("b", n) for n in batch]
    usual += [("c", channels)] if channels else []
    usual += list(enumerate(spatial))
    custom = draw(st.booleans())
    placed = draw(st.permutations(usual)) if custom else usual
    roles = [role for role, _ in placed]
    axes = tuple(roles.index(a) for a in range(len(spatial)))
    channel = roles.index("c") if channels else None
    back = len(placed) if draw(st.booleans()) else 0
    options = {"axes": tuple(axis - back for axis in axes)} if custom else {}
    if custom and channels:
        options["channel_axis"] = channel - back
    return tuple(n for _, n in placed), axes, channel, options


@st.composite
def aside(draw, spatial):
    """A batch axis anywhere among the convolved ones, named as `channel_axis`."""
    at = draw(st.integers(0, len(spatial)))
    dims = (*spatial[:at], draw(st.integers(1, 3)), *spatial[at:])
    axes = tuple(axis for axis in range(len(dims)) if axis != at)
    return dims, axes, None, {"channel_axis": at}


@st.composite
def cases(draw, *, bordered=True, batches=2):
    """An operator of either kind, with or without channels, of any layout."""
    rank = draw(st.integers(1, 3))
    drawn, options = draw(spatial_options(rank, bordered=bordered))
    kind = draw(st.sampled_from(("Conv", "ConvTranspose")))
    suffix = draw(st.sampled_from((f"{rank}D", f"{rank}D", "ND")))
    kernel_shape = tuple(one.k for one in drawn)
    spatial = [one.n for one in drawn]
    if kind == "ConvTranspose":
        spatial = [one.q for one in drawn]
        options |= draw_lengths(draw, drawn, options)
    channels = None
    if draw(st.booleans()):
        groups, narrow, wide = (draw(upto(2)) for _ in range(3))
        kernel_shape = (groups * wide, narrow, *kernel_shape)
        channels = groups * (narrow if kind == "Conv" else wide)
        options["groups"] = groups
    place = layouts(spatial, channels, most=batches - (rank > 2))
    if suffix != "ND" and not channels:
        place |= aside(spatial)
    dims, axes, channel, where = draw(place)
    if suffix == "ND" and channels:
        where["channel_axis"] = channel
    options |= where
    return Case(kind, suffix, rank, dims, kernel_shape, options, axes, channel)


STEPS = st.sampled_from((1, 1, 2, 3, 4))
STRIDES = st.one_of(
    st.tuples(STEPS, st.just(1)), st.tuples(st.just(1), STEPS), st.tuples(STEPS, STEPS)
)


@st.composite
def bare_axes(draw, *, most, taps):
    """Any seven integers; nearly always some tap joins two samples."""
    n, q, k, d = draw(upto(most)), draw(upto(most)), draw(upto(taps)), draw(STEPS)
    s, t = draw(STRIDES)
    p, j, m = (draw(upto(length)) - 1 for length in (q, k, n))
    aside = draw(st.sampled_from((0,) * 40 + (-20, 20)))
    return Axis(n=n, q=q, k=k, s=s, t=t, d=d, lo=p * s + j * d - m * t + aside)


@st.composite
def borders(draw, length):
    """An extension to `length` samples of a signal of any length, at any place."""
    n = draw(st.integers(1, 4))
    lo = draw(st.integers(-3, 5))
    return Border(n=n, length=length, lo=lo, mode=draw(st.sampled_from(MODES)))


@st.composite
def specs(draw, *, bordered=True):
    """Any bare geometry, with borders on one side, the other, or neither."""
    rank = draw(st.integers(1, 3))
    most, taps = ((12, 6), (6, 4), (4, 3))[rank - 1]
    axes = tuple(draw(bare_axes(most=most, taps=taps)) for _ in range(rank))
    groups, narrow, wide = (draw(upto(2)) for _ in range(3))
    spec = ConvSpec(
        axes=axes,
        batch=draw(st.sampled_from((1, 1, 1, 2, 2, 2, 3, 0))),
        c_in=groups * narrow,
        c_out=groups * wide,
        groups=groups,
    )
    if not bordered or draw(st.booleans()):
        return spec
    either = [st.none() | borders(axis.n) for axis in axes]
    spec = replace(spec, extend=tuple(draw(one) for one in either))
    return spec.transpose() if draw(st.booleans()) else spec


def mixed(real, imaginary, dtype):
    """One array of `dtype`; the imaginary part is dropped where it cannot be held."""
    parts = real + 1j * imaginary if np.dtype(dtype).kind == "c" else real
    return parts.astype(dtype)


def noise(rng, shape, dtype="float64"):
    """Normal random numbers, complex if `dtype` is."""
    return mixed(*rng.standard_normal((2, *shape)), dtype)


def integers(rng, shape, dtype="float64"):
    """Small whole numbers, zero among them: every sum of products is exact."""
    return mixed(*rng.integers(-4, 5, (2, *shape)), dtype)
