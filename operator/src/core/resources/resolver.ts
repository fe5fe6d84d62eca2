import { COMMAND, ENV, PATH } from '@modeldeployment/modelpack/contract';
import type { IPod } from 'kubernetes-models/v1';
import { ANNOTATION, LABEL, type Owner, childLabels, ownerReference, resolverName } from '../names.ts';
import type { Recipe } from '../revisions/recipe.ts';
import { CONTAINER_SECURITY, TMP_VOLUME, makeSource, nodesOf, podSecurity, registryEnv } from './template.ts';
import type { Settings } from '../world.ts';
import { makeCaBundle } from './ca-bundle.ts';

export interface ResolveRequest {
  recipe: Recipe;
  hash: string;
  /** From 1. */
  attempt: number;
}

/**
 * The short-lived pod that resolves a tag to a digest. It holds the credentials, so that the operator needs no right to
 * read Secrets and opens no connection to an address a user gave; its termination message carries the answer.
 */
export function makeResolver(owner: Owner, request: ResolveRequest, settings: Settings): IPod {
  const { recipe, hash, attempt } = request;
  const source = makeSource(recipe.model);
  const ca = makeCaBundle(settings, recipe.model.uri);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: resolverName(owner.name, hash, attempt),
      namespace: owner.namespace,
      labels: { ...childLabels(owner.name), [LABEL.resolves]: owner.name, [LABEL.recipe]: hash },
      annotations: { [ANNOTATION.attempt]: String(attempt) },
      ownerReferences: [ownerReference(owner)],
    },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: 120,
      serviceAccountName: owner.name,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 1,
      securityContext: podSecurity(settings),
      ...nodesOf(recipe),
      containers: [
        {
          name: 'resolve',
          // Always our own: a serving image that spec.server names need not know the command.
          image: settings.servingImage,
          imagePullPolicy: 'IfNotPresent',
          args: [COMMAND.resolve],
          env: [{ name: ENV.uri, value: recipe.model.uri }, ...registryEnv(settings, source.secretName), ...ca.env],
          resources: {
            requests: { cpu: '50m', memory: '64Mi' },
            limits: { cpu: '1', memory: '512Mi', 'ephemeral-storage': '1Gi' },
          },
          securityContext: CONTAINER_SECURITY,
          terminationMessagePolicy: 'File',
          volumeMounts: [{ name: 'tmp', mountPath: PATH.tmp }, ...source.mounts, ...ca.mounts],
        },
      ],
      volumes: [TMP_VOLUME, ...source.volumes, ...ca.volumes],
    },
  };
}
