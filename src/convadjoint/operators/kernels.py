"""Kernels that users start from."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from convadjoint.engines import Array
from convadjoint.errors import GeometryError
from convadjoint.geometry.checks import integer, per_axis
from convadjoint.operators.samples import requested_dtype

__all__ = ["bilinear_kernel", "gaussian_kernel"]


def bilinear_kernel(in_channels: int, out_channels: int, kernel_size: int) -> Array:
    """Return the kernel with which a transposed convolution interpolates bilinearly.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels; channel `c` is made of channel `c` alone.
    kernel_size : int
        Taps per axis, ``2 * f - f % 2`` to enlarge by `f`.

    Returns
    -------
    ndarray of float64, shape ``(in_channels, out_channels, k, k)``
        ``(1 - |i - c| / f) * (1 - |j - c| / f)`` on the diagonal of the channels, with
        ``f = (k + 1) // 2`` and centre ``c = (k - 1) / 2`` for even, ``f - 1`` for odd
        `k`; zero off it.

    Raises
    ------
    GeometryError
        If a number is below 1.
    TypeError
        If a number is not an integer.

    See Also
    --------
    ConvTranspose2DOp : Give it this kernel, ``stride=f`` and ``padding=(f - 1) / 2``,
        rounded up.

    References
    ----------
    .. [1] Long, Shelhamer and Darrell, "Fully convolutional networks for semantic
       segmentation", CVPR 2015, section 3.3.

    Examples
    --------
    >>> from convadjoint import bilinear_kernel
    >>> bilinear_kernel(1, 1, 4)[0, 0, 1]
    array([0.1875, 0.5625, 0.5625, 0.1875])
    """
    k = integer(kernel_size, "kernel_size", least=1)
    rows = integer(in_channels, "in_channels", least=1)
    columns = integer(out_channels, "out_channels", least=1)
    factor = (k + 1) // 2
    center = factor - 1 if k % 2 else factor - 0.5
    ramp = 1 - np.abs(np.arange(k) - center) / factor
    return np.eye(rows, columns)[:, :, None, None] * np.multiply.outer(ramp, ramp)


def gaussian_kernel(
    shape: int | Sequence[int],
    sigma: float | Sequence[float],
    *,
    dtype: npt.DTypeLike = np.float64,
) -> Array:
    """Return a sampled Gaussian that sums to one.

    Parameters
    ----------
    shape : int or tuple of int
        Taps per axis.
    sigma : float or sequence of float
        Standard deviation in samples, positive; one for all axes, or one per axis.
    dtype : dtype, optional
        float32, float64, complex64 or complex128.

    Returns
    -------
    ndarray, shape `shape`
        ``exp(-sum((i - c)**2 / (2 * sigma**2)))`` over its sum, ``c = (k - 1) / 2``.

    Raises
    ------
    GeometryError
        If a number of taps is below 1, or a sigma is not positive and finite.
    TypeError
        If a number of taps is not an integer, or the dtype is none of the four.

    See Also
    --------
    Conv2DOp : Blurs with it.

    Examples
    --------
    >>> from convadjoint import gaussian_kernel
    >>> gaussian_kernel(3, 1.0).round(3)
    array([0.274, 0.452, 0.274])
    """
    shape = tuple(shape) if isinstance(shape, Iterable) else shape
    rank = len(shape) if isinstance(shape, tuple) else 1
    taps = per_axis(shape, "shape", rank, least=1)
    kernel = np.ones(taps)
    for axis, (k, width) in enumerate(zip(taps, _sigmas(sigma, rank), strict=True)):
        steps = np.arange(k) - (k - 1) / 2
        exponents = 0.5 * (steps / width) ** 2
        # The largest sample is one, however narrow the Gaussian is.
        profile = np.exp(exponents.min() - exponents)
        line = [1] * rank
        line[axis] = k
        kernel = kernel * (profile / profile.sum()).reshape(line)
    return kernel.astype(requested_dtype(dtype))


def _sigmas(sigma: float | Sequence[float], rank: int) -> list[float]:
    """One positive width per axis."""
    try:
        values = np.broadcast_to(np.asarray(sigma, float), (rank,))
    except (TypeError, ValueError):
        msg = f"sigma must be a number, or {rank} of them, got {sigma!r}"
        raise TypeError(msg) from None
    if not (np.isfinite(values) & (values > 0)).all():
        msg = f"sigma must be positive and finite, got {sigma!r}"
        raise GeometryError(msg)
    return [float(value) for value in values]
