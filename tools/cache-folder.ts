import { homedir } from 'node:os';
import { join } from 'node:path';

/** Downloads and builds, keyed by what they are made of. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env['MODELDEPLOYMENT_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'modeldeployment');
}
