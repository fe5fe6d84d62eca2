import type { Cluster } from '../cluster/index.ts';
import type { Client } from './client.ts';
import type { Models } from './models.ts';
import type { Mdep } from './mdep.ts';

/**
 * What a story may need of the cluster; where it is lacking the story is skipped, and counted as skipped. `time` is there
 * with `npm run e2e -- --all` only: such a story is one of a large matrix of which the others stand for it.
 */
export type Need = 'audit' | 'nodeControl' | 'time';

/** What a story has at hand. Its namespace is its own and goes when the story ends. */
export interface Scene {
  cluster: Cluster;
  namespace: string;
  models: Models;
  /** Starts the pod from which requests are sent, at the first call. */
  client: () => Promise<Client>;
  mdep: Mdep;
  /** Namespace of the operator. */
  operatorNamespace: string;
  images: { operator: string; serving: string };
  given: Step;
  when: Step;
  then: Step;
}

/** Runs a part of a story and prints it; a failure names the part. */
export type Step = <T>(what: string, run: () => Promise<T>) => Promise<T>;

export interface Story {
  /** The promise, as a sentence. */
  title: string;
  needs: readonly Need[];
  run: (scene: Scene) => Promise<void>;
}

/** One promise, on a real cluster. */
export function story(title: string, run: Story['run'], options: { needs?: readonly Need[] } = {}): Story {
  return { title, needs: options.needs ?? [], run };
}
