"""The command that says a call in every framework's words."""

import pytest

from convadjoint.frameworks import translate
from photographs import Outcome, caller

CALL = "torch.conv_transpose2d((1, 2, 4, 4), (2, 3, 3, 3), stride=2)"


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    return caller(capsys, monkeypatch, tmp_path)


def test_it_prints_the_translation(call):
    assert call("translate", CALL) == Outcome(0, f"{translate(CALL)}\n", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("conv2d", "'conv2d' is no call: write it as in torch.conv2d"),
        ("torch.conv1d((1, 1, 2), (1, 1, 3))", "torch.conv1d: the kernel spans 3"),
        (
            "torch.conv1d((1, 1, 9), (1, 1, 3), steps=2)",
            "torch.conv1d: got an unexpected keyword argument 'steps'",
        ),
    ],
)
def test_what_it_cannot_say_is_one_line(call, text, reason):
    said = call("translate", text)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"convadjoint: {reason}")
    assert said.err.count("\n") == 1
