import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { exec } from '../../tools/exec.ts';
import { cacheFolder } from '../../tools/cache-folder.ts';

export type Log = (text: string) => void;

/** Everything of ours that buildah and its friends keep. */
export const imageCache = (): string => join(cacheFolder(), 'images');

let driver: Promise<string> | undefined;

/** Runs buildah with a store of its own: images that others keep on this machine are neither seen nor touched. */
export async function buildah(args: readonly string[], log?: Log): Promise<string> {
  driver ??= chooseDriver();
  return run(await driver, args, log);
}

/** Layers as mounts where the kernel allows it; as full copies otherwise, which works everywhere and is slow. */
async function chooseDriver(): Promise<string> {
  try {
    await run('overlay', ['images']);
    return 'overlay';
  } catch {
    await run('vfs', ['images']);
    return 'vfs';
  }
}

function run(storage: string, args: readonly string[], log?: Log): Promise<string> {
  const root = join(imageCache(), `storage-${storage}`);
  mkdirSync(root, { recursive: true });
  const env = {
    ...process.env,
    BUILDAH_ISOLATION: 'chroot',
    // Also holds the record of which layers are compressed already.
    XDG_DATA_HOME: imageCache(),
  };
  const global = ['--root', root, '--runroot', `${root}-run`, '--storage-driver', storage];
  return exec('buildah', [...global, ...args], { env, ...(log === undefined ? {} : { onLine: log }) });
}
