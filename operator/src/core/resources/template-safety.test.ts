import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IPodTemplateSpec } from 'kubernetes-models/v1';
import type { ModelDeploymentSpec } from '../../api/modeldeployment.gen.ts';
import type { Action } from '../actions.ts';
import { readRevision } from '../revisions/revision.ts';
import { NAME } from '../testing/cluster.ts';
import { digestOf } from '../testing/kubelet.ts';
import { Simulator } from '../testing/simulator.ts';
import { withoutLeak } from './template-safety.ts';
import { makeTemplate } from './template.ts';

const THEIRS = 'somebody.example/own-server:1';
const OURS = 'serving:1';
const uri = (tag: number): string => `oci://registry.example/models/digits:${tag}`;
const spec = (tag: number, more: Partial<ModelDeploymentSpec> = {}): ModelDeploymentSpec => ({
  model: { uri: uri(tag), digest: digestOf(uri(tag)), secretRef: { name: 'registry' } },
  server: { image: THEIRS },
  replicas: 2,
  ...more,
});

/** Credentials or a claim are mounted by a container that runs what a user has named. */
function leaks({ spec: pod }: IPodTemplateSpec, theirs = THEIRS): boolean {
  const kept = (pod?.volumes ?? []).filter((volume) => 'secret' in volume || 'persistentVolumeClaim' in volume);
  return [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])].some(
    ({ image, volumeMounts = [] }) =>
      image === theirs && volumeMounts.some(({ name }) => kept.some((v) => v.name === name)),
  );
}

/** As an operator before this rule has rendered it: the user's image fetched. */
const asBefore = (template: IPodTemplateSpec): IPodTemplateSpec => ({
  ...template,
  spec: {
    ...template.spec,
    containers: template.spec?.containers ?? [],
    initContainers: (template.spec?.initContainers ?? []).map((one) => ({ ...one, image: THEIRS })),
  },
});

/** Everything that is written, and what of it is a template that leaks. */
function watched(sim: Simulator): { actions: number; leaky: number } {
  const seen = { actions: 0, leaky: 0 };
  sim.refuses = (action: Action) => {
    seen.actions++;
    if (JSON.stringify(action).includes('"volumeMounts"') && templatesIn(action).some((one) => leaks(one)))
      seen.leaky++;
    return undefined;
  };
  return seen;
}

function templatesIn(value: unknown): IPodTemplateSpec[] {
  if (typeof value !== 'object' || value === null) return [];
  const pod: unknown = 'spec' in value ? value.spec : undefined;
  const isTemplate = typeof pod === 'object' && pod !== null && 'containers' in pod;
  const own = isTemplate ? [value as IPodTemplateSpec] : [];
  return [...own, ...Object.values(value).flatMap(templatesIn)];
}

/** A cluster that an earlier operator has left: what is recorded and what serves has the user's image beside credentials. */
function before(more: Partial<ModelDeploymentSpec> = {}): Simulator {
  const sim = new Simulator(spec(1, more));
  for (let turn = 0; turn < 60; turn++) {
    sim.reconcile();
    for (const object of sim.store.list('ControllerRevision')) {
      const { hash: _, ...data } = object['data'] as { hash?: string; template: IPodTemplateSpec };
      object['data'] = { ...data, template: asBefore(data.template) };
    }
    const deployment = sim.store.get<IDeployment>('Deployment', NAME);
    if (deployment?.spec !== undefined && !leaks(deployment.spec.template))
      deployment.spec.template = asBefore(deployment.spec.template);
    sim.step();
    sim.now += 300;
  }
  expect(sim.status.phase).toBe('Ready');
  return sim;
}

const held = (sim: Simulator): IPodTemplateSpec => sim.deployment?.spec?.template ?? {};

describe('a template', () => {
  it('has our own image wherever credentials or a claim are, whatever image the spec names', () => {
    for (const model of [{ uri: uri(1), secretRef: { name: 's' } }, { uri: 'pvc://claim/folder' }]) {
      const recipe = {
        model: { ...model, format: 'auto' as const },
        server: { engine: 'auto' as const, image: THEIRS },
      };
      const settings = {
        servingImage: OURS,
        plainHttpRegistries: [],
        caBundle: undefined,
        pullSecrets: [],
        fixedIds: true,
      };
      const input = { model: NAME, revision: 1, version: '1', digest: digestOf('x'), image: THEIRS, recipe, settings };
      const template = makeTemplate(input);
      expect(leaks(template)).toBe(false);
      expect(template.spec?.containers[0]?.image).toBe(THEIRS);
      expect(leaks(asBefore(template))).toBe(true);
    }
  });

  it('that is read back never leaks, and is the very same where it did not', () => {
    const image = fc.constantFrom(OURS, THEIRS, 'other:1');
    const volume = fc.constantFrom({ secret: {} }, { persistentVolumeClaim: { claimName: 'c' } }, { emptyDir: {} });
    const container = fc.record({
      name: fc.constantFrom('fetch', 'server', 'extra'),
      image,
      volumeMounts: fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c'), mountPath: fc.constant('/x') })),
    });
    const template = fc.record({
      spec: fc.record({
        volumes: fc.tuple(volume, volume, volume).map((all) => all.map((one, i) => ({ name: 'abc'[i] ?? '', ...one }))),
        initContainers: fc.array(container, { maxLength: 2 }),
        containers: fc.array(container, { minLength: 1, maxLength: 2 }),
      }),
    });
    fc.assert(
      fc.property(template, (one) => {
        const safe = withoutLeak(one, THEIRS, OURS);
        expect(leaks(safe)).toBe(false);
        if (!leaks(one)) expect(safe).toBe(one);
        expect(withoutLeak(one, undefined, OURS)).toBe(one);
      }),
    );
  });
});

describe("what an earlier operator has recorded with a user's image beside credentials", () => {
  it('serves on without a write: an upgrade of the operator restarts nothing', () => {
    const sim = before();
    const seen = watched(sim);
    sim.settle();
    expect(seen).toEqual({ actions: 0, leaky: 0 });
    expect(leaks(held(sim))).toBe(true);
  });

  const WAYS: Record<string, (sim: Simulator) => void> = {
    'a rollback': (sim) => {
      sim.applySpec(spec(2));
      sim.settle();
      sim.applySpec(spec(2, { rollbackTo: { revision: 1 } }));
    },
    'the old spec': (sim) => {
      sim.applySpec(spec(2));
      sim.settle();
      sim.applySpec(spec(1));
    },
    'an undo that is adopted': (sim) => {
      sim.applySpec(spec(2));
      sim.settle();
      sim.undoTo(1);
    },
    'scaling from zero': (sim) => {
      sim.applySpec(spec(1, { replicas: 0 }));
      sim.settle();
      sim.applySpec(spec(1));
    },
    'a failure of what came after': (sim) => {
      sim.fates.set(digestOf(uri(2)), 'crashes');
      sim.applySpec(spec(2));
    },
    'a Deployment that was deleted': (sim) => {
      const { deployment } = sim;
      if (deployment !== undefined) sim.store.remove(deployment as never);
    },
  };
  it.each(Object.keys(WAYS))('is rendered anew when it is rolled out again by %s', (way) => {
    const sim = before();
    const seen = watched(sim);
    WAYS[way]?.(sim);
    sim.settle();
    sim.settle();
    expect(sim.status.stable?.revision).toBe(1);
    expect(seen.leaky).toBe(0);
    expect(leaks(held(sim))).toBe(false);
    expect(sim.readyRevisions()).toEqual([1]);
    const writes = seen.actions;
    sim.settle();
    expect(seen.actions).toBe(writes);
  });

  it('is known as the same revision in either form', () => {
    const sim = before();
    const [stored] = sim.store.list('ControllerRevision');
    const revision = readRevision(stored as never, OURS);
    expect([leaks(revision?.template ?? {}), leaks(revision?.leaky ?? {})]).toEqual([false, true]);
  });
});
