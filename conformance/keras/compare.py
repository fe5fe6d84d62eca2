"""python compare.py FOLDER [NAME...]: runs what was converted in TensorFlow itself, beside what Keras answered."""
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import numpy as np
import tensorflow as tf


def read(folder, one):
    return np.fromfile(os.path.join(folder, one["file"]), dtype=one["dtype"]).reshape(one["shape"])


def main(folder, names):
    failed = 0
    for name in names or sorted(os.listdir(folder)):
        at = os.path.join(folder, name)
        with open(os.path.join(at, "case.json")) as file:
            case = json.load(file)
        try:
            serve = tf.saved_model.load(os.path.join(at, "keras")).signatures["serving_default"]
            given = {one["name"]: tf.constant(read(at, one)) for one in case["inputs"]}
            answers = serve(**given)
            worst = 0.0
            for one in case["outputs"]:
                expected, answer = read(at, one).astype("float64"), answers[one["name"]].numpy().astype("float64")
                assert expected.shape == answer.shape, f"{one['name']}: shape {answer.shape}, Keras has {expected.shape}"
                worst = max(worst, float(np.max(np.abs(expected - answer), initial=0) / max(np.max(np.abs(expected), initial=0), 1e-30)))
            if not worst <= case["bound"]:
                raise AssertionError(f"differs by {worst:.2e} of the largest")
        except Exception as error:
            failed += 1
            print(f"FAIL  {name}: {type(error).__name__}: {str(error)[:200]}")
    print(f"{failed} failed")


main(sys.argv[1], sys.argv[2:])
