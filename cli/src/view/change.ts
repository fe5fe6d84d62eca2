import type { Change } from '../decide/change.ts';
import { drawDifferences } from './history.ts';
import { entry } from './layout.ts';
import type { Canvas } from './canvas.ts';

/** What comes of applying a manifest: the fields, whether pods start, and what the operator will write. */
export function drawChange(change: Change, canvas: Canvas): string[] {
  const { style, width } = canvas;
  const { name, namespace, fields, startsPods, verdict, plan } = change;
  const tone = startsPods ? 'busy' : 'good';
  const words = entry('', `${style.mark[tone]} ${verdict}`, 0, width, style);
  return [
    `${style.strong(name)}  ${style.faint(`in ${namespace}`)}`,
    ...drawDifferences(fields, canvas),
    ...(fields.length === 0 ? [] : ['']),
    ...words.map((line) => style.paint(tone, line)),
    ...(plan.length === 0 ? [] : ['', style.faint('the operator will')]),
    ...plan.flatMap((write) => [`  ${write.do} ${write.object}`, ...entry('', write.because, 6, width, style)]),
  ];
}
