import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** One node of an OpenAPI v3 schema, as a CRD writes it. */
export interface Schema {
  type?: string;
  format?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxProperties?: number;
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-validations'?: { rule: string; message?: string }[];
}

export interface Crd {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: { versions: { schema: { openAPIV3Schema: Schema } }[] };
}

const SOURCE = new URL('../modeldeployments.yaml', import.meta.url);

/** The CRD with its anchors and merges resolved. */
export function readCrd(): Crd {
  return parse(readFileSync(SOURCE, 'utf8'), { merge: true }) as Crd;
}

export function schemaOf(crd: Crd): Schema {
  const schema = crd.spec.versions[0]?.schema.openAPIV3Schema;
  if (schema === undefined) throw new Error('the CRD has no version');
  return schema;
}
