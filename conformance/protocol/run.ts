/** Puts the suite to a server. */
import type { Case, Request, Tensor } from './case.ts';
import { judge, type Reply } from './judge.ts';
import { MODEL } from './models.ts';
import { send } from './send.ts';
import { DENSE, type Subject, type TensorSpec } from './subject.ts';
import { casesV1 } from './v1/index.ts';
import { get, sound } from './v2/build.ts';
import { casesV2 } from './v2/index.ts';

export type Protocol = 'v1' | 'v2';

export interface Verdict {
  title: string;
  protocol: Protocol;
  level: Case['level'];
  /** Absent when the answer was right. */
  problem?: string;
}

export interface Report {
  verdicts: Verdict[];
  /** Cases of models that the server does not have. */
  skipped: number;
}

const PROTOCOLS: readonly Protocol[] = ['v1', 'v2'];

export interface Choice {
  /** Part of the titles of those that are run. */
  only?: string;
  protocols?: readonly Protocol[];
}

/** @param model the one that the general cases are about; those that need a model of the suite are skipped where it is missing */
export async function runSuite(
  url: URL,
  model: string,
  { only = '', protocols = PROTOCOLS }: Choice = {},
): Promise<Report> {
  const subject = await describe(url, model);
  const there = new Set<string>();
  for (const name of Object.values(MODEL)) if (await answers(url, name)) there.add(name);
  const [baseline] = await repliesTo(url, sound(subject));
  const dense = there.has(MODEL.dense) && model !== MODEL.dense ? await describe(url, MODEL.dense) : subject;
  const cases: [Protocol, Case][] = [
    ...casesV2(subject, outputsOf(baseline)).map((one): [Protocol, Case] => ['v2', one]),
    ...casesV1(dense.version).map((one): [Protocol, Case] => ['v1', one]),
  ];
  const report: Report = { verdicts: [], skipped: 0 };
  for (const [protocol, one] of cases) {
    if (!one.title.includes(only) || !protocols.includes(protocol)) continue;
    if (one.model !== undefined && !there.has(one.model)) {
      report.skipped++;
      continue;
    }
    const problem = judge(one, await send(url, one.request));
    report.verdicts.push({ title: one.title, protocol, level: one.level, ...(problem !== undefined && { problem }) });
  }
  return report;
}

/** The model as the server describes it. */
async function describe(url: URL, model: string): Promise<Subject> {
  const [reply] = await repliesTo(url, get(`/v2/models/${model}`));
  // Some servers write null where they know nothing.
  const known = parse(reply) as Record<'versions' | 'inputs' | 'outputs', unknown> | undefined;
  const list = <T>(value: unknown): T[] => (Array.isArray(value) ? (value as T[]) : []);
  const inputs = list<TensorSpec>(known?.inputs).map(spec);
  const outputs = list<TensorSpec>(known?.outputs).map(spec);
  const assumed = inputs.length > 0 ? { inputs, outputs } : DENSE;
  return { ...assumed, model, version: list<string>(known?.versions).at(-1) ?? DENSE.version };
}

const spec = ({ name, datatype, shape }: TensorSpec): TensorSpec => ({ name, datatype, shape: shape.map(Number) });

/** Whether the server has a model, by either protocol. */
async function answers(url: URL, model: string): Promise<boolean> {
  for (const path of [`/v2/models/${model}/ready`, `/v1/models/${model}`]) {
    if ((await repliesTo(url, get(path)))[0]?.status === 200) return true;
  }
  return false;
}

async function repliesTo(url: URL, request: Request): Promise<readonly Reply[]> {
  const outcome = await send(url, request);
  if ('failure' in outcome) throw new Error(`${url.href} does not answer: ${outcome.failure}`);
  return outcome.replies;
}

function outputsOf(reply: Reply | undefined): Record<string, Tensor> {
  const { outputs = [] } = (parse(reply) ?? {}) as { outputs?: (Tensor & { name: string })[] };
  return Object.fromEntries(
    outputs.map(({ name, shape = [], datatype = '', data }) => [
      name,
      { shape, datatype, data: data.flat(Infinity) as number[] },
    ]),
  );
}

function parse(reply: Reply | undefined): unknown {
  try {
    return JSON.parse(reply?.body.toString('utf8') ?? '');
  } catch {
    return undefined;
  }
}
