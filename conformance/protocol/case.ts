/** A case of the protocol suite: one request, and what its answer must be. Data only. */

/** Who asks for it: the protocol itself, an extension to it that servers may lack, or common sense (bad input is refused, not a crash). */
export type Level = 'core' | 'extension' | 'robust';

export interface Request {
  method: string;
  path: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Buffer;
}

/** Bytes of a whole connection, for what no client library sends. */
export interface RawRequest {
  raw: string | Buffer;
}

export interface Tensor {
  shape?: readonly number[];
  datatype?: string;
  /** Flat, in row-major order; of a bigint the digits are compared. */
  data: readonly (number | bigint | string | boolean)[];
}

export interface Expectation {
  /** One of these; 200 when absent. */
  status?: readonly number[];
  /** Members that the answer must have; numbers within 1e-5. */
  json?: unknown;
  /** Of the body as it is written. */
  text?: RegExp;
  notText?: RegExp;
  headers?: Readonly<Record<string, RegExp>>;
  /** Outputs of an Open Inference answer by name, as JSON. */
  outputs?: Readonly<Record<string, Tensor>>;
  /** The same as bytes behind the JSON. */
  blobs?: Readonly<Record<string, Buffer>>;
  /** `{"error": text}`, short, without a stack or a path of the server. */
  error?: boolean;
  /** Statuses of all answers on the connection of a raw request. */
  statuses?: readonly (readonly number[])[];
  /** A connection that is closed without an answer will do, too. */
  orClosed?: boolean;
}

export interface Case {
  /** Unique within the suite; the group comes first: `infer: nested data`. */
  title: string;
  level: Level;
  /** A model of the suite (models.ts) that the server must have; absent: the model that the suite is pointed at. */
  model?: string;
  request: Request | RawRequest;
  expect: Expectation;
}

/** Any refusal by which a client learns that it was wrong. */
export const CLIENT_ERROR = [400, 404, 405, 409, 411, 413, 414, 415, 422, 431, 501] as const;
export const refused = (...status: number[]): Expectation => ({
  status: status.length > 0 ? status : CLIENT_ERROR,
  error: true,
});
/** Some servers take it, others refuse it; both are sound. */
export const either = (): Expectation => ({ status: [200, ...CLIENT_ERROR] });

export const group = (name: string, level: Level, cases: readonly Omit<Case, 'level'>[]): Case[] =>
  cases.map((one) => ({ ...one, level, title: `${name}: ${one.title}` }));
