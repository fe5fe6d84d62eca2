/** What the supervisor and its workers say to each other. Sockets of new connections travel with `connection`. */
import type { FailureReport } from '@modeldeployment/modelpack/contract';
import type { Traffic } from '@modeldeployment/modelpack/traffic';
import type { EngineName } from '../model/types.ts';
import type { Snapshot } from './snapshot.ts';

export type ToWorker =
  | { type: 'connection' }
  /** Every answer from now on asks the client to close its connection. */
  | { type: 'drain' }
  /** No connection follows: finish what is open and exit. */
  | { type: 'stop' }
  /** What the traffic annotation says; absent when nothing is to be forwarded. */
  | { type: 'traffic'; traffic?: Traffic }
  | { type: 'snapshot'; ask: number }
  | { type: 'exposition'; ask: number; contentType: string; text: string };

export type ToSupervisor =
  | { type: 'ready'; model: string; version: string; engine: EngineName; loadSeconds: number; warmupSeconds: number }
  | { type: 'failed'; report: FailureReport }
  /** The event loop turns. */
  | { type: 'alive'; snapshot: Snapshot }
  /** Since the last message: connections that arrived here, and those that ended. */
  | { type: 'connections'; taken: number; closed: number }
  /** This worker has lost too much memory to failed runs and wants to be replaced. */
  | { type: 'retire' }
  | { type: 'snapshot'; ask: number; snapshot: Snapshot }
  | { type: 'exposition'; ask: number };

/** How often a worker says that it is alive, in milliseconds. */
export const ALIVE_MS = 1000;
