import { type Counts, follows, growth, noCounts, type PodReport, type ServerReport, sumOf } from './counts.ts';

/** What the ledger needs to know of a pod. */
export interface PodIdentity {
  uid: string;
  name: string;
  revision: number;
}

interface Life {
  pod: PodIdentity;
  started: string;
  weight: number;
  time: number;
  /** What the server had counted when this weight began. */
  base: Counts;
  last: Counts;
  trouble?: string;
}

/**
 * The counts of one trial. Servers count from their start, for the whole trial; here a new page is begun whenever a server
 * starts again (else its errors would be forgotten with it) and whenever the share of the requests changes (because the two
 * revisions can be compared only while their shares stay the same: docs/analysis.md). Kept in memory only: after a restart
 * of the operator the first page is what the servers still know.
 */
export class Ledger {
  private readonly lives = new Map<string, Life>();
  /** Pages of servers that are gone and of weights that are over, by revision and weight. */
  private readonly closed = new Map<string, PodReport>();

  take(pod: PodIdentity, report: ServerReport, weight: number, time: number): void {
    const { started, trial: _, ...last } = report;
    const life = this.lives.get(pod.uid);
    const goesOn = life?.started === started && follows(last, life.last);
    if (goesOn && life.weight === weight) {
      this.lives.set(pod.uid, { pod, started, weight, time, base: life.base, last });
      return;
    }
    if (life !== undefined) this.close(life);
    this.lives.set(pod.uid, { pod, started, weight, time, base: goesOn ? life.last : noCounts(), last });
  }

  /** The pod could not be asked. */
  miss(pod: PodIdentity, weight: number, trouble: string, time: number): void {
    const life = this.lives.get(pod.uid) ?? { pod, started: '', weight, time, base: noCounts(), last: noCounts() };
    this.lives.set(pod.uid, { ...life, trouble });
  }

  /** Pods other than these are gone; what they have counted stays. */
  keepOnly(uids: ReadonlySet<string>): void {
    for (const [uid, life] of this.lives) {
      if (uids.has(uid)) continue;
      this.close(life);
      this.lives.delete(uid);
    }
  }

  /** In order of time: pages that are closed, then those still written to. */
  reports(): PodReport[] {
    return [...this.closed.values(), ...[...this.lives.values()].map(pageOf)];
  }

  private close(life: Life): void {
    const { trouble: _, ...page } = pageOf(life);
    const key = `${page.revision} ${page.weight}`;
    const before = this.closed.get(key);
    this.closed.set(key, before === undefined ? page : { ...page, counts: sumOf(before.counts, page.counts) });
  }
}

const pageOf = ({ pod, weight, time, base, last, trouble }: Life): PodReport => ({
  pod: pod.name,
  revision: pod.revision,
  weight,
  time,
  counts: growth(last, base),
  ...(trouble === undefined ? {} : { trouble }),
});
