"""python build.py FOLDER [NAME...]: makes the models of cases.py with random weights, saves them, and writes what they answer."""
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import numpy as np
import keras

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases

ROWS = 3


def randomise(model, rng):
    """No weight stays as it was made: zeros and ones would hide a mistake."""
    for variable in model.variables:
        if "seed_generator" in variable.path or variable.dtype not in ("float16", "bfloat16", "float32", "float64"):
            continue
        scale = 0.5 / max(1.0, np.sqrt(np.prod(variable.shape[:-1]) / 4)) if len(variable.shape) > 1 else 0.5
        values = rng.normal(0.1, scale, variable.shape)
        if "variance" in variable.path:
            values = np.abs(values) + 0.5
        variable.assign(values)
    for layer in model.layers:
        # Normalization computes with copies of its variables.
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def draw(rng, tensor, low, high):
    shape = [ROWS if i == 0 and size is None else 5 if size is None else size for i, size in enumerate(tensor.shape)]
    if "float" not in tensor.dtype:
        return rng.integers(int(low), int(high) + 1, shape).astype(tensor.dtype)
    if low >= 0:
        return np.floor(rng.uniform(low, high, shape)).astype(tensor.dtype)
    return rng.uniform(low, high, shape).astype(tensor.dtype)


def tensors(folder, prefix, arrays):
    listed = []
    for i, (name, array) in enumerate(arrays):
        array = np.ascontiguousarray(array)
        file = f"{prefix}{i}.bin"
        array.tofile(os.path.join(folder, file))
        listed.append({"name": name, "dtype": str(array.dtype), "shape": list(array.shape), "file": file})
    return listed


def main(folder, wanted):
    for name in wanted or cases.CASES:
        make, low, high, bound = cases.CASES[name]
        keras.utils.clear_session()
        keras.utils.set_random_seed(7)
        rng = np.random.default_rng(len(name) * 31 + sum(map(ord, name)))
        model = make()
        randomise(model, rng)
        at = os.path.join(folder, name)
        os.makedirs(at, exist_ok=True)
        inputs = [draw(rng, tensor, low, high) for tensor in model.inputs]
        answer = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
        outputs = list(answer.items()) if isinstance(answer, dict) else list(
            enumerate(answer if isinstance(answer, (list, tuple)) else [answer]))
        model.save(os.path.join(at, "model.keras"))
        model.save(os.path.join(at, "model.h5"))
        # Keras' own export names the inputs so, of the model in the file.
        names = [tensor.name for tensor in keras.saving.load_model(os.path.join(at, "model.keras"), compile=False).inputs]
        with open(os.path.join(at, "case.json"), "w") as file:
            json.dump({
                "bound": bound,
                "inputs": tensors(at, "input", zip(names, inputs)),
                "outputs": tensors(at, "output", [(k if isinstance(k, str) else f"output_{k}", x) for k, x in outputs]),
            }, file)


main(sys.argv[1], sys.argv[2:])
