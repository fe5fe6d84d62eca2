/**
 * Decides which versions of which models are loaded, each by a pool of workers of its own. Pure, as the pool is.
 *
 *   queued --> loading --ready--> serving --(not wanted, and what is wanted serves)--> leaving --> gone
 *                 |                  |
 *                 +----- failed -----+   kept as a record; tried again when the cause may pass
 *
 * A version makes room only for one that has shown that it can serve: a bad new version never takes the old one away.
 */
import { FAILURE, type FailureReport } from '@modeldeployment/modelpack/contract';
import type { Catalog } from '../model/catalog.ts';
import { wants, type VersionFolder, type WantedModel } from '../model/selection.ts';
import type { Berth, Unit } from './version-state.ts';
import { describe, NO_VERSION } from './catalog-view.ts';
import { Pool, type PoolAction, type PoolEvent } from './worker-pool.ts';

export interface FleetSettings {
  /** Workers of each version; absent: the cores, shared by the versions. */
  workers: number | undefined;
  cores: number;
  spares: number;
  loadMs: number;
  hangMs: number;
  /** Its path is no business of clients. */
  repository: string;
  /** One version, given by name: without it there is nothing to live for. */
  fixed: boolean;
  /** Clients say what is served, which may be nothing. */
  explicit: boolean;
}

export type FleetEvent = Exclude<PoolEvent, { type: 'start' | 'spawned' }>;
export type FleetAction =
  | { do: 'spawn'; unit: Unit; afterMs: number }
  | Extract<PoolAction, { do: 'kill' | 'relieve' | 'giveUp' }>
  /** For the log. */
  | { do: 'tell'; unit: Unit; what: 'loading' | 'failed' | 'unloading' | 'unloaded'; report?: FailureReport };

/** After this a version is tried again whose failure may have passed, in milliseconds. */
const RETRY_MS = 60_000;

export class Fleet {
  #berths: Berth[] = [];
  readonly #workers = new Map<number, Berth>();
  #wanted: readonly WantedModel[] = [];
  /** Models whose first versions have all been loaded, or have failed. */
  readonly #settled = new Set<string>();
  readonly #labels = new Map<string, Record<string, string>>();
  #nextId = 1;
  #everServed = false;

  constructor(private readonly settings: FleetSettings) {}

  /** What is to be served from now on; of the model `again` what has failed is tried again. */
  want(models: readonly WantedModel[], now: number, again?: string): FleetAction[] {
    this.#wanted = models;
    for (const name of this.#settled) if (!models.some((model) => model.name === name)) this.#settled.delete(name);
    for (const berth of this.#berths)
      if (berth.phase === 'failed' && berth.unit.name === again) this.#requeue(berth, now);
    return this.#settle(now);
  }

  /** What has become of the wish for a model: undefined when that is open yet, or the first failure. */
  outcome(model: WantedModel): 'served' | FailureReport | undefined {
    if (model.failure) return model.failure;
    const berths = this.#of(model.name).filter(({ unit }) => wants(model, unit));
    if (berths.length === 0) return { reason: 'ModelNotFound', message: NO_VERSION };
    if (berths.some(({ phase }) => phase === 'queued' || phase === 'loading')) return undefined;
    return berths.find(({ report }) => report !== undefined)?.report ?? 'served';
  }

  /** Whether a worker that was asked for is still wanted. */
  accepts(unit: Unit): boolean {
    return this.#berths.some(
      ({ unit: { id }, phase }) => id === unit.id && (phase === 'loading' || phase === 'serving'),
    );
  }

  spawned(unit: Unit, id: number, now: number): FleetAction[] {
    const berth = this.#berths.find((candidate) => candidate.unit.id === unit.id);
    if (!berth) return [];
    this.#workers.set(id, berth);
    return this.#translate(berth, berth.pool.on({ type: 'spawned', id }, now), now);
  }

  on(event: FleetEvent, now: number): FleetAction[] {
    if (event.type === 'tick') {
      const overdue = this.#berths.flatMap((berth) => this.#translate(berth, berth.pool.on(event, now), now));
      return [...overdue, ...this.#settle(now)];
    }
    const berth = this.#workers.get(event.id);
    if (!berth) return [];
    if (event.type === 'exited') this.#workers.delete(event.id);
    const actions = this.#translate(berth, berth.pool.on(event, now), now);
    if (event.type === 'ready' && berth.phase === 'loading') {
      berth.phase = 'serving';
      this.#everServed = true;
    }
    return event.type === 'alive' ? actions : [...actions, ...this.#settle(now)];
  }

  /** Workers that can be given a connection, version by version. */
  serving(): { unit: Unit; workers: number[] }[] {
    return this.#berths
      .filter(({ phase }) => phase === 'serving')
      .map(({ unit, pool }) => ({ unit, workers: pool.serving() }))
      .filter(({ workers }) => workers.length > 0);
  }

  /** Workers that may hold connections. */
  loaded(): number[] {
    return this.#berths.flatMap(({ pool }) => pool.loaded());
  }

  unitOf(worker: number): Unit | undefined {
    return this.#workers.get(worker)?.unit;
  }

  /** `door` gives the path of a worker's socket. */
  catalog(door: (worker: number) => string): Catalog {
    const { explicit } = this.settings;
    const [berths, wanted, settled, labels] = [this.#berths, this.#wanted, this.#settled, this.#labels];
    return describe({ berths, wanted, settled, labels, explicit }, door);
  }

  /** A label moves only to a version that serves; until then it stands for the one before. */
  #moveLabels(): void {
    for (const { name, labels } of this.#wanted) {
      const serves = (version: string) =>
        this.#of(name).some(({ unit, phase }) => unit.version === version && phase === 'serving');
      const before = this.#labels.get(name) ?? {};
      const after = Object.entries(labels).flatMap(([label, version]) => {
        const target = [version, before[label] ?? version].find(serves);
        return target === undefined ? [] : [[label, target] as const];
      });
      this.#labels.set(name, Object.fromEntries(after));
    }
  }

  /** Starts what is missing, and lets go what is no longer wanted. */
  #settle(now: number): FleetAction[] {
    for (const model of this.#wanted) {
      for (const folder of model.versions) this.#enlist(model.name, folder, now);
    }
    const actions = this.#berths.flatMap((berth) => this.#release(berth, now));
    this.#berths = this.#berths.filter(({ phase, pool }) => phase !== 'leaving' || pool.size > 0);
    for (const berth of this.#berths) {
      if (berth.phase === 'failed' && this.#mayPass(berth) && now - berth.since >= RETRY_MS) this.#requeue(berth, now);
    }
    actions.push(...this.#start(now));
    for (const { name, versions } of this.#wanted) {
      if (versions.length > 0 && !this.#of(name).some(({ phase }) => phase === 'queued' || phase === 'loading'))
        this.#settled.add(name);
    }
    this.#moveLabels();
    return [...actions, ...this.#hopeless()];
  }

  #enlist(name: string, folder: VersionFolder, now: number): void {
    const known = ({ unit }: Berth) => unit.version === folder.version && unit.identity === folder.identity;
    if (this.#of(name).some((berth) => berth.phase !== 'leaving' && known(berth))) return;
    const unit = { id: this.#nextId++, name, ...folder };
    this.#berths.push({ unit, pool: this.#pool(), phase: 'queued', since: now });
  }

  /** What is done with a version that is not wanted any more. */
  #release(berth: Berth, now: number): FleetAction[] {
    const { unit, phase, pool } = berth;
    if (phase === 'leaving') return pool.size === 0 ? [{ do: 'tell', unit, what: 'unloaded' }] : [];
    if (this.#wants(unit)) return [];
    const successors = this.#of(unit.name).filter((other) => this.#wants(other.unit));
    const replaced = successors.every((other) => other.phase === 'serving' || other.phase === 'failed');
    const served = successors.length === 0 || successors.some((other) => other.phase === 'serving');
    if (phase === 'serving' && !(replaced && served)) return [];
    berth.phase = 'leaving';
    berth.since = now;
    if (phase !== 'serving') return this.#translate(berth, pool.dismiss(), now);
    return [{ do: 'tell', unit, what: 'unloading' }, ...this.#translate(berth, pool.dismiss(), now)];
  }

  /** As many at a time as there are cores: loading is work, and a version has only so long for it. */
  #start(now: number): FleetAction[] {
    const actions: FleetAction[] = [];
    for (const berth of this.#berths) {
      if (berth.phase !== 'queued') continue;
      if (this.#berths.filter(({ phase }) => phase === 'loading').length >= this.settings.cores) break;
      berth.phase = 'loading';
      berth.pool = this.#pool();
      actions.push({ do: 'tell', unit: berth.unit, what: 'loading' });
      actions.push(...this.#translate(berth, berth.pool.on({ type: 'start' }, now), now));
    }
    return actions;
  }

  #requeue(berth: Berth, now: number): void {
    delete berth.report;
    berth.phase = 'queued';
    berth.since = now;
  }

  #pool(): Pool {
    const { workers, cores, spares, loadMs, hangMs } = this.settings;
    const versions = this.#wanted.reduce((sum, model) => sum + model.versions.length, 0);
    return new Pool({ workers: workers ?? Math.max(1, Math.floor(cores / versions)), spares, loadMs, hangMs });
  }

  #translate(berth: Berth, actions: PoolAction[], now: number): FleetAction[] {
    return actions.flatMap((action): FleetAction[] => {
      if (action.do === 'spawn') return [{ do: 'spawn', unit: berth.unit, afterMs: action.afterMs }];
      if (action.do !== 'giveUp') return [action];
      if (this.settings.fixed) return [action];
      berth.phase = 'failed';
      const { reason, message } = action.report;
      berth.report = { reason, message: message.replaceAll(`${this.settings.repository}/`, '') };
      berth.since = now;
      const told = { do: 'tell', unit: berth.unit, what: 'failed', report: action.report } as const;
      return [told, ...this.#translate(berth, berth.pool.dismiss(), now)];
    });
  }

  /** When nothing was ever served and nothing that could be is left to try, the first failure is the server's. */
  #hopeless(): FleetAction[] {
    const reports = this.#berths.map(({ report }) => report);
    const [first] = reports;
    if (this.settings.explicit || this.#everServed || !first || reports.some((report) => report === undefined))
      return [];
    return [{ do: 'giveUp', report: first }];
  }

  #mayPass({ report }: Berth): boolean {
    return report !== undefined && !FAILURE[report.reason].definite;
  }

  #of(name: string): Berth[] {
    return this.#berths.filter(({ unit }) => unit.name === name);
  }

  #wants(unit: Unit): boolean {
    return this.#wanted.some((model) => wants(model, unit));
  }
}
