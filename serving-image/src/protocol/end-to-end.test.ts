import { describe, expect, it } from '@jest/globals';
import { endToEnd } from './end-to-end.ts';

describe('headers that are passed on', () => {
  it('are those of the message, not those of the connection', () => {
    const headers = {
      connection: 'keep-alive, X-Private',
      'keep-alive': 'timeout=5',
      'x-private': '1',
      'x-id': '7',
      te: 'trailers',
    };
    expect(endToEnd({ ...headers, 'set-cookie': ['a', 'b'] })).toEqual({ 'x-id': '7', 'set-cookie': ['a', 'b'] });
  });

  it('are less those that are named', () => {
    expect(endToEnd({ host: 'a', accept: 'b' }, new Set(['host']))).toEqual({ accept: 'b' });
  });
});
