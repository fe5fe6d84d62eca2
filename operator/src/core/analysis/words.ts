import type { Difference } from '@modeldeployment/modelpack/traffic';
import { type Count, rateOf } from './evidence.ts';

const WHOLE = new Intl.NumberFormat('en-US');

/** 9120 → "9,120" */
export const whole = (number: number): string => WHOLE.format(number);

/** Two digits are enough to compare: 0.025 → "2.5 %". */
export function percent(rate: number): string {
  const value = rate * 100;
  return `${value >= 10 ? Math.round(value) : Number(value.toPrecision(2))} %`;
}

/** "12 of 480" */
export const share = ({ hits, total }: Count): string => `${whole(hits)} of ${whole(total)}`;

/** "1 of 9,120 (0.011 %)" */
export const shareAndRate = (count: Count): string => `${share(count)} (${percent(rateOf(count))})`;

/** 0.3548 → "0.35 ms", 1413 → "1.4 s"; beyond the last bound of the histogram there is no number. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return 'more than 60 s';
  const [value, unit] = ms < 1000 ? [ms, 'ms'] : [ms / 1000, 's'];
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(2))} ${unit}`;
}

/** ", for example scores[3]: 0.91 instead of 0.12" */
export function exampleOf([example]: readonly Difference[]): string {
  if (example === undefined) return '';
  const { output, element, stable, target } = example;
  return `, for example ${output}[${element}]: ${target} instead of ${stable}`;
}
