// Runs in a pod of the serving image (node, no shell): clients against one URL.
//   node loop.mjs URL LOAD BODY_FILE EXPECTED_FILE
// LOAD: `8` is a closed loop of eight clients, each asks again when it is answered; `200/s` an open loop, which asks two
// hundred times a second whatever becomes of the requests before.
// stdin: a line `stop` (or its end) ends it. stdout: one JSON line a second, and a last one with {done: true}.
// A request counts as failed when it is answered by anything else than 200, not at all, or by other numbers than those
// of one of the versions in EXPECTED_FILE ({"<version>": [numbers]}). Nothing is tried again.
import http from 'node:http';
import { readFileSync } from 'node:fs';

// URL: http://… of an inference, or grpc://host:port/model.
const [url, load, bodyFile, expectedFile] = process.argv.slice(2);
const body = readFileSync(bodyFile);
const askGrpc = url.startsWith('grpc:')
  ? (await import(new URL('grpc.cjs', import.meta.url).href)).default.asker(url, String(body))
  : undefined;
const expected = Object.entries(JSON.parse(readFileSync(expectedFile, 'utf8')));
const rate = load.endsWith('/s') ? Number.parseFloat(load) : undefined;
const agent = new http.Agent({ keepAlive: true, maxSockets: rate === undefined ? Number(load) : 512 });
const headers = { 'content-type': 'application/json', 'content-length': body.length };
const count = { total: 0, failed: 0, versions: {}, failures: {}, examples: [], latencies: [] };
/** Failures that are told one by one. */
const EXAMPLES = 5;
/** Which version answered last, and since when (ms since 1970) there was no answer of another one. */
const now = { version: null, since: 0 };
let stopping = false;
/** Characters of an answer that are told of one that failed. */
const LONGEST_WHY = 120;

/** Numbers of the first output, in either protocol. */
function numbersOf(answer) {
  return answer.outputs?.[0]?.data ?? [answer.predictions ?? answer.outputs ?? []].flat(Infinity);
}

/** Which version gives these numbers, and says so where the protocol tells it. */
function versionOf(numbers, told) {
  const found = expected.find(([, wanted]) => wanted.every((value, i) => Math.abs(value - numbers[i]) <= 1e-5))?.[0];
  if (found === undefined) throw Object.assign(new Error(), { code: 'wrong numbers' });
  if (told !== undefined && told !== found)
    throw Object.assign(new Error(), { code: `version ${told} answers as ${found}` });
  return found;
}

/** When the last answer came over a connection. */
const usedAt = new WeakMap();

function askHttp() {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { agent, method: 'POST', headers });
    request.setTimeout(30_000, () => request.destroy(new Error('no answer in 30 s')));
    let socket;
    let where = 'no connection yet';
    request.on('socket', (given) => {
      socket = given;
      const used = usedAt.get(given);
      const age =
        used === undefined ? 'a new connection' : `used last ${Math.round(performance.now() - used)} ms before`;
      where = `${age}, from port ${given.localPort ?? 'unknown'}`;
    });
    request.on('error', (error) => reject(Object.assign(error, { where })));
    request.on('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', (error) => reject(new Error(`response ${error.code ?? error.message}`)));
      response.on('end', () => {
        usedAt.set(socket, performance.now());
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode !== 200)
          return reject(new Error(`status ${response.statusCode}: ${text.slice(0, LONGEST_WHY)}`));
        const answer = JSON.parse(text);
        resolve({ numbers: numbersOf(answer), version: answer.model_version });
      });
    });
    request.end(body);
  });
}

async function once() {
  const started = performance.now();
  try {
    const answer = await (askGrpc ?? askHttp)();
    const version = versionOf(answer.numbers, answer.version);
    count.versions[version] = (count.versions[version] ?? 0) + 1;
    if (version !== now.version) Object.assign(now, { version, since: Date.now() });
    count.latencies.push(performance.now() - started);
  } catch (error) {
    const why = error.code ?? error.message;
    count.failed++;
    count.failures[why] = (count.failures[why] ?? 0) + 1;
    if (count.failed > EXAMPLES) return;
    const asked = Math.round(performance.now() - started);
    count.examples.push(
      `${new Date().toISOString()}, asked ${asked} ms before: ${why}, ${error.where ?? 'no connection'}`,
    );
  }
}

async function client() {
  while (!stopping) {
    await once();
    count.total++;
  }
}

/**
 * Asks when it is time, and makes up for what a busy machine delayed, by at most a second: all that a longer pause of this
 * process has missed would come at once, which is not what many users do.
 */
async function openLoop() {
  const started = performance.now();
  const pending = new Set();
  for (let asked = 0; !stopping;) {
    const due = Math.floor(((performance.now() - started) / 1000) * rate);
    asked = Math.max(asked, due - rate);
    for (; asked < due; asked++) {
      const one = once().then(() => {
        count.total++;
        pending.delete(one);
      });
      pending.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000 / rate));
  }
  await Promise.all(pending);
}

function report(done) {
  const sorted = count.latencies.splice(0).sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? null;
  const { total, failed, versions, failures, examples } = count;
  const counted = { total, failed, versions, failures, examples };
  console.log(JSON.stringify({ done, time: Date.now(), ...counted, now, p50: at(0.5), p99: at(0.99) }));
}

process.stdin.on('data', (text) => (stopping ||= String(text).includes('stop')));
process.stdin.on('end', () => (stopping = true));
const timer = setInterval(() => report(false), 1000);
if (rate === undefined) await Promise.all(Array.from({ length: Number(load) }, client));
else await openLoop();
clearInterval(timer);
report(true);
process.exit(0);
