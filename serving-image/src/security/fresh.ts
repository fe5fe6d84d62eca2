import { readFileSync, statSync } from 'node:fs';

import type { Logger } from '../telemetry/log.ts';
import { FatalError } from '../errors.ts';

/** How old what was read may be before the files are looked at again, in milliseconds. */
const LOOK_MS = 1000;

/**
 * What is in some files, read again when they have changed. It is looked at when it is needed, so that an idle server does
 * nothing. A change that cannot be read is told once, and what was there before stays.
 */
export class Fresh<T> {
  #value: T;
  #seen: string;
  #looked: number;

  /** @throws FatalError BadConfiguration when the files cannot be read now */
  constructor(
    private readonly files: readonly string[],
    private readonly parse: (contents: Buffer[]) => T,
    private readonly log: Logger,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#looked = now();
    try {
      this.#seen = this.#look();
      this.#value = parse(files.map((file) => readFileSync(file)));
    } catch (error) {
      throw new FatalError('BadConfiguration', `cannot use ${files.join(', ')}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  get(): T {
    const now = this.now();
    if (now - this.#looked < LOOK_MS) return this.#value;
    this.#looked = now;
    try {
      const seen = this.#look();
      if (seen === this.#seen) return this.#value;
      this.#seen = seen;
      this.#value = this.parse(this.files.map((file) => readFileSync(file)));
      this.log.info({ files: this.files }, 'files read again');
    } catch (error) {
      this.log.warn({ err: error, files: this.files }, 'cannot use changed files; what was in them before stays');
    }
    return this.#value;
  }

  /** What is another when a file is another, or has another content. */
  #look(): string {
    return this.files.map((file) => `${statSync(file).ino} ${statSync(file).mtimeMs} ${statSync(file).size}`).join();
  }
}
