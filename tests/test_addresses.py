"""Where the samples of an array begin, as NumPy says."""

import numpy as np
import pytest

from convadjoint.engines import arrays


class Other(np.ndarray):
    pass


def frozen(x):
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    "x",
    [
        np.zeros(3),
        np.zeros((4, 5), np.complex64)[1:, ::2],
        np.zeros((2, 3)).T,
        np.zeros(5)[::-1],
        np.zeros((0, 3)),
        np.array(2.0),
        frozen(np.ones(2)),
        np.zeros(4).view(Other),
        np.broadcast_to(np.float32(1), (2, 2)),
        np.frombuffer(bytes(17), np.uint8, offset=1),
    ],
)
def test_an_address_is_what_numpy_says(monkeypatch, compiled, x):
    monkeypatch.setattr(arrays, "_CPYTHON", arrays._CPYTHON and compiled)
    assert arrays.address(x) == x.__array_interface__["data"][0] == x.ctypes.data


def test_a_memory_map_has_an_address(tmp_path):
    x = np.memmap(tmp_path / "samples", np.float32, "w+", shape=(3, 4))
    assert arrays.address(x[1]) == x.ctypes.data + 16
