const SUFFIX: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/**
 * Value of a Kubernetes quantity such as "500m" or "1Gi" (cores or bytes); NaN when it is none. The API server rewrites
 * quantities ("1000m" comes back as "1"), so they are compared by value.
 */
export function quantityValue(quantity: string | number): number {
  const match = /^([0-9.]+)([a-zA-Z]*)$/.exec(String(quantity));
  const factor = match?.[2] === undefined ? undefined : SUFFIX[match[2]];
  return match === null || factor === undefined ? Number.NaN : Number(match[1]) * factor;
}

/** Pods that a number or percentage of `replicas` stands for. */
export function portionOf(portion: number | string, replicas: number, round: 'up' | 'down'): number {
  if (typeof portion === 'number') return portion;
  const exact = (Number(portion.replace('%', '')) / 100) * replicas;
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact);
}
