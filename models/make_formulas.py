"""Models whose answers a few lines of arithmetic give as well: linear regression, a kernel SVM, a small network.

Their golden answers come from these lines, in float64, not from the exported models.
"""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.svm import SVC

from make_recorded import predict_log, write_logs

ROWS = 5
# The network's weights are multiples of this, so that one byte each holds them exactly.
STEP = 1 / 128


def make_formulas(target: Path, convert) -> None:
    make_linear(target / "linear-regression", convert)
    make_svm(target / "kernel-svm", convert)
    make_network(target / "digits-28x28", convert)


def make_linear(folder: Path, convert) -> None:
    """Progression of diabetes from ten measurements: y = x w + b."""
    data = load_diabetes(scaled=False)
    design = np.hstack([data.data, np.ones((len(data.data), 1))])
    solution = np.linalg.lstsq(design, data.target, rcond=None)[0].astype("float32")
    weights, intercept = solution[:-1], solution[-1]
    w, b = tf.constant(weights[:, np.newaxis]), tf.constant(intercept)
    spec = tf.TensorSpec([None, 10], tf.float32, name="measurements")
    export(folder, lambda measurements: {"progression": tf.squeeze(measurements @ w, 1) + b}, [spec], convert)
    rows = data.data[:ROWS].astype("float32")
    answers = rows.astype("float64") @ weights.astype("float64") + float(intercept)
    write_json(folder / "formula.json", {"weights": weights, "intercept": intercept})
    write_golden(folder, {"measurements": rows}, {"progression": answers})
    recorded = folder / "saved_model" / "assets.extra" / "tf_serving_warmup_requests"
    write_logs(recorded, [predict_log({"measurements": tf.make_tensor_proto(rows)}), predict_log({"measurements": tf.make_tensor_proto(rows[:1])})])


def make_svm(folder: Path, convert) -> None:
    """Benign or malignant, from thirty measurements: f(x) = sum of a_i exp(-g |z - s_i|^2) + b with z = (x - mean) / deviation."""
    data = load_breast_cancer()
    mean, deviation = data.data.mean(0).astype("float32"), data.data.std(0).astype("float32")
    machine = SVC(C=3, gamma=0.01).fit((data.data - mean) / deviation, data.target)
    vectors, coefficients = machine.support_vectors_.astype("float32"), machine.dual_coef_[0].astype("float32")
    gamma, intercept = np.float32(machine.gamma), machine.intercept_[0].astype("float32")
    names = [str(name) for name in data.target_names]

    def decide(measurements):
        z = (measurements - mean) / deviation
        distance = tf.reduce_sum(tf.square(tf.expand_dims(z, 1) - tf.constant(vectors)), 2)
        return tf.linalg.matvec(tf.exp(-gamma * distance), tf.constant(coefficients)) + intercept

    def diagnose(measurements):
        decision = decide(measurements)
        return {"decision": decision, "diagnosis": tf.where(decision > 0, names[1], names[0])}

    spec = tf.TensorSpec([None, 30], tf.float32, name="measurements")
    export(folder, diagnose, [spec], lambda *_: None)
    # TensorFlow.js has no operation that chooses between texts.
    numbers = folder / "numbers"
    export(numbers, lambda measurements: {"decision": decide(measurements)}, [spec], convert)
    shutil.move(numbers / "tfjs", folder / "tfjs")
    shutil.rmtree(numbers)
    rows = data.data[::120].astype("float32")
    wide = [value.astype("float64") for value in (rows, mean, deviation, vectors, coefficients)]
    z = (wide[0] - wide[1]) / wide[2]
    distance = ((z[:, None, :] - wide[3][None]) ** 2).sum(2)
    answers = np.exp(-float(gamma) * distance) @ wide[4] + float(intercept)
    formula = {"mean": mean, "deviation": deviation, "vectors": vectors, "coefficients": coefficients}
    write_json(folder / "formula.json", formula | {"gamma": gamma, "intercept": intercept, "names": names})
    write_golden(folder, {"measurements": rows}, {"decision": answers, "diagnosis": [names[int(value > 0)] for value in answers]})


def make_network(folder: Path, convert) -> None:
    """Digits of 28 x 28 pixels by layers of 64, 64 and 10: h = relu(x w + b), twice, then softmax."""
    keras.utils.set_random_seed(11)
    scans, labels = load_digits(return_X_y=True)
    # The scans of 8 x 8 pixels, each pixel three times as large, in the middle of a frame.
    pictures = np.pad(scans.reshape(-1, 8, 8).repeat(3, 1).repeat(3, 2) / 16, ((0, 0), (2, 2), (2, 2))).astype("float32")
    image = keras.Input(shape=(28, 28), name="image")
    x = keras.layers.Flatten(name="pixels")(image)
    for index in (1, 2):
        x = keras.layers.Dense(64, activation="relu", name=f"hidden_{index}")(x)
    model = keras.Model(image, keras.layers.Dense(10, activation="softmax", name="probabilities")(x), name="digits")
    model.compile(optimizer=keras.optimizers.Adam(0.002), loss="sparse_categorical_crossentropy")
    model.fit(pictures[:1437], labels[:1437], epochs=12, batch_size=32, verbose=0)
    model.set_weights([np.clip(np.round(values / STEP), -128, 127) * STEP for values in model.get_weights()])
    accuracy = float(np.mean(np.argmax(model.predict(pictures[1437:], verbose=0), axis=1) == labels[1437:]))
    spec = tf.TensorSpec([None, 28, 28], tf.float32, name="image")
    # Keras' own export writes every weight twice.
    module = tf.Module()
    module.weights = [tf.Variable(values) for values in model.get_weights()]

    def classify(image):
        hidden = tf.reshape(image, [-1, 784])
        for w, b in zip(module.weights[0:4:2], module.weights[1:4:2]):
            hidden = tf.nn.relu(hidden @ w + b)
        return {"probabilities": tf.nn.softmax(hidden @ module.weights[4] + module.weights[5])}

    export(folder, classify, [spec], convert, module)
    weights = [values.astype("float64") for values in model.get_weights()]
    write_bytes_instead_of_floats(folder / "tfjs")
    rows = pictures[1437 : 1437 + ROWS]
    h = rows.reshape(ROWS, -1).astype("float64")
    for w, b in zip(weights[::2], weights[1::2]):
        h = h @ w + b
        h = np.maximum(h, 0) if len(b) == 64 else np.exp(h - h.max(1, keepdims=True))
    write_golden(folder, {"image": rows}, {"probabilities": h / h.sum(1, keepdims=True)})
    print(f"digits-28x28: {model.count_params()} parameters, accuracy {accuracy:.3f} on {len(labels) - 1437} unseen scans")


def write_bytes_instead_of_floats(folder: Path) -> None:
    """Stores weights that are multiples of STEP as bytes, which TensorFlow.js turns into the same numbers again."""
    path = folder / "model.json"
    model = json.loads(path.read_text())
    (group,) = model["weightsManifest"]
    data = b"".join((folder / name).read_bytes() for name in group["paths"])
    packed, at = b"", 0
    for weight in group["weights"]:
        size = int(np.prod(weight["shape"])) * 4
        values, at = np.frombuffer(data[at : at + size], weight["dtype"]), at + size
        if weight["dtype"] == "float32":
            weight["quantization"] = {"dtype": "uint8", "original_dtype": "float32", "scale": STEP, "min": -1.0}
            steps = (values + 1) / STEP
            assert np.array_equal(steps, np.round(steps)) and steps.min() >= 0 and steps.max() <= 255
            values = steps.astype("uint8")
        packed += values.tobytes()
    (folder / group["paths"][0]).write_bytes(packed)
    path.write_text(json.dumps(model, separators=(",", ":")))


def export(folder: Path, function, specs, convert, module=None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    signature = tf.function(function, input_signature=specs)
    options = tf.saved_model.SaveOptions(save_debug_info=False)
    tf.saved_model.save(module or tf.Module(), str(folder / "saved_model"), signatures={"serving_default": signature}, options=options)
    strip(folder / "saved_model")
    convert(folder / "saved_model", folder / "tfjs")


def strip(folder: Path) -> None:
    """Removes what no server reads and what differs from run to run."""
    (folder / "fingerprint.pb").unlink(missing_ok=True)
    shutil.rmtree(folder / "assets", ignore_errors=True)


def write_golden(folder: Path, inputs, outputs) -> None:
    """One request with all rows, and one with the first row alone."""

    def tensor(name, values, rows):
        array = np.asarray(values)[:rows]
        text = array.dtype.kind in "US"
        data = [str(value) if text else float(value) for value in array.flatten()]
        return {"name": name, "shape": list(array.shape), "datatype": "BYTES" if text else "FP32", "data": data}

    def request(rows):
        return {
            "inputs": [tensor(name, values, rows) for name, values in inputs.items()],
            "outputs": [tensor(name, values, rows) for name, values in outputs.items()],
        }

    write_json(folder / "golden.json", {"requests": [request(1), request(None)]})


def write_json(path: Path, value) -> None:
    # float32 values by their shortest text that is the same float32.
    def plain(item):
        if isinstance(item, (np.ndarray, list)):
            return [plain(part) for part in item]
        return float(str(item)) if isinstance(item, np.float32) else item

    whole = {key: plain(item) for key, item in value.items()}
    path.write_text(json.dumps(whole, separators=(",", ":")) + "\n")
