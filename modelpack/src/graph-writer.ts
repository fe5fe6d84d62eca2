/** Writes graphs and SavedModels without TensorFlow. Field numbers are those of TensorFlow's own definitions. */
import { encode, Float, type Message } from './proto-writer.ts';
import { DEFAULT_SIGNATURE, numberOfType, tensorflowType, type Datatype, type Signature } from './signature.ts';

/** Handles of variables and lists of tensors never leave a graph. */
export type GraphType = Datatype | 'RESOURCE' | 'VARIANT';

export const typeNumber = (type: GraphType): number =>
  type === 'RESOURCE' || type === 'VARIANT' ? numberOfType(`DT_${type}`) : tensorflowType(type);

export const shapeOf = (shape: readonly number[]): Message => ({ 2: shape.map((size): Message => ({ 1: size })) });
const entries = (map: Record<string, Message | string>): Message[] =>
  Object.entries(map).map(([key, value]) => ({ 1: key, 2: value }));

export const attribute = {
  type: (type: GraphType): Message => ({ 6: typeNumber(type) }),
  shape: (shape: readonly number[]): Message => ({ 7: shapeOf(shape) }),
  flag: (value: boolean): Message => ({ 5: value }),
  name: (value: string): Message => ({ 2: value }),
  count: (value: number): Message => ({ 3: value }),
  fraction: (value: number): Message => ({ 4: new Float(value) }),
  called: (name: string): Message => ({ 10: { 1: name } }),
  counts: (values: readonly number[]): Message => ({ 1: { 3: [...values] } }),
  types: (types: readonly GraphType[]): Message => ({ 1: { 6: types.map(typeNumber) } }),
  shapes: (shapes: readonly (readonly number[])[]): Message => ({ 1: { 7: shapes.map(shapeOf) } }),
  tensor: (type: GraphType, shape: readonly number[], content: ArrayBufferView): Message => ({
    8: {
      1: typeNumber(type),
      2: shapeOf(shape),
      4: new Uint8Array(content.buffer, content.byteOffset, content.byteLength),
    },
  }),
  text: (value: string): Message => ({ 8: { 1: typeNumber('BYTES'), 2: shapeOf([]), 8: [value] } }),
  texts: (values: readonly (string | Uint8Array)[]): Message => ({
    8: { 1: typeNumber('BYTES'), 2: shapeOf([values.length]), 8: [...values] },
  }),
};

export interface NodeDef {
  name: string;
  op: string;
  /** `node`, `node:1`, in functions `node:output:0`; `^node` for one that only runs before. */
  input?: readonly string[];
  attributes?: Record<string, Message>;
}

export interface FunctionDef {
  name: string;
  parameters: readonly { name: string; type: GraphType }[];
  results: readonly { name: string; type: GraphType }[];
  nodes: readonly NodeDef[];
  /** Tensor of each result, by its name. */
  returns: Record<string, string>;
}

export interface SavedModelGraph {
  nodes: readonly NodeDef[];
  functions?: readonly FunctionDef[];
  /** What it takes and gives by default; a tensor without `node` is the one of its own name. */
  signature: Signature;
  /** Files whose paths TensorFlow gives to tensors while it loads. */
  assets?: readonly { tensor: string; file: string }[];
  /** Node that TensorFlow runs once after loading. */
  initialiser?: string | undefined;
  /** Tensor that is given the path of the variables, and the node that restores them from there. */
  restore?: { path: string; node: string } | undefined;
  /** Variables, so that TensorFlow's own loader for Python makes them its own. */
  variables?: readonly { name: string; assign: string; initial: string; read: string }[];
}

const nodeMessage = ({ name, op, input = [], attributes = {} }: NodeDef): Message => ({
  1: name,
  2: op,
  3: [...input],
  5: entries(attributes),
});

const functionMessage = ({ name, parameters, results, nodes, returns }: FunctionDef): Message => ({
  1: {
    1: name,
    2: parameters.map((one): Message => ({ 1: one.name, 3: typeNumber(one.type) })),
    3: results.map((one): Message => ({ 1: one.name, 3: typeNumber(one.type) })),
  },
  3: nodes.map(nodeMessage),
  4: entries(returns),
});

const tensorInfos = (specs: Signature['inputs']): Message[] =>
  entries(
    Object.fromEntries(
      specs.map(({ name, dtype, shape, node = `${name}:0` }) => [
        name,
        { 1: node, 2: tensorflowType(dtype), 3: shapeOf(shape) },
      ]),
    ),
  );

/** What the file `saved_model.pb` holds. */
export function encodeSavedModel({ nodes, functions = [], signature, ...extra }: SavedModelGraph): Buffer {
  const { assets = [], initialiser, restore, variables = [] } = extra;
  const graph: Message = {
    1: nodes.map(nodeMessage),
    ...(functions.length > 0 ? { 2: { 1: functions.map(functionMessage) } } : {}),
    4: { 1: 1286 },
  };
  const signatures: Message = {
    1: tensorInfos(signature.inputs),
    2: tensorInfos(signature.outputs),
    3: signature.method ?? 'tensorflow/serving/predict',
  };
  const collections: Record<string, Message> = {
    ...(initialiser === undefined ? {} : { saved_model_main_op: { 1: { 1: initialiser } } }),
    ...(variables.length === 0 ? {} : { variables: { 2: { 1: variables.map(variableDef) } } }),
  };
  return encode({
    1: 1,
    2: {
      1: { 4: ['serve'] },
      2: graph,
      // Of the format that holds one file for all tensors (V2).
      3: restore === undefined ? [] : { 1: restore.path, 2: restore.path, 3: restore.node, 7: 2 },
      4: entries(collections),
      5: entries({ [DEFAULT_SIGNATURE]: signatures }),
      6: assets.map(({ tensor, file }): Message => ({ 1: { 1: tensor }, 2: file })),
    },
  });
}

const variableDef = ({ name, assign, initial, read }: NonNullable<SavedModelGraph['variables']>[number]): Buffer =>
  encode({ 1: `${name}:0`, 2: assign, 3: `${read}:0`, 5: true, 6: initial });
