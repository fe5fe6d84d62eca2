/** Load of one worker, in connections. */
export interface Load {
  id: number;
  /** Handed over, not yet taken: the worker is busy computing. */
  waiting: number;
  /** Taken and not yet closed. */
  open: number;
}

/**
 * Which worker gets a new connection: one that is not busy, then the one with the fewest connections, then the next in
 * turn. Pure. Connections live long, so spreading them evenly is what spreads the requests.
 */
export function pick(loads: readonly Load[], turn: number): number | undefined {
  const order = loads.map((load, i) => ({ load, rank: (i - turn + loads.length * (turn + 1)) % loads.length }));
  order.sort((a, b) => a.load.waiting - b.load.waiting || a.load.open - b.load.open || a.rank - b.rank);
  return order[0]?.load.id;
}
