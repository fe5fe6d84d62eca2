"""FastAPI and uvicorn around a tf.function, as most people begin; PEER_TUNED reads and writes JSON by orjson, in the event loop."""

import os
from pathlib import Path

import numpy as np
import tensorflow as tf
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

THREADS = int(os.environ.get("PEER_THREADS", "0"))
tf.config.threading.set_intra_op_parallelism_threads(THREADS)
tf.config.threading.set_inter_op_parallelism_threads(THREADS)
loaded = tf.saved_model.load(str(Path(os.environ["PEER_MODELS"]) / "mlp" / "1"))
signature = loaded.signatures["serving_default"]
app = FastAPI()


def run(rows):
    return signature(tf.constant(rows))["probabilities"].numpy()


if os.environ.get("PEER_TUNED") == "1":
    import orjson

    @app.post("/predict")
    async def predict(request: Request):
        rows = np.asarray(orjson.loads(await request.body())["inputs"], dtype=np.float32)
        return Response(orjson.dumps({"outputs": run(rows)}, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")

else:

    class Body(BaseModel):
        inputs: list[list[float]]

    @app.post("/predict")
    def predict(body: Body):
        return {"outputs": run(np.asarray(body.inputs, dtype=np.float32)).tolist()}


if __name__ == "__main__":
    uvicorn.run("fastapi_server:app", host="127.0.0.1", port=int(os.environ["PEER_PORT"]), log_level="warning", access_log=False, workers=int(os.environ["PEER_WORKERS"]))
