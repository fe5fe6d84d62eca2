"""BentoML; PEER_BATCH turns its adaptive batching on."""

import os

import bentoml
import numpy as np
from onnx_models import Model, names

BATCH = os.environ.get("PEER_BATCH") == "1"


@bentoml.service(workers=int(os.environ["PEER_WORKERS"]), traffic={"timeout": 60, "max_concurrency": 4096})
class Service:
    def __init__(self):
        self.model = Model(names()[0])

    @bentoml.api(route="/predict", batchable=BATCH, max_batch_size=32, max_latency_ms=1000)
    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return self.model.rows(inputs)
