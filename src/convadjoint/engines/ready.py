"""Products that are nothing but a call of compiled code."""

from convadjoint.engines.adapted import FlattenedPlan
from convadjoint.engines.banded import DirectPlan
from convadjoint.engines.calls import Call
from convadjoint.engines.depthwise.lanes import LanesPlan
from convadjoint.engines.inplace import InPlacePlan
from convadjoint.engines.protocol import Array
from convadjoint.engines.separable import SeparablePlan

__all__ = ["ready"]


def ready(plan: object, x: Array) -> Call | None:
    """Return the call that maps data like these, in the order of their axes, if that is all."""
    if isinstance(plan, SeparablePlan):
        return ready(plan.single, x)
    if isinstance(plan, FlattenedPlan):
        return ready(plan.inner, x.reshape(*x.shape[:2], *plan.sizes))
    if isinstance(plan, LanesPlan) and plan.first is not None:
        return ready(plan.first, x)
    if isinstance(plan, (DirectPlan, InPlacePlan, LanesPlan)):
        return plan.ready(x)
    return None
