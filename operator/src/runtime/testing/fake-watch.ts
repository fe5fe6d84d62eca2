import type http from 'node:http';
import type { KubeObject } from '../objects.ts';
import type { LogEntry } from './fake-storage.ts';

/** One open watch stream, which a test may disturb. */
export class FakeWatch {
  private held: string[] | undefined;

  constructor(
    readonly resource: string,
    private readonly response: http.ServerResponse,
    private readonly covers: (object: KubeObject) => boolean,
  ) {
    response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
  }

  deliver({ resource, resourceVersion, before, after }: LogEntry): void {
    if (resource !== this.resource) return;
    const was = before !== undefined && this.covers(before);
    const is = after !== undefined && this.covers(after);
    if (is) this.send({ type: was ? 'MODIFIED' : 'ADDED', object: after });
    else if (was) {
      const last = after ?? before;
      const metadata = { ...last.metadata, resourceVersion: String(resourceVersion) };
      this.send({ type: 'DELETED', object: { ...last, metadata } });
    }
  }

  bookmark(resourceVersion: number): void {
    this.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(resourceVersion) } } });
  }

  send(event: unknown): void {
    this.write(`${JSON.stringify(event)}\n`);
  }

  /** Any bytes. */
  write(text: string): void {
    if (this.held) this.held.push(text);
    else if (!this.response.writableEnded) this.response.write(text);
  }

  /** Events wait until `release`. */
  hold(): void {
    this.held ??= [];
  }

  release(): void {
    const waiting = this.held ?? [];
    this.held = undefined;
    for (const text of waiting) this.write(text);
  }

  /** Ends as a server does at its timeout. */
  end(): void {
    this.response.end();
  }

  /** Cuts the connection in mid-stream. */
  reset(): void {
    this.response.socket?.resetAndDestroy();
  }
}
