/** Products of matrices. Pure. */
import { along, constant, isFree, mixing, size, unknown } from '../value.ts';
import { stretchedRows } from './elementwise.ts';
import { attribute, flag, input, type Call, type Known, type Rule, type Value } from './rule.ts';

const SUMMED = 'it sums over the rows';
const EACH_WITH_EACH = 'it multiplies each row with all rows';

/** Of the last two dimensions of each factor, the one that stays. */
interface Factor {
  value: Known;
  stays: number;
}

function multiplied(a: Factor, b: Factor): Value {
  const [rank, other] = [a.value.shape?.length, b.value.shape?.length];
  if (isFree(a.value) && isFree(b.value)) return constant();
  if (a.value.counts || b.value.counts) return mixing('it computes with the number of rows');
  if (rank === undefined || other === undefined || rank < 2 || other < 2) {
    return unknown('of a factor not even the rank is known');
  }
  const whole = Math.max(rank, other);
  const places = [place(a, rank, whole - 2), place(b, other, whole - 1)];
  if (places.includes('summed')) return mixing(SUMMED);
  const shape = [size(undefined), size(undefined)].map((none, i) => {
    const { value, stays } = i === 0 ? a : b;
    return value.shape?.at(stays) ?? none;
  });
  const outer = (value: Known, length: number): Known => {
    const inside = value.axis !== undefined && value.axis < length - 2;
    return { ...value, axis: inside ? value.axis : undefined, shape: value.shape?.slice(0, -2) };
  };
  const batches = [outer(a.value, rank), outer(b.value, other)];
  const inner = places.filter((one) => typeof one === 'number');
  if (inner.length === 2) return mixing(EACH_WITH_EACH);
  const batch = stretchedRows(batches);
  if ('verdict' in batch) return batch;
  if (inner[0] !== undefined && batch.axis !== undefined) return mixing(EACH_WITH_EACH);
  return along(inner[0] ?? batch.axis, batch.shape && [...batch.shape, ...shape]);
}

/** Where the rows are in the product when they lie in the matrix itself; `outside` of it they stay among the others. */
function place({ value, stays }: Factor, rank: number, to: number): number | 'summed' | 'outside' {
  if (value.axis === undefined || value.axis < rank - 2) return 'outside';
  return value.axis - rank === stays ? to : 'summed';
}

const named: Record<string, readonly [a: string, b: string]> = {
  MatMul: ['transpose_a', 'transpose_b'],
  _FusedMatMul: ['transpose_a', 'transpose_b'],
};

export const matmul: Rule = (call) => {
  const [first, second] = named[call.node.op] ?? ['adj_x', 'adj_y'];
  const others = call.inputs.slice(2);
  if (!others.every(isFree)) return unknown('several of its inputs have rows');
  return multiplied(
    { value: matrix(call, 0), stays: flag(call, first) ? -1 : -2 },
    { value: matrix(call, 1), stays: flag(call, second) ? -2 : -1 },
  );
};

/** MatMul takes matrices and nothing else. */
function matrix(call: Call, index: number): Known {
  const value = input(call, index);
  const rank = call.node.op in named ? 2 : undefined;
  if (value.shape !== undefined || rank === undefined) return value;
  const free = size(undefined);
  return { ...value, shape: [0, 1].map((i) => (i === value.axis ? { rows: true, size: undefined } : free)) };
}

/** Sums of products, by the letters of their dimensions. */
export const einsum: Rule = (call) => {
  const { inputs } = call;
  if (inputs.every(isFree)) return constant();
  if (inputs.some(({ counts }) => counts)) return mixing('it computes with the number of rows');
  const [from = '', to] = (attribute(call, 'equation').text ?? '').replaceAll(' ', '').split('->');
  const terms = from.split(',');
  const ranks = inputs.map(({ shape }) => shape?.length);
  if (to === undefined || terms.length !== inputs.length) return unknown('its equation cannot be read');
  if ([...terms, to].some((term) => term.includes('.')) && ranks.includes(undefined)) {
    return unknown('of a factor not even the rank is known');
  }
  const letters = terms.map((term, i) => spelled(term, ranks[i]));
  const whole = Math.max(0, ...letters.map((term) => term.filter((one) => /\d/.test(one)).length));
  const result = spelled(to, to.replaceAll('.', '').length + whole);
  const rows = new Set(inputs.flatMap(({ axis }, i) => (axis === undefined ? [] : [letters[i]?.[axis]])));
  const [letter] = rows;
  if (rows.size !== 1 || letter === undefined) return mixing(EACH_WITH_EACH);
  const against = inputs.some(({ axis, shape }, i) => {
    const at = letters[i]?.indexOf(letter) ?? -1;
    return at >= 0 && at !== axis && !(axis === undefined && shape?.[at]?.size === 1);
  });
  if (against || letters.some((term) => term.indexOf(letter) !== term.lastIndexOf(letter)))
    return mixing(EACH_WITH_EACH);
  const axis = result.indexOf(letter);
  if (axis < 0) return mixing(SUMMED);
  const sizes = (one: string) => {
    const term = letters.findIndex((candidate) => candidate.includes(one));
    return inputs[term]?.shape?.[letters[term]?.indexOf(one) ?? 0] ?? size(undefined);
  };
  const shape = result.map((one) => (one === letter ? rowSize(inputs) : /\d/.test(one) ? size(undefined) : sizes(one)));
  return along(axis, shape);
};

const rowSize = (inputs: readonly Known[]) => {
  const first = inputs.find(({ axis }) => axis !== undefined);
  return first?.shape?.[first.axis ?? 0] ?? { rows: true, size: undefined };
};

/** The dimensions of `...` are counted from the end, as they are stretched. */
function spelled(term: string, rank = 0): string[] {
  const [before = '', after] = term.split('...');
  if (after === undefined) return [...term];
  const count = Math.max(0, rank - before.length - after.length);
  return [...before, ...Array.from({ length: count }, (_, i) => String(count - 1 - i)), ...after];
}
