/** Looking up in tables. Pure. */
import { along, constant, fromFront, isFree, known, mixing, numbers, size, unknown } from '../value.ts';
import { attribute, input, type Call, type Known, type Rule, type Value } from './rule.ts';

const APART = 'it picks rows from among the others';

export const gather: Rule = (call) => {
  const [table, indices] = [input(call, 0), input(call, 1)];
  const named = call.inputs[2] === undefined ? 0 : known(call.inputs[2])?.[0];
  if (table.axis === undefined && table.values && isFree(indices)) {
    const picked = known(indices)?.map((i) => table.values?.[i] ?? size(undefined));
    if (picked !== undefined) return numbers(picked, indices.shape);
  }
  if (table.counts || indices.counts) return mixing('it computes with the number of rows');
  const place = named === undefined ? undefined : fromFront(named, table.shape?.length);
  const shared = attribute(call, 'batch_dims').number ?? 0;
  if (place === undefined || shared < 0)
    return isFree(table) && isFree(indices) ? constant() : unknown('the dimension is not known');
  return gathered(table, indices, place, shared);
};

function gathered(table: Known, indices: Known, place: number, shared: number): Value {
  const shape = table.shape &&
    indices.shape && [...table.shape.slice(0, place), ...indices.shape.slice(shared), ...table.shape.slice(place + 1)];
  if (table.axis === undefined && indices.axis !== undefined) {
    if (indices.axis < shared) return mixing('it looks each row up in a row of a table');
    return along(place + indices.axis - shared, shape);
  }
  if (table.axis === undefined) return constant(shape);
  if (indices.axis !== undefined) {
    if (indices.axis !== table.axis || table.axis >= shared) return mixing('it looks each row up among all rows');
    return along(table.axis, shape);
  }
  if (table.axis < shared) return mixing('it picks something else from each row');
  if (table.axis === place) return mixing(APART);
  if (table.axis < place) return along(table.axis, shape);
  if (indices.shape === undefined) return unknown('how many dimensions are picked is not known');
  return along(table.axis + indices.shape.length - shared - 1, shape);
}

/** Indices along the last dimension, one for each of the first dimensions of the table. */
export const gatherNd: Rule = (call) => {
  const [table, indices] = [input(call, 0), input(call, 1)];
  if (table.counts || indices.counts) return mixing('it computes with the number of rows');
  if (table.axis !== undefined) return mixing(APART);
  if (indices.axis === undefined) return constant();
  const rank = indices.shape?.length;
  if (rank === undefined) return unknown('the rank of its indices is not known');
  return indices.axis === rank - 1 ? mixing('each row is a part of one index') : along(indices.axis, undefined);
};

/** A table of words or numbers: what is found has the place of its key. */
export const lookup: Rule = (call: Call) => {
  const [table, keys] = [input(call, 0), input(call, 1)];
  if (keys.counts || !isFree(table)) return mixing('it computes with the number of rows');
  if (call.inputs.slice(2).some((one) => !isFree(one))) return unknown('its default depends on the request');
  return along(keys.axis, keys.shape);
};
