/** Metadata of gRPC calls that would frame or route a request, were they headers of HTTP/1.1. Test code only. */

export interface MetadataTrick {
  name: string;
  metadata: Readonly<Record<string, string>>;
}

const CRLF = '%0d%0aContent-Length: 0%0d%0a%0d%0a';

export const METADATA_TRICKS: readonly MetadataTrick[] = [
  { 'content-length': '3' },
  { 'content-length': '0' },
  { content_length: '3' },
  { 'content-encoding': 'gzip' },
  { 'inference-header-content-length': '1' },
  { 'inference-header-content-length': '999999' },
  { host: 'other.example' },
  { expect: '100-continue' },
  { trailer: 'content-length' },
  { te: 'trailers' },
  { 'content-type': 'text/html' },
  { 'x-modelserving-forwarded': '1' },
  { authorization: `Bearer x${CRLF}` },
  { cookie: 'a=b; content-length=0' },
  { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
  { 'x-http-method-override': 'GET' },
  { __proto: 'x', constructor: 'y' },
  { baggage: 'a'.repeat(6000) },
].map((metadata) => ({
  name: `metadata ${Object.entries(metadata)
    .map(([name, value]) => `${name}: ${value.slice(0, 30)}`)
    .join(', ')}`,
  metadata,
}));
