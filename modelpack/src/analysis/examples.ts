/** What a signature reads out of the tf.Examples that are its input. Pure. */
import type { Attribute, GraphNode } from '../graph.ts';
import type { Signature, TensorSpec } from '../signature.ts';
import { Origins } from './origin.ts';
import { tensorKey, type Site } from './reach.ts';

/** A feature that an Example must or may have. */
export interface Feature {
  name: string;
  kind: 'bytes' | 'float' | 'int64';
  /** So many values of it. */
  size: number;
}

const KINDS: Readonly<Record<number, Feature['kind']>> = { 1: 'float', 7: 'bytes', 9: 'int64' };
const TEXT = 'BYTES';

/** Of each input of texts that an operation parses as Examples, their features by name. `sites`: what the signature runs. */
export function featuresOf(sites: readonly Site[], { inputs }: Signature): Map<string, readonly Feature[]> {
  const found = new Map<string, readonly Feature[]>();
  const texts = inputs.filter(({ dtype }) => dtype === TEXT);
  if (texts.length === 0) return found;
  const keyOf = ({ name, node }: TensorSpec) => tensorKey(node ?? name);
  const parsing = sites.filter(({ node }) => Object.hasOwn(PARSERS, node.op));
  if (parsing.length === 0) return found;
  const origins = new Origins(sites);
  for (const spec of texts) {
    const own = parsing.filter((site) => origins.comesFrom(site, 0, new Set([keyOf(spec)])));
    const features = own.flatMap(
      (site) => PARSERS[site.node.op]?.(site.node.attributes, (input) => constant(site, input)) ?? [],
    );
    if (features.length > 0) found.set(spec.name, [...new Map(features.map((one) => [one.name, one])).values()]);
  }
  return found;

  /** The texts of a constant that is an input of the node, by way of identities. */
  function constant({ node, within }: Site, input: number): readonly string[] {
    let from: GraphNode | undefined = node;
    for (let place = input, steps = 0; from !== undefined && steps < MOST_IDENTITIES; steps++) {
      const name: string | undefined = from.inputs.filter((one) => !one.startsWith('^'))[place];
      from = name === undefined ? undefined : origins.source(within, name);
      if (from?.op !== 'Identity') break;
      place = 0;
    }
    return from?.op === 'Const' ? (from.attributes.get('value')?.tensor?.texts ?? []) : [];
  }
}

const MOST_IDENTITIES = 16;

type Attributes = GraphNode['attributes'];
/** The texts of the constant that is this input of the node. */
type Texts = (input: number) => readonly string[];

/** Each in its own way: keys are inputs one by one, lists in inputs, or attributes. */
const PARSERS: Readonly<Record<string, (attributes: Attributes, texts: Texts) => Feature[]>> = {
  ParseExample(attributes, texts) {
    const [sparse, dense] = ['Nsparse', 'Ndense'].map((name) => attributes.get(name)?.number ?? 0);
    const from = (first: number, count = 0) => Array.from({ length: count }, (_, i) => texts(first + i)[0] ?? '');
    return features(attributes, from(2, sparse), from(2 + (sparse ?? 0), dense));
  },
  ParseExampleV2: (attributes, texts) => [
    ...features(attributes, texts(2), texts(3)),
    ...some(texts(4), attributes.get('ragged_value_types')),
  ],
  ParseSingleExample: (attributes) =>
    features(attributes, attributes.get('sparse_keys')?.texts ?? [], attributes.get('dense_keys')?.texts ?? []),
};

function features(attributes: Attributes, sparse: readonly string[], dense: readonly string[]): Feature[] {
  return [
    ...some(dense, attributes.get('Tdense'), attributes.get('dense_shapes')?.shapes),
    ...some(sparse, attributes.get('sparse_types')),
  ];
}

/** A dimension that is free has one value, and so has a feature of which there may be any number. */
function some(names: readonly string[], types: Attribute | undefined, shapes: Attribute['shapes'] = []): Feature[] {
  return names.map((name, i) => ({
    name,
    kind: KINDS[types?.types?.[i] ?? 0] ?? 'bytes',
    size: (shapes[i] ?? []).reduce((product, one) => product * Math.abs(one), 1),
  }));
}
