import { describe, expect, it } from '@jest/globals';
import type { GraphNode, ModelGraph } from '../graph.ts';
import { graphFunction, graphOf, node } from '../testing/graph.ts';
import { judge } from './judge.ts';

const [FLOAT, TEXT, INT64] = [1, 7, 9];
const texts = (name: string, ...values: string[]): GraphNode =>
  node(name, 'Const', [], { value: { tensor: { type: TEXT, shape: [values.length], texts: values } } });
const spec = (name: string, dtype: 'BYTES' | 'FP32') => ({ name, dtype, shape: [-1], node: `${name}:0` });
const SIGNATURE = { inputs: [spec('x', 'BYTES')], outputs: [spec('y', 'FP32')] };
const X = node('x', 'Placeholder', [], { dtype: { type: TEXT } });
const examples = (graph: ModelGraph) =>
  judge({ info: { format: 'SavedModel', signatures: { s: SIGNATURE } }, graph })
    .judged.get('s')
    ?.examples?.get('x');

const cast = node('y', 'Cast', ['p'], { DstT: { type: FLOAT } });

const TYPES = {
  Tdense: { types: [FLOAT, INT64] },
  dense_shapes: { shapes: [[2, 3], []] },
  sparse_types: { types: [TEXT] },
};
const EXPECTED = [
  { name: 'area', kind: 'float', size: 6 },
  { name: 'rooms', kind: 'int64', size: 1 },
  { name: 'words', kind: 'bytes', size: 1 },
];
const RAGGED = { name: 'years', kind: 'int64', size: 1 };

describe('the features of an Example are those that the model parses', () => {
  it('whose keys are inputs one by one', () => {
    const parse = node('p', 'ParseExample', ['x', 'names', 'words', 'area', 'rooms'], {
      ...TYPES,
      Nsparse: { number: 1 },
      Ndense: { number: 2 },
    });
    const keys = [texts('words', 'words'), texts('area', 'area'), texts('rooms', 'rooms')];
    expect(examples(graphOf([X, texts('names'), ...keys, parse, cast]))).toEqual(EXPECTED);
  });

  it('whose keys are lists, in a function that is called with the Examples', () => {
    const parse = node('p', 'ParseExampleV2', ['a', 'n:output:0', 's:output:0', 'same:output:0', 'r:output:0'], {
      ...TYPES,
      ragged_value_types: { types: [INT64] },
    });
    const keys = [texts('n'), texts('s', 'words'), texts('d', 'area', 'rooms'), texts('r', 'years')];
    const same = node('same', 'Identity', ['d:output:0']);
    const parsing = graphFunction('f', ['a'], [...keys, same, parse], { out: 'p:dense_values:0' });
    const call = node('y', 'PartitionedCall', ['x'], { f: { functions: ['f'] }, Tout: { types: [FLOAT] } });
    expect(examples(graphOf([X, call], [parsing]))).toEqual([...EXPECTED, RAGGED]);
  });

  it('whose keys are attributes', () => {
    const parse = node('p', 'ParseSingleExample', ['x'], {
      ...TYPES,
      sparse_keys: { texts: ['words'] },
      dense_keys: { texts: ['area', 'rooms'] },
    });
    expect(examples(graphOf([X, parse, cast]))).toEqual(EXPECTED);
  });

  it('and of texts that are not parsed nothing is known', () => {
    expect(examples(graphOf([X, node('y', 'StringToNumber', ['x'], { out_type: { type: FLOAT } })]))).toBeUndefined();
  });
});
