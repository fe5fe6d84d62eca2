/** What the conversion of a layer is given, and what it tells. */
import type { Weight } from '../keras/layers-model.ts';
import type { Datatype } from '../signature.ts';
import { Unreadable, type Config } from './config.ts';
import type { Graph } from './graph.ts';
import { cast } from './ops.ts';
import type { Scope } from './scope.ts';
import { isFloating, type Tensor } from './tensor.ts';

/** Keras writes the names of numpy. */
const DTYPES: Readonly<Record<string, Datatype>> = {
  bool: 'BOOL',
  uint8: 'UINT8',
  int8: 'INT8',
  int16: 'INT16',
  uint16: 'UINT16',
  int32: 'INT32',
  int64: 'INT64',
  uint32: 'UINT32',
  uint64: 'UINT64',
  float16: 'FP16',
  bfloat16: 'BF16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
};

export function datatypeNamed(name: string): Datatype {
  const found = DTYPES[name];
  if (found === undefined) throw new Unreadable(`has the type ${name}, which is not known`);
  return found;
}

/** What a layer is called with by name: a tensor, several, or a plain value. */
export type Named = Tensor | readonly Named[] | { readonly value: unknown };

export interface LayerCall {
  readonly graph: Graph;
  /** Where nodes are made. */
  readonly g: Scope;
  readonly path: readonly string[];
  readonly config: Config;
  /** Floating ones are of the type that the layer computes in. */
  readonly inputs: readonly Tensor[];
  readonly named: NamedArguments;
  readonly weights: Weights;
  /** Keras' major version, by which activations and defaults differ. */
  readonly keras: 2 | 3;
  /** The type that the layer computes in. */
  readonly compute: Datatype;
  /** Calls a layer of the configuration of this one, with the weights that are next. */
  readonly inner: (layer: LayerJson, inputs: readonly Tensor[]) => readonly Tensor[];
}

export interface LayerJson {
  readonly class_name: string;
  readonly module?: unknown;
  readonly registered_name?: unknown;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface LayerRule {
  convert(call: LayerCall): Tensor | readonly Tensor[];
  /** Whether the mask of what comes in is that of what goes out, ends here, or is set by the conversion. */
  mask: 'passes' | 'ends' | 'own';
  /** What is exact only so; a sentence for the page of layers. */
  note?: string;
}

export function input(call: LayerCall, index = 0): Tensor {
  const found = call.inputs[index];
  if (found === undefined) throw new Unreadable(`is given ${call.inputs.length} tensors, too few`);
  return found;
}

/** The input as a number with a fraction, whatever came. */
export const floating = (call: LayerCall, index = 0): Tensor => {
  const x = input(call, index);
  return isFloating(x.dtype) ? x : cast(call.g, x, call.compute);
};

/** Named arguments of a call. What nobody takes may change what the layer does: the call is refused then. */
export class NamedArguments {
  readonly #taken = new Set<string>();

  constructor(private readonly values: ReadonlyMap<string, Named>) {}

  take(name: string): Named | undefined {
    this.#taken.add(name);
    const found = this.values.get(name);
    return found !== undefined && 'value' in found && (found.value === null || found.value === undefined)
      ? undefined
      : found;
  }

  tensor(name: string): Tensor | undefined {
    const found = this.take(name);
    if (found === undefined) return undefined;
    if ('ref' in found) return found;
    throw new Unreadable(`is called with ${name}, which is no tensor`);
  }

  tensors(name: string): readonly Tensor[] | undefined {
    const found = this.take(name);
    if (found === undefined) return undefined;
    const list = Array.isArray(found) ? (found as readonly Named[]) : [found];
    return list.map((one) => {
      if ('ref' in one) return one;
      throw new Unreadable(`is called with ${name}, which are no tensors`);
    });
  }

  flag(name: string): boolean {
    const found = this.take(name);
    return found !== undefined && 'value' in found && found.value === true;
  }

  untaken(): string[] {
    return [...this.values].flatMap(([name, value]) => {
      const nothing = 'value' in value && (value.value === null || value.value === undefined || value.value === false);
      return nothing || this.#taken.has(name) ? [] : [name];
    });
  }
}

/** The weights of a layer, taken in Keras' order. */
export class Weights {
  readonly #place: { next: number };

  constructor(
    private readonly graph: Graph,
    private readonly path: readonly string[],
    private readonly list: readonly Weight[],
    private readonly compute: Datatype,
    place = { next: 0 },
  ) {
    this.#place = place;
  }

  /** Those that are next, by the name of a part of the layer. */
  within(part: string, compute = this.compute): Weights {
    return new Weights(this.graph, [...this.path, part], this.list, compute, this.#place);
  }

  /** A model within the layer has taken its own, by its own path. */
  leave(): void {
    this.#place.next = this.list.length;
  }

  get left(): number {
    return this.list.length - this.#place.next;
  }

  /** The next one; -1 in `shape` fits any size. */
  raw(name: string, shape?: readonly number[]): Weight {
    const found = this.list[this.#place.next];
    if (found === undefined) throw new Unreadable(`has no weights for its ${name} in the file`);
    this.#place.next++;
    const fits = shape?.length === found.shape.length && shape.every((size, i) => size < 0 || size === found.shape[i]);
    if (shape !== undefined && !fits)
      throw new Unreadable(
        `has a ${name} of shape [${found.shape.join()}] in the file, where [${shape.join()}] is expected`,
      );
    return found;
  }

  /** The next one as a tensor, in the type that the layer computes in; `as` is another shape for the same elements. */
  take(
    g: Scope,
    name: string,
    shape?: readonly number[],
    as?: (shape: readonly number[]) => readonly number[],
  ): Tensor {
    const weight = this.raw(name, shape);
    const dtype = datatypeNamed(weight.dtype);
    const wanted = as?.(weight.shape) ?? weight.shape;
    const made = this.graph.weight([...this.path, name], dtype, wanted, () => weight.read());
    return isFloating(dtype) ? cast(g, made, this.compute) : made;
  }

  /** A weight that is computed from those of the file. */
  made(g: Scope, name: string, shape: readonly number[], compute: () => Float32Array): Tensor {
    const read = () => {
      const values = compute();
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    };
    return cast(g, this.graph.weight([...this.path, name], 'FP32', shape, read), this.compute);
  }
}

/** The values of a weight of 32 bits. */
export function floats(weight: Weight): Float32Array {
  const bytes = weight.read();
  if (weight.dtype !== 'float32')
    throw new Unreadable(`has weights of type ${weight.dtype}, where float32 is expected`);
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
