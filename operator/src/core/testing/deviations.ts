import { losses } from './losses.ts';
import { meddling } from './meddling.ts';
import { edits, policies } from './policies.ts';
import { deaths, people } from './people.ts';
import type { Move, Scenario } from './scenario.ts';
import type { Simulator } from './simulator.ts';

/** What may happen in a state that neither the operator nor Kubernetes does by itself: each kind names the moves of its own. */
type Deviations = (sim: Simulator, scenario: Scenario) => readonly Move[];

const KINDS: readonly Deviations[] = [
  people, // with kubectl
  deaths, // a version turns bad
  meddling, // objects of ours are relabelled, or deleted
  edits, // of templates, by somebody else
  policies, // admission changes what is written, or refuses it
  losses, // pods are gone for a while
];

export const deviations = (sim: Simulator, scenario: Scenario): readonly Move[] =>
  KINDS.flatMap((kind) => kind(sim, scenario));
