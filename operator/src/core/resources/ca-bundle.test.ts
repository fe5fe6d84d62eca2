import { describe, expect, it } from '@jest/globals';
import type { IPod } from 'kubernetes-models/v1';
import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import { Simulator } from '../testing/simulator.ts';

const CA = { configMap: 'corporate-ca', key: 'bundle.pem' };

const made = (sim: Simulator): { resolver: IPodSpec | undefined; serving: IPodSpec | undefined } => {
  sim.reconcile();
  const resolver = sim.store.list<IPod>('Pod')[0]?.spec;
  sim.settle();
  return { resolver, serving: sim.deployment?.spec?.template?.spec };
};

function withCa(uri: string): Simulator {
  const sim = new Simulator({ model: { uri }, replicas: 1 });
  sim.settings = { ...sim.settings, caBundle: CA };
  return sim;
}

/** The file of authorities that a container is told of, if its volume is mounted there. */
function trusted(container: IContainer | undefined): string | undefined {
  const file = container?.env?.find(({ name }) => name === 'NODE_EXTRA_CA_CERTS')?.value;
  const mount = container?.volumeMounts?.find(({ name }) => name === 'ca-bundle');
  expect(mount === undefined).toBe(file === undefined);
  if (mount !== undefined) expect(file).toBe(`${mount.mountPath}/ca.crt`);
  return file;
}

describe('a bundle of authorities', () => {
  it('is trusted by what speaks to a registry, and reaches no server', () => {
    const { resolver, serving } = made(withCa('oci://registry.example/models/digits:1'));
    expect(trusted(resolver?.containers[0])).toBeDefined();
    expect(trusted(serving?.initContainers?.[0])).toBeDefined();
    expect(trusted(serving?.containers[0])).toBeUndefined();
    for (const pod of [resolver, serving])
      expect(pod?.volumes?.find(({ name }) => name === 'ca-bundle')?.configMap).toEqual({
        name: CA.configMap,
        optional: true,
        items: [{ key: CA.key, path: 'ca.crt' }],
      });
  });

  it('is not needed for a claim', () => {
    const { serving } = made(withCa('pvc://claim/folder'));
    expect(serving).toBeDefined();
    expect(JSON.stringify(serving)).not.toContain('ca-bundle');
  });

  it('that comes later or goes leaves the revisions that there are as they were made', () => {
    const sim = new Simulator({ model: { uri: 'oci://registry.example/models/digits:1' }, replicas: 1 });
    const { serving } = made(sim);
    sim.settings = { ...sim.settings, caBundle: CA };
    sim.writes.length = 0;
    sim.settle();
    expect(sim.writes).toEqual([]);
    expect(sim.deployment?.spec?.template?.spec).toEqual(serving);
  });
});
