import { type Case, spec } from './case.ts';

const pod = (field: string, value: object, refused?: string): Case =>
  spec(`server.pod${field}`, { server: { pod: value } }, refused);
const toleration = (field: string, value: object, refused?: string): Case =>
  pod(`.tolerations${field}`, { tolerations: [value] }, refused);
const spread = (field: string, value: object, refused?: string): Case =>
  pod(`.topologySpreadConstraints${field}`, { topologySpreadConstraints: [{ ...BY_ZONE, ...value }] }, refused);

const BY_ZONE = { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' };
const KEY = 'must be a key such as';
const VALUE = 'must be the value of a label';

/** The cases of spec.server.pod: what a Pod would refuse is refused here, before a Deployment is written. */
export const POD_CASES: readonly Case[] = [
  pod('', { nodeSelector: { pool: 'models' }, tolerations: [{ operator: 'Exists' }] }),
  pod('', { hostNetwork: true }, 'unknown field "spec.server.pod.hostNetwork"'),

  pod('.nodeSelector', { nodeSelector: { 'cloud.example/pool': 'models', empty: '' } }),
  pod('.nodeSelector', { nodeSelector: { '/pool': 'models' } }, 'a key of nodeSelector must be the name of a label'),
  pod('.nodeSelector', { nodeSelector: { pool: 'a b' } }, VALUE),
  pod('.nodeSelector', { nodeSelector: { pool: 1 } }, 'must be of type string'),

  toleration('', { key: 'pool', operator: 'Equal', value: 'models', effect: 'NoSchedule' }),
  toleration('', { value: 'models' }, 'a toleration without a key is for every taint'),
  toleration('', { key: 'pool', operator: 'Exists', value: 'models' }, 'operator Exists looks at no value'),
  toleration('', { key: 'pool', tolerationSeconds: 5 }, 'tolerationSeconds is for effect NoExecute only'),
  toleration('.key', { key: 'cloud.example/pool', operator: 'Exists' }),
  toleration('.key', { key: 'a/b/c', operator: 'Exists' }, KEY),
  toleration('.operator', { operator: 'Exists' }),
  toleration('.operator', { key: 'pool', operator: 'In' }, 'Unsupported value: "In"'),
  toleration('.value', { key: 'pool', value: '' }),
  toleration('.value', { key: 'pool', value: 'a b' }, VALUE),
  toleration('.effect', { key: 'pool', effect: 'PreferNoSchedule' }),
  toleration('.effect', { key: 'pool', effect: 'NoRun' }, 'Unsupported value: "NoRun"'),
  toleration('.tolerationSeconds', { key: 'pool', effect: 'NoExecute', tolerationSeconds: 0 }),
  toleration(
    '.tolerationSeconds',
    { key: 'pool', effect: 'NoExecute', tolerationSeconds: -1 },
    'should be greater than or equal to 0',
  ),

  spread('', {}),
  spread('', { labelSelector: {} }, 'unknown field'),
  pod('.topologySpreadConstraints', { topologySpreadConstraints: [BY_ZONE, BY_ZONE] }, 'Duplicate value'),
  spread('.maxSkew', { maxSkew: 2 }),
  spread('.maxSkew', { maxSkew: 0 }, 'should be greater than or equal to 1'),
  spread('.topologyKey', { topologyKey: 'kubernetes.io/hostname' }),
  spread('.topologyKey', { topologyKey: '' }, KEY),
  spread('.whenUnsatisfiable', { whenUnsatisfiable: 'DoNotSchedule' }),
  spread('.whenUnsatisfiable', { whenUnsatisfiable: 'Wait' }, 'Unsupported value: "Wait"'),
];
