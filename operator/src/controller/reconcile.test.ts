import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ModelDeploymentSpec } from '../api/modeldeployment.gen.ts';
import { digestOf } from '../core/testing/kubelet.ts';
import { NotLeaderError, type Result } from '../runtime/index.ts';
import type { FakeApiServer } from '../runtime/testing/fake-api-server.ts';
import type { Fault, Match } from '../runtime/testing/faults.ts';
import { WRITTEN } from './resources.ts';
import { type StoredModel, TestOperator } from './testing/operator.ts';

const uri = 'oci://registry.example/models/digits:1';
const TAG: ModelDeploymentSpec = { model: { uri }, replicas: 1 };
const DIGEST: ModelDeploymentSpec = { model: { uri, digest: digestOf(uri) }, replicas: 1 };

let operator: TestOperator;
let server: FakeApiServer;

beforeEach(async () => {
  operator = await TestOperator.start();
  ({ server } = operator);
});
afterEach(async () => operator.stop());

const pass = async (): Promise<Result | undefined> => operator.pass();
const apply = async (spec: ModelDeploymentSpec): Promise<void> => operator.apply(spec);
const stored = (): StoredModel | undefined => operator.stored();
const condition = (type: string) => stored()?.status?.conditions?.find((one) => one.type === type);
const has = (kind: keyof typeof WRITTEN): boolean => server.storage.list(WRITTEN[kind], 'default').length > 0;
const resourceOf = (kind: keyof typeof WRITTEN): string =>
  `${WRITTEN[kind].plural}${WRITTEN[kind].group === '' ? '' : `.${WRITTEN[kind].group}`}`;

const FAULTS: Record<string, { fault: Fault; reason: string }> = {
  'a missing right': {
    fault: { status: 403, reason: 'Forbidden', message: 'cannot create resource' },
    reason: 'WriteRefused',
  },
  'a policy': { fault: { status: 422, reason: 'Invalid', message: 'spec is invalid' }, reason: 'WriteRefused' },
  'an error of the server': { fault: { status: 500, reason: 'InternalError', message: 'etcd' }, reason: 'WriteFailed' },
  'a cut connection': { fault: { reset: 'before' }, reason: 'WriteFailed' },
};

describe('a write that fails', () => {
  const kinds = ['Service', 'PodDisruptionBudget', 'ControllerRevision', 'Deployment', 'ServiceAccount'] as const;
  const cases = kinds.flatMap((kind) => Object.keys(FAULTS).map((fault) => [kind, fault] as const));

  it.each(cases)(
    'by which %s is not made, for %s, is named in the status, and keeps nothing else back',
    async (kind, name) => {
      const { fault, reason } = FAULTS[name] as (typeof FAULTS)[string];
      const match: Match = { verb: 'create', resource: resourceOf(kind) };
      server.script(match, fault, 2);
      await apply(DIGEST);
      for (let time = 0; time < 2; time++) {
        const result = await pass();
        expect(result?.failure).toBeInstanceOf(Error);
        expect(condition('Progressing')).toMatchObject({ status: 'True', reason, observedGeneration: 1 });
        expect(condition('Progressing')?.message).toContain(`create ${kind}/digits`);
        expect(stored()?.status?.observedGeneration).toBe(1);
      }
      expect(operator.events.filter((event) => event.reason === 'WriteRefused').length).toBe(1);
      expect(kinds.filter((one) => ['Service', 'PodDisruptionBudget'].includes(one) && one !== kind).every(has)).toBe(
        true,
      );
      // A Deployment of a revision that is not recorded, or pods without an identity of their own, must not be.
      expect(has('Deployment')).toBe(kind === 'Service' || kind === 'PodDisruptionBudget');
      expect((await pass())?.failure).toBeUndefined();
      expect(kinds.every(has)).toBe(true);
      expect(condition('Progressing')?.reason).not.toBe(reason);
    },
  );

  it('by which a quota keeps the resolver from starting is told at once, and the spec is followed meanwhile', async () => {
    await apply(DIGEST);
    await pass();
    const quota = 'pods "digits-resolve" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3';
    server.script({ verb: 'create', resource: 'pods' }, { status: 403, reason: 'Forbidden', message: quota }, 9);
    await apply({ ...TAG, model: { uri: `${uri}-new` }, replicas: 4 });
    expect((await pass())?.failure).toBeDefined();
    expect(condition('Ready')).toMatchObject({ status: 'False', reason: 'PodsRefused' });
    expect(condition('Ready')?.message).toContain('exceeded quota');
    expect(stored()?.status).toMatchObject({ observedGeneration: 2, deployed: 1 });
    const [deployment] = server.storage.list(WRITTEN.Deployment, 'default') as unknown as {
      spec: { replicas: number };
    }[];
    expect(deployment?.spec.replicas).toBe(4);
  });

  it('because the object has changed is decided anew in silence; one that always has is told', async () => {
    await apply(DIGEST);
    await pass();
    server.script({ verb: 'patch', resource: 'deployments.apps' }, { status: 409, reason: 'Conflict' }, 3);
    await apply({ ...DIGEST, replicas: 3 });
    for (let time = 0; time < 2; time++) {
      expect(await pass()).toEqual({ requeueAfterMs: 200 });
      expect(condition('Progressing')?.reason).not.toBe('WriteRefused');
    }
    expect((await pass())?.failure).toBeDefined();
    expect(condition('Progressing')).toMatchObject({ reason: 'WriteRefused' });
    await pass();
    expect(condition('Progressing')?.reason).not.toBe('WriteRefused');
  });

  it('because a name belongs to somebody else is a conflict of names, and nothing of theirs is touched', async () => {
    const theirs = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: 'digits' } };
    server.storage.put(WRITTEN.ServiceAccount, theirs);
    await apply(TAG);
    expect(await pass()).toEqual({ requeueAfterMs: 15_000 });
    expect(condition('Ready')).toMatchObject({ status: 'False', reason: 'NameConflict' });
    expect(condition('Stalled')?.status).toBe('True');
    // Its rights, in a cloud or in the cluster, would be those of our pods.
    expect([has('Pod'), has('Deployment')]).toEqual([false, false]);
    expect(server.storage.list(WRITTEN.ServiceAccount, 'default')[0]?.metadata.ownerReferences).toBeUndefined();
  });

  it('because this process leads no more ends the pass: nothing is told', async () => {
    await apply(DIGEST);
    operator.leads = false;
    await expect(pass()).rejects.toBeInstanceOf(NotLeaderError);
    expect(stored()?.status).toBeUndefined();
    expect(operator.events).toEqual([]);
  });
});
