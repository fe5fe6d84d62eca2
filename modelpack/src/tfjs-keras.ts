/** The configuration of a Keras model in the words of Keras 2, which are those that TensorFlow.js reads. Pure. */
import { isRecord } from './keras/config.ts';
import { ModelError } from './failure.ts';

/** Only training needs them, and TensorFlow.js stops at one that it does not know. */
const OF_TRAINING = /_(initializer|regularizer|constraint)$/;
/** Types of TensorFlow.js; numbers of other widths are computed as float32. */
const DTYPES = new Set(['float32', 'int32', 'bool', 'string']);

/** Keras 3 writes a type as a policy, an object with a name. */
export function plainDtype(dtype: unknown): string {
  const name = isRecord(dtype) && isRecord(dtype['config']) ? dtype['config']['name'] : dtype;
  return typeof name === 'string' && DTYPES.has(name) ? name : 'float32';
}

export class KerasConfig {
  readonly #isThree: boolean;

  /** `version`: as the file has it. */
  constructor(version: string | undefined) {
    this.#isThree = version?.startsWith('3') ?? false;
  }

  translated(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((one) => this.translated(one));
    if (!isRecord(value)) return value;
    // A function is written by its name.
    if (value['class_name'] === 'function' && typeof value['config'] === 'string') return value['config'];
    if (value['class_name'] === 'ReLU' && isRecord(value['config'])) refuseBentRelu(value['config']);
    const fields = Object.entries(value).filter(([key]) => !OF_TRAINING.test(key) && key !== 'activity_regularizer');
    return this.#withShape(Object.fromEntries(fields.map(([key, part]) => [key, this.#field(key, part)])));
  }

  #field(key: string, value: unknown): unknown {
    if (key === 'dtype') return plainDtype(value);
    if (key === 'inbound_nodes' && Array.isArray(value)) return value.map(callOf);
    if ((key === 'input_layers' || key === 'output_layers') && isReference(value)) return [value];
    if (this.#isThree && value === 'hard_sigmoid' && /activation$/.test(key)) {
      const words =
        'it uses the activation hard_sigmoid of Keras 3, which TensorFlow.js computes as Keras 2 did; export it as a SavedModel (model.export)';
      throw new ModelError('ModelMalformed', words);
    }
    return this.translated(value);
  }

  /** Keras 3: `batch_shape` of an InputLayer, and what a Sequential model without one was built for. */
  #withShape(fields: Record<string, unknown>): Record<string, unknown> {
    const { batch_shape: shape, ...others } = fields;
    if (Array.isArray(shape)) return { ...others, batch_input_shape: others['batch_input_shape'] ?? shape };
    const { negative_slope: slope } = fields;
    if (typeof slope === 'number' && !('alpha' in fields) && !('max_value' in fields))
      return { ...fields, alpha: slope };
    return this.#builtFor(fields);
  }

  #builtFor(fields: Record<string, unknown>): Record<string, unknown> {
    const { build_input_shape: built, layers } = fields;
    const [first, ...others] = Array.isArray(layers) ? (layers as unknown[]) : [];
    if (!Array.isArray(built) || !isRecord(first) || !isRecord(first['config'])) return fields;
    const { config } = first;
    if ('batch_input_shape' in config || 'layers' in config) return fields;
    return { ...fields, layers: [{ ...first, config: { ...config, batch_input_shape: built } }, ...others] };
  }
}

/** `["x", 0, 0]`: an output of a call of a layer. */
const isReference = (value: unknown): boolean =>
  Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'number';

/** A call of a layer: Keras 3 tells its arguments, Keras 2 the tensors among them, `[layer, call, output, others]`. */
function callOf(call: unknown): unknown {
  if (!isRecord(call)) return call;
  const others = Object.entries(isRecord(call['kwargs']) ? call['kwargs'] : {}).filter(
    ([, value]) => value !== null && tensorsIn(value).length === 0,
  );
  const tensors = [
    ...tensorsIn(call['args']),
    ...tensorsIn(Object.values(isRecord(call['kwargs']) ? call['kwargs'] : {})),
  ];
  return tensors.map((tensor) => [...tensor, Object.fromEntries(others)]);
}

function tensorsIn(value: unknown): unknown[][] {
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (!isRecord(value)) return [];
  if (value['class_name'] !== '__keras_tensor__') return Object.values(value).flatMap(tensorsIn);
  const history = isRecord(value['config']) ? value['config']['keras_history'] : undefined;
  return Array.isArray(history) ? [history as unknown[]] : [];
}

/** TensorFlow.js computes a ReLU layer with its maximum only, and would answer something else without a word. */
function refuseBentRelu(config: Readonly<Record<string, unknown>>): void {
  const unheeded = ['negative_slope', 'threshold'].filter(
    (key) => typeof config[key] === 'number' && config[key] !== 0,
  );
  if (unheeded.length === 0) return;
  const words = `a ReLU layer of it has ${unheeded.join(' and ')}, which TensorFlow.js does not compute; export it as a SavedModel (model.export)`;
  throw new ModelError('ModelMalformed', words);
}
