"""Models of Keras, one per layer and choice of its arguments: each a function that makes it of random weights."""
import numpy as np
import keras
from keras import layers as L

CASES = {}


def case(name, shape, *stack, dtype="float32", low=-1.0, high=1.0, bound=1e-5, text=None):
    """A Sequential model: what makes its layers, and what its inputs are drawn from."""
    def make():
        return keras.Sequential([L.Input(shape, dtype=dtype), *[one() for one in stack]])
    CASES[name] = (make, low, high, bound)


def functional(name, low=-1.0, high=1.0, bound=1e-5):
    def register(make):
        CASES[name] = (make, low, high, bound)
        return make
    return register


case("dense", (5,), lambda: L.Dense(4, activation="relu"), lambda: L.Dropout(0.5), lambda: L.Dense(3, use_bias=False, activation="softmax"))
case("dense-time", (3, 5), lambda: L.Dense(4))
case("dense-open-time", (None, 5), lambda: L.Dense(4))
for activation in ("linear", "relu", "relu6", "sigmoid", "hard_sigmoid", "tanh", "softmax", "log_softmax", "softplus", "softsign", "selu", "elu",
                   "celu", "exponential", "silu", "hard_silu", "gelu", "mish", "leaky_relu", "log_sigmoid", "sparse_sigmoid", "squareplus",
                   "hard_tanh", "tanh_shrink", "soft_shrink", "hard_shrink", "sparse_plus", "glu"):
    case(f"activation-{activation}", (6,), lambda activation=activation: L.Activation(activation), low=-4, high=4)
case("relu", (6,), lambda: L.ReLU(max_value=1.5, negative_slope=0.1, threshold=0.2), lambda: L.ReLU(negative_slope=0.3), lambda: L.ReLU(max_value=2), low=-4, high=4)
case("leaky-relu", (6,), lambda: L.LeakyReLU(negative_slope=0.2), lambda: L.ELU(alpha=0.7), low=-4, high=4)
case("prelu", (3, 4), lambda: L.PReLU(shared_axes=[1]), lambda: L.PReLU(), low=-4, high=4)
case("softmax", (3, 4), lambda: L.Softmax(axis=1), lambda: L.Softmax(axis=(1, 2)), low=-4, high=4)
case("flatten", (3, 4, 2), lambda: L.Flatten(), lambda: L.Dense(2))
case("flatten-first", (3, 4, 2), lambda: L.Flatten(data_format="channels_first"))
for padding in ("valid", "same"):
    case(f"conv1d-{padding}", (9, 3), lambda padding=padding: L.Conv1D(4, 3, strides=2, padding=padding, activation="tanh"))
    case(f"conv2d-{padding}", (9, 8, 3), lambda padding=padding: L.Conv2D(4, (3, 2), strides=(2, 1), padding=padding, activation="relu"), lambda: L.Conv2D(2, 1, use_bias=False))
    case(f"conv3d-{padding}", (5, 6, 5, 2), lambda padding=padding: L.Conv3D(3, (2, 3, 2), strides=(1, 2, 1), padding=padding))
    case(f"conv2d-dilated-{padding}", (9, 8, 3), lambda padding=padding: L.Conv2D(4, 3, dilation_rate=(2, 1), padding=padding))
    case(f"conv3d-dilated-{padding}", (7, 6, 5, 2), lambda padding=padding: L.Conv3D(3, 2, dilation_rate=2, padding=padding))
    case(f"depthwise2d-{padding}", (9, 8, 3), lambda padding=padding: L.DepthwiseConv2D(3, strides=2, depth_multiplier=2, padding=padding, activation="relu"))
    case(f"depthwise1d-{padding}", (9, 3), lambda padding=padding: L.DepthwiseConv1D(3, strides=2, depth_multiplier=2, padding=padding))
    case(f"depthwise2d-dilated-{padding}", (9, 8, 3), lambda padding=padding: L.DepthwiseConv2D(3, dilation_rate=2, padding=padding, use_bias=False))
    case(f"separable2d-{padding}", (9, 8, 3), lambda padding=padding: L.SeparableConv2D(4, 3, strides=2, depth_multiplier=2, padding=padding, activation="elu"))
    case(f"separable1d-{padding}", (9, 3), lambda padding=padding: L.SeparableConv1D(4, 3, strides=2, padding=padding))
    case(f"transpose2d-{padding}", (4, 5, 3), lambda padding=padding: L.Conv2DTranspose(4, 3, strides=2, padding=padding, activation="relu"))
    case(f"transpose1d-{padding}", (4, 3), lambda padding=padding: L.Conv1DTranspose(4, 3, strides=2, padding=padding))
    case(f"transpose3d-{padding}", (3, 4, 3, 2), lambda padding=padding: L.Conv3DTranspose(2, 2, strides=2, padding=padding))
    case(f"transpose2d-output-padding-{padding}", (4, 5, 3), lambda padding=padding: L.Conv2DTranspose(4, 3, strides=2, output_padding=1, padding=padding))
    for places, shape in ((1, (9, 3)), (2, (9, 8, 3)), (3, (5, 6, 5, 2))):
        case(f"max-pooling{places}d-{padding}", shape, lambda padding=padding, places=places: getattr(L, f"MaxPooling{places}D")(3, strides=2, padding=padding))
        case(f"average-pooling{places}d-{padding}", shape, lambda padding=padding, places=places: getattr(L, f"AveragePooling{places}D")(2, padding=padding))
case("conv1d-causal", (9, 3), lambda: L.Conv1D(4, 3, padding="causal", dilation_rate=2))
case("conv2d-groups", (9, 8, 4), lambda: L.Conv2D(6, 3, groups=2))
case("conv2d-open", (None, None, 3), lambda: L.Conv2D(4, 3, padding="same", activation="relu"), lambda: L.GlobalAveragePooling2D())
for places, shape in ((1, (9, 3)), (2, (9, 8, 3)), (3, (5, 6, 5, 2))):
    case(f"global-max{places}d", shape, lambda places=places: getattr(L, f"GlobalMaxPooling{places}D")(keepdims=True))
    case(f"global-average{places}d", shape, lambda places=places: getattr(L, f"GlobalAveragePooling{places}D")())
case("batch-normalization", (4, 3), lambda: L.BatchNormalization(epsilon=0.01), lambda: L.BatchNormalization(axis=1, scale=False), lambda: L.BatchNormalization(center=False))
case("batch-normalization-conv", (6, 6, 3), lambda: L.Conv2D(4, 3, use_bias=False), lambda: L.BatchNormalization(), lambda: L.ReLU())
case("layer-normalization", (4, 3), lambda: L.LayerNormalization(epsilon=0.01), lambda: L.LayerNormalization(axis=(1, 2)), lambda: L.LayerNormalization(axis=1, scale=False), lambda: L.LayerNormalization(center=False))
case("group-normalization", (4, 5, 6), lambda: L.GroupNormalization(3), lambda: L.GroupNormalization(-1, scale=False), lambda: L.GroupNormalization(2, axis=1))
case("rms-normalization", (4, 6), lambda: L.RMSNormalization(epsilon=0.01))
case("unit-normalization", (4, 6), lambda: L.UnitNormalization(axis=1))
case("normalization", (4, 3), lambda: L.Normalization(axis=-1), lambda: L.Normalization(mean=[0.1, 0.2, 0.3], variance=[0.5, 1, 2]), lambda: L.Normalization(axis=None, mean=0.2, variance=2.0, invert=True))
case("rescaling", (4, 3), lambda: L.Rescaling(1 / 7, offset=0.5), lambda: L.Rescaling([1.0, 2.0, 3.0], offset=[0.0, 1.0, 2.0]))
case("rescaling-bytes", (4, 3), lambda: L.Rescaling(1 / 255), dtype="uint8", low=0, high=255)
case("reshape", (4, 6), lambda: L.Reshape((3, 8)), lambda: L.Reshape((-1, 4)), lambda: L.Permute((2, 1)))
case("repeat-vector", (4,), lambda: L.RepeatVector(3))
case("zero-padding1d", (4, 3), lambda: L.ZeroPadding1D((1, 2)), lambda: L.Cropping1D((2, 1)))
case("zero-padding2d", (4, 5, 3), lambda: L.ZeroPadding2D(((1, 2), (0, 3))), lambda: L.Cropping2D(((2, 0), (1, 1))), lambda: L.ZeroPadding2D(2), lambda: L.Cropping2D(1))
case("zero-padding3d", (4, 5, 3, 2), lambda: L.ZeroPadding3D(((1, 2), (0, 3), (1, 1))), lambda: L.Cropping3D((1, 0, 1)))
case("up-sampling1d", (4, 3), lambda: L.UpSampling1D(3))
for interpolation in ("nearest", "bilinear", "bicubic"):
    case(f"up-sampling2d-{interpolation}", (4, 5, 3), lambda interpolation=interpolation: L.UpSampling2D((2, 3), interpolation=interpolation))
case("up-sampling3d", (2, 3, 2, 2), lambda: L.UpSampling3D((2, 1, 3)))
case("embedding", (5,), lambda: L.Embedding(7, 3), dtype="int32", low=0, high=6)
case("embedding-float-flatten", (5,), lambda: L.Embedding(7, 3), lambda: L.Flatten(), lambda: L.Dense(2), low=0, high=6.99)
case("einsum-dense", (4, 3), lambda: L.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d", activation="relu"), lambda: L.EinsumDense("...x,xy->...y", output_shape=2))
case("identities", (4,), lambda: L.GaussianNoise(0.3), lambda: L.GaussianDropout(0.3), lambda: L.AlphaDropout(0.3), lambda: L.ActivityRegularization(0.1), lambda: L.Identity())
case("masking-pool", (5, 3), lambda: L.Masking(0.0), lambda: L.Dense(3), lambda: L.GlobalAveragePooling1D(), low=0, high=1.99)
case("embedding-mask-pool", (5,), lambda: L.Embedding(4, 3, mask_zero=True), lambda: L.GlobalAveragePooling1D(), dtype="int32", low=0, high=3)


@functional("two-inputs-two-outputs")
def _():
    a, b = L.Input((4,), name="left"), L.Input((4,), name="a right")
    both = L.Add()([a, b])
    shared = L.Dense(3, activation="tanh", name="shared")
    c = L.Concatenate()([shared(a), shared(b), L.Multiply()([a, b]), L.Subtract()([a, b])])
    d = L.Average()([both, L.Maximum()([a, b]), L.Minimum()([a, b])])
    return keras.Model([b, a], [c, L.Dense(2)(d)])


@functional("nested")
def _():
    inner = keras.Sequential([L.Input((4,)), L.Dense(3, activation="relu")], name="inner")
    i = L.Input((4,), name="x")
    deep_in = L.Input((3,))
    deep = keras.Model(deep_in, [L.Dense(2, name="dense_deep")(deep_in), L.Activation("relu")(deep_in)], name="deep")
    one, two = deep(inner(i))
    three, _ = deep(inner(L.Rescaling(2.0)(i)))
    return keras.Model(i, {"sum": L.Add()([one, three]), "two": two})


@functional("dot")
def _():
    a, b = L.Input((4, 3)), L.Input((5, 3))
    return keras.Model([a, b], [L.Dot(axes=2)([a, b]), L.Dot(axes=(2, 2), normalize=True)([a, b])])


@functional("dot-vectors")
def _():
    a, b = L.Input((4,)), L.Input((4,))
    return keras.Model([a, b], [L.Dot(axes=1)([a, b]), L.Dot(axes=-1, normalize=True)([a, b])])


@functional("concatenate-time")
def _():
    a, b = L.Input((4, 3)), L.Input((2, 3))
    return keras.Model([a, b], L.Concatenate(axis=1)([a, b]))


@functional("residual-network")
def _():
    i = L.Input((8, 8, 3))
    x = L.Conv2D(4, 3, padding="same", use_bias=False)(i)
    x = L.BatchNormalization()(x)
    x = L.ReLU()(x)
    y = L.DepthwiseConv2D(3, padding="same")(x)
    y = L.BatchNormalization()(y)
    x = L.Add()([x, y])
    x = L.MaxPooling2D()(x)
    x = L.Flatten()(x)
    return keras.Model(i, L.Dense(5, activation="softmax")(x))


@functional("mixed-float16", bound=2e-3)
def _():
    with_policy = dict(dtype="mixed_float16")
    return keras.Sequential([L.Input((6, 6, 3)), L.Conv2D(4, 3, activation="relu", **with_policy), L.BatchNormalization(**with_policy),
                             L.Flatten(**with_policy), L.Dense(4, **with_policy), L.Activation("softmax", dtype="float32")])


@functional("float64", bound=1e-5)
def _():
    return keras.Sequential([L.Input((4,), dtype="float64"), L.Dense(3, dtype="float64", activation="tanh")])


RECURRENT = {"lstm": L.LSTM, "gru": L.GRU, "simple-rnn": L.SimpleRNN}
for name, kind in RECURRENT.items():
    case(name, (6, 3), lambda kind=kind: kind(4), lambda: L.Dense(2))
    case(f"{name}-sequence", (6, 3), lambda kind=kind: kind(4, return_sequences=True, use_bias=False), lambda kind=kind: kind(3, go_backwards=True, return_sequences=True), lambda: L.Flatten())
    case(f"{name}-open-time", (None, 3), lambda kind=kind: kind(4, activation="relu", dropout=0.2, recurrent_dropout=0.1))
    case(f"{name}-masked", (6, 3), lambda: L.Masking(), lambda kind=kind: kind(4, return_sequences=True), lambda kind=kind: kind(3, go_backwards=True), low=0, high=1.99)
    case(f"{name}-masked-words", (7,), lambda: L.Embedding(3, 4, mask_zero=True), lambda kind=kind: kind(4, return_sequences=True), lambda kind=kind: kind(3), dtype="int32", low=0, high=2)
    for mode in ("concat", "sum", "mul", "ave"):
        case(f"bidirectional-{name}-{mode}", (5, 3), lambda kind=kind, mode=mode: L.Bidirectional(kind(4, return_sequences=True), merge_mode=mode), lambda kind=kind: L.Bidirectional(kind(2)))
case("gru-before", (6, 3), lambda: L.GRU(4, reset_after=False, return_sequences=True), lambda: L.GRU(3, reset_after=False, use_bias=False))
case("lstm-hard", (6, 3), lambda: L.LSTM(4, recurrent_activation="hard_sigmoid", activation="softsign"))
case("bidirectional-masked", (6,), lambda: L.Embedding(3, 4, mask_zero=True), lambda: L.Bidirectional(L.LSTM(4, return_sequences=True)), lambda: L.Bidirectional(L.GRU(2)), dtype="int32", low=0, high=2)
case("stacked-cells", (6, 3), lambda: L.RNN([L.LSTMCell(4), L.GRUCell(3), L.SimpleRNNCell(2)], return_sequences=True), lambda: L.RNN(L.LSTMCell(3)))
case("time-distributed", (4, 6, 6, 2), lambda: L.TimeDistributed(L.Conv2D(3, 3, activation="relu")), lambda: L.TimeDistributed(L.Flatten()), lambda: L.TimeDistributed(L.Dense(3)), lambda: L.LSTM(2))
case("zero-output-for-mask", (6,), lambda: L.Embedding(3, 4, mask_zero=True), lambda: L.LSTM(4, return_sequences=True, zero_output_for_mask=True), dtype="int32", low=0, high=2)


@functional("lstm-states")
def _():
    i = L.Input((5, 3))
    x, h, c = L.LSTM(4, return_sequences=True, return_state=True)(i)
    y, h2 = L.GRU(4, return_state=True)(x, initial_state=h)
    return keras.Model(i, [L.LSTM(4)(x, initial_state=[h, c]), y, h2])


@functional("bidirectional-states")
def _():
    i = L.Input((5, 3))
    return keras.Model(i, L.Bidirectional(L.LSTM(4, return_state=True))(i))


@functional("time-distributed-model")
def _():
    inner = keras.Sequential([L.Input((4,)), L.Dense(3, activation="relu", name="first"), L.Dense(2, name="second")], name="inner")
    i = L.Input((5, 4))
    return keras.Model(i, L.TimeDistributed(inner)(i))


# More weights than a graph holds: they are restored from files beside it.
case("variables", (300, ), lambda: L.Dense(900, activation="relu"), lambda: L.Dense(700), lambda: L.Dense(3))
case("variables-time", (None, 200), lambda: L.Dense(400), lambda: L.LSTM(300, return_sequences=True), lambda: L.Conv1D(300, 3), lambda: L.GlobalAveragePooling1D(), bound=2e-5)


def attention(name, make, *shapes, **choices):
    @functional(name, **choices)
    def _():
        given = [L.Input(shape) for shape in shapes]
        return keras.Model(given if len(given) > 1 else given[0], make(*given))


attention("multi-head-attention", lambda x: L.MultiHeadAttention(2, 3)(x, x), (5, 4))
attention("multi-head-attention-causal", lambda x, y: L.MultiHeadAttention(2, 3, value_dim=5, output_shape=6, use_bias=False)(x, y, use_causal_mask=True), (5, 4), (5, 3))
attention("multi-head-attention-scores", lambda x, y, z: L.MultiHeadAttention(2, 3, dropout=0.1)(x, y, z, return_attention_scores=True), (5, 4), (6, 3), (6, 2))
attention("multi-head-attention-open", lambda x: L.MultiHeadAttention(3, 2)(x, x), (None, 4))
attention("group-query-attention", lambda x, y: L.GroupQueryAttention(3, 4, 2)(x, y), (5, 4), (6, 4))
attention("attention", lambda x, y, z: L.Attention(use_scale=True)([x, y, z]), (5, 4), (6, 4), (6, 4))
attention("attention-concat", lambda x, y: L.Attention(score_mode="concat", use_scale=True)([x, y], use_causal_mask=True), (5, 4), (6, 4))
attention("additive-attention", lambda x, y: L.AdditiveAttention()([x, y]), (5, 4), (6, 4))
attention("additive-attention-scores", lambda x, y: L.AdditiveAttention(use_scale=False)([x, y], return_attention_scores=True), (5, 4), (6, 4))


@functional("attention-masked-steps", low=0, high=1.99)
def _():
    i = L.Input((5, 3))
    x = L.Masking()(i)
    y = L.MultiHeadAttention(2, 3)(x, x)
    return keras.Model(i, L.GlobalAveragePooling1D()(L.Add()([L.Attention()([x, y]), y])))


@functional("attention-masked", low=0, high=2)
def _():
    words = L.Input((6,), dtype="int32")
    x = L.Embedding(3, 4, mask_zero=True)(words)
    y = L.MultiHeadAttention(2, 3)(x, x)
    z = L.Attention()([x, y])
    return keras.Model(words, L.GlobalAveragePooling1D()(L.LayerNormalization()(L.Add()([y, z]))))
