/**
 * What is refused of a request before anybody looks at what it asks: what node:http lets through although two servers could
 * read it differently (RFC 9112, sections 3.2 and 6). The fast path takes no such requests; see head.ts.
 */
import type { IncomingMessage } from 'node:http';
import { RequestError } from '../errors.ts';
import { connectionProblem } from '../protocol/passed-headers.ts';
import { originForm } from '../protocol/route.ts';

/** Nothing that follows on the connection can be believed. */
const refused = (status: number, message: string) => new RequestError(status, message, { Connection: 'close' });

/** Also makes its target what all others read: a path. @throws RequestError 400, 501 */
export function admit(request: IncomingMessage): void {
  const { headers, rawHeaders, httpVersion } = request;
  const problem = connectionProblem(headers.connection);
  if (problem) throw refused(problem.status, problem.message);
  if (rawHeaders.filter((text, i) => i % 2 === 0 && /^host$/i.test(text)).length > 1)
    throw refused(400, 'the request has more than one Host');
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && httpVersion === '1.0') throw refused(400, 'HTTP/1.0 has no Transfer-Encoding');
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    throw refused(501, `Transfer-Encoding ${coding.slice(0, 60)} is not supported; use chunked`);
  request.url = originForm(request.url ?? '/');
}
