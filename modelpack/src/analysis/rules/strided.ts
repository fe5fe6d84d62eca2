/** StridedSlice: `x[:, 1:3, tf.newaxis, -1]`. Pure. */
import { along, constant, isFree, known, mixing, numbers, sameSize, size, unknown, type Size } from '../value.ts';
import { attribute, input, type Call, type Known, type Rule, type Value } from './rule.ts';

/** What becomes of one dimension, or of none (`new`). */
type Part =
  'whole' | 'new' | { from: Size | undefined; to: Size | undefined; step: number | undefined; single: boolean };

const APART = 'it takes some rows from among the others';

export const stridedSlice: Rule = (call) => {
  const value = input(call, 0);
  const limits = [1, 2, 3].map((i) => input(call, i));
  if (value.axis === undefined && value.values !== undefined && value.shape?.length === 1) return ofValues(call, value);
  if (value.counts) return mixing('it computes with the number of rows');
  if (value.axis === undefined && !limits.every(isFree)) return mixing('what it takes depends on the request');
  if (limits.some(({ axis }) => axis !== undefined)) return mixing('what it takes depends on the request');
  const parts = partsOf(call, value.shape?.length);
  if (parts === undefined) return value.axis === undefined ? constant() : unknown('which part it takes is not known');
  return taken(value, parts);
};

function taken(value: Known, parts: readonly Part[]): Value {
  const sizes: Size[] = [];
  let place = 0;
  let axis: number | undefined;
  for (const part of parts) {
    if (part === 'new') {
      sizes.push(size(1));
      continue;
    }
    const own = value.shape?.[place] ?? size(undefined);
    if (place === value.axis) {
      if (!isWhole(part, own)) return mixing(APART);
      axis = sizes.length;
      sizes.push(own);
    } else if (part === 'whole' || !part.single) sizes.push(part === 'whole' ? own : length(part, own));
    place++;
  }
  if (value.axis !== undefined) axis ??= sizes.length + value.axis - place;
  const shape = value.shape && [...sizes, ...value.shape.slice(place)];
  return along(axis, shape);
}

function isWhole(part: Exclude<Part, 'new'>, own: Size): boolean {
  if (part === 'whole') return true;
  const { from, to, step, single } = part;
  const begins = from === undefined || (!from.rows && from.size === 0);
  return !single && begins && (to === undefined || sameSize(to, own)) && step === 1;
}

function length({ from, to, step }: Exclude<Part, string>, own: Size): Size {
  const count = own.size;
  const at = (one: Size | undefined, none: number) => {
    const index = one === undefined ? none : one.size;
    if (index === undefined || count === undefined) return undefined;
    return Math.min(Math.max(index < 0 ? index + count : index, 0), count);
  };
  const [first, last] = [at(from, 0), at(to, count ?? 0)];
  if (first === undefined || last === undefined || step === undefined || step < 1) return size(undefined);
  return size(Math.max(0, Math.ceil((last - first) / step)));
}

const bit = (mask: number, place: number): boolean => Math.floor(mask / 2 ** place) % 2 === 1;

/** From the front, the ellipsis as so many whole dimensions; undefined when it is not known. */
function partsOf(call: Call, rank: number | undefined): Part[] | undefined {
  const mask = (name: string) => attribute(call, name).number ?? 0;
  const [begin, end, ellipsis] = [mask('begin_mask'), mask('end_mask'), mask('ellipsis_mask')];
  const [added, shrunk] = [mask('new_axis_mask'), mask('shrink_axis_mask')];
  const [from, to, steps] = [input(call, 1).values, input(call, 2).values, known(input(call, 3))];
  const count = steps?.length ?? input(call, 1).shape?.[0]?.size ?? input(call, 2).shape?.[0]?.size;
  if (count === undefined || count > 32) return undefined;
  const places = Array.from({ length: count }, (_, i) => i);
  const consumed = places.filter((i) => !bit(ellipsis, i) && !bit(added, i)).length;
  return places.reduce<Part[] | undefined>((parts, i) => {
    if (parts === undefined) return undefined;
    if (bit(ellipsis, i)) {
      return rank === undefined ? undefined : [...parts, ...Array<Part>(Math.max(0, rank - consumed)).fill('whole')];
    }
    if (bit(added, i)) return [...parts, 'new'];
    const single = bit(shrunk, i);
    return [
      ...parts,
      {
        from: bit(begin, i) && !single ? undefined : (from?.[i] ?? size(undefined)),
        to: bit(end, i) ? undefined : (to?.[i] ?? size(undefined)),
        step: steps?.[i],
        single,
      },
    ];
  }, []);
}

/** Of a shape, or another few numbers. */
function ofValues(call: Call, value: Known): Value {
  const [part, ...others] = partsOf(call, 1) ?? [];
  const all = value.values ?? [];
  const lost = { ...constant(), counts: value.counts };
  if (part === undefined || others.length > 0 || part === 'new') return lost;
  if (part === 'whole') return value;
  if (part.from?.rows || part.to?.rows || part.step === undefined) return lost;
  return part.single ? single(part, all, lost) : several(part, all, lost);
}

type Piece = Exclude<Part, string>;

function single({ from }: Piece, all: readonly Size[], lost: Known): Known {
  const found = from?.size === undefined ? undefined : all.at(from.size);
  return found === undefined ? { ...lost, shape: [] } : numbers([found], []);
}

function several({ from, to, step }: Piece, all: readonly Size[], lost: Known): Known {
  const known = (one: Size | undefined) => one === undefined || one.size !== undefined;
  return step === 1 && known(from) && known(to) ? numbers(all.slice(from?.size ?? 0, to?.size)) : lost;
}
