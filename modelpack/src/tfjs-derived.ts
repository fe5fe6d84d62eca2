/** The signature of a graph that tells none: what it waits for, and what nothing else takes. */
import { isHandle, type Signature, specOf, type TensorSpec } from './signature.ts';
import type { JsonNode } from './tfjs-json.ts';

/** As TensorFlow.js finds them: placeholders are inputs, and the ends of the graph are outputs. */
export function derivedSignature(nodes: readonly JsonNode[]): Signature {
  const taken = new Set(nodes.flatMap(({ input = [] }) => input.map((name) => name.replace(/^\^|:\d+$/g, ''))));
  const inputs = nodes.filter(({ op }) => op.startsWith('Placeholder'));
  const outputs = nodes.filter(({ op, name }) => !taken.has(name) && !NO_OUTPUT.test(op));
  const sent = (node: JsonNode): TensorSpec[] => (isHandle(typeOf(node)) ? [] : [specOfNode(node)]);
  return { inputs: inputs.flatMap(sent), outputs: outputs.flatMap(sent) };
}

const NO_OUTPUT = /^(Placeholder.*|Const|NoOp|Assert)$/;
const BOOLEAN = /^(Equal|NotEqual|Greater|GreaterEqual|Less|LessEqual|Logical.*|Is(Nan|Inf|Finite)|All|Any)$/;
/** Attributes that tell the type of a result, the telling ones first. */
const TYPES = ['dtype', 'DstT', 'out_type', 'output_type', 'Tout', 'Tparams', 'T'];

function typeOf({ op, attr = {} }: JsonNode): string {
  if (BOOLEAN.test(op)) return 'DT_BOOL';
  const type = TYPES.map((name) => attr[name]?.type).find((found) => found !== undefined);
  return type ?? 'DT_FLOAT';
}

function specOfNode(node: JsonNode): TensorSpec {
  const { name, op, attr = {} } = node;
  const shape =
    attr['_output_shapes']?.list?.shape?.[0] ?? (op.startsWith('Placeholder') ? attr['shape']?.shape : undefined);
  return specOf(name, typeOf(node), shape, `${name}:0`);
}
