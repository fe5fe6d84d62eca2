import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Signature, TensorSpec } from '../model/types.ts';
import { attribute, constant, placeholder, writeSavedModel, type GraphNode } from '../../testing/saved-model.ts';
import { findModel } from './repository.ts';

const text = (name: string): TensorSpec => ({ name, dtype: 'BYTES', shape: [-1] });
const SIGNATURE: Signature = { inputs: [text('x')], outputs: [text('y')] };

let repository: string;
beforeEach(() => {
  repository = mkdtempSync(join(tmpdir(), 'repository-'));
});
afterEach(() => rmSync(repository, { recursive: true, force: true }));

const folder = () => join(repository, 'm', '1');
const write = (nodes: readonly GraphNode[], extra?: Parameters<typeof writeSavedModel>[3]) =>
  writeSavedModel(folder(), [placeholder(text('x')), ...nodes], SIGNATURE, extra);
const find = (effects = false) => findModel({ repository, name: 'm', version: '1', format: 'auto', effects });
const answer = (...inputs: string[]): GraphNode => ({
  name: 'y',
  op: 'Identity',
  input: inputs,
  attributes: { T: attribute.type('BYTES') },
});

describe('a SavedModel', () => {
  it('is refused when its only signature reads a file, with the node and the reason', async () => {
    await write([{ name: 'read', op: 'ReadFile', input: ['x'] }, answer('read')]);
    await expect(find()).rejects.toMatchObject({
      reason: 'ModelRefused',
      message: expect.stringMatching(/signature serving_default .* node read is a ReadFile: .*files/),
    });
  });

  it('is served when nothing that is asked for reaches the file', async () => {
    await write([{ name: 'read', op: 'ReadFile', input: ['x'] }, answer('x')]);
    expect([...(await find()).signatures.keys()]).toEqual(['serving_default']);
  });

  it('whose signature changes its state is served only where that is asked for', async () => {
    await write([
      { name: 'table', op: 'HashTableV2' },
      { name: 'put', op: 'LookupTableInsertV2', input: ['table', 'x', 'x'] },
      answer('x', '^put'),
    ]);
    await expect(find()).rejects.toMatchObject({
      reason: 'ModelRefused',
      message: expect.stringContaining('SERVE_EFFECTS=true'),
    });
    expect((await find(true)).judged.get('serving_default')?.effects).toBe(true);
  });

  it('that is kept for a test of the cluster is refused', async () => {
    const models = fileURLToPath(new URL('../../../models', import.meta.url));
    await expect(
      findModel({ repository: models, name: 'broken', version: 'refused-op', format: 'auto', effects: false }),
    ).rejects.toMatchObject({ reason: 'ModelRefused', message: expect.stringContaining('ReadFile') });
  });
});

describe('a vocabulary of a SavedModel', () => {
  const table: GraphNode[] = [
    constant('file', 'BYTES', [0], new Uint8Array(0)),
    { name: 'table', op: 'HashTableV2' },
    { name: 'init', op: 'InitializeTableFromTextFileV2', input: ['table', 'file'] },
    answer('x'),
  ];
  const assets = { assets: [{ tensor: 'file:0', file: 'words.txt' }], initialiser: 'init' };

  it('may be a file of its assets', async () => {
    await write(table, assets);
    mkdirSync(join(folder(), 'assets'));
    writeFileSync(join(folder(), 'assets/words.txt'), 'red\n');
    expect((await find()).refused).toEqual([]);
  });

  it('may not be a link that leads elsewhere', async () => {
    await write(table, assets);
    writeFileSync(join(repository, 'secret'), 'red\n');
    mkdirSync(join(folder(), 'assets'));
    symlinkSync(join(repository, 'secret'), join(folder(), 'assets/words.txt'));
    await expect(find()).rejects.toMatchObject({ reason: 'ModelRefused', message: expect.stringContaining('link') });
  });

  it('may not be any other file', async () => {
    await write(table, { initialiser: 'init' });
    await expect(find()).rejects.toMatchObject({ reason: 'ModelRefused', message: expect.stringContaining('assets') });
  });
});
