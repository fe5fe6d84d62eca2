"""KServe's Python server."""

import argparse
import os

import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model as Base, ModelServer
from kserve.model_server import parser
from kserve.utils.utils import generate_uuid

from onnx_models import Model, names


class OnnxModel(Base):
    def __init__(self, name):
        super().__init__(name)
        self.model = Model(name)
        self.ready = True

    def __reduce__(self):
        # Sessions cannot be sent to the workers: each loads its own.
        return OnnxModel, (self.name,)

    async def get_input_types(self):
        return [{"name": n, "datatype": d, "shape": s} for n, d, s in self.model.inputs]

    async def get_output_types(self):
        return [{"name": n, "datatype": d, "shape": s} for n, d, s in self.model.outputs]

    def predict(self, payload, headers=None, response_headers=None):
        if not isinstance(payload, InferRequest):
            return {"predictions": self.instances(payload["instances"])}
        arrays = {}
        for one in payload.inputs:
            array = one.as_numpy()
            if one.datatype == "BYTES":
                array = np.array([x.decode() if isinstance(x, bytes) else x for x in array.flat], dtype=object).reshape(array.shape)
            arrays[one.name] = array
        outputs = []
        datatypes = {name: datatype for name, datatype, _ in self.model.outputs}
        for name, array in self.model.run(arrays).items():
            output = InferOutput(name=name, shape=list(array.shape), datatype=datatypes[name])
            output.set_data_from_numpy(array, binary_data=wants_binary(payload, name))
            outputs.append(output)
        return InferResponse(model_name=self.name, response_id=payload.id or generate_uuid(), infer_outputs=outputs)


    def instances(self, rows):
        """Rows of the first version of the protocol: bare for one input, by name for several."""
        if not isinstance(rows[0], dict):
            return self.model.rows(rows).tolist()
        kinds = {"BYTES": object, "BOOL": bool, "FP32": np.float32, "FP64": np.float64}
        arrays = {n: np.array([row[n] for row in rows], dtype=kinds.get(d, d.lower())) for n, d, _ in self.model.inputs}
        outputs = self.model.run(arrays)
        if len(outputs) == 1:
            return next(iter(outputs.values())).tolist()
        return [{name: array[i].tolist() if hasattr(array[i], "tolist") else array[i] for name, array in outputs.items()} for i in range(len(rows))]


def wants_binary(payload, name):
    for one in payload.request_outputs or []:
        if one.name == name and one.parameters and "binary_data" in one.parameters:
            return bool(one.parameters["binary_data"])
    return bool((payload.parameters or {}).get("binary_data_output"))


if __name__ == "__main__":
    arguments, _ = argparse.ArgumentParser(parents=[parser]).parse_known_args()
    ModelServer(
        http_port=int(os.environ["PEER_PORT"]), enable_grpc=False, enable_docs_url=False, workers=arguments.workers
    ).start([OnnxModel(name) for name in names()])
