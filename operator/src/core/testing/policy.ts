import type { Action } from '../actions.ts';
import type { Refusal } from '../objects/writes.ts';
import type { Stored } from './store.ts';

/** Writes that the API server refuses, and how that is told. */
export type Refuses = (action: Action) => Omit<Refusal, 'isStep'> | undefined;

/** An admission policy, or a webhook. */
export interface Policy {
  name: string;
  /** What it makes of an object that is written; the object itself where it changes nothing. */
  admit?: (object: Stored) => Stored;
  refuses?: Refuses;
  /** It is never followed: only when it is gone the world is as it is to be. */
  isBad?: true;
}
