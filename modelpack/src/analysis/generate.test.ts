import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { pageOf, sortOperations, tableOf } from './generate.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const REGISTRY = read('./operations.txt');

it('every operation of TensorFlow is sorted, and the table and its page are up to date', () => {
  const rows = sortOperations(REGISTRY);
  expect(rows).toHaveLength(REGISTRY.trim().split('\n').length);
  expect(tableOf(rows)).toBe(read('./operations.gen.ts'));
  expect(pageOf(rows)).toBe(read('../../../docs/reference/operations.md'));
});

it('an operation that a new version brings is named until somebody sorts it', () => {
  expect(() => sortOperations(`${REGISTRY}BrandNew! output\n`)).toThrow('BrandNew: what it may do is not sorted');
});

it('an operation that a new version no longer has is named', () => {
  expect(() => sortOperations(REGISTRY.replace(/^MatMul .*\n/m, ''))).toThrow(
    'MatMul: TensorFlow has no such operation',
  );
});
