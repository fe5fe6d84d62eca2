"""Ray Serve; PEER_BATCH turns serve.batch on."""

import os
import time

import numpy as np
import ray
from ray import serve
from starlette.requests import Request

BATCH = os.environ.get("PEER_BATCH") == "1"


@serve.deployment(max_ongoing_requests=512, num_replicas=int(os.environ["PEER_WORKERS"]))
class Service:
    def __init__(self):
        from onnx_models import Model, names

        self.model = Model(names()[0])

    async def __call__(self, request: Request):
        rows = np.asarray((await request.json())["inputs"], dtype=np.float32)
        outputs = await self.together(rows) if BATCH else self.model.rows(rows)
        return {"outputs": outputs.tolist()}

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.002)
    async def together(self, requests):
        outputs = self.model.rows(np.concatenate(requests))
        return np.split(outputs, np.cumsum([len(one) for one in requests])[:-1])


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, configure_logging=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PEER_PORT"]), "access_log": False})
    serve.run(Service.bind(), route_prefix="/predict")
    while True:
        time.sleep(60)
