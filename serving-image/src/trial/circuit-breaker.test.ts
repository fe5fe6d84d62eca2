import { describe, expect, it } from '@jest/globals';
import { CircuitBreaker } from './circuit-breaker.ts';

function broken(failures: number) {
  const clock = { now: 0 };
  const breaker = new CircuitBreaker(() => clock.now);
  for (let i = 0; i < failures; i++) breaker.failed();
  return { clock, breaker };
}

describe('a revision on trial', () => {
  it('is asked on after four failures in a row', () => {
    expect(broken(4).breaker.allows()).toBe(true);
  });

  it('is left alone for a second after five, then asked once', () => {
    const { clock, breaker } = broken(5);
    clock.now = 999;
    expect(breaker.allows()).toBe(false);
    clock.now = 1000;
    expect([breaker.allows(), breaker.allows()]).toEqual([true, false]);
  });

  it('whose failures are interrupted by one answer is asked on', () => {
    const { breaker } = broken(4);
    breaker.succeeded();
    for (let i = 0; i < 4; i++) breaker.failed();
    expect(breaker.allows()).toBe(true);
  });

  it('gets twice the pause each time, up to ten seconds, until it answers', () => {
    const { clock, breaker } = broken(5);
    const asked: number[] = [];
    for (; clock.now < 40_000; clock.now += 100) {
      if (!breaker.allows()) continue;
      asked.push(clock.now);
      breaker.failed();
    }
    expect(asked).toEqual([1000, 3000, 7000, 15_000, 25_000, 35_000]);
    breaker.succeeded();
    expect([breaker.allows(), breaker.allows()]).toEqual([true, true]);
  });

  it('with many requests under way when it dies is asked again after the first pause', () => {
    const { clock, breaker } = broken(64);
    clock.now = 1000;
    expect(breaker.allows()).toBe(true);
  });
});
