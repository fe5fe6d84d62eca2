/** Lists of tensors, as loops over time have them. Pure. */
import { along, constant, either, isDoubt, isFree, mixing, size, unknown } from '../value.ts';
import { attribute, input, type Known, type Rule, type Value } from './rule.ts';

const NO_LIST = 'its input is no list that we have seen made';
const list = (elements: Known | 'empty'): Known => ({ ...constant([]), elements });

const PLACE = 'which element it takes depends on the request';

export const newList: Rule = ({ inputs: [shape, count] }) =>
  shape?.axis === undefined && (count === undefined || isFree(count))
    ? list('empty')
    : mixing('it is as long as there are rows');

export const listFromTensor: Rule = (call) => {
  const value = input(call, 0);
  if (value.counts) return mixing('it computes with the number of rows');
  if (value.axis === 0) return mixing('it goes row by row');
  const shape = value.shape?.slice(1);
  return list(value.axis === undefined ? constant(shape) : along(value.axis - 1, shape));
};

export const listElement: Rule = (call) => {
  const { elements } = input(call, 0);
  if (call.inputs.slice(1).some((one) => !isFree(one))) return mixing(PLACE);
  return elements === undefined || elements === 'empty' ? unknown(NO_LIST) : elements;
};

/** An element that was never set is zero in the shape of the others. */
export const setElement: Rule = (call) => {
  const [{ elements }, place, value] = [input(call, 0), input(call, 1), input(call, 2)];
  if (!isFree(place)) return mixing(PLACE);
  return withElement(elements, value);
};

export const pushElement: Rule = (call) => withElement(input(call, 0).elements, input(call, 1));

function withElement(elements: Known['elements'], value: Known): Value {
  if (elements === undefined) return unknown(NO_LIST);
  const both = elements === 'empty' ? value : either(elements, value);
  return isDoubt(both) ? both : list(both);
}

/** The list, and its last element. */
export const popElement: Rule = (call) => {
  const popped = input(call, 0);
  const { elements } = popped;
  return elements === undefined || elements === 'empty' ? unknown(NO_LIST) : [popped, elements];
};

export const stackList: Rule = (call) => {
  const { elements } = input(call, 0);
  if (elements === undefined || elements === 'empty') return unknown(NO_LIST);
  const { number: count = -1 } = attribute(call, 'num_elements');
  const shape = elements.shape && [size(count < 0 ? undefined : count), ...elements.shape];
  return { ...along(elements.axis === undefined ? undefined : elements.axis + 1, shape), counts: elements.counts };
};

export const listLength: Rule = () => constant([]);
