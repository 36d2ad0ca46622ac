"""The public shape rules: lengths of convolutions and of their transposes."""

from collections.abc import Iterator
from dataclasses import dataclass

from convadjoint.geometry.checks import is_sequence, per_axis
from convadjoint.geometry.padding import (
    Padding,
    conv_length,
    parse_padding,
    parse_wishes,
)

__all__ = ["conv_output_size", "conv_transpose_output_size", "legal_output_sizes"]

Sizes = int | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Sized:
    """The arguments of the three public rules, one value per axis."""

    sizes: tuple[int, ...]
    spans: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[Padding, ...]
    single: bool

    def columns(self) -> Iterator[tuple[int, int, int, Padding]]:
        """Size, span, stride and padding of each axis."""
        return zip(self.sizes, self.spans, self.strides, self.padding, strict=True)


def _sized(
    n: object, k: object, *, stride: object, padding: object, dilation: object
) -> _Sized:
    """Spread the arguments over as many axes as any of them names."""
    given = [value for value in (n, k, stride, dilation) if is_sequence(value)]
    if is_sequence(padding):
        # A flat pair beside plain integers is refused below: it may mean two things.
        pairs = tuple(padding)
        padding = pairs
        given += [pairs] if all(map(is_sequence, pairs)) else []
    rank = len(tuple(given[0])) if given else 1
    taps = per_axis(k, "kernel size", rank, least=1)
    dilations = per_axis(dilation, "dilation", rank, least=1)
    return _Sized(
        per_axis(n, "size", rank, least=1),
        tuple((k - 1) * d + 1 for k, d in zip(taps, dilations, strict=True)),
        per_axis(stride, "stride", rank, least=1),
        parse_padding(padding, rank),
        not given,
    )


def conv_output_size(
    n: object,
    k: object,
    *,
    stride: object = 1,
    padding: object = 0,
    dilation: object = 1,
) -> Sizes:
    r"""Length of a convolution.

    Parameters
    ----------
    n, k : int or sequence of int
        Input lengths and numbers of taps, in samples; ints, or one per axis.
    stride : int or sequence of int, optional
        At least 1.
    padding : int, sequence of int, sequence of (lo, hi), or str, optional
        ``"valid"``, ``"same"``, ``"same_lower"`` and ``"full"`` as for the operators.
    dilation : int or sequence of int, optional
        Distance of neighbouring taps, at least 1.

    Returns
    -------
    int or tuple of int
        ``floor((n + lo + hi - K) / stride) + 1`` with ``K = (k - 1) * dilation + 1``;
        ``ceil(n / stride)`` for the two kinds of "same".

    Raises
    ------
    GeometryError
        If a count is below its least value, or the kernel does not fit.
    TypeError
        If a count is not an integer.

    See Also
    --------
    conv_transpose_output_size : The length of the transposed convolution.

    References
    ----------
    .. [1] Dumoulin and Visin, arXiv:1603.07285, relationship 6.

    Examples
    --------
    >>> from convadjoint import conv_output_size
    >>> conv_output_size((224, 7), 3, stride=2, padding=1)
    (112, 4)
    """
    given = _sized(n, k, stride=stride, padding=padding, dilation=dilation)
    lengths = tuple(
        conv_length(*column, axis) for axis, column in enumerate(given.columns())
    )
    return lengths[0] if given.single else lengths


def conv_transpose_output_size(
    n: object,
    k: object,
    *,
    stride: object = 1,
    padding: object = 0,
    dilation: object = 1,
    output_padding: object = 0,
) -> Sizes:
    r"""Length of a transposed convolution.

    Parameters
    ----------
    n, k : int or sequence of int
        Input lengths of the transposed convolution and numbers of taps, in samples.
    stride : int or sequence of int, optional
        At least 1.
    padding : int, sequence of int, sequence of (lo, hi), or str, optional
        That of the convolution whose transpose is meant: a crop of the output.
    dilation : int or sequence of int, optional
        Distance of neighbouring taps, at least 1.
    output_padding : int or sequence of int, optional
        Samples more at the end, 0 to ``stride - 1``; not with a padding by name.

    Returns
    -------
    int or tuple of int
        ``(n - 1) * stride + K - lo - hi + output_padding``; ``n * stride`` for the
        two kinds of "same", and the least legal length for the other names.

    Raises
    ------
    GeometryError
        If no convolution of that length gives `n`, or a count is out of range.
    TypeError
        If a count is not an integer.

    See Also
    --------
    legal_output_sizes : All lengths that are possible.

    References
    ----------
    .. [1] Dumoulin and Visin, arXiv:1603.07285, relationship 14.

    Examples
    --------
    >>> from convadjoint import conv_transpose_output_size
    >>> conv_transpose_output_size(3, 3, stride=2, padding=1)
    5
    >>> conv_transpose_output_size(3, 3, stride=2, padding=1, output_padding=1)
    6
    """
    given = _sized(n, k, stride=stride, padding=padding, dilation=dilation)
    wishes = parse_wishes(output_padding, None, given.padding)
    columns = zip(wishes, given.columns(), strict=True)
    lengths = tuple(
        wish.length(*column, axis) for axis, (wish, column) in enumerate(columns)
    )
    return lengths[0] if given.single else lengths


def legal_output_sizes(
    n: object,
    k: object,
    *,
    stride: object = 1,
    padding: object = 0,
    dilation: object = 1,
) -> range | tuple[range, ...]:
    """All lengths that a transposed convolution of `n` samples may have.

    Parameters
    ----------
    n, k : int or sequence of int
        Input lengths of the transposed convolution and numbers of taps, in samples.
    stride : int or sequence of int, optional
        At least 1.
    padding : int, sequence of int, sequence of (lo, hi), or str, optional
        That of the convolution whose transpose is meant.
    dilation : int or sequence of int, optional
        Distance of neighbouring taps, at least 1.

    Returns
    -------
    range or tuple of range
        Exactly the lengths, 1 or more, whose convolution has length `n`; empty if
        there are none.

    Raises
    ------
    GeometryError
        If a count is below its least value.
    TypeError
        If a count is not an integer.

    See Also
    --------
    conv_output_size : The rule that this one inverts.

    Examples
    --------
    >>> from convadjoint import legal_output_sizes
    >>> legal_output_sizes(3, 2, stride=2, padding="same")
    range(5, 7)
    """
    given = _sized(n, k, stride=stride, padding=padding, dilation=dilation)
    ranges = tuple(
        padding.origins(n, span, stride) for n, span, stride, padding in given.columns()
    )
    return ranges[0] if given.single else ranges
