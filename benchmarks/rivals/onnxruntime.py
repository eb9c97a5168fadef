"""onnxruntime: prediction by an ONNX model of the same network, with one call for all rows or in batches."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.data import Arrays, Data
from benchmarks.rivals.batches import calls
from benchmarks.rivals.layout import layer_names
from benchmarks.workloads import Workload

_OPSET, _IR_VERSION = 17, 8


def make(variant: str, workload: Workload, data: Data, cores: int) -> Prediction:
    """Return what is timed; the variants are none, and ``batches``."""
    return Prediction(variant, workload, data, cores)


def _model(workload: Workload, start: Arrays) -> onnx.ModelProto:
    nodes, value = [], "x"
    for name in layer_names(workload):
        nodes.append(helper.make_node("Gemm", [value, f"{name}.weight", f"{name}.bias"], [name]))
        value = name
        if name != "output":
            nodes.append(helper.make_node("Relu", [name], [f"{name}.relu"]))
            value = f"{name}.relu"
    dtype = TensorProto.FLOAT if workload.dtype == "float32" else TensorProto.DOUBLE
    tensors = [numpy_helper.from_array(array, path) for path, array in start.items()]
    x = helper.make_tensor_value_info("x", dtype, ["rows", workload.widths[0]])
    output = helper.make_tensor_value_info("output", dtype, ["rows", workload.widths[-1]])
    graph = helper.make_graph(nodes, workload.name, [x], [output], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


class Prediction:
    """The prediction of all rows."""

    def __init__(self, variant: str, workload: Workload, data: Data, cores: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores
        model = _model(workload, data.start).SerializeToString()
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

        def predict(x: np.ndarray) -> np.ndarray:
            prediction: np.ndarray = session.run(None, {"x": x})[0]
            return prediction

        self._calls = calls(predict, data.x, workload.batch, variant == "batches")

    def reset(self, epoch: int) -> None:
        """Do nothing: a prediction changes nothing."""

    def run(self) -> None:
        """Predict."""
        self._last = self._calls()

    def outcome(self) -> Arrays:
        """Return the last call's predictions."""
        return {"prediction": self._last}
