import { describe, expect, it } from '@jest/globals';
import { parsePolicy, parseRules, select, type ModelListing, type Policy } from './selection.ts';

const listing = (...versions: string[]): ModelListing => ({
  name: 'm',
  versions: versions.map((version) => ({ version, identity: `id-${version}` })),
  rules: { labels: {} },
});
const LATEST: Policy = { kind: 'latest', count: 1 };
const chosen = (policy: Policy, ...versions: string[]) =>
  select(listing(...versions), policy).versions.map(({ version }) => version);

describe('the versions to serve', () => {
  it('are the highest by number, not by letters', () => {
    expect(chosen(LATEST, '9', '10', '2')).toEqual(['10']);
    expect(chosen({ kind: 'latest', count: 2 }, '9', '10', '2')).toEqual(['10', '9']);
    expect(chosen(LATEST, '9007199254740993', '9007199254740992')).toEqual(['9007199254740993']);
  });

  it('are all there are under the policy all, or fewer than asked for when there are no more', () => {
    expect(chosen({ kind: 'all' }, '1', '3', '2')).toEqual(['3', '2', '1']);
    expect(chosen({ kind: 'latest', count: 5 }, '1')).toEqual(['1']);
    expect(chosen(LATEST)).toEqual([]);
  });

  it('may be named one by one; one that is missing keeps the model from being ready', () => {
    const policy: Policy = { kind: 'specific', versions: ['1', '3'] };
    expect(select(listing('1', '2', '3'), policy)).toMatchObject({ pinned: true });
    expect(chosen(policy, '1', '2', '3')).toEqual(['3', '1']);
    expect(select(listing('1', '2'), policy)).toMatchObject({
      versions: [{ version: '1' }],
      failure: { reason: 'ModelNotFound', message: expect.stringContaining('version 3 of m') },
    });
  });

  it('follow the rules of the model before those of the server', () => {
    const rules = { policy: { kind: 'all' } as const, labels: { stable: '1' } };
    expect(select({ ...listing('1', '2'), rules }, LATEST)).toMatchObject({
      versions: [{ version: '2' }, { version: '1' }],
      labels: { stable: '1' },
    });
  });

  it('are none where the rules cannot be read', () => {
    expect(select({ ...listing('1'), rules: { problem: 'no' } }, LATEST)).toMatchObject({
      versions: [],
      failure: { reason: 'BadConfiguration', message: 'no' },
    });
  });
});

describe('a policy in the environment', () => {
  it.each([
    ['latest', LATEST],
    ['latest:3', { kind: 'latest', count: 3 }],
    ['all', { kind: 'all' }],
    ['7', { kind: 'specific', versions: ['7'] }],
    ['1, 3', { kind: 'specific', versions: ['1', '3'] }],
  ])('%s is understood', (text, policy) => {
    expect(parsePolicy(text)).toEqual(policy);
  });

  it.each(['', 'latest:0', 'latest:x', 'newest', '1,,2', 'v1'])('%j is not', (text) => {
    expect(parsePolicy(text)).toBeUndefined();
  });
});

describe('versions.json', () => {
  it.each([
    ['{}', { labels: {} }],
    ['{"model_version_policy": {"latest": {"num_versions": 2}}}', { policy: { kind: 'latest', count: 2 }, labels: {} }],
    ['{"model_version_policy": {"latest": {}}}', { policy: LATEST, labels: {} }],
    ['{"model_version_policy": {"all": {}}}', { policy: { kind: 'all' }, labels: {} }],
    [
      '{"model_version_policy": {"specific": {"versions": [1, "2"]}}, "version_labels": {"stable": 1, "canary": "2"}}',
      { policy: { kind: 'specific', versions: ['1', '2'] }, labels: { stable: '1', canary: '2' } },
    ],
  ])('%s is understood', (text, rules) => {
    expect(parseRules(text, 'versions.json')).toEqual(rules);
  });

  it.each([
    ['{', 'not JSON'],
    ['[]', 'not an object'],
    ['{"labels": {}}', 'unknown field labels'],
    ['{"version_labels": []}', 'version_labels is not an object'],
    ['{"version_labels": {"12": 1}}', 'at least one no digit'],
    ['{"version_labels": {"sta-ble": 1}}', 'is not of letters'],
    ['{"version_labels": {"stable": "latest"}}', 'not a version'],
    ['{"model_version_policy": {"latest": {"num_versions": 0}}}', 'is none of'],
    ['{"model_version_policy": {"specific": {"versions": []}}}', 'is none of'],
    ['{"model_version_policy": {"all": {}, "latest": {}}}', 'is none of'],
    ['{"model_version_policy": "all"}', 'is none of'],
  ])('%s is refused in words', (text, words) => {
    expect(() => parseRules(text, '/models/m/versions.json')).toThrow(
      expect.objectContaining({ reason: 'BadConfiguration', message: expect.stringContaining(words) }),
    );
  });
});
