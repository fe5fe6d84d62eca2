import { describe, expect, it } from '@jest/globals';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { ModelDeploymentSpec } from '../../api/modeldeployment.gen.ts';
import { FIELD_MANAGER } from '../names.ts';
import { editorsOf, managerOf } from './managers.ts';
import { NAME } from '../testing/cluster.ts';
import { digestOf } from '../testing/kubelet.ts';
import { Simulator } from '../testing/simulator.ts';

const entry = (manager: string, time: string, fieldsV1: object, more = {}) => ({ manager, time, fieldsV1, ...more });
const CONTAINER = { 'f:containers': { 'k:{"name":"server"}': { '.': {}, 'f:image': {}, 'f:args': {} } } };
const managedFields = [
  entry(FIELD_MANAGER, '2026-01-01T09:00:00Z', { 'f:spec': { 'f:replicas': {}, 'f:template': {} } }),
  entry('kubectl-edit', '2026-01-01T01:00:00Z', { 'f:spec': { 'f:template': { 'f:spec': CONTAINER } } }),
  entry('vpa', '2026-01-01T02:00:00Z', {
    'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"server"}': { 'f:resources': {} } } } } },
  }),
  entry('argocd', '2026-01-01T03:00:00Z', { 'f:metadata': { 'f:labels': { 'f:argocd.argoproj.io/instance': {} } } }),
  entry('scaler', '2026-01-01T04:00:00Z', { 'f:spec': { 'f:replicas': {} } }, { subresource: 'scale' }),
  entry('kube-controller-manager', '2026-01-01T05:00:00Z', { 'f:status': {} }, { subresource: 'status' }),
];

describe('who wrote a field beside the operator', () => {
  it.each([
    ['spec.template.spec.containers[server].image', 'kubectl-edit'],
    ['spec.template.spec.containers[server].resources.limits.cpu', 'vpa'],
    ['spec.template.spec.containers[fetch].image', undefined],
    // Of what two have written, the last.
    ['spec.template.spec.containers[server]', 'vpa'],
    ['metadata.labels.argocd.argoproj.io/instance', 'argocd'],
    ['metadata.labels.argocd.argoproj', undefined],
    ['spec.replicas', 'scaler'],
    ['spec.rep', undefined],
    ['status', undefined],
  ])('of %s is %s', (path, manager) => {
    expect(managerOf({ metadata: { managedFields } }, path)).toBe(manager);
    expect(managerOf({ metadata: {}, editors: editorsOf(managedFields) }, path)).toBe(manager);
  });

  it.each([[undefined], [[]], [[null, 1, {}, { manager: 1 }, { manager: 'x', fieldsV1: null }]]])(
    'is unknown where nobody is noted: %j',
    (fields) => {
      expect(managerOf({ metadata: { managedFields: fields } }, 'spec.replicas')).toBeUndefined();
    },
  );
});

const uri = 'oci://registry.example/models/digits:1';
const spec: ModelDeploymentSpec = { model: { uri, digest: digestOf(uri), version: '1' }, replicas: 2 };

describe('what is told of changes by others', () => {
  it.each([
    ['who is noted', managedFields, 'last written by scaler'],
    ['nobody is noted', undefined, 'unknown manager'],
  ])('at admission names the field, and the manager: %s', (_name, fields, words) => {
    const sim = new Simulator(spec);
    sim.store.admission = (object) =>
      object.kind === 'Deployment'
        ? ({
            ...object,
            metadata: { ...object.metadata, managedFields: fields },
            spec: { ...(object as unknown as IDeployment).spec, replicas: 1 },
          } as unknown as typeof object)
        : object;
    sim.settle();
    const condition = sim.status.conditions?.find(({ type }) => type === 'Ready');
    expect(condition).toMatchObject({ status: 'False', reason: 'AdmissionRefused' });
    expect(condition?.message).toContain(`Deployment/${NAME} spec.replicas: spec.replicas (${words})`);
    expect(sim.events.find(({ reason }) => reason === 'AdmissionRefused')?.note).toContain(words);
  });

  it('as an edit names the fields and the manager, and not what admission is known to change', () => {
    const sim = new Simulator(spec);
    sim.store.admission = (object) => {
      if (object.kind !== 'Deployment') return object;
      const changed = structuredClone(object);
      const containers = (changed as unknown as IDeployment).spec!.template.spec!.containers;
      containers.find(({ name }) => name === 'server')!.resources = { limits: { cpu: '7' } };
      return changed;
    };
    sim.settle();
    sim.store.change(sim.deployment as object as never, (next) => {
      const deployment = next as unknown as IDeployment;
      deployment.spec!.template = structuredClone(deployment.spec!.template);
      deployment.spec!.template.spec!.containers.find(({ name }) => name === 'server')!.args = ['sleep'];
      Object.assign(next, { editors: editorsOf(managedFields) });
    });
    sim.settle();
    expect(sim.events.find(({ reason }) => reason === 'ManualEditReverted')?.note).toContain(
      '(spec.containers[server].args[0], by kubectl-edit)',
    );
  });
});
