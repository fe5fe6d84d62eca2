/** Decides which requests go to the revision on trial. Pure. */
import { parseTraffic, type Match, type Traffic } from '@modeldeployment/modelpack/traffic';

/** What a decision depends on: the same for every protocol. */
export interface Facts {
  /** Version the request names, if it does. */
  readonly version: string | undefined;
  /** It was sent on by this very process before: a request goes in no circles. */
  readonly returned: boolean;
  /** Value of a header, for gRPC of a metadata key; the name is in lower case. */
  header(name: string): string | undefined;
}

/** A request whose turn is decided; those of each protocol are shared out by themselves. */
export interface RequestTarget extends Facts {
  readonly protocol: string;
  /** Address of the client, without its port; empty when it is not known. */
  readonly peer: string;
}

/**
 * - `final`: answered here whatever the weight, and no copy is made: it has come back, or names our version
 * - `matched`: goes to the revision on trial because its client has chosen so, and is answered here when that fails
 * - `own`: answered here by its turn
 * - `forward`: goes to the revision on trial, and is answered here when that fails
 * - `named`: names the version on trial, which nobody else can answer
 *
 * What its client has aimed at one revision does not enter the verdict: only `own` and `forward` are left to chance.
 */
export type Choice = 'final' | 'own' | 'forward' | 'matched' | 'named';

export function choose(facts: RequestTarget, traffic: Traffic, ownVersion: string, share: Share): Choice {
  if (facts.returned) return 'final';
  if (namesTarget(facts, traffic, ownVersion)) return 'named';
  if (facts.version !== undefined && traffic.targetVersion !== ownVersion) return 'final';
  if (traffic.match?.some((match) => matches(match, facts))) return 'matched';
  return share.take(traffic.weight, facts.protocol) ? 'forward' : 'own';
}

/**
 * Whether a request can be answered by the revision on trial alone. A new revision may serve the same version with other
 * settings: then the version says nothing.
 */
export function namesTarget(facts: Facts, { targetVersion }: Traffic, ownVersion: string): boolean {
  const named = facts.version === targetVersion && targetVersion !== ownVersion;
  return named && !facts.returned;
}

function matches(match: Match, facts: Facts): boolean {
  if ('header' in match) return facts.header(match.header.toLowerCase()) === match.value;
  const pairs = facts.header('cookie')?.split(';') ?? [];
  return pairs.some((pair) => pair.trim() === `${match.cookie}=${match.value}`);
}

/**
 * Takes exactly a percentage of the requests of each kind: after n of them, the number taken differs from n · percent / 100 by less than
 * 1, and within any window by less than 2. Which ones is left to chance: with every second one taken, a client that
 * alternates between two kinds of requests would have all of one kind on trial, and the two revisions would be judged by
 * different questions.
 */
export class Share {
  /** By kind, hundredths of a request that should have been taken and were not: more than -100, less than 100. */
  readonly #owed = new Map<string, number>();

  /** @param random numbers from 0 to 1 */
  constructor(private readonly random: () => number) {}

  take(percent: number, kind: string): boolean {
    if (percent === 0) return false;
    const owed = (this.#owed.get(kind) ?? 0) + percent;
    const taken = this.random() * 100 < owed;
    this.#owed.set(kind, taken ? owed - 100 : owed);
    return taken;
  }
}

/** What a server of `revision` does with the annotation `text`: it is meant for the servers of the stable revision alone. */
export function trafficFor(revision: number, text: string | undefined): Traffic | undefined {
  const traffic = parseTraffic(text);
  return traffic?.stable === revision ? traffic : undefined;
}
