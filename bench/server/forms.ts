/** The ways in which contestants are asked for the same rows. */
import type { Message } from '../load/index.ts';
import { INPUT, MLP, OUTPUT } from './mlp.ts';

/** `plain`: `{"inputs": rows}`, which peers without a protocol of their own are given, and ours takes as a v1 request. */
export type FormName = 'v1' | 'v2' | 'binary' | 'plain';

const JSON_TYPE = { 'Content-Type': 'application/json' };
type Rows = readonly (readonly number[])[];

export function message(form: FormName, rows: Rows, path = PATH[form]): Message {
  if (form === 'v1') return { path, headers: JSON_TYPE, body: json({ instances: rows }) };
  if (form === 'plain') return { path, headers: JSON_TYPE, body: json({ inputs: rows }) };
  const input = { name: INPUT.name, datatype: INPUT.dtype, shape: [rows.length, 784] };
  if (form === 'v2') return { path, headers: JSON_TYPE, body: json({ inputs: [{ ...input, data: rows.flat() }] }) };
  const data = Float32Array.from(rows.flat());
  const head = json({
    inputs: [{ ...input, parameters: { binary_data_size: data.byteLength } }],
    outputs: [{ name: OUTPUT.name, parameters: { binary_data: true } }],
  });
  return {
    path,
    headers: { 'Content-Type': 'application/octet-stream', 'Inference-Header-Content-Length': String(head.length) },
    body: Buffer.concat([head, Buffer.from(data.buffer)]),
  };
}

export const PATH: Readonly<Record<FormName, string>> = {
  v1: `/v1/models/${MLP}:predict`,
  v2: `/v2/models/${MLP}/infer`,
  binary: `/v2/models/${MLP}/infer`,
  plain: '/predict',
};

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** All numbers of an answer, row by row. */
export async function outputsOf(form: FormName, reply: Response): Promise<number[]> {
  const bytes = Buffer.from(await reply.arrayBuffer());
  if (form === 'binary') {
    const start = Number(reply.headers.get('inference-header-content-length'));
    return [...new Float32Array(Uint8Array.from(bytes.subarray(start)).buffer)];
  }
  const answer = JSON.parse(bytes.toString()) as { predictions?: unknown; outputs?: unknown };
  const [first] = Array.isArray(answer.outputs) ? (answer.outputs as { data?: number[] }[]) : [];
  const found = answer.predictions ?? first?.data ?? answer.outputs ?? answer;
  return (found as unknown[]).flat(Infinity) as number[];
}
