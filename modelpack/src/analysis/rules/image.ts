/** Convolutions, pools and what else treats its first dimension as one of images. Pure. */
import { along, constant, isFree, known, mixing, size, unknown, type Size } from '../value.ts';
import { attribute, flag, input, type Call, type Known, type Rule } from './rule.ts';

/** Along the first dimension it goes image by image; everything else is the same for all. */
function images(call: Call, shape: (value: Known) => readonly Size[] | undefined) {
  const value = input(call, 0);
  if (call.inputs.some(({ counts }) => counts)) return mixing('it computes with the number of rows');
  if (call.inputs.slice(1).some((one) => !isFree(one))) return unknown('several of its inputs have rows');
  if (value.axis === undefined) return constant(shape(value));
  if (value.axis !== 0) return mixing('the rows do not lie in its first dimension, that of images');
  return along(0, shape(value));
}

const channelsFirst = (call: Call): boolean => /^NC(HW|DHW)/.test(attribute(call, 'data_format').text ?? '');

/** What a window of so many elements leaves of a dimension. */
function windows(call: Call, value: Known, window: (place: number) => number | undefined): Size[] | undefined {
  const { shape } = value;
  const [strides, dilations] = ['strides', 'dilations'].map((name) => attribute(call, name).numbers);
  const padding = attribute(call, 'padding').text;
  return shape?.map((one, i) => {
    if (i === 0 || one.rows) return one;
    const [stride, width] = [strides?.[i] ?? 1, window(i)];
    if (one.size === undefined || width === undefined || stride < 1) return size(undefined);
    const reach = (width - 1) * (dilations?.[i] ?? 1) + 1;
    if (padding === 'SAME') return size(Math.ceil(one.size / stride));
    return size(padding === 'VALID' ? Math.ceil((one.size - reach + 1) / stride) : undefined);
  });
}

export const convolution: Rule = (call) => {
  const filter = call.inputs[1]?.shape;
  const depthwise = call.node.op.includes('Depthwise');
  return images(call, (value) => {
    const rank = value.shape?.length;
    const channel = channelsFirst(call) ? 1 : (rank ?? 0) - 1;
    const spatial = (place: number) => filter?.[channel === 1 ? place - 2 : place - 1]?.size;
    const channels = depthwise
      ? size(multiply(filter?.at(-1)?.size, filter?.at(-2)?.size))
      : (filter?.at(-1) ?? size(undefined));
    const whole = windows(call, value, (place) => (place === channel ? 1 : spatial(place)));
    return whole?.map((one, i) => (i === channel ? channels : one));
  });
};

const multiply = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? undefined : a * b;

/** With the shape of the result as its first input, as `Conv2DTranspose` is exported. */
export const convolutionBackwards: Rule = (call) => {
  const [shape, filter, value] = [input(call, 0), input(call, 1), input(call, 2)];
  if (!isFree(filter)) return unknown('several of its inputs have rows');
  const { values } = shape;
  if (value.axis === undefined) return isFree(shape) ? constant() : unknown('its shape depends on the number of rows');
  const rows = value.shape?.[0];
  const [first] = values ?? [];
  const fits = first?.rows === true && first.size === rows?.size;
  if (value.axis !== 0 || !fits) return unknown('its result may have another number of rows');
  return along(0, values);
};

export const pool: Rule = (call) => {
  const wide = (name: string) => attribute(call, name).numbers ?? known(call.inputs[name === 'ksize' ? 1 : 2]);
  const [window, strides] = [wide('ksize'), wide('strides')];
  if (window === undefined || strides === undefined) return unknown('its window is not known');
  if (window[0] !== 1 || strides[0] !== 1) return mixing('its window reaches over several rows');
  if (flag(call, 'include_batch_in_index')) return mixing('its answer tells the place among the rows');
  return images(call, (value) => windows(call, value, (place) => window[place]));
};

/** With statistics of the batch while it is trained, without otherwise. */
export const batchNorm: Rule = (call) => {
  if (flag(call, 'is_training', true))
    return mixing('it normalises by the mean of all rows, as in training (is_training)');
  const found = images(call, ({ shape }) => shape);
  return 'verdict' in found ? found : [found, ...Array.from({ length: 5 }, () => constant())];
};

/** Another height and width. */
export const resize: Rule = (call) => {
  const sizes = known(call.inputs[1]);
  return images(call, ({ shape }) => shape?.map((one, i) => (i === 1 || i === 2 ? size(sizes?.[i - 1]) : one)));
};

export const perImage: Rule = (call) => images(call, ({ shape }) => shape);

/** Channels become places, or the other way round; patches. */
export const reshapedImages: Rule = (call) => {
  const window = attribute(call, 'ksizes').numbers ?? [1];
  if (window[0] !== 1) return mixing('its window reaches over several rows');
  const block = attribute(call, 'block_size').number;
  const { op } = call.node;
  return images(call, ({ shape }) =>
    shape?.map((one, i) => {
      if (i === 0) return one;
      if (block === undefined || one.size === undefined || channelsFirst(call)) return size(undefined);
      const wider = (op === 'DepthToSpace') === i < 3;
      const factor = i < 3 ? block : block * block;
      return size(wider ? one.size * factor : Math.floor(one.size / factor));
    }),
  );
};
