import { setMaxListeners } from 'node:events';
import {
  ApiError,
  type Informers,
  isForbidden,
  type Log,
  makeInformers,
  observe,
  readRevision,
  resourceName,
  type World,
} from '@modeldeployment/operator';
import type { ModelObjects, Pod, Recorded, ReplicaSet } from '../family.ts';
import type { Session } from './session.ts';

type Kind = keyof Informers;

export type Kinds = readonly Kind[] | 'all';

/** What shows how it stands; a plan needs every kind. */
const TREE_KINDS = ['models', 'replicaSets', 'pods', 'revisions'] as const;

/** Watches that cannot be had are tried again at least this often; without another failure in this time all is well. */
const RETRY_MS = 40_000;

/**
 * Reads one ModelDeployment and what belongs to it, and keeps up with it, by the informers of the operator. A kind that
 * the user may not read is left out and told.
 */
export class ModelObjectsReader {
  private readonly informers: Informers;
  private readonly kinds: readonly Kind[];
  private readonly stop = new AbortController();
  private readonly failures = new Map<string, { error: Error; at: number }>();
  private readonly waiting = new Map<string, (error: Error) => void>();
  private running: Promise<unknown> = Promise.resolve();

  constructor({ client, namespace }: Pick<Session, 'client' | 'namespace'>, name: string, kinds: Kinds = TREE_KINDS) {
    // Every informer and each of its requests listens.
    setMaxListeners(0, this.stop.signal);
    const ignore = (): void => undefined;
    const log: Log = { debug: ignore, info: ignore, error: ignore, warn: (fields) => this.note(fields) };
    this.informers = makeInformers({ client, namespaces: [namespace], log }, name);
    this.kinds = kinds === 'all' ? (Object.keys(this.informers) as Kind[]) : kinds;
  }

  /** Resolves when everything that can be read was read. Rejects when one of `needed` cannot be. */
  async start(needed: readonly Kind[] = ['models']): Promise<void> {
    const informers = this.kinds.map((kind) => this.informers[kind]);
    const answers = this.kinds.map((kind) => this.firstAnswer(kind, needed.includes(kind)));
    this.running = Promise.all(informers.map((informer) => informer.run(this.stop.signal)));
    await Promise.all(answers);
  }

  /** Calls back after every change of anything. */
  onChange(listener: () => void): void {
    for (const kind of this.kinds) (this.informers[kind].store.onChange as (call: () => void) => void)(listener);
  }

  /** What is known by now; undefined when there is no such ModelDeployment. */
  read(): ModelObjects | undefined {
    const { models, replicaSets, pods, revisions } = this.informers;
    const model = models.store.list()[0];
    if (model === undefined) return undefined;
    return {
      model,
      replicaSets: replicaSets.store.list() as unknown as ReplicaSet[],
      pods: pods.store.list() as Pod[],
      revisions: revisions.store
        .list()
        .flatMap(recorded)
        .sort((a, b) => a.number - b.number),
      missing: this.missing(),
    };
  }

  /** The same as the operator sees it, for another `model` than the one that is stored if that is given. */
  world(settings: World['settings'], model: ModelObjects['model']): World {
    return observe(model, this.informers, settings, {}, Date.now(), {
      reports: [],
      measurements: [],
      warmups: [],
      routes: 'NotEnabled',
    });
  }

  /** The newest trouble with the connection, if it has not passed. */
  trouble(): string | undefined {
    const recent = [...this.failures.values()].filter(
      ({ error, at }) => !isForbidden(error) && Date.now() - at < RETRY_MS,
    );
    return recent.at(-1)?.error.message;
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  private missing(): ModelObjects['missing'] {
    return this.kinds
      .map((kind) => this.informers[kind])
      .filter((informer) => !informer.hasSynced())
      .map(({ type }) => {
        const error = this.failures.get(resourceName(type))?.error;
        return { kind: resourceName(type), why: isForbidden(error) ? 'you may not list them' : (error?.message ?? '') };
      });
  }

  private async firstAnswer(kind: Kind, needed: boolean): Promise<void> {
    const informer = this.informers[kind];
    const failed = new Promise<Error>((resolve) => this.waiting.set(resourceName(informer.type), resolve));
    const error = await Promise.race([failed, informer.waitForSync(this.stop.signal)]);
    if (error !== undefined && needed) throw error;
  }

  private note(fields: { resource?: string; err?: unknown }): void {
    const { resource = '', err } = fields;
    // Without an error a watch merely came to its end.
    if (!(err instanceof ApiError) || err.reason === 'Expired') return;
    this.failures.set(resource, { error: err, at: Date.now() });
    this.waiting.get(resource)?.(err);
  }
}

function recorded(object: Informers['revisions']['store'] extends { list(): (infer T)[] } ? T : never): Recorded[] {
  const revision = readRevision(object as Parameters<typeof readRevision>[0], '');
  return revision === undefined ? [] : [{ ...revision, created: object.metadata.creationTimestamp }];
}
