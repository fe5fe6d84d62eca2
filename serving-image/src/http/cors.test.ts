import { describe, expect, it } from '@jest/globals';
import { RequestError } from '../errors.ts';
import { Cors } from './cors.ts';
import { written } from './serialize-response.ts';

const cors = new Cors(['https://a.example', 'http://b.example:8080']);

describe('answers to a browser', () => {
  it.each(['https://a.example', 'http://b.example:8080'])('let %s read them', (origin) => {
    expect(cors.headersFor({ origin })).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' });
  });

  it.each([
    undefined,
    'https://a.example.evil',
    'http://a.example',
    'https://a.example:443',
    'null',
    'https://A.example',
  ])('let %s not, and are not kept for another origin', (origin) => {
    expect(cors.headersFor(origin === undefined ? {} : { origin })).toEqual({ vary: 'Origin' });
  });

  it('let all read them when that is wished', () => {
    const any = new Cors(['*']);
    expect(any.headersFor({ origin: 'https://x' })).toMatchObject({ 'access-control-allow-origin': '*' });
    expect(any.headersFor({})).toMatchObject({ 'access-control-allow-origin': '*' });
  });

  it.each([
    ['an answer', { type: 'a/b', body: 'x', headers: { 'Access-Control-Allow-Origin': '*', 'X-Id': '7' } }],
    ['a refusal', new RequestError(400, 'x', { 'Access-Control-Allow-Origin': '*', 'X-Id': '7' })],
  ])('say it once, whatever %s says', (_, outcome) => {
    const text = written(outcome, false, cors.headersFor({ origin: 'https://a.example' })).toString();
    expect(text.match(/^access-control-allow-origin: .*$/gim)).toEqual([
      'access-control-allow-origin: https://a.example',
    ]);
    expect(text).toContain('X-Id: 7');
  });
});
