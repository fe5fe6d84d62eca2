/** Sound predict requests. */
import { either, group, type Case, type Expectation } from '../case.ts';
import { dense, MODEL, outputOf, type SuiteType } from '../models.ts';
import { nest } from '../subject.ts';
import { instance, post, predict } from './build.ts';

const ROW = [22.5, 27.5];
const one = { json: { predictions: [ROW] } };
const column = { json: { outputs: [ROW] } };

export function predicts(version: string): Case[] {
  const many = (rows: number) => {
    const values = Array.from({ length: rows }, (_, i): [number, number, number] => [i % 5, 1, -i % 3]);
    return {
      title: `${rows} rows`,
      request: predict({ instances: values }),
      expect: { json: { predictions: nest(dense(...values), [rows, 2]) } },
    };
  };
  return [
    ...group(
      'v1 predict',
      'core',
      [
        { title: 'rows', request: predict({ instances: [[1, 2, 3]] }), expect: one },
        { title: 'rows with the name of the input', request: predict({ instances: [{ x: [1, 2, 3] }] }), expect: one },
        { title: 'columns', request: predict({ inputs: [[1, 2, 3]] }), expect: column },
        {
          title: 'columns with the name of the input',
          request: predict({ inputs: { x: [[1, 2, 3]] } }),
          expect: column,
        },
        { title: 'of a version', request: predict({ instances: [[1, 2, 3]] }, `/versions/${version}`), expect: one },
        {
          title: 'with the name of the signature',
          request: predict({ signature_name: 'serving_default', instances: [[1, 2, 3]] }),
          expect: one,
        },
        {
          title: 'with the name of the signature behind',
          request: predict({ instances: [[1, 2, 3]], signature_name: 'serving_default' }),
          expect: one,
        },
        {
          title: 'with an empty name of the signature',
          request: predict({ signature_name: '', instances: [[1, 2, 3]] }),
          expect: one,
        },
        { title: 'numbers in other forms', request: predict('{"instances":[[1e0,20E-1,3.000]]}'), expect: one },
        {
          title: 'laid out over many lines',
          request: predict(JSON.stringify({ instances: [[1, 2, 3]] }, null, 2)),
          expect: one,
        },
        {
          title: 'media type of the answer',
          request: predict({ instances: [[1, 2, 3]] }),
          expect: { headers: { 'content-type': /^application\/json/ } },
        },
        ...[2, 32, 33, 500].map(many),
      ].map((sound) => ({ model: MODEL.dense, ...sound })),
    ),
    ...group(
      'v1 predict',
      'core',
      [
        {
          title: 'as curl sends it',
          request: {
            ...predict({ instances: [[1, 2, 3]] }),
            headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
          },
          expect: one,
        },
        {
          title: 'without a media type',
          request: { ...predict({ instances: [[1, 2, 3]] }), headers: { 'Content-Type': '' } },
          expect: one,
        },
        {
          title: 'NaN and Infinity as bare words',
          request: predict('{"instances":[[NaN,0,0],[Infinity,0,0],[-Infinity,0,0]]}'),
          expect: {
            text: /\[\s*NaN\s*,\s*NaN\s*\]\s*,\s*\[\s*Infinity\s*,\s*Infinity\s*\]\s*,\s*\[\s*-Infinity\s*,\s*-Infinity\s*\]/,
          },
        },
        {
          title: 'whole floats have a point',
          request: predict('{"instances":[[0.5,0,0]]}'),
          expect: { text: /\[\s*1\.0\s*,\s*0\.5\s*\]/ },
        },
      ].map((sound) => ({ model: MODEL.dense, ...sound })),
    ),
    ...group(
      'v1 predict',
      'robust',
      [
        { title: 'members nobody knows', request: predict({ comment: 'x', instances: [[1, 2, 3]] }), expect: either() },
        { title: 'a byte order mark', request: predict('\ufeff{"instances":[[1,2,3]]}'), expect: either() },
      ].map((sound) => ({ model: MODEL.dense, ...sound })),
    ),
    ...elements(),
    ...lookups(),
  ];
}

/** What is written in an instance, and what the answer must have. */
const ELEMENTS: readonly [SuiteType, string, Expectation][] = [
  ['FP32', '0.1', text('FP32', '0\\.1\\d*')],
  ['FP32', '-1.5e3', text('FP32', '-1500\\.0')],
  ['FP64', '0.30000000000000004', text('FP64', '0\\.30000000000000004')],
  ['INT8', '-128', text('INT8', '-128')],
  ['INT16', '32767', text('INT16', '32767')],
  ['INT32', '-2147483648', text('INT32', '-2147483648')],
  ['INT64', '9007199254740993', text('INT64', '9007199254740993')],
  ['INT64', '-9223372036854775808', text('INT64', '-9223372036854775808')],
  ['UINT8', '255', text('UINT8', '255')],
  ['UINT16', '65535', text('UINT16', '65535')],
  ['UINT32', '4294967295', text('UINT32', '4294967295')],
  ['BOOL', 'true', text('BOOL', 'true')],
  ['BOOL', 'false', text('BOOL', 'false')],
  // Outputs named …_bytes are answered in base64.
  ['BYTES', '"abc"', text('BYTES', '\\{\\s*"b64"\\s*:\\s*"YWJj"\\s*\\}')],
  ['BYTES', '{"b64":"AP8="}', text('BYTES', '\\{\\s*"b64"\\s*:\\s*"AP8="\\s*\\}')],
  ['BYTES', '""', text('BYTES', '\\{\\s*"b64"\\s*:\\s*""\\s*\\}')],
  ['BYTES', '"ü"', text('BYTES', '\\{\\s*"b64"\\s*:\\s*"w7w="\\s*\\}')],
];

function text(type: SuiteType, pattern: string): Expectation {
  return { text: new RegExp(`"${outputOf(type)}"\\s*:\\s*${pattern}\\s*[,}]`) };
}

const elements = (): Case[] =>
  group(
    'v1 element',
    'core',
    ELEMENTS.map(([type, written, expect]) => ({
      title: `${type} ${written}`,
      model: MODEL.types,
      request: instance(type, written),
      expect,
    })),
  );

const lookups = (): Case[] =>
  group(
    'v1 predict',
    'core',
    [
      {
        title: 'scalars as rows',
        request: post(MODEL.lookup, 'predict', { instances: [1, 3] }),
        expect: {
          json: {
            predictions: [
              [10, 11],
              [30, 31],
            ],
          },
        },
      },
      {
        title: 'scalars as a column',
        request: post(MODEL.lookup, 'predict', { inputs: [2] }),
        expect: { json: { outputs: [[20, 21]] } },
      },
      {
        title: 'values that the model refuses',
        request: post(MODEL.lookup, 'predict', { instances: [9] }),
        expect: { status: [400], error: true },
      },
    ].map((one) => ({ model: MODEL.lookup, ...one })),
  );
