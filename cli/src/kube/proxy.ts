import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@modeldeployment/operator';
import { KubectlError } from '../errors.ts';
import { type Access, accessFlags, explainSpawn, spawnKubectl } from './kubectl.ts';

/** What `kubectl proxy` prints once it answers, and what it logs when the API server does not. */
const READY = /^Starting to serve/m;
const TROUBLE = /Error while proxying request: (.+)/;
/** Lines of its log, as opposed to what a login plugin has to say to the person. */
const LOG = /^[EWIF]\d{4} /;

/**
 * `kubectl proxy` as a child, on a socket in a folder that only this user can enter: every way of kubectl to reach and to
 * log in to a cluster works (docs/adr/0009-plugin-reaches-the-cluster-through-kubectl.md).
 */
export class KubectlProxy {
  /** Why the API server could not be reached, when that happened last. */
  private trouble: string | undefined;

  private constructor(
    private readonly child: ReturnType<typeof spawnKubectl>,
    private readonly folder: string,
    /** For the client of the operator. */
    readonly connection: Connection,
    private readonly agent: http.Agent,
  ) {}

  static async open(access: Access): Promise<KubectlProxy> {
    const folder = await mkdtemp(join(tmpdir(), 'kubectl-mdep-'));
    const socketPath = join(folder, 'api');
    const agent = new http.Agent({ keepAlive: true, socketPath } as http.AgentOptions);
    const connection: Connection = {
      server: 'http://localhost',
      authorize: () => Promise.resolve({ agent, headers: {} }),
      forget: () => undefined,
      close: () => agent.destroy(),
    };
    const child = spawnKubectl(['proxy', `--unix-socket=${socketPath}`, ...accessFlags(access)], {
      stdio: ['inherit', 'pipe', 'pipe'],
    });
    const proxy = new KubectlProxy(child, folder, connection, agent);
    process.once('exit', proxy.close);
    try {
      await proxy.ready();
      return proxy;
    } catch (error) {
      proxy.close();
      throw error;
    }
  }

  /** One request whose answer is not an object of the API. */
  request(
    method: 'GET' | 'POST',
    path: string,
    options: { headers?: Record<string, string>; body?: string; signal?: AbortSignal } = {},
  ): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }> {
    const { headers = {}, body, signal } = options;
    const { agent } = this;
    return new Promise((resolve, reject) => {
      const url = new URL(path, this.connection.server);
      const request = http.request(url, { method, agent, headers, ...(signal === undefined ? {} : { signal }) });
      request.on('error', reject);
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      });
      request.end(body);
    });
  }

  /** Why the API server did not answer, in the words of kubectl; it logs them a moment after it has told us. */
  async whyUnanswered(): Promise<string | undefined> {
    for (let left = 20; left > 0 && this.trouble === undefined; left--) await sleep(10);
    return this.trouble;
  }

  readonly close = (): void => {
    process.off('exit', this.close);
    this.agent.destroy();
    this.child.kill();
    rmSync(this.folder, { recursive: true, force: true });
  };
  private ready(): Promise<void> {
    const { child } = this;
    return new Promise((resolve, reject) => {
      let said = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        this.trouble = TROUBLE.exec(text)?.[1] ?? this.trouble;
        if (!LOG.test(text) && !text.startsWith('error:')) process.stderr.write(text);
      });
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        if (READY.test(text)) resolve();
      });
      child.on('error', (error) => reject(explainSpawn(error)));
      child.on('close', (code) => reject(new KubectlError(said.trim() || 'kubectl proxy ended', code ?? undefined)));
    });
  }
}
