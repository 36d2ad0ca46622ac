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
    groups, c_in, c_out = x.shape[1], x.shape[2], z.shape[2]
    reads = np.moveaxis(x, 0, 2).reshape(groups, c_in, -1)
    writes = np.moveaxis(z, 0, 2).reshape(groups, c_out, -1)
    products: Array = np.matmul(writes, reads.swapaxes(1, 2))
    return products
