import { describe, expect, it } from '@jest/globals';
import { CASES } from './cases.ts';
import { runCases } from './cases.run.ts';
import { readCrd, schemaOf, type Schema } from './generate/crd.ts';

const root = schemaOf(readCrd());
const spec = root.properties?.['spec'] ?? {};

/** Every schema below `schema` with its path, maps and lists by the path of the field that holds them. */
function walk(schema: Schema, path: string): [string, Schema][] {
  const values = typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : [];
  return [
    [path, schema],
    ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) => walk(value, `${path}.${key}`)),
    ...[...values, ...(schema.items === undefined ? [] : [schema.items])].flatMap((value) => walk(value, path)),
  ];
}

describe('the table of cases', () => {
  const fields = new Set(walk(spec, 'spec').map(([path]) => path));
  const of = (field: string, refused: boolean) =>
    CASES.some((one) => one.field === field && (one.refused !== undefined) === refused);

  it('has a right and a wrong value for every field of the spec', () => {
    const missing = [...fields].filter((field) => !of(field, true) || !of(field, false));
    expect(missing).toEqual([]);
  });

  it('breaks every rule of the CRD, so that each message is seen', () => {
    const messages = walk(root, '').flatMap(([, { 'x-kubernetes-validations': rules = [] }]) =>
      rules.map(({ message }) => message ?? ''),
    );
    const seen = CASES.flatMap(({ refused }) => refused ?? []);
    expect(messages.length).toBeGreaterThan(10);
    expect(messages.filter((message) => !seen.some((words) => message.includes(words)))).toEqual([]);
  });

  it('names fields that exist, or refuses them as unknown', () => {
    const unknown = CASES.filter(
      ({ field, refused }) =>
        !fields.has(field) && field !== 'metadata.name' && refused?.startsWith('unknown field') !== true,
    );
    expect(unknown).toEqual([]);
  });
});

describe('runCases', () => {
  const right = { field: 'spec', manifest: {} };
  const wrong = { field: 'spec', manifest: {}, refused: 'no good' };
  const accepts = () => Promise.resolve('created');
  const refuses = () => Promise.reject(Object.assign(new Error('exit code 1'), { stderr: 'this is no good' }));

  it('is silent when all comes out as written', async () => {
    expect(await runCases(accepts, [right])).toEqual([]);
    expect(await runCases(refuses, [wrong])).toEqual([]);
  });

  it('tells what was accepted or refused against expectation', async () => {
    expect(await runCases(accepts, [wrong])).toEqual([expect.stringContaining('it was accepted')]);
    expect(await runCases(refuses, [right])).toEqual([expect.stringContaining('this is no good')]);
    expect(await runCases(refuses, [{ ...wrong, refused: 'other words' }])).toHaveLength(1);
  });

  it('does not take a kubectl that cannot be run for a refusal', async () => {
    await expect(runCases(() => Promise.reject(new Error('ENOENT')), [wrong])).rejects.toThrow('ENOENT');
  });
});
