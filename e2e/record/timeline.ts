import type { LoopReport } from '../harness/client.ts';
import type { Second, Timeline } from './plot.ts';

/** Differences of the client's reports, on one axis of time with what else happened. */
export function timelineOf(
  reports: readonly Pick<LoopReport, 'time' | 'versions' | 'failed' | 'p99'>[],
  weights: readonly { time: number; weight: number | undefined }[],
  marks: readonly { time: number; text: string }[],
): Pick<Timeline, 'seconds' | 'weights' | 'marks'> {
  const start = reports[0]?.time ?? 0;
  const at = (time: number): number => Math.max(0, (time - start) / 1000);
  const seconds = reports.slice(1).map((report, i): Second => {
    const before = reports[i] ?? report;
    const elapsed = (report.time - before.time) / 1000;
    const grown = Object.entries(report.versions).map(([version, count]): [string, number] => [
      version,
      (count - (before.versions[version] ?? 0)) / elapsed,
    ]);
    return {
      at: at(report.time),
      versions: Object.fromEntries(grown),
      failed: report.failed - before.failed,
      p99: report.p99,
    };
  });
  return {
    // The last one is only a part of a second.
    seconds: seconds.filter((_, i) => i < seconds.length - 1),
    weights: weights.map(({ time, weight }) => ({ at: at(time), weight })),
    marks: marks.map(({ time, text }) => ({ at: at(time), text })),
  };
}
