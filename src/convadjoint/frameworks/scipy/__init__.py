"""SciPy's convolutions and filters: ``scipy.signal`` and ``scipy.ndimage``.

Examples
--------
>>> import numpy as np
>>> from convadjoint.frameworks import scipy
>>> scipy.convolve((8, 8), np.ones((3, 4)), "valid").dimsd
(6, 5)
"""

from convadjoint.frameworks.scipy.ndimage import (
    ndimage_convolve,
    ndimage_convolve1d,
    ndimage_correlate,
    ndimage_correlate1d,
)
from convadjoint.frameworks.scipy.rates import upfirdn
from convadjoint.frameworks.scipy.signal import (
    convolve,
    convolve2d,
    correlate,
    correlate2d,
    fftconvolve,
    oaconvolve,
)

__all__ = [
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "fftconvolve",
    "ndimage_convolve",
    "ndimage_convolve1d",
    "ndimage_correlate",
    "ndimage_correlate1d",
    "oaconvolve",
    "upfirdn",
]


def __dir__() -> list[str]:
    return sorted(__all__)
