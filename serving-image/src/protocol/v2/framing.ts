import { badRequest, quote } from '../../errors.ts';
import { jsonText, jsonTextOf, type JsonText } from '../json/text.ts';

/** A request's body, taken apart. */
export interface Frame {
  /** Absent in raw mode, where all is binary. */
  text?: JsonText;
  /** What follows the JSON. */
  binary: Buffer;
}

/** Tells how many bytes at the begin of a body are JSON, the rest being tensors; 0 is raw mode. */
export const LENGTH_HEADER = 'Inference-Header-Content-Length';
/** The same as node's objects of headers have it. */
export const LENGTH_FIELD = LENGTH_HEADER.toLowerCase();

const NO_BYTES = Buffer.alloc(0);
/** So that 64-bit elements can be used where they lie. */
const ALIGNMENT = 8;

/**
 * Takes a body apart. `header` is the value of LENGTH_HEADER, undefined when it is all JSON.
 * @throws RequestError 400 when the header is no length within the body
 */
export function frame(chunks: readonly Buffer[], length: number, header: string | undefined): Frame {
  if (header === undefined) return { text: jsonText(chunks, length), binary: NO_BYTES };
  const jsonLength = lengthIn(header);
  if (jsonLength === undefined || jsonLength > length) {
    throw badRequest(
      `${LENGTH_HEADER} is ${quote(header)}, expected the length of the JSON in a body of ${length} bytes`,
    );
  }
  const whole = aligned(chunks, length, jsonLength);
  const binary = whole.subarray(jsonLength);
  if (jsonLength === 0) return { binary };
  return { text: jsonText([whole.subarray(0, jsonLength)], jsonLength), binary };
}

/** What LENGTH_HEADER says; undefined when that is no length. */
const lengthIn = (header: string): number | undefined => (/^\d{1,15}$/.test(header) ? Number(header) : undefined);

/** A place for a body of `length` bytes, whose binary tensors will lie where they can be used. `header` as in `frame`. */
export const placeFor = (length: number, header: string | undefined): Buffer =>
  place(length, header === undefined ? 0 : (lengthIn(header) ?? 0));

/** Bytes of which those behind the first `jsonLength` are aligned. */
function place(length: number, jsonLength: number): Buffer {
  const start = (ALIGNMENT - (jsonLength % ALIGNMENT)) % ALIGNMENT;
  // Its begin is aligned, whether it is from node's pool or not.
  const bytes = Buffer.allocUnsafe(start + length);
  return start === 0 ? bytes : bytes.subarray(start);
}

function aligned(chunks: readonly Buffer[], length: number, jsonLength: number): Buffer {
  const [only] = chunks;
  if (chunks.length === 1 && only && (only.byteOffset + jsonLength) % ALIGNMENT === 0) return only;
  const whole = place(length, jsonLength);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** A body that is JSON, for callers that have no bytes. */
export const frameOf = (text: string): Frame => ({ text: jsonTextOf(text), binary: NO_BYTES });
