"""Write the inputs that PyTorch's own tests have for batch norm into a file: `FILE` as argument.

A program of its own, since torch.testing._internal changes torch's settings where it is imported.
It wants the package expecttest, of which these inputs use nothing but a class to derive from.
"""

import sys
import types
import unittest

import torch

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def main(file):
    stand_in = types.ModuleType("expecttest")
    stand_in.TestCase, stand_in.ACCEPT = unittest.TestCase, False
    sys.modules.setdefault("expecttest", stand_in)
    torch.manual_seed(0)
    calls, layers = function_calls(), layer_calls()
    torch.save({"calls": calls, "layers": layers}, file)


def function_calls():
    """Return tuples of a dtype and the arguments of torch.nn.functional.batch_norm."""
    from torch.testing._internal.common_methods_invocations import op_db

    names = ("input", "running_mean", "running_var", "weight", "bias")
    calls = []
    for op in op_db:
        if op.name != "nn.functional.batch_norm" or op.variant_test_name:
            continue
        for dtype in DTYPES:
            assert dtype in op.dtypes
            for inputs in (op.sample_inputs, op.reference_inputs):
                for sample in inputs("cpu", dtype, requires_grad=True):
                    tensors = dict(zip(names, (sample.input, *sample.args), strict=True))
                    calls.append((dtype, tensors | sample.kwargs))
        assert op.error_inputs_func is None
    return calls


def layer_calls():
    """Return, for each module input, what constructs a layer, what it is called with, and errors.

    They are tuples: dtype, training, name of the class, arguments and keywords of its
    constructor, input, and the expected error or None.
    """
    from torch.testing._internal.common_modules import module_db

    kinds = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)
    calls = []
    for info in module_db:
        if info.module_cls not in kinds:
            continue
        for dtype in DTYPES:
            for training in (True, False):
                options = {"dtype": dtype, "requires_grad": True, "training": training}
                for error in (False, True):
                    make = info.module_error_inputs_func if error else info.module_inputs_func
                    for case in make(info, device="cpu", **options):
                        given = case.module_error_input if error else case
                        made, fed = given.constructor_input, given.forward_input
                        expected = (case.error_type.__name__, case.error_regex) if error else None
                        name = info.module_cls.__name__
                        call = (name, made.args, made.kwargs, fed.args[0].detach(), expected)
                        calls.append((dtype, training, *call))
    return calls


if __name__ == "__main__":
    main(sys.argv[1])
