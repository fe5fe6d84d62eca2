/** Heads beside the parser of node:http: what the fast path takes must be the same request there, with its body in the same place. */
import { isDeepStrictEqual } from 'node:util';
import { readHead } from '../src/http/head.ts';

interface Parser {
  initialize(type: number, resource: object): void;
  execute(bytes: Buffer): number | Error;
  [callback: number]: (...args: never[]) => unknown;
}
interface ParserClass {
  new (): Parser;
  REQUEST: number;
  kOnHeadersComplete: number;
  kOnBody: number;
  kOnMessageComplete: number;
}
/** Not public, which is why only tests use it. */
const { HTTPParser, methods } = process.getBuiltinModule('_http_common') as unknown as {
  HTTPParser: ParserClass;
  methods: readonly string[];
};

interface Seen {
  method: string | undefined;
  url: string;
  headers: Record<string, string>;
  body: string;
  complete: boolean;
}

/** One for all: what parsers hold is not V8's to count, and millions of them are more than there is memory for. */
const parser = new HTTPParser();

/** The requests in `bytes` as node:http reads them; those before the first byte that it refuses. */
function nodeReads(bytes: Buffer): Seen[] {
  const seen: Seen[] = [];
  parser.initialize(HTTPParser.REQUEST, {});
  parser[HTTPParser.kOnHeadersComplete] = (_: number, __: number, pairs: string[], method: number, url: string) => {
    const headers: Record<string, string> = {};
    for (let i = 0; i < pairs.length; i += 2) headers[(pairs[i] ?? '').toLowerCase()] = pairs[i + 1] ?? '';
    seen.push({ method: methods[method], url, headers, body: '', complete: false });
    return 0;
  };
  parser[HTTPParser.kOnBody] = (part: Buffer) => {
    const last = seen.at(-1);
    if (last) last.body += part.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    const last = seen.at(-1);
    if (last) last.complete = true;
  };
  parser.execute(bytes);
  return seen;
}

/** Bodies up to this size are sent behind the head. */
const LARGEST = 1000;
const NEXT = 'POST /next HTTP/1.1\r\nHost: x\r\n\r\n';

export function head(data: Buffer): void {
  const ours = readHead(data);
  // Node gives more than 32 headers in parts, which is the same to the fast path.
  if (!ours || Object.keys(ours.headers).length > 31) return;
  const { url, headers, length, size } = ours;
  const body = 'b'.repeat(Math.min(length, LARGEST));
  const whole = length <= LARGEST;
  const bytes = Buffer.concat([data.subarray(0, size), Buffer.from(whole ? body + NEXT : body)]);
  const expected = [{ method: 'POST', url, headers: { ...headers }, body, complete: whole }];
  const [first, next, ...others] = nodeReads(bytes);
  if (!isDeepStrictEqual([first], expected)) throw new Error(`node:http reads ${JSON.stringify(first)}`);
  if (whole ? next?.url !== '/next' || others.length > 0 : next) throw new Error('node:http reads another end of it');
}
