/** Makes certificates, by OpenSSL. Test code only. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** An authority whose certificate is in `folder`/NAME.crt. */
export async function makeAuthority(folder: string, name: string): Promise<void> {
  const files = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)];
  await run('openssl', ['req', '-x509', ...KEY, ...files, '-days', '1', '-subj', `/CN=${name}`]);
}

/** A certificate for 127.0.0.1 in `folder`/NAME.crt and .key. */
export async function makeCertificate(folder: string, name: string, authority: string): Promise<void> {
  const at = (file: string) => join(folder, file);
  await run('openssl', [
    'req',
    ...KEY,
    '-keyout',
    at(`${name}.key`),
    '-out',
    at(`${name}.csr`),
    '-subj',
    `/CN=${name}`,
  ]);
  await writeFile(at('names.cnf'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const signing = ['-CA', at(`${authority}.crt`), '-CAkey', at(`${authority}.key`), '-CAcreateserial'];
  const files = ['-in', at(`${name}.csr`), '-out', at(`${name}.crt`), '-extfile', at('names.cnf')];
  await run('openssl', ['x509', '-req', ...files, ...signing, '-days', '1']);
}
