const UNITS: readonly [string, number][] = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
];

/** A span as kubectl writes it: 35s, 5m, 5m20s, 3h, 2d. Empty for what is no time. */
export function spanOf(seconds: number): string {
  if (Number.isNaN(seconds)) return '';
  const whole = Math.max(0, Math.floor(seconds));
  const index = UNITS.findIndex(([, size]) => whole >= size);
  const [unit, size] = UNITS[index] ?? ['s', 1];
  const [next, nextSize] = UNITS[index + 1] ?? ['', Infinity];
  const count = Math.floor(whole / size);
  const rest = Math.floor((whole % size) / nextSize);
  return `${count}${unit}${count < 10 && rest > 0 ? `${rest}${next}` : ''}`;
}

/** Seconds from an RFC 3339 time to `now` (milliseconds); NaN for what is no time. */
export const secondsSince = (time: string | undefined, now: number): number => (now - Date.parse(time ?? '')) / 1000;

export const ageOf = (time: string | undefined, now: number): string => spanOf(secondsSince(time, now));
