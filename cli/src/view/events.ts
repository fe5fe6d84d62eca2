import { KIND, type KubeObject } from '@modeldeployment/operator';
import { ageOf } from './age.ts';
import { wrap } from './layout.ts';
import { type Canvas, shortDigest } from './canvas.ts';

/** An Event of events.k8s.io/v1, as far as it is shown. */
export interface LiveEvent extends KubeObject {
  type?: string;
  reason?: string;
  note?: string;
  regarding?: { kind?: string; name?: string; uid?: string };
  eventTime?: string | null;
  series?: { count?: number; lastObservedTime?: string };
  deprecatedLastTimestamp?: string | null;
  deprecatedCount?: number;
}

/** When it was seen last. */
export const timeOf = (event: LiveEvent): string =>
  event.series?.lastObservedTime ??
  event.deprecatedLastTimestamp ??
  event.eventTime ??
  event.metadata.creationTimestamp ??
  '';

/** Warnings that every start and end of a pod brings along. */
export const isUsual = ({ note = '' }: LiveEvent): boolean =>
  /^Readiness probe failed|^Failed to calculate the number of expected pods/.test(note);

/** That a container is ended because its probe fails, and that it has started again: the kubelet calls both normal. */
export const isRestart = ({ reason, note = '', series, deprecatedCount = 1 }: LiveEvent): boolean =>
  (reason === 'Killing' && /will be restarted/.test(note)) ||
  (reason === 'Started' && (series?.count ?? deprecatedCount) > 1);

/** Whether an event is of the ModelDeployment itself, not of an earlier one of that name. */
export const isOwn = ({ regarding }: LiveEvent, { metadata }: KubeObject): boolean =>
  regarding?.kind === KIND && regarding.uid === metadata.uid;

/** Whether an event is of an object that bears a name made from that of the ModelDeployment, and not of an earlier life. */
export function isOfChild(event: LiveEvent, { metadata }: KubeObject): boolean {
  const { kind, name = '' } = event.regarding ?? {};
  const model = metadata.name;
  if (kind === KIND || Date.parse(timeOf(event)) < Date.parse(metadata.creationTimestamp ?? '')) return false;
  if (name === model) return true;
  if (!name.startsWith(`${model}-`)) return false;
  // digits-canary may be a Deployment of digits, or another ModelDeployment.
  const rest = name.slice(model.length + 1);
  switch (kind) {
    case 'Pod':
      return /^(canary-)?[a-z0-9]{6,10}-[a-z0-9]{5}$|^resolve-/.test(rest);
    case 'ReplicaSet':
      return /^(canary-)?[a-z0-9]{6,10}$/.test(rest);
    case 'Deployment':
    case 'Service':
      return rest === 'canary';
    case undefined:
    default:
      return false;
  }
}

const AGE_WIDTH = 6;
const REASON_WIDTH = 22;

/** Lines of one event: age, reason, and the note, with the object where it is not the ModelDeployment. */
export function drawEvent(event: LiveEvent, { width, style, now }: Canvas): string[] {
  const { reason = '', note = '', type, regarding, series, deprecatedCount } = event;
  const { kind = '', name = '' } = regarding ?? {};
  const count = series?.count ?? deprecatedCount ?? 1;
  const object = kind === KIND ? '' : `${kind.toLowerCase()}/${name}: `;
  const told = note.replaceAll(/sha256:[0-9a-f]{64}/g, shortDigest);
  const words = `${object}${told}${count > 1 ? ` (${count} times)` : ''}`;
  const paint = (text: string): string => (type === 'Warning' ? style.paint('bad', text) : text);
  const head = ageOf(timeOf(event), now).padEnd(AGE_WIDTH);
  // Reasons below each other where there is room for that; else the note has lines of its own.
  const beside = width >= 70 && reason.length < REASON_WIDTH;
  const indent = ' '.repeat(AGE_WIDTH + (beside || width >= 70 ? REASON_WIDTH : 0));
  const body = wrap(words, Math.max(20, width - indent.length));
  const title = style.faint(head) + paint(beside ? reason.padEnd(REASON_WIDTH) : reason);
  const [first = '', ...rest] = body;
  return beside ? [title + first, ...rest.map((line) => indent + line)] : [title, ...body.map((line) => indent + line)];
}
