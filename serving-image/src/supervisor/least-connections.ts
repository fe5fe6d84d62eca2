/** Load of one worker, in connections. */
export interface Load {
  id: number;
  /** Handed over, not yet taken: the worker is busy computing. */
  waiting: number;
  /** Taken and not yet closed. */
  open: number;
}

/**
 * Which worker gets a new connection: the one with the fewest, then one that is not busy, then the next in turn. Pure.
 * Connections live long, so spreading them evenly is what spreads the requests.
 */
export function pick(loads: readonly Load[], turn: number): number | undefined {
  const order = loads.map((load, i) => ({ load, rank: (i - turn + loads.length * (turn + 1)) % loads.length }));
  order.sort((a, b) => total(a.load) - total(b.load) || a.load.waiting - b.load.waiting || a.rank - b.rank);
  return order[0]?.load.id;
}

const total = ({ waiting, open }: Load) => waiting + open;

/** A worker may hold this part more than its share before connections are moved: each move costs two messages. */
const TOLERANCE = 0.1;

/**
 * Who holds more connections than an equal share, and how many more. Pure. They come apart when a worker is replaced (its
 * clients have gone to the others by then) and when clients leave.
 */
export function surplus(loads: readonly Load[]): { id: number; count: number }[] {
  const share = loads.reduce((sum, load) => sum + total(load), 0) / loads.length;
  return loads.flatMap((load) => {
    const count = total(load) - Math.ceil(share);
    return count > share * TOLERANCE ? [{ id: load.id, count: Math.min(count, load.open) }] : [];
  });
}
