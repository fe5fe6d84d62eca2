import { ageOf, secondsSince, spanOf } from './age.ts';
import { hintsOf } from './hints.ts';
import { type Cell, type Column, entry, table } from './layout.ts';
import type { Style, Tone } from './style.ts';
import type { PodNode, ReplicaSetNode, RevisionNode, Role, Tree } from './tree.ts';

export interface Canvas {
  /** Characters; Infinity where lines are not to be cut. */
  width: number;
  style: Style;
  /** Milliseconds since the epoch. */
  now: number;
}

const LABEL_WIDTH = 11;

const PHASE: Record<string, Tone> = {
  Ready: 'good',
  Pinned: 'good',
  Pending: 'busy',
  Progressing: 'busy',
  Trial: 'busy',
  Paused: 'busy',
  Degraded: 'bad',
  RolledBack: 'bad',
  Failed: 'bad',
  Stopped: 'off',
};
export const phaseTone = (phase: string | undefined): Tone => PHASE[phase ?? ''] ?? 'busy';

const ROLE: Record<Role, { tone: Tone; word: string }> = {
  stable: { tone: 'good', word: 'stable' },
  trial: { tone: 'busy', word: 'on trial' },
  target: { tone: 'busy', word: 'target' },
  failed: { tone: 'bad', word: 'failed' },
  old: { tone: 'off', word: 'old' },
};

const COLUMNS: readonly Column[] = [
  { title: 'NAME', least: 24, cut: 'middle' },
  { title: 'STATUS', least: 14 },
  { title: 'AGE', yields: 2 },
  { title: 'INFO', least: 10, yields: 1 },
];

/** The whole picture of one ModelDeployment: how it stands, and the tree of its pods. */
export function drawTree(tree: Tree, canvas: Canvas): string[] {
  const hints = hintsOf(tree);
  return [
    ...summary(tree, canvas),
    '',
    ...table(COLUMNS, rowsOf(tree, canvas), canvas.width, canvas.style),
    ...(tree.others === 0 ? [] : ['', canvas.style.faint(othersOf(tree))]),
    ...(hints.length === 0 ? [] : ['', ...hints.flatMap((hint) => entry('next', hint, 6, canvas.width, canvas.style))]),
    ...tree.missing.flatMap(({ kind, why }) => entry('', `not shown: ${kind} (${why})`, 0, canvas.width, canvas.style)),
  ];
}

const othersOf = ({ others, name }: Tree): string =>
  `${others} more ${others === 1 ? 'revision' : 'revisions'} to return to: kubectl mdep history ${name}`;

/** How it stands, one fact a line; what is not the case has no line. */
function summary(tree: Tree, canvas: Canvas): string[] {
  const { status, name, namespace } = tree;
  const { style, width } = canvas;
  const phase = status.phase ?? 'Pending';
  const tone = phaseTone(phase);
  const lines = facts(tree, canvas).flatMap(([label, words]) => entry(label, words, LABEL_WIDTH, width, style));
  const head = [
    style.strong(name),
    style.paint(tone, `${style.mark[tone]} ${phase}`),
    `${status.ready ?? '0/0'} ready`,
  ];
  return [`${head.join('  ')}  ${style.faint(`in ${namespace}`)}`, ...lines];
}

function facts(tree: Tree, canvas: Canvas): [string, string][] {
  const { status, uri, rollbackTo } = tree;
  const { stable, target, trial, baking, url } = status;
  const { now } = canvas;
  const told: [string, string | undefined][] = [
    ['model', uri],
    ['stable', revisionText(stable)],
    ['target', target?.revision === stable?.revision ? undefined : revisionText(target)],
    ['rollbackTo', rollbackTo === undefined ? undefined : rollbackText(rollbackTo)],
    ['url', url],
    ['trial', trial === undefined ? undefined : listed([trialText(trial), forSpan(trial.since, now)])],
    ['traffic', trafficText(tree, canvas)],
    ['verdict', trial?.verdict === undefined ? undefined : [trial.verdict.result, trial.verdict.message].join(': ')],
    ['baking', baking === undefined ? undefined : bakingText(baking, now)],
    ['message', messageOf(tree)],
    ['failure', failureOf(tree)],
  ];
  return told.filter((fact): fact is [string, string] => fact[1] !== undefined && fact[1] !== '');
}

/** sha256:ab12cd34ef56 of the whole digest. */
export const shortDigest = (digest: string | undefined): string => digest?.slice(0, 'sha256:'.length + 12) ?? '';

function revisionText(info: Tree['status']['stable']): string | undefined {
  if (info?.revision === undefined) return undefined;
  return listed([`revision ${info.revision}`, `version ${info.version}`, shortDigest(info.digest)]);
}

function rollbackText({ revision, digest, from }: NonNullable<Tree['rollbackTo']>): string {
  const what = revision === undefined ? shortDigest(digest) : `revision ${revision}`;
  return from === undefined ? `${what}, until spec.rollbackTo is removed` : `${what} instead of revision ${from}`;
}

type Trial = NonNullable<Tree['status']['trial']>;

const listed = (parts: readonly (string | undefined)[]): string => parts.filter(Boolean).join(', ');

/** Canary, step 1 of 2, paused */
function trialText({ strategy, phase, step, steps, paused }: Trial): string {
  const place = step === undefined ? phase : `step ${step} of ${steps}`;
  const unusual = phase === 'Running' || step === undefined ? undefined : phase;
  return listed([strategy, place, unusual, paused === true ? 'paused' : undefined]);
}

function forSpan(since: string | undefined, now: number): string | undefined {
  const span = ageOf(since, now);
  return span === '' ? undefined : `for ${span}`;
}

/** A bar of twenty parts, and the numbers. */
function trafficText({ status, revisions }: Tree, { style }: Canvas): string | undefined {
  const { trial } = status;
  const copies = revisions.find((node) => node.copies !== undefined);
  if (trial === undefined) return undefined;
  const { weight = 0, revision, from } = trial;
  const parts = Math.min(20, Math.max(weight > 0 ? 1 : 0, Math.round(weight / 5)));
  const bar = style.bar.full.repeat(parts) + style.bar.empty.repeat(20 - parts);
  if (copies !== undefined) return `revision ${from} answers, revision ${revision} gets copies of ${copies.copies} %`;
  return `${bar} ${weight} % to revision ${revision}, ${100 - weight} % to revision ${from}`;
}

function bakingText({ revision, previous, until }: NonNullable<Tree['status']['baking']>, now: number): string {
  const left = spanOf(-secondsSince(until, now));
  return `revision ${revision}; a crash within ${left} returns to revision ${previous}`;
}

function messageOf({ status, observed }: Tree): string | undefined {
  if (!observed) return 'the operator has not seen the latest change yet';
  const told = status.conditions?.find(({ type }) => type === 'Ready');
  return told === undefined || told.reason === 'Serving' ? undefined : `${told.reason}: ${told.message}`;
}

/** The last failure, while it matters and as far as the message does not tell it. */
function failureOf(tree: Tree): string | undefined {
  const { lastFailure, phase } = tree.status;
  if (lastFailure === undefined || phase === 'Ready') return undefined;
  const { revision, pod, container, reason, exitCode, message = '' } = lastFailure;
  const at = [
    revision === undefined ? undefined : `revision ${revision}`,
    pod === undefined ? undefined : `pod ${pod}`,
    container === undefined ? undefined : `container ${container}`,
    exitCode === undefined ? undefined : `exit code ${exitCode}`,
  ];
  const told = messageOf(tree)?.includes(message) === true;
  return `${reason} (${listed(at)})${told ? '' : `: ${message}`}`;
}

type Row = readonly Cell[];
interface Branch {
  row: Row;
  below: Branch[];
}

function rowsOf(tree: Tree, canvas: Canvas): Row[] {
  const { style, now } = canvas;
  const tone = phaseTone(tree.status.phase);
  const state = stateCell(style, tone, tree.status.phase ?? 'Pending');
  const root: Branch = {
    row: [{ text: tree.name, paint: style.strong }, state, { text: ageOf(tree.created, now) }, { text: tree.strategy }],
    below: [
      ...tree.resolving.map((pod) => podBranch(pod, canvas)),
      ...tree.revisions.map((node) => revisionBranch(node, canvas)),
    ],
  };
  return flatten(root, '', '', style);
}

/** Rows from the root down, each with the branches that lead to it before its name. */
function flatten({ row, below }: Branch, lead: string, indent: string, style: Style): Row[] {
  const [name = { text: '' }, ...rest] = row;
  const rows: Row[] = [[{ ...name, text: lead + name.text }, ...rest]];
  below.forEach((branch, i) => {
    const { more, last, pass, none } = style.branch;
    const [to, beyond] = i === below.length - 1 ? [last, none] : [more, pass];
    rows.push(...flatten(branch, indent + to, indent + beyond, style));
  });
  return rows;
}

const stateCell = (style: Style, tone: Tone, text: string): Cell => ({
  text: `${style.mark[tone]} ${text}`,
  paint: (painted) => style.paint(tone, painted),
});

function revisionBranch(node: RevisionNode, canvas: Canvas): Branch {
  const { tone, word } = ROLE[node.role];
  const info = [
    node.version === undefined ? undefined : `version ${node.version}`,
    node.percent === undefined ? undefined : `${node.percent} %`,
    node.copies === undefined ? undefined : `copies of ${node.copies} %`,
  ];
  return {
    row: [
      { text: `revision ${node.revision}` },
      stateCell(canvas.style, tone, word),
      { text: '' },
      { text: listed(info) },
    ],
    below: node.replicaSets.map((set) => setBranch(set, canvas)),
  };
}

function setBranch(set: ReplicaSetNode, canvas: Canvas): Branch {
  const { name, deployment, created, replicas, ready, pods } = set;
  const tone = replicas > 0 && ready === replicas ? 'good' : replicas === 0 ? 'off' : 'busy';
  return {
    row: [
      { text: name },
      stateCell(canvas.style, tone, `${ready}/${replicas}`),
      { text: ageOf(created, canvas.now) },
      { text: deployment === undefined ? 'ReplicaSet' : `ReplicaSet of ${deployment}` },
    ],
    below: pods.map((pod) => podBranch(pod, canvas)),
  };
}

function podBranch({ name, state, tone, created, restarts, message }: PodNode, canvas: Canvas): Branch {
  const info = [restarts === 0 ? undefined : `${restarts} ${restarts === 1 ? 'restart' : 'restarts'}`, message];
  return {
    row: [
      { text: name },
      stateCell(canvas.style, tone, state),
      { text: ageOf(created, canvas.now) },
      { text: listed(info) },
    ],
    below: [],
  };
}

/** The same in one line, for logs. */
export function lineOf({ status, observed }: Tree): string {
  const { trial, ready, phase, stable } = status;
  const told = status.conditions?.find(({ type }) => type === 'Ready');
  const parts = [
    observed ? (phase ?? 'Pending') : 'Pending: the operator has not seen the latest change yet',
    `${ready ?? '0/0'} ready`,
    stable === undefined ? undefined : `revision ${stable.revision} stable`,
    trial === undefined
      ? undefined
      : `revision ${trial.revision} on trial: ${trialText(trial)}, ${trial.weight ?? 0} %`,
    trial?.verdict === undefined ? undefined : `${trial.verdict.result}: ${trial.verdict.message}`,
    told === undefined || told.reason === 'Serving' ? undefined : `${told.reason}: ${told.message}`,
  ];
  return listed(parts);
}
