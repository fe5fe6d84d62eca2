import { readFileSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { POD_INFO } from '@modeldeployment/modelpack/traffic';

/** How often the file is read whatever the watch says, in milliseconds: a watch may fail, or not be possible. */
const POLL_MS = 2_000;

/**
 * Follows the traffic annotation of this pod, which the kubelet writes into a downward-API volume: it puts the new files into
 * a folder of their own and renames the link `..data` to it, so what is watched is the folder that holds the link, and what
 * is read is always whole. Without the volume there is nothing to follow, and nothing is forwarded.
 */
export class TrafficFile {
  #text: string | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly folder: string,
    private readonly changed: (text: string | undefined) => void,
  ) {}

  start(): void {
    this.#timer = setInterval(() => this.#look(), POLL_MS);
    this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }

  #look(): void {
    this.#watcher ??= this.#watch();
    const text = this.#read();
    if (text === this.#text) return;
    this.#text = text;
    this.changed(text);
  }

  #watch(): FSWatcher | undefined {
    try {
      const watcher = watch(this.folder, () => this.#look());
      // The folder is gone, or no watch is left to be had: the timer still looks, and tries again.
      return watcher.on('error', () => {
        watcher.close();
        this.#watcher = undefined;
      });
    } catch {
      return undefined;
    }
  }

  #read(): string | undefined {
    try {
      return readFileSync(join(this.folder, POD_INFO.traffic), 'utf8');
    } catch {
      return undefined;
    }
  }
}
