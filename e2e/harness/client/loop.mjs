// Runs in a pod of the serving image (node, no shell): a closed loop of clients against one URL.
//   node loop.mjs URL CONCURRENCY BODY_FILE EXPECTED_FILE
// stdin: a line `stop` (or its end) ends it. stdout: one JSON line a second, and a last one with {done: true}.
// A request counts as failed when it is answered by anything else than 200, not at all, or by other numbers than those
// of one of the versions in EXPECTED_FILE ({"<version>": [numbers]}). Nothing is tried again.
import http from 'node:http';
import { readFileSync } from 'node:fs';

const [url, concurrency, bodyFile, expectedFile] = process.argv.slice(2);
const body = readFileSync(bodyFile);
const expected = JSON.parse(readFileSync(expectedFile, 'utf8'));
const agent = new http.Agent({ keepAlive: true, maxSockets: Number(concurrency) });
const headers = { 'content-type': 'application/json', 'content-length': body.length };
const count = { total: 0, failed: 0, versions: {}, failures: {}, latencies: [] };
let stopping = false;

function once() {
  return new Promise((resolve) => {
    const started = performance.now();
    const fail = (why) => {
      count.failed++;
      count.failures[why] = (count.failures[why] ?? 0) + 1;
      resolve();
    };
    const request = http.request(url, { agent, method: 'POST', headers });
    request.setTimeout(30_000, () => request.destroy(new Error('no answer in 30 s')));
    request.on('error', (error) => fail(error.code ?? error.message));
    request.on('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', (error) => fail(`response ${error.code ?? error.message}`));
      response.on('end', () => {
        if (response.statusCode !== 200) return fail(`status ${response.statusCode}`);
        const answer = JSON.parse(Buffer.concat(chunks).toString());
        const version = answer.model_version;
        const wanted = expected[version];
        const data = answer.outputs?.[0]?.data;
        if (wanted === undefined) return fail(`version ${version}`);
        if (!wanted.every((value, i) => Math.abs(value - data[i]) <= 1e-5)) return fail('wrong numbers');
        count.versions[version] = (count.versions[version] ?? 0) + 1;
        count.latencies.push(performance.now() - started);
        resolve();
      });
    });
    request.end(body);
  });
}

async function worker() {
  while (!stopping) {
    await once();
    count.total++;
  }
}

function report(done) {
  const sorted = count.latencies.splice(0).sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? null;
  const { total, failed, versions, failures } = count;
  console.log(JSON.stringify({ done, total, failed, versions, failures, p50: at(0.5), p99: at(0.99) }));
}

process.stdin.on('data', (text) => (stopping ||= String(text).includes('stop')));
process.stdin.on('end', () => (stopping = true));
const timer = setInterval(() => report(false), 1000);
await Promise.all(Array.from({ length: Number(concurrency) }, worker));
clearInterval(timer);
report(true);
process.exit(0);
