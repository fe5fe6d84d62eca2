"""The models of a folder, run by onnxruntime: what all Python peers serve, so that they differ in their servers only."""

import os
from pathlib import Path

import numpy as np
import onnxruntime

FOLDER = Path(os.environ["PEER_MODELS"])
THREADS = int(os.environ.get("PEER_THREADS", "0"))
DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}


class Model:
    def __init__(self, name):
        options = onnxruntime.SessionOptions()
        # 0 leaves the number to onnxruntime.
        options.intra_op_num_threads = THREADS
        self.name = name
        self.session = onnxruntime.InferenceSession(
            str(FOLDER / f"{name}.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.inputs = [spec(one) for one in self.session.get_inputs()]
        self.outputs = [spec(one) for one in self.session.get_outputs()]

    def run(self, inputs):
        """From arrays by name to arrays by name."""
        arrays = self.session.run(None, inputs)
        return dict(zip((name for name, _, _ in self.outputs), arrays))

    def rows(self, rows):
        """For a model of one input and one output: a batch of float rows."""
        (name, _, _), *_ = self.inputs
        return self.session.run(None, {name: np.ascontiguousarray(rows, dtype=np.float32)})[0]


def spec(value):
    """Name, datatype of the Open Inference protocol, shape."""
    return value.name, DATATYPES[value.type], [size if isinstance(size, int) else -1 for size in value.shape]


def names():
    return sorted(path.stem for path in FOLDER.glob("*.onnx"))
