import { compile, type JSONSchema } from 'json-schema-to-typescript';
import type { Schema } from './crd.ts';

/** Names that people use for the parts; everything else is named after its path. */
const NAMES: Readonly<Record<string, string>> = {
  '': 'ModelDeployment',
  spec: 'ModelDeploymentSpec',
  status: 'ModelDeploymentStatus',
  'spec.model.secretRef': 'SecretReference',
  'spec.rollout.rollingUpdate': 'RollingUpdate',
  'spec.rollout.canary': 'Canary',
  'spec.rollout.canary.steps.item': 'CanaryStep',
  'spec.rollout.canary.match.item': 'CanaryMatch',
  'spec.rollout.blueGreen': 'BlueGreen',
  'spec.rollout.shadow': 'Shadow',
  'spec.rollout.analysis': 'Analysis',
  'spec.rollout.analysis.prometheus.item': 'AnalysisQuery',
  'status.stable': 'StableRevision',
  'status.target': 'TargetRevision',
  'status.trial': 'Trial',
  'status.trial.verdict': 'Verdict',
  'status.baking': 'Baking',
  'status.failedTarget': 'FailedTarget',
  'status.lastFailure': 'LastFailure',
  'status.lastAction': 'LastAction',
  'status.conditions.item': 'Condition',
};

/** TypeScript interfaces of the API. Fields with a default stay optional: that is what a person may write. */
export async function makeTypes(schema: Schema): Promise<string> {
  const prepared = prepare(schema, []);
  prepared.properties = { ...prepared.properties, metadata: { tsType: 'ObjectMeta' } };
  const code = await compile(prepared, 'ModelDeployment', {
    bannerComment: '',
    // Otherwise `maxItems: 10` becomes a tuple of eleven alternatives.
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, printWidth: 120 },
  });
  const meta =
    '/** metadata, as far as a manifest needs it. */\nexport interface ObjectMeta {\n  name?: string;\n  namespace?: string;\n}\n';
  return `${code}\n${meta}`;
}

function prepare(schema: Schema, path: readonly string[]): JSONSchema {
  if (schema['x-kubernetes-int-or-string'] === true) {
    return {
      tsType: 'number | string',
      ...(schema.description === undefined ? {} : { description: schema.description }),
    };
  }
  const { properties, items, additionalProperties, ...rest } = schema;
  const node = { ...rest } as JSONSchema;
  if (properties !== undefined) {
    node.title =
      NAMES[path.join('.')] ??
      path
        .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
        .join('')
        .replace(/^Spec/, '');
    node.additionalProperties = false;
    node.properties = Object.fromEntries(
      Object.entries(properties).map(([key, value]) => [key, prepare(value, [...path, key])]),
    );
  }
  if (items !== undefined) node.items = prepare(items, [...path, 'item']);
  if (typeof additionalProperties === 'object')
    node.additionalProperties = prepare(additionalProperties, [...path, 'value']);
  return node;
}

/** The defaults of the schema as one constant, nested like the object. */
export function makeDefaults(schema: Schema): string {
  return `/** Defaults of the API, nested like the object itself. */\nexport const DEFAULTS = ${JSON.stringify(defaultsOf(schema), null, 2)} as const;\n`;
}

function defaultsOf(schema: Schema): unknown {
  if (schema.properties === undefined) return schema.default;
  const entries = Object.entries(schema.properties)
    .map(([key, value]) => [key, defaultsOf(value)] as const)
    .filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
