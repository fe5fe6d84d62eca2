import type { ModelObjects, Recorded } from '../family.ts';
import { ageOf } from './age.ts';
import { differences, inline } from '../decide/differences.ts';
import { type Column, entry, table } from './layout.ts';
import { type Canvas, shortDigest } from './canvas.ts';
import type { Tone } from './style.ts';

/** A revision as `history` tells of it. */
export interface Entry {
  /** Of the ControllerRevision. */
  name: string;
  revision: number;
  version: string;
  uri: string;
  digest: string;
  image: string;
  created?: string | undefined;
  /** serves, on trial, target, failed, never served, or nothing. */
  state: string;
  /** Why it failed for good. */
  condemned?: string | undefined;
  /** Which field manager asked for it, and when. */
  requestedBy?: string | undefined;
  /** What the analysis of its trial came to. */
  verdict?: string | undefined;
}

/** The history, the newest first. */
export function makeHistory({ revisions, model }: ModelObjects): Entry[] {
  const { stable, trial, target, failedTarget } = model.status ?? {};
  const stateOf = (number: number): string => {
    if (trial?.revision === number) return 'on trial';
    if (stable?.revision === number) return 'serves';
    if (failedTarget?.revision === number) return 'failed';
    return target?.revision === number ? 'target' : '';
  };
  return revisions
    .map(({ name, number, version, uri, digest, image, created, served, condemned, requestedBy, verdict }) => ({
      name,
      revision: number,
      version,
      uri,
      digest,
      image,
      created,
      state: stateOf(number) || (condemned === undefined ? (served ? '' : 'never served') : 'failed'),
      condemned,
      requestedBy,
      verdict,
    }))
    .reverse();
}

const COLUMNS: readonly Column[] = [
  { title: 'REVISION', align: 'right' },
  { title: 'VERSION' },
  { title: 'STATE' },
  { title: 'AGE', yields: 3 },
  { title: 'DIGEST', least: 12, yields: 2 },
  { title: 'MODEL', least: 16, cut: 'middle', yields: 4 },
  { title: 'WHY', least: 10, yields: 1 },
];

const TONE: Record<string, Tone> = { serves: 'good', 'on trial': 'busy', target: 'busy', failed: 'bad' };

export function drawHistory(entries: readonly Entry[], { width, style, now }: Canvas): string[] {
  const rows = entries.map(({ revision, version, state, created, digest, uri, condemned, verdict }) => [
    { text: String(revision) },
    { text: version },
    { text: state, paint: (text: string) => style.paint(TONE[state] ?? 'plain', text) },
    { text: ageOf(created, now) },
    // A table of whole digests would leave no room for anything else; one revision alone shows its own.
    { text: shortDigest(digest).replace('sha256:', '') },
    { text: uri },
    { text: condemned ?? verdict ?? '' },
  ]);
  return table(COLUMNS, rows, width, style);
}

/** One revision in full, and how it differs from the one before it. */
export function drawRevision(shown: Recorded, before: Recorded | undefined, state: string, canvas: Canvas): string[] {
  const { width, style, now } = canvas;
  const facts: [string, string | undefined][] = [
    ['revision', [String(shown.number), state].filter(Boolean).join(', ')],
    ['version', shown.version],
    ['model', shown.uri],
    ['digest', shown.digest],
    ['image', shown.image],
    ['recorded', shown.created === undefined ? undefined : `${shown.created} (${ageOf(shown.created, now)} ago)`],
    ['asked by', shown.requestedBy],
    ['trial', shown.verdict],
    ['failed', shown.condemned],
  ];
  const lines = facts.flatMap(([label, words]) => (words ? entry(label, words, 9, width, style) : []));
  if (before === undefined) return lines;
  const changed = differences(before.recipe, shown.recipe, 'spec');
  const title = `changed since revision ${before.number}`;
  const none = changed.length === 0 ? ['the serving image only'] : [];
  return [...lines, '', style.faint(title), ...none, ...drawDifferences(changed, canvas)];
}

/** Each field with its old and its new value. */
export function drawDifferences(
  changed: readonly { path: string; before: unknown; after: unknown; note?: string }[],
  { width, style }: Canvas,
): string[] {
  return changed.flatMap(({ path, before, after, note }) => [
    `${style.strong(path)}${note === undefined ? '' : `  ${style.faint(note)}`}`,
    ...entry('  -', inline(before), 4, width, style).map((line) => style.paint('bad', line)),
    ...entry('  +', inline(after), 4, width, style).map((line) => style.paint('good', line)),
  ]);
}
