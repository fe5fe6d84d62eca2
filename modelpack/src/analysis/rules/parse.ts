/** tf.Example as a request: each is a row. Pure. */
import { along, constant, isFree, mixing, size, unknown, type Size } from '../value.ts';
import { attribute, input, type Outcome, type Rule } from './rule.ts';

const sizes = (shape: readonly number[] | null | undefined): Size[] | undefined =>
  shape?.map((one) => size(one < 0 ? undefined : one));

/** Values of a fixed shape; those that are sparse name the number of their row. */
export const parseExample: Rule = (call): Outcome => {
  const serialized = input(call, 0);
  const { axis, shape } = serialized;
  if (axis === undefined) return serialized.counts ? mixing('it computes with the number of rows') : constant();
  if (call.inputs.slice(1).some((one) => !isFree(one))) return unknown('its keys or defaults depend on the request');
  if (axis !== 0) return unknown('the examples do not lie in the first dimension');
  const sparse = attribute(call, call.node.op === 'ParseExample' ? 'Nsparse' : 'num_sparse').number ?? 0;
  const shapes = attribute(call, 'dense_shapes').shapes ?? [];
  const scattered = unknown('a feature that is sparse names the numbers of its rows');
  return [
    ...Array.from({ length: 3 * sparse }, () => scattered),
    ...shapes.map((one) => {
      const own = sizes(one);
      return along(0, shape?.length === 1 && own ? [...shape, ...own] : undefined);
    }),
    // Ragged features.
    ...Array.from({ length: 64 }, () => scattered),
  ];
};
