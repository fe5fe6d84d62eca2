import { badRequest } from './errors.ts';

/**
 * Stands for a bare NaN, Infinity or -Infinity of a version 1 request, which JSON has no words for. A client cannot
 * write one: the leading control character is invalid in a JSON string unless escaped, and is checked for.
 */
const TOKEN = '\u0001';
const TOKEN_VALUES: Readonly<Record<string, number>> = {
  [`${TOKEN}NaN`]: NaN,
  [`${TOKEN}Infinity`]: Infinity,
  [`${TOKEN}-Infinity`]: -Infinity,
};

/** The number a bare token stood for, or undefined when the value is not one. */
export const tokenValue = (value: unknown): number | undefined =>
  typeof value === 'string' && value.startsWith(TOKEN) ? TOKEN_VALUES[value] : undefined;

/**
 * Reads a request body. With `bareTokens` NaN, Infinity and -Infinity are accepted as TensorFlow Serving does, and
 * arrive as values that `tokenValue` reads.
 * @throws RequestError 400
 */
export function decodeBody(body: Buffer, options: { bareTokens: boolean }): Record<string, unknown> {
  if (body.length === 0) throw badRequest('the request body is empty; expected a JSON object');
  const text = body.toString('utf8');
  const value = parse(text, options.bareTokens);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('the request body is not a JSON object');
  }
  return value as Record<string, unknown>;
}

function parse(text: string, bareTokens: boolean): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const tolerant = bareTokens && /NaN|Infinity/.test(text) ? parseBareTokens(text) : undefined;
    if (tolerant !== undefined) return tolerant;
    throw badRequest(`the request body is not valid JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}

function parseBareTokens(text: string): unknown {
  if (text.includes('\\u0001')) return undefined;
  const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/gs, (match) =>
    match.startsWith('"') ? match : `"\\u0001${match}"`,
  );
  try {
    return JSON.parse(quoted);
  } catch {
    return undefined;
  }
}
