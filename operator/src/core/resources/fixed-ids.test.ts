import { describe, expect, it } from '@jest/globals';
import type { IPod } from 'kubernetes-models/v1';
import { Simulator } from '../testing/simulator.ts';

const uri = (tag: number): string => `oci://registry.example/models/digits:${tag}`;
const IDS = { runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 };
const RESTRICTED = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };

const served = (sim: Simulator): unknown => sim.deployment?.spec?.template?.spec?.securityContext;

function settled(sim: Simulator, fixedIds: boolean): string[] {
  sim.settings = { ...sim.settings, fixedIds };
  sim.writes.length = 0;
  sim.settle();
  return sim.writes;
}

describe('the ids of pods', () => {
  it('are left to the platform when the setting says so, in the resolver and in what serves', () => {
    const sim = new Simulator({ model: { uri: uri(1) }, replicas: 1 });
    sim.settings = { ...sim.settings, fixedIds: false };
    sim.reconcile();
    expect(sim.store.list<IPod>('Pod').map(({ spec }) => spec?.securityContext)).toEqual([RESTRICTED]);
    sim.settle();
    expect(served(sim)).toEqual(RESTRICTED);
  });

  it('are fixed otherwise', () => {
    const sim = new Simulator({ model: { uri: uri(1) }, replicas: 1 });
    sim.settle();
    expect(served(sim)).toEqual({ ...RESTRICTED, ...IDS });
  });

  it('stay in a revision whatever the setting becomes; the next revision follows it', () => {
    const sim = new Simulator({ model: { uri: uri(1) }, replicas: 1 });
    sim.settle();
    expect(settled(sim, false)).toEqual([]);
    expect(served(sim)).toEqual({ ...RESTRICTED, ...IDS });
    sim.applySpec({ model: { uri: uri(2) }, replicas: 1 });
    sim.settle();
    expect(served(sim)).toEqual(RESTRICTED);
    expect(settled(sim, true)).toEqual([]);
    expect(served(sim)).toEqual(RESTRICTED);
  });
});
