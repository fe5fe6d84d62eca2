/** Layers in which every step looks at all others. */
import { attribute } from '../../graph-writer.ts';
import { Unreadable } from '../config.ts';
import { input, type LayerCall, type LayerRule } from '../layer.ts';
import {
  add,
  addBias,
  batchProduct,
  binary,
  cast,
  integer,
  multiply,
  reduce,
  select,
  subtract,
  unary,
} from '../ops.ts';
import type { Scope } from '../scope.ts';
import { expandDims, reshape, sizeAt, tile, transpose } from '../shapes.ts';
import { masked, type Tensor } from '../tensor.ts';
import { dense } from './core.ts';

interface Given {
  query: Tensor;
  value: Tensor;
  key: Tensor;
}

function givenTo({ inputs, named }: LayerCall): Given {
  const [query, second, third] = inputs;
  const value = named.tensor('value') ?? second;
  const key = named.tensor('key') ?? third ?? value;
  if (query === undefined || value === undefined || key === undefined) throw new Unreadable('is given too few tensors');
  const own = (x: Tensor, name: string) => masked(x, named.tensor(name) ?? x.mask);
  return { query: own(query, 'query_mask'), value: own(value, 'value_mask'), key: own(key, 'key_mask') };
}

/** A step sees those before it and itself. */
function causal(g: Scope, query: Tensor, key: Tensor): Tensor {
  const range = (x: Tensor) => {
    const limits = [integer(g, 0), sizeAt(g, x, 1), integer(g, 1)];
    return g.emit('Range', limits, { Tidx: attribute.type('INT32') }, { dtype: 'INT32', shape: [x.shape[1] ?? -1] });
  };
  return binary(g, 'GreaterEqual', expandDims(g, range(query), 1), expandDims(g, range(key), 0));
}

const both = (g: Scope, a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined =>
  a === undefined ? b : b === undefined ? a : binary(g, 'LogicalAnd', a, b);

/** Which step of the key each step of the query sees: [rows or 1, query, key]. */
function seen(call: LayerCall, { query, value, key }: Given): Tensor | undefined {
  const { g, named, inputs } = call;
  const own = named.tensor('attention_mask');
  const explicit = own && cast(g, own, 'BOOL');
  const columns = [value, ...(inputs.length > 2 && key.ref !== value.ref ? [key] : [])];
  let mask = query.mask && expandDims(g, query.mask, 2);
  for (const { mask: one } of columns) mask = both(g, mask, one && expandDims(g, one, 1));
  if (named.flag('use_causal_mask')) mask = both(g, mask, causal(g, query, key));
  return both(g, mask, explicit);
}

interface Heads {
  query: number;
  key: number;
  size: number;
  valueSize: number;
}

/** Rows, heads, steps, width. */
function headsOf(call: LayerCall, x: Tensor, name: string, heads: number, size: number): Tensor {
  const { g, config, weights } = call;
  const width = x.shape.at(-1) ?? -1;
  const flat = (shape: readonly number[]) => [...shape.slice(0, -2), (shape.at(-2) ?? 1) * (shape.at(-1) ?? 1)];
  const y = dense(g, x, weights.take(g, `${name}_kernel`, [width, heads, size], flat));
  const biased = config.flag('use_bias', true)
    ? addBias(g, y, weights.take(g, `${name}_bias`, [heads, size], flat))
    : y;
  return transpose(g, steps(g, biased, [heads, size]), [0, 2, 1, 3]);
}

/** The innermost dimension in another shape. */
function steps(g: Scope, x: Tensor, inner: readonly number[]): Tensor {
  const [rows = -1, count = -1] = x.shape;
  const first = count >= 0 ? [-1, count] : [sizeAt(g, x, 0), sizeAt(g, x, 1)];
  return reshape(g, x, [...first, ...inner], [rows, count, ...inner]);
}

function multiHead(call: LayerCall, heads: Heads): Tensor[] {
  const { g, config, named, weights } = call;
  const given = givenTo(call);
  const { query, value, key } = given;
  if ([query, value, key].some(({ shape }) => shape.length !== 3))
    throw new Unreadable('is given more than rows, steps and one dimension more');
  config.ignore('flash_attention', 'dropout', 'query_shape', 'key_shape', 'value_shape');
  const axes = config.raw('attention_axes') ?? [1];
  if (JSON.stringify(axes) !== '[1]') throw new Unreadable('has attention_axes of its own, which is not converted yet');
  config.expect('sliding_window', undefined, 'has a sliding_window, which is not converted yet');
  config.expect('use_gate', false, 'has a gate (use_gate), which is not converted yet');
  const q = headsOf(call, query, 'query', heads.query, heads.size);
  const shared = (x: Tensor) => repeatHeads(g, x, heads.query / heads.key);
  const k = shared(headsOf(call, key, 'key', heads.key, heads.size));
  const v = shared(headsOf(call, value, 'value', heads.key, heads.valueSize));
  const mask = seen(call, given);
  const scores = batchProduct(g, multiply(g, q, 1 / Math.sqrt(heads.size)), k, true);
  const wide = mask && (mask.shape.length === 3 ? expandDims(g, mask, 1) : mask);
  const hidden = wide && select(g, wide, scores, scores.dtype === 'FP16' ? -3e4 : -1e30);
  const plain = unary(g, 'Softmax', hidden ?? scores);
  const wanted = named.flag('return_attention_scores');
  // Keras takes another way with dropout: a step that sees nothing sees nothing there, and all alike else.
  const zeroed = wide !== undefined && call.keras === 3 && (wanted || config.number('dropout', 0) > 0);
  const share = zeroed ? select(g, wide, plain, 0) : plain;
  const mixed = transpose(g, batchProduct(g, share, v), [0, 2, 1, 3]);
  const size = heads.query * heads.valueSize;
  const out = weights.take(g, 'output_kernel', undefined, (shape) => {
    if (shape.length !== 3)
      throw new Unreadable('has an output_shape of several dimensions, which is not converted yet');
    return [size, shape.at(-1) ?? -1];
  });
  config.ignore('output_shape');
  const projected = dense(g, steps(g, mixed, [size]), out);
  const answer = config.flag('use_bias', true)
    ? addBias(g, projected, weights.take(g, 'output_bias', [out.shape[1] ?? -1]))
    : projected;
  const kept = masked(answer, query.mask);
  return wanted ? [kept, share] : [kept];
}

/** Several heads of the query share one of the key. */
function repeatHeads(g: Scope, x: Tensor, times: number): Tensor {
  if (times === 1) return x;
  const [rows = -1, heads = -1, count = -1, size = -1] = x.shape;
  const wide = tile(g, expandDims(g, x, 2), [1, 1, times, 1, 1]);
  const first = count >= 0 ? -1 : sizeAt(g, x, 0);
  const length = count >= 0 ? count : sizeAt(g, x, 2);
  return reshape(g, wide, [first, heads * times, length, size], [rows, heads * times, count, size]);
}

function multiHeadAttention(call: LayerCall): Tensor[] {
  const { config } = call;
  const [count, size] = [config.number('num_heads'), config.number('key_dim')];
  return multiHead(call, { query: count, key: count, size, valueSize: config.number('value_dim', size) });
}

function groupedQueryAttention(call: LayerCall): Tensor[] {
  const { config } = call;
  const size = config.number('head_dim');
  const [query, key] = [config.number('num_query_heads'), config.number('num_key_value_heads')];
  return multiHead(call, { query, key, size, valueSize: size });
}

/** The steps of the value, each by its score. */
function attend(call: LayerCall, given: Given, scores: Tensor): Tensor[] {
  const { g, named, config } = call;
  config.ignore('dropout');
  const { query, value, key } = given;
  const own = value.mask && expandDims(g, value.mask, 1);
  const mask = named.flag('use_causal_mask') ? both(g, own, causal(g, query, key)) : own;
  const hidden = mask && select(g, mask, scores, subtract(g, scores, scores.dtype === 'FP16' ? 65504 : 1e9));
  const share = unary(g, 'Softmax', hidden ?? scores);
  const mixed = batchProduct(g, share, value);
  const answer =
    query.mask === undefined ? mixed : multiply(g, mixed, cast(g, expandDims(g, query.mask, 2), mixed.dtype));
  const kept = masked(answer, query.mask);
  return named.flag('return_attention_scores') ? [kept, share] : [kept];
}

function attention(call: LayerCall): Tensor[] {
  const { g, config, weights } = call;
  const given = givenTo(call);
  const { query, key } = given;
  const scale = config.flag('use_scale', false) ? weights.take(g, 'scale', []) : undefined;
  const mode = config.text('score_mode', 'dot');
  if (mode === 'dot') {
    const scores = batchProduct(g, query, key, true);
    return attend(call, given, scale === undefined ? scores : multiply(g, scores, scale));
  }
  if (mode !== 'concat') throw new Unreadable(`has the score_mode ${mode}, which is not understood`);
  const weight = weights.take(g, 'concat_score_weight', []);
  const sum = add(g, expandDims(g, query, 2), expandDims(g, key, 1));
  const bent = unary(g, 'Tanh', scale === undefined ? sum : multiply(g, sum, scale));
  return attend(call, given, multiply(g, reduce(g, 'Sum', bent, [-1]), weight));
}

function additiveAttention(call: LayerCall): Tensor[] {
  const { g, config, weights } = call;
  const given = givenTo(call);
  const bent = unary(g, 'Tanh', add(g, expandDims(g, given.query, 2), expandDims(g, given.key, 1)));
  const scaled = config.flag('use_scale', true)
    ? multiply(g, bent, weights.take(g, 'scale', [input(call).shape.at(-1) ?? -1]))
    : bent;
  return attend(call, given, reduce(g, 'Sum', scaled, [-1]));
}

const rule = (convert: LayerRule['convert'], note?: string): LayerRule => ({
  convert,
  mask: 'own',
  ...(note && { note }),
});
const OF_HEADS = 'of rows, steps and one dimension more; without attention_axes, a sliding window or a gate of its own';

export const ATTENTION: Readonly<Record<string, LayerRule>> = {
  MultiHeadAttention: rule(multiHeadAttention, OF_HEADS),
  GroupQueryAttention: rule(groupedQueryAttention, OF_HEADS),
  GroupedQueryAttention: rule(groupedQueryAttention, OF_HEADS),
  Attention: rule(attention),
  AdditiveAttention: rule(additiveAttention),
};
