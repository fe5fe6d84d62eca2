import type { Trial } from '../../api/modeldeployment.gen.ts';

/** How the spec wants its target tried, whatever the strategy: a list of steps, and what follows the last one. */
export interface Course {
  strategy: Trial['strategy'];
  steps: readonly [Step, ...Step[]];
  /** After the last step all requests move at once, and the old pods are kept so long. */
  switchKeepMs: number | undefined;
  /** HTTPRoutes that carry the weights; without any the serving pods forward. */
  routes: readonly string[];
}

export interface Step {
  /** Percent of the requests that are forwarded. */
  weight: number;
  /** Percent of the requests of which a copy is sent. */
  mirror: number;
  /** It lasts at least so long… */
  minMs: number;
  /** …and then until a person goes on. */
  manual: boolean;
  /** Pods on trial. */
  size: number;
}

/** Whom the Service and the disruption budget select: every pod of the model, those that serve, or those on trial. */
export type Reach = 'all' | 'stable' | 'target';

/** Everything the next move of a trial depends on: small, so that every combination can be explored. */
export interface TrialFacts {
  /** Milliseconds since the epoch. */
  now: number;
  trial: Trial | undefined;
  /** Undefined when the target is to be had without a trial: it serves already, it failed, the strategy has none. */
  course: Course | undefined;
  /** Revisions the spec asks for, and the one that serves. */
  target: number;
  stable: number;
  replicas: number;
  /** The Deployment of the serving pods. */
  main: {
    /** Revision of its template; undefined when it is none of the history. */
    holds: number | undefined;
    paused: boolean;
    /** Every wanted pod is of that revision and available, no other is left. */
    complete: boolean;
    /** It has the bounds of the spec, not the wider ones of a hand-over. */
    bounded: boolean;
  };
  /** Ready pods of the serving revision, how many of its pods are wanted, and ready ones of any but it and the one on trial. */
  stableReady: number;
  stableWanted: number;
  /** None has answered for so long, for a cause, that it is dead; `deadInMs`: in how long it will be, if nothing changes. */
  stableDead: boolean;
  deadInMs: number | undefined;
  /** The trial then takes over by itself; else it is held until a person says so. */
  takesOver: boolean;
  /** Ready pods of the revision on trial, whichever Deployment has them. */
  trialReady: number;
  othersReady: number;
  /** Ready pods with which the serving revision keeps its promise: replicas − maxUnavailable. */
  least: number;
  /** The Deployment of the pods on trial; undefined once it is being deleted. */
  canary: { revision: number; replicas: number; ready: number } | undefined;
  /** It is still being deleted. */
  remains: boolean;
  /** Its Service is there. */
  preview: boolean;
  /** Until when pods that are going away may still pass requests on to that Service, in milliseconds since the epoch. */
  drainUntil: number | undefined;
  /** Who controls the ReplicaSet with the pods on trial. */
  set: 'none' | 'canary' | 'nobody' | 'main';
  /** That ReplicaSet also belongs to the ModelDeployment, so that it is never without an owner. */
  coOwned: boolean;
  /** The main Deployment has an empty ReplicaSet of the revision on trial, which it would fill instead of adopting ours. */
  twin: boolean;
  service: Reach | 'other';
  /** Every serving pod carries the annotation that the trial asks for now; `hushed`: none carries any. */
  announced: boolean;
  hushed: boolean;
  /** HTTPRoutes of a user. */
  routes: {
    /** Those of the course are there, and lead to the model. */
    usable: boolean;
    /** Those the trial has recorded say what it asks for now. */
    weighed: boolean;
    /** None of these says anything of a trial… */
    plain: boolean;
    /** …and the gateways know. */
    seen: boolean;
  };
  /** The revision on trial is given up: now, or remembered. */
  failed: boolean;
  /** A failed one is left as it stands for a person to look at, without requests. */
  keepFailed: boolean;
  /** The analysis has seen enough, and found nothing. */
  passed: boolean;
  /** What a person asks for, once. */
  request: 'Promote' | 'Pause' | 'Resume' | 'Retry' | undefined;
  /** A person paused the main Deployment. */
  pausedByUser: boolean;
}
