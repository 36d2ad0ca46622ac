"""The code of the page about PyTorch and JAX runs, and its checks hold."""

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("jax")

# PyTorch loads its forward-mode rules by what it has deprecated itself.
pytestmark = pytest.mark.filterwarnings(r"ignore:`torch\.jit")

PAGE = Path(__file__).parents[2] / "docs" / "autograd.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_every_block_runs_and_checks_itself():
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 3
    namespace = {}
    for block in blocks:
        assert "assert" in block
        exec(compile(block, PAGE.name, "exec"), namespace)  # noqa: S102
