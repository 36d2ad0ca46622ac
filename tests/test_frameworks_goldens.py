"""Every adapter is its framework: case by case, with every engine, refusals too."""

import numpy as np
import pytest

from convadjoint.frameworks import table
from frameworks_cases import (
    cases,
    check_case,
    check_refusal,
    function,
    operator,
    refused,
)
from goldens import golden

SETS = (
    "jax",
    "tensorflow",
    "torch",
    "torch_grad",
    "onnx",
    "onnx_node",
    "mxnet",
    "caffe",
    "opencv_dnn_caffe",
)


@pytest.mark.parametrize("case", cases(*SETS), ids=lambda one: one.name)
def test_every_golden_case_with_every_engine(case):
    check_case(case)


@pytest.mark.parametrize("one", refused(*SETS), ids=lambda one: one.name)
def test_what_a_framework_refuses_is_refused(one):
    check_refusal(one)


def test_every_function_of_the_cases_is_in_the_table():
    known = {one.name for one in table()}
    assert {function(one.api).semantics.name for one in cases(*SETS)} <= known


WRONG = {
    "stride": {"stride": [1, 1]},
    "padding": {"padding": [3, 2]},
    "dilation": {"dilation": [2, 1]},
    "groups": {"groups": 2},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_golden_tests_can_fail(wrong):
    case = golden("torch_grad_conv2d_grad_010")
    with pytest.raises((AssertionError, ValueError)):
        check_case(case._replace(args=case.args | WRONG[wrong]))


def test_the_golden_tests_see_a_wrong_kernel_and_a_missing_conjugate():
    case = golden("torch_grad_conv2d_grad_004")
    for change in (np.conj, lambda w: w[..., ::-1], lambda w: np.roll(w, 2, axis=0)):
        arrays = case.arrays | {"w": change(case.arrays["w"])}
        with pytest.raises(AssertionError):
            check_case(case._replace(arrays=arrays))
    op = operator(case)
    assert not np.allclose(op.T @ case.arrays["g"], case.arrays["gx"])
