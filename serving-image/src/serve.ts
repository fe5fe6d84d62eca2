/** Wires the server: a supervisor and the workers it starts. */
import manifest from '../package.json' with { type: 'json' };
import { readConfig, terminationLogPath } from './config.ts';
import { FatalError } from './model/types.ts';
import { giveUp } from './server/give-up.ts';
import { Supervisor } from './server/supervisor.ts';
import { fail, work } from './server/worker.ts';
import { createLog } from './telemetry/log.ts';

/** Serves until told to stop. @returns the exit code */
export async function serve(): Promise<number> {
  let log = createLog('info', { process: 'supervisor' });
  try {
    const config = readConfig();
    log = createLog(config.logLevel, { process: 'supervisor' });
    const supervisor = new Supervisor(config, log, process.argv[1] ?? '');
    process.on('SIGTERM', () => supervisor.stop());
    process.on('SIGINT', () => supervisor.stop());
    const code = await supervisor.run();
    // Sockets that clients keep open must not keep this process.
    return process.exit(code);
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    giveUp({ reason: error.reason, message: error.message }, terminationLogPath(), log);
    return process.exit(1);
  }
}

/**
 * Starts one worker, which lives on its channel to the supervisor. `door` is the path of its socket for other workers.
 * @returns the exit code for when that closes */
export async function serveWorker(door: string | undefined): Promise<number> {
  const config = readConfig();
  const { name = '', version = '' } = config;
  const log = createLog(config.logLevel, { process: 'worker', model: name, version });
  try {
    await work({ config: { ...config, name, version }, log, serverVersion: manifest.version, door });
  } catch (error) {
    fail(error, log);
  }
  return 0;
}
