import { describe, expect, it } from '@jest/globals';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { ModelDeploymentSpec, Rollout } from '../../api/modeldeployment.gen.ts';
import { LABEL } from '../names.ts';
import { NAME } from '../testing/cluster.ts';
import { digestOf } from '../testing/kubelet.ts';
import { Simulator } from '../testing/simulator.ts';
import type { Stored } from '../testing/store.ts';

const uri = (tag: number): string => `oci://registry.example/models/digits:${tag}`;
const spec = (tag: number, rollout: Rollout = {}): ModelDeploymentSpec => ({
  model: { uri: uri(tag), digest: digestOf(uri(tag)), version: String(tag) },
  replicas: 2,
  rollout: { ...rollout, analysis: { minRequests: 0 } },
});
const CANARY: Rollout = { strategy: 'Canary', canary: { steps: [{ weight: 20, seconds: 30 }] } };

type Json = Record<string, unknown>;
type Mutation = (object: Json) => void;

/** A policy that changes what is written of one kind; it sees the same object again with each write. */
function policy(kind: string, mutate: Mutation): (object: Stored) => Stored {
  return (object) => {
    if (object.kind !== kind) return object;
    const changed = structuredClone(object);
    mutate(changed);
    return changed;
  };
}

const template = (object: Json) => (object as unknown as IDeployment).spec?.template;
const server = (object: Json) => template(object)?.spec?.containers.find(({ name }) => name === 'server');

function begin(admission: (object: Stored) => Stored, rollout: Rollout = {}): Simulator {
  const sim = new Simulator(spec(1, rollout));
  sim.store.admission = admission;
  return sim;
}

const reasons = (sim: Simulator): string[] => sim.events.map(({ reason }) => reason);
const condition = (sim: Simulator, type: string) => sim.status.conditions?.find((c) => c.type === type);

/** Writes while it is left alone for an hour, after the first pass that has nothing to do. */
function writesAtRest(sim: Simulator): number {
  let wrote = 0;
  for (let pass = 0; pass < 20; pass++) {
    wrote += sim.reconcile();
    sim.step();
    sim.now += 60_000;
  }
  return wrote;
}

const USUAL: [string, Mutation][] = [
  ['limits', (object) => void (server(object)!.resources = { limits: { cpu: '4', memory: '9Gi' } })],
  ['another environment', (object) => server(object)?.env?.push({ name: 'HTTP_PROXY', value: 'http://proxy' })],
  [
    'a mirror of the image',
    (object) =>
      void template(object)?.spec?.containers.forEach(
        (c) => (c.image = `mirror.example/${c.image?.split('/').at(-1)}`),
      ),
  ],
  ['a toleration', (object) => void (template(object)!.spec!.tolerations = [{ key: 'a', operator: 'Exists' }])],
  [
    'a sidecar before ours',
    (object) => {
      const { containers } = template(object)!.spec!;
      if (!containers.some(({ name }) => name === 'mesh')) containers.unshift({ name: 'mesh', image: 'mesh:1' });
    },
  ],
  [
    'a first init container',
    (object) => {
      const { initContainers = [] } = template(object)!.spec!;
      if (!initContainers.some(({ name }) => name === 'mesh'))
        initContainers.unshift({ name: 'mesh', image: 'mesh:1' });
    },
  ],
  ['labels', (object) => Object.assign(template(object)!.metadata!.labels!, { team: 'a' })],
  [
    'other bounds',
    (object) => Object.assign((object as unknown as IDeployment).spec!, { strategy: { type: 'Recreate' } }),
  ],
];

describe('what admission makes of a Deployment', () => {
  it.each(USUAL)(
    '%s: it comes to rest Ready, told at most once, and a later edit is still taken back',
    (_name, mutate) => {
      const sim = begin(policy('Deployment', mutate));
      sim.settle();
      expect(sim.status).toMatchObject({ phase: 'Ready', ready: '2/2', stable: { revision: 1 } });
      expect(writesAtRest(sim)).toBe(0);
      expect(reasons(sim)).not.toContain('ManualEditReverted');
      expect(reasons(sim).filter((reason) => reason === 'AdmissionAccepted').length).toBeLessThanOrEqual(1);
      const edited = structuredClone(sim.deployment?.spec?.template);
      edited!.spec!.containers.find(({ name }) => name === 'server')!.args = ['sleep'];
      sim.store.patch('Deployment', NAME, [{ op: 'replace', path: '/spec/template', value: edited }]);
      sim.settle();
      expect(reasons(sim).filter((reason) => reason === 'ManualEditReverted')).toHaveLength(1);
      expect(server(sim.deployment as unknown as Json)?.args).toEqual(['serve']);
      expect(sim.status.phase).toBe('Ready');
    },
  );

  it.each(USUAL)('%s: begun when the policy comes later, no pod is replaced by us', (_name, mutate) => {
    const sim = begin((object) => object);
    sim.settle();
    sim.store.admission = policy('Deployment', mutate);
    // Kubernetes' own controller writes the Deployment, and admission changes it.
    sim.store.patch('Deployment', NAME, [{ op: 'add', path: '/metadata/annotations/revision', value: '2' }]);
    const before = sim.deployment?.spec?.template;
    sim.writes.length = 0;
    for (let pass = 0; pass < 5; pass++) sim.reconcile();
    expect(sim.writes.length).toBeLessThanOrEqual(2);
    expect(sim.deployment?.spec?.template).toEqual(before);
    sim.settle();
    expect(reasons(sim)).not.toContain('ManualEditReverted');
    expect(sim.status.phase).toBe('Ready');
  });

  it.each(USUAL)('%s: the pods of a trial are handed over, and serve on', (_name, mutate) => {
    const sim = begin(policy('Deployment', mutate), CANARY);
    sim.settle();
    sim.applySpec(spec(2, CANARY));
    let kept: (string | undefined)[] = [];
    sim.settleUntil(() => {
      if (sim.status.trial?.phase === 'Running')
        kept = sim
          .pods()
          .flatMap(({ metadata }) => (metadata?.labels?.['modelserving.dev/revision'] === '2' ? metadata.name : []));
      return sim.status.trial === undefined && sim.status.stable?.revision === 2;
    });
    expect(kept.length).toBeGreaterThan(0);
    expect(sim.pods().map(({ metadata }) => metadata?.name)).toEqual(expect.arrayContaining(kept));
    expect(writesAtRest(sim)).toBe(0);
  });

  it('what the Deployment says of our last write: an undo is told by the status, and adopted', () => {
    const sim = begin(
      policy('Deployment', (object) =>
        Object.assign((object as unknown as Stored).metadata.labels!, { [LABEL.revision]: '1' }),
      ),
    );
    sim.settle();
    sim.applySpec(spec(2));
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 2 } });
    sim.undoTo(1);
    sim.settle();
    expect(sim.spec.rollbackTo).toEqual({ revision: 1, from: 2 });
    expect(writesAtRest(sim)).toBe(0);
  });

  it('other labels: a write of ours that the status does not know of is no undo', () => {
    const labels = policy('Deployment', (object) =>
      Object.assign((object as unknown as Stored).metadata.labels!, { 'app.kubernetes.io/name': 'renamed' }),
    );
    const sim = begin(labels);
    sim.settle();
    sim.applySpec(spec(2));
    sim.reconcile(2);
    expect([sim.revisionInDeployment(), sim.status.deployed]).toEqual([2, 1]);
    sim.applySpec(spec(1));
    sim.settle();
    expect(sim.spec.rollbackTo).toBeUndefined();
    expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 1 } });
  });

  it.each([NAME, `${NAME}-canary`])(
    'only of %s: the hand-over replaces pods, and as many as are promised answer',
    (name) => {
      const sim = begin(
        policy('Deployment', (object) => {
          if ((object as unknown as Stored).metadata.name === name)
            server(object)!.resources = { limits: { cpu: '4' } };
        }),
        CANARY,
      );
      sim.settle();
      sim.applySpec(spec(2, CANARY));
      let least = Infinity;
      for (let turn = 0; turn < 3000 && sim.status.stable?.revision !== 2; turn++) {
        const wrote = sim.reconcile();
        const moved = sim.step();
        least = Math.min(
          least,
          Object.values(sim.endpoints()).reduce((sum, count) => sum + count, 0),
        );
        sim.now += wrote === 0 && !moved ? 5_000 : 100;
      }
      sim.settle();
      expect(least).toBeGreaterThanOrEqual(2);
      expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 2 } });
      expect(writesAtRest(sim)).toBe(0);
    },
  );
});

describe('the Deployment of a trial', () => {
  const HELD: Rollout = { strategy: 'Canary', canary: { steps: [{ weight: 20 }] } };
  const CANARY_NAME = `${NAME}-canary`;

  function onTrial(admission: (object: Stored) => Stored): Simulator {
    const sim = begin(admission, HELD);
    sim.settle();
    sim.applySpec(spec(2, HELD));
    sim.settle();
    return sim;
  }

  it.each(USUAL)('under %s: an edit of its template is put back, and told once', (_name, mutate) => {
    const sim = onTrial(policy('Deployment', mutate));
    expect(sim.status.trial?.revision).toBe(2);
    const edited = structuredClone(sim.canary?.spec?.template);
    edited!.spec!.containers.find(({ name }) => name === 'server')!.args = ['sleep'];
    sim.store.patch('Deployment', CANARY_NAME, [{ op: 'replace', path: '/spec/template', value: edited }]);
    sim.settle();
    expect(server(sim.canary as unknown as Json)?.args).toEqual(['serve']);
    expect(reasons(sim).filter((reason) => reason === 'ManualEditReverted')).toHaveLength(1);
    sim.writes.length = 0;
    writesAtRest(sim);
    // The verdict of a trial is told from time to time.
    expect(sim.writes.filter((write) => write !== 'status')).toEqual([]);
  });

  it('that a policy has paused comes up once the policy is gone', () => {
    const sim = onTrial(
      policy('Deployment', (object) => {
        if ((object as unknown as Stored).metadata.name === CANARY_NAME)
          (object as unknown as IDeployment).spec!.paused = true;
      }),
    );
    expect([sim.canary?.spec?.paused, sim.status.trial?.phase]).toEqual([true, 'Starting']);
    sim.store.admission = (object) => object;
    sim.now += 300_000;
    sim.settle();
    expect([sim.canary?.spec?.paused, sim.status.trial?.phase]).toEqual([false, 'Running']);
  });

  it('a hand-over that a policy keeps paused is tried with longer and longer waits, and ends once the policy is gone', () => {
    const sim = begin((object) => object, CANARY);
    sim.settle();
    sim.applySpec(spec(2, CANARY));
    sim.settleUntil(() => sim.status.trial?.phase === 'Running');
    sim.store.admission = policy('Deployment', (object) => {
      (object as unknown as IDeployment).spec!.paused = true;
    });
    sim.now += 60_000;
    sim.settleUntil(() => sim.status.trial?.phase === 'HandingOver');
    sim.now += 3_600_000;
    sim.writes.length = 0;
    sim.settle();
    expect(sim.writes.length).toBeLessThanOrEqual(2);
    sim.store.admission = (object) => object;
    sim.now += 300_000;
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Ready', stable: { revision: 2 } });
  });
});

describe('what must not be followed', () => {
  it('what the history says of a revision: no revision is made again and again', () => {
    const sim = begin(
      policy('ControllerRevision', (object) => Object.assign(object['data'] as object, { digest: 'x' })),
    );
    for (let pass = 0; pass < 100; pass++) {
      sim.reconcile();
      sim.step();
      sim.now += 300;
    }
    expect(condition(sim, 'Ready')).toMatchObject({ status: 'False', reason: 'AdmissionRefused' });
    expect(sim.store.list('ControllerRevision').length).toBeLessThanOrEqual(3);
    sim.store.admission = (object) => object;
    sim.now += 300_000;
    sim.settle();
    expect(sim.status.phase).toBe('Ready');
  });

  const FORBIDDEN: [string, string, Mutation][] = [
    ['replicas', 'spec.replicas', (object) => void ((object as unknown as IDeployment).spec!.replicas = 1)],
    ['a pause', 'spec.paused', (object) => void ((object as unknown as IDeployment).spec!.paused = true)],
    [
      "the image's digest",
      'containers[server].image',
      (object) => void (server(object)!.image = 'serving:1@sha256:0123'),
    ],
  ];
  const PINNED = `serving:1@${digestOf('serving')}`;

  it.each(FORBIDDEN)('%s is told by field, and tried again after longer and longer waits', (_name, field, mutate) => {
    const sim = begin(policy('Deployment', mutate));
    sim.settings = { ...sim.settings, servingImage: PINNED };
    sim.settle();
    expect(condition(sim, 'Ready')).toMatchObject({ status: 'False', reason: 'AdmissionRefused' });
    expect(condition(sim, 'Ready')?.message).toContain(field);
    sim.writes.length = 0;
    for (let pass = 0; pass < 100; pass++) {
      sim.reconcile();
      sim.step();
      sim.now += 300;
    }
    // Half a minute: the second and the third try, each with its status.
    expect(sim.writes.length).toBeLessThanOrEqual(4);
    expect(reasons(sim).filter((reason) => reason === 'AdmissionRefused')).toHaveLength(1);
    sim.store.admission = (object) => object;
    sim.now += 300_000;
    sim.settle();
    expect(sim.status).toMatchObject({ phase: 'Ready', ready: '2/2' });
    expect(sim.status.admitted).toBeUndefined();
  });
});

/** Every place of a value, as a list of keys. */
function placesOf(value: unknown, at: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (value === null || typeof value !== 'object') return [at];
  const inner = Array.isArray(value)
    ? value.flatMap((entry, i) => placesOf(entry, [...at, i]))
    : Object.entries(value).flatMap(([key, entry]) => placesOf(entry, [...at, key]));
  return at.length === 0 ? inner : [at, ...inner];
}

/** Another value of the same kind. */
function otherThan(value: unknown): unknown {
  if (typeof value === 'string') return `${value}x`;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  return Array.isArray(value) ? [...(value as unknown[]), { name: 'another' }] : { ...(value as object), another: 'x' };
}

function change(object: Json, place: readonly (string | number)[]): void {
  const last = place.at(-1) ?? '';
  const parent = place.slice(0, -1).reduce<Json | undefined>((inner, key) => inner?.[key] as Json | undefined, object);
  if (parent?.[last] !== undefined && parent[last] !== null) parent[last] = otherThan(parent[last]);
}

/** A change of these is never followed (or leaves an object that is no longer ours). */
const NAMED =
  /^(kind|apiVersion|metadata(\.(name|namespace|ownerReferences.*))?|spec\.(replicas|selector.*)|spec\.template\.metadata(\.labels(\.modelserving.*)?)?|.*\.image|.*ontainers(\.\d+(\.name|\.env(\.\d+(\.(name|value))?)?)?)?|data.*|spec|spec\.template|spec\.template\.spec)$/;

describe('every field of every child', () => {
  const plain = begin((object) => object);
  plain.settle();
  /** How many fields of each kind are tried at least. */
  const KINDS = Object.entries({
    Deployment: 90,
    Service: 20,
    PodDisruptionBudget: 7,
    ServiceAccount: 6,
    ControllerRevision: 10,
  });

  it.each(KINDS)('of kind %s may be changed at admission: at most two more writes, then rest', (kind, fields) => {
    const rendered = plain.store.get(kind, kind === 'ControllerRevision' ? `${NAME}-1` : NAME);
    const { status: _, ...written } = structuredClone(rendered) as Stored & { status?: unknown };
    const { name, labels, annotations, ownerReferences } = written.metadata;
    const places = placesOf({ ...written, metadata: { name, labels, annotations, ownerReferences } });
    const tried = places.filter((place) => !NAMED.test(place.join('.')));
    expect(tried.length).toBeGreaterThanOrEqual(fields);
    for (const place of tried) {
      const sim = begin(policy(kind, (object) => change(object, place)));
      for (let pass = 0; pass < 30; pass++) {
        sim.reconcile();
        sim.step();
        sim.now += 300;
      }
      const told = `${kind} ${place.join('.')}: ${sim.writes.slice(plain.writes.length).join(', ')}`;
      expect([told, sim.writes.length <= plain.writes.length + 2]).toEqual([told, true]);
      sim.writes.length = 0;
      expect([told, writesAtRest(sim)]).toEqual([told, 0]);
    }
  });
});
