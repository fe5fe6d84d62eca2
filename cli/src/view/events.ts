import type { KubeObject } from '@modeldeployment/operator';
import { ageOf } from './age.ts';
import { wrap } from './layout.ts';
import type { Canvas } from './picture.ts';

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

/** Whether an event is about the ModelDeployment or about an object that bears a name made from its own. */
export function concerns(event: LiveEvent, model: string): boolean {
  const { kind, name = '' } = event.regarding ?? {};
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
export function drawEvent(event: LiveEvent, model: string, { width, style, now }: Canvas): string[] {
  const { reason = '', note = '', type, regarding, series, deprecatedCount } = event;
  const { kind = '', name = '' } = regarding ?? {};
  const count = series?.count ?? deprecatedCount ?? 1;
  const object = kind === 'ModelDeployment' && name === model ? '' : `${kind.toLowerCase()}/${name}: `;
  const words = `${object}${note}${count > 1 ? ` (${count} times)` : ''}`;
  const paint = (text: string): string => (type === 'Warning' ? style.paint('bad', text) : text);
  const head = ageOf(timeOf(event), now).padEnd(AGE_WIDTH);
  const narrow = width < 70;
  const indent = AGE_WIDTH + (narrow ? 0 : REASON_WIDTH);
  const body = wrap(words, Math.max(20, width - indent));
  if (narrow) return [`${style.faint(head)}${paint(reason)}`, ...body.map((line) => ' '.repeat(AGE_WIDTH) + line)];
  const [first = '', ...rest] = body;
  const padding = ' '.repeat(Math.max(1, REASON_WIDTH - reason.length));
  return [`${style.faint(head)}${paint(reason)}${padding}${first}`, ...rest.map((line) => ' '.repeat(indent) + line)];
}
