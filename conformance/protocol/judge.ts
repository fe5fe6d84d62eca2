/** Whether an answer is what a case expects. Pure. */
import type { Case, Expectation, Tensor } from './case.ts';

export interface Reply {
  status: number;
  headers: Readonly<Record<string, string | undefined>>;
  body: Buffer;
}

/** What came back: one answer, several for a raw request, or none and why. */
export type Outcome = { replies: readonly Reply[] } | { failure: string };

/** Longest error body that a server should answer, in bytes. */
const LONGEST_ERROR = 4096;
const TOLERANCE = 1e-5;
const LENGTH_HEADER = 'inference-header-content-length';

/** @returns what is wrong; undefined when nothing is */
export function judge({ request, expect }: Pick<Case, 'request' | 'expect'>, outcome: Outcome): string | undefined {
  if ('raw' in request) return judgeRaw(expect, outcome);
  if ('failure' in outcome) return outcome.failure;
  const [reply] = outcome.replies;
  return reply ? judgeReply(expect, reply) : 'no answer';
}

function judgeRaw({ statuses = [], orClosed = false }: Expectation, outcome: Outcome): string | undefined {
  if ('failure' in outcome) return outcome.failure;
  const found = outcome.replies.map(({ status }) => status);
  if (orClosed && found.length === 0) return undefined;
  const right = found.length === statuses.length && found.every((status, i) => statuses[i]?.includes(status));
  return right
    ? undefined
    : `answered ${found.join(', ') || 'nothing'}, expected ${statuses.map((all) => all.join('|')).join(', ')}`;
}

function judgeReply(expect: Expectation, reply: Reply): string | undefined {
  const { status = [200] } = expect;
  const body = reply.body.toString('utf8');
  if (!status.includes(reply.status)) return `answered ${reply.status} ${shorten(body)}, expected ${status.join('|')}`;
  for (const [name, pattern] of Object.entries(expect.headers ?? {})) {
    if (!pattern.test(reply.headers[name] ?? ''))
      return `header ${name} is ${reply.headers[name] ?? 'missing'}, expected ${pattern}`;
  }
  if (expect.error && reply.status !== 200) {
    const problem = errorProblem(reply);
    if (problem !== undefined) return problem;
  }
  if (expect.text && !expect.text.test(body)) return `answered ${shorten(body)}, expected ${expect.text}`;
  if (expect.notText?.test(body)) return `answered ${shorten(body)}, expected nothing like ${expect.notText}`;
  if (expect.json !== undefined) {
    const value = parse(body);
    return value === undefined ? `answered ${shorten(body)}, expected JSON` : difference(value, expect.json, '');
  }
  return outputsProblem(expect, reply);
}

function errorProblem({ body }: Reply): string | undefined {
  const text = body.toString('utf8');
  const { error } = (parse(text) ?? {}) as { error?: unknown };
  if (typeof error !== 'string' || error === '') return `the error is ${shorten(text)}, expected {"error": text}`;
  if (body.length > LONGEST_ERROR) return `the error has ${body.length} bytes`;
  if (/\n\s+at |Traceback|File "\//.test(error)) return `the error shows the server's code: ${shorten(error)}`;
  return undefined;
}

interface Output extends Tensor {
  name: string;
  parameters?: { binary_data_size?: number };
}

function outputsProblem({ outputs = {}, blobs = {} }: Expectation, { body, headers }: Reply): string | undefined {
  if (Object.keys(outputs).length + Object.keys(blobs).length === 0) return undefined;
  const length = Number(headers[LENGTH_HEADER] ?? body.length);
  const text = body.toString('utf8', 0, length);
  const found = (parse(exact(text)) as { outputs?: Output[] } | undefined)?.outputs;
  if (!Array.isArray(found)) return `answered ${shorten(text)}, expected outputs`;
  let at = length;
  const bytes = new Map<string, Buffer>();
  for (const { name, parameters } of found) {
    const size = parameters?.binary_data_size;
    if (size === undefined) continue;
    bytes.set(name, body.subarray(at, at + size));
    at += size;
  }
  for (const [name, expected] of Object.entries(blobs)) {
    const blob = bytes.get(name);
    if (!blob) return `output ${name} has no bytes: ${shorten(text)}`;
    if (!blob.equals(expected))
      return `output ${name} is ${blob.toString('hex')}, expected ${expected.toString('hex')}`;
  }
  for (const [name, expected] of Object.entries(outputs)) {
    const output = found.find((one) => one.name === name);
    const problem = output ? tensorProblem(output, expected) : `it is missing in ${shorten(text)}`;
    if (problem !== undefined) return `output ${name}: ${problem}`;
  }
  return undefined;
}

function tensorProblem(found: Output, expected: Tensor): string | undefined {
  if (expected.shape && JSON.stringify(found.shape) !== JSON.stringify(expected.shape)) {
    return `shape is ${JSON.stringify(found.shape)}, expected ${JSON.stringify(expected.shape)}`;
  }
  if (expected.datatype !== undefined && found.datatype !== expected.datatype) {
    return `datatype is ${found.datatype}, expected ${expected.datatype}`;
  }
  if (!Array.isArray(found.data)) return `data is ${shorten(JSON.stringify(found.data) ?? 'missing')}`;
  const data = (found.data as unknown[]).flat(Infinity);
  if (data.length !== expected.data.length) return `it has ${data.length} elements, expected ${expected.data.length}`;
  for (const [i, value] of expected.data.entries()) {
    if (!sameElement(data[i], value, expected.datatype))
      return `element ${i} is ${String(data[i])}, expected ${String(value)}`;
  }
  return undefined;
}

/** A float is the same if it reads back to the same float; whole numbers are compared by their digits. */
function sameElement(found: unknown, expected: unknown, datatype?: string): boolean {
  if (typeof expected === 'bigint') return found === `${EXACT}${expected}` || found === Number(expected);
  if (typeof expected !== 'number') return found === expected;
  const value = typeof found === 'string' && found.startsWith(EXACT) ? Number(found.slice(EXACT.length)) : found;
  if (typeof value !== 'number') return false;
  if (datatype === 'FP32') return Math.fround(value) === Math.fround(expected);
  return value === expected || near(value, expected);
}

/** Long whole numbers as texts behind this, so that their last bits survive JSON.parse. */
const EXACT = '\u0001';
const exact = (text: string): string =>
  text.replace(/"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g, (token) =>
    token.startsWith('"') ? token : `"\\u0001${token}"`,
  );

/** The first place where `found` lacks what `expected` has. */
function difference(found: unknown, expected: unknown, at: string): string | undefined {
  if (typeof expected === 'number') {
    return typeof found === 'number' && near(found, expected) ? undefined : differs(found, expected, at);
  }
  if (typeof expected !== 'object' || expected === null)
    return found === expected ? undefined : differs(found, expected, at);
  if (typeof found !== 'object' || found === null) return differs(found, expected, at);
  if (Array.isArray(expected) && (!Array.isArray(found) || found.length !== expected.length))
    return differs(found, expected, at);
  for (const [key, value] of Object.entries(expected)) {
    const problem = difference((found as Record<string, unknown>)[key], value, `${at}.${key}`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const differs = (found: unknown, expected: unknown, at: string) =>
  `${at === '' ? 'the answer' : at.slice(1)} is ${shorten(JSON.stringify(found) ?? 'missing')}, expected ${shorten(JSON.stringify(expected))}`;
const near = (a: number, b: number) => Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(b));
const shorten = (text: string) => (text.length > 120 ? `${text.slice(0, 120)}…` : text).replace(/\s+/g, ' ');
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
