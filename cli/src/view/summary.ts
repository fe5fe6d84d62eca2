import { ageOf, secondsSince, spanOf } from './age.ts';
import { type Canvas, listed, phaseTone, shortDigest } from './canvas.ts';
import { type Cell, entry, flow } from './layout.ts';
import type { Tree } from './tree.ts';

const LABEL_WIDTH = 11;

type Trial = NonNullable<Tree['status']['trial']>;

/** How it stands, one fact a line; what is not the case has no line. */
export function drawSummary(tree: Tree, canvas: Canvas): string[] {
  const { status, name, namespace } = tree;
  const { style, width } = canvas;
  const phase = status.phase ?? 'Pending';
  const tone = phaseTone(phase);
  const lines = facts(tree, canvas).flatMap(([label, words]) => entry(label, words, LABEL_WIDTH, width, style));
  const head: Cell[] = [
    { text: name, paint: style.strong },
    { text: `${style.mark[tone]} ${phase}`, paint: (text) => style.paint(tone, text) },
    { text: `${status.ready ?? '0/0'} ready` },
    { text: `in ${namespace}`, paint: style.faint },
  ];
  return [...flow(head, width), ...lines];
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
    ['steps', trial?.strategy === 'Canary' ? stepsText(tree, trial) : undefined],
    ['traffic', trafficText(tree, canvas)],
    ['verdict', trial?.verdict === undefined ? undefined : `${trial.verdict.result}: ${trial.verdict.message}`],
    ['baking', baking === undefined ? undefined : bakingText(baking, now)],
    ['message', messageOf(tree)],
    ['failure', failureOf(tree)],
  ];
  return told.filter((fact): fact is [string, string] => fact[1] !== undefined && fact[1] !== '');
}

function revisionText(info: Tree['status']['stable']): string | undefined {
  if (info?.revision === undefined) return undefined;
  return listed([`revision ${info.revision}`, `version ${info.version}`, shortDigest(info.digest)]);
}

function rollbackText({ revision, digest, from }: NonNullable<Tree['rollbackTo']>): string {
  const what = revision === undefined ? shortDigest(digest) : `revision ${revision}`;
  return from === undefined ? `${what}, until spec.rollbackTo is removed` : `${what} instead of revision ${from}`;
}

/** Canary, Running, step 1 of 2, paused */
function trialText({ strategy, phase, step, steps, paused, promote }: Trial): string {
  const place = phase === 'Running' && steps > 1 ? `step ${step} of ${steps}` : undefined;
  return listed([
    strategy,
    phase,
    place,
    paused === true ? 'paused' : undefined,
    promote === true ? 'promoted' : undefined,
  ]);
}

const forSpan = (since: string, now: number): string => `for ${ageOf(since, now)}`;

/** 10 % for 60 s, [50 % until resumed], then all */
function stepsText({ steps }: Tree, { step }: Trial): string {
  const words = steps.map(({ weight, seconds, manual }, i) => {
    const span = manual ? 'until resumed' : `for ${spanOf(seconds)}`;
    return i + 1 === step ? `[${weight} % ${span}]` : `${weight} % ${span}`;
  });
  return `${listed(words)}, then all`;
}

/** A bar of twenty parts, and the numbers. */
function trafficText({ status: { trial }, revisions }: Tree, { style }: Canvas): string | undefined {
  if (trial === undefined) return undefined;
  const tried = revisions.find(({ revision }) => revision === trial.revision);
  const { percent, copies } = tried ?? {};
  if (copies !== undefined)
    return `revision ${trial.from} answers, revision ${trial.revision} gets copies of ${copies} %`;
  if (percent === undefined) return undefined;
  const parts = Math.min(20, Math.max(percent > 0 ? 1 : 0, Math.round(percent / 5)));
  const bar = style.bar.full.repeat(parts) + style.bar.empty.repeat(20 - parts);
  return `${bar} ${percent} % to revision ${trial.revision}, ${100 - percent} % to revision ${trial.from}`;
}

function bakingText({ revision, previous, until }: NonNullable<Tree['status']['baking']>, now: number): string {
  const left = -secondsSince(until, now);
  return left <= 0 ? '' : `revision ${revision}; a crash within ${spanOf(left)} returns to revision ${previous}`;
}

function messageOf({ status, observed }: Tree): string | undefined {
  if (!observed) return 'the operator has not seen the latest change yet';
  const told = status.conditions?.find(({ type }) => type === 'Ready');
  if (told === undefined || told.reason === 'Serving') return undefined;
  // The verdict has a line of its own.
  const verdict = status.trial?.verdict?.message;
  const message = verdict === undefined ? told.message : told.message.replace(`; ${verdict}`, '');
  return `${told.reason}: ${message}`;
}

/** The last failure, while it is that of the target, and as far as the message does not tell it. */
function failureOf(tree: Tree): string | undefined {
  const { lastFailure, phase, target } = tree.status;
  const matters = phaseTone(phase) !== 'good' && [undefined, target?.revision].includes(lastFailure?.revision);
  if (lastFailure === undefined || !matters) return undefined;
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

/** The same in one line, for logs. */
export function lineOf(tree: Tree): string {
  const { trial, ready, phase, stable } = tree.status;
  return listed([
    tree.observed ? (phase ?? 'Pending') : 'Pending',
    `${ready ?? '0/0'} ready`,
    stable === undefined ? undefined : `revision ${stable.revision} stable`,
    trial === undefined ? undefined : `revision ${trial.revision} on trial: ${trialText(trial)}, ${trial.weight} %`,
    trial?.verdict === undefined ? undefined : `${trial.verdict.result}: ${trial.verdict.message}`,
    messageOf(tree),
  ]);
}
