"""The sums of a kernel gradient from the definition, one tap after the other."""

from itertools import product

import numpy as np

from convadjoint.engines.extension import extend
from convadjoint.engines.protocol import Array, Index
from convadjoint.geometry import ConvSpec

__all__ = ["tap_gradient"]


def tap_gradient(spec: ConvSpec, x: Array, z: Array) -> Array:
    """What `kernel_gradient` returns; every product is one of the definition's."""
    x, z = extend(x, spec.extend), extend(z, spec.fold)
    groups, c_out, c_in = spec.groups, spec.c_out // spec.groups, spec.kernel_shape[1]
    reads = x.reshape(len(x), groups, c_in, *x.shape[2:])
    writes = z.reshape(len(z), groups, c_out, *z.shape[2:])
    gradient = np.zeros(spec.kernel_shape, np.result_type(x, z))
    links = [[axis.link(j) for j in range(axis.k)] for axis in spec.axes]
    for tap in product(*(range(axis.k) for axis in spec.axes)):
        joined = [link[j] for link, j in zip(links, tap, strict=True)]
        source: Index = (..., *(link.input for link in joined))
        target: Index = (..., *(link.output for link in joined))
        at: Index = (..., *tap)
        gradient[at] = _products(reads[source], writes[target]).reshape(
            spec.kernel_shape[:2]
        )
    return gradient


def _products(x: Array, z: Array) -> Array:
    """Sums of products per group, ``(groups, c_out/g, c_in/g)``."""
    summed = [0, *range(2, x.ndim - 1)]
    pairs = zip(x.swapaxes(0, 1), z.swapaxes(0, 1), strict=True)
    sums = [np.tensordot(there, here, (summed, summed)) for here, there in pairs]
    return np.stack(sums)
