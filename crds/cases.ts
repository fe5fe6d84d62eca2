/**
 * What the API server must accept and refuse: for every field one value that is right, and for every rule one that is
 * wrong with the words a person sees. Played against a real API server by e2e/stories/api.story.ts, because nothing else
 * runs CEL.
 */
export interface Case {
  /** Path of the field, as in `kubectl explain`. */
  field: string;
  /** Merged over a minimal manifest. */
  manifest: object;
  /** Part of the message with which it is refused; undefined when it is accepted. */
  refused?: string;
}

const HEX = 'a'.repeat(64);
const URI = 'oci://registry.example/models/digits:1';

const model = (field: string, value: object, refused?: string): Case => ({
  field: `spec.model.${field}`,
  manifest: { spec: { model: { uri: URI, ...value } } },
  ...(refused === undefined ? {} : { refused }),
});

const spec = (field: string, value: object, refused?: string): Case => ({
  field: `spec.${field}`,
  manifest: { spec: { model: { uri: URI }, ...value } },
  ...(refused === undefined ? {} : { refused }),
});

export const CASES: readonly Case[] = [
  { field: 'metadata.name', manifest: { metadata: { name: 'a'.repeat(50) } } },
  { field: 'metadata.name', manifest: { metadata: { name: 'a'.repeat(51) } }, refused: 'at most 50 characters' },
  { field: 'metadata.name', manifest: { metadata: { name: '1digits' } }, refused: 'must begin with a letter' },
  { field: 'metadata.name', manifest: { metadata: { name: 'a.b' } }, refused: "lower-case letters, digits and '-'" },
  { field: 'spec', manifest: { spec: {} }, refused: 'spec.model: Required value' },
  {
    field: 'spec',
    manifest: { spec: { model: { uri: URI }, podTemplate: {} } },
    refused: 'unknown field "spec.podTemplate"',
  },

  model('uri', { uri: `oci://registry.example:5000/a/b/c@sha256:${HEX}` }),
  model('uri', { uri: 'pvc://claim/folder/v1' }),
  model('uri', { uri: 'https://models.example/digits' }, 'uri must begin with oci:// or pvc://'),
  model('uri', { uri: 'file:///etc/passwd' }, 'uri must begin with oci:// or pvc://'),
  model('uri', { uri: 'oci://registry.example/Digits:1' }, 'an oci uri must look like'),
  model('uri', { uri: 'oci://registry.example/digits' }, "there is no implied 'latest'"),
  model('uri', { uri: 'oci://user:password@registry.example/digits:1' }, 'an oci uri must look like'),
  model('uri', { uri: 'pvc://claim/../secrets' }, 'a pvc uri must look like'),
  model('uri', { uri: `oci://r.example/${'a'.repeat(600)}:1` }, 'Too long'),

  model('version', { version: '3' }),
  model('version', { version: 'v3' }, 'version must be a number written as a string'),
  model('version', { version: '03' }, 'without leading zeros'),
  model('version', { version: 3 }, 'must be of type string'),

  model('format', { format: 'TFJSGraph' }),
  model('format', { format: 'ONNX' }, 'Unsupported value: "ONNX"'),

  model('digest', { digest: `sha256:${HEX}` }),
  model('digest', { digest: 'latest' }, 'digest must be sha256:'),
  model(
    'digest',
    { uri: `oci://r.example/a@sha256:${'b'.repeat(64)}`, digest: `sha256:${HEX}` },
    'uri and digest name different bytes',
  ),

  model('secretRef', { secretRef: { name: 'registry' } }),
  model('secretRef', { secretRef: {} }, 'name: Required value'),
  model('secretRef', { uri: 'pvc://claim/x', secretRef: { name: 'a' } }, 'secretRef is used for oci:// only'),
  model('secretRef', { secretRef: { name: 'a', namespace: 'other' } }, 'unknown field'),

  spec('server.engine', { server: { engine: 'wasm' } }),
  spec('server.engine', { server: { engine: 'cuda' } }, 'Unsupported value: "cuda"'),
  spec('server.image', { server: { image: 'registry.example/server:1' } }),
  spec('server.image', { server: { image: '' } }, 'should be at least 1 chars long'),
  spec('server.updatePolicy', { server: { updatePolicy: 'Auto' } }),
  spec('server.updatePolicy', { server: { updatePolicy: 'Never' } }, 'Unsupported value: "Never"'),
  spec('server.resources', { server: { resources: { requests: { cpu: '500m' }, limits: { cpu: 2, memory: '1Gi' } } } }),
  spec(
    'server.resources',
    { server: { resources: { requests: { cpu: '3' }, limits: { cpu: '2000m' } } } },
    'a request must not be larger than its limit',
  ),
  spec('server.resources', { server: { resources: { limits: { memory: '1e99Gi' } } } }, 'should match'),
  spec('server.resources', { server: { resources: { limits: { memory: '-1' } } } }, 'should match'),

  spec('replicas', { replicas: 0 }),
  spec('replicas', { replicas: -1 }, 'should be greater than or equal to 0'),
  spec('replicas', { replicas: 1_000_000_000 }, 'should be less than or equal to 1000'),
  spec('replicas', { replicas: '3' }, 'must be of type integer'),
  spec('replicas', { replicas: 2.5 }, 'must be of type integer'),

  spec('rollout.strategy', { rollout: { strategy: 'RollingUpdate' } }),
  spec('rollout.strategy', { rollout: { strategy: 'Recreate' } }, 'Unsupported value: "Recreate"'),
  spec('rollout.rollingUpdate', { rollout: { rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } } }),
  spec('rollout.rollingUpdate', { rollout: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }, 'cannot both be 0'),
  spec(
    'rollout.rollingUpdate',
    { rollout: { rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } } },
    'cannot both be 0',
  ),
  spec('rollout.rollingUpdate', { rollout: { rollingUpdate: { maxSurge: -1 } } }, 'must be a number from 0 to 1000'),
  spec('rollout.rollingUpdate', { rollout: { rollingUpdate: { maxSurge: 'all' } } }, 'should match'),
  spec('rollout.progressDeadlineSeconds', { rollout: { progressDeadlineSeconds: 10 } }),
  spec(
    'rollout.progressDeadlineSeconds',
    { rollout: { progressDeadlineSeconds: 1 } },
    'should be greater than or equal to 10',
  ),
  spec('rollout.onFailure', { rollout: { onFailure: 'Pause' } }),
  spec('rollout.onFailure', { rollout: { onFailure: 'Ignore' } }, 'Unsupported value: "Ignore"'),
  spec('rollout.onManualUndo', { rollout: { onManualUndo: 'Revert' } }),
  spec('rollout.onManualUndo', { rollout: { onManualUndo: 'Ignore' } }, 'Unsupported value: "Ignore"'),
  spec('rollout.action', { rollout: { action: { type: 'Retry', id: '2026-01-01' } } }),
  spec('rollout.action', { rollout: { action: { type: 'Explode', id: 'a' } } }, 'Unsupported value: "Explode"'),
  spec('rollout.action', { rollout: { action: { type: 'Retry' } } }, 'id: Required value'),
  spec('rollout.action', { rollout: { action: { type: 'Retry', id: '' } } }, 'should be at least 1 chars long'),

  spec('rollbackTo', { rollbackTo: { revision: 1, from: 2 } }),
  spec('rollbackTo', { rollbackTo: { digest: `sha256:${HEX}` } }),
  spec('rollbackTo', { rollbackTo: { from: 2 } }, 'name either a revision or a digest'),
  spec('rollbackTo', { rollbackTo: { revision: 1, digest: `sha256:${HEX}` } }, 'name either a revision or a digest'),
  spec('rollbackTo', { rollbackTo: { revision: 2, from: 2 } }, 'there is nothing to return to'),
  spec('rollbackTo', { rollbackTo: { revision: 0 } }, 'should be greater than or equal to 1'),
  spec('rollbackTo', { rollbackTo: { digest: 'sha256:1' } }, 'digest must be sha256:'),

  spec('revisionHistoryLimit', { revisionHistoryLimit: 1 }),
  spec('revisionHistoryLimit', { revisionHistoryLimit: 0 }, 'should be greater than or equal to 1'),
];
