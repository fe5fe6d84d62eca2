import type { Action } from '../core/actions.ts';
import { refusalMessage } from '../core/diagnose.ts';
import type { Failure, Refusal } from '../core/objects/writes.ts';
import { ApiError, isConflict, isForbidden, isNotFound } from '../runtime/index.ts';
import { NameConflictError, nameOf, StaleDecisionError } from './apply.ts';

/** The object has changed, or gone, since the decision: to be decided anew, and nothing to be told. */
export const isStale = ({ action, error }: Failure): boolean =>
  isConflict(error) || error instanceof StaleDecisionError || (action.do !== 'create' && isNotFound(error));

/** The namespace goes, and the ModelDeployment with it: there is nothing to do any more. */
export const isOfDyingNamespace = ({ error }: Failure): boolean =>
  isForbidden(error) && error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true;

/** What there is to tell of a write that failed. */
export function refusalOf({ action, error }: Failure): Refusal {
  const isStep = action.step !== undefined;
  const words = error instanceof Error ? error.message : String(error);
  if (error instanceof NameConflictError) return { reason: 'NameConflict', message: words, isStep };
  return { reason: reasonOf(action, error), message: refusalMessage(action.do, nameOf(action), words), isStep };
}

function reasonOf(action: Action, error: unknown): Refusal['reason'] {
  if (!(error instanceof ApiError)) return 'WriteFailed';
  // A webhook that gives no answer is told as an error of the server.
  const isRefused =
    (error.status >= 400 && error.status < 500 && error.status !== 429) || /webhook/i.test(error.message);
  if (!isRefused) return 'WriteFailed';
  return action.do === 'create' && action.kind === 'Pod' ? 'PodsRefused' : 'WriteRefused';
}
