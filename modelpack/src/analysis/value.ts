/** What is known of a tensor before the model runs: where the rows of the requests lie in it. Pure. */

/** A size that does not depend on the number of rows, or (`rows`) that many times it. Undefined: it is not known. */
export interface Size {
  rows: boolean;
  size: number | undefined;
}

export interface Known {
  /** The dimension along which the rows lie; each row depends on the same row of the inputs only. Undefined: the same for all. */
  axis: number | undefined;
  /** Undefined when not even the rank is known. */
  shape: readonly Size[] | undefined;
  /** Of few whole numbers, the values. */
  values: readonly Size[] | undefined;
  /** The values depend on how many rows there are, not on what is in them. */
  counts: boolean;
  /** Elements of a list of tensors; `empty` as long as none was put in. */
  elements?: Known | 'empty';
}

export interface Doubt {
  verdict: 'mixing' | 'unknown';
  why: string;
  /** The node that decides. */
  node?: string;
}

export type Value = Known | Doubt;

export const mixing = (why: string): Doubt => ({ verdict: 'mixing', why });
export const unknown = (why: string): Doubt => ({ verdict: 'unknown', why });
export const isDoubt = (value: unknown): value is Doubt =>
  typeof value === 'object' && value !== null && 'verdict' in value;

export const size = (known: number | undefined): Size => ({ rows: false, size: known });
export const rowsTimes = (times: number | undefined): Size => ({ rows: true, size: times });

/** The same for every request. */
export const constant = (shape?: readonly Size[], values?: readonly Size[]): Known => ({
  axis: undefined,
  shape,
  values,
  counts: false,
});

/** Values that are numbers known before, or depend on the number of rows. */
export const numbers = (values: readonly Size[], shape: readonly Size[] = [size(values.length)]): Known => ({
  axis: undefined,
  shape,
  values,
  counts: values.some(({ rows }) => rows),
});

export const along = (axis: number | undefined, shape: readonly Size[] | undefined): Known => ({
  axis,
  shape,
  values: undefined,
  counts: false,
});

export const isFree = ({ axis, counts, elements }: Known): boolean =>
  axis === undefined && !counts && (elements === undefined || elements === 'empty' || isFree(elements));

export const isOne = ({ rows, size: known }: Size): boolean => !rows && known === 1;
export const sameSize = (a: Size, b: Size): boolean => a.rows === b.rows && a.size === b.size;

/** Undefined when one is not known. */
export function product(sizes: readonly Size[]): Size | undefined {
  let whole: Size = size(1);
  for (const one of sizes) {
    if (whole.rows && one.rows) return undefined;
    const known = whole.size === undefined || one.size === undefined ? undefined : whole.size * one.size;
    whole = { rows: whole.rows || one.rows, size: known };
  }
  return whole;
}

/** The whole numbers of a value that does not depend on the rows; undefined when one is not known. */
export function known(value: Known | undefined): number[] | undefined {
  const found = value?.values?.map((one) => (one.rows ? undefined : one.size));
  return found?.every((one) => one !== undefined) ? found : undefined;
}

/** From the front; undefined when it cannot be told. */
export function fromFront(axis: number, rank: number | undefined): number | undefined {
  if (axis >= 0) return axis;
  return rank === undefined ? undefined : axis + rank;
}

/** What holds of both. */
export function either(a: Known, b: Known): Value {
  if (a.axis !== b.axis) return unknown('the rows lie in different dimensions, whichever way it goes');
  const elements = eitherElements(a.elements, b.elements);
  if (isDoubt(elements)) return elements;
  const shape =
    a.shape && b.shape && a.shape.length === b.shape.length
      ? a.shape.map((one, i) => common(one, b.shape?.[i] ?? one))
      : undefined;
  const values =
    a.values?.length === b.values?.length && a.values?.every((one, i) => sameSize(one, b.values?.[i] ?? one));
  return {
    axis: a.axis,
    shape,
    values: values ? a.values : undefined,
    counts: a.counts || b.counts,
    ...(elements === undefined ? {} : { elements }),
  };
}

function eitherElements(a: Known['elements'], b: Known['elements']): Known['elements'] | Doubt {
  if (a === undefined || b === undefined) return a === b ? undefined : unknown('one of both is no list');
  if (a === 'empty') return b;
  return b === 'empty' ? a : either(a, b);
}

const common = (a: Size, b: Size): Size => (sameSize(a, b) ? a : { rows: a.rows && b.rows, size: undefined });

export const alike = (a: Known, b: Known): boolean => JSON.stringify(a) === JSON.stringify(b);
