import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from './failure.ts';

/** User and password for a registry. */
export interface Credentials {
  username: string;
  password: string;
}

interface DockerConfig {
  auths?: Record<string, { auth?: string; username?: string; password?: string }>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

/**
 * Credentials for a registry from the `config.json` in a folder, as docker login or a Secret of type
 * kubernetes.io/dockerconfigjson writes it. Undefined when there are none.
 */
export async function readCredentials(folder: string | undefined, registry: string): Promise<Credentials | undefined> {
  if (folder === undefined || folder === '') return undefined;
  const file = join(folder, 'config.json');
  let config: DockerConfig;
  try {
    config = JSON.parse(await readFile(file, 'utf8')) as DockerConfig;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ModelError(
      'BadConfiguration',
      'the registry credentials are not readable JSON; use a Secret of type kubernetes.io/dockerconfigjson',
    );
  }
  const entry = Object.entries(config.auths ?? {}).find(([key]) => hostOf(key) === registry)?.[1];
  if (entry?.auth !== undefined && entry.auth !== '') {
    const text = Buffer.from(entry.auth, 'base64').toString();
    const colon = text.indexOf(':');
    if (colon > 0) return { username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  if (entry?.username !== undefined && entry.password !== undefined)
    return { username: entry.username, password: entry.password };
  if (config.credHelpers?.[registry] !== undefined || (entry === undefined && config.credsStore !== undefined)) {
    const helper = config.credHelpers?.[registry] ?? config.credsStore;
    throw new ModelError(
      'Unauthorized',
      `credentials for ${registry} are kept by the helper ${helper}, which is not supported; write them into a config.json of its own and set DOCKER_CONFIG to its folder`,
    );
  }
  return undefined;
}

/** Keys are written with and without scheme and path. */
const hostOf = (key: string): string => key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');

export interface Challenge {
  scheme: string;
  parameters: Record<string, string>;
}

/** Reads a `WWW-Authenticate` header (RFC 9110 §11.6.1), as far as registries use it. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  const match = /^(\w+)\s*(.*)$/.exec(header ?? '');
  if (match?.[1] === undefined) return undefined;
  const parameters: Record<string, string> = {};
  for (const [, key, quoted, bare] of (match[2] ?? '').matchAll(/(\w+)=(?:"([^"]*)"|([^,\s]+))/g)) {
    if (key !== undefined) parameters[key.toLowerCase()] = quoted ?? bare ?? '';
  }
  return { scheme: match[1].toLowerCase(), parameters };
}
