/** Which versions of which models are to be served. Pure. */
import { byVersion } from './catalog.ts';
import { type FailureReport } from './types.ts';
import { FatalError } from '../errors.ts';

/** TensorFlow Serving's version policies. */
export type Policy =
  { kind: 'latest'; count: number } | { kind: 'all' } | { kind: 'specific'; versions: readonly string[] };

/** A version's folder. `identity` changes when another folder takes its place. */
export interface VersionFolder {
  version: string;
  identity: string;
}

/** What `versions.json` beside the version folders says. */
export interface Rules {
  policy?: Policy;
  labels: Readonly<Record<string, string>>;
}

/** A model as it lies in the repository. */
export interface ModelListing {
  name: string;
  versions: readonly VersionFolder[];
  rules: Rules | { problem: string };
}

/** A model as it is to be served. */
export interface WantedModel {
  name: string;
  versions: readonly VersionFolder[];
  labels: Readonly<Record<string, string>>;
  /** Its versions are named one by one: it is ready only with all of them. */
  pinned: boolean;
  /** Came by an order to a server that serves already: its readiness is not the server's. */
  ordered?: true;
  /** Why none of its versions can be chosen. */
  failure?: FailureReport;
}

export const RULES_FILE = 'versions.json';
/** Also keeps a name from leaving the repository: no slash, no leading dot. */
export const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,252}$/;
export const VERSION = /^\d{1,18}$/;
const LABEL = /^(?=.*[A-Za-z_])\w{1,63}$/;

/** Applies a model's own policy, or the server's. */
export function select({ name, versions, rules }: ModelListing, policy: Policy): WantedModel {
  const none: WantedModel = { name, versions: [], labels: {}, pinned: false };
  if ('problem' in rules) return { ...none, failure: { reason: 'BadConfiguration', message: rules.problem } };
  const chosen = rules.policy ?? policy;
  const sorted = [...versions].sort((a, b) => byVersion(a.version, b.version));
  const wanted = { ...none, labels: rules.labels };
  switch (chosen.kind) {
    case 'all':
      return { ...wanted, versions: sorted };
    case 'latest':
      return { ...wanted, versions: sorted.slice(0, chosen.count) };
    case 'specific': {
      const missing = chosen.versions.filter((version) => !versions.some((folder) => folder.version === version));
      const found = {
        ...wanted,
        versions: sorted.filter(({ version }) => chosen.versions.includes(version)),
        pinned: true,
      };
      if (missing.length === 0) return found;
      const message = `version ${missing.join(', ')} of ${name} is to be served, and has no folder`;
      return { ...found, failure: { reason: 'ModelNotFound', message } };
    }
  }
}

export function wants(model: WantedModel, asked: VersionFolder & { name: string }): boolean {
  const same = ({ version, identity }: VersionFolder) => version === asked.version && identity === asked.identity;
  return model.name === asked.name && model.versions.some(same);
}

/** `latest`, `latest:2`, `all`, or numbers with commas; undefined when it is none of these. */
export function parsePolicy(text: string): Policy | undefined {
  if (text === 'all') return { kind: 'all' };
  const latest = /^latest(?::([1-9]\d{0,5}))?$/.exec(text);
  if (latest) return { kind: 'latest', count: Number(latest[1] ?? 1) };
  const versions = text.split(',').map((part) => part.trim());
  return versions.every((version) => VERSION.test(version)) ? { kind: 'specific', versions } : undefined;
}

/**
 * Reads `versions.json`: `model_version_policy` and `version_labels` as in the configuration of TensorFlow Serving, in the
 * JSON form of its protocol buffers.
 * @throws FatalError BadConfiguration
 */
export function parseRules(text: string, where: string): Rules {
  const fail = (what: string): never => {
    throw new FatalError('BadConfiguration', `${where}: ${what}`);
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail(`not JSON: ${(error as Error).message}`);
  }
  const fields = object(value) ?? fail('not an object');
  const unknown = Object.keys(fields).find((key) => key !== 'model_version_policy' && key !== 'version_labels');
  if (unknown !== undefined) fail(`unknown field ${unknown}; there is model_version_policy and version_labels`);
  const labels = Object.entries(object(fields.version_labels ?? {}) ?? fail('version_labels is not an object'));
  for (const [label, version] of labels) {
    if (!LABEL.test(label)) fail(`the label "${label}" is not of letters, digits and _, at least one no digit`);
    if (!VERSION.test(String(version))) fail(`the label ${label} stands for ${JSON.stringify(version)}, not a version`);
  }
  const rules: Rules = { labels: Object.fromEntries(labels.map(([label, version]) => [label, String(version)])) };
  if (fields.model_version_policy === undefined) return rules;
  const policy = readPolicy(fields.model_version_policy);
  return policy ? { ...rules, policy } : fail(POLICY_FORMS);
}

const POLICY_FORMS =
  'model_version_policy is none of {"latest": {"num_versions": 1}}, {"all": {}}, {"specific": {"versions": [1, 2]}}';

function readPolicy(value: unknown): Policy | undefined {
  const [entry, ...others] = Object.entries(object(value) ?? {});
  const body = object(entry?.[1]);
  if (!entry || !body || others.length > 0) return undefined;
  if (entry[0] === 'all') return { kind: 'all' };
  if (entry[0] === 'latest') {
    const count = Number(body.num_versions ?? 1);
    return Number.isInteger(count) && count > 0 ? { kind: 'latest', count } : undefined;
  }
  const versions = entry[0] === 'specific' && Array.isArray(body.versions) ? body.versions.map(String) : [];
  return versions.length > 0 && versions.every((version) => VERSION.test(version))
    ? { kind: 'specific', versions }
    : undefined;
}

function object(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
