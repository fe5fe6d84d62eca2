/** Sound requests, in every form the protocol has for them. */
import { CLIENT_ERROR, either, group, type Case, type Tensor } from '../case.ts';
import { dense, MODEL } from '../models.ts';
import { nest, tensor, tensors, type InputTensor, type Subject } from '../subject.ts';
import { get, infer, sound } from './build.ts';

/** @param answer the outputs for `tensors(subject)` */
export function infers(subject: Subject, answer: Readonly<Record<string, Tensor>>): Case[] {
  const { model, version } = subject;
  const inputs = tensors(subject);
  const [first, ...others] = inputs;
  const [output] = subject.outputs;
  const same = { outputs: answer };
  const only = output && answer[output.name] ? { [output.name]: answer[output.name] as Tensor } : {};
  const json = JSON.stringify({ inputs });
  const pretty = JSON.stringify({ inputs }, null, 2);
  const ordered = (...keys: (keyof InputTensor)[]) =>
    infer(model, { inputs: [Object.fromEntries(keys.map((key) => [key, first?.[key]])), ...others] });
  return [
    ...group('infer', 'core', [
      { title: 'flat data', request: sound(subject), expect: same },
      {
        title: 'nested data',
        request: infer(model, { inputs: inputs.map((input) => ({ ...input, data: nest(input.data, input.shape) })) }),
        expect: same,
      },
      { title: 'data before the rest', request: ordered('data', 'name', 'shape', 'datatype'), expect: same },
      { title: 'data before the shape', request: ordered('name', 'datatype', 'data', 'shape'), expect: same },
      { title: 'shape and datatype first', request: ordered('datatype', 'shape', 'name', 'data'), expect: same },
      { title: 'name last', request: ordered('shape', 'data', 'datatype', 'name'), expect: same },
      {
        title: 'of a version',
        request: { ...sound(subject), path: `/v2/models/${model}/versions/${version}/infer` },
        expect: same,
      },
      { title: 'model_name in the answer', request: sound(subject), expect: { json: { model_name: model } } },
      { title: 'model_version in the answer', request: sound(subject), expect: { json: { model_version: version } } },
      {
        title: 'media type of the answer',
        request: sound(subject),
        expect: { headers: { 'content-type': /^application\/json/ } },
      },
      ...subject.outputs.map(({ name, datatype }) => ({
        title: `output ${name}: name and datatype`,
        request: sound(subject),
        expect: {
          text: new RegExp(`"name"\\s*:\\s*"${name}"`),
          json: undefined,
          outputs: { [name]: { data: answer[name]?.data ?? [], datatype } },
        },
      })),
      {
        title: 'an output that is asked for',
        request: sound(subject, { outputs: [{ name: output?.name }] }),
        expect: { outputs: only },
      },
      {
        title: 'all outputs that are asked for',
        request: sound(subject, { outputs: subject.outputs.map(({ name }) => ({ name })) }),
        expect: same,
      },
      { title: 'an empty list of outputs is all of them', request: sound(subject, { outputs: [] }), expect: same },
      ...['a', '42', 'id with blanks', 'ü€😀', 'quote " and \\ backslash', 'x'.repeat(200)].map((id) => ({
        title: `id is told again: ${id.slice(0, 30)}`,
        request: sound(subject, { id }),
        expect: { json: { id }, ...same },
      })),
      {
        title: 'id in JSON escapes',
        request: infer(model, json.replace('{', '{"id":"\\u0061\\u00e4\\n",')),
        expect: { json: { id: 'aä\n' } },
      },
      ...(
        [
          ['a text', 'x'],
          ['a number', 1],
          ['a fraction', 1.5],
          ['a flag', true],
        ] as const
      ).map(([what, value]) => ({
        title: `parameters with ${what}`,
        request: sound(subject, { parameters: { 'x-suite': value } }),
        expect: same,
      })),
      {
        title: 'parameters of an input',
        request: infer(model, { inputs: [{ ...first, parameters: { note: 'x' } }, ...others] }),
        expect: same,
      },
      {
        title: 'parameters of an output',
        request: sound(subject, { outputs: [{ name: output?.name, parameters: { note: 'x' } }] }),
        expect: { outputs: only },
      },
      { title: 'no parameters in their object', request: sound(subject, { parameters: {} }), expect: same },
    ]),
    ...group('JSON', 'core', [
      { title: 'laid out over many lines', request: infer(model, pretty), expect: same },
      {
        title: 'with CRLF and tabs',
        request: infer(model, pretty.replaceAll('\n', '\r\n').replaceAll('  ', '\t')),
        expect: same,
      },
      { title: 'with blanks before and behind', request: infer(model, ` \n\t${json}\r\n `), expect: same },
      {
        title: 'with keys in escapes',
        request: infer(model, json.replace('"inputs"', '"\\u0069nput\\u0073"')),
        expect: same,
      },
      {
        title: 'with a name in escapes',
        request: infer(model, json.replace(`"${first?.name as string}"`, `"${escaped(first?.name as string)}"`)),
        expect: same,
      },
      { title: 'with blanks between all numbers', request: infer(model, json.replaceAll(',', ' , ')), expect: same },
    ]),
    ...group('JSON', 'robust', [
      { title: 'with a byte order mark', request: infer(model, `\ufeff${json}`), expect: either() },
      {
        title: 'with members nobody knows',
        request: infer(model, json.replace('{', '{"comment":{"a":[1,{"b":null}]},')),
        expect: either(),
      },
      {
        title: 'with a member of an input that nobody knows',
        request: infer(model, { inputs: [{ ...first, unit: 'cm' }, ...others] }),
        expect: either(),
      },
      { title: 'with id null', request: sound(subject, { id: null }), expect: either() },
      { title: 'with parameters null', request: sound(subject, { parameters: null }), expect: either() },
      { title: 'with a key twice', request: infer(model, json.replace('{', '{"id":"a","id":"b",')), expect: either() },
      { title: 'with inputs in another order', request: infer(model, { inputs: [...inputs].reverse() }), expect: same },
      {
        title: 'with an output twice',
        request: sound(subject, { outputs: [{ name: output?.name }, { name: output?.name }] }),
        expect: either(),
      },
    ]),
    ...group('batch', 'core', [
      ...[1, 2, 3, 31, 32, 33, 100, 1000].map((rows) => ({
        title: `${rows} rows`,
        model: MODEL.dense,
        request: infer(MODEL.dense, { inputs: [denseInput(rows)] }),
        expect: { outputs: { y: { shape: [rows, 2], datatype: 'FP32', data: dense(...denseRows(rows)) } } },
      })),
      {
        title: 'nested rows',
        model: MODEL.dense,
        request: infer(MODEL.dense, { inputs: [{ ...denseInput(0), shape: [3, 3], data: denseRows(3) }] }),
        expect: { outputs: { y: { shape: [3, 2], data: dense(...denseRows(3)) } } },
      },
    ]),
    ...group('after all', 'core', [
      { title: 'the model still answers as before', request: sound(subject), expect: same },
      { title: 'the server is live', request: get('/v2/health/live'), expect: {} },
    ]),
    ...group('model', 'robust', [
      {
        title: 'values that the model refuses are no crash',
        model: MODEL.lookup,
        request: infer(MODEL.lookup, { inputs: [{ name: 'ids', shape: [1], datatype: 'INT64', data: [9] }] }),
        expect: { status: [...CLIENT_ERROR, 500], error: true },
      },
      {
        title: 'and the next request is answered',
        model: MODEL.lookup,
        request: infer(MODEL.lookup, { inputs: [{ name: 'ids', shape: [2], datatype: 'INT64', data: [1, 3] }] }),
        expect: { outputs: { rows: { shape: [2, 2], datatype: 'FP32', data: [10, 11, 30, 31] } } },
      },
      {
        title: "values that the model refuses are the client's fault",
        model: MODEL.lookup,
        request: infer(MODEL.lookup, { inputs: [{ name: 'ids', shape: [1], datatype: 'INT64', data: [-1] }] }),
        expect: { status: CLIENT_ERROR, error: true },
      },
    ]),
  ];
}

const denseRows = (rows: number): [number, number, number][] =>
  Array.from({ length: rows }, (_, i) => [i % 5, (i % 7) / 2, -(i % 3)]);
const denseInput = (rows: number) => ({
  ...tensor({ name: 'x', datatype: 'FP32', shape: [-1, 3] }, rows),
  data: denseRows(rows).flat(),
});
const escaped = (text: string): string =>
  [...text].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
