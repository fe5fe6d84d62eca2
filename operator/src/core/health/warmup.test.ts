import { describe, expect, it } from '@jest/globals';
import type { ModelDeploymentSpec, Rollout } from '../../api/modeldeployment.gen.ts';
import { plan } from '../plan.ts';
import { digestOf } from '../testing/kubelet.ts';
import { Simulator } from '../testing/simulator.ts';
import type { PodWarmup } from '../world.ts';

const uri = (tag: number): string => `oci://registry.example/models/digits:${tag}`;
const spec = (tag: number, rollout: Rollout = {}): ModelDeploymentSpec => ({
  model: { uri: uri(tag), digest: digestOf(uri(tag)), version: String(tag) },
  replicas: 2,
  rollout: { ...rollout, analysis: { minRequests: 0 } },
});
const STRATEGIES: [string, Rollout][] = [
  ['RollingUpdate', {}],
  [
    'Canary',
    {
      strategy: 'Canary',
      canary: {
        steps: [
          { weight: 20, seconds: 30 },
          { weight: 50, seconds: 30 },
        ],
      },
    },
  ],
  ['BlueGreen', { strategy: 'BlueGreen' }],
  ['Shadow', { strategy: 'Shadow' }],
];
const found = (revision: number, output = 'y'): PodWarmup => ({
  revision,
  nonFinite: [{ signature: 'serve', output, values: 3 }],
});
const condition = ({ status }: Simulator) => status.conditions?.find(({ type }) => type === 'NonFiniteOutputs');
const told = ({ events }: Simulator) => events.filter(({ reason }) => reason === 'NonFiniteOutputs');

function serving(rollout: Rollout = {}): Simulator {
  const sim = new Simulator(spec(1, rollout));
  sim.settle();
  return sim;
}

describe('NaN in answers to requests made up for the warm-up', () => {
  it('is a condition that names revision and outputs, and one event, in one write', () => {
    const sim = serving();
    expect(condition(sim)).toMatchObject({ status: 'False', reason: 'AsExpected' });
    sim.warmups = [found(1), found(1), found(1, 'z')];
    expect(sim.reconcile()).toBe(1);
    expect(condition(sim)).toMatchObject({ status: 'True', reason: 'NonFiniteWarmup' });
    expect(condition(sim)?.message).toContain('revision 1 (version 1): y of serve, z of serve;');
    sim.settle();
    expect(told(sim)).toMatchObject([{ type: 'Warning', note: condition(sim)?.message }]);
  });

  it('costs no write where there is none, and none more once it is told, whoever is asked again', () => {
    const sim = serving();
    sim.warmups = [found(1)];
    sim.settle();
    sim.writes.length = 0;
    // Another operator: it knows nothing, then what another pod says.
    for (const warmups of [[], [found(1, 'z')], [found(1), found(1, 'z')]]) {
      sim.warmups = warmups;
      sim.statusWrittenAt = undefined;
      sim.settle();
    }
    expect(sim.writes).toEqual([]);
    expect(condition(sim)?.message).toContain(': y of serve;');
  });

  it('goes with the revision, and is told of the next one that has it', () => {
    const sim = serving();
    sim.warmups = [found(1)];
    sim.settle();
    sim.applySpec(spec(2));
    sim.settle();
    expect(condition(sim)).toMatchObject({ status: 'False' });
    sim.applySpec(spec(3));
    sim.warmups = [found(3)];
    sim.settle();
    expect(condition(sim)?.message).toContain('revision 3 (version 3): y of serve;');
    expect(told(sim)).toHaveLength(2);
  });

  it('names five outputs at most, however many there are and whatever they are called', () => {
    const sim = serving();
    sim.warmups = Array.from({ length: 300 }, (_, i) => found(1, `${i}${'\n'.repeat(1_000)}`));
    sim.settle();
    expect(condition(sim)?.message).toMatch(/ and 295 more;/);
    expect(condition(sim)?.message).not.toContain('\n');
    expect(JSON.stringify(sim.status.revisions).length).toBeLessThan(3_000);
  });

  it.each(STRATEGIES)(
    'holds and changes nothing: the writes and the end of a %s are those without it',
    (_name, rollout) => {
      const quiet = serving(rollout);
      const loud = serving(rollout);
      for (const sim of [quiet, loud]) sim.applySpec(spec(2, rollout));
      for (let pass = 0; pass < 200; pass++) {
        loud.warmups = [found(1), found(2)];
        const world = loud.world();
        expect(plan(world).actions).toEqual(plan({ ...world, warmups: [] }).actions);
        for (const sim of [quiet, loud]) {
          sim.reconcile();
          sim.step();
          sim.now += 1_000;
        }
      }
      const writes = (sim: Simulator) => sim.writes.filter((write) => write !== 'status');
      expect(writes(loud)).toEqual(writes(quiet));
      const endOf = ({ status: { phase, stable, trial } }: Simulator) => [phase, stable?.revision, trial?.phase];
      expect(endOf(loud)).toEqual(endOf(quiet));
      expect(told(loud).length).toBeGreaterThan(0);
    },
  );
});
