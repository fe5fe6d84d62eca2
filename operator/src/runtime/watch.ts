import type http from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { ApiError, type ApiStatus } from './errors.ts';
import type { KubeObject } from './objects.ts';

export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  /** Nothing happened up to here. */
  | { type: 'BOOKMARK'; resourceVersion: string };

/** The lines of a watch. Throws an ApiError for a line that is no event (`Malformed`) and for the server's own ERROR events. */
export async function* decodeWatch<T extends KubeObject>(
  response: http.IncomingMessage,
): AsyncGenerator<WatchEvent<T>> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of response) {
    const lines = (rest + decoder.write(chunk as Buffer)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield decodeLine<T>(line);
  }
  if (rest.trim() !== '') throw malformed('the stream ended inside a line');
}

function decodeLine<T extends KubeObject>(line: string): WatchEvent<T> {
  const { type, object } = parseLine<T>(line);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (!object.metadata?.name || !object.metadata.resourceVersion) throw malformed('the object has no metadata');
      return { type, object: object as T };
    case 'BOOKMARK':
      if (!object.metadata?.resourceVersion) throw malformed('the bookmark has no resourceVersion');
      return { type, resourceVersion: object.metadata.resourceVersion };
    case 'ERROR':
      throw errorOf(object as ApiStatus);
    case undefined:
    default:
      throw malformed('the event type is unknown');
  }
}

function parseLine<T>(line: string): { type?: string; object: Partial<T> & Partial<KubeObject> } {
  try {
    const parsed = JSON.parse(line) as { type?: string; object?: Partial<T> & Partial<KubeObject> };
    if (typeof parsed.object === 'object' && parsed.object !== null) return { ...parsed, object: parsed.object };
  } catch {
    // Told below.
  }
  throw malformed('the line is not an event');
}

function errorOf(status: ApiStatus): ApiError {
  const seconds = status.details?.retryAfterSeconds;
  return new ApiError({
    status: status.code ?? 500,
    reason: status.reason ?? 'Unknown',
    message: status.message ?? 'the watch ended with an error',
    retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
    details: status.details,
  });
}

const malformed = (why: string) => new ApiError({ status: 0, reason: 'Malformed', message: `watch: ${why}` });
