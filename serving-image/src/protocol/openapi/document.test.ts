import { describe, expect, it } from '@jest/globals';
import { route } from '../route.ts';
import { openapi, OPERATIONS, type Described } from './document.ts';

const described: Described = {
  serverVersion: '1',
  models: ['m'],
  only: undefined,
  tokens: false,
  modelControl: true,
};

const documented = Object.entries(OPERATIONS).flatMap(([kind, { method, paths }]) =>
  paths.map((path) => [method.toUpperCase(), path, kind] as const),
);

describe('the OpenAPI document', () => {
  it.each(documented)('has %s %s, which the server takes for %s', (method, path, kind) => {
    const url = path.replace('{model}', 'm').replace('{version}', '1').replace('{label}', 'l').replace('{name}', 'm');
    expect(route(method, url).kind).toBe(kind);
  });

  it('names each operation once', () => {
    const { paths } = openapi(described) as { paths: Record<string, Record<string, { operationId: string }>> };
    const ids = Object.values(paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(documented.length);
  });

  it('tells the inputs of the only version, and leaves out what it cannot do', () => {
    const signature = { inputs: [{ name: 'x', dtype: 'FP32' as const, shape: [-1, 3] }], outputs: [] };
    const document = openapi({ ...described, only: { version: '1', signature, methods: [] } });
    expect(JSON.stringify(document)).toContain('"prefixItems":[{"type":"integer","minimum":1},{"const":3}]');
    expect(JSON.stringify(document)).not.toMatch(/classify|\{label\}/);
    expect(JSON.stringify(openapi(described))).toMatch(/classify.*\{label\}|\{label\}.*classify/);
  });

  it('has loading and unloading only where clients may do that', () => {
    expect(JSON.stringify(openapi({ ...described, modelControl: false }))).not.toContain('load"');
  });

  it('asks for a token where one is needed', () => {
    expect(openapi({ ...described, tokens: true })).toMatchObject({ security: [{ bearer: [] }] });
  });
});
