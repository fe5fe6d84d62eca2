/** The echoes of limits.ts as processes of their own, which answer requests of one length as cheaply as can be. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, PeerProcess, untilReady } from '../../conformance/peers/process.ts';
import type { Started } from './contestants.ts';

export const LIMITS = ['--import', 'tsx', fileURLToPath(new URL('limits.ts', import.meta.url))];

/** @param cores as taskset takes them */
export async function startEcho(
  kind: 'net' | 'http',
  requestBytes: number,
  cores: string,
  folder: string,
): Promise<Started> {
  const port = await freePort();
  const command = { file: process.execPath, args: [...LIMITS, kind, String(port), String(requestBytes)], env: {} };
  const echo = PeerProcess.start(command, cores, join(folder, 'limits.log'));
  try {
    if (kind === 'http') await untilReady(echo, `http://127.0.0.1:${port}/`);
    else await new Promise((resolve) => setTimeout(resolve, 1500));
  } catch (error) {
    await echo.stop();
    throw error;
  }
  return { port, process: echo, startSeconds: 0 };
}
