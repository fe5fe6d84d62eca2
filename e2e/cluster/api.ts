import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/**
 * Reads from the API server without a process for each look: stories look several times a second, and the processor time of
 * so many kubectls would be taken from what they look at. One `kubectl proxy` knows how to log in; it ends with this process.
 */
export class ApiReader {
  #address: Promise<string> | undefined;

  constructor(
    private readonly kubectl: string,
    private readonly flags: readonly string[],
  ) {}

  /** @param path as `kubectl get --raw` takes it @throws Error with the answer when that is no 200 */
  async get<T>(path: string): Promise<T> {
    this.#address ??= this.#start();
    const response = await fetch(`${await this.#address}${path}`);
    const text = await response.text();
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  #start(): Promise<string> {
    const child = spawn(this.kubectl, [...this.flags, 'proxy', '--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    process.once('exit', () => child.kill());
    // From then on it must not keep alive who started it.
    return addressOf(child).finally(() => {
      child.unref();
      (child.stdout as unknown as { unref(): void }).unref();
    });
  }
}

function addressOf(child: ChildProcessByStdio<null, Readable, null>): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`kubectl proxy ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /127\.0\.0\.1:\d+/.exec(line)?.[0];
      if (found !== undefined) resolve(`http://${found}`);
    });
  });
}
