import http from 'node:http';
import https from 'node:https';

/** Why there is no answer, in words that stay the same from try to try. */
export class NoTextError extends Error {
  override readonly name = 'NoTextError';
  constructor(
    message: string,
    /** HTTP status, when there was one. */
    readonly status?: number,
    /** What an answer that is no success said, at most `maxBytes` of it. */
    readonly body?: string,
  ) {
    super(message);
  }
}

export interface GetTextOptions {
  timeoutMs: number;
  /** A longer answer is refused. */
  maxBytes: number;
  signal: AbortSignal;
}

/**
 * The body of a 200. One connection, one request; no redirect is followed, so nothing is reached but the address given.
 * Rejects with a NoTextError.
 */
export function getText(url: URL, { timeoutMs, maxBytes, signal }: GetTextOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const expired = AbortSignal.timeout(timeoutMs);
    const fail = (cause: NodeJS.ErrnoException): void => {
      const told = cause instanceof NoTextError;
      const words = expired.aborted ? `no answer within ${timeoutMs / 1000} s` : (cause.code ?? cause.message);
      reject(told ? cause : new NoTextError(words));
    };
    const request = (url.protocol === 'https:' ? https : http).get(
      url,
      { agent: false, signal: AbortSignal.any([signal, expired]), headers: { Accept: 'application/json' } },
      (response) => {
        const { statusCode: status = 0 } = response;
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > maxBytes) request.destroy(new NoTextError(`an answer of more than ${maxBytes} bytes`));
        });
        response.once('error', fail);
        response.once('end', () => {
          if (status === 200) resolve(text);
          else reject(new NoTextError(`HTTP ${status}`, status, text));
        });
      },
    );
    request.once('error', fail);
  });
}
