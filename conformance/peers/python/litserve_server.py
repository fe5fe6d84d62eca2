"""LitServe; PEER_BATCH turns batching on."""

import os

import litserve
import numpy as np
from onnx_models import Model, names

BATCH = os.environ.get("PEER_BATCH") == "1"


class Api(litserve.LitAPI):
    def setup(self, device):
        self.model = Model(names()[0])

    def decode_request(self, request):
        return np.asarray(request["inputs"], dtype=np.float32)

    def batch(self, inputs):
        self.sizes = [len(one) for one in inputs]
        return np.concatenate(inputs)

    def predict(self, rows):
        return self.model.rows(rows)

    def unbatch(self, output):
        return np.split(output, np.cumsum(self.sizes)[:-1])

    def encode_response(self, output):
        return {"outputs": output.tolist()}


if __name__ == "__main__":
    api = Api(max_batch_size=32, batch_timeout=0.002) if BATCH else Api()
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=int(os.environ["PEER_WORKERS"]), fast_queue=BATCH)
    server.run(port=int(os.environ["PEER_PORT"]), host="127.0.0.1", num_api_servers=1, log_level="warning", generate_client_file=False)
