import { describe, expect, it } from '@jest/globals';
import type { GraphFunction, GraphNode, ModelGraph } from '../graph.ts';
import type { Signature } from '../signature.ts';
import { graphFunction, graphOf, integers, node } from '../testing/graph.ts';
import { judge } from './judge.ts';

const tensor = (name: string) => ({ name, dtype: 'FP32' as const, shape: [-1], node: `${name}:0` });
const from = (input: string, output: string): Signature => ({ inputs: [tensor(input)], outputs: [tensor(output)] });
const verdicts = (graph: ModelGraph, signatures: Record<string, Signature> = { served: from('x', 'y') }) =>
  judge({ info: { format: 'SavedModel', signatures }, graph });

const X = node('x', 'Placeholder');
const Y = node('y', 'Identity', ['x']);
const calls = (name: string, attribute = 'f', op = 'StatefulPartitionedCall') =>
  node('y', op, ['x'], { [attribute]: { functions: [name] } });
const reads = (name: string, nodes: readonly GraphNode[] = [node('read', 'ReadFile', ['a'])]): GraphFunction =>
  graphFunction(name, ['a'], nodes, { out: 'a' });

describe('a signature is refused', () => {
  const attributed = (one: GraphFunction, attributes: Record<string, string>): GraphFunction => ({
    ...one,
    attributes: new Map(Object.entries(attributes).map(([name, text]) => [name, { text }])),
  });
  it.each<[string, ModelGraph, node: string]>([
    ['that answers what a file holds', graphOf([X, node('y', 'ImmutableConst')]), 'y'],
    [
      'that writes a file before it answers',
      graphOf([X, node('save', 'SaveV2', ['x']), node('y', 'Identity', ['x', '^save'])]),
      'save',
    ],
    [
      'that hands data through a file',
      graphOf([X, node('read', 'ReadFile', ['x']), node('y', 'Identity', ['read'])]),
      'read',
    ],
    ['that calls a function which reads', graphOf([X, calls('f')], [reads('f')]), 'read'],
    ['that is itself called like a function which reads', graphOf([X, node('y', 'f', ['x'])], [reads('f')]), 'read'],
    ['one of whose branches reads', graphOf([X, calls('f', 'else_branch', 'If')], [reads('f')]), 'read'],
    ['whose loop reads', graphOf([X, calls('f', 'body', 'While')], [reads('f')]), 'read'],
    [
      'whose function calls one which reads',
      graphOf(
        [X, calls('g')],
        [reads('f'), reads('g', [node('c', 'PartitionedCall', ['a'], { f: { functions: ['f'] } })])],
      ),
      'read',
    ],
    [
      'whose function has a gradient which reads',
      { ...graphOf([X, calls('g')], [reads('f'), reads('g', [])]), gradients: new Map([['g', 'f']]) },
      'read',
    ],
    [
      'whose function another one may stand in for, which reads',
      graphOf(
        [X, calls('g')],
        [attributed(reads('f'), { api_implements: 'i' }), attributed(reads('g', []), { api_implements: 'i' })],
      ),
      'read',
    ],
    ['that restores variables', graphOf([X, node('r', 'RestoreV2', ['x']), node('y', 'Identity', ['r'])]), 'r'],
    [
      'that names a file of message types',
      graphOf([X, node('y', 'EncodeProto', ['x'], { descriptor_source: { text: '/tmp/types' } })]),
      'y',
    ],
    [
      'whose caller names the file of message types',
      graphOf([X, node('y', 'EncodeProto', ['x'], { descriptor_source: { placeholder: 'd' } })]),
      'y',
    ],
    [
      'that prints to a file',
      graphOf([X, node('y', 'PrintV2', ['x'], { output_stream: { text: 'file:///tmp/x' } })]),
      'y',
    ],
    ['with an operation that nobody has heard of', graphOf([X, node('y', 'MadeUp', ['x'])]), 'y'],
    ['with one of two nodes of the same name', graphOf([X, Y, node('y', 'ReadFile', ['x'])]), 'y'],
    [
      'that fills a table from a file, even one of its own',
      {
        ...graphOf([X, node('p', 'Const'), node('y', 'InitializeTableFromTextFileV2', ['x', 'p'])]),
        assets: [{ tensor: 'p:0', file: 'words' }],
      },
      'y',
    ],
  ])('%s', (_, graph, decides) => {
    const { judged, refused } = verdicts(graph);
    expect([...judged.keys()]).toEqual([]);
    expect(refused.get('served')).toMatch(new RegExp(`^node ${decides} .*: .+; export`));
  });

  it.each<[string, GraphNode[]]>([
    ['output', [X, node('y', 'AsString', ['x'])]],
    [
      'output, a result of a function',
      [X, node('y', 'PartitionedCall', ['x'], { Tout: { types: [7] }, f: { functions: ['f'] } })],
    ],
    ['output, by an attribute', [X, node('y', 'Cast', ['x'], { DstT: { type: 9 } })]],
    ['input', [node('x', 'Placeholder', [], { dtype: { type: 20 } }), Y]],
  ])('whose %s has another type than it says', (_, nodes) => {
    expect(verdicts(graphOf(nodes, [reads('f', [])])).refused.get('served')).toMatch(
      /is FP32 in the signature, and DT_\w+ in the graph/,
    );
  });

  it('whose input is the path of the model’s own files', () => {
    const path = graphOf([X, Y, node('path', 'Placeholder'), node('restore', 'NoOp')]);
    const graph = { ...path, restore: { node: 'restore', path: 'path:0' } };
    expect(verdicts(graph, { served: from('path', 'y') }).refused.get('served')).toMatch(/path of a file/);
  });
});

describe('a signature is served', () => {
  it('beside one that is refused', () => {
    const graph = graphOf([X, Y, node('w', 'WriteFile', ['x', 'x'])]);
    const { judged, refused } = verdicts(graph, { served: from('x', 'y'), save: from('x', 'w') });
    expect([[...judged.keys()], [...refused.keys()]]).toEqual([['served'], ['save']]);
  });

  it.each<[string, readonly GraphNode[]]>([
    ['though the graph could read files', [X, Y, node('read', 'ReadFile', ['x'])]],
    ['whose input takes the place of what is read', [node('x', 'RestoreV2'), Y]],
    [
      'with message types that are built in',
      [
        X,
        node('y', 'Identity', ['x', '^e']),
        node('e', 'EncodeProto', ['x'], { descriptor_source: { text: 'local://' } }),
      ],
    ],
    [
      'whose output is a variable, which is of a reference type',
      [X, node('y', 'Identity', ['x'], { T: { type: 101 } })],
    ],
    ['that prints to a log', [X, node('p', 'PrintV2', ['x']), node('y', 'Identity', ['x', '^p'])]],
  ])('%s', (_, nodes) => {
    expect([...verdicts(graphOf(nodes)).judged.keys()]).toEqual(['served']);
  });

  it.each([
    'AssignAddVariableOp',
    'AssignAdd',
    'ResourceScatterUpdate',
    'ResourceApplyAdam',
    'LookupTableInsertV2',
    'QueueEnqueueV2',
    'Stage',
  ])('with the remark that it has effects, where it reaches %s', (op) => {
    const effects = (nodes: readonly GraphNode[]) => verdicts(graphOf(nodes)).judged.get('served')?.effects;
    expect(effects([X, node('e', op, ['x']), node('y', 'Identity', ['x', '^e'])])).toBe(true);
    expect(effects([X, node('e', op, ['x']), Y])).toBe(false);
  });
});

describe('loading', () => {
  const path = node('path', 'Placeholder');
  const restore = (nodes: readonly GraphNode[], functions: readonly GraphFunction[] = []): ModelGraph => ({
    ...graphOf([X, Y, path, ...nodes], functions),
    restore: { node: 'restore', path: 'path:0' },
  });
  const fill = (file: string, nodes: readonly GraphNode[], functions: readonly GraphFunction[] = []): ModelGraph => ({
    ...graphOf([X, Y, node('file', 'Const'), node('table', 'HashTableV2'), ...nodes], functions),
    assets: [{ tensor: 'file:0', file }],
    initialisers: ['init'],
  });
  const initialise = (name: string, table: string, file: string) =>
    node(name, 'InitializeTableFromTextFileV2', [table, file]);
  const keeps = (...more: GraphNode[]): GraphNode[] => [
    node('v', 'VarHandleOp', [], { shared_name: { text: 'v' } }),
    node('assign', 'AssignVariableOp', ['v', 'file']),
    node('path of it', 'ReadVariableOp', ['v', '^assign']),
    initialise('init', 'table', 'path of it'),
    ...more,
  ];
  const call = (name: string, ...inputs: string[]) =>
    node(name, 'StatefulPartitionedCall', inputs, { f: { functions: ['f'] } });

  it.each<[string, ModelGraph]>([
    [
      'restores variables',
      restore([node('read', 'RestoreV2', ['path']), node('restore', 'AssignVariableOp', ['v', 'read'])]),
    ],
    [
      'restores them in a function',
      restore(
        [call('restore', 'path')],
        [
          graphFunction('f', ['a'], [node('i', 'Identity', ['a']), node('r', 'RestoreV2', ['i:output:0'])], {
            out: 'a',
          }),
        ],
      ),
    ],
    ['fills a table from an asset', fill('words.txt', [initialise('init', 'table', 'file')])],
    [
      'fills it in a function',
      fill(
        'a/words.txt',
        [call('init', 'table', 'file')],
        [graphFunction('f', ['t', 'a'], [initialise('i', 't', 'a')], {})],
      ),
    ],
    ['keeps the path of an asset in a variable', fill('words.txt', keeps())],
  ])('%s', (_, graph) => expect(verdicts(graph)).toMatchObject({ loading: undefined, refused: new Map() }));

  it.each<[string, ModelGraph]>([
    ['variables of another path', restore([node('p', 'Const'), node('restore', 'RestoreV2', ['p'])])],
    [
      'variables of a path that is made of its own',
      restore([node('p', 'StringJoin', ['path', 'path']), node('restore', 'RestoreV2', ['p'])]),
    ],
    [
      'a function that is also given another path',
      restore(
        [node('p', 'Const'), call('other', 'p'), call('restore', 'path', '^other')],
        [graphFunction('f', ['a'], [node('r', 'RestoreV2', ['a'])], { out: 'a' })],
      ),
    ],
    ['what is written', restore([node('restore', 'SaveV2', ['path'])])],
    [
      'variables while tables are filled, when nobody gives their path',
      { ...restore([node('init', 'RestoreV2', ['path']), node('restore', 'NoOp')]), initialisers: ['init'] },
    ],
    ['a table from a file that is no asset', fill('words.txt', [node('p', 'Const'), initialise('init', 'table', 'p')])],
    [
      'a path in a variable that is set otherwise as well',
      fill('words.txt', [
        ...keeps().slice(0, -1),
        node('p', 'Const'),
        node('again', 'AssignVariableOp', ['v:0', 'p']),
        node('init', 'InitializeTableFromTextFileV2', ['table', 'path of it', '^again']),
      ]),
    ],
    [
      'a path in a variable that has another name too',
      fill('words.txt', [
        ...keeps().slice(0, -1),
        node('p', 'Const'),
        node('w', 'VarHandleOp', [], { shared_name: { text: 'v' } }),
        node('again', 'AssignVariableOp', ['w', 'p']),
        node('init', 'InitializeTableFromTextFileV2', ['table', 'path of it', '^again']),
      ]),
    ],
    ['an asset outside of assets/', fill('../../words.txt', [initialise('init', 'table', 'file')])],
    ['an asset of an absolute path', fill('/etc/passwd', [initialise('init', 'table', 'file')])],
  ])('is refused for %s', (_, graph) => expect(verdicts(graph).loading).toEqual(expect.any(String)));
});

describe('a hostile graph ends', () => {
  it('that goes in circles', () => {
    const graph = graphOf([X, node('y', 'Identity', ['z', '^y']), node('z', 'Identity', ['y'])]);
    expect(verdicts(graph).judged.get('served')?.rows.rows).toBe('unknown');
  });

  it('whose functions call each other again and again', () => {
    const twice = (name: string, other: string) =>
      reads(
        name,
        ['p', 'q'].map((own) => node(own, 'PartitionedCall', ['a'], { f: { functions: [other] } })),
      );
    const chain = Array.from({ length: 200 }, (_, i) => twice(`f${i}`, `f${(i + 1) % 200}`));
    expect([...verdicts(graphOf([X, calls('f0')], chain)).judged.keys()]).toEqual(['served']);
  });

  it('with names full of colons and carets, and inputs that are not there', () => {
    const graph = graphOf([
      X,
      node('y', 'Add', ['::1', '^^', 'gone:9', '', 'x:-1', 'x:x']),
      integers(':', 1),
      node('', 'NoOp'),
    ]);
    expect(verdicts(graph).judged.get('served')?.rows.rows).toBe('unknown');
  });
});

describe('a large graph is read as often as it is large, and no more', () => {
  /** How often a part of any node is read while the graph is judged. */
  function reads(nodes: readonly GraphNode[], more: Partial<ModelGraph> = {}): number {
    let count = 0;
    const counted = nodes.map(
      (one) =>
        new Proxy(one, {
          get: (target, part: keyof GraphNode) => {
            count++;
            return target[part];
          },
        }),
    );
    const { judged, loading } = verdicts({ ...graphOf(counted), ...more });
    expect([[...judged.keys()], loading]).toEqual([['served'], undefined]);
    return count;
  }
  const SIZES = [500, 2_000] as const;
  const each = (size: number, make: (i: number) => GraphNode) => Array.from({ length: size }, (_, i) => make(i));

  it.each<[string, (size: number) => number]>([
    [
      'a chain',
      (size) =>
        reads([
          X,
          ...each(size, (i) => node(`n${i}`, 'AddV2', i === 0 ? ['x', 'x'] : [`n${i - 1}`, 'x'])),
          node('y', 'Identity', [`n${size - 1}`]),
        ]),
    ],
    [
      'a checkpoint with an operation for each variable',
      (size) => {
        const path = node('path', 'Placeholder');
        const all = each(size, (i) => node(`r${i}`, 'RestoreV2', ['path']));
        const restore = node(
          'restore',
          'NoOp',
          all.map(({ name }) => `^${name}`),
        );
        return reads([X, Y, path, ...all, restore], { restore: { node: 'restore', path: 'path:0' } });
      },
    ],
  ])('%s', (_, count) => {
    const [small, large] = SIZES.map(count);
    expect((large ?? 0) / SIZES[1]).toBeLessThan(((small ?? 0) / SIZES[0]) * 1.1);
    expect((large ?? 0) / SIZES[1]).toBeLessThan(40);
  });
});
