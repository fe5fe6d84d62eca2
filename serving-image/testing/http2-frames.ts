/** Frames of HTTP/2 (RFC 9113, section 4) by hand, for clients that do not keep to its rules. Test code only. */

/** `type` and `flags` as in section 6. */
export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const SETTINGS = frame(4, 0, 0);
export const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), SETTINGS]);

/** A field of a head that is not indexed (RFC 7541, section 6.2.2). */
const field = (name: string, value: string) =>
  Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);

/** The head of a call. */
export const HEADERS = (stream: number, path: string, fields: Record<string, string> = { 'grpc-encoding': 'gzip' }) =>
  frame(
    1,
    4,
    stream,
    Buffer.concat(
      Object.entries({
        ...{ ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'x' },
        ...{ 'content-type': 'application/grpc', te: 'trailers' },
        ...fields,
      }).map(([name, value]) => field(name, value)),
    ),
  );

/** So many streams, each reset at once. */
export const open = (count: number): Buffer =>
  Buffer.concat(
    Array.from({ length: count }, (_, i) => 2 * i + 1).flatMap((stream) => [
      HEADERS(stream, '/grpc.health.v1.Health/Check'),
      frame(3, 0, stream, Buffer.from([0, 0, 0, 8])),
    ]),
  );
