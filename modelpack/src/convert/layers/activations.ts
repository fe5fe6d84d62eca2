/** Functions that layers apply to each element, by the names that Keras gives them. */
import { Config, Unreadable } from '../config.ts';
import { input, type LayerCall, type LayerRule } from '../layer.ts';
import { add, binary, clip, divide, leakyRelu, multiply, reduce, select, subtract, unary } from '../ops.ts';
import type { Scope } from '../scope.ts';
import { split, transpose } from '../shapes.ts';
import { fromFront, type Tensor } from '../tensor.ts';

type Activation = (g: Scope, x: Tensor, keras: 2 | 3) => Tensor;

const silu: Activation = (g, x) => multiply(g, x, unary(g, 'Sigmoid', x));

/** Keras 3 took another line through the same corners. */
const hardSigmoid: Activation = (g, x, keras) =>
  keras === 2 ? clip(g, add(g, multiply(g, x, 0.2), 0.5), 0, 1) : divide(g, unary(g, 'Relu6', add(g, x, 3)), 6);

export function elu(g: Scope, x: Tensor, alpha: number): Tensor {
  const own = unary(g, 'Elu', x);
  return alpha === 1 ? own : select(g, binary(g, 'Greater', x, 0), own, multiply(g, own, alpha));
}

/** x/2 · (1 + erf(x/√2)) */
const gelu: Activation = (g, x) =>
  multiply(g, multiply(g, x, 0.5), add(g, unary(g, 'Erf', multiply(g, x, Math.SQRT1_2)), 1));

const softShrink: Activation = (g, x) =>
  select(
    g,
    binary(g, 'Greater', x, 0.5),
    subtract(g, x, 0.5),
    select(g, binary(g, 'Less', x, -0.5), add(g, x, 0.5), multiply(g, x, 0)),
  );

const sparsePlus: Activation = (g, x) => {
  const middle = multiply(g, unary(g, 'Square', add(g, x, 1)), 0.25);
  const above = select(g, binary(g, 'Less', x, 1), middle, x);
  return select(g, binary(g, 'Greater', x, -1), above, multiply(g, x, 0));
};

const glu: Activation = (g, x) => {
  const [one = x, other = x] = split(g, x, 2, -1);
  return multiply(g, one, unary(g, 'Sigmoid', other));
};

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  linear: (_, x) => x,
  relu: (g, x) => unary(g, 'Relu', x),
  relu6: (g, x) => unary(g, 'Relu6', x),
  sigmoid: (g, x) => unary(g, 'Sigmoid', x),
  hard_sigmoid: hardSigmoid,
  tanh: (g, x) => unary(g, 'Tanh', x),
  softmax: (g, x) => softmax(g, x, -1),
  log_softmax: (g, x) => unary(g, 'LogSoftmax', x),
  softplus: (g, x) => unary(g, 'Softplus', x),
  softsign: (g, x) => unary(g, 'Softsign', x),
  selu: (g, x) => unary(g, 'Selu', x),
  elu: (g, x) => elu(g, x, 1),
  celu: (g, x) => elu(g, x, 1),
  exponential: (g, x) => unary(g, 'Exp', x),
  silu,
  swish: silu,
  hard_silu: (g, x, keras) => multiply(g, x, hardSigmoid(g, x, keras)),
  hard_swish: (g, x, keras) => multiply(g, x, hardSigmoid(g, x, keras)),
  gelu,
  mish: (g, x) => multiply(g, x, unary(g, 'Tanh', unary(g, 'Softplus', x))),
  leaky_relu: (g, x) => leakyRelu(g, x, 0.2),
  log_sigmoid: (g, x) => unary(g, 'Neg', unary(g, 'Softplus', unary(g, 'Neg', x))),
  sparse_sigmoid: (g, x) => clip(g, multiply(g, add(g, x, 1), 0.5), 0, 1),
  squareplus: (g, x) => multiply(g, add(g, x, unary(g, 'Sqrt', add(g, unary(g, 'Square', x), 4))), 0.5),
  hard_tanh: (g, x) => clip(g, x, -1, 1),
  tanh_shrink: (g, x) => subtract(g, x, unary(g, 'Tanh', x)),
  soft_shrink: softShrink,
  hard_shrink: (g, x) => select(g, binary(g, 'Greater', unary(g, 'Abs', x), 0.5), x, multiply(g, x, 0)),
  sparse_plus: sparsePlus,
  glu,
};

/** Keras writes a name, or (Keras 3) an object with one. */
function nameOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return 'linear';
  if (typeof value === 'string') return value;
  const { class_name: kind, config, registered_name: registered } = value as Record<string, unknown>;
  if (kind === 'function' && typeof config === 'string' && registered === config) return config;
  return undefined;
}

/** @throws Unreadable when the function is none of Keras' own */
export function activate(g: Scope, x: Tensor, value: unknown, keras: 2 | 3): Tensor {
  const layer = value as { class_name?: string; config?: Record<string, unknown> } | null | undefined;
  const name = nameOf(value);
  if (name === undefined && layer?.class_name !== undefined && layer.class_name in PLAIN) {
    const config = new Config(layer.config ?? {});
    const made = PLAIN[layer.class_name]?.(g, x, config, keras) ?? x;
    if (config.unread().length > 0)
      throw new Unreadable(`has the activation ${JSON.stringify(value)}, which is not understood`);
    return made;
  }
  const known = name === undefined || !Object.hasOwn(ACTIVATIONS, name) ? undefined : ACTIVATIONS[name];
  if (known === undefined)
    throw new Unreadable(`has the activation ${JSON.stringify(value)}, which is none of Keras' own`);
  return known(g, x, keras);
}

export function softmax(g: Scope, x: Tensor, axis: number): Tensor {
  const [place, last] = [fromFront(axis, x.shape.length), x.shape.length - 1];
  if (place === last) return unary(g, 'Softmax', x);
  const order = x.shape.map((_, i) => (i === place ? last : i === last ? place : i));
  return transpose(g, unary(g, 'Softmax', transpose(g, x, order)), order);
}

/** Over several dimensions at once. */
export function softmaxOver(g: Scope, x: Tensor, axes: readonly number[]): Tensor {
  const [only, ...others] = axes;
  if (only !== undefined && others.length === 0) return softmax(g, x, only);
  const powers = unary(g, 'Exp', subtract(g, x, reduce(g, 'Max', x, axes, true)));
  return divide(g, powers, reduce(g, 'Sum', powers, axes, true));
}

type Plain = (g: Scope, x: Tensor, config: Config, keras: 2 | 3) => Tensor;

const relu: Plain = (g, x, config) => {
  const slope = config.number('negative_slope', 0);
  const threshold = config.number('threshold', 0);
  const most = config.has('max_value') ? config.number('max_value') : undefined;
  if (slope !== 0 && most === undefined && threshold === 0) return leakyRelu(g, x, slope);
  const above =
    threshold === 0 ? unary(g, 'Relu', x) : select(g, binary(g, 'Greater', x, threshold), x, multiply(g, x, 0));
  const limited = most === undefined ? above : clip(g, above, 0, most);
  if (slope === 0) return limited;
  const below = unary(g, 'Relu', subtract(g, threshold, x));
  return subtract(g, limited, multiply(g, below, slope));
};

const softmaxLayer = (g: Scope, x: Tensor, config: Config): Tensor => {
  const axis = config.raw('axis') ?? -1;
  return softmaxOver(g, x, Array.isArray(axis) ? (axis as number[]) : [axis as number]);
};

/** Layers that are activations too. */
const PLAIN: Readonly<Record<string, Plain>> = {
  ReLU: relu,
  LeakyReLU: (g, x, config) =>
    leakyRelu(g, x, config.has('alpha') ? config.number('alpha') : config.number('negative_slope', 0.3)),
  ELU: (g, x, config) => elu(g, x, config.number('alpha', 1)),
  ThresholdedReLU: (g, x, config) =>
    select(g, binary(g, 'Greater', x, config.number('theta', 1)), x, multiply(g, x, 0)),
  Softmax: softmaxLayer,
};

const layerOf = (name: string): LayerRule => ({
  convert: (call) => PLAIN[name]?.(call.g, input(call), call.config, call.keras) ?? input(call),
  mask: 'passes',
});

function prelu(call: LayerCall): Tensor {
  const { g, config, weights } = call;
  const x = input(call);
  config.ignore('shared_axes');
  const alpha = weights.take(g, 'alpha');
  return subtract(g, unary(g, 'Relu', x), multiply(g, alpha, unary(g, 'Relu', unary(g, 'Neg', x))));
}

function maskedSoftmax(call: LayerCall): Tensor {
  const { g, config, named } = call;
  const x = input(call);
  const mask = named.tensor('mask') ?? x.mask;
  if (mask === undefined) return softmaxLayer(g, x, config);
  if (mask.shape.length !== x.shape.length) throw new Unreadable('is given a mask of another number of dimensions');
  const most = x.dtype === 'FP16' ? 3e4 : 3e38;
  return softmaxLayer(g, select(g, mask, x, subtract(g, x, most)), config);
}

export const ACTIVATION_LAYERS: Readonly<Record<string, LayerRule>> = {
  Activation: {
    convert: ({ g, config, keras, ...call }) => activate(g, call.inputs[0] as Tensor, config.raw('activation'), keras),
    mask: 'passes',
  },
  ReLU: layerOf('ReLU'),
  LeakyReLU: layerOf('LeakyReLU'),
  ELU: layerOf('ELU'),
  ThresholdedReLU: layerOf('ThresholdedReLU'),
  Softmax: { convert: maskedSoftmax, mask: 'passes' },
  PReLU: { convert: prelu, mask: 'passes' },
};
