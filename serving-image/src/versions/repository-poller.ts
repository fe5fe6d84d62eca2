import type { Config } from '../config.ts';
import { listModels } from '../loading/repository.ts';
import { RULES_FILE, select, type ModelListing, type Rules, type WantedModel } from '../model/selection.ts';
import type { Logger } from '../telemetry/log.ts';

type Settings = Pick<Config, 'repository' | 'name' | 'policy' | 'pollSeconds'>;

/** Looks into the model repository again and again, and tells what is to be served when that has changed. */
export class RepositoryPoller {
  readonly #rules = new Map<string, Rules>();
  #last = '';
  #trouble = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly log: Logger,
    private readonly changed: (models: WantedModel[]) => void,
  ) {}

  /** Resolves after the first look. @throws FatalError ModelNotFound */
  async start(): Promise<void> {
    await this.#look();
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(): void {
    this.#timer = setTimeout(() => void this.#again(), this.settings.pollSeconds * 1000);
  }

  /** A repository that cannot be read for a while changes nothing: what is loaded goes on serving. */
  async #again(): Promise<void> {
    await this.#look().catch((error: unknown) => this.#complain([(error as Error).message]));
    if (this.#timer) this.#schedule();
  }

  async #look(): Promise<void> {
    const { repository, name, policy } = this.settings;
    const troubles: string[] = [];
    const listings = await listModels(repository, { only: name });
    const models = listings.map((listing) => select(this.#lastGood(listing, troubles), policy));
    this.#complain(troubles);
    const text = JSON.stringify(models);
    if (text === this.#last) return;
    this.#last = text;
    this.changed(models);
  }

  /** A file of rules that has become unreadable does not take away what it said before. */
  #lastGood(listing: ModelListing, troubles: string[]): ModelListing {
    const { name, rules } = listing;
    if (!('problem' in rules)) {
      this.#rules.set(name, rules);
      return listing;
    }
    const before = this.#rules.get(name);
    if (!before) return listing;
    troubles.push(`${rules.problem}; what ${RULES_FILE} said before stays`);
    return { ...listing, rules: before };
  }

  /** Once for each trouble, not at every look. */
  #complain(troubles: readonly string[]): void {
    const text = troubles.join('; ');
    if (text !== '' && text !== this.#trouble) this.log.error({ trouble: text }, 'the model repository cannot be read');
    this.#trouble = text;
  }
}
