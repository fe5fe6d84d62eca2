import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { buildSync } from 'esbuild';
import type { Cluster } from '../cluster/index.ts';
import { lineSplitter } from '../../tools/exec.ts';
import { waitFor } from '../../tools/wait.ts';

/** A pod of the serving image from which requests are sent, as an application in the cluster would. */
const POD = 'client';
const SCRIPTS = ['loop.mjs', 'call.mjs'] as const;

let bundled: string | undefined;

/** The gRPC client in one file, made at its first use. */
function grpcClient(): string {
  bundled ??= buildSync({
    entryPoints: [new URL('client/grpc.ts', import.meta.url).pathname],
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    write: false,
  }).outputFiles[0]?.text;
  if (bundled === undefined) throw new Error('esbuild made no gRPC client');
  return bundled;
}

export interface Answer {
  status: number;
  body: string;
}

/** What the request loop has counted so far. */
export interface LoopReport {
  done: boolean;
  /** Of the client's clock, in milliseconds since the epoch. */
  time: number;
  total: number;
  failed: number;
  /** Answers by the version that gave them. */
  versions: Record<string, number>;
  /** Failures by cause. */
  failures: Record<string, number>;
  /** The first failures: when, why, and over which connection. */
  examples: string[];
  /** The version that answered last, and since when (ms since 1970) no other one did. */
  now: { version: string | null; since: number };
  /** Milliseconds, of the last second. */
  p50: number | null;
  p99: number | null;
}

/** Says what a loop has counted. @throws AssertionError when a request failed, with the first ones that did */
export function noneFailed({ total, failed, versions, failures, examples }: LoopReport): void {
  console.log(`      ${total} requests, ${failed} failed, by version ${JSON.stringify(versions)}`);
  assert.equal(failed, 0, [JSON.stringify(failures), ...examples].join('\n'));
}

export class Client {
  private constructor(
    private readonly cluster: Cluster,
    private readonly namespace: string,
  ) {}

  /** Starts the pod, with the scripts and `files` (name → content) mounted at /scripts. */
  static async start(
    cluster: Cluster,
    namespace: string,
    image: string,
    files: Record<string, string>,
  ): Promise<Client> {
    const scripts = SCRIPTS.map((name): [string, string] => [
      name,
      readFileSync(new URL(`client/${name}`, import.meta.url), 'utf8'),
    ]);
    const manifest = [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: POD, namespace },
        data: { ...Object.fromEntries(scripts), 'grpc.cjs': grpcClient(), ...files },
      },
      pod(namespace, image),
    ];
    await cluster.kubectl(['apply', '--server-side', '-f', '-'], {
      input: manifest.map((item) => JSON.stringify(item)).join('\n---\n'),
    });
    await cluster.kubectl(['wait', '-n', namespace, `pod/${POD}`, '--for=condition=Ready', '--timeout=120s']);
    return new Client(cluster, namespace);
  }

  async call(
    method: 'GET' | 'POST',
    url: string,
    body?: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const content = body === undefined ? [] : [body, JSON.stringify(headers)];
    const args = ['/scripts/call.mjs', method, url, ...content];
    const out = await this.cluster.kubectl(['exec', '-n', this.namespace, POD, '--', 'node', ...args]);
    return JSON.parse(out) as Answer;
  }

  /**
   * The most requests in a second that eight clients get answered now, over some seconds: what else is asked can keep to a
   * part of it, so that a story tells of the servers on a slow machine as well, and not of the machine.
   */
  async peak(url: string, body: string, expected: string): Promise<number> {
    const loop = this.loop(url, 8, body, expected);
    try {
      const { reports } = loop;
      await waitFor('five seconds of requests', () => Promise.resolve(reports.length >= 5 || undefined), {
        seconds: 60,
      });
      return Math.max(...reports.slice(1).map(({ total }, i) => total - (reports[i]?.total ?? 0)));
    } finally {
      await loop.stop();
    }
  }

  /**
   * Starts to ask one inference URL (http://…, or grpc://host:port/model) without end: with a number as `load` so many
   * clients in a closed loop, with `200/s` so often a second whatever becomes of it. `body` and `expected` are names of files
   * given to `start`.
   */
  loop(url: string, load: number | `${number}/s`, body: string, expected: string): Loop {
    const args = ['/scripts/loop.mjs', url, String(load), `/scripts/${body}`, `/scripts/${expected}`];
    return new Loop(this.cluster, ['exec', '-i', '-n', this.namespace, POD, '--', 'node', ...args]);
  }
}

/** Requests of all loops of this run together. */
export const allRequests = { total: 0, failed: 0 };

/** A running request loop. */
export class Loop {
  latest: LoopReport = {
    done: false,
    time: 0,
    total: 0,
    failed: 0,
    versions: {},
    failures: {},
    examples: [],
    now: { version: null, since: 0 },
    p50: null,
    p99: null,
  };
  /** One a second. */
  readonly reports: LoopReport[] = [];
  private readonly child;
  private readonly ended: Promise<void>;
  private stderr = '';

  constructor(cluster: Cluster, args: readonly string[]) {
    this.child = spawn(cluster.bin.kubectl, [...cluster.kubectlFlags, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    const lines = lineSplitter((line) => {
      if (!line.startsWith('{')) return;
      this.latest = JSON.parse(line) as LoopReport;
      this.reports.push(this.latest);
    });
    this.child.stdout.setEncoding('utf8').on('data', lines);
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve) => this.child.on('close', () => resolve()));
  }

  /** Ends the loop and answers its last count. */
  async stop(): Promise<LoopReport> {
    this.child.stdin.end('stop\n');
    await this.ended;
    if (!this.latest.done) throw new Error(`the request loop broke off: ${this.stderr.trim()}`);
    allRequests.total += this.latest.total;
    allRequests.failed += this.latest.failed;
    return this.latest;
  }

  /** For clean-up: ends it whatever happened. */
  async abandon(): Promise<void> {
    if (this.child.exitCode === null) this.child.kill();
    await this.ended;
  }
}

function pod(namespace: string, image: string) {
  const security = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: POD, namespace },
    spec: {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'client',
          image,
          command: ['node', '-e', 'setInterval(() => {}, 1e6)'],
          securityContext: security,
          // Without a share of its own it would starve while pods start, and its pauses would be taken for the servers'.
          resources: { requests: { cpu: '500m' } },
          volumeMounts: [{ name: 'scripts', mountPath: '/scripts' }],
        },
      ],
      volumes: [{ name: 'scripts', configMap: { name: POD } }],
    },
  };
}
