/** Triton's binary tensors and classification. */
import { CLIENT_ERROR, group, refused, type Case } from '../case.ts';
import { DATATYPES, dense, MODEL, outputOf } from '../models.ts';
import { bytesOf } from '../subject.ts';
import { binary, infer, LENGTH_HEADER, typed, typedBinary } from './build.ts';

const ROWS: readonly [number, number, number][] = [
  [1, 2, 3],
  [0.5, 0, -1],
];
const X = bytesOf('FP32', ROWS.flat());
const Y = bytesOf('FP32', dense(...ROWS));
const head = (rest: object = {}, size: unknown = X.length) => ({
  inputs: [{ name: 'x', shape: [2, 3], datatype: 'FP32', parameters: { binary_data_size: size } }],
  ...rest,
});
const output = (parameters: object) => ({ outputs: [{ name: 'y', parameters }] });
const jsonInput = { name: 'x', shape: [2, 3], datatype: 'FP32', data: ROWS.flat() };
const asJson = { outputs: { y: { shape: [2, 2], datatype: 'FP32', data: dense(...ROWS) } } };
const asBytes = { blobs: { y: Y }, headers: { [LENGTH_HEADER.toLowerCase()]: /^\d+$/ } };
const all = { binary_data_output: true };

/** Two elements of each datatype, whose bytes must come back. */
const ELEMENTS: Readonly<Record<string, readonly (number | bigint | string | boolean)[]>> = {
  BOOL: [true, false],
  UINT8: [255, 1],
  UINT16: [65535, 1],
  UINT32: [4294967295, 1],
  UINT64: [18446744073709551615n, 1n],
  INT8: [-128, 127],
  INT16: [-32768, 1],
  INT32: [-2147483648, 1],
  INT64: [-9223372036854775808n, 1n],
  FP32: [0.1, NaN],
  FP64: [0.1, -Infinity],
  BYTES: ['ü', ''],
};

const sound = (): Case[] =>
  group(
    'binary',
    'extension',
    [
      {
        title: 'input as bytes, output as JSON',
        request: binary(MODEL.dense, head(output({ binary_data: false })), [X]),
        expect: asJson,
      },
      {
        title: 'input as bytes, output as bytes',
        request: binary(MODEL.dense, head(output({ binary_data: true })), [X]),
        expect: asBytes,
      },
      { title: 'all outputs as bytes', request: binary(MODEL.dense, head({ parameters: all }), [X]), expect: asBytes },
      {
        title: 'the wish of an output counts more',
        request: binary(MODEL.dense, head({ parameters: all, ...output({ binary_data: false }) }), [X]),
        expect: asJson,
      },
      {
        title: 'the request says no, an output yes',
        request: binary(
          MODEL.dense,
          head({ parameters: { binary_data_output: false }, ...output({ binary_data: true }) }),
          [X],
        ),
        expect: asBytes,
      },
      {
        title: 'input as JSON, output as bytes',
        request: infer(MODEL.dense, { inputs: [jsonInput], ...output({ binary_data: true }) }),
        expect: asBytes,
      },
      {
        title: 'input as JSON with the header',
        request: binary(MODEL.dense, { inputs: [jsonInput] }, []),
        expect: asJson,
      },
      {
        title: 'input as JSON, all outputs as bytes',
        request: infer(MODEL.dense, { inputs: [jsonInput], parameters: all }),
        expect: asBytes,
      },
      {
        title: 'without a media type',
        request: binary(MODEL.dense, head(output({ binary_data: false })), [X], { 'Content-Type': '' }),
        expect: asJson,
      },
      {
        title: 'id is told again',
        request: binary(MODEL.dense, head({ id: 'bin', parameters: all }), [X]),
        expect: { ...asBytes, text: /"id"\s*:\s*"bin"/ },
      },
      {
        title: 'blanks in the JSON',
        request: binary(MODEL.dense, `${JSON.stringify(head(output({ binary_data: false })), null, 3)}\n`, [X]),
        expect: asJson,
      },
      ...DATATYPES.flatMap((type) => {
        const blob = bytesOf(type, ELEMENTS[type] ?? []);
        const name = outputOf(type);
        return [
          {
            title: `${type} to bytes`,
            model: MODEL.types,
            request: typedBinary(type, blob, 2, true),
            expect: { blobs: { [name]: blob } },
          },
          {
            title: `${type} to JSON`,
            model: MODEL.types,
            request: typedBinary(type, bytesOf(type, finite(ELEMENTS[type])), 2, false),
            expect: { outputs: { [name]: { data: finite(ELEMENTS[type]) } } },
          },
        ];
      }),
      {
        title: 'FP16',
        model: MODEL.half,
        request: binary(
          MODEL.half,
          {
            inputs: [{ name: 'x', shape: [2], datatype: 'FP16', parameters: { binary_data_size: 4 } }],
            outputs: [{ name: 'y', parameters: { binary_data: true } }],
          },
          [Buffer.from([0x00, 0x3c, 0x00, 0xc0])],
        ),
        expect: { blobs: { y: Buffer.from([0x00, 0x3c, 0x00, 0xc0]) } },
      },
      {
        title: 'a raw body',
        request: {
          ...infer(MODEL.dense, X),
          headers: { 'Content-Type': 'application/octet-stream', [LENGTH_HEADER]: '0' },
        },
        expect: { blobs: { y: Y } },
      },
    ].map((one) => ({ model: MODEL.dense, ...one })),
  );

const finite = (values: readonly (number | bigint | string | boolean)[] = []) =>
  values.map((value) => (typeof value === 'number' && !Number.isFinite(value) ? 0 : value));

const broken = (): Case[] =>
  group(
    'bad binary',
    'robust',
    [
      ...['-1', 'abc', '1.5', '0x10', '999999', '99999999999999999999', ' ', '1,2'].map((value) => ({
        title: `length header "${value}"`,
        request: binary(MODEL.dense, head(), [X], { [LENGTH_HEADER]: value }),
        expect: refused(),
      })),
      { title: 'length header one too small', request: shifted(-1), expect: refused() },
      { title: 'length header one too large', request: shifted(1), expect: refused() },
      {
        title: 'no length header',
        request: infer(MODEL.dense, Buffer.concat([Buffer.from(JSON.stringify(head())), X])),
        expect: refused(),
      },
      { title: 'a byte too few', request: binary(MODEL.dense, head(), [X.subarray(1)]), expect: refused() },
      { title: 'a byte too many', request: binary(MODEL.dense, head(), [X, Buffer.from([0])]), expect: refused() },
      { title: 'no bytes', request: binary(MODEL.dense, head(), []), expect: refused() },
      ...[0, -1, 1.5, X.length - 4, X.length + 4, 2 ** 53, '24', null, true, [24]].map((size) => ({
        title: `binary_data_size ${JSON.stringify(size)}`,
        request: binary(MODEL.dense, head({}, size), [X]),
        expect: refused(),
      })),
      {
        title: 'data and bytes',
        request: binary(MODEL.dense, { inputs: [{ ...jsonInput, parameters: { binary_data_size: X.length } }] }, [X]),
        expect: refused(),
      },
      {
        title: 'neither data nor bytes',
        request: binary(MODEL.dense, { inputs: [{ name: 'x', shape: [2, 3], datatype: 'FP32' }] }, [X]),
        expect: refused(),
      },
      {
        title: 'a shape that the bytes do not fill',
        request: binary(
          MODEL.dense,
          { inputs: [{ name: 'x', shape: [3, 3], datatype: 'FP32', parameters: { binary_data_size: X.length } }] },
          [X],
        ),
        expect: refused(),
      },
      {
        title: 'a wish that is no flag',
        request: infer(MODEL.dense, { inputs: [jsonInput], ...output({ binary_data: 'yes' }) }),
        expect: { status: [200, ...CLIENT_ERROR] },
      },
      {
        title: 'a raw body that does not fill rows',
        request: { ...infer(MODEL.dense, X.subarray(1)), headers: { [LENGTH_HEADER]: '0' } },
        expect: refused(),
      },
      {
        title: 'an empty raw body',
        request: { ...infer(MODEL.dense, Buffer.alloc(0)), headers: { [LENGTH_HEADER]: '0' } },
        expect: refused(),
      },
      ...(
        [
          ['a length past the end', [9, 0, 0, 0, 97]],
          ['a length of 4 GiB', [255, 255, 255, 255, 97]],
          ['half a length', [1, 0]],
          ['bytes behind the last text', [1, 0, 0, 0, 97, 98]],
          ['nothing', []],
        ] as const
      ).map(([what, bytes]) => ({
        title: `BYTES with ${what}`,
        model: MODEL.types,
        request: typedBinary('BYTES', Buffer.from(bytes), 1, true),
        expect: refused(),
      })),
      {
        title: 'BOOL that is neither 0 nor 1',
        model: MODEL.types,
        request: typedBinary('BOOL', Buffer.from([7]), 1, true),
        expect: { status: [200, ...CLIENT_ERROR] },
      },
      {
        title: 'FP16 as JSON is no crash',
        model: MODEL.half,
        request: infer(MODEL.half, { inputs: [{ name: 'x', shape: [1], datatype: 'FP16', data: [1] }] }),
        expect: { status: [200, ...CLIENT_ERROR] },
      },
    ].map((one) => ({ model: MODEL.dense, ...one })),
  );

/** The length of the JSON, told wrong by so many bytes. */
function shifted(by: number) {
  const json = JSON.stringify(head());
  return binary(MODEL.dense, json, [X], { [LENGTH_HEADER]: String(json.length + by) });
}

const classification = (): Case[] => {
  const classes = (k: unknown) => infer(MODEL.dense, { inputs: [jsonInput], ...output({ classification: k }) });
  const [a, b, c, d] = dense(...ROWS);
  const written = (value: number | undefined, place: number) =>
    new RegExp(`"${String(value).replaceAll('.', '\\.')}(?:0*|\\.0*):${place}`).source;
  return group(
    'classification',
    'extension',
    [
      {
        title: 'the highest of each row',
        request: classes(1),
        expect: { text: new RegExp(`${written(b, 1)}"[\\s\\S]*${written(c, 0)}"`), notText: new RegExp(written(a, 0)) },
      },
      {
        title: 'all of each row, highest first',
        request: classes(2),
        expect: {
          text: new RegExp(
            `${written(b, 1)}"[\\s\\S]*${written(a, 0)}"[\\s\\S]*${written(c, 0)}"[\\s\\S]*${written(d, 1)}"`,
          ),
        },
      },
      { title: 'answers BYTES', request: classes(1), expect: { text: /"datatype"\s*:\s*"BYTES"/ } },
      { title: 'more than there are', request: classes(9), expect: { text: /:1"/ } },
      ...[-1, 'two', 1.5, [1]].map((k) => ({
        title: `K is ${JSON.stringify(k)}`,
        request: classes(k),
        expect: refused(),
      })),
      {
        title: 'of texts is no crash',
        model: MODEL.types,
        request: withClasses(),
        expect: { status: [200, ...CLIENT_ERROR] },
      },
    ].map((one) => ({ model: MODEL.dense, ...one })),
  );
};

function withClasses() {
  const request = typed({ type: 'BYTES', data: '["a"]', rows: 1 });
  const body = String(request.body).replace(
    `{"name":"${outputOf('BYTES')}"}`,
    `{"name":"${outputOf('BYTES')}","parameters":{"classification":1}}`,
  );
  return { ...request, body };
}

export const binaries = (): Case[] => [...sound(), ...broken(), ...classification()];
