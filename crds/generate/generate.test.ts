import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { makeChartTemplate } from './chart.ts';
import { readCrd, schemaOf, type Schema } from './crd.ts';
import { makeReference } from './reference.ts';
import { makeDefaults, makeTypes } from './types.ts';

const crd = readCrd();
const root = schemaOf(crd);

interface Node {
  path: string;
  schema: Schema;
}

function walk(schema: Schema, path: string): Node[] {
  const { properties = {}, items, additionalProperties } = schema;
  return [
    { path, schema },
    ...Object.entries(properties).flatMap(([key, value]) => walk(value, `${path}.${key}`)),
    ...(items === undefined ? [] : walk(items, `${path}[]`)),
    ...(typeof additionalProperties === 'object' ? walk(additionalProperties, `${path}{}`) : []),
  ];
}

const nodes = Object.entries(root.properties ?? {})
  .filter(([key]) => key === 'spec' || key === 'status')
  .flatMap(([key, value]) => walk(value, key));
const pathsOf = (wrong: (schema: Schema) => boolean): string[] =>
  nodes.filter(({ schema }) => wrong(schema)).map(({ path }) => path);

describe('the CRD', () => {
  it('gives every node a type, or says that it is a number or text', () => {
    expect(nodes.length).toBeGreaterThan(60);
    expect(
      pathsOf(({ type, ...rest }) => (type === undefined) !== (rest['x-kubernetes-int-or-string'] === true)),
    ).toEqual([]);
  });

  it('describes every field for kubectl explain', () => {
    const fields = nodes.filter(({ path }) => !/(\[\]|\{\})$/.test(path));
    expect(fields.filter(({ schema }) => !schema.description).map(({ path }) => path)).toEqual([]);
  });

  it('bounds every text and map that people write, so that rules stay cheap and objects small', () => {
    const written = nodes.filter(({ path }) => path.startsWith('spec'));
    const unbounded = written.filter(
      ({ schema: { type, enum: values, maxLength, additionalProperties, maxProperties } }) =>
        (type === 'string' && values === undefined && maxLength === undefined) ||
        (additionalProperties !== undefined && maxProperties === undefined),
    );
    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  it('has a message for every rule', () => {
    const silent = ({ 'x-kubernetes-validations': rules = [] }: Schema) => rules.some(({ message }) => !message);
    expect(pathsOf(silent)).toEqual([]);
  });

  it('has defaults that its own bounds allow', () => {
    const wrong = ({ default: value, enum: values, minimum = -Infinity, maximum = Infinity }: Schema) =>
      (values !== undefined && value !== undefined && !values.includes(value)) ||
      (typeof value === 'number' && (value < minimum || value > maximum));
    expect(pathsOf(wrong)).toEqual([]);
  });

  it('says the same in the default of an object as in the defaults of its fields', () => {
    for (const { schema } of nodes) {
      if (typeof schema.default !== 'object' || schema.default === null) continue;
      for (const [key, value] of Object.entries(schema.default))
        expect(schema.properties?.[key]?.default).toEqual(value);
    }
  });
});

describe('the types', () => {
  it('are interfaces with the names that people use', async () => {
    const code = await makeTypes(root);
    for (const name of ['ModelDeployment', 'ModelDeploymentSpec', 'Model', 'Server', 'Rollout', 'Condition']) {
      expect(code).toContain(`export interface ${name} {`);
    }
    expect(code).toContain('maxSurge?: number | string;');
    expect(code).not.toMatch(/: (any|unknown)\b|\w+1 \{/);
  });

  it('leave a field with a default optional, and a list with a bound a list', async () => {
    const code = await makeTypes({
      type: 'object',
      required: ['names'],
      properties: {
        names: { type: 'array', items: { type: 'string' }, maxItems: 3 } as Schema,
        size: { type: 'integer', default: 1 },
      },
    });
    expect(code).toContain('names: string[];');
    expect(code).toContain('size?: number;');
  });
});

describe('the defaults', () => {
  it('are nested like the object, and leave out what has none', () => {
    const code = makeDefaults({
      properties: {
        a: { type: 'object', default: {}, properties: { b: { type: 'integer', default: 3 }, c: { type: 'string' } } },
        d: { type: 'object', properties: { e: { type: 'string' } } },
      },
    });
    expect(JSON.parse(/\{[^]*\}/.exec(code)?.[0] ?? '')).toEqual({ a: { b: 3 } });
  });
});

describe('the template of the chart', () => {
  const template = makeChartTemplate(crd);
  // What is left when helm has taken its part away, and has put what looks like it back.
  const plain = template
    .replaceAll('{{ "{{" }}', '<braces>')
    .replaceAll(/^.*\{\{.*$\n/gm, '')
    .replaceAll('<braces>', '{{');

  it('holds the same CRD, without anchors', () => {
    const { spec } = parse(plain) as { spec: unknown };
    expect(spec).toEqual((crd as unknown as { spec: unknown }).spec);
    expect(template).not.toMatch(/[&*]\w+$|<<:/m);
  });

  it('stays far below the size at which kubectl apply refuses an object', () => {
    expect(Buffer.byteLength(JSON.stringify(crd))).toBeLessThan(60 * 1024);
    expect(Buffer.byteLength(template)).toBeLessThan(60 * 1024);
  });

  it('lets no text of the CRD look like a template', () => {
    const tricky = structuredClone(crd);
    schemaOf(tricky).description = 'a {{ .Values.secret }}';
    expect(makeChartTemplate(tricky)).toContain('{{ "{{" }} .Values.secret }}');
  });
});

describe('the reference', () => {
  const text = makeReference(root);

  it('has a section for every field, with its rules in the words of the API server', () => {
    for (const { path } of nodes.filter(({ path }) => path.includes('.') && !/(\[\]|\{\})$/.test(path))) {
      expect(text).toContain(`### \`${path}\``);
    }
    expect(text).toContain('- a request must not be larger than its limit');
    expect(text).toContain('integer · from 10 · to 86400 · default `300`');
  });
});
