/** Operations along dimensions: they are fine as long as it is not that of the rows. Pure. */
import { along, constant, fromFront, isFree, known, mixing, numbers, product, size, unknown } from '../value.ts';
import { attribute, flag, input, type Call, type Known, type Outcome, type Rule, type Value } from './rule.ts';

const ALONG_ROWS = 'it computes along the rows';

/** Dimensions that an input names, from the front; undefined when they are not known. */
function axesOf(named: Known, rank: number | undefined): number[] | undefined {
  const axes = known(named)?.map((axis) => fromFront(axis, rank));
  return axes?.every((axis) => axis !== undefined) ? axes : undefined;
}

/** Takes dimensions together: sum, mean, largest, any, join. */
export const reduce: Rule = (call) => {
  const [value, named] = [input(call, 0), input(call, 1)];
  if (value.axis === undefined && (value.counts || (value.values && call.node.op === 'Prod')))
    return counted(call, value);
  if (!isFree(named)) return mixing('the dimensions it takes together depend on the request');
  const axes = axesOf(named, value.shape?.length);
  if (value.axis === undefined) return constant(axes && left(value, axes, keeps(call)));
  if (axes === undefined) return unknown('the dimensions that it takes together are not known');
  if (axes.includes(value.axis)) return mixing('it takes all rows together');
  const gone = keeps(call) ? 0 : axes.filter((axis) => axis < (value.axis ?? 0)).length;
  return along(value.axis - gone, left(value, axes, keeps(call)));
};

const keeps = (call: Call): boolean => flag(call, 'keep_dims');

const left = ({ shape }: Known, axes: readonly number[], keep: boolean) =>
  shape?.flatMap((one, i) => (!axes.includes(i) ? [one] : keep ? [size(1)] : []));

/** Of sizes, their product is one too. */
function counted({ node }: Call, { values, counts }: Known): Value {
  const whole = node.op === 'Prod' && values ? product(values) : undefined;
  return whole === undefined ? { ...constant([]), counts } : numbers([whole], []);
}

/** The place of the largest along one dimension. */
export const argument: Rule = (call) => {
  const value = input(call, 0);
  const axes = call.inputs[1] === undefined ? [0] : axesOf(input(call, 1), value.shape?.length);
  if (value.counts) return mixing('it computes with the number of rows');
  if (value.axis === undefined) return constant(axes && left(value, axes, false));
  if (axes === undefined) return unknown('its dimension is not known');
  if (axes.includes(value.axis)) return mixing(ALONG_ROWS);
  return along(value.axis - axes.filter((axis) => axis < (value.axis ?? 0)).length, left(value, axes, false));
};

/** Along dimensions named by the second input, without changing the shape: running sums, turning round. */
export const within: Rule = (call) => {
  const value = input(call, 0);
  const named = call.inputs[call.node.op === 'Roll' ? 2 : 1];
  if (value.counts) return mixing('it computes with the number of rows');
  if (value.axis === undefined) return constant(value.shape);
  const axes = named && axesOf(named, value.shape?.length);
  if (axes === undefined) return unknown('its dimension is not known');
  return axes.includes(value.axis) ? mixing(ALONG_ROWS) : along(value.axis, value.shape);
};

/** Along the last dimensions, of which it takes so many; `outputs` may be of another size there. */
export const innermost =
  (dimensions: number, changesSize: boolean): Rule =>
  (call): Outcome => {
    const value = input(call, 0);
    const others = call.inputs.slice(1);
    if (value.counts || others.some(({ counts }) => counts)) return mixing('it computes with the number of rows');
    if (others.some(({ axis }) => axis !== undefined)) return unknown('several of its inputs have rows');
    const { axis, shape } = value;
    if (axis === undefined) return constant(changesSize ? undefined : shape);
    if (shape === undefined) return unknown('the rank of its input is not known: it may compute along the rows');
    if (axis >= shape.length - dimensions) return mixing(ALONG_ROWS);
    return along(axis, changesSize ? undefined : shape);
  };

/** The largest along the last dimension: values, and where they are. */
export const largest: Rule = (call): Outcome => {
  const found = innermost(1, false)(call);
  if (Array.isArray(found) || 'verdict' in found) return found;
  const count = known(call.inputs[1])?.[0] ?? attribute(call, 'k').number;
  return along(
    found.axis,
    found.shape?.map((one, i, all) => (i === all.length - 1 ? size(count) : one)),
  );
};
