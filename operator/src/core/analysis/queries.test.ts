import { describe, expect, it } from '@jest/globals';
import { fillIn, worstOf } from './queries.ts';

describe('a query', () => {
  const variables = { namespace: 'team-a', name: 'digits', stable: 3, target: 4 };

  it('has its variables filled in, each as often as it is there', () => {
    const query =
      'errors{namespace="{{namespace}}",model="{{name}}",r="{{target}}"} - errors{r="{{stable}}"} / {{target}}';
    expect(fillIn(query, variables)).toBe('errors{namespace="team-a",model="digits",r="4"} - errors{r="3"} / 4');
  });

  it('is left alone otherwise, also where a variable holds one', () => {
    expect(fillIn('{{other}} $1 {{name}}', { ...variables, name: '{{stable}}$&' })).toBe('{{other}} $1 {{stable}}$&');
  });

  it('of several series is judged by the one furthest out of bounds', () => {
    const bounds = { name: 'a', query: 'a', min: 0, max: 10 };
    expect(worstOf([3, 9, 5], bounds)).toBe(9);
    expect(worstOf([3, 12, -1], bounds)).toBe(12);
    expect(worstOf([3, 12, -5, Infinity], bounds)).toBe(Infinity);
    expect(worstOf([3, 4], { name: 'a', query: 'a', min: 5 })).toBe(3);
  });
});
