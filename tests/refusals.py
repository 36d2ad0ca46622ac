"""Run calls that must be refused, and compare the texts word by word."""

import pytest

import convadjoint as ca


def check_text(call, text):
    """`call` raises one of our errors with exactly this text."""
    with pytest.raises((ca.SemanticsError, ca.GeometryError, TypeError)) as caught:
        call()
    assert str(caught.value) == text
