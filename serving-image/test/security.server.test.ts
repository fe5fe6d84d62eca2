import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import { credentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeAuthority, makeCertificate } from '../testing/certificates.ts';
import { HEALTH, Rpc, V2 } from '../testing/grpc.ts';
import { denseGraphModel } from '../testing/models.ts';
import { Bench, until, type Running } from '../testing/server.ts';

let bench: Bench;
let ca: Buffer;
const at = (name: string) => join(bench.models, name);
beforeAll(async () => {
  bench = await Bench.create();
  await denseGraphModel(at('dense/1'));
  await makeAuthority(bench.models, 'ca');
  for (const name of ['first', 'second', 'client']) await makeCertificate(bench.models, name, 'ca');
  ca = await readFile(at('ca.crt'));
  await use('first');
}, 60_000);
afterAll(() => bench.dispose());

async function use(name: string): Promise<void> {
  await copyFile(at(`${name}.crt`), at('tls.crt'));
  await copyFile(at(`${name}.key`), at('tls.key'));
}

const ENV = { MODEL_NAME: 'dense', MODEL_VERSION: '1', MODEL_ENGINE: 'wasm' };
const tls = () => ({ TLS_CERT_FILE: at('tls.crt'), TLS_KEY_FILE: at('tls.key') });
const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 3] }];
const BODY = JSON.stringify({ inputs: [{ ...inputs[0], data: [1, 2, 3] }] });
const RPC = { model_name: 'dense', inputs: [{ ...inputs[0], contents: { fp32_contents: [1, 2, 3] } }] };

async function ready(env: Record<string, string>): Promise<Running> {
  const server = await bench.start({ ...ENV, ...env });
  await server.logged('worker ready');
  return server;
}

interface Seen {
  status: number | string;
  name?: string | undefined;
}

/** One request over HTTPS; the status or the code of the error, and whose certificate the server has shown. */
function ask(server: Running, options: RequestOptions = {}): Promise<Seen> {
  return new Promise((resolve) => {
    const url = `${server.url.replace('http:', 'https:')}/v2/models/dense/infer`;
    const headers = { 'content-type': 'application/json', ...options.headers };
    const request = httpsRequest(url, { method: 'POST', ca, ...options, headers }, (response) => {
      const certificate = (
        response.socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }
      ).getPeerCertificate();
      response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, name: certificate.subject?.CN }));
    });
    request.on('error', (error: NodeJS.ErrnoException) => resolve({ status: error.code ?? error.message }));
    request.end(BODY);
  });
}

describe('a server with a certificate', () => {
  it('speaks both transports inside TLS, shows a new certificate to new connections, and stops without loss', async () => {
    const server = await ready({ ...tls(), WORKERS: '2' });
    expect(await ask(server)).toEqual({ status: 200, name: 'first' });
    const rpc = new Rpc(server.grpc, credentials.createSsl(ca));
    expect(await rpc.call(V2, 'ModelInfer', RPC)).toMatchObject({ model_version: '1' });
    await expect(server.post('/v2/models/dense/infer', BODY)).rejects.toThrow();
    expect(await (await fetch(`${server.admin}/v2/health/ready`)).json()).toEqual({ ready: true });
    const agent = new Agent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 0 });
    const kept = [await ask(server, { agent }), await ask(server, { agent })];
    expect(kept.map((each) => each.status)).toEqual([200, 200]);
    await use('second');
    await until(async () => (await ask(server, { agent: new Agent({ maxCachedSessions: 0 }) })).name, 'second');
    expect((await ask(server, { agent })).status).toBe(200);
    rpc.close();
    agent.destroy();
    server.process.kill('SIGTERM');
    expect(await server.exited).toBe(0);
  }, 60_000);

  it('and an authority for its clients speaks to those alone', async () => {
    const server = await ready({ ...tls(), TLS_CLIENT_CA_FILE: at('ca.crt') });
    expect((await ask(server, { agent: new Agent() })).status).not.toBe(200);
    const [cert, key] = [await readFile(at('client.crt')), await readFile(at('client.key'))];
    expect((await ask(server, { cert, key, agent: new Agent() })).status).toBe(200);
    const stranger = new Rpc(server.grpc, credentials.createSsl(ca));
    expect(await stranger.call(V2, 'ServerLive', {}, { deadlineMs: 2000 })).toHaveProperty('code');
    stranger.close();
    const rpc = new Rpc(server.grpc, credentials.createSsl(ca, key, cert));
    expect(await rpc.call(V2, 'ServerLive', {})).toEqual({ live: true });
    rpc.close();
  }, 30_000);

  it('that cannot be read ends with the reason', async () => {
    const server = await bench.start({ ...ENV, ...tls(), TLS_KEY_FILE: at('client.key') });
    expect(await server.exited).toBe(1);
    expect(await bench.terminationMessage()).toMatchObject({
      reason: 'BadConfiguration',
      message: expect.stringContaining('tls.crt'),
    });
  }, 30_000);
});

describe('a server with tokens', () => {
  it('answers those who have one, over both transports, and everybody who asks for its health', async () => {
    await writeFile(at('tokens'), 'sesame\n');
    const server = await ready({ AUTH_TOKENS_FILE: at('tokens') });
    const without = await server.post('/v2/models/dense/infer', BODY);
    expect([without.status, without.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(without.body).toContain('Authorization: Bearer');
    const authorization = 'Bearer sesame';
    expect((await server.post('/v2/models/dense/infer', BODY, { authorization })).status).toBe(200);
    expect((await fetch(`${server.url}/metrics`)).status).toBe(401);
    expect((await fetch(`${server.url}/v2/health/ready`)).status).toBe(200);
    expect((await fetch(`${server.admin}/metrics`)).status).toBe(200);
    const rpc = new Rpc(server.grpc);
    expect(await rpc.call(V2, 'ModelInfer', RPC)).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(await rpc.call(V2, 'ModelInfer', RPC, { metadata: { authorization } })).toMatchObject({
      model_version: '1',
    });
    expect(await rpc.call(HEALTH, 'Check', {})).toEqual({ status: 'SERVING' });
    rpc.close();
    expect(await server.metric(/errors_total\{reason="unauthorized"/)).toBe(3);
    await writeFile(at('tokens'), 'another\n');
    await until(async () => (await server.post('/v2/models/dense/infer', BODY, { authorization })).status, 401);
  }, 30_000);
});
