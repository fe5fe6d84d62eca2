import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { request } from './http.ts';

it('a server whose certificate nobody known has signed is told with the settings that help', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'http-test-'));
  const [key, cert] = [join(folder, 'tls.key'), join(folder, 'tls.crt')];
  const how = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=x'];
  execFileSync('openssl', ['req', '-x509', ...how, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  const server = https.createServer({ key: readFileSync(key), cert: readFileSync(cert) });
  rmSync(folder, { recursive: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const asked = request({ method: 'GET', url: new URL(`https://127.0.0.1:${port}/v2/`) }, 10_000);
  await expect(asked).rejects.toMatchObject({
    reason: 'SourceUnavailable',
    message: expect.stringMatching(/DEPTH_ZERO_SELF_SIGNED_CERT.*registries\.caBundle.*NODE_EXTRA_CA_CERTS/),
  });
  await new Promise((resolve) => server.close(resolve));
});
