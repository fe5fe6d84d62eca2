/** Wires the supervisor, which starts the workers: processes of their own, with what it has no use for. */
import manifest from '../../package.json' with { type: 'json' };
import { readConfig, terminationLogPath } from '../config.ts';

import { fail } from './termination-message.ts';
import { Supervisor } from './supervisor.ts';
import { createLog } from '../telemetry/log.ts';
import { FatalError } from '../errors.ts';

/** Serves until told to stop. @returns the exit code */
export async function serve(): Promise<number> {
  let log = createLog('info', { process: 'supervisor' });
  try {
    const config = readConfig();
    log = createLog(config.logLevel, { process: 'supervisor' });
    const supervisor = new Supervisor(config, log, { program: process.argv[1] ?? '', version: manifest.version });
    process.on('SIGTERM', () => supervisor.stop());
    process.on('SIGINT', () => supervisor.stop());
    const code = await supervisor.run();
    // Sockets that clients keep open must not keep this process.
    return process.exit(code);
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    fail({ reason: error.reason, message: error.message }, terminationLogPath(), log);
    return process.exit(1);
  }
}
