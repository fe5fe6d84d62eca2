import type { ModelDeploymentStatus } from '../api/modeldeployment.gen.ts';
import type { Finding } from './diagnose.ts';
import type { Aim } from './rollout.ts';
import type { Rollback } from './target.ts';

type LastAction = ModelDeploymentStatus['lastAction'];

/** What the decisions came to, for the status to tell. */
export type Situation =
  | { kind: 'conflict'; message: string }
  | { kind: 'missing'; message: string; rollback: Rollback }
  /** The target's digest is not known yet. */
  | { kind: 'resolving'; finding: Finding | undefined; rollback: Rollback; lastAction: LastAction }
  | {
      kind: 'serving';
      aim: Aim;
      rollback: Rollback;
      /** The Deployment holds aim.effective. */
      deployed: boolean;
      /** All its pods do, and answer. */
      complete: boolean;
      /** What ails pods of the wanted revision. */
      finding: Finding | undefined;
      /** Given up in this very pass. */
      failure: Finding | undefined;
      /** The wanted revision answers: an earlier failure of it is forgotten. */
      healed: boolean;
      lastAction: LastAction;
    };
