import { ageOf } from './age.ts';
import { type Canvas, listed, phaseTone } from './canvas.ts';
import { hintsOf } from './hints.ts';
import { type Cell, type Column, entry, table } from './layout.ts';
import type { Style, Tone } from './style.ts';
import { drawSummary } from './summary.ts';
import type { PodNode, ReplicaSetNode, RevisionNode, Role, Tree } from './tree.ts';

const ROLE: Record<Role, { tone: Tone; word: string }> = {
  stable: { tone: 'good', word: 'stable' },
  trial: { tone: 'busy', word: 'on trial' },
  target: { tone: 'busy', word: 'target' },
  failed: { tone: 'bad', word: 'failed' },
  kept: { tone: 'off', word: 'kept' },
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
    ...drawSummary(tree, canvas),
    '',
    ...table(COLUMNS, rowsOf(tree, canvas), canvas.width, canvas.style),
    ...(tree.others === 0 ? [] : ['', ...entry('', othersOf(tree), 0, canvas.width, canvas.style)]),
    ...(hints.length === 0 ? [] : ['', ...hints.flatMap((hint) => entry('next', hint, 6, canvas.width, canvas.style))]),
    ...tree.missing.flatMap(({ kind, why }) => entry('', `not shown: ${kind} (${why})`, 0, canvas.width, canvas.style)),
  ];
}

const othersOf = ({ others, name }: Tree): string =>
  `${others} more ${others === 1 ? 'revision' : 'revisions'} to return to: kubectl mdep history ${name}`;

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
    node.percent === undefined ? undefined : `${node.percent} %`,
    node.copies === undefined ? undefined : `${node.copies} % copies`,
    node.version === undefined ? undefined : `version ${node.version}`,
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
