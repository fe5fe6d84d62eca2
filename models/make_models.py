"""The models themselves; started by make.py, which sees to the packages."""

import json
import shutil
import sys
import types
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

from make_formulas import make_formulas, strip
from make_recorded import make_recorded

PIXELS, CLASSES, GOLDEN_ROWS = 64, 10, 20

# Hidden layers and epochs. v1 has learned for a moment only; v2 is larger and has learned for longer, so that a person
# sees the difference in its answers.
VERSIONS = {"v1": ([32], 4), "v2": ([64, 32], 60)}


def make_all(target: Path) -> None:
    tf.config.experimental.enable_op_determinism()
    rows, labels = load_digits(return_X_y=True)  # 1797 scans of 8x8 pixels, each 0 (white) to 16 (black)
    rows = rows.astype("float32")
    # The last 360 scans come from writers that are not among the first.
    train, test = slice(0, 1437), slice(1437, None)
    for version, (hidden, epochs) in VERSIONS.items():
        folder = target / "digits" / version
        shutil.rmtree(folder, ignore_errors=True)
        model = train_digits(hidden, epochs, rows[train], labels[train])
        answers = model.predict(rows[test], verbose=0)
        accuracy = float(np.mean(np.argmax(answers, axis=1) == labels[test]))
        export_saved_model(model, folder / "saved_model")
        convert_to_graph_model(folder / "saved_model", folder / "tfjs")
        write_layers_model(model, folder / "tfjs_layers")
        write_golden(folder / "golden.json", model, rows[test][:GOLDEN_ROWS], labels[test][:GOLDEN_ROWS], accuracy)
        print(f"digits {version}: {model.count_params()} parameters, accuracy {accuracy:.3f} on {len(answers)} unseen scans")
    make_broken(target / "broken")
    make_recorded(target / "recorded")
    make_formulas(target, convert_to_graph_model)


def train_digits(hidden, epochs, rows, labels):
    keras.utils.set_random_seed(7)
    image = keras.Input(shape=(PIXELS,), name="image")
    x = keras.layers.Rescaling(1 / 16, name="scale")(image)
    for index, units in enumerate(hidden):
        x = keras.layers.Dense(units, activation="relu", name=f"hidden_{index + 1}")(x)
    probabilities = keras.layers.Dense(CLASSES, activation="softmax", name="probabilities")(x)
    model = keras.Model(image, probabilities, name="digits")
    model.compile(optimizer=keras.optimizers.Adam(0.002), loss="sparse_categorical_crossentropy")
    model.fit(rows, labels, epochs=epochs, batch_size=32, verbose=0)
    return model


def export_saved_model(model, folder: Path) -> None:
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serving_default",
        lambda image: {"probabilities": model(image)},
        input_signature=[tf.TensorSpec([None, PIXELS], tf.float32, name="image")],
    )
    archive.write_out(folder, verbose=False)
    strip(folder)


def convert_to_graph_model(saved_model: Path, folder: Path) -> None:
    # The converter imports these two although a plain SavedModel needs neither, and neither installs beside TensorFlow 2.21.
    for name in ["jax", "jax.experimental", "jax.experimental.jax2tf", "tensorflow_decision_forests"]:
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["jax"].experimental = sys.modules["jax.experimental"]
    sys.modules["jax.experimental"].jax2tf = sys.modules["jax.experimental.jax2tf"]
    from tensorflowjs.converters import tf_saved_model_conversion_v2 as converter

    converter.convert_tf_saved_model(str(saved_model), str(folder), signature_def="serving_default")


def write_layers_model(model, folder: Path) -> None:
    """TensorFlow.js' layers format, written by hand: its own converter does not know Keras 3."""
    layers, weights, data, previous = [], [], b"", None
    for layer in model.layers:
        config = {"name": layer.name, "dtype": "float32"}
        if isinstance(layer, keras.layers.InputLayer):
            config |= {"batch_input_shape": [None, PIXELS], "sparse": False}
        elif isinstance(layer, keras.layers.Rescaling):
            config |= {"scale": layer.scale, "offset": layer.offset}
        else:
            config |= {"units": layer.units, "activation": layer.activation.__name__, "use_bias": True}
        inbound = [] if previous is None else [[[previous, 0, 0, {}]]]
        layers.append({"class_name": type(layer).__name__, "name": layer.name, "config": config, "inbound_nodes": inbound})
        for variable in layer.weights:
            values = np.ascontiguousarray(variable.numpy(), dtype="<f4")
            weights.append({"name": f"{layer.name}/{variable.name}", "shape": list(values.shape), "dtype": "float32"})
            data += values.tobytes()
        previous = layer.name
    config = {
        "name": model.name,
        "layers": layers,
        "input_layers": [[layers[0]["name"], 0, 0]],
        "output_layers": [[previous, 0, 0]],
    }
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(data)
    write_json(
        folder / "model.json",
        {
            "format": "layers-model",
            "generatedBy": f"keras v{keras.__version__}",
            "modelTopology": {"keras_version": keras.__version__, "backend": "tensorflow", "model_config": {"class_name": "Model", "config": config}},
            "weightsManifest": [{"paths": ["weights.bin"], "weights": weights}],
        },
    )


def write_golden(path: Path, model, rows, labels, accuracy: float) -> None:
    """Requests with the answers of Keras: all rows at once, and the first row alone. Compare within 1e-5."""

    def request(batch):
        answers = model(batch, training=False).numpy()
        return {"inputs": [tensor("image", batch, int)], "outputs": [tensor("probabilities", answers, float)]}

    write_json(path, {"labels": labels.tolist(), "accuracy": round(accuracy, 4), "requests": [request(rows[:1]), request(rows)]})


def tensor(name: str, values, number) -> dict:
    # Pixels are whole numbers, and shorter without their ".0".
    return {"name": name, "shape": list(values.shape), "datatype": "FP32", "data": [number(value) for value in values.flatten()]}


def make_broken(folder: Path) -> None:
    """Models that a server must not serve. They share the signature of digits."""
    shutil.rmtree(folder, ignore_errors=True)
    weights = tf.constant(np.zeros((PIXELS - 1, CLASSES), "float32"))

    def crash(image):
        # Loads well; at run time 64 pixels do not fit into rows of 63, whatever their values.
        rows = tf.reshape(image, [tf.shape(image)[0], PIXELS - 1])
        return {"probabilities": tf.nn.softmax(tf.matmul(rows, weights))}

    def read_file(image):
        # Would run, but reads a file of the server: a graph that does so is refused before it is loaded.
        length = tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)
        return {"probabilities": tf.zeros([tf.shape(image)[0], CLASSES]) + length}

    for name, function in {"crash-on-warmup": crash, "refused-op": read_file}.items():
        spec = tf.TensorSpec([None, PIXELS], tf.float32, name="image")
        signature = tf.function(function, input_signature=[spec])
        options = tf.saved_model.SaveOptions(save_debug_info=False)
        tf.saved_model.save(tf.Module(), str(folder / name), signatures={"serving_default": signature}, options=options)
        strip(folder / name)
    # Without a request of its own it would be served: what is made up for a model cannot refuse it.
    write_json(folder / "crash-on-warmup" / "warmup.json", {"requests": [{"instances": [[0.5] * PIXELS]}]})


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")
