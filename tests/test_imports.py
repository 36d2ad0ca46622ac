"""What is loaded when: each statement runs in an interpreter of its own."""

import subprocess
import sys

import pytest

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"numpy", "scipy", "pylops"}:
            raise ImportError(name)

sys.meta_path.insert(0, Blocker())
"""
SIZES = """
from convadjoint.geometry import Axis, ConvSpec, conv_output_size
assert conv_output_size(2**62, 3) == 2**62 - 2
assert ConvSpec(axes=(Axis(n=4, q=2, k=3),)).nnz == 6
assert "numpy" not in sys.modules
"""
LAZY = """
import sys
import numpy
import convadjoint
heavy = {heavy!r} & sys.modules.keys()
assert not heavy, heavy
"""
FRAMEWORKS = {"torch", "jax", "tensorflow", "keras", "onnx", "mxnet", "caffe", "cupy"}


def run(code):
    """Run `code` in a new interpreter; it has to succeed."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_ground_floor_needs_only_the_standard_library():
    run(BLOCKER + SIZES)


def test_the_blocker_blocks():
    with pytest.raises(AssertionError, match="ImportError: numpy"):
        run(BLOCKER + "import numpy")


@pytest.mark.parametrize(
    "heavy", ["pylops", "scipy.signal", "llvmlite", "numba", "matplotlib"]
)
def test_importing_the_package_does_not_load(heavy):
    run(LAZY.format(heavy={heavy}))


def test_no_framework_is_loaded_by_an_operator():
    code = "import sys\nimport pylops\nbefore = set(sys.modules)\n"
    code += "import convadjoint as ca\n"
    code += "op = ca.Conv2DOp((5, 5), [[1.0, 2.0]])\nop.tosparse()\n"
    code += "x = [[1.0] * 5] * 5\nop.H @ (op @ x)\nop(x, op.kernel)\n"
    code += "assert ca.frameworks.table()\n"
    code += "op.matvec(range(25))\n(op.T @ op).matmat([[1.0]] * 25)\n"
    code += (
        f"new = {FRAMEWORKS!r} & (sys.modules.keys() - before)\nassert not new, new\n"
    )
    code += "assert 'convadjoint.operators.arrays.foreign' not in sys.modules"
    run(code)


def test_packages_are_there_at_once_and_loaded_when_used():
    code = "import sys\nimport convadjoint as ca\n"
    code += "assert 'convadjoint.resample' not in sys.modules\n"
    code += "for name in ca.resample.__all__: getattr(ca.resample, name)\n"
    code += "assert ca.resample.avg_pool(4, 2).dimsd == (2,)"
    run(code)


def test_every_public_name_is_there():
    code = "import convadjoint as ca\n"
    code += "for name in ca.__all__: getattr(ca, name)\n"
    code += "assert set(ca.__all__) <= set(dir(ca))"
    run(code)
    with pytest.raises(AssertionError, match="AttributeError"):
        run("import convadjoint as ca\nca.Conv4DOp")
