/** Elements of every datatype as JSON: what must come back as it was sent, and what must be refused. */
import { either, group, refused, type Case, type Expectation } from '../case.ts';
import { MODEL, outputOf, type SuiteType } from '../models.ts';
import { typed } from './build.ts';

type Value = number | bigint | string | boolean;

/** What is written in the request, and what the answer must have. */
const SAME: Readonly<Partial<Record<SuiteType, readonly (readonly [written: string, value: Value])[]>>> = {
  FP32: [
    ['0', 0],
    ['-0', -0],
    ['1', 1],
    ['-1', -1],
    ['1.0', 1],
    ['1e0', 1],
    ['1E0', 1],
    ['1e+0', 1],
    ['10e-1', 1],
    ['0.1e1', 1],
    ['100E-002', 1],
    ['0.5', 0.5],
    ['0.1', 0.1],
    ['-0.25', -0.25],
    ['123456789', 123456792],
    ['16777216', 16777216],
    ['16777217', 16777216],
    ['3.4028234663852886e38', 3.4028234663852886e38],
    ['-3.4028234663852886e38', -3.4028234663852886e38],
    ['1.1754943508222875e-38', 1.1754943508222875e-38],
    ['1e-45', 1.401298464324817e-45],
    ['1e-60', 0],
    ['0e999', 0],
    ['0.30000000000000004', 0.3],
    [`0.1${'0'.repeat(200)}`, 0.1],
    [`1${'0'.repeat(20)}`, 1e20],
    [`0.${'0'.repeat(20)}1`, 1e-21],
  ],
  FP64: [
    ['0.1', 0.1],
    ['0.30000000000000004', 0.30000000000000004],
    ['3.141592653589793', 3.141592653589793],
    ['9007199254740993', 9007199254740992],
    ['1.7976931348623157e308', 1.7976931348623157e308],
    ['5e-324', 5e-324],
    ['2.2250738585072011e-308', 2.225073858507201e-308],
    ['-1e-7', -1e-7],
  ],
  INT8: [
    ['127', 127],
    ['-128', -128],
    ['0', 0],
  ],
  INT16: [
    ['32767', 32767],
    ['-32768', -32768],
  ],
  INT32: [
    ['2147483647', 2147483647],
    ['-2147483648', -2147483648],
  ],
  INT64: [
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
    ['9007199254740993', 9007199254740993n],
    ['-9007199254740993', -9007199254740993n],
    ['0', 0n],
  ],
  UINT8: [
    ['255', 255],
    ['0', 0],
  ],
  UINT16: [['65535', 65535]],
  UINT32: [['4294967295', 4294967295]],
  UINT64: [
    ['18446744073709551615', 18446744073709551615n],
    ['9007199254740993', 9007199254740993n],
  ],
  BOOL: [
    ['true', true],
    ['false', false],
  ],
  BYTES: [
    ['""', ''],
    ['"a"', 'a'],
    ['"äöü€"', 'äöü€'],
    ['"😀"', '😀'],
    ['"\\ud83d\\ude00"', '😀'],
    ['"\\u0041\\n\\t\\"\\\\\\/"', 'A\n\t"\\/'],
    ['"[1, 2]"', '[1, 2]'],
    [`"${'x'.repeat(5000)}"`, 'x'.repeat(5000)],
  ],
};

const REFUSED: Readonly<Partial<Record<SuiteType, readonly string[]>>> = {
  FP32: [
    '01',
    '+1',
    '.5',
    '1.',
    '1e',
    '1e+',
    '--1',
    '-',
    '0x10',
    '1_000',
    '1 000',
    'nan',
    'inf',
    'Infinity',
    '"1"',
    '"NaN"',
    'null',
    '{}',
    '[]',
    'true',
    '"a"',
    '1e400',
  ],
  FP64: ['1e999', '"0.1"', 'null', 'false'],
  INT8: ['128', '-129', '1.5', '"1"', 'null', 'true'],
  INT16: ['32768', '-32769'],
  INT32: ['2147483648', '-2147483649', '0.1'],
  INT64: ['9223372036854775808', '-9223372036854775809', '1e30', '1.5'],
  UINT8: ['256', '-1', '1e3'],
  UINT16: ['65536', '-1'],
  UINT32: ['4294967296', '-1'],
  UINT64: ['18446744073709551616', '-1'],
  BOOL: ['"true"', 'null', '2'],
  BYTES: ['1', 'null', 'true', '"\\ud83d', '"a', "'a'", '"\\x41"'],
};

/** Sound to take, and sound to refuse; never a crash. */
const EITHER: Readonly<Partial<Record<SuiteType, readonly string[]>>> = {
  FP32: ['1e39', 'NaN', '-Infinity'],
  INT32: ['1.0', '1e2', '-0'],
  BOOL: ['1', '0'],
  BYTES: ['"\\ud800"', '"\\u0000"'],
};

const each = <T>(table: Readonly<Partial<Record<SuiteType, readonly T[]>>>) =>
  (Object.entries(table) as [SuiteType, readonly T[]][]).flatMap(([type, values]) =>
    values.map((value) => ({ type, value })),
  );
const one = (type: SuiteType, written: string, expect: Expectation) => ({
  title: `${type} ${written.slice(0, 40)}`,
  model: MODEL.types,
  request: typed({ type, data: `[${written}]`, rows: 1 }),
  expect,
});

export const numbers = (): Case[] => [
  ...group(
    'element',
    'core',
    each(SAME).map(({ type, value: [written, value] }) =>
      one(type, written, { outputs: { [outputOf(type)]: { shape: [1], datatype: type, data: [value] } } }),
    ),
  ),
  ...group(
    'bad element',
    'robust',
    each(REFUSED).map(({ type, value }) => one(type, value, refused())),
  ),
  ...group(
    'odd element',
    'robust',
    each(EITHER).map(({ type, value }) => one(type, value, either())),
  ),
  ...group('elements', 'core', [
    {
      title: 'several keep their order',
      model: MODEL.types,
      request: typed({ type: 'INT64', data: '[3,1,9007199254740993]', rows: 3 }),
      expect: { outputs: { [outputOf('INT64')]: { shape: [3], data: [3n, 1n, 9007199254740993n] } } },
    },
    {
      title: 'texts of several rows',
      model: MODEL.types,
      request: typed({ type: 'BYTES', data: '["a","","ü"]', rows: 3 }),
      expect: { outputs: { [outputOf('BYTES')]: { shape: [3], data: ['a', '', 'ü'] } } },
    },
  ]),
];
