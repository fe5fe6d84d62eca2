"""PyTriton: Triton with this process behind it; PEER_BATCH gives its batcher time to gather."""

import os
import socket

from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig
import numpy as np
from onnx_models import Model, names

BATCH = os.environ.get("PEER_BATCH") == "1"
PORT = int(os.environ["PEER_PORT"])
model = Model(names()[0])
(input_name, _, input_shape), *_ = model.inputs
(output_name, _, output_shape), *_ = model.outputs


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@batch
def infer(**inputs):
    return [model.rows(inputs[input_name])]


with Triton(config=TritonConfig(http_port=PORT, grpc_port=free_port(), metrics_port=free_port(), http_address="127.0.0.1", grpc_address="127.0.0.1", log_verbose=0)) as triton:
    triton.bind(
        model_name=model.name,
        infer_func=infer,
        inputs=[Tensor(name=input_name, dtype=np.float32, shape=tuple(input_shape[1:]))],
        outputs=[Tensor(name=output_name, dtype=np.float32, shape=tuple(output_shape[1:]))],
        config=ModelConfig(max_batch_size=64, batcher=DynamicBatcher(max_queue_delay_microseconds=500 if BATCH else 0)),
        strict=False,
    )
    triton.serve()
