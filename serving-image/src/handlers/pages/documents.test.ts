import { describe, expect, it } from '@jest/globals';
import type { ServedModel } from '../../model/types.ts';
import type { IndexEntry } from '../../protocol/v2/metadata.ts';
import type { ServerContext } from '../context.ts';
import { documentOf } from './documents.ts';

const entry = (name: string, version = '1'): IndexEntry => ({ name, version, state: 'READY', reason: '' });
const model = (): ServedModel =>
  ({ defaultSignature: 'd', signatures: new Map([['d', { inputs: [], outputs: [] }]]) }) as unknown as ServedModel;

describe('a document', () => {
  let index = [entry('m')];
  let served = model();
  const service = {
    serverVersion: '1',
    needsToken: false,
    models: { index: () => index, find: () => ({ model: served }) },
  } as unknown as ServerContext;
  const text = async (kind: 'openapi' | 'docs') => String((await documentOf(service, kind)).body);

  it.each(['openapi', 'docs'] as const)('is made once, until other models are served: %s', async (kind) => {
    [index, served] = [[entry('m')], model()];
    const first = await documentOf(service, kind);
    index = [entry('m')];
    expect(await documentOf(service, kind)).toBe(first);

    served = model();
    const reloaded = await documentOf(service, kind);
    expect(reloaded).not.toBe(first);
    expect(reloaded).toEqual(first);

    index = [entry('m'), entry('other')];
    expect(await text(kind)).toContain('other');
    index = [entry('m')];
    expect(await text(kind)).not.toContain('other');
  });
});
