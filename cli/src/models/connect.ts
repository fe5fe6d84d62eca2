import { homedir } from 'node:os';
import { join } from 'node:path';
import { ModelError, type OciUri, parseModelUri, readCredentials, Registry } from '@modeldeployment/modelpack';

/** Reads an oci:// address; anything else is refused with what to write instead. */
export function parseOci(text: string): OciUri {
  const uri = parseModelUri(text);
  if (uri.scheme === 'oci') return uri;
  throw new ModelError('BadConfiguration', `${text} is a volume; name a registry: oci://registry/repository:tag`);
}

/** Opens a repository with the credentials of `docker login` ($DOCKER_CONFIG, or ~/.docker). */
export function openRegistry({ registry, repository }: OciUri, plainHttp: boolean): Registry {
  const folder = process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');
  return new Registry({ registry, repository, plainHttp, credentials: () => readCredentials(folder, registry) });
}
