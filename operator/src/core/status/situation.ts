import type { Baking, ModelDeploymentStatus, Trial } from '../../api/modeldeployment.gen.ts';
import type { Aim } from '../targeting/aim.ts';
import type { Finding } from '../diagnose.ts';
import type { Rollback } from '../targeting/target.ts';

type LastAction = ModelDeploymentStatus['lastAction'];

/** What the decisions came to, for the status to tell. */
export type Situation =
  | { kind: 'missing'; message: string; rollback: Rollback; trial: Trial | undefined }
  /** The history lacks what serves, or what failed, and it could not be written again. */
  | { kind: 'lost'; message: string; trial: Trial | undefined }
  /** The target's digest is not known yet. */
  | {
      kind: 'resolving';
      finding: Finding | undefined;
      rollback: Rollback;
      trial: Trial | undefined;
      lastAction: LastAction;
    }
  | {
      kind: 'serving';
      aim: Aim;
      rollback: Rollback;
      /** Revision that was last written into the Deployment. */
      deployed: number | undefined;
      /** The Deployment holds aim.effective. */
      settled: boolean;
      /** All its pods do, and answer, and nothing is on trial. */
      complete: boolean;
      trial: Trial | undefined;
      baking: Baking | undefined;
      /** What ails pods of the wanted revision. */
      finding: Finding | undefined;
      /** Given up in this very pass. */
      failure: Finding | undefined;
      /** The wanted revision answers: an earlier failure of it is forgotten. */
      healed: boolean;
      lastAction: LastAction;
    };
