"""Reader of the golden cases: what the frameworks themselves computed."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

import convadjoint as ca

FOLDER = Path(__file__).parent / "golden"


class Golden(NamedTuple):
    """One call of a framework: its words, and arrays by short name."""

    name: str
    op: str
    args: dict
    arrays: dict
    atol: dict

    @property
    def rank(self):
        """Number of convolved axes."""
        return self.arrays["w"].ndim - 2

    def each(self, name, default):
        """An argument of the framework, one value per axis."""
        value = self.args.get(name)
        value = default if value is None else value
        return tuple(value) if isinstance(value, list) else (value,) * self.rank


def load(folder, name):
    """All cases of one set."""
    manifest = json.loads((folder / f"{name}.json").read_text())
    with np.load(folder / f"{name}.npz") as stored:
        return [
            Golden(
                case["case"],
                case["op"],
                case["args"],
                {
                    short: stored[f"{case['case']}/{short}"]
                    for short in (*case["inputs"], *case["outputs"])
                },
                case["atol"],
            )
            for case in manifest["cases"]
        ]


SETS = {path.stem: load(FOLDER, path.stem) for path in sorted(FOLDER.glob("*.json"))}


def names(name, *words):
    """Names of the cases of one set whose operation contains all `words`."""
    return [one.name for one in SETS[name] if all(word in one.op for word in words)]


def golden(name):
    """The case of this name."""
    (found,) = (one for cases in SETS.values() for one in cases if one.name == name)
    return found


def assert_golden(got, case, output):
    """`got` is the framework's output: exactly, where its tolerance is zero."""
    want = case.arrays[output]
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    wide = np.result_type(want, np.float64)
    assert np.all(abs(got.astype(wide) - want.astype(wide)) <= case.atol[output])


def torch_op(case, engine="auto", **more):
    """The operator in our words, of a call in PyTorch's."""
    kind = "ConvTranspose" if "transpose" in case.op else "Conv"
    words = {
        "stride": case.each("stride", 1),
        "padding": case.each("padding", 0),
        "dilation": case.each("dilation", 1),
        "groups": case.args.get("groups", 1),
        "padding_mode": case.args.get("padding_mode", "zeros"),
    }
    if kind == "ConvTranspose":
        words["output_padding"] = case.each("output_padding", 0)
    make = getattr(ca, f"{kind}{case.rank}DOp")
    x, w = case.arrays["x"], case.arrays["w"]
    return make(x.shape, w, engine=engine, **words | more)
