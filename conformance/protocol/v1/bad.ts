/** Predict requests that are wrong. */
import { CLIENT_ERROR, either, group, refused, type Case } from '../case.ts';
import { MODEL, type SuiteType } from '../models.ts';
import { instance, post, predict } from './build.ts';

const BODIES: readonly [string, unknown][] = [
  ['an empty body', ''],
  ['no JSON', 'hello'],
  ['an open object', '{'],
  ['a text', '"instances"'],
  ['null', 'null'],
  ['an object with nothing in it', {}],
  ['rows and columns', { instances: [[1, 2, 3]], inputs: [[1, 2, 3]] }],
  ['no rows', { instances: [] }],
  ['rows that are null', { instances: null }],
  ['rows that are an object', { instances: { x: [1, 2, 3] } }],
  ['rows that are a text', { instances: 'abc' }],
  ['a row that is null', { instances: [null] }],
  ['a row that is a text', { instances: ['abc'] }],
  ['a row too short', { instances: [[1, 2]] }],
  ['a row too long', { instances: [[1, 2, 3, 4]] }],
  [
    'rows of different lengths',
    {
      instances: [
        [1, 2, 3],
        [1, 2],
      ],
    },
  ],
  ['an empty row', { instances: [[]] }],
  ['a row too deep', { instances: [[[[1, 2, 3]]]] }],
  ['a text in a row', { instances: [[1, 2, '3']] }],
  ['null in a row', { instances: [[1, 2, null]] }],
  ['true in a row', { instances: [[1, 2, true]] }],
  ['a row with a wrong name', { instances: [{ z: [1, 2, 3] }] }],
  ['a row with a name too many', { instances: [{ x: [1, 2, 3], z: [1] }] }],
  ['a row with a name and one without', { instances: [{ x: [1, 2, 3] }, [1, 2, 3]] }],
  ['a column with a wrong name', { inputs: { z: [[1, 2, 3]] } }],
  ['columns that are null', { inputs: null }],
  ['columns that are an empty object', { inputs: {} }],
  ['a column without rows', { inputs: [] }],
  [
    'a column of the wrong shape',
    {
      inputs: [
        [1, 2],
        [3, 4],
      ],
    },
  ],
  ['an unknown signature', { signature_name: 'no-such-signature', instances: [[1, 2, 3]] }],
  ['a signature that is a number', { signature_name: 1, instances: [[1, 2, 3]] }],
  ['b64 for a number', { instances: [[{ b64: 'AAAA' }, 2, 3]] }],
  ['a number with a leading zero', '{"instances":[[01,2,3]]}'],
  ['a number with a plus', '{"instances":[[+1,2,3]]}'],
  ['a comma too many', '{"instances":[[1,2,3,]]}'],
  ['a comment', '{"instances":[[1,2,3]]/**/}'],
  ['nan in small letters', '{"instances":[[nan,2,3]]}'],
  ['lists 200 levels deep', `{"instances":${'['.repeat(200)}${']'.repeat(200)}}`],
  ['lists a million levels deep', `{"instances":${'['.repeat(1_000_000)}`],
];

const ELEMENTS: readonly [SuiteType, string][] = [
  ['INT8', '128'],
  ['INT32', '1.5'],
  ['INT64', '9223372036854775808'],
  ['UINT8', '-1'],
  ['BOOL', '"true"'],
  ['BYTES', '1'],
  ['BYTES', '{"b64":"***"}'],
  ['BYTES', '{"b64":1}'],
  ['BYTES', '{"b65":"AAAA"}'],
];

export const bad = (): Case[] => [
  ...group(
    'v1 bad',
    'robust',
    BODIES.map(([title, body]) => ({ title, model: MODEL.dense, request: predict(body), expect: refused() })),
  ),
  ...group(
    'v1 bad element',
    'robust',
    ELEMENTS.map(([type, written]) => ({
      title: `${type} ${written}`,
      model: MODEL.types,
      request: instance(type, written),
      expect: refused(),
    })),
  ),
  ...group('v1 bad', 'robust', [
    {
      // TensorFlow Serving ignores it.
      title: 'a column with a name too many',
      model: MODEL.dense,
      request: predict({ inputs: { x: [[1, 2, 3]], z: [1] } }),
      expect: either(),
    },
    {
      title: 'an instance without one of several inputs',
      model: MODEL.types,
      request: post(MODEL.types, 'predict', { instances: [{ bool: true }] }),
      expect: refused(),
    },
    {
      title: 'several inputs without names',
      model: MODEL.types,
      request: post(MODEL.types, 'predict', { instances: [[1]] }),
      expect: refused(),
    },
    {
      title: 'a form',
      model: MODEL.dense,
      request: {
        ...predict({ instances: [[1, 2, 3]] }),
        headers: { 'Content-Type': 'multipart/form-data; boundary=x' },
      },
      expect: { status: [200, ...CLIENT_ERROR] },
    },
    {
      title: 'the model still answers',
      model: MODEL.dense,
      request: predict({ instances: [[1, 2, 3]] }),
      expect: { json: { predictions: [[22.5, 27.5]] } },
    },
  ]),
];
