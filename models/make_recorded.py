"""Requests as TensorFlow Serving records them for its warm-up: PredictionLog messages in a TFRecord file."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
    session_service_pb2,
)

Log = prediction_log_pb2.PredictionLog


def write_logs(path: Path, logs) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def predict_log(inputs, signature="") -> Log:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "recorded"
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(value)
    return Log(predict_log=prediction_log_pb2.PredictLog(request=request))


def make_recorded(folder: Path) -> None:
    """One record of each kind, and tensors of all types in both forms that a TensorProto has for its values."""
    types = ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "bfloat16"]
    values = [[1, 2], [3, 100]]
    as_bytes = {name: tf.make_tensor_proto(np.array(values, tf.as_dtype(name).as_numpy_dtype)) for name in types}
    as_bytes["bool"] = tf.make_tensor_proto(np.array([True, False]))
    as_bytes["string"] = tf.make_tensor_proto([b"", b"\x00\xff", "grün".encode()])
    # A scalar, and equal values, are written into the fields for each type, the latter once.
    as_fields = {name: tf.make_tensor_proto(7, tf.as_dtype(name)) for name in types}
    as_fields |= {name + "_equal": tf.make_tensor_proto(5, tf.as_dtype(name), [2, 3]) for name in types}
    as_fields["bool"] = tf.make_tensor_proto(True)
    as_fields["string"] = tf.make_tensor_proto(b"one")
    # The last value stands for all that follow.
    as_fields["last"] = tf.make_tensor_proto([0.5, 0.25])
    as_fields["last"].ClearField("tensor_content")
    as_fields["last"].float_val.extend([0.5, 0.25])
    as_fields["last"].tensor_shape.dim[0].size = 4
    example = tf.train.Example()
    example.features.feature["x"].float_list.value.extend([1.0, 2.0])
    context = tf.train.Example()
    context.features.feature["user"].bytes_list.value.append(b"u")
    classify = classification_pb2.ClassificationRequest()
    classify.model_spec.signature_name = "classify"
    classify.input.example_list.examples.extend([example, example])
    regress = regression_pb2.RegressionRequest()
    regress.model_spec.signature_name = "regress"
    regress.input.example_list_with_context.context.CopyFrom(context)
    regress.input.example_list_with_context.examples.append(example)
    several = inference_pb2.MultiInferenceRequest()
    for signature in ["classify", "regress"]:
        several.tasks.add().model_spec.signature_name = signature
    several.input.example_list.examples.append(example)
    session = session_service_pb2.SessionRunRequest()
    write_logs(
        folder / "tf_serving_warmup_requests",
        [
            predict_log(as_bytes),
            predict_log(as_fields, "named"),
            Log(classify_log=prediction_log_pb2.ClassifyLog(request=classify)),
            Log(regress_log=prediction_log_pb2.RegressLog(request=regress)),
            Log(multi_inference_log=prediction_log_pb2.MultiInferenceLog(request=several)),
            Log(session_run_log=prediction_log_pb2.SessionRunLog(request=session)),
        ],
    )
