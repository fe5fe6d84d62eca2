/** What a model is asked before it serves: its own requests, which it must answer, and made-up ones, which are advice. */
import type { NonFiniteOutput } from '@modeldeployment/modelpack/contract';
import { differing } from '../batching/alike.ts';
import { probe, type Finding } from '../batching/probe.ts';
import { countNonFinite } from '../telemetry/instrumented-predictor.ts';
import { KINDS, madeUp, type Examples } from './made-up.ts';
import { mustAnswer, ownRequests, type WarmupRequest } from './own-requests.ts';
import { isBatched, rowsOf, turned } from '../model/rows.ts';
import { mayBeTried } from '../model/served.ts';
import { type Judgement, type Predictor, type ServedModel, type Signature, type Tensor } from '../model/types.ts';
import { RunError } from '../errors.ts';

export interface WarmedUp {
  /** Signatures whose rows can be run together with those of other requests: they do not depend on one another. */
  batched: ReadonlySet<string>;
  /** What did not go well and does not matter, in words. */
  notes: readonly string[];
  /** Outputs that had a NaN or an infinity for a made-up request. */
  nonFinite: readonly NonFiniteOutput[];
}

/** When rows of different requests are run together: where they are found independent, or as somebody says who knows. */
export type Joining = 'auto' | 'on' | 'off';

export interface WarmUp {
  predictor: Predictor;
  model: ServedModel;
  /** With the requests of its own. */
  directory: string;
  joining: Joining;
  /** Most rows of a batch. */
  batchRows: number;
  /** So long each signature may be tried with rows that are joined, in milliseconds. */
  budgetMs: number;
  /** What the graph tells of each signature. */
  judged: ReadonlyMap<string, Judgement>;
  /** Called before it is tried what nobody has promised that the model takes, which may end the process; absent where it is not to be tried. */
  trying: (() => Promise<void>) | undefined;
}

/** @throws FatalError WarmupFailed when the model does not answer a request of its own */
export async function warmUp(options: WarmUp): Promise<WarmedUp> {
  const { predictor, model, directory, judged } = options;
  const own = await ownRequests(directory, model);
  for (const request of own) if (mayBeTried(judged, request.signature)) await mustAnswer(predictor, request);
  const batched = new Set<string>();
  const notes: string[] = [];
  const nonFinite: NonFiniteOutput[] = [];
  if (options.trying) await options.trying();
  else notes.push(UNTRIED);
  for (const [name, signature] of model.signatures) {
    if (!mayBeTried(judged, name)) {
      notes.push(`signature ${name}: it changes what later requests are answered, so nothing was asked by it`);
      continue;
    }
    const requests = own.filter((request) => request.signature === name);
    const made =
      requests.length === 0 && options.trying
        ? await askMadeUp(predictor, name, signature, judged.get(name)?.examples)
        : undefined;
    if (made && 'refusal' in made) notes.push(`signature ${name}: ${unanswered(made.refusal)}`);
    const lost = made && 'outputs' in made ? nonFiniteOf(name, made.outputs) : [];
    nonFinite.push(...lost);
    if (lost.length > 0) notes.push(`signature ${name}: ${notFinite(lost.map(({ output }) => output))}`);
    if (!isBatched(signature)) continue;
    const obstacle = await obstacleTo(options, name, signature, requests);
    if (obstacle === undefined) batched.add(name);
    else if (obstacle) notes.push(`signature ${name}: ${obstacle}; requests are run one by one`);
  }
  return { batched, notes, nonFinite };
}

const nonFiniteOf = (signature: string, outputs: readonly Tensor[]): NonFiniteOutput[] =>
  outputs
    .map((output) => ({ signature, output: output.name, values: countNonFinite([output]) }))
    .filter(({ values }) => values > 0);

const UNTRIED =
  "a worker ended, or did not go on, while it tried requests made up for the model, so no more are tried; put some that it takes into the model's warmup.json";

const notFinite = (outputs: string[]) =>
  `it answers NaN or an infinity to a request made up for it, in ${outputs.join(', ')}; look for damaged weights`;

const unanswered = (refusal: string) =>
  `it refuses the requests made up for it (${refusal}); put one that it takes into the model's warmup.json`;

/**
 * Runs a signature with inputs made up for it, of the first kind that it takes, so that no client waits for what a first run costs.
 * A refusal says nothing against the model.
 */
export async function askMadeUp(
  predictor: Predictor,
  name: string,
  signature: Signature,
  examples: Examples,
): Promise<{ inputs: Tensor[]; outputs: Tensor[] } | { refusal: string }> {
  let refusal = '';
  for (const kind of KINDS) {
    const inputs = madeUp(signature, 0, kind, examples);
    try {
      return { inputs, outputs: await predictor.predict(name, inputs) };
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      refusal = error.message;
    }
  }
  return { refusal };
}

/** Why rows of the signature are not run together with others, in words, which are none where somebody wants it so. */
async function obstacleTo(
  options: WarmUp,
  name: string,
  signature: Signature,
  requests: readonly WarmupRequest[],
): Promise<string | undefined> {
  const { predictor, joining, batchRows, budgetMs, judged } = options;
  if (joining === 'off' || batchRows < 2) return '';
  if (joining === 'on') return undefined;
  if (!options.trying) return 'its rows could not be tried together';
  const { rows, node, why = 'nothing is known of its rows' } = judged.get(name)?.rows ?? { rows: 'unknown' };
  if (rows !== 'rowWise') return `${node === undefined ? '' : `node ${node}: `}${why}`;
  const tried: Finding[] = [];
  const started = performance.now();
  for (const pool of [
    ownRows(requests),
    ...KINDS.map((kind) => madeUpRows(signature, kind, judged.get(name)?.examples)),
  ]) {
    const left = budgetMs - (performance.now() - started);
    const finding = await probe({ predictor, signature: name, rows: pool, batchRows, budgetMs: left });
    if (finding.rows === 'dependent') return finding.because;
    tried.push(finding);
    // The kinds of made-up rows stand in for each other.
    if (finding.rows === 'independent' && tried.length > 1) break;
  }
  if (tried.some(({ rows: found }) => found === 'independent')) return undefined;
  const reasons = tried.map((finding) => ('because' in finding ? finding.because : ''));
  return reasons.at(requests.length > 0 ? 0 : 1);
}

const POOL = 8;

/** Those of the requests, and the same values in other places. */
function ownRows(requests: readonly WarmupRequest[]): Tensor[][] {
  const rows = requests.flatMap(({ inputs }) => rowsOf(inputs));
  const shapes = (row: readonly Tensor[]) => JSON.stringify(row.map(({ shape }) => shape));
  const alike = rows.filter((row) => shapes(row) === shapes(rows[0] ?? []));
  const others = alike.slice(0, POOL).flatMap((row) => [1, 2, 3].map((by) => turned(row, by)));
  return distinct([...alike.slice(0, POOL), ...others]);
}

const madeUpRows = (signature: Signature, kind: (typeof KINDS)[number], examples: Examples): Tensor[][] =>
  distinct(Array.from({ length: POOL }, (_, row) => madeUp(signature, row, kind, examples)));

const distinct = (rows: readonly Tensor[][]): Tensor[][] =>
  rows.filter((row, i) => !rows.slice(0, i).some((earlier) => differing(row, earlier) === undefined));
