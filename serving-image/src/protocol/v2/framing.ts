import { badRequest, quote } from '../errors.ts';
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

const NO_BYTES = Buffer.alloc(0);
/** So that 64-bit elements can be used where they lie. */
const ALIGNMENT = 8;

/**
 * Takes a body apart. `header` is the value of LENGTH_HEADER, undefined when it is all JSON.
 * @throws RequestError 400 when the header is no length within the body
 */
export function frame(chunks: readonly Buffer[], length: number, header: string | undefined): Frame {
  if (header === undefined) return { text: jsonText(chunks, length), binary: NO_BYTES };
  const jsonLength = /^\d{1,15}$/.test(header) ? Number(header) : NaN;
  if (!(jsonLength <= length)) {
    throw badRequest(
      `${LENGTH_HEADER} is ${quote(header)}, expected the length of the JSON in a body of ${length} bytes`,
    );
  }
  const start = (ALIGNMENT - (jsonLength % ALIGNMENT)) % ALIGNMENT;
  const whole = Buffer.allocUnsafeSlow(start + length);
  let at = start;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  const binary = whole.subarray(start + jsonLength);
  if (jsonLength === 0) return { binary };
  return { text: jsonText([whole.subarray(start, start + jsonLength)], jsonLength), binary };
}

/** A body that is JSON, for callers that have no bytes. */
export const frameOf = (text: string): Frame => ({ text: jsonTextOf(text), binary: NO_BYTES });
