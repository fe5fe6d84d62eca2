/** Wires a worker. */
import manifest from '../../package.json' with { type: 'json' };
import { readConfig } from '../config.ts';
import { fail } from './supervisor-channel.ts';
import { work } from './worker.ts';
import { createLog } from '../telemetry/log.ts';

/**
 * Starts one worker, which lives on its channel to the supervisor. `socket` is the path of its socket for other workers.
 * @returns the exit code for when that closes */
export async function serveWorker(socket: string | undefined): Promise<number> {
  const config = readConfig();
  const { name = '', version = '' } = config;
  const log = createLog(config.logLevel, { process: 'worker', model: name, version });
  try {
    await work({ config: { ...config, name, version }, log, serverVersion: manifest.version, socket });
  } catch (error) {
    fail(error, log);
  }
  return 0;
}
