import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ModelDeploymentSpec, Rollout } from '../../api/modeldeployment.gen.ts';
import { plan } from '../plan.ts';
import { NAME } from '../testing/cluster.ts';
import { Simulator } from '../testing/simulator.ts';
import type { BackendRef } from '../objects/http-route.ts';
import { shareBackends } from './routes.ts';
import { trafficOf } from './traffic.ts';

const MODEL = { name: NAME, namespace: 'default' };
const service = (name: string, weight: number, more: object = {}): BackendRef => ({
  group: '',
  kind: 'Service',
  name,
  port: 80,
  weight,
  ...more,
});

describe('the backends of a rule', () => {
  it('are the Service of the model and that of the pods on trial, with what else is said of the first', () => {
    const filters = [{ type: 'RequestHeaderModifier' }];
    expect(shareBackends([service('digits', 1, { filters })], MODEL, 10)).toEqual([
      service('digits', 90, { filters }),
      service('digits-canary', 10, { filters }),
    ]);
  });

  it('keep the shares of other backends, and those of which not the model is meant', () => {
    const others = [service('letters', 3), service('digits', 2, { namespace: 'elsewhere' })];
    expect(shareBackends([service('digits', 1), ...others], MODEL, 25)).toEqual([
      service('digits', 75),
      service('digits-canary', 25),
      service('letters', 300),
      service('digits', 200, { namespace: 'elsewhere' }),
    ]);
  });

  it('are not touched where a person leads to the preview alone', () => {
    const preview = [service('digits-canary', 1)];
    expect(shareBackends(preview, MODEL, 10)).toBe(preview);
    expect(shareBackends(preview, MODEL, 0)).toBe(preview);
  });

  it('never lose the model because a person wrote other weights meanwhile', () => {
    expect(shareBackends([service('digits', 1), service('digits-canary', 0)], MODEL, 0)).toEqual([
      service('digits', 1),
    ]);
  });

  const backend = fc
    .record({
      name: fc.constantFrom('digits', 'letters', 'digits-canary'),
      weight: fc.integer({ min: 0, max: 10_000 }),
    })
    .map(({ name, weight }) => service(name, weight));
  /** The user's own: what stands behind the model is not the Service of a trial. */
  const written = fc
    .array(backend, { maxLength: 8 })
    .filter((refs) => refs.every(({ name }, at) => name !== 'digits-canary' || refs[at - 1]?.name !== 'digits'));
  const weights = fc.integer({ min: 0, max: 100 });

  it('come back as the user wrote them, whatever weights they had in between', () => {
    fc.assert(
      fc.property(written, weights, weights, (refs, one, two) => {
        const shared = shareBackends(refs, MODEL, one);
        expect(shareBackends(shared, MODEL, two)).toEqual(shareBackends(refs, MODEL, two));
        expect(shareBackends(shared, MODEL, 0)).toEqual(refs);
      }),
    );
  });

  it('give exactly the weight, and nothing that Gateway API would refuse', () => {
    fc.assert(
      fc.property(written, fc.integer({ min: 1, max: 100 }), (refs, weight) => {
        const sum = (list: readonly BackendRef[], name?: string): number =>
          list
            .filter((ref) => name === undefined || ref.name === name)
            .reduce((all, ref) => all + (ref.weight ?? 1), 0);
        fc.pre(refs.every(({ name }) => name !== 'digits-canary') && sum(refs, 'digits') > 0);
        const shared = shareBackends(refs, MODEL, weight);
        expect(sum(shared)).toBe(100 * sum(refs));
        expect(sum(shared, 'digits-canary')).toBe(weight * sum(refs, 'digits'));
        expect(Math.max(...shared.map((ref) => ref.weight ?? 1))).toBeLessThanOrEqual(1_000_000);
      }),
    );
  });
});

const ROLLOUT: Rollout = {
  strategy: 'Canary',
  canary: { steps: [{ weight: 10 }, { weight: 60, seconds: 30 }] },
  trafficRouting: 'GatewayAPI',
  gatewayAPI: { httpRoutes: ['public'] },
  analysis: { minRequests: 0 },
};
const spec = (version: number, rollout = ROLLOUT): ModelDeploymentSpec => ({
  model: { uri: `oci://registry.example/models/digits:${version}` },
  replicas: 3,
  rollout,
});
const WRITTEN = [service('digits', 1)];

function onTrial(prepare: (sim: Simulator) => void = (sim) => sim.applyRoute('public', WRITTEN)): Simulator {
  const sim = new Simulator(spec(1));
  prepare(sim);
  sim.settle();
  sim.applySpec(spec(2));
  sim.settle();
  return sim;
}
const act = (sim: Simulator, type: 'Resume' | 'Abort' | 'Promote'): void => {
  const id = `${type}-${sim.now}`;
  sim.applySpec({ ...sim.spec, rollout: { ...sim.spec.rollout, action: { type, id } } });
  sim.settle();
};
const weightOnPods = (sim: Simulator): unknown[] =>
  sim
    .pods()
    .flatMap((pod) =>
      trafficOf(pod) === undefined ? [] : (JSON.parse(trafficOf(pod) ?? '') as { weight: number }).weight,
    );
const progressing = (sim: Simulator) => sim.status.conditions?.find(({ type }) => type === 'Progressing');
const serves = (sim: Simulator, revision: number) => (): boolean =>
  sim.status.trial === undefined && sim.status.stable?.revision === revision && sim.status.phase === 'Ready';

describe('a canary by an HTTPRoute', () => {
  it('has its weight in the route at each step, and forwards nothing; afterwards the route is as it was', () => {
    const sim = onTrial();
    expect(sim.backendsOf('public')).toEqual([service('digits', 90), service('digits-canary', 10)]);
    expect(new Set(weightOnPods(sim))).toEqual(new Set([0]));
    act(sim, 'Resume');
    expect(sim.backendsOf('public')).toEqual([service('digits', 40), service('digits-canary', 60)]);
    sim.settleUntil(serves(sim, 2));
    expect(sim.backendsOf('public')).toEqual(WRITTEN);
  });

  it('restores the route before the pods on trial go', () => {
    const sim = onTrial();
    act(sim, 'Abort');
    sim.settleUntil(() => sim.status.trial === undefined);
    expect(sim.backendsOf('public')).toEqual(WRITTEN);
    expect(sim.writes.lastIndexOf('patch HTTPRoute')).toBeLessThan(sim.writes.lastIndexOf('delete Service'));
  });

  it('writes its weight again when the manifest in Git is applied, and nothing when all is as it should be', () => {
    const sim = onTrial();
    sim.applyRoute('public', WRITTEN);
    sim.settle();
    expect(sim.backendsOf('public')).toEqual([service('digits', 90), service('digits-canary', 10)]);
    const before = sim.writes.length;
    sim.settle();
    expect(sim.writes.length).toBe(before);
  });

  it('restores a route that the spec no longer names, and forwards from then on', () => {
    const sim = onTrial();
    const { trafficRouting: _, gatewayAPI: __, ...rollout } = ROLLOUT;
    sim.applySpec(spec(2, rollout));
    sim.settle();
    expect(sim.backendsOf('public')).toEqual(WRITTEN);
    expect(new Set(weightOnPods(sim))).toEqual(new Set([10]));
  });

  it.each<[string, string, (sim: Simulator) => void, (sim: Simulator) => void]>([
    [
      'HTTPRouteUnusable',
      'there is no HTTPRoute public in default',
      () => undefined,
      (sim) => sim.applyRoute('public', WRITTEN),
    ],
    [
      'HTTPRouteUnusable',
      'no rule of HTTPRoute public leads to Service digits',
      (sim) => sim.applyRoute('public', [service('letters', 1)]),
      (sim) => sim.applyRoute('public', WRITTEN),
    ],
    [
      'HTTPRouteUnusable',
      'weight above 10000',
      (sim) => sim.applyRoute('public', [service('digits', 10_001)]),
      (sim) => sim.applyRoute('public', WRITTEN),
    ],
    [
      'GatewayAPIUnavailable',
      'gatewayAPI.enabled=true',
      (sim) => ((sim.noRoutes = 'NotEnabled'), sim.applyRoute('public', WRITTEN)),
      (sim) => (sim.noRoutes = undefined),
    ],
    [
      'GatewayAPIUnavailable',
      'does not serve HTTPRoutes',
      (sim) => ((sim.noRoutes = 'NotInstalled'), sim.applyRoute('public', WRITTEN)),
      (sim) => (sim.noRoutes = undefined),
    ],
  ])('waits with %s (%s), says so once, and goes on by itself', (reason, words, spoil, mend) => {
    const sim = onTrial(spoil);
    sim.now += 3_600_000;
    sim.settle();
    expect(sim.status.trial).toMatchObject({ phase: 'Starting', weight: 0 });
    expect(progressing(sim)).toMatchObject({ status: 'True', reason });
    expect(progressing(sim)?.message).toContain(words);
    expect(sim.events.filter((event) => event.reason === 'TrialHeld')).toHaveLength(1);
    if (reason === 'GatewayAPIUnavailable') expect(plan(sim.world()).requeueAfterMs).toBeDefined();
    mend(sim);
    sim.settle();
    expect(sim.backendsOf('public')).toEqual([service('digits', 90), service('digits-canary', 10)]);
    expect(progressing(sim)?.reason).toBe('TrialPaused');
  });

  it('takes no further step while its route is gone, whoever asks, and goes on when it is back', () => {
    const sim = onTrial();
    sim.deleteRoute('public');
    sim.settle();
    expect(progressing(sim)?.reason).toBe('HTTPRouteUnusable');
    act(sim, 'Resume');
    expect(sim.status.trial).toMatchObject({ step: 1, weight: 10 });
    sim.applyRoute('public', WRITTEN);
    act(sim, 'Resume');
    sim.deleteRoute('public');
    sim.settle();
    sim.now += 3_600_000;
    sim.settle();
    expect(sim.status.trial).toMatchObject({ phase: 'Running', step: 2, weight: 60 });
    sim.applyRoute('public', WRITTEN);
    sim.settleUntil(serves(sim, 2));
  });

  it('takes over without its route when a person says Promote', () => {
    const sim = onTrial();
    sim.deleteRoute('public');
    act(sim, 'Promote');
    sim.settleUntil(serves(sim, 2));
  });

  it('does not wait for ever for a gateway that never takes the restored route', () => {
    const sim = onTrial();
    sim.gatewayIsDead = true;
    act(sim, 'Abort');
    expect(sim.status.trial?.phase).toBe('Ending');
    sim.settleUntil(() => sim.status.trial === undefined);
    expect(sim.world().preview).toBeUndefined();
  });
});

describe('other strategies', () => {
  it.each<Rollout>([
    { strategy: 'BlueGreen', blueGreen: { keepSeconds: 10 } },
    { strategy: 'Shadow', shadow: { promotion: 'Auto', seconds: 5 } },
    {},
  ])('leave the routes alone: %j', (rollout) => {
    const sim = new Simulator(spec(1, { ...ROLLOUT, ...rollout, strategy: rollout.strategy ?? 'RollingUpdate' }));
    sim.applyRoute('public', WRITTEN);
    sim.settle();
    sim.applySpec({ ...spec(2), rollout: sim.spec.rollout ?? {} });
    sim.settleUntil(serves(sim, 2));
    expect(sim.writes).not.toContain('patch HTTPRoute');
  });
});
