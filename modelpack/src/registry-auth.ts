import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from './failure.ts';

/** User and password for a registry, or what stands for both where tokens are given out (as `az acr login` keeps it). */
export type Credentials = { username: string; password: string } | { identityToken: string };

interface DockerConfig {
  auths?: Record<string, { auth?: string; username?: string; password?: string; identitytoken?: string }>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

/**
 * Credentials for a registry from the `config.json` in a folder, as docker login or a Secret of type
 * kubernetes.io/dockerconfigjson writes it. Undefined when there are none. Throws ModelError BadConfiguration when the
 * file is damaged, and Unauthorized when another program keeps the password.
 */
export async function readCredentials(folder: string | undefined, registry: string): Promise<Credentials | undefined> {
  if (folder === undefined || folder === '') return undefined;
  const config = await readConfig(join(folder, 'config.json'));
  if (config === undefined) return undefined;
  const entry = Object.entries(config.auths ?? {}).find(([key]) => hostOf(key) === hostOf(registry))?.[1];
  // The user and password beside it are none.
  if (entry?.identitytoken !== undefined && entry.identitytoken !== '') return { identityToken: entry.identitytoken };
  if (entry?.auth !== undefined && entry.auth !== '') {
    const text = Buffer.from(entry.auth, 'base64').toString();
    const colon = text.indexOf(':');
    if (colon > 0) return { username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  if (entry?.username !== undefined && entry.password !== undefined) {
    return { username: entry.username, password: entry.password };
  }
  const keeper = config.credHelpers?.[registry] ?? config.credsStore;
  if (keeper === undefined || keeper === '') return undefined;
  const remedy = 'write user and password into a config.json of its own and set DOCKER_CONFIG to its folder';
  throw new ModelError(
    'Unauthorized',
    `credentials for ${registry} are kept by ${keeper}, which we cannot ask; ${remedy}`,
  );
}

/** The registries that the `config.json` in a folder has credentials for; undefined when there is no such file. */
export async function knownHosts(folder: string): Promise<string[] | undefined> {
  const config = await readConfig(join(folder, 'config.json'));
  return config && [...new Set(Object.keys(config.auths ?? {}).map(hostOf))];
}

async function readConfig(file: string): Promise<DockerConfig | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as DockerConfig;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const words = 'the registry credentials are not readable JSON; use a Secret of type kubernetes.io/dockerconfigjson';
    throw new ModelError('BadConfiguration', words, { cause });
  }
}

/** Docker's own registry has one name for people, one for credentials and one that answers. */
const DOCKER_HUB = {
  name: 'docker.io',
  api: 'registry-1.docker.io',
  aliases: ['index.docker.io', 'registry-1.docker.io'],
};

/** The host that answers for a registry. */
export const apiHost = (registry: string): string => (registry === DOCKER_HUB.name ? DOCKER_HUB.api : registry);

/** Keys of `auths` are written with and without scheme and path. */
function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return DOCKER_HUB.aliases.includes(host) ? DOCKER_HUB.name : host;
}

export interface Challenge {
  scheme: string;
  parameters: Record<string, string>;
}

/** A name, and behind `=` what it stands for: in quotes or bare. */
const PART = /([\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*)))?/g;

/** Reads a `WWW-Authenticate` header, which may hold several challenges (RFC 9110 §11.6.1), as far as registries use it. */
export function parseChallenges(header: string | undefined): Challenge[] {
  const challenges: Challenge[] = [];
  for (const [, name = '', quoted, bare] of (header ?? '').matchAll(PART)) {
    const value = quoted ?? bare;
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: {} });
    else Object.assign(challenges.at(-1)?.parameters ?? {}, { [name.toLowerCase()]: value });
  }
  return challenges;
}
