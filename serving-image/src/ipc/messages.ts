/** What the supervisor and its workers say to each other. Sockets of new connections travel with `connection`. */
import type { FailureReport } from '@modeldeployment/modelpack/contract';
import type { Traffic } from '@modeldeployment/modelpack/traffic';
import type { Catalog } from '../model/catalog.ts';
import type { EngineChoice } from '../model/types.ts';
import type { Exposition, Page } from '../telemetry/exposition.ts';
import type { Snapshot } from './snapshot.ts';

/** What is spoken on a connection. */
export const TRANSPORTS = ['http', 'grpc'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** First bytes of a connection, read to see which model it asks for; base64. */
export type Head = string;

export type ToWorker =
  /** A socket; the supervisor keeps a copy until it is `taken`, and gives it to another worker when this one dies. */
  | { type: 'connection'; connection: number; transport: Transport; head?: Head }
  /** What all workers together serve, whenever that has changed. */
  | { type: 'catalog'; catalog: Catalog }
  /** From now on clients are asked to connect anew: with every answer, or at once where the transport can say so. */
  | { type: 'drain' }
  /** Give connections back that are between two requests, up to this many, so that others get their share; of gRPC have clients connect anew. */
  | { type: 'giveBack'; transport: Transport; count: number }
  /** No connection follows: give all back or end them, each when its requests are answered, and exit. */
  | { type: 'leave' }
  /** No connection follows: finish what is open, close it, and exit. */
  | { type: 'stop' }
  /** What the traffic annotation says; absent when nothing is to be forwarded. */
  | { type: 'traffic'; traffic?: Traffic }
  | { type: 'snapshot'; requestId: number }
  | ({ type: 'exposition'; requestId: number } & Exposition)
  /** The order is carried out, and all workers know; or why it is not. */
  | { type: 'ordered'; requestId: number; refused?: { status: number; message: string } };

export type ToSupervisor =
  | ({ type: 'ready'; model: string; version: string; loadSeconds: number; warmupSeconds: number } & EngineChoice)
  /** The model is loaded and has answered its own requests; what follows may end this process and tells nothing against it. */
  | { type: 'trying' }
  | { type: 'failed'; report: FailureReport }
  /** The event loop turns. */
  | { type: 'alive'; snapshot: Snapshot }
  /** Said before the first byte of the connection is read: from now on nobody else can answer it. */
  | { type: 'taken'; connection: number }
  /** With the socket of a connection of which this worker has read nothing that is not answered. */
  | { type: 'returned' }
  /** Connections that ended since the last message. */
  | { type: 'closed'; transport: Transport; count: number }
  | { type: 'snapshot'; requestId: number; snapshot: Snapshot }
  | { type: 'exposition'; requestId: number; page: Page }
  /** A client wants a model to be served, or not to be. */
  | { type: 'order'; requestId: number; action: 'load' | 'unload'; model: string };

/** How often a worker says that it is alive, in milliseconds. */
export const ALIVE_MS = 1000;
