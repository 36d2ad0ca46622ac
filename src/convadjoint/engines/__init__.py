"""Ways to compute C x: engines bind a geometry and a kernel to a plan.

No engine knows PyLops, layouts or the users' keywords; data come in canonical order,
``(batch, channel, *space)``.
"""

from convadjoint.engines.choice import ENGINES, plan, resolve
from convadjoint.engines.guard import Guarded
from convadjoint.engines.kernels import transpose_kernel
from convadjoint.engines.matrix import assemble
from convadjoint.engines.norms import ORDERS, row_sums
from convadjoint.engines.ordering import ordered
from convadjoint.engines.pool import num_threads, set_num_threads
from convadjoint.engines.protocol import Array, Engine, Plan
from convadjoint.engines.ready import ready
from convadjoint.engines.scratch import fresh
from convadjoint.engines.weights import Weights, kernel_gradient

__all__ = [
    "ENGINES",
    "ORDERS",
    "Array",
    "Engine",
    "Guarded",
    "Plan",
    "Weights",
    "assemble",
    "fresh",
    "kernel_gradient",
    "num_threads",
    "ordered",
    "plan",
    "ready",
    "resolve",
    "row_sums",
    "set_num_threads",
    "transpose_kernel",
]
