"""The Python code of the pages runs, block after block, in one namespace per page."""

import re
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FRAMEWORK = re.compile(r"^import (torch|jax|keras|onnx)\b", re.MULTILINE)

CODE = {page.stem: "\n".join(BLOCK.findall(page.read_text("utf-8"))) for page in PAGES}
ALONE = sorted(
    name for name, code in CODE.items() if code and not FRAMEWORK.search(code)
)


def test_there_are_pages_that_need_no_framework():
    assert {"resample", "solving", "varying"} <= set(ALONE)


@pytest.mark.parametrize("page", ALONE)
def test_the_code_of_a_page_runs(page):
    namespace = {"__name__": "__main__"}
    exec(compile(CODE[page], f"docs/{page}.md", "exec"), namespace)  # noqa: S102
