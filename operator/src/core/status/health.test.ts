import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { LuaFactory } from 'wasmoon';
import { readCrd, schemaOf } from '../../../../crds/generate/crd.ts';
import type { ModelDeploymentSpec, ModelDeploymentStatus } from '../../api/modeldeployment.gen.ts';
import { digestOf } from '../testing/kubelet.ts';
import { Simulator } from '../testing/simulator.ts';

/** docs/argocd/health.lua, run by a real Lua on statuses that the decisions made. */
const CODE = readFileSync(new URL('../../../../docs/argocd/health.lua', import.meta.url), 'utf8');
const lua = new LuaFactory();

interface Health {
  status: string;
  message: string;
}

async function healthOf(object: unknown): Promise<Health> {
  const engine = await lua.createEngine();
  try {
    return (await engine.doString(`obj = ${luaOf(object)}\n${CODE}`)) as Health;
  } finally {
    engine.global.close();
  }
}

/** Plain data as Lua writes it. */
function luaOf(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(luaOf).join(', ')}}`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null).replace(/^null$/, 'nil');
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([key, field]) => `[${JSON.stringify(key)}] = ${luaOf(field)}`).join(', ')}}`;
}

const uri = (tag: number): string => `oci://registry.example/models/digits:${tag}`;
const spec = (tag: number, more: Partial<ModelDeploymentSpec> = {}): ModelDeploymentSpec => ({
  model: { uri: uri(tag) },
  replicas: 2,
  ...more,
});
const serving = (): Simulator => {
  const sim = new Simulator(spec(1));
  sim.settle();
  return sim;
};
const ofSim = (sim: Simulator) => healthOf({ metadata: { generation: sim.generation }, status: sim.status });

/** Health at every moment until nothing moves any more. */
async function course(sim: Simulator): Promise<{ phase: string; health: Health }[]> {
  const seen: { phase: string; health: Health }[] = [];
  for (let turn = 0; turn < 40; turn++) {
    sim.reconcile();
    sim.step();
    sim.now += 1000;
    const { phase = '' } = sim.status;
    if (seen.at(-1)?.phase !== phase) seen.push({ phase, health: await ofSim(sim) });
  }
  return seen;
}
const brief = (seen: { phase: string; health: Health }[]) =>
  seen.map(({ phase, health }) => `${phase} ${health.status}`);

describe('the health check for Argo CD', () => {
  it('is Progressing until the operator has seen the spec, and Healthy when it is served', async () => {
    const sim = new Simulator(spec(1));
    expect(await healthOf({ metadata: { generation: 1 } })).toMatchObject({ status: 'Progressing' });
    expect(brief(await course(sim))).toEqual(['Pending Progressing', 'Ready Healthy']);
    sim.applySpec(spec(2));
    expect(await ofSim(sim)).toEqual({ status: 'Progressing', message: 'waiting for the operator' });
    expect(brief(await course(sim))).toEqual(['Progressing Progressing', 'Ready Healthy']);
    expect((await ofSim(sim)).message).toContain('revision 2');
  });

  it('is Suspended while a trial waits for a person', async () => {
    const sim = serving();
    sim.applySpec(
      spec(2, { rollout: { strategy: 'Canary', canary: { steps: [{ weight: 10 }] }, analysis: { minRequests: 0 } } }),
    );
    const seen = await course(sim);
    expect(brief(seen)).toContain('Trial Progressing');
    expect(await ofSim(sim)).toMatchObject({ status: 'Suspended' });
  });

  it('is Degraded, with the reason, when the target failed, whether or not there is another to serve', async () => {
    const sim = serving();
    sim.fates.set(digestOf(uri(2)), { fails: 'WarmupFailed' });
    sim.applySpec(spec(2));
    expect(brief(await course(sim)).at(-1)).toBe('RolledBack Degraded');
    expect((await ofSim(sim)).message).toContain('revision 2 (version 2) failed');
    const first = new Simulator(spec(1));
    first.fates.set(digestOf(uri(1)), { fails: 'WarmupFailed' });
    expect(brief(await course(first)).at(-1)).toBe('Failed Degraded');
  });

  it('is Healthy under a rollback or a pin: what serves is what was asked for', async () => {
    const sim = serving();
    sim.applySpec(spec(2));
    sim.settle();
    sim.applySpec(spec(2, { rollbackTo: { revision: 1, from: 2 } }));
    expect(brief(await course(sim)).at(-1)).toBe('Ready Healthy');
    sim.applySpec(spec(2, { rollbackTo: { revision: 1 } }));
    expect(brief(await course(sim)).at(-1)).toBe('Pinned Healthy');
  });

  it('is Suspended without replicas', async () => {
    const sim = serving();
    sim.applySpec(spec(1, { replicas: 0 }));
    expect(brief(await course(sim)).at(-1)).toBe('Stopped Suspended');
  });

  it('of missing pods is Degraded only when too few are left', async () => {
    const told = (available: 'True' | 'False'): ModelDeploymentStatus => ({
      observedGeneration: 1,
      phase: 'Degraded',
      conditions: [
        { type: 'Ready', status: 'False', reason: 'WaitingForPods', message: 'words', lastTransitionTime: '' },
        { type: 'Available', status: available, reason: 'AsExpected', message: '', lastTransitionTime: '' },
      ],
    });
    expect(await healthOf({ metadata: { generation: 1 }, status: told('True') })).toEqual({
      status: 'Progressing',
      message: 'words',
    });
    expect(await healthOf({ metadata: { generation: 1 }, status: told('False') })).toEqual({
      status: 'Degraded',
      message: 'words',
    });
  });

  it('knows every phase that the API names', async () => {
    const description = schemaOf(readCrd()).properties?.['status']?.properties?.['phase']?.description ?? '';
    const phases = description.match(/\b[A-Z][A-Za-z]+\b(?= \(|,|\.)/g) ?? [];
    expect(phases).toEqual(expect.arrayContaining(['Ready', 'Trial', 'Stopped', 'Paused']));
    for (const phase of phases) {
      const { status } = await healthOf({ metadata: { generation: 1 }, status: { phase, observedGeneration: 1 } });
      expect(`${phase} ${status}`).not.toContain('Unknown');
    }
    expect(
      await healthOf({ metadata: { generation: 1 }, status: { phase: 'New', observedGeneration: 1 } }),
    ).toMatchObject({ status: 'Unknown' });
  });
});
