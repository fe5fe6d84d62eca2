import { FAILURE, type FailureReason } from '@modeldeployment/modelpack/contract';

/**
 * Every condition type and reason of a ModelDeployment, each with its one-line meaning. This is the only place that
 * names them; docs/troubleshooting.md must say what to do about each (a test compares).
 */
export const CONDITIONS = {
  Ready: 'the revision that the spec asks for is rolled out and every pod of it answers',
  Available: 'enough pods answer, of whatever revision',
  Progressing: 'a revision is being resolved or rolled out',
  ModelLoaded: 'a pod reports that it has loaded the target revision and answered its warm-up',
  RolledBack: 'another revision than the one of spec.model serves, on purpose',
  Stalled: 'nothing will move until the cause is mended',
  ServerOutdated: 'the serving pods run an older serving image than the operator brings',
  NonFiniteOutputs: 'answers to requests made up for the warm-up had a NaN or an infinity; nothing is decided by it',
} as const;

export type ConditionType = keyof typeof CONDITIONS;

const OWN_REASONS = {
  // fine
  Serving: 'the target revision serves',
  Pinned: 'spec.rollbackTo without from holds this revision until it is removed',
  ScaledToZero: 'spec.replicas is 0',
  AsExpected: 'nothing to report',
  // moving
  ResolvingDigest: 'the tag of the model is being resolved to a digest',
  RollingOut: 'pods of the target revision are being started',
  FetchingModel: 'pods of the target revision are fetching the model',
  LoadingModel: 'pods of the target revision are loading the model and warming up',
  RolledOut: 'the rollout is complete',
  OnTrial: 'the target revision is on trial beside the one that serves',
  TrialPaused: 'the trial waits for a person: rollout.action Resume, Promote or Abort',
  GatewayAPIUnavailable: 'the trial waits: the cluster has no HTTPRoutes, or the operator may not write them',
  HTTPRouteUnusable:
    'the trial waits: an HTTPRoute that is to carry its weights is missing, or does not lead to the model',
  StableUnavailable: 'no pod of the revision that serves answers while another is on trial',
  PausedByUser: 'the Deployment was paused with kubectl rollout pause',
  WaitingForPods: 'pods that should answer do not, they are being restarted or replaced',
  // going back
  AutomaticRollback: 'the target revision failed; the last good revision serves',
  RollbackRequested: 'spec.rollbackTo asks for an earlier revision',
  RollbackSpent: 'spec.rollbackTo no longer counts, because the spec asks for another model than it was meant against',
  Aborted: 'a person took the target revision back by rollout.action Abort',
  AnalysisFailed: 'the revision on trial was worse than the one that serves',
  // what a container cannot report about itself
  ImageNotFound: 'the registry has no such serving image, or its name is not valid',
  ImagePullFailed: 'the serving image could not be pulled',
  Unschedulable: 'no node has room for the pod, or may take it',
  PodsRefused: 'the API server refuses to create pods (a quota, a policy)',
  WriteRefused: 'the API server refuses a write of the operator (a right that is missing, a policy)',
  WriteFailed: 'a write of the operator was not carried out; it is tried again',
  OutOfMemory: 'a container needed more memory than its limit',
  ProgressDeadlineExceeded: 'nothing advanced for progressDeadlineSeconds',
  RevisionNotFound: 'spec.rollbackTo names a revision that does not exist',
  NameConflict: 'an object that this ModelDeployment needs exists already and belongs to somebody else',
  AdmissionRefused: 'admission (a policy, a webhook) changes what the operator writes in a way it cannot follow',
  RevisionLost: 'the history lacks the revision that serves or the one that failed, and it cannot be written again',
  // the model
  NonFiniteWarmup: 'answers to requests made up for the warm-up had a NaN or an infinity',
  // serving image
  NewerServingImage: 'the operator brings a newer serving image',
} as const;

export const REASONS: Record<Reason, string> = {
  ...OWN_REASONS,
  ...(Object.fromEntries(Object.entries(FAILURE).map(([reason, { meaning }]) => [reason, meaning])) as Record<
    FailureReason,
    string
  >),
};

export type Reason = keyof typeof OWN_REASONS | FailureReason;

/** Reasons of Kubernetes Events, each with its meaning (docs/troubleshooting.md). */
export const EVENTS = {
  RevisionCreated: 'a new revision was recorded',
  RolloutStarted: 'the Deployment was given another revision',
  RolloutComplete: 'the revision is rolled out',
  RolloutFailed: 'the revision could not be rolled out',
  RolledBack: 'the last good revision was put back',
  TrialStarted: 'a revision is on trial beside the one that serves',
  TrialStep: 'the revision on trial gets requests, or more of them',
  TrialPaused: 'the trial waits for a person',
  TrialHeld: 'the trial waits for a usable HTTPRoute',
  StableUnavailable: 'pods of the revision that serves crash or cannot start, and none answers',
  TrialSwitched: 'all requests go to the revision on trial, the old pods are kept',
  TrialPromoted: 'the revision on trial takes over',
  TrialEnded: 'the revision on trial is taken away',
  ManualUndoAdopted: 'a kubectl rollout undo became the wanted state',
  ManualUndoReverted: 'a kubectl rollout undo was taken back',
  ManualEditReverted: 'a change of the pod template by hand was taken back',
  RollbackSpent: 'spec.rollbackTo no longer counts',
  ResolveFailed: 'the tag of the model could not be resolved',
  ActionDone: 'a rollout.action was carried out',
  NameConflict: 'a name that is needed belongs to another object',
  WriteRefused: 'a write of the operator failed; it is tried again',
  AdmissionAccepted: 'admission changed what the operator wrote, and it is left so',
  AdmissionRefused: 'admission changes what the operator writes in a way it cannot follow',
  RevisionLost: 'the history lacks a revision that is needed, and it cannot be written again',
  NonFiniteOutputs: 'answers of a revision to requests made up for its warm-up had a NaN or an infinity',
  RevisionRestored: 'a ControllerRevision that somebody deleted was written again',
} as const;

export type EventReason = keyof typeof EVENTS;

/** `action` of every event, required by events.k8s.io; the reason says what was done. */
export const EVENT_ACTION = 'Reconcile';
