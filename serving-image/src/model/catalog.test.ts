import { describe, expect, it } from '@jest/globals';
import { find, type Catalog } from './catalog.ts';

const catalog: Catalog = {
  models: [
    {
      name: 'm',
      versions: [
        { version: '4', state: 'END', error: 'broken', sockets: [] },
        { version: '3', state: 'AVAILABLE', sockets: ['/3'] },
        { version: '2', state: 'LOADING', sockets: [] },
      ],
      labels: { stable: '3', next: '2' },
      latest: '3',
    },
    { name: 'new', versions: [{ version: '1', state: 'LOADING', sockets: [] }], labels: {}, notReady: 'loading' },
  ],
};

const version = (asked: Parameters<typeof find>[1]) => {
  const finding = find(catalog, asked);
  return 'version' in finding ? finding.version.version : finding;
};

describe('the version for a request', () => {
  it('is the latest that is served when none is named', () => {
    expect(version({ model: 'm' })).toBe('3');
    expect(version({ model: 'new' })).toEqual({ unavailable: 'loading' });
  });

  it('may be asked for by number or by label, and by label where a number is expected', () => {
    expect(version({ model: 'm', version: '3' })).toBe('3');
    expect(version({ model: 'm', label: 'stable' })).toBe('3');
    expect(version({ model: 'm', version: 'stable' })).toBe('3');
  });

  it('is told apart: unknown, loading, failed', () => {
    expect(version({ model: 'x' })).toEqual({ missing: 'model' });
    expect(version({ model: 'm', version: '9' })).toEqual({ missing: 'version' });
    expect(version({ model: 'm', label: 'canary' })).toEqual({ missing: 'label' });
    expect(version({ model: 'm', label: 'constructor' })).toEqual({ missing: 'label' });
    expect(version({ model: 'm', version: 'constructor' })).toEqual({ missing: 'version' });
    expect(version({ model: 'm', version: '2' })).toEqual({ unavailable: 'the version is being loaded' });
    expect(version({ model: 'm', version: '4' })).toEqual({ unavailable: 'broken' });
  });
});
