import { PATH } from '@modeldeployment/modelpack/contract';
import type { IVolume } from 'kubernetes-models/v1/Volume';
import type { Settings } from '../world.ts';

/**
 * What a container that speaks to a registry needs to trust the authorities of registries.caBundle besides those that Node knows.
 * A claim is read without any connection.
 */
export function makeCaBundle({ caBundle }: Pick<Settings, 'caBundle'>, uri: string) {
  if (caBundle === undefined || uri.startsWith('pvc://')) return { env: [], mounts: [], volumes: [] };
  const { configMap, key } = caBundle;
  const volume: IVolume = {
    name: 'ca-bundle',
    // Missing, it would keep the container from starting; so the message about the certificate names the setting.
    configMap: { name: configMap, optional: true, items: [{ key, path: 'ca.crt' }] },
  };
  return {
    env: [{ name: 'NODE_EXTRA_CA_CERTS', value: `${PATH.caBundle}/ca.crt` }],
    mounts: [{ name: volume.name, mountPath: PATH.caBundle, readOnly: true }],
    volumes: [volume],
  };
}
