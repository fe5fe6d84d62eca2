import { isUtf8 } from 'node:buffer';
import { badRequest } from '../../errors.ts';
import { Byte } from './byte.ts';
import { Scanner } from './scanner.ts';
import type { JsonText } from './text.ts';

interface Options {
  /** NaN, Infinity and -Infinity are numbers. */
  bareTokens?: boolean;
  /** The body may be a list. */
  list?: boolean;
}

/** A scanner at the object (or list) that a request body must be. @throws RequestError 400 */
export function openBody(text: JsonText, { bareTokens = false, list = false }: Options = {}): Scanner {
  if (text.end === 0) throw badRequest('the request body is empty; expected a JSON object');
  if (!isUtf8(text.bytes.subarray(0, text.end))) throw badRequest('the request body is not valid UTF-8');
  const scan = new Scanner(text, bareTokens);
  const first = scan.peek();
  if (first === Byte.OpenObject || (list && first === Byte.OpenList)) return scan;
  scan.pass();
  scan.finish();
  throw badRequest('the request body is not a JSON object');
}
