// Runs in a pod of the serving image: node call.mjs METHOD URL [BODY [HEADERS]], headers as JSON. Prints {"status": …, "body": …} as one line.
import http from 'node:http';

const [method, url, body, more = '{}'] = process.argv.slice(2);
const headers = body === undefined ? {} : { 'content-type': 'application/json', ...JSON.parse(more) };
const request = http.request(url, { method, agent: false, timeout: 10_000, headers });
request.on('timeout', () => request.destroy(new Error('no answer in 10 s')));
request.on('error', (error) => console.log(JSON.stringify({ status: 0, body: error.message })));
request.on('response', (response) => {
  const chunks = [];
  response.on('data', (chunk) => chunks.push(chunk));
  response.on('end', () =>
    console.log(JSON.stringify({ status: response.statusCode, body: Buffer.concat(chunks).toString() })),
  );
});
request.end(body);
