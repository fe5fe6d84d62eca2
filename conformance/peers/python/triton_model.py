"""model.py of a stand-alone Triton with its Python backend."""

import triton_python_backend_utils as pb
from onnx_models import Model, names


class TritonPythonModel:
    def initialize(self, args):
        self.model = Model(names()[0])

    def execute(self, requests):
        import numpy as np

        arrays = [pb.get_input_tensor_by_name(one, self.model.inputs[0][0]).as_numpy() for one in requests]
        outputs = self.model.rows(np.concatenate(arrays))
        parts = np.split(outputs, np.cumsum([len(one) for one in arrays])[:-1])
        name = self.model.outputs[0][0]
        return [pb.InferenceResponse([pb.Tensor(name, part)]) for part in parts]
