"""Trains a small model and saves it as people do. Argument: the folder to write into."""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np

os.chdir(sys.argv[1])
keras.utils.set_random_seed(7)

# Pictures of 8x8 with a bar: is it upright?
random = np.random.default_rng(7)
images = random.uniform(0, 0.3, (400, 8, 8)).astype("float32")
upright = random.integers(0, 2, 400)
for image, label, place in zip(images, upright, random.integers(0, 8, 400)):
    image[(slice(None), place) if label else (place, slice(None))] += 0.7

model = keras.Sequential(
    [
        keras.Input((8, 8), name="image"),
        keras.layers.Reshape((8, 8, 1)),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(2, activation="softmax", name="upright"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(images, upright, epochs=5, verbose=0)

model.save("model.h5")
model.save("model.keras")
model.export("export", verbose=False)


def as_a_browser_saves_it(folder):
    """TensorFlow.js writes the model itself as the topology, no format, and the weights as ./NAME.weights.bin."""
    os.mkdir(folder)
    layers = [{"class_name": "InputLayer", "config": {"batch_input_shape": [None, 8, 8], "dtype": "float32", "name": "image"}}]
    for layer in model.layers:
        config = {key: value for key, value in layer.get_config().items() if not isinstance(value, dict)}
        layers.append({"class_name": type(layer).__name__, "config": {**config, "dtype": "float32"}})
    weights = [(f"{layer.name}/{weight.name}", weight.numpy()) for layer in model.layers for weight in layer.weights]
    manifest = [{"name": name, "shape": list(value.shape), "dtype": "float32"} for name, value in weights]
    topology = {"class_name": "Sequential", "config": {"name": "pictures", "layers": layers}, "keras_version": "tfjs-layers 4.22.0"}
    with open(f"{folder}/pictures.json", "w") as file:
        json.dump({"modelTopology": topology, "weightsManifest": [{"paths": ["./pictures.weights.bin"], "weights": manifest}]}, file)
    with open(f"{folder}/pictures.weights.bin", "wb") as file:
        for _, value in weights:
            file.write(value.astype("<f4").tobytes())


as_a_browser_saves_it("browser")

asked = images[:2]
with open("asked.json", "w") as file:
    json.dump([{"image": image.tolist(), "answer": answer.tolist()} for image, answer in zip(asked, model.predict(asked, verbose=0))], file)
