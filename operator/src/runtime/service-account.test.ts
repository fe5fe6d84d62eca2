import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { serviceAccountConnection } from './service-account.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'service-account-'));
  writeFileSync(join(folder, 'ca.crt'), '');
  writeFileSync(join(folder, 'token'), 'first\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the connection of a pod', () => {
  it('carries the token of the service account, and reads a rotated one after a 401', async () => {
    const connection = await serviceAccountConnection({ host: '10.96.0.1', port: '443' }, folder);
    expect(connection.server).toBe('https://10.96.0.1:443');
    expect((await connection.authorize()).headers).toEqual({ Authorization: 'Bearer first' });
    writeFileSync(join(folder, 'token'), 'second');
    expect((await connection.authorize()).headers).toEqual({ Authorization: 'Bearer first' });
    connection.forget();
    expect((await connection.authorize()).headers).toEqual({ Authorization: 'Bearer second' });
    connection.close();
  });

  it('reaches an IPv6 address', async () => {
    const connection = await serviceAccountConnection({ host: 'fd00::1', port: '443' }, folder);
    expect(connection.server).toBe('https://[fd00::1]:443');
    connection.close();
  });

  it('without the mounted files says which is missing', async () => {
    await expect(serviceAccountConnection({ host: 'a', port: '1' }, join(folder, 'none'))).rejects.toThrow('ca.crt');
  });
});
