import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config.ts';
import { listModels, versionsIn } from '../loading/repository.ts';
import { MODEL_NAME, select, type WantedModel } from '../model/selection.ts';
import { type FailureReport } from '../model/types.ts';
import { badRequest, internalError, quote, RequestError, FatalError } from '../errors.ts';
import type { ModelControl } from '../handlers/model-control.ts';

type Settings = Pick<Config, 'repository' | 'policy'> & NonNullable<Config['explicit']>;

/** What carries the orders out. */
export interface Loader {
  /** What is to be served from now on; of the model `again` what has failed is tried again. */
  want(models: WantedModel[], again?: string): void;
  /** What has become of it: undefined when that is open yet, or why it failed. */
  outcome(model: WantedModel): 'served' | FailureReport | undefined;
  /** Resolves when all workers know what is served: the next request may come to any of them. */
  known(): Promise<unknown>;
}

type Outcome = ReturnType<Loader['outcome']>;

/** Why an order cannot be carried out; undefined when it is. */
export async function refusalOf(
  modelControl: ModelControl | undefined,
  { action, model }: { action: 'load' | 'unload'; model: string },
): Promise<{ status: number; message: string } | undefined> {
  try {
    await modelControl?.[action](model);
    return undefined;
  } catch (error) {
    const { status, message } = error instanceof RequestError ? error : internalError();
    return { status, message };
  }
}

/**
 * What is served where clients say so (Triton's explicit model control). The repository is looked at with each order and
 * never between. An order that fails changes nothing.
 */
export class ExplicitControl implements ModelControl {
  readonly #wanted = new Map<string, WantedModel>();
  readonly #open = new Set<() => void>();

  constructor(
    private readonly settings: Settings,
    private readonly loader: Loader,
  ) {}

  /** Loads what is to be there from the start. Rejects with FatalError. */
  async start(): Promise<void> {
    const { load } = this.settings;
    const names = load === 'all' ? [...new Set((await this.repository()).map(({ name }) => name))] : load;
    const models = await Promise.all(names.map((name) => this.#select(name)));
    for (const model of models) this.#wanted.set(model.name, model);
    this.#notify();
    for (const model of models) {
      const outcome = await this.#outcome(model);
      if (typeof outcome === 'object') throw new FatalError(outcome.reason, `${model.name}: ${outcome.message}`);
    }
  }

  /** To be called when something has changed for the loader. */
  settle(): void {
    for (const look of this.#open) look();
  }

  async load(name: string): Promise<void> {
    const found = await this.#select(name).catch((error: unknown) => refuse('load', name, error));
    const before = this.#wanted.get(name);
    const model = this.#asWanted(found, before);
    this.#wanted.set(name, model);
    this.#notify(name);
    const outcome = await this.#outcome(model);
    if (outcome === 'served') return void (await this.loader.known());
    if (outcome === 'overtaken') throw badRequest(`failed to load ${quote(name)}: another order for it came meanwhile`);
    if (this.#wanted.get(name) === model && model !== before) {
      if (before) this.#wanted.set(name, before);
      else this.#wanted.delete(name);
      this.#notify();
    }
    throw badRequest(`failed to load ${quote(name)}: ${outcome.message}`);
  }

  async unload(name: string): Promise<void> {
    if (!this.#wanted.has(name)) await this.#select(name).catch((error: unknown) => refuse('unload', name, error));
    this.#wanted.delete(name);
    this.#notify();
    await this.loader.known();
  }

  repository(): Promise<{ name: string; version: string }[]> {
    return versionsIn(this.settings.repository, this.settings.only);
  }

  #notify(again?: string): void {
    this.loader.want([...this.#wanted.values()], again);
    this.settle();
  }

  /** @throws FatalError ModelNotFound */
  async #select(name: string): Promise<WantedModel> {
    const { repository, only = name, policy } = this.settings;
    const mayBe = MODEL_NAME.test(name) && name === only;
    const [listing] = mayBe ? await listModels(repository, { only, byContent: true }) : [];
    if (!listing) throw new FatalError('ModelNotFound', 'there is no such model');
    return select(listing, policy);
  }

  /** The target itself when it says the same as the one before: both are fulfilled together. */
  #asWanted(found: WantedModel, before: WantedModel | undefined): WantedModel {
    const model: WantedModel = before && !before.ordered ? found : { ...found, ordered: true };
    return isDeepStrictEqual(model, before) ? (before ?? model) : model;
  }

  #outcome(model: WantedModel): Promise<Exclude<Outcome, undefined> | 'overtaken'> {
    return new Promise((resolve) => {
      const look = () => {
        const wanted = this.#wanted.get(model.name) === model;
        const outcome = wanted ? this.loader.outcome(model) : 'overtaken';
        if (outcome === undefined) return;
        this.#open.delete(look);
        resolve(outcome);
      };
      this.#open.add(look);
      look();
    });
  }
}

function refuse(what: string, name: string, error: unknown): never {
  if (!(error instanceof FatalError)) throw error;
  throw badRequest(`failed to ${what} ${quote(name)}: there is no such model in the repository`);
}
