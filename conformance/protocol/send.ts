/** Sends the request of a case, on a connection of its own: what one case does to it must not touch another. */
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { RawRequest, Request } from './case.ts';
import type { Outcome, Reply } from './judge.ts';

const PATIENCE_MS = 20_000;

export const send = (url: URL, request: Request | RawRequest): Promise<Outcome> =>
  'raw' in request ? sendRaw(url, request) : sendHttp(url, request);

function sendHttp(url: URL, { method, path, headers = {}, body }: Request): Promise<Outcome> {
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const given = Object.entries(headers).filter(([, value]) => value !== '');
    const options = {
      method,
      path,
      agent: false,
      timeout: PATIENCE_MS,
      headers: { ...Object.fromEntries(given), ...length },
    };
    const request = httpRequest(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', ({ message }) => resolve({ failure: `the answer broke off: ${message}` }));
      response.on('end', () => {
        const { statusCode: status = 0, headers: found } = response;
        resolve({ replies: [{ status, headers: found as Reply['headers'], body: Buffer.concat(chunks) }] });
        request.destroy();
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${PATIENCE_MS / 1000} s`)));
    request.on('error', ({ message }) => resolve({ failure: message }));
    request.end(body);
  });
}

function sendRaw({ hostname, port }: URL, { raw }: RawRequest): Promise<Outcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port || 80), hostname, () => socket.write(raw));
    const finish = () => resolve({ replies: repliesIn(Buffer.concat(chunks)) });
    socket.setTimeout(PATIENCE_MS, () => {
      socket.destroy();
      resolve({ failure: `the connection was not closed within ${PATIENCE_MS / 1000} s` });
    });
    socket.on('data', (chunk) => chunks.push(chunk));
    // A reset after the answer is the server's way to say that it has read enough.
    socket.on('close', finish);
    socket.on('error', () => undefined);
  });
}

/** The answers in what came over a connection. Pure. */
export function repliesIn(bytes: Buffer): Reply[] {
  const replies: Reply[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    const [first = '', ...lines] = rest.toString('latin1', 0, Math.max(0, end)).split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1]);
    if (end < 0 || !status) return replies;
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    const chunked = headers['transfer-encoding'] === 'chunked' ? rest.indexOf('\r\n0\r\n\r\n', end) : -1;
    const length = headers['content-length'] === undefined ? rest.length : Number(headers['content-length']);
    const next = chunked >= 0 ? chunked + 7 : end + 4 + length;
    if (status >= 200) replies.push({ status, headers, body: rest.subarray(end + 4, next) });
    rest = rest.subarray(status >= 200 ? next : end + 4);
  }
}
