/**
 * Two revisions in one process, without sockets: the code of the stable server and of the server on trial that shares out, forwards
 * and counts requests, and the code of the operator that judges the counts. Time is a number. Only the models are made up.
 */
import { setImmediate as turn } from 'node:timers/promises';
import {
  FORWARDED_HEADER,
  OVERLOADED_HEADER,
  type Traffic,
  UNCOUNTED_HEADER,
} from '@modeldeployment/modelpack/traffic';
import { parseReport, type PodReport } from '../../operator/src/core/analysis/counts.ts';
import { judgeTrial, type TrialVerdict } from '../../operator/src/core/analysis/judge.ts';

import type { Answered, TrialRequest, Reply } from '../../serving-image/src/trial/trial-request.ts';
import { Trial } from '../../serving-image/src/trial/trial.ts';
import {
  badRequest,
  deadlineExceeded,
  internalError,
  queueFull,
  RequestError,
  ClientGone,
} from '../../serving-image/src/errors.ts';
import { Forwarding } from '../../serving-image/src/telemetry/trial-metrics.ts';
import { Meter } from '../../serving-image/src/telemetry/meter.ts';

const VERSION = { stable: '1', target: '2' } as const;
export type Server = keyof typeof VERSION;

export interface Request {
  peer: string;
  bytes?: number;
  version?: string;
  /** After so many milliseconds its client wants no answer. */
  timeoutMs?: number;
  /** Its copy cannot be sent. */
  unsendable?: boolean;
  /** The server is asked for too much already. */
  overloads?: Server;
  /** The client leaves before it has an answer of the stable server. */
  leaves?: boolean;
  /** What each revision makes of it. */
  outcome: (server: Server) => Outcome;
}

export interface Outcome {
  ms: number;
  is: 'answer' | 'NaN' | 'refused' | 'failed';
  /** Of the answer. */
  value?: number;
}

export const LIMITS = { minRequests: 100, maxErrorPercent: 1, maxNonFinitePercent: 0, maxLatencyPercent: 300 };

export interface Scene {
  strategy: 'Canary' | 'Shadow';
  /** The next request, of whomever. */
  next: () => Request;
  requests: number;
}

export class Pair {
  /** In milliseconds. */
  now = 0;
  readonly #servers: Record<Server, Trial>;

  constructor(private readonly strategy: Scene['strategy']) {
    this.#servers = { stable: server('stable'), target: server('target') };
    const traffic: Traffic = {
      trial: 't',
      stable: 1,
      target: 2,
      targetVersion: VERSION.target,
      to: 'there',
      weight: 20,
    };
    const mirror = { percent: 100, tolerance: 0.001 };
    this.#servers.stable.set(strategy === 'Shadow' ? { ...traffic, weight: 0, mirror } : traffic);
  }

  /** The first verdict that ends the trial while requests come, else the last one. */
  async run({ next, requests }: Omit<Scene, 'strategy'>): Promise<TrialVerdict> {
    for (let n = 0; ; n++) {
      this.now += 20;
      if (n > 0 && n % 250 === 0) {
        const verdict = this.#verdict();
        if (verdict.result === 'Fail' || n >= requests) return verdict;
      }
      await this.#servers.stable.serve(this.#exchange('stable', next())).catch(() => undefined);
      // Copies are compared, and second opinions asked for, behind the client's back.
      for (let i = 0; i < 3; i++) await turn();
    }
  }

  #verdict(): TrialVerdict {
    const reports = (['stable', 'target'] as const).map((name, i): PodReport => {
      const report = parseReport(JSON.stringify({ started: 's', ...this.#servers[name].counts }));
      if (!report) throw new Error('no report');
      return { pod: name, revision: i + 1, weight: 20, time: 0, counts: report };
    });
    const shadow = this.strategy === 'Shadow' ? { maxDifferingPercent: 1 } : {};
    return judgeTrial({ revision: 2, reports, measurements: [] }, { analysis: LIMITS, shadow });
  }

  #exchange(name: Server, request: Request, headers: Readonly<Record<string, string>> = {}): TrialRequest<string> {
    const { peer, bytes = 500, version, unsendable, leaves } = request;
    const answer = (): Promise<Answered<string>> =>
      Promise.resolve().then(() => {
        if (leaves && name === 'stable') throw new ClientGone();
        return this.#answer(name, request);
      });
    return {
      protocol: 'v2',
      peer,
      version,
      bytes,
      returned: false,
      copy: () => this.#exchange(name, request, headers),
      header: (header) => headers[header],
      own: answer,
      afresh: answer,
      forward: async (_, timeoutMs, counted) => {
        if (unsendable) return { ok: false, cause: 'unsent' };
        const marks = { [FORWARDED_HEADER]: '1', ...(!counted && { [UNCOUNTED_HEADER]: 'yes' }) };
        return this.#ask(this.#exchange('target', request, marks), timeoutMs);
      },
      outputs: (text) => [{ name: 'y', values: [Number(text)] }],
    };
  }

  async #ask(there: TrialRequest<string>, timeoutMs: number): Promise<Reply<string>> {
    const began = this.now;
    try {
      const answered = await this.#servers.target.serve(there);
      if (this.now - began <= timeoutMs) return { ok: true, ...answered };
      this.now = began + timeoutMs;
      return { ok: false, cause: 'timeout', excuse: 'deadline' };
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const { status, headers } = error;
      const excuse = OVERLOADED_HEADER in headers ? 'load' : status === 504 ? 'deadline' : undefined;
      return { ok: false, cause: status < 500 ? '4xx' : '5xx', excuse };
    }
  }

  #answer(name: Server, { timeoutMs = Infinity, overloads, outcome }: Request): Answered<string> {
    if (overloads === name) throw queueFull(1);
    const { ms, is, value = 1 } = outcome(name);
    // The time in the queue before a run is what a deadline bounds.
    if (timeoutMs < ms / 2) throw deadlineExceeded(timeoutMs);
    this.now += ms;
    if (is === 'refused') throw badRequest('');
    if (is === 'failed') throw internalError();
    return { answer: is === 'NaN' ? 'NaN' : String(value), bytes: 1, nonFinite: is === 'NaN' };
  }
}

const server = (name: Server): Trial =>
  new Trial({
    version: VERSION[name],
    workers: 1,
    keep: false,
    samples: () => Promise.resolve([]),
    metrics: new Forwarding(new Meter({})),
  });
