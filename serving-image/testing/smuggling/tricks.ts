import { CHUNKS, CODINGS, LENGTHS } from './body-tricks.ts';
import { MOMENTS, OPTIONS } from './connection-tricks.ts';
import { HEADS } from './head-tricks.ts';
import type { Trick } from './requests.ts';

export const TRICKS: readonly Trick[] = [...OPTIONS, ...LENGTHS, ...CODINGS, ...CHUNKS, ...HEADS, ...MOMENTS];
