/** Random numbers as text, for comparing readers and writers of numbers. Test code only. */

/** A random number generator with a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** A finite double or float32 of any size: all bits are random. */
export function randomDouble(random: () => number): number {
  do {
    words[0] = random() * 2 ** 32;
    words[1] = random() * 2 ** 32;
  } while (!Number.isFinite(double[0]));
  return double[0] ?? 0;
}

const whole = (random: () => number, below: number) => Math.floor(random() * below);
const digits = (random: () => number, count: number) => Array.from({ length: count }, () => whole(random, 10)).join('');

/** A finite number of JSON, written in one of the ways in which programs write them. */
export function randomNumber(random: () => number): string {
  const kinds = [
    () => String(whole(random, 256)),
    () => random().toFixed(1 + whole(random, 20)),
    () => String(random() * random()),
    () => String(Math.fround(random() - 0.5)),
    () => String((random() - 0.5) * 10 ** (whole(random, 40) - 25)),
    () => randomDouble(random).toExponential(whole(random, 20)),
    () => String(randomDouble(random)),
    () => (random() * 1e6).toPrecision(1 + whole(random, 20)),
    () => halfway(random),
    () => {
      const leading = `${1 + whole(random, 9)}${digits(random, whole(random, 25))}`;
      return `${leading}.${digits(random, 1 + whole(random, 25))}e${whole(random, 80) - 40}`;
    },
    () => `-0.${'0'.repeat(whole(random, 30))}${digits(random, 1 + whole(random, 20))}`,
  ];
  const text = kinds[whole(random, kinds.length)]?.() ?? '0';
  // Few digits of the largest numbers round up to infinity.
  return Number.isFinite(Number(text)) ? text : '0';
}

/** Exactly between two neighbouring doubles from 1 to 2^53, or next to it by one digit: what is hardest to round. */
function halfway(random: () => number): string {
  const exponent = whole(random, 53);
  // An odd number of 54 bits is halfway between two of 53; times 5^n and 10^-n it has at most 70 digits.
  const odd = BigInt(2 ** 53 + whole(random, 2 ** 52) * 2) * 1n + 1n;
  const text = String(odd * 5n ** BigInt(exponent));
  const point = text.length - exponent;
  const exact = `${text.slice(0, point)}.${text.slice(point) || '0'}`;
  return random() < 0.5 ? exact : `${exact}${random() < 0.5 ? '1' : '01'}`;
}
