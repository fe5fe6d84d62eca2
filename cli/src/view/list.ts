import type { LiveModel } from '@modeldeployment/operator';
import { ageOf } from './age.ts';
import { type Column, table } from './layout.ts';
import { type Canvas, phaseTone } from './canvas.ts';

const COLUMNS: readonly Column[] = [
  { title: 'NAMESPACE', least: 8, cut: 'middle', yields: 5 },
  { title: 'NAME', least: 12, cut: 'middle' },
  { title: 'PHASE' },
  { title: 'READY' },
  { title: 'VERSION', yields: 4 },
  { title: 'STABLE', yields: 3 },
  { title: 'TRIAL' },
  { title: 'REASON', least: 10, yields: 2 },
  { title: 'AGE', yields: 1 },
];

/** One line for each ModelDeployment. */
export function drawList(models: readonly LiveModel[], canvas: Canvas, withNamespace: boolean): string[] {
  const { width, style, now } = canvas;
  const rows = models.map(({ metadata, status = {} }) => {
    const { phase = 'Pending', ready = '0/0', stable, trial, conditions } = status;
    const tone = phaseTone(phase);
    const told = conditions?.find(({ type }) => type === 'Ready');
    const onTrial = trial === undefined ? '' : `revision ${trial.revision}, ${trial.weight} %`;
    const texts = [
      metadata.name,
      `${style.mark[tone]} ${phase}`,
      ready,
      stable?.version ?? '',
      String(stable?.revision ?? ''),
    ];
    const more = [onTrial, told?.reason ?? '', ageOf(metadata.creationTimestamp, now)];
    return [...(withNamespace ? [metadata.namespace ?? ''] : []), ...texts, ...more].map((text) => ({
      text,
      ...(text === texts[1] ? { paint: (painted: string) => style.paint(tone, painted) } : {}),
    }));
  });
  return table(withNamespace ? COLUMNS : COLUMNS.slice(1), rows, width, style);
}
