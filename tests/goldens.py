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
    api: str
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


class Refusal(NamedTuple):
    """One call that the framework refuses, with shapes by short name."""

    name: str
    api: str
    args: dict
    shapes: dict
    tags: list
    error: str


def manifest(folder, name):
    """The description of one set."""
    return json.loads((folder / f"{name}.json").read_text())


def load(folder, name):
    """All cases of one set."""
    with np.load(folder / f"{name}.npz") as stored:
        return [
            Golden(
                case["case"],
                case["op"],
                case["api"],
                case["args"],
                {
                    short: stored[f"{case['case']}/{short}"]
                    for short in (*case["inputs"], *case["outputs"])
                },
                case["atol"],
            )
            for case in manifest(folder, name)["cases"]
        ]


def refusals(folder, name):
    """The combinations of one set that the framework does not allow."""
    return [
        Refusal(
            one["case"],
            one["api"],
            one["args"],
            {short: tuple(array["shape"]) for short, array in one["inputs"].items()},
            one["tags"],
            one["error_type"],
        )
        for one in manifest(folder, name).get("rejected", ())
        if one["category"] == "invalid"
    ]


SETS = {path.stem: load(FOLDER, path.stem) for path in sorted(FOLDER.glob("*.json"))}


REFUSALS = {name: refusals(FOLDER, name) for name in SETS}
# A case may be in two sets.
BY_NAME = {one.name: one for cases in SETS.values() for one in cases}


def names(name, *words):
    """Names of the cases of one set whose operation contains all `words`."""
    return [one.name for one in SETS[name] if all(word in one.op for word in words)]


def golden(name):
    """The case of this name."""
    return BY_NAME[name]


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
