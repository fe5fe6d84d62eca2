"""MLServer: `mlserver start FOLDER`, with a model-settings.json for each model that names this class."""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor, ResponseOutput

from onnx_models import Model


class OnnxModel(MLModel):
    async def load(self) -> bool:
        self.model = Model(self.settings.name)
        self.inputs = [MetadataTensor(name=n, datatype=d, shape=s) for n, d, s in self.model.inputs]
        self.outputs = [MetadataTensor(name=n, datatype=d, shape=s) for n, d, s in self.model.outputs]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        arrays = {}
        for one in payload.inputs:
            if one.datatype == "BYTES":
                arrays[one.name] = np.array(StringCodec.decode_input(one), dtype=object).reshape(one.shape)
            else:
                arrays[one.name] = NumpyCodec.decode_input(one).reshape(one.shape)
        outputs = []
        datatypes = {name: datatype for name, datatype, _ in self.model.outputs}
        # Not by NumpyCodec, which gives a vector a second dimension.
        for name, array in self.model.run(arrays).items():
            data = array.reshape(-1).tolist()
            outputs.append(ResponseOutput(name=name, shape=list(array.shape), datatype=datatypes[name], data=data))
        return InferenceResponse(
            id=payload.id, model_name=self.name, model_version=self.settings.parameters.version, outputs=outputs
        )
