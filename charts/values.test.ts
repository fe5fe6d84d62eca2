import { describe, expect, it } from '@jest/globals';
import { makeSchema, makeTable, readValues } from './values.ts';

const VALUES = `
# First of all.
# @schema {minimum: 0}
replicas: 1
image:
  # Where | what.
  # @schema {minLength: 1}
  repository: mine
# Anything goes.
# @schema {additionalProperties: true}
resources:
  limits: {cpu: 1}
# By name.
labels: {}
`;

describe('what follows from the values of a chart', () => {
  it('describes every value by the comment before it', () => {
    expect(readValues(VALUES).map(({ path, description }) => [path, description])).toEqual([
      ['replicas', 'First of all.'],
      ['image.repository', 'Where | what.'],
      ['resources', 'Anything goes.'],
      ['labels', 'By name.'],
    ]);
  });

  it('refuses a value that nobody described, by its path', () => {
    expect(() => readValues('a:\n  b: 1\n')).toThrow('a.b has no comment');
  });

  it('takes types from defaults, and what a comment states beside them', () => {
    expect(makeSchema(VALUES)).toEqual({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      additionalProperties: false,
      properties: {
        global: { type: 'object' },
        replicas: { type: 'integer', minimum: 0 },
        image: {
          type: 'object',
          additionalProperties: false,
          properties: { repository: { type: 'string', minLength: 1 } },
        },
        resources: { type: 'object', additionalProperties: true },
        labels: { type: 'object' },
      },
    });
  });

  it('makes a table in which no value breaks the columns', () => {
    expect(makeTable(VALUES).split('\n')).toContain('| `image.repository` | `mine` | Where \\| what. |');
    expect(makeTable(VALUES).split('\n')).toContain('| `labels` | `{}` | By name. |');
  });
});
