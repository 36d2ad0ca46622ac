"""One way to run the golden cases of every framework through its adapter."""

import re

import numpy as np
import pytest

import convadjoint as ca
from checks import SCALES, eps_of, noise
from goldens import REFUSALS, SETS
from strategies import ENGINES

MODULES = {"mx": "mxnet", "cv2": "caffe", "tf": "tensorflow"}
FIRST = "channels_first"
# What frameworks refuse for reasons that no operator can share: shapes of a bias, two
# dtypes in one call, gradients or dtypes that they have not written.
ELSEWHERE = {"bias-mismatch", "dtype-mismatch", "backward"}


def function(api):
    """The adapter of a framework's function."""
    first, *_, last = api.split(".")
    name = "conv_general_dilated" if last == "linear_transpose" else last
    return getattr(getattr(ca.frameworks, MODULES.get(first, first)), name)


def words(args):
    """The arguments of a call, those of a module's own call among them."""
    return {name: value for name, value in args.items() if name != "call"} | args.get(
        "call", {}
    )


def linear(case):
    """Whether a case is linear in its input: maxima are not."""
    kinds = (case.args.get("pool"), case.args.get("pool_type"))
    return "max_pool" not in case.op and not {"MAX", "max"} & set(kinds)


def cases(*sets):
    """The linear cases of some sets."""
    return [one for name in sets for one in SETS[name] if linear(one)]


def refused(*sets):
    """The refusals of some sets that concern an operator."""
    return [
        one
        for name in sets
        for one in REFUSALS[name]
        if not ELSEWHERE & set(one.tags) and one.error != "NotImplemented"
    ]


def operator(case, **computing):
    """The operator of a golden case."""
    call, arrays = function(case.api), case.arrays
    args = words(case.args) | computing
    if "primal_shape" in args:
        return call(args.pop("primal_shape"), arrays["w"], **args).T
    if "filter_sizes" in args:
        return call(arrays["x"], **args)
    given = [arrays[one] for one in "w" if one in arrays]
    given += [arrays[one].shape for one in ("ref",) if one in arrays]
    return call(arrays["x"].shape, *given, **args)


def signal(case):
    """What the operator of a case is applied to; a gradient, where it is one."""
    turned = case.args.keys() & {"primal_shape", "filter_sizes"}
    return case.arrays["g" if turned else "x"]


def check_case(case):
    """Every engine that takes the case computes what the framework computed."""
    op, x, y = operator(case), signal(case), case.arrays["y"]
    assert op.dims == x.shape
    assert op.dimsd == y.shape
    matrix = op.tosparse()
    _near((matrix @ x.ravel()).reshape(y.shape) + _bias(case), case, "y", 0)
    ran = [engine for engine in ENGINES if _runs(case, engine, abs(matrix))]
    assert "taps" in ran


def _runs(case, engine, sizes):
    """Whether an engine takes the case; if so, its results are right."""
    try:
        op = operator(case, engine=engine)
    except ca.EngineRefusal:
        return False
    x = signal(case)
    result = op @ x
    _near(result + _bias(case), case, "y", _rounding(op, engine, sizes, x))
    if "gx" in case.arrays:
        g = case.arrays["g"]
        _near(op.H @ g, case, "gx", _rounding(op, engine, sizes, g))
    _check_transpose(op, sizes, x, result)
    return True


def _bias(case):
    """The bias of a call, shaped for its output; zero if there is none."""
    if "b" not in case.arrays:
        return np.zeros((), case.arrays["y"].dtype)
    if case.api.startswith("keras") and case.args.get("data_format") != FIRST:
        return case.arrays["b"]
    return case.arrays["b"].reshape(-1, *(1,) * (case.arrays["w"].ndim - 2))


def _rounding(op, engine, sizes, x):
    """What an engine that transforms adds to the framework's own rounding."""
    if engine not in SCALES:
        return 0
    unit = eps_of(np.result_type(op.dtype, x.dtype))
    return 16 * unit * sizes.sum() * np.linalg.norm(x.ravel())


def _near(got, case, output, rounding):
    """`got` is the framework's output, up to its tolerance and our rounding."""
    want = case.arrays[output]
    assert got.shape == want.shape
    wide = np.result_type(want, got, np.float64)
    gap = abs(got.astype(wide) - want.astype(wide))
    assert np.all(gap <= case.atol[output] + rounding), gap.max()


def _check_transpose(op, sizes, x, result):
    """Both inner products hold, with and without the conjugate."""
    z = noise(np.random.default_rng(0), op.dimsd, "complex128")
    scale = sizes.sum() * np.linalg.norm(x) * np.linalg.norm(z)
    bound = 16 * max(eps_of(op.dtype), eps_of(result.dtype)) * scale
    assert abs(np.sum(result * z) - np.sum(x * (op.T @ z))) <= bound
    assert abs(np.vdot(z, result) - np.vdot(op.H @ z, x)) <= bound


def check_refusal(one):
    """The adapter refuses what the framework refuses, and names the function."""
    given = [np.ones(one.shapes["w"])] if "w" in one.shapes else []
    call = function(one.api)
    with pytest.raises(
        (ValueError, TypeError), match=f"^{re.escape(call.semantics.name)}: "
    ):
        call(one.shapes["x"], *given, **words(one.args))
