import type { FullSpec } from '../../api/defaults.ts';
import type { Course } from './facts.ts';

/** How far a trial has come; before it begins, nothing of it. */
export interface Progress {
  /** Step it is at, from 1. */
  step: number;
  /** A person holds it. */
  paused: boolean;
  /** The analysis has seen enough, and found nothing. */
  passed: boolean;
}

/**
 * Whether a trial ends in a takeover by itself once the revision that serves is dead. What waits for a person goes on
 * waiting, and a Shadow answers nobody before its verdict; unless the spec says that a dead revision matters more.
 */
export function takesOver(
  { steps, strategy }: Course,
  { step, paused, passed }: Progress,
  { whenStableDies }: FullSpec['rollout'],
): boolean {
  if (whenStableDies === 'TakeOver') return true;
  const byHand = paused || steps.slice(step - 1).some(({ manual }) => manual);
  return !byHand && (strategy !== 'Shadow' || passed);
}
