import type { Style, Tone } from './style.ts';

export interface Canvas {
  /** Characters; Infinity where lines are not to be cut. */
  width: number;
  style: Style;
  /** Milliseconds since the epoch. */
  now: number;
}

const PHASE: Record<string, Tone> = {
  Ready: 'good',
  Pinned: 'good',
  Pending: 'busy',
  Progressing: 'busy',
  Trial: 'busy',
  Paused: 'busy',
  Degraded: 'bad',
  RolledBack: 'bad',
  Failed: 'bad',
  Stopped: 'off',
};
export const phaseTone = (phase: string | undefined): Tone => PHASE[phase ?? ''] ?? 'busy';

/** sha256:ab12cd34ef56 of the whole digest. */
export const shortDigest = (digest: string | undefined): string => digest?.slice(0, 'sha256:'.length + 12) ?? '';

/** What there is of the parts, with commas. */
export const listed = (parts: readonly (string | undefined)[]): string => parts.filter(Boolean).join(', ');
